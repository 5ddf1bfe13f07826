"""Blocking reads at given places: past the buffer and the position, and into memory of the caller's."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor

import pytest

import aios3.sync as s3
from aios3.errors import ClosedHandleError, InvalidRangeError, UnsupportedError
from aios3.sync._loop_thread import LoopThread

DATA = random.Random(3).randbytes(3 << 20)
RANGES = [(2_000_000, 2_500_000), (5, 10), (len(DATA) - 3, len(DATA) + 4)]
CALLS = {
    "read_at": lambda file: file.read_at(0, 1),
    "read_ranges": lambda file: file.read_ranges([(0, 1)]),
    "readinto_at": lambda file: file.readinto_at(0, bytearray(1)),
    "read_ranges_into": lambda file: file.read_ranges_into([(0, 1)], [bytearray(1)]),
}


@pytest.fixture(scope="module")
def session(aios3_server):
    with s3.Session(**aios3_server.config) as session:
        yield session


@pytest.fixture(scope="module")
def path(aios3_server, session):
    path = f"{aios3_server.create_bucket('anywhere')}/data"
    s3.write_bytes(path, DATA, session=session)
    return path


@pytest.mark.parametrize("buffering", [0, -1, "shared", "memory", "disk"])
def test_reads_at_given_places_leave_the_position_alone(session, path, buffering):
    with s3.open(path, buffering=buffering, session=session) as file:
        assert file.read(10) == DATA[:10]
        assert file.read_at(2_000_000, 7) == DATA[2_000_000:2_000_007]
        assert file.read_ranges(iter(RANGES)) == [DATA[start:stop] for start, stop in RANGES]
        buffers = [bytearray(stop - start) for start, stop in RANGES]
        assert file.read_ranges_into(iter(RANGES), iter(buffers)) == [500_000, 5, 3]
        assert buffers == [DATA[start:stop].ljust(stop - start, b"\0") for start, stop in RANGES]
        memory = bytearray(len(DATA))
        assert file.readinto_at(1, memory) == len(DATA) - 1
        assert memory == DATA[1:] + b"\0"
        assert file.tell() == 10
        assert file.read(10) == DATA[10:20]


def test_many_threads_fill_one_piece_of_memory_through_one_file(session, path):
    memory, share = bytearray(len(DATA)), len(DATA) // 8
    with s3.open(path, session=session) as file, ThreadPoolExecutor() as pool:
        places = range(0, len(DATA), share)
        counts = pool.map(lambda at: file.readinto_at(at, memoryview(memory)[at : at + share]), places)
        assert sum(counts) == len(DATA)
    assert memory == DATA


@pytest.mark.parametrize("buffering", [0, -1])
def test_wrong_arguments_are_rejected(session, path, buffering):
    with s3.open(path, buffering=buffering, session=session) as file:
        for wrong in (b"1234", memoryview(bytearray(8))[::2], 4):
            with pytest.raises(TypeError):
                file.readinto_at(0, wrong)
        for call in (
            lambda: file.readinto_at(-1, bytearray(4)),
            lambda: file.read_at(-1, 4),
            lambda: file.read_ranges([(4, 0)]),
            lambda: file.read_ranges_into([(0, 4), (4, 8)], [bytearray(4)]),
            lambda: file.read_ranges_into([(0, 4)], [bytearray(5)]),
        ):
            with pytest.raises(InvalidRangeError):
                call()


@pytest.mark.parametrize("call", CALLS)
def test_what_does_not_read_anywhere_says_so(session, path, call):
    with s3.open(path, buffering="pipe", session=session) as file:
        with pytest.raises(UnsupportedError, match=rf"{call}: {path} is a pipe"):
            CALLS[call](file)
        assert file.read(5) == DATA[:5]


@pytest.mark.parametrize("call", CALLS)
def test_a_closed_file_is_read_at_no_place(session, path, call):
    for buffering in (0, -1):
        file = s3.open(path, buffering=buffering, session=session)
        file.close()
        with pytest.raises(ClosedHandleError):
            CALLS[call](file)


@pytest.mark.parametrize("buffering", [0, "memory", "disk"])
@pytest.mark.parametrize("call", ["readinto", "readinto_at", "read_ranges_into"])
def test_a_buffer_may_grow_though_the_loop_still_has_it(session, path, monkeypatch, call, buffering):
    """The loop's thread gives up a call a little after its result."""
    held = []
    call_with_buffer = LoopThread.call_with_buffer

    def holding(self, function, memory):
        held.append(memory)
        return call_with_buffer(self, function, memory)

    monkeypatch.setattr(LoopThread, "call_with_buffer", holding)
    memory = bytearray(1000)
    with s3.open(path, buffering=buffering, session=session) as file:
        if call == "readinto":
            file.readinto(memory)
        elif call == "readinto_at":
            file.readinto_at(0, memory)
        else:
            file.read_ranges_into([(0, 1000)], [memory])
        assert held
        memory.append(0)
    assert memory == DATA[:1000] + b"\0"
