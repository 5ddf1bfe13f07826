"""What every file does alike, whatever is behind it: each kind of file by each way to use it wrongly, or at once."""

from __future__ import annotations

import array
import asyncio
import gc
import io
import warnings

import pytest
from fake_s3 import MIB, URL
from readers import READERS, ZIPPED, open_to_read, put
from writers import BINARY, close_of, opened

from aios3.errors import AccessDeniedError, ClosedHandleError, WrongLoopError

LINES = b"".join(b"line %06d\n" % number for number in range(40_000))
IN_PARTS = ("prefetch", "append", "pipe", "pipe without joining", "limited")
"""Kinds of files that send parts while they are written to."""
LARGE = bytes(60 * MIB)


async def steps(count=50):
    for _ in range(count):
        await asyncio.sleep(0)


async def first_of(items):
    return await anext(aiter(items))


# On another event loop than its own

READS = {
    "read": lambda file: file.read(1),
    "readall": lambda file: file.readall(),
    "readinto": lambda file: file.readinto(bytearray(1)),
    "readline": lambda file: file.readline(),
    "readlines": lambda file: file.readlines(1),
    "read_at": lambda file: file.read_at(0, 1),
    "read_ranges": lambda file: file.read_ranges([(0, 1)]),
    "readinto_at": lambda file: file.readinto_at(0, bytearray(1)),
    "read_ranges_into": lambda file: file.read_ranges_into([(0, 1)], [bytearray(1)]),
    "seek": lambda file: file.seek(1),
    "iteration": first_of,
    "chunks": lambda file: first_of(file.chunks()),
    "aclose": lambda file: file.aclose(),
}
WRITES = {
    "write": lambda file: file.write(b"x"),
    "write_from": lambda file: file.write_from([b"x"]),
    "aclose": lambda file: close_of(file)(),
    "abort": lambda file: file.abort(),
}


def elsewhere(function, file):
    """Call ``function`` on an event loop of another thread."""

    async def call():
        return await function(file)

    return asyncio.run(call())


@pytest.mark.parametrize("kind", READERS)
async def test_a_file_is_read_and_closed_on_its_own_loop_only(s3, memory_session, kind):
    put(s3, LINES)
    subject = await open_to_read(kind, memory_session)
    for name, read in READS.items():
        if not hasattr(subject.file, name) and name != "iteration":
            continue
        if (name, kind) == ("seek", "pipe"):
            continue  # cannot be sought on any
        with pytest.raises(WrongLoopError, match="was opened on another event loop"):
            await asyncio.to_thread(elsewhere, read, subject.file)
    assert await subject.file.read() == LINES
    await subject.aclose()


@pytest.mark.parametrize("kind", READERS)
async def test_what_a_file_knows_needs_no_loop(s3, memory_session, kind):
    put(s3, LINES)
    subject = await open_to_read(kind, memory_session)
    file = subject.file

    def look():
        return file.tell(), file.size, file.stat().size, file.closed, file.readable(), file.writable(), file.seekable()

    expected = (0, len(LINES), len(LINES), False, True, False, kind != "pipe")
    assert await asyncio.to_thread(look) == expected
    await subject.aclose()


@pytest.mark.parametrize("use", WRITES)
@pytest.mark.parametrize("kind", [kind for kind in BINARY if kind != "storage"])
async def test_a_file_is_written_and_closed_on_its_own_loop_only(s3, memory_session, kind, use):
    s3.put(URL.key, b"old")
    file = await opened(kind, memory_session)
    with pytest.raises(WrongLoopError, match="was opened on another event loop"):
        await asyncio.to_thread(elsewhere, WRITES[use], file)
    await file.write(b"new")
    await file.aclose()
    await memory_session.promised.join()
    assert s3.objects[URL.key].data.endswith(b"new")


# Memory of every shape


def two_rows():
    return memoryview(array.array("H", [1, 2, 3, 4, 5, 6])).cast("B").cast("H", [2, 3])


def from_numpy(make):
    return lambda: make(pytest.importorskip("numpy"))


MEMORY = {
    "bytes": lambda: b"abc",
    "nothing": lambda: b"",
    "numbers": lambda: array.array("d", [1, 2]),
    "rows": two_rows,
    "every other byte": lambda: memoryview(bytearray(6))[::2],
    "no rows": from_numpy(lambda numpy: numpy.zeros((0, 3))),
    "times": from_numpy(lambda numpy: numpy.zeros(3, "M8[s]")),
    "records": from_numpy(lambda numpy: numpy.zeros(3, [("a", "i4"), ("b", "f8")])),
    "text": lambda: "abc",
    "a number": lambda: 3,
}


async def outcome(call, *arguments):
    try:
        result = call(*arguments)
        return await result if asyncio.iscoroutine(result) else result
    except (TypeError, ValueError, BufferError) as error:
        return BufferError if isinstance(error, BufferError) else TypeError


@pytest.mark.parametrize("shape", MEMORY)
@pytest.mark.parametrize("kind", [kind for kind in BINARY if kind not in ("append", "storage")])
async def test_what_can_be_written_is_what_a_file_of_the_standard_library_takes(s3, memory_session, kind, shape):
    s3.put(URL.key, b"")
    data = MEMORY[shape]()
    expected = io.BytesIO()
    of_the_standard_library = await outcome(expected.write, data)
    file = await opened(kind, memory_session)
    assert await outcome(file.write, data) == of_the_standard_library
    await file.write(b".")
    await file.aclose()
    await memory_session.promised.join()
    assert s3.objects[URL.key].data == expected.getvalue() + b"."


@pytest.mark.parametrize("shape", MEMORY)
@pytest.mark.parametrize("kind", READERS)
async def test_what_can_be_read_into_is_what_a_file_of_the_standard_library_fills(s3, memory_session, kind, shape):
    put(s3, LINES)
    subject = await open_to_read(kind, memory_session)
    room, expected = MEMORY[shape](), MEMORY[shape]()
    of_the_standard_library = await outcome(io.BytesIO(LINES).readinto, expected)
    if of_the_standard_library is BufferError:
        of_the_standard_library = TypeError
    assert await outcome(subject.file.readinto, room) == of_the_standard_library
    if isinstance(of_the_standard_library, int):
        assert b"".join((room,)) == b"".join((expected,))
    assert subject.file.tell() == (of_the_standard_library if isinstance(of_the_standard_library, int) else 0)
    await subject.aclose()


# Several tasks at once


@pytest.fixture
async def held(s3):
    """Let no part be stored before the event is set."""
    go = asyncio.Event()
    original = s3.upload_part

    async def upload_part(*args, **kwargs):
        await go.wait()
        return await original(*args, **kwargs)

    s3.upload_part = upload_part
    yield go
    go.set()


async def writing(file):
    """Return a task that writes more than is taken while no part is stored."""
    task = asyncio.create_task(file.write(LARGE))
    await steps(200)
    assert not task.done()
    return task


async def result_of(task):
    return (await asyncio.gather(task, return_exceptions=True))[0]


@pytest.mark.parametrize("kind", IN_PARTS)
async def test_closing_a_file_that_another_task_aborts_raises(s3, memory_session, held, kind):
    s3.put(URL.key, b"old")
    file = await opened(kind, memory_session)
    write = await writing(file)
    close = asyncio.create_task(file.aclose())
    await steps()
    abort = asyncio.create_task(file.abort())
    await steps()
    held.set()
    assert isinstance(await result_of(write), ClosedHandleError)
    assert isinstance(await result_of(close), ClosedHandleError)
    await abort
    assert s3.objects[URL.key].data == b"old"
    await file.aclose()  # it has been said


@pytest.mark.parametrize("kind", IN_PARTS)
async def test_a_close_cancelled_during_another_write_aborts_the_file(s3, memory_session, held, kind):
    s3.put(URL.key, b"old")
    file = await opened(kind, memory_session)
    write = await writing(file)
    close = asyncio.create_task(file.aclose())
    await steps()
    close.cancel()
    await steps()
    held.set()
    assert isinstance(await result_of(close), asyncio.CancelledError)
    assert isinstance(await result_of(write), ClosedHandleError)
    assert file.closed
    assert s3.objects[URL.key].data == b"old"
    assert s3.uploads == {}


@pytest.mark.parametrize("kind", IN_PARTS)
async def test_closing_says_what_a_part_has_failed_with(s3, memory_session, kind):
    s3.put(URL.key, b"old" * 2 * MIB)

    failure = AccessDeniedError("the part", path=str(URL))

    async def upload_part(*_args, **_kwargs):
        raise failure

    s3.upload_part = upload_part
    file = await opened(kind, memory_session)
    await file.write(bytes(6 * MIB))
    await steps(200)
    with pytest.raises(AccessDeniedError, match="the part"):
        await file.aclose()
    assert file.closed
    assert s3.objects[URL.key].data == b"old" * 2 * MIB


@pytest.mark.parametrize("kind", [kind for kind in READERS if kind not in ("memory", "disk")])
async def test_no_byte_is_read_twice_when_a_task_iterates_and_another_reads(s3, memory_session, kind):
    put(s3, LINES)
    subject = await open_to_read(kind, memory_session)
    file = subject.file
    lines = aiter(file)
    taken = [await anext(lines)]
    read = asyncio.create_task(file.read(len(LINES) // 2))
    while not file._lock.locked():
        await asyncio.sleep(0)
    rest = asyncio.create_task(anext(lines))  # it must wait for the read, though its line is there
    taken.append(await read)
    taken.append(await rest)
    taken += [line async for line in lines]
    assert b"".join(taken) == LINES
    await subject.aclose()


# Forgotten


@pytest.mark.parametrize("kind", [kind for kind in READERS if kind not in ZIPPED])
async def test_a_reader_that_is_forgotten_gives_everything_back(s3, memory_session, kind):
    put(s3, LINES)
    subject = await open_to_read(kind, memory_session)
    await subject.file.read(10)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        del subject
        gc.collect()
    assert ["unclosed file" in str(warning.message) for warning in caught] == [True]
    while memory_session.budget.used or memory_session.tasks.active or s3.open_bodies:
        await asyncio.sleep(0)
