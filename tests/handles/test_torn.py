"""A call that is interrupted: either it took nothing, or the file can only be aborted, and says so."""

from __future__ import annotations

import asyncio
import io
import threading
from dataclasses import dataclass, field

import anyio
import pytest
from fake_s3 import MIB
from writers import BINARY, TEXT, close_of, opened

import aios3
from aios3._handles import whole_stores as stores
from aios3.errors import ClosedHandleError

LARGE = bytes(range(256)) * (4 * 12 * 1024)
"""12 MiB: more than two parts."""


class MishapError(Exception):
    """What goes wrong in a source."""


@dataclass
class Held:
    """What holds writers up: parts that are not stored, memory that is not free, a disk that does not respond."""

    go: asyncio.Event = field(default_factory=asyncio.Event)
    disk: threading.Event = field(default_factory=threading.Event)
    reached: threading.Event = field(default_factory=threading.Event)
    holds: bool = False

    def release(self) -> None:
        self.go.set()
        self.disk.set()


@pytest.fixture
async def held(s3, memory_session, monkeypatch):
    """Hold every writer up; whoever holds memory gives it back when the test lets go."""
    state = Held()
    original, write, cut = s3.upload_part, stores._write_all, stores.os.ftruncate

    async def upload_part(*args, **kwargs):
        state.reached.set()
        await state.go.wait()
        return await original(*args, **kwargs)

    def slowly(function):
        def run(*args):
            if state.holds:
                state.reached.set()
                state.disk.wait(30)
            return function(*args)

        return run

    monkeypatch.setattr(s3, "upload_part", upload_part)
    monkeypatch.setattr(stores, "_write_all", slowly(write))
    monkeypatch.setattr(stores.os, "ftruncate", slowly(cut))
    yield state
    state.release()


async def interrupted(work, held: Held, session: aios3.Session, how: str) -> None:
    """Run ``work`` until it is held up, end it there, and let everything go on."""
    held.holds = True
    if how == "timeout":
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(None) as scope:
                task = asyncio.create_task(_reach(held, session, lambda: scope.reschedule(0)))
                await work
        await task
    elif how == "anyio":
        with anyio.CancelScope() as scope:
            task = asyncio.create_task(_reach(held, session, scope.cancel))
            await work
        await task
    else:
        task = asyncio.ensure_future(work)
        await _reach(held, session, task.cancel)
        with pytest.raises(asyncio.CancelledError):
            await task
    held.release()


async def _reach(held: Held, session: aios3.Session, end) -> None:
    while not (held.reached.is_set() and (session.budget.waiting or not held.disk.is_set())):
        await asyncio.sleep(0)
    for _ in range(50):
        await asyncio.sleep(0)
    end()
    await asyncio.sleep(0)
    held.disk.set()  # a thread is waited for


async def check_torn(s3, session, file, what: str) -> None:
    end = "END" if isinstance(file, aios3.AsyncTextWriter) else b"END"
    for _ in range(2):
        with pytest.raises(ClosedHandleError, match=f"is not published, because {what}.* was interrupted by"):
            await file.write(end)
    with pytest.raises(ClosedHandleError, match="so bytes are missing"):
        await close_of(file)()
    await close_of(file)()
    await session.promised.join()
    assert file.closed
    assert s3.objects["key.bin"].data == b"old"
    assert s3.uploads == {}


@pytest.mark.parametrize("how", ["cancel", "timeout", "anyio"])
@pytest.mark.parametrize("kind", [kind for kind in BINARY + TEXT if "memory" not in kind])
async def test_a_write_that_was_taken_in_part_is_never_published(s3, memory_session, held, kind, how):
    s3.put("key.bin", b"old")
    file = await opened(kind, memory_session)
    data = LARGE * 4
    await interrupted(file.write(data.decode("latin-1") if kind in TEXT else data), held, memory_session, how)
    await check_torn(s3, memory_session, file, "a write")


class Pieces(io.RawIOBase):
    def __init__(self):
        self.given = 0

    def readable(self):
        return True

    def readinto(self, buffer):
        count = min(len(buffer), 60 * MIB - self.given)
        self.given += count
        buffer[:count] = bytes(count)
        return count


async def asynchronous():
    for _ in range(60):
        yield bytes(MIB)


SOURCES = {
    "a file": Pieces,
    "an iterator": lambda: (bytes(MIB) for _ in range(60)),
    "a list": lambda: [bytes(MIB)] * 60,
    "an async iterable": asynchronous,
    "bytes": lambda: bytes(60 * MIB),
}


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("kind", [kind for kind in BINARY if kind not in ("memory", "storage")])
async def test_a_source_that_was_taken_from_in_part_is_never_published(s3, memory_session, held, kind, source):
    s3.put("key.bin", b"old")
    file = await opened(kind, memory_session)
    await interrupted(file.write_from(SOURCES[source]()), held, memory_session, "cancel")
    await check_torn(s3, memory_session, file, "(write_from|a write)")


def failing_iterator(pieces: int):
    yield from [bytes(100_000)] * pieces
    raise MishapError


async def failing_generator(pieces: int):
    for _ in range(pieces):
        yield bytes(100_000)
    raise MishapError


class FailingFile(io.BytesIO):
    def __init__(self, pieces: int) -> None:
        super().__init__(bytes(MIB) * pieces)
        self.left = pieces

    def read(self, size=-1):
        self.left -= 1
        if self.left < 0:
            raise MishapError
        return super().read(size)


FAILING = {"a file": FailingFile, "an iterator": failing_iterator, "an async iterable": failing_generator}


@pytest.mark.parametrize("source", FAILING)
@pytest.mark.parametrize("kind", [kind for kind in BINARY if kind != "storage"])
@pytest.mark.parametrize("pieces", [0, 1, 2])
async def test_a_source_that_fails_in_its_middle_is_never_published(s3, memory_session, kind, source, pieces):
    s3.put("key.bin", b"old")
    file = await opened(kind, memory_session)
    with pytest.raises(MishapError):
        await file.write_from(FAILING[source](pieces))
    if pieces:
        await check_torn(s3, memory_session, file, "write_from")
        return
    await file.write(b"END")  # it has given nothing, so nothing is missing
    await file.aclose()
    await memory_session.promised.join()
    assert s3.objects["key.bin"].data == {"append": b"oldEND", "disk rb+": b"END"}.get(kind, b"END")


@pytest.mark.parametrize("kind", TEXT)
async def test_lines_that_fail_in_their_middle_are_never_published(s3, memory_session, kind):
    def lines():
        yield "one\n"
        raise MishapError

    s3.put("key.bin", b"old")
    file = await opened(kind, memory_session)
    with pytest.raises(MishapError):
        await file.writelines(lines())
    await check_torn(s3, memory_session, file, "writelines")


@pytest.mark.parametrize("kind", ["memory", "text over memory"])
@pytest.mark.parametrize("how", ["cancel", "timeout", "anyio"])
async def test_a_write_that_took_nothing_may_be_repeated(s3, memory_session, held, kind, how):
    budget = memory_session.budget
    file = await opened(kind, memory_session)
    text = kind in TEXT
    await file.write("first " if text else b"first ")
    await budget.acquire(budget.limit - budget.used)
    taken = budget.used - (14 if text else 6)
    held.reached.set()
    await interrupted(file.write("twice" if text else b"twice"), held, memory_session, how)
    budget.release(taken)
    await file.write("once" if text else b"once")
    await file.aclose()
    assert s3.objects["key.bin"].data == ("first once".encode("utf-16") if text else b"first once")


async def test_the_byte_order_mark_of_a_write_that_took_nothing_is_not_lost(s3, memory_session, held):
    budget = memory_session.budget
    file = await opened("text over memory", memory_session)
    await budget.acquire(budget.limit)
    held.reached.set()
    await interrupted(file.write("first"), held, memory_session, "cancel")
    budget.release(budget.limit)
    await file.write("first")
    await file.aclose()
    assert s3.objects["key.bin"].data == "first".encode("utf-16")


async def test_a_write_cancelled_before_its_turn_leaves_the_file_intact(s3, memory_session, held):
    file = await opened("prefetch", memory_session)
    first = asyncio.create_task(file.write(LARGE * 4))
    await _until(held.reached.is_set)
    second = asyncio.create_task(file.write(b"END"))
    await asyncio.sleep(0)
    second.cancel()
    with pytest.raises(asyncio.CancelledError):
        await second
    held.release()
    await first
    await file.aclose()
    assert s3.objects["key.bin"].data == LARGE * 4


async def _until(condition) -> None:
    while not condition():
        await asyncio.sleep(0)


async def test_a_truncation_that_was_interrupted_on_disk_is_never_published(s3, memory_session, held):
    s3.put("key.bin", b"old")
    file = await opened("disk rb+", memory_session)
    await interrupted(file.truncate(1), held, memory_session, "cancel")
    await check_torn(s3, memory_session, file, "truncate")


async def test_a_gap_that_was_filled_in_part_is_never_published(s3, memory_session, held):
    """A limited writer puts zeros behind its end before the bytes of a write that begins there."""
    s3.put("key.bin", b"old")
    file = await opened("limited", memory_session)
    await file.write(b"started")
    await file.seek(60 * MIB)
    await interrupted(file.write(b"behind"), held, memory_session, "cancel")
    await check_torn(s3, memory_session, file, "a write")


@pytest.mark.parametrize("kind", BINARY + TEXT)
async def test_leaving_with_a_torn_file_aborts_it_and_raises_why(s3, memory_session, kind):
    s3.put("key.bin", b"old")
    file = await opened(kind, memory_session)
    inner = file.buffer if kind in TEXT else file

    async def use():
        async with file:
            await file.write("x" if kind in TEXT else b"x")
            (inner._file if kind == "storage" else inner).torn.note("a write", KeyError())

    with pytest.raises(ClosedHandleError, match="a write was interrupted by KeyError"):
        await use()
    await memory_session.promised.join()
    assert s3.objects["key.bin"].data == b"old"
