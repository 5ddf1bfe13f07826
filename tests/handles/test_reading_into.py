"""Reads into memory that the caller owns: what they put there, by which requests, and that nothing comes later."""

from __future__ import annotations

import asyncio
import random
from types import SimpleNamespace

import pytest
from fake_s3 import MIB, URL, FakeS3
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nothing_left import nothing_left

import aios3
from aios3 import _session, _threads
from aios3._engine import retry_policy
from aios3._engine.range_checksums import checksum_by
from aios3.errors import (
    ChecksumMismatchError,
    ClosedHandleError,
    ConnectionFailedError,
    InvalidRangeError,
    ObjectChangedError,
)
from thorough import examples

pytestmark = pytest.mark.loop_variants

KINDS = ("prefetch", "shared", "memory", "disk")
DATA = random.Random(5).randbytes(3 * MIB)
SIZE = len(DATA)
UNTOUCHED = 0xEE


@pytest.fixture(autouse=True)
def no_delay(monkeypatch):
    monkeypatch.setattr(retry_policy, "retry_delay", lambda failures: 0)


def room(size):
    return bytearray([UNTOUCHED]) * size


def ranges_asked_for(s3):
    return [(details["start"], details["stop"]) for name, _, details in s3.log if name == "GetObject"]


PLACES = {
    "the first byte": (0, 1),
    "inside the first response": (10, 1000),
    "beyond the first response": (2 * MIB, 1000),
    "across its end": (200_000, 500_000),
    "many requests": (300_000, 2 * MIB),
    "everything": (0, SIZE),
    "the last byte": (SIZE - 1, 1),
    "past the end": (SIZE - 10, 1000),
    "more than everything": (0, SIZE + 1000),
    "at the end": (SIZE, 10),
    "after the end": (SIZE + 5 * MIB, 10),
    "nothing": (1000, 0),
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("kind", KINDS)
async def test_a_buffer_gets_the_slice_and_keeps_what_is_after_it(s3, memory_session, kind, place):
    s3.put(URL.key, DATA)
    offset, size = PLACES[place]
    expected = DATA[offset : offset + size]
    async with aios3.aopen(URL, buffering=kind, session=memory_session) as file:
        await file.read(100)
        buffer = room(size)
        assert await file.readinto_at(offset, buffer) == len(expected)
        assert buffer == expected + room(size - len(expected))
        assert file.tell() == 100
        buffer.append(0)  # fails while somebody has a view of it


@settings(max_examples=examples(40), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    ranges=st.lists(st.tuples(st.integers(0, 700_000), st.integers(0, 300_000)), max_size=10),
    kind=st.sampled_from(KINDS),
    read=st.integers(0, 400_000),
)
async def test_buffers_get_slices_whatever_has_been_read(monkeypatch, ranges, kind, read):
    s3 = FakeS3()
    monkeypatch.setattr(_session, "_make_transport", lambda *_args: s3)
    data = DATA[:600_000]
    s3.put(URL.key, data)
    pairs = [(start, start + length) for start, length in ranges]
    async with nothing_left(s3) as session, aios3.aopen(URL, buffering=kind, session=session) as file:
        await file.read(read)
        buffers = [room(length) for _, length in ranges]
        alone = [room(length) for _, length in ranges]
        counts, *lone_counts = await asyncio.gather(
            file.read_ranges_into(pairs, buffers),
            *(file.readinto_at(start, buffer) for (start, _), buffer in zip(pairs, alone, strict=True)),
        )
        assert counts == lone_counts == [len(data[start:stop]) for start, stop in pairs]
        expected = [data[start:stop] + room(stop - max(start, min(stop, len(data)))) for start, stop in pairs]
        assert buffers == expected
        assert alone == expected
        assert await file.read_ranges(pairs) == [data[start:stop] for start, stop in pairs]
        assert file.tell() == min(read, len(data))
        assert session.budget.used <= session.budget.limit


# Requests


async def test_near_ranges_share_a_request_and_far_ones_do_not(s3, memory_session):
    s3.put(URL.key, DATA)
    async with aios3.aopen(URL, session=memory_session) as file:
        await file.readinto_at(0, room(10))
        s3.log.clear()
        pairs = [(MIB + 90_000, MIB + 90_010), (MIB, MIB + 50_000), (2 * MIB, 2 * MIB + 5)]
        buffers = [room(stop - start) for start, stop in pairs]
        await file.read_ranges_into(pairs, buffers)
    assert buffers == [DATA[start:stop] for start, stop in pairs]
    assert sorted(ranges_asked_for(s3)) == [(MIB, MIB + 90_010), (2 * MIB, 2 * MIB + 5)]


async def test_a_long_range_is_cut_and_what_a_block_has_is_not_asked_for_again(s3, memory_session):
    s3.put(URL.key, DATA)
    async with aios3.aopen(URL, session=memory_session) as file:
        assert await file.readinto_at(0, room(SIZE)) == SIZE
    asked = sorted(ranges_asked_for(s3))
    assert [start for start, _ in asked] == [0, *(stop for _, stop in asked[:-1])]
    assert asked[-1][1] == SIZE
    assert max(stop - start for start, stop in asked) <= 256 * 1024


async def test_what_is_read_into_a_buffer_is_no_memory_of_the_session(s3, memory_session):
    s3.put(URL.key, DATA)
    async with aios3.aopen(URL, session=memory_session) as file:
        await file.read_at(0, 1)
        budget = memory_session.budget
        free = budget.limit - budget.used
        await budget.acquire(free)
        try:
            buffer = room(2 * MIB)
            assert await file.readinto_at(MIB, buffer) == 2 * MIB
        finally:
            budget.release(free)
    assert buffer == DATA[MIB:]


async def test_a_shared_cache_keeps_what_is_read_into_a_buffer(s3, memory_session):
    s3.put(URL.key, DATA)
    async with (
        aios3.aopen(URL, buffering="shared", session=memory_session) as one,
        aios3.aopen(URL, buffering="shared", session=memory_session) as other,
    ):
        await one.readinto_at(MIB, room(1000))
        s3.log.clear()
        assert await other.read_at(MIB, 1000) == DATA[MIB : MIB + 1000]
    assert ranges_asked_for(s3) == []


# One version, and what breaks


async def test_another_version_is_never_read_into_a_buffer(s3, memory_session):
    s3.put(URL.key, DATA)
    async with aios3.aopen(URL, session=memory_session) as file:
        s3.put(URL.key, bytes(SIZE))
        for read in (
            lambda: file.readinto_at(MIB, room(MIB)),
            lambda: file.read_ranges_into([(MIB, MIB + 5), (2 * MIB, 2 * MIB + 5)], [room(5), room(5)]),
        ):
            with pytest.raises(ObjectChangedError):
                await read()


async def test_a_body_that_breaks_is_resumed_in_the_buffer(s3, memory_session):
    s3.put(URL.key, DATA)
    async with aios3.aopen(URL, session=memory_session) as file:
        await file.read_at(0, 1)
        broken = []

        def break_body(body):
            if len(broken) < 3:
                broken.append(body)
                body.broken_after, body.error = 100_000, ConnectionFailedError("reset")

        s3.break_body = break_body
        buffer = room(2 * MIB)
        assert await file.readinto_at(MIB, buffer) == 2 * MIB
    assert len(broken) == 3
    assert buffer == DATA[MIB:]


async def test_what_cannot_be_read_is_raised_and_the_file_reads_on(s3, memory_session):
    s3.put(URL.key, DATA)
    async with aios3.aopen(URL, session=memory_session) as file:
        await file.read_at(0, 1)
        s3.allowance = 700_000
        with pytest.raises(aios3.AccessDeniedError):
            await file.readinto_at(MIB, room(2 * MIB))
        s3.allowance = None
        buffer = room(2 * MIB)
        assert await file.readinto_at(MIB, buffer) == 2 * MIB
        assert buffer == DATA[MIB:]


async def test_wrong_bytes_of_a_whole_object_are_raised(s3, memory_session):
    s3.amazon = True  # whose checksums are asked for
    right = checksum_by("CRC64NVME", [DATA])
    for checksum, is_right in ((right, True), ("AAAAAAAAAAA=", False)):
        s3.put(URL.key, DATA, checksums={"CRC64NVME": checksum})
        async with aios3.aopen(URL, session=memory_session) as file:
            memory = room(SIZE)
            if is_right:
                assert await file.readinto_at(0, memory) == SIZE
                assert memory == DATA
            else:
                with pytest.raises(ChecksumMismatchError):
                    await file.readinto_at(0, memory)


# Nothing comes after the end


class Kernel:
    """Bodies that are written from the loop's callbacks, as a connection writes them, and that end some turns late."""

    def __init__(self, s3):
        self.running = 0
        s3.break_body = self.take_over

    def take_over(self, body):
        body.receive = lambda *arguments: self.receive(body, *arguments)

    async def receive(self, body, size, get_buffer, buffer_updated):
        loop = asyncio.get_running_loop()
        done = loop.create_future()
        left = size
        stopped = False

        def arrive():
            nonlocal left
            if stopped:
                return
            view = get_buffer()
            view[:1] = b"!"  # before it is reported, as by recv_into
            count = min(len(view), left, 20_000)
            view[:count] = body._data[size - left : size - left + count]
            left -= count
            buffer_updated(count)
            if left:
                loop.call_soon(arrive)
            elif not done.done():
                done.set_result(None)

        self.running += 1
        loop.call_soon(arrive)
        try:
            await done
        except asyncio.CancelledError:
            for _ in range(3):
                await asyncio.sleep(0)
            raise
        finally:
            stopped = True
            self.running -= 1


CALLS = {
    "readinto_at": lambda file, memory: file.readinto_at(MIB, memory),
    "read_ranges_into": lambda file, memory: file.read_ranges_into(
        [(MIB, MIB + 500_000), (2 * MIB, 2 * MIB + 500_000)],
        [memoryview(memory)[:500_000], memoryview(memory)[500_000:]],
    ),
}


async def is_left_alone(memory):
    """Return whether nothing is written into memory in the turns of the loop that follow."""
    mark = bytes([UNTOUCHED]) * len(memory)
    memory[:] = mark
    for _ in range(40):
        await asyncio.sleep(0)
    return memory == mark


@pytest.mark.parametrize("way", ["cancel", "close"])
@pytest.mark.parametrize("call", CALLS)
async def test_nothing_is_written_after_the_read_has_ended(s3, memory_session, call, way):
    s3.put(URL.key, DATA)
    Kernel(s3)
    ended_early = 0
    for turns in range(1, 40):
        memory = room(MIB if call == "readinto_at" else 1_000_000)
        file = await aios3.aopen(URL, session=memory_session)
        reading = asyncio.create_task(CALLS[call](file, memory))
        for _ in range(turns):
            await asyncio.sleep(0)
        if way == "cancel":
            reading.cancel()
        else:
            closing = asyncio.create_task(file.aclose())
        outcome = (await asyncio.gather(reading, return_exceptions=True))[0]
        assert await is_left_alone(memory), turns
        if isinstance(outcome, BaseException):
            ended_early += 1
            assert type(outcome) is (asyncio.CancelledError if way == "cancel" else ClosedHandleError), turns
        await (file.aclose() if way == "cancel" else closing)
    assert ended_early > 5


async def test_nothing_is_written_after_one_request_of_several_has_failed(s3, memory_session):
    s3.put(URL.key, DATA)
    kernel = Kernel(s3)

    def fail(operation, _url, details):
        if operation == "GetObject" and details["start"] >= 2 * MIB and kernel.running:
            raise aios3.AccessDeniedError("no", path=str(URL))

    async with aios3.aopen(URL, session=memory_session) as file:
        await file.read_at(0, 1)
        s3.faults = fail
        memory = room(2 * MIB)
        with pytest.raises(aios3.AccessDeniedError):
            await file.readinto_at(MIB, memory)
        assert await is_left_alone(memory)


async def test_a_timeout_leaves_the_buffer_to_the_caller(s3, memory_session):
    s3.put(URL.key, DATA)
    Kernel(s3)
    async with aios3.aopen(URL, session=memory_session) as file:
        memory = room(2 * MIB)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0):
                await file.readinto_at(MIB, memory)
        assert await is_left_alone(memory)
        assert await file.readinto_at(MIB, memory) == 2 * MIB
    assert memory == DATA[MIB:]


HELD_CALLS = {
    "readinto": lambda file, memory: file.readinto(memory),
    "readinto_at": lambda file, memory: file.readinto_at(0, memory),
    "read_ranges_into": lambda file, memory: file.read_ranges_into([(0, len(memory))], [memory]),
}


@pytest.mark.parametrize("call", HELD_CALLS)
async def test_a_buffer_may_grow_though_a_thread_still_has_what_it_was_called_with(
    s3, memory_session, monkeypatch, call
):
    """A thread of a pool gives up its arguments a little after its result."""
    held = []

    async def in_thread(function, *arguments):
        held.append(arguments)
        return await _threads.in_thread(function, *arguments)

    s3.put(URL.key, DATA)
    async with aios3.aopen(URL, buffering="disk", session=memory_session) as file:
        monkeypatch.setattr("aios3._handles.whole_stores.in_thread", in_thread)
        memory = room(1000)
        await HELD_CALLS[call](file, memory)
        assert held
        memory.append(0)
    assert memory == DATA[:1000] + b"\0"


# Wrong arguments


def numpy_of(make):
    return lambda: make(pytest.importorskip("numpy"))


WRONG_MEMORY = {
    "bytes": (lambda: b"1234", "it is read-only"),
    "a read-only view": (lambda: memoryview(bytearray(4)).toreadonly(), "it is read-only"),
    "every other byte": (lambda: memoryview(bytearray(8))[::2], r"do not lie in a row"),
    "a column": (numpy_of(lambda numpy: numpy.zeros((4, 2), "u1")[:, 0]), r"do not lie in a row"),
    "text": (lambda: "1234", "bytes-like"),
    "a number": (lambda: 4, "bytes-like"),
}
WRONG_CALLS = {
    "a negative offset": (lambda file: file.readinto_at(-1, room(4)), r"readinto_at\(-1\).*negative"),
    "a negative start": (lambda file: file.read_ranges_into([(-1, 3)], [room(4)]), r"\(-1, 3\) is no range"),
    "a reversed range": (lambda file: file.read_ranges_into([(5, 1)], [room(4)]), r"\(5, 1\) is no range"),
    "too few buffers": (lambda file: file.read_ranges_into([(0, 4), (4, 8)], [room(4)]), "2 ranges and 1 buffers"),
    "too many buffers": (lambda file: file.read_ranges_into([(0, 4)], [room(4)] * 3), "1 ranges and 3 buffers"),
    "a short buffer": (lambda file: file.read_ranges_into([(0, 4)], [room(3)]), "has 4 bytes, and its buffer 3"),
    "a long buffer": (lambda file: file.read_ranges_into([(0, 4)], [room(5)]), "has 4 bytes, and its buffer 5"),
}


@pytest.mark.parametrize("kind", KINDS)
async def test_wrong_arguments_are_rejected_before_any_request(s3, memory_session, kind):
    s3.put(URL.key, DATA)
    async with aios3.aopen(URL, buffering=kind, session=memory_session) as file:
        await file.read_at(0, 1)
        s3.log.clear()
        for make, said in WRONG_MEMORY.values():
            with pytest.raises(TypeError, match=said):
                await file.readinto_at(MIB, make())
            with pytest.raises(TypeError, match=said):
                await file.read_ranges_into([(0, 4), (4, 8)], [room(4), make()])
        for call, said in WRONG_CALLS.values():
            with pytest.raises(InvalidRangeError, match=said):
                await call(file)
        assert s3.log == []


ARRAYS = {
    "rows": lambda numpy: numpy.zeros((100, 250), "f4"),
    "one row of many": lambda numpy: numpy.zeros((3, 25_000), "f4")[1],
    "big-endian": lambda numpy: numpy.zeros(25_000, ">f4"),
    "times": lambda numpy: numpy.zeros(12_500, "M8[s]"),
    "records": lambda numpy: numpy.zeros(10_000, [("a", "<i2"), ("b", "<f8")]),
    "no bytes": lambda numpy: numpy.zeros((0, 3)),
}


@pytest.mark.parametrize("shape", ARRAYS)
@pytest.mark.parametrize("kind", KINDS)
async def test_arrays_of_numpy_are_filled(s3, memory_session, kind, shape):
    numpy = pytest.importorskip("numpy")
    s3.put(URL.key, DATA)
    async with aios3.aopen(URL, buffering=kind, session=memory_session) as file:
        one, other = ARRAYS[shape](numpy), ARRAYS[shape](numpy)
        size = one.nbytes
        assert await file.readinto_at(MIB, one) == size
        assert await file.read_ranges_into([(MIB, MIB + size)], [other]) == [size]
    assert one.tobytes() == other.tobytes() == DATA[MIB : MIB + size]


# The native transport


async def test_the_native_transport_receives_into_the_buffer_itself(aios3_bucket, aios3_server, monkeypatch):
    from aios3._http.connection import Connection  # noqa: PLC0415 - beside what is tested

    path = f"{aios3_bucket}/large"
    async with aios3.Session(**aios3_server.config) as session:
        await aios3.write_bytes(path, DATA, session=session)
        received = SimpleNamespace(bytes=0)
        memory = room(2 * MIB)
        receive = Connection.receive

        def watched(self, size, get_buffer, buffer_updated):
            def note(count):
                received.bytes += count if get_buffer_obj() is memory else 0
                buffer_updated(count)

            def get_buffer_obj():
                return last.obj

            def get():
                nonlocal last
                last = get_buffer()
                return last

            last = memoryview(b"")
            return receive(self, size, get, note)

        async with aios3.aopen(path, session=session) as file:
            await file.read_at(0, 1)
            monkeypatch.setattr(Connection, "receive", watched)
            assert await file.readinto_at(MIB, memory) == 2 * MIB
    assert memory == DATA[MIB:]
    assert received.bytes == 2 * MIB
