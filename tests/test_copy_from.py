"""Writing from other files and iterables: every kind of source, none of it read on the event loop, nothing lost."""

from __future__ import annotations

import array
import collections
import gzip
import io
import math
import mmap
import os
import threading
from pathlib import Path
from types import SimpleNamespace

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

import aios3
from aios3._handles import copy_from as module
from aios3._handles.copy_from import copy_from
from aios3.errors import ConfigError

PIECE = module._CHUNK_BYTES
DATA = bytes(range(256)) * (PIECE // 256 * 2) + b"the rest"
"""More than two pieces of a file."""


class MishapError(Exception):
    """What goes wrong in a source."""


class Target:
    """Collects what is written."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []

    async def write(self, data) -> int:
        self.pieces.append(bytes(memoryview(data).cast("B")))
        return len(self.pieces[-1])

    @property
    def data(self) -> bytes:
        return b"".join(self.pieces)


async def check(source, expected: bytes) -> list[bytes]:
    target = Target()
    assert await copy_from(source, target.write) == len(expected)
    assert target.data == expected
    return target.pieces


@pytest.mark.parametrize(
    "data",
    [
        b"bytes",
        b"",
        bytearray(b"bytes"),
        memoryview(b"bytes"),
        memoryview(b"abcdef")[::1].cast("H"),
        array.array("I", [1, 2, 3]),
        array.array("d"),
    ],
    ids=lambda data: f"{type(data).__name__} of {len(data)}",
)
async def test_what_is_bytes_is_written_at_once(data):
    assert len(await check(data, bytes(memoryview(data).cast("B")))) == 1


@given(st.lists(st.binary(max_size=5) | st.binary(max_size=5).map(bytearray), max_size=6))
async def test_iterables(pieces):
    expected = b"".join(pieces)

    async def each():
        for piece in pieces:
            yield piece

    for source in (list(pieces), tuple(pieces), collections.deque(pieces), iter(pieces), map(memoryview, pieces)):
        await check(source, expected)
    await check((piece for piece in pieces), expected)
    await check(each(), expected)


async def test_files_of_every_kind(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(DATA)
    with path.open("rb") as buffered, path.open("rb", buffering=0) as raw:
        await check(buffered, DATA)
        assert not buffered.closed
        await check(raw, DATA)
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        await check(mapped, DATA)
    with gzip.open(tmp_path / "packed", "wb") as packed:
        packed.write(DATA)
    with gzip.open(tmp_path / "packed") as packed:
        await check(packed, DATA)
    async with await anyio.open_file(path, "rb") as file:
        await check(file, DATA)
    pieces = await check(io.BytesIO(DATA), DATA)
    assert [len(piece) for piece in pieces] == [PIECE, PIECE, len(b"the rest")]


async def test_a_file_is_read_from_where_it_stands():
    source = io.BytesIO(b"0123456789")
    source.seek(4)
    await check(source, b"456789")


async def test_a_pipe_that_gives_little_at_a_time():
    """A raw file may return less than asked for at any time; only nothing is the end."""

    class Trickle(io.RawIOBase):
        left = b"abcdefg"

        def readable(self) -> bool:
            return True

        def readinto(self, buffer) -> int:
            taken, self.left = self.left[:2], self.left[2:]
            buffer[: len(taken)] = taken
            return len(taken)

    assert await check(Trickle(), b"abcdefg") == [b"ab", b"cd", b"ef", b"g"]


async def test_a_read_that_returns_something_to_await():
    class Wrapped:
        """Not a coroutine function, as decorators make it."""

        def __init__(self) -> None:
            self.file = io.BytesIO(b"abc")

        def read(self, size: int):
            async def response() -> bytes:
                return self.file.read(size)

            return response()

    await check(Wrapped(), b"abc")


async def test_what_may_block_runs_in_threads():
    here = threading.get_ident()
    seen: set[int] = set()

    class File(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            seen.add(threading.get_ident())
            return super().read(size)

    def pieces():
        seen.add(threading.get_ident())
        yield b"one"
        seen.add(threading.get_ident())

    await check(File(b"abc"), b"abc")
    await check(pieces(), b"one")
    assert seen
    assert here not in seen


async def test_what_is_async_runs_here():
    here = threading.get_ident()

    class File:
        async def read(self, size: int) -> bytes:
            assert threading.get_ident() == here
            return b""

    async def pieces():
        assert threading.get_ident() == here
        yield b"one"

    await check(File(), b"")
    await check(pieces(), b"one")


class AsyncStrings:
    def __init__(self, *texts: str) -> None:
        self.texts = texts

    async def __aiter__(self):
        for text in self.texts:
            yield text


async def test_text_is_rejected(tmp_path):
    path = tmp_path / "text"
    path.write_text("text")
    empty = tmp_path / "empty"
    empty.write_text("")
    for source in (io.StringIO("text"), io.StringIO(""), ["text"], iter(["text"]), AsyncStrings("text"), [b"a", ""]):
        with pytest.raises(ConfigError, match="Cannot write text to a binary file: open the source in binary mode"):
            await copy_from(source, Target().write)
    for name in (path, empty):
        async with await anyio.open_file(name) as file:
            with pytest.raises(ConfigError, match="Cannot write text"):
                await copy_from(file, Target().write)


@pytest.mark.parametrize("source", ["text", "", 5, None, 1.5, Path("file"), object(), io.BytesIO])
async def test_an_invalid_source_is_rejected(source):
    target = Target()
    with pytest.raises((ConfigError, TypeError)) as caught:
        await copy_from(source, target.write)
    assert target.pieces == []
    if not isinstance(source, type):
        assert type(source).__name__ in str(caught.value)


@pytest.mark.parametrize(
    "source", [[1], iter([1]), range(3), [b"a", 5], [[b"a"]]], ids=lambda data: type(data).__name__
)
async def test_numbers_are_no_bytes(source):
    with pytest.raises(TypeError, match="bytes-like"):
        await copy_from(source, Target().write)


async def test_nothing_is_not_the_end():
    """What yields None in the middle, or a file that has no bytes yet, must not pass for a shorter one."""

    async def pieces():
        yield b"a"
        yield None

    for source in ([b"a", None, b"b"], iter([b"a", None, b"b"]), pieces()):
        with pytest.raises(ConfigError, match="Cannot write None"):
            await copy_from(source, Target().write)
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    with open(reading, "rb", buffering=0) as source, open(writing, "wb", buffering=0) as end:  # noqa: ASYNC230, PTH123
        end.write(b"first")
        with pytest.raises(ConfigError, match="non-blocking mode"):
            await copy_from(source, Target().write)


def fails_after(count: int):
    yield from [b"piece"] * count
    raise MishapError


async def fails_async_after(count: int):
    for piece in [b"piece"] * count:
        yield piece
    raise MishapError


class FailingFile:
    def __init__(self, count: int) -> None:
        self.left = count

    def read(self, size: int) -> bytes:
        if self.left == 0:
            raise MishapError
        self.left -= 1
        return b"piece"


class FailingAsyncFile(FailingFile):
    async def read(self, size: int) -> bytes:
        return super().read(size)


FAILING = [fails_after, fails_async_after, FailingFile, FailingAsyncFile]


@pytest.mark.parametrize("count", [0, 2])
@pytest.mark.parametrize("source", FAILING)
async def test_what_goes_wrong_in_the_source_is_raised(source, count):
    target = Target()
    with pytest.raises(MishapError):
        await copy_from(source(count), target.write)
    assert target.data == b"piece" * count


async def test_small_pieces_of_an_iterable_are_taken_together(monkeypatch):
    """A hundred thousand rows are not a hundred thousand changes of threads."""
    calls = 0
    read_batch = module._read_batch

    def counted(*args):
        nonlocal calls
        calls += 1
        return read_batch(*args)

    monkeypatch.setattr(module, "_read_batch", counted)
    monkeypatch.setattr(module, "_MAX_BATCH_SECONDS", math.inf)

    def rows():
        for number in range(100_000):
            yield b"%d\n" % number

    await check(rows(), b"".join(rows()))
    assert calls == 1


async def test_large_pieces_of_an_iterable_are_not_copied():
    large = [bytes(PIECE), memoryview(bytes(PIECE)), bytes(module._SMALL_BYTES)]
    seen: list[object] = []

    async def write(data) -> int:
        seen.append(data)
        return len(data)

    assert await copy_from(iter(large), write) == sum(map(len, large))
    assert all(one is other for one, other in zip(seen, large, strict=True))


@pytest.mark.parametrize("size", [10, module._SMALL_BYTES - 1, module._SMALL_BYTES, PIECE])
async def test_an_iterable_may_fill_the_same_memory_again(size):
    memory = bytearray(size)

    def pieces():
        for number in range(7):
            memory[:] = bytes([number]) * size
            yield memoryview(memory)

    await check(pieces(), b"".join(bytes([number]) * size for number in range(7)))


async def test_pieces_keep_their_order_and_memory_its_bounds():
    sizes = [1, module._SMALL_BYTES, 5, 0, 3 * PIECE, *[module._SMALL_BYTES - 1] * 40, 2]
    data = [bytes([number % 256]) * size for number, size in enumerate(sizes)]
    pieces = await check(iter(data), b"".join(data))
    assert max(map(len, pieces)) <= 3 * PIECE
    assert all(len(piece) < PIECE + module._SMALL_BYTES for piece in pieces if len(piece) != 3 * PIECE)


async def test_what_a_slow_iterable_gives_is_written_as_it_comes(monkeypatch):
    """Rows that come once a second are not held back until there is a megabyte of them."""
    now = 0.0

    def pieces():
        nonlocal now
        for number in range(3):
            now += 1
            yield b"row %d" % number

    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: now))  # not the event loop's
    assert await check(pieces(), b"row 0row 1row 2") == [b"row 0", b"row 1", b"row 2"]


async def test_what_goes_wrong_in_writing_is_raised():
    async def write(_data) -> int:
        raise MishapError

    for source in (b"data", io.BytesIO(b"data"), [b"data"], iter([b"data"])):
        with pytest.raises(MishapError):
            await copy_from(source, write)


@pytest.mark.parametrize("source", FAILING)
async def test_a_source_that_fails_publishes_nothing(aios3_bucket, aios3_session, source):
    path = f"{aios3_bucket}/copy"
    with pytest.raises(MishapError):
        async with aios3.aopen(path, "wb", session=aios3_session) as file:
            await file.write_from(source(2))
    assert file.closed
    with pytest.raises(aios3.ObjectNotFoundError):
        await aios3.read_bytes(path, session=aios3_session)


async def test_copies_from_one_object_to_another(aios3_bucket, aios3_session):
    one, two, three = (f"{aios3_bucket}/{name}" for name in ("one", "two", "three"))
    await aios3.write_bytes(one, DATA, session=aios3_session)
    async with aios3.aopen(one, session=aios3_session) as source:
        async with aios3.aopen(two, "wb", session=aios3_session) as file:
            assert await file.write_from(source) == len(DATA)
            assert file.tell() == len(DATA)
        await source.seek(5)
        async with aios3.aopen(three, "wb", session=aios3_session) as file:
            assert await file.write_from(source.chunks()) == len(DATA) - 5
    assert await aios3.read_bytes(two, session=aios3_session) == DATA
    assert await aios3.read_bytes(three, session=aios3_session) == DATA[5:]


async def test_a_text_file_is_no_source_for_bytes(aios3_bucket, aios3_session):
    await aios3.write_text(f"{aios3_bucket}/one", "text", session=aios3_session)
    async with aios3.aopen(f"{aios3_bucket}/one", "r", session=aios3_session) as source:
        with pytest.raises(ConfigError, match="Cannot write text"):
            async with aios3.aopen(f"{aios3_bucket}/two", "wb", session=aios3_session) as file:
                await file.write_from(source)
    assert file.closed
