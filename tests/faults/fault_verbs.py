"""The verbs of the table: what each prepares, does and leaves, written once and without a fault in mind."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

import aios3
import aios3.sync

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

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

    ``target`` is the key that it writes, with what is there ``before`` and ``after``.
    """

    main: str
    run: Callable[[Place], Awaitable[None]]
    prepare: dict[str, bytes]
    middle: int = 1
    target: str | None = None
    before: bytes | None = None
    after: bytes | None = None
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

VERBS = {
    "open + read": Verb("GetObject", read, READING, 2),
    "random reads": Verb("GetObject", read_at_random, READING, 3),
    "chunks": Verb("GetObject", read_chunks, READING, 2),
    "write small": Verb("PutObject", write_small, WRITING, 1, "target", OLD, SMALL),
    "write multipart": Verb("UploadPart", write_large, WRITING, 2, "target", OLD, LARGE),
    "append": Verb("UploadPartCopy", append, BIG, 1, "target", LARGE, LARGE + SMALL),
    "copy": Verb("CopyObject", copy, READING | WRITING, 1, "target", OLD, DATA),
    "remove": Verb("DeleteObject", remove, WRITING, 1, "target", OLD, None),
    "delete many": Verb("DeleteObjects", remove_many, TREE),
    "scan": Verb("ListObjectsV2", scan, TREE, 2),
    "walk": Verb("ListObjectsV2", walk, TREE, 2),
    "sync read": Verb("GetObject", read_blocking, READING, 2, blocking=True),
    "sync write": Verb("UploadPart", write_blocking, WRITING, 2, "target", OLD, LARGE, blocking=True),
}
