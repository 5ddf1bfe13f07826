"""Verbs of the table that work on trees, archives and local files, and those of Storage, Volume and Bucket."""

from __future__ import annotations

import asyncio
import contextlib
import io
import zipfile
from typing import TYPE_CHECKING

from fault_verbs import DATA, KEYS, LARGE, OLD, SMALL, TREE, WRITING, Verb, local_file

import aios3

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from fault_verbs import Place

MEMBER = "file"
"""The name of every local file here, and of the only member of the archives."""


@contextlib.asynccontextmanager
async def local_target() -> AsyncIterator[Path]:
    """A local file that is to become ``DATA``: it has that or what was there before, and nothing is left beside it."""
    async with local_file(OLD) as path:
        try:
            yield path
        except BaseException:
            assert await asyncio.to_thread(path.read_bytes) == OLD
            raise
        else:
            assert await asyncio.to_thread(path.read_bytes) == DATA
        finally:
            assert await asyncio.to_thread(lambda: [each.name for each in path.parent.iterdir()]) == [path.name]


async def download(place: Place) -> None:
    async with local_target() as path:
        await aios3.download(place("data"), path, session=place.session)


async def sync_down(place: Place) -> None:
    async with local_target() as path:
        await aios3.sync_tree(place("tree/"), path.parent, session=place.session)


async def extract(place: Place) -> None:
    async with local_target() as path, aios3.open_zip(place("archive"), session=place.session) as archive:
        await archive.extract_all(path.parent)


async def storage_get(place: Place) -> None:
    async with local_target() as path:
        await aios3.Storage(place.bucket, session=place.session).get("data", path)


async def bucket_download(place: Place) -> None:
    stream = io.BytesIO()
    await aios3.Bucket(place.bucket, session=place.session).download_object("data", stream)
    assert stream.getvalue() == DATA


async def sync_up(place: Place) -> None:
    async with local_file(SMALL) as path:
        await aios3.sync_tree(path.parent, place("up"), session=place.session)


async def zip_up(place: Place) -> None:
    async with aios3.create_zip(place("target"), compression="stored", session=place.session) as archive:
        await archive.write(MEMBER, LARGE)


def is_archive(found: bytes) -> bool:
    """Tell whether an object is the archive that ``zip_up`` makes."""
    with zipfile.ZipFile(io.BytesIO(found)) as archive:
        return archive.namelist() == [MEMBER] and archive.read(MEMBER) == LARGE


async def storage_put(place: Place) -> None:
    async with local_file(SMALL) as path:
        await aios3.Storage(place.bucket, session=place.session).put(path, "target")


async def storage_open(place: Place) -> None:
    async with aios3.Storage(place.bucket, session=place.session).open("target", "wb") as file:
        await file.write(SMALL)


def _volume(place: Place) -> aios3.Volume:
    return aios3.Volume(place.bucket.removeprefix("s3://"), session=place.session)


async def volume_store(place: Place) -> None:
    await _volume(place).store(io.BytesIO(SMALL), "target")


async def volume_delete(place: Place) -> None:
    await _volume(place).delete("t")
    assert not any(place.admin.exists(place(key)) for key in KEYS)


async def bucket_put(place: Place) -> None:
    await aios3.Bucket(place.bucket, session=place.session).put_object("target", SMALL)


async def bucket_upload(place: Place) -> None:
    await aios3.Bucket(place.bucket, session=place.session).upload_object("target", io.BytesIO(SMALL))


async def bucket_clear(place: Place) -> None:
    await aios3.Bucket(place.bucket, session=place.session).clear_objects()
    assert place.admin.keys(place.bucket) == []


def _archive() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(MEMBER, DATA)
    return packed.getvalue()


READING = {"data": DATA}
VERBS = {
    "download": Verb("GetObject", download, READING, 2),
    "sync down": Verb("GetObject", sync_down, {f"tree/{MEMBER}": DATA}, 2),
    "extract": Verb("GetObject", extract, {"archive": _archive()}, 2),
    "Storage.get": Verb("GetObject", storage_get, READING, 2),
    "Bucket.download": Verb("GetObject", bucket_download, READING, 2),
    "sync up": Verb("PutObject", sync_up, {f"up/{MEMBER}": OLD}, 1, f"up/{MEMBER}", OLD, SMALL),
    "create_zip": Verb("UploadPart", zip_up, WRITING, 2, "target", OLD, is_archive),
    "Storage.put": Verb("PutObject", storage_put, WRITING, 1, "target", OLD, SMALL),
    "Storage.open": Verb("PutObject", storage_open, WRITING, 1, "target", OLD, SMALL),
    "Volume.store": Verb("PutObject", volume_store, WRITING, 1, "target", OLD, SMALL),
    "Volume.delete": Verb("DeleteObjects", volume_delete, TREE),
    "Bucket.put": Verb("PutObject", bucket_put, WRITING, 1, "target", OLD, SMALL),
    "Bucket.upload": Verb("PutObject", bucket_upload, WRITING, 1, "target", OLD, SMALL),
    "Bucket.clear": Verb("DeleteObjects", bucket_clear, TREE),
}
