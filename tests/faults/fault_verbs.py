"""The verbs of the table: what each prepares, does and leaves, written once and without a fault in mind."""

from __future__ import annotations

import asyncio
import contextlib
import random
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import aios3
import aios3.sync

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from admin import Admin

MIB = 1024 * 1024
DATA = random.Random(4).randbytes(700 * 1024 + 77)
OLD = b"what was there before"
SMALL = random.Random(5).randbytes(20_000)
LARGE = random.Random(6).randbytes(5 * MIB + 3000)
KEYS = ["t/a/1", "t/a/2", "t/b/1", "t/b/c/1", "t/d"]


@dataclass(frozen=True)
class Place:
    """Where a verb works: a bucket, one session of each kind, and a look behind the fault."""

    bucket: str
    session: aios3.Session
    blocking: aios3.sync.Session
    admin: Admin

    def __call__(self, key: str) -> str:
        return f"{self.bucket}/{key}"


@dataclass(frozen=True)
class Verb:
    """``main`` is the request that a fault befalls, the ``middle`` one if it comes once; ``run`` checks its result.

    ``target`` is the key that it writes, with what is there ``before`` and ``after``: the bytes, or what tells them.
    """

    main: str
    run: Callable[[Place], Awaitable[None]]
    prepare: dict[str, bytes]
    middle: int = 1
    target: str | None = None
    before: bytes | None = None
    after: bytes | Callable[[bytes], bool] | None = None
    blocking: bool = False


async def read(place: Place) -> None:
    async with aios3.aopen(place("data"), session=place.session) as reader:
        assert await reader.read() == DATA


async def read_at_random(place: Place) -> None:
    offsets = random.Random(7).sample(range(len(DATA) - 1000), 8)
    async with aios3.aopen(place("data"), session=place.session) as reader, asyncio.TaskGroup() as group:
        found = {offset: group.create_task(reader.read_at(offset, 1000)) for offset in offsets}
    assert {offset: task.result() for offset, task in found.items()} == {o: DATA[o : o + 1000] for o in offsets}


async def read_chunks(place: Place) -> None:
    received = bytearray()
    async with aios3.aopen(place("data"), session=place.session) as reader:
        async for chunk in reader.chunks():
            received += chunk
    assert received == DATA


async def write_small(place: Place) -> None:
    done = await aios3.write_bytes(place("target"), SMALL, session=place.session)
    assert done.size == len(SMALL)


async def write_large(place: Place) -> None:
    async with aios3.aopen(place("target"), "wb", session=place.session) as writer:
        for start in range(0, len(LARGE), MIB):
            await writer.write(LARGE[start : start + MIB])
    assert writer.result.size == len(LARGE)


async def append(place: Place) -> None:
    async with aios3.aopen(place("target"), "ab", session=place.session) as writer:
        await writer.write(SMALL)


async def copy(place: Place) -> None:
    done = await aios3.copy(place("data"), place("target"), session=place.session)
    assert done.size == len(DATA)


@contextlib.asynccontextmanager
async def local_file(data: bytes) -> AsyncIterator[Path]:
    directory = await asyncio.to_thread(tempfile.TemporaryDirectory)
    try:
        path = Path(directory.name) / "file"
        await asyncio.to_thread(path.write_bytes, data)
        yield path
    finally:
        await asyncio.to_thread(directory.cleanup)


async def upload(place: Place) -> None:
    async with local_file(LARGE) as path:
        done = await aios3.upload(path, place("target"), session=place.session)
    assert (done.copied, done.bytes) == (1, len(LARGE))


async def upload_new(place: Place) -> None:
    async with local_file(SMALL) as path:
        done = await aios3.upload(path, place("target"), overwrite=False, session=place.session)
    assert (done.copied, done.skipped) == (1, 0)


async def concat(place: Place) -> None:
    done = await aios3.concat([place("large"), place("large")], place("target"), session=place.session)
    assert done.size == 2 * len(LARGE)


async def copy_parts(place: Place) -> None:
    done = await aios3.copy(place("large"), place("target"), multipart_threshold=5 * MIB, session=place.session)
    assert done.size == len(LARGE)


async def copy_new(place: Place) -> None:
    done = await aios3.copy(place("data"), place("target"), overwrite=False, session=place.session)
    assert done.size == len(DATA)


async def write_new(place: Place) -> None:
    async with aios3.aopen(place("target"), "xb", session=place.session) as writer:
        await writer.write(SMALL)


async def touch(place: Place) -> None:
    await aios3.touch(place("target"), exist_ok=False, session=place.session)


async def symlink(place: Place) -> None:
    await aios3.symlink(place("data"), place("target"), overwrite=False, session=place.session)
    assert place.admin.head(place("target"))["Metadata"] == {"symlink_to": place("data")}


async def move(place: Place) -> None:
    await aios3.move(place("data"), place("target"), session=place.session)
    assert not place.admin.exists(place("data"))


async def rename_new(place: Place) -> None:
    await aios3.rename(place("data"), place("target"), overwrite=False, session=place.session)
    assert not place.admin.exists(place("data"))


async def remove(place: Place) -> None:
    await aios3.remove(place("target"), session=place.session)


async def remove_many(place: Place) -> None:
    await aios3.remove(place("t/"), session=place.session)
    assert not any(place.admin.exists(place(key)) for key in KEYS)


async def scan(place: Place) -> None:
    found = [path async for path in aios3.scan(place("t/"), session=place.session)]
    assert found == [place(key) for key in KEYS]


async def walk(place: Place) -> None:
    found = [(root, dirs, files) async for root, dirs, files in aios3.walk(place("t"), session=place.session)]
    assert found == [
        (place("t"), ["a", "b"], ["d"]),
        (place("t/a"), [], ["1", "2"]),
        (place("t/b"), ["c"], ["1"]),
        (place("t/b/c"), [], ["1"]),
    ]


async def read_blocking(place: Place) -> None:
    def work() -> bytes:
        with aios3.sync.open(place("data"), "rb", session=place.blocking) as file:
            return file.read()

    assert await asyncio.to_thread(work) == DATA


async def write_blocking(place: Place) -> None:
    def work() -> None:
        with aios3.sync.open(place("target"), "wb", session=place.blocking) as file:
            for start in range(0, len(LARGE), MIB):
                file.write(LARGE[start : start + MIB])

    await asyncio.to_thread(work)


READING = {"data": DATA}
TREE = dict.fromkeys(KEYS, b"x")
BIG = {"target": LARGE}
WRITING = {"target": OLD}
SOURCE = {"large": LARGE}

VERBS = {
    "open + read": Verb("GetObject", read, READING, 2),
    "random reads": Verb("GetObject", read_at_random, READING, 3),
    "chunks": Verb("GetObject", read_chunks, READING, 2),
    "write small": Verb("PutObject", write_small, WRITING, 1, "target", OLD, SMALL),
    "write multipart": Verb("UploadPart", write_large, WRITING, 2, "target", OLD, LARGE),
    "append": Verb("UploadPartCopy", append, BIG, 1, "target", LARGE, LARGE + SMALL),
    "copy": Verb("CopyObject", copy, READING | WRITING, 1, "target", OLD, DATA),
    "upload": Verb("UploadPart", upload, WRITING, 2, "target", OLD, LARGE),
    "concat": Verb("UploadPartCopy", concat, SOURCE | WRITING, 2, "target", OLD, LARGE + LARGE),
    "copy in parts": Verb("UploadPartCopy", copy_parts, SOURCE | WRITING, 2, "target", OLD, LARGE),
    "move": Verb("CopyObject", move, READING | WRITING, 1, "target", OLD, DATA),
    "write new": Verb("PutObject", write_new, {}, 1, "target", None, SMALL),
    "upload new": Verb("PutObject", upload_new, {}, 1, "target", None, SMALL),
    "touch": Verb("PutObject", touch, {}, 1, "target", None, b""),
    "symlink": Verb("PutObject", symlink, {}, 1, "target", None, b""),
    "copy new": Verb("CopyObject", copy_new, READING, 1, "target", None, DATA),
    "rename new": Verb("CopyObject", rename_new, READING, 1, "target", None, DATA),
    "remove": Verb("DeleteObject", remove, WRITING, 1, "target", OLD, None),
    "delete many": Verb("DeleteObjects", remove_many, TREE),
    "scan": Verb("ListObjectsV2", scan, TREE, 2),
    "walk": Verb("ListObjectsV2", walk, TREE, 2),
    "sync read": Verb("GetObject", read_blocking, READING, 2, blocking=True),
    "sync write": Verb("UploadPart", write_blocking, WRITING, 2, "target", OLD, LARGE, blocking=True),
}
