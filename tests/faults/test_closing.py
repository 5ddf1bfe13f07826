"""A session that closes: what runs is told to stop and ends with the right error, nothing begins, nothing is left."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import pathlib
import tempfile
import threading
from typing import TYPE_CHECKING

import pytest
from fault_common import MIB, nothing_left

import aios3
from aios3 import _closing
from aios3.errors import ClosedHandleError
from aios3.testing import faults

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

OLD = b"what was there before"
LARGE = bytes(12 * MIB)


@pytest.fixture
async def closing(faulty, options, bucket, admin):
    """A session that is closed at the end at the latest, and of which nothing may be left."""
    session = aios3.Session(**options(faulty, max_attempts=2))
    async with nothing_left(session, faulty):
        yield session
        faulty.release()
    assert admin.uploads(bucket) == []


async def stalled(faulty, count: int = 1) -> None:
    await asyncio.to_thread(faulty.wait, lambda counts: counts.stalled >= count)


async def write_in_parts(path: str, session: aios3.Session) -> None:
    async with aios3.aopen(path, "wb", session=session) as file:
        await file.write(LARGE)


async def write_as(way: str, path: str, session: aios3.Session) -> None:
    async with aios3.aopen(path, "wb", buffering=way, session=session) as file:
        await file.write(LARGE)


async def scan(bucket: str, session: aios3.Session) -> None:
    async for _path in aios3.scan(bucket, session=session):
        pass


async def zip_up(path: str, session: aios3.Session) -> None:
    async with aios3.create_zip(path, compression="stored", session=session) as archive:
        await archive.write("a", LARGE)


def verbs(bucket: str, tmp_path) -> dict[str, tuple[str, Callable[[aios3.Session], Awaitable[object]]]]:
    """Return each verb with the request that stalls under it; what they need is prepared by the test."""
    local = tmp_path / "local"
    local.mkdir(exist_ok=True)
    (local / "large").write_bytes(LARGE)
    (local / "small").write_bytes(b"small")
    large, old, new = f"{bucket}/large", f"{bucket}/old", f"{bucket}/new"
    return {
        "read_bytes": ("GetObject", lambda s: aios3.read_bytes(old, session=s)),
        "stat": ("HeadObject", lambda s: aios3.stat(old, session=s)),
        "exists": ("HeadObject", lambda s: aios3.exists(old, session=s)),
        "scan": ("ListObjectsV2", lambda s: scan(bucket, s)),
        "listdir": ("ListObjectsV2", lambda s: aios3.listdir(bucket, session=s)),
        "write_bytes": ("PutObject", lambda s: aios3.write_bytes(new, b"x", session=s)),
        "write_bytes in parts": ("UploadPart", lambda s: aios3.write_bytes(new, LARGE, session=s)),
        "prefetch": ("UploadPart", lambda s: write_in_parts(new, s)),
        "pipe": ("UploadPart", lambda s: write_as("pipe", new, s)),
        "limited": ("UploadPart", lambda s: write_as("limited", new, s)),
        "memory": ("UploadPart", lambda s: write_as("memory", new, s)),
        "disk": ("UploadPart", lambda s: write_as("disk", new, s)),
        "create_zip": ("UploadPart", lambda s: zip_up(new, s)),
        "copy": ("CopyObject", lambda s: aios3.copy(old, new, session=s)),
        "copy in parts": (
            "UploadPartCopy",
            lambda s: aios3.copy(large, new, multipart_threshold=5 * MIB, session=s),
        ),
        "move": ("CopyObject", lambda s: aios3.move(old, new, session=s)),
        "concat": ("UploadPartCopy", lambda s: aios3.concat([large, large], new, session=s)),
        "remove": ("DeleteObject", lambda s: aios3.remove(old, session=s)),
        "remove a tree": ("DeleteObjects", lambda s: aios3.remove(f"{bucket}/tree", session=s)),
        "upload": ("UploadPart", lambda s: aios3.upload(local / "large", new, session=s)),
        "upload a tree": ("PutObject", lambda s: aios3.upload(local, f"{bucket}/to", session=s)),
        "download": ("GetObject", lambda s: aios3.download(old, tmp_path / "down", session=s)),
        "sync_tree": ("PutObject", lambda s: aios3.sync_tree(local, f"{bucket}/to", session=s)),
        "touch": ("PutObject", lambda s: aios3.touch(new, session=s)),
        "symlink": ("PutObject", lambda s: aios3.symlink(old, new, session=s)),
        "Storage.put": ("UploadPart", lambda s: aios3.Storage(bucket, session=s).put(local / "large", "new")),
        "Bucket.list": ("ListObjectsV2", lambda s: aios3.listdir(bucket, session=s)),
    }


NAMES = sorted(verbs("s3://x", pathlib.Path(tempfile.mkdtemp())))


@pytest.mark.parametrize("name", NAMES)
async def test_every_running_verb_is_stopped(closing, faulty, bucket, admin, tmp_path, name, caplog):
    admin.put(f"{bucket}/old", OLD)
    admin.put(f"{bucket}/large", LARGE)
    for key in "abc":
        admin.put(f"{bucket}/tree/{key}", b"x")
    operation, verb = verbs(bucket, tmp_path)[name]
    faulty.fail(operation, faults.Stall(), times=None)
    with caplog.at_level(logging.WARNING, "aios3"):
        work = asyncio.ensure_future(verb(closing))
        await stalled(faulty)
        await closing.aclose()
        with pytest.raises(ClosedHandleError) as caught:
            await work
    assert "session" in str(caught.value).lower()
    assert caplog.messages == []
    if operation in (
        "UploadPart",
        "UploadPartCopy",
    ):  # another request has been served, only its response was held back
        assert not admin.exists(f"{bucket}/new")


async def test_a_session_that_closes_takes_no_new_work(faulty, options, bucket, admin):
    session = aios3.Session(**options(faulty))
    async with nothing_left(session, faulty):
        admin.put(f"{bucket}/large", LARGE)
        faulty.fail("UploadPartCopy", faults.Stall(), times=None)
        aborting, response = threading.Event(), threading.Event()
        faulty.fail("AbortMultipartUpload", faults.Before(lambda _request: (aborting.set(), response.wait(30))))
        copying = asyncio.create_task(
            aios3.copy(f"{bucket}/large", f"{bucket}/one", multipart_threshold=5 * MIB, session=session)
        )
        await stalled(faulty)
        closing = asyncio.create_task(session.aclose())
        await asyncio.to_thread(aborting.wait, 30)
        for late in (
            lambda: aios3.write_bytes(f"{bucket}/two", LARGE, session=session),
            lambda: aios3.read_bytes(f"{bucket}/large", session=session),
            lambda: aios3.aopen(f"{bucket}/two", "wb", session=session).opened(),
            lambda: scan(bucket, session),
        ):
            with pytest.raises(ClosedHandleError, match="closing"):
                await late()
        assert session.closed
        response.set()
        await closing
        with pytest.raises(ClosedHandleError, match="closing"):
            await copying
    assert admin.uploads(bucket) == []


@pytest.mark.parametrize("workers", [12])
async def test_closing_ends_while_others_go_on_using_the_session(faulty, options, bucket, admin, workers):
    session = aios3.Session(**options(faulty))
    errors: list[BaseException] = []

    async def work(number: int) -> None:
        try:
            while True:
                async with aios3.aopen(f"{bucket}/{number}", "wb", session=session) as file:
                    await file.write(LARGE[: 6 * MIB])
        except ClosedHandleError as error:
            errors.append(error)

    async with nothing_left(session, faulty), asyncio.TaskGroup() as group:
        for number in range(workers):
            group.create_task(work(number))
        await asyncio.to_thread(faulty.wait, lambda counts: counts.requests.get("UploadPart", 0) >= workers)
        await session.aclose()
    assert len(errors) == workers
    assert admin.uploads(bucket) == []


async def test_a_cancelled_closing_ends_although_the_server_is_silent(
    faulty, options, bucket, admin, monkeypatch, caplog
):
    monkeypatch.setattr(_closing, "MAX_HURRIED_SECONDS", 0.05)
    session = aios3.Session(**options(faulty))
    async with nothing_left(session, faulty):
        file = await aios3.aopen(f"{bucket}/new", "wb", session=session)
        await file.write(LARGE)
        await file.drain()
        faulty.fail("AbortMultipartUpload", faults.Stall(), times=None)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await session.aclose()
        assert session.has_ended
        faulty.release()
    assert [message for message in caplog.messages if "is still open" in message]


async def test_concurrent_closes_wait_for_the_same_end(closing, faulty, bucket, admin):
    file = await aios3.aopen(f"{bucket}/new", "wb", session=closing)
    await file.write(LARGE)
    await file.drain()  # after a part that was under way, the upload is aborted twice
    await asyncio.gather(*(closing.aclose() for _ in range(3)))
    assert closing.has_ended
    assert faulty.count("AbortMultipartUpload") == 1


async def test_cancelling_all_tasks_leaves_a_closing_session_to_its_end(closing, faulty, bucket, admin):
    file = await aios3.aopen(f"{bucket}/new", "wb", session=closing)
    await file.write(LARGE)
    await file.drain()
    faulty.fail("AbortMultipartUpload", faults.Stall())
    ending = asyncio.create_task(closing.aclose())
    await stalled(faulty)
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        task.cancel()
    await asyncio.sleep(0)
    faulty.release()
    with contextlib.suppress(asyncio.CancelledError):
        await ending
    assert admin.uploads(bucket) == []


def test_a_forgotten_session_ends_with_its_loop(faulty, options, bucket, admin):
    async def main():
        session = aios3.Session(**options(faulty))
        file = await aios3.aopen(f"{bucket}/new", "wb", session=session)
        await file.write(LARGE)
        return file, session

    file, session = asyncio.run(main())
    assert file.closed
    assert session.has_ended
    assert admin.uploads(bucket) == []
