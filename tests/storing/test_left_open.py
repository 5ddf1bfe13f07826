"""Uploads that cost for ever if they stay: every verb that begins one, in every state, in every way that ends it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

import aios3
from aios3._storing import creation
from aios3.testing import faults

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from aios3.testing import FaultyServer

MIB = 1 << 20
LARGE = bytes(12 * MIB)


async def write(session: aios3.Session, place: str, _file: Path) -> None:
    await aios3.write_bytes(f"{place}/new", LARGE, session=session)


async def write_parts(session: aios3.Session, place: str, _file: Path) -> None:
    async with aios3.aopen(f"{place}/new", "wb", session=session) as file:
        await file.write(LARGE)


async def write_pipe(session: aios3.Session, place: str, _file: Path) -> None:
    async with aios3.aopen(f"{place}/new", "wb", buffering="pipe", session=session) as file:
        await file.write(LARGE)


async def write_limited(session: aios3.Session, place: str, _file: Path) -> None:
    async with aios3.aopen(f"{place}/new", "wb", buffering="limited", session=session) as file:
        await file.write(LARGE)


async def write_memory(session: aios3.Session, place: str, _file: Path) -> None:
    async with aios3.aopen(f"{place}/new", "wb", buffering="memory", session=session) as file:
        await file.write(LARGE)


async def append(session: aios3.Session, place: str, _file: Path) -> None:
    async with aios3.aopen(f"{place}/old", "ab", session=session) as file:
        await file.write(b"more")


async def copy_parts(session: aios3.Session, place: str, _file: Path) -> None:
    await aios3.copy(f"{place}/old", f"{place}/new", multipart_threshold=5 * MIB, session=session)


async def concat(session: aios3.Session, place: str, _file: Path) -> None:
    await aios3.concat([f"{place}/old"] * 2, f"{place}/new", session=session)


async def upload(session: aios3.Session, place: str, file: Path) -> None:
    await aios3.upload(file, f"{place}/new", session=session)


async def zipped(session: aios3.Session, place: str, file: Path) -> None:
    async with aios3.create_zip(f"{place}/new", compression="stored", session=session) as archive:
        await archive.add(file, "large")


async def ask_for_access(session: aios3.Session, place: str, _file: Path) -> None:
    await aios3.access(f"{place}/new", aios3.Access.WRITE, session=session)


COPYING = (append, copy_parts, concat)
VERBS = (write, write_parts, write_pipe, write_limited, write_memory, *COPYING, upload, zipped)


async def cancel_once(task: asyncio.Task[None]) -> None:
    task.cancel()


async def cancel_at_every_turn(task: asyncio.Task[None]) -> None:
    """Cancel as anyio does: again and again until the task has ended."""
    while not task.done():
        task.cancel()
        await asyncio.sleep(0)


async def cancel_all_tasks(_task: asyncio.Task[None]) -> None:
    for each in asyncio.all_tasks() - {asyncio.current_task()}:
        each.cancel()


async def end_the_loop(_task: asyncio.Task[None]) -> None:
    """Return from the program's main function soon: asyncio.run then cancels what is left."""
    await asyncio.sleep(0)


WAYS = (cancel_once, cancel_at_every_turn, cancel_all_tasks, end_the_loop)


@pytest.fixture
def large_file(tmp_path: Path) -> Path:
    path = tmp_path / "large"
    path.write_bytes(LARGE)
    return path


def cells():
    """Pair verbs and states; nobody waits for a part that is cut off, so its response is always late."""
    for verb in (*VERBS, ask_for_access):
        yield pytest.param(verb, "CreateMultipartUpload", True, id=f"{verb.__name__}-creating-responded_late")
        yield pytest.param(verb, "CreateMultipartUpload", False, id=f"{verb.__name__}-creating-never_responded")
    for verb in VERBS:
        part = "UploadPartCopy" if verb in COPYING else "UploadPart"
        yield pytest.param(verb, part, True, id=f"{verb.__name__}-part_under_way")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("verb", "operation", "responses"), list(cells()))
def test_no_upload_stays_open(
    verb, operation, way, responses, faulty: FaultyServer, config, bucket, admin, large_file, monkeypatch
):
    """Stall the request, end the program in the given way, and have the server respond, or not."""
    if not responses:
        lose_patience_with_the_first(monkeypatch)
    admin.put(f"{bucket}/old", LARGE)
    faulty.fail(operation, faults.Stall(), times=None if responses else 1)
    end(verb, way, bucket, large_file, faulty, config(), responses=responses)
    assert admin.uploads(bucket) == []
    assert admin.keys(bucket) == ["old"]
    assert admin.head(f"{bucket}/old")["ContentLength"] == len(LARGE)


def lose_patience_with_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give up the creation that gets no response sooner, and wait for the others as long as ever."""
    attempt, patience = creation.UploadCreation._attempt, creation.CANCELLED_PATIENCE_SECONDS

    def begin(self: creation.UploadCreation) -> Awaitable[str]:
        monkeypatch.setattr(creation, "CANCELLED_PATIENCE_SECONDS", patience if self.lost_responses else 0.2)
        return attempt(self)

    monkeypatch.setattr(creation.UploadCreation, "_attempt", begin)


def end(
    verb: Callable[[aios3.Session, str, Path], Awaitable[None]],
    way: Callable[[asyncio.Task[None]], Awaitable[None]],
    bucket: str,
    file: Path,
    faulty: FaultyServer,
    settings: dict,
    *,
    responses: bool,
) -> None:
    unheard: list[dict] = []

    async def work(task_started: asyncio.Event) -> None:
        task_started.set()
        async with aios3.Session(**settings) as session:
            await verb(session, bucket, file)

    async def main() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _loop, context: unheard.append(context))
        started = asyncio.Event()
        task = asyncio.create_task(work(started))
        await started.wait()
        await asyncio.to_thread(faulty.wait, lambda counts: counts.stalled >= 1)
        if responses:
            asyncio.get_running_loop().call_soon(faulty.reset)
        await way(task)
        if way is not end_the_loop:
            await asyncio.wait([task])
            assert task.cancelled()

    asyncio.run(main())
    faulty.reset()
    assert unheard == []


def test_ctrl_c_twice_leaves_no_upload(faulty: FaultyServer, config, bucket, admin):
    """The second Ctrl-C ends the loop in the middle of the clean-up of the first."""
    faulty.fail("CreateMultipartUpload", faults.Stall())

    async def main() -> None:
        async with aios3.Session(**config()) as session:
            writing = asyncio.create_task(aios3.write_bytes(f"{bucket}/new", LARGE, session=session))
            await asyncio.to_thread(faulty.wait, lambda counts: counts.stalled == 1)
            asyncio.get_running_loop().call_soon(interrupt)
            await writing

    def interrupt() -> None:
        faulty.release()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        asyncio.run(main())
    assert admin.uploads(bucket) == []
    assert admin.keys(bucket) == []
