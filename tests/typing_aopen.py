"""What a type checker knows of an opened file, from its mode, and of buckets and places; checked by mypy, never run."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_type

import aios3
import aios3.sync

if TYPE_CHECKING:
    from pathlib import Path


async def reading(path: str, url: aios3.S3Url, session: aios3.Session) -> None:
    async with aios3.aopen(path) as f:
        assert_type(f, aios3.AsyncPrefetchReader)
        assert_type(await f.read(), bytes)
        assert_type([line async for line in f], list[bytes])
        assert_type([view async for view in f.chunks()], list[memoryview])
    assert_type(await aios3.aopen(url, "rb", version_id="v", session=session), aios3.AsyncPrefetchReader)
    assert_type(await aios3.aopen(path, "br", block_size=4096), aios3.AsyncPrefetchReader)
    async with aios3.aopen(path, "r", encoding="utf-8", newline="") as text:
        assert_type(text, aios3.AsyncTextReader)
        assert_type(await text.read(), str)
        assert_type([line async for line in text], list[str])
        assert_type(text.buffer, aios3.AsyncPrefetchReader)
    assert_type(await aios3.aopen(path, "rt"), aios3.AsyncTextReader)


async def writing(path: str, session: aios3.Session) -> None:
    async with aios3.aopen(path, "wb", metadata={"a": "b"}, part_size=8 << 20) as f:
        assert_type(f, aios3.AsyncMultipartWriter)
        assert_type(await f.write(b"data"), int)
    assert_type(f.result, aios3.WriteResult)
    assert_type(await aios3.aopen(path, "xb", session=session), aios3.AsyncMultipartWriter)
    assert_type(await aios3.aopen(path, "ab"), aios3.AsyncMultipartWriter)
    async with aios3.aopen(path, "w", errors="replace", content_type="text/plain") as text:
        assert_type(text, aios3.AsyncTextWriter)
        assert_type(await text.write("text"), int)
    assert_type(await aios3.aopen(path, "x"), aios3.AsyncTextWriter)
    assert_type(await aios3.aopen(path, "at"), aios3.AsyncTextWriter)


async def ways(path: str, folder: Path) -> None:
    assert_type(await aios3.aopen(path, buffering="prefetch"), aios3.AsyncPrefetchReader)
    assert_type(await aios3.aopen(path, buffering="shared", cache_key="k"), aios3.AsyncPrefetchReader)
    assert_type(await aios3.aopen(path, "r", buffering="shared"), aios3.AsyncTextReader)
    assert_type(await aios3.aopen(path, buffering="pipe", followlinks=True), aios3.AsyncPipeReader)
    assert_type(await aios3.aopen(path, "wb", buffering="pipe", join=False), aios3.AsyncPipeWriter)
    assert_type(await aios3.aopen(path, "rb", buffering="disk", cache_path=folder), aios3.AsyncWholeFile)
    assert_type(await aios3.aopen(path, "ab", buffering="memory"), aios3.AsyncWholeFile)
    assert_type(await aios3.aopen(path, "rb+"), aios3.AsyncWholeFile)
    assert_type(await aios3.aopen(path, "w+b", buffering="disk"), aios3.AsyncWholeFile)
    assert_type(await aios3.aopen(path, "wb", buffering="limited", head_size=1), aios3.AsyncLimitedSeekableWriter)
    async with aios3.aopen(path, "r", buffering="pipe") as text:
        assert_type(text.buffer, aios3.AsyncPipeReader)
    async with aios3.aopen(path, "a", buffering="memory") as writer:
        assert_type(writer.buffer, aios3.AsyncWholeFile)
        assert_type(writer.result, aios3.WriteResult)
    async with aios3.cached_path(path, "w", folder) as local:
        assert_type(local, str)


async def any_mode(path: str, mode: str) -> None:
    f = await aios3.aopen(path, mode, encoding=None)
    assert_type(
        f,
        aios3.AsyncPrefetchReader
        | aios3.AsyncMultipartWriter
        | aios3.AsyncPipeReader
        | aios3.AsyncPipeWriter
        | aios3.AsyncWholeFile
        | aios3.AsyncLimitedSeekableWriter
        | aios3.AsyncTextReader
        | aios3.AsyncTextReader[aios3.AsyncPipeReader]
        | aios3.AsyncTextReader[aios3.AsyncWholeFile]
        | aios3.AsyncTextWriter
        | aios3.AsyncTextWriter[aios3.AsyncPipeWriter]
        | aios3.AsyncTextWriter[aios3.AsyncWholeFile]
        | aios3.AsyncTextWriter[aios3.AsyncLimitedSeekableWriter],
    )
    await f.aclose()


async def rejected(path: str) -> None:
    """An ignore that is not needed is an error too, so each of these must be one."""
    aios3.aopen(path, "rb", no_such_option=1)  # type: ignore[call-overload]
    aios3.aopen(path, block_size="1")  # type: ignore[call-overload]
    aios3.aopen(5)  # type: ignore[call-overload]
    aios3.aopen(path, "w", metadata={"a": 1})  # type: ignore[dict-item]
    aios3.aopen(path, buffering="limited")  # type: ignore[call-overload]
    async with aios3.aopen(path) as f:
        await f.write(b"data")  # type: ignore[attr-defined]
    async with aios3.aopen(path, "w") as text:
        await text.write(b"data")  # type: ignore[arg-type]


async def buckets() -> None:
    """Each surface has objects of its own, whatever the base that they share."""
    bucket = aios3.Bucket("bucket")
    assert_type(await bucket.create(), aios3.Bucket)
    assert_type(await bucket.get_object("key"), aios3.S3Object)
    assert_type(await bucket.put_object("key", b"", {"a": "b"}, content_type="a/b"), aios3.S3Object)
    assert_type([each async for each in bucket.find_objects()], list[aios3.S3Object])
    assert_type([each async for each in aios3.Bucket.list_buckets()], list[aios3.Bucket])
    blocking = aios3.sync.Bucket("bucket")
    assert_type(blocking.create(), aios3.sync.Bucket)
    assert_type(blocking.get_object("key"), aios3.sync.S3Object)
    assert_type(blocking.get_object("key").stream(), aios3.sync.ObjectReader)
    assert_type(list(blocking.find_objects()), list[aios3.sync.S3Object])
    assert_type(list(aios3.sync.Bucket.list_buckets()), list[aios3.sync.Bucket])
    await bucket.put_object("key", b"", no_such_option=1)  # type: ignore[call-arg]


async def places(storage: aios3.Storage, volume: aios3.Volume) -> None:
    async with storage.open("x") as reader:
        assert_type(reader, aios3.AsyncStorageReader)
        assert_type([chunk async for chunk in reader.iter_chunks()], list[bytes])
    async with storage.open("x", "w", content_type="text/csv") as writer:
        assert_type(writer, aios3.AsyncStorageWriter)
        assert_type(await writer.write(b"data"), int)
    assert_type([entry async for entry in storage.list()], list[aios3.ListEntry])
    assert_type(volume.load("x"), aios3.VolumeFile)
    assert_type(await volume.load("x").open(), aios3.AsyncPrefetchReader)
    assert_type([found async for found in volume.walk()], list[tuple[str, aios3.VolumeFile]])
    assert_type(volume.get_store_for_folder("d"), aios3.Volume)
    assert_type(await volume.copy("d", volume), list[str])


def blocking_places(storage: aios3.sync.Storage, volume: aios3.sync.Volume) -> None:
    with storage.open("x") as reader:
        assert_type(reader, aios3.sync.StorageReader)
    with storage.open("x", "w", content_type="text/csv") as writer:
        assert_type(writer, aios3.sync.StorageWriter)
    assert_type(list(storage.list()), list[aios3.ListEntry])
    assert_type(volume.load("x"), aios3.sync.VolumeFile)
    assert_type(volume.load("x").open(), aios3.sync.ObjectReader)
    assert_type(list(volume.walk()), list[tuple[str, aios3.sync.VolumeFile]])
    assert_type(volume.get_store_for_folder("d"), aios3.sync.Volume)
    assert_type(volume.copy("d", volume), list[str])
