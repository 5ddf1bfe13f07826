"""A read that is cancelled or fails moves nothing: every way to open, every verb that reads, every moment."""

import asyncio
import copy
import errno
import io
import os
import random

import pytest
from fake_s3 import SMALL, URL
from readers import READERS, Opened, open_to_read, put

import aios3
from aios3._handles.positions import byte_view, position_of
from aios3._handles.text import AsyncTextReader
from aios3.errors import AccessDeniedError, InvalidRangeError, WrongTypeError

_RANDOM = random.Random(7)
DATA = "".join(f"{number} {_RANDOM.randbytes(2 * number).hex()}\n" for number in range(700)).encode()
START = 70_001
"""Where the reads begin: in the middle of a line."""


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    monkeypatch.setattr("aios3._engine.retry_policy.retry_delay", lambda _failures: 0)


@pytest.fixture
def s3(s3):
    put(s3, DATA)
    return s3


class OpenedText(Opened):
    """The same of text, whose position is what is left to read."""

    position = START


async def _open(session, way):
    if way == "text":
        return OpenedText(await aios3.aopen(URL, "r", newline="", session=session))
    return await open_to_read(way, session)


WAYS = [*READERS, "text"]
SIZE = 800_000


async def read(file):
    return await file.read(SIZE)


async def read_all(file):
    return await file.read()


async def readinto(file):
    room = bytearray(SIZE)
    return bytes(room[: await file.readinto(room)])


async def readline(file):
    return await file.readline()


async def readlines(file):
    return (b"" if not isinstance(file, AsyncTextReader) else "").join(await file.readlines(SIZE))


VERBS = [read, read_all, readinto, readline, readlines]


def _text(data):
    return data if isinstance(data, bytes) else data.encode()


async def _rest(opened):
    return _text(await opened.file.read())


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("verb", VERBS)
async def test_a_cancelled_read_moves_nothing(s3, way, verb):
    if way == "text" and verb is readinto:
        pytest.skip("text is not read into memory")
    cancelled = 0
    for turns in range(0, 2000, 11):
        async with aios3.Session(**SMALL) as session:
            opened = await _open(session, way)
            assert _text(await opened.file.read(START)) == DATA[:START]
            task = asyncio.create_task(verb(opened.file))
            for _ in range(turns):
                await asyncio.sleep(0)
            task.cancel()
            try:
                got = _text(await task)
            except asyncio.CancelledError:
                cancelled += 1
                assert opened.position == START
                assert await _rest(opened) == DATA[START:]
                await opened.aclose()
            else:
                assert got == DATA[START : START + len(got)]
                assert await _rest(opened) == DATA[START + len(got) :]
                await opened.aclose()
                break
    assert cancelled


@pytest.mark.parametrize("way", [way for way in WAYS if way not in {"memory", "disk"}])
@pytest.mark.parametrize("verb", VERBS)
async def test_a_read_that_fails_moves_nothing(s3, way, verb):
    if way == "text" and verb is readinto:
        pytest.skip("text is not read into memory")
    async with aios3.Session(**SMALL | {"max_attempts": 1}) as session:
        opened = await _open(session, way)
        s3.allowance = 320_000  # so that not all of it is read ahead
        assert _text(await opened.file.read(START)) == DATA[:START]
        failed = 0
        for allowed in (0, 10, 10_000, 30_000):
            s3.allowance = allowed
            try:
                got = _text(await verb(opened.file))
            except AccessDeniedError:
                failed += 1
                assert opened.position == START
            else:  # all of it was at hand
                assert got == DATA[START : START + len(got)]
                break
        s3.allowance = None
        assert await _rest(opened) == DATA[START + (0 if failed == 4 else len(got)) :]
        await opened.aclose()
    assert failed or verb in {readline, readlines}


@pytest.mark.parametrize("way", ["prefetch", "shared", "memory", "disk", "stored.zip"])
@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ((-1,), errno.EINVAL),
        ((-len(DATA) - 1, os.SEEK_END), errno.EINVAL),
        ((-1, os.SEEK_CUR), errno.EINVAL),
        ((0, 99), errno.EINVAL),
        ((len(DATA), os.SEEK_DATA), errno.ENXIO),
        ((len(DATA) + 1, os.SEEK_HOLE), errno.ENXIO),
    ],
)
async def test_no_such_position_is_the_error_of_the_system_and_a_value_error(s3, way, arguments, code):
    async with aios3.Session(**SMALL) as session:
        opened = await _open(session, way)
        with pytest.raises(InvalidRangeError) as caught:
            await opened.file.seek(*arguments)
        assert isinstance(caught.value, OSError)
        assert isinstance(caught.value, ValueError)
        assert caught.value.errno == code
        assert opened.file.tell() == 0
        with pytest.raises(TypeError):
            await opened.file.seek(1.5)
        await opened.aclose()


def _outcome(seek, *arguments):
    try:
        return seek(*arguments)
    except OSError as error:
        return error.errno


@pytest.mark.parametrize("whence", [os.SEEK_SET, os.SEEK_CUR, os.SEEK_END, os.SEEK_DATA, os.SEEK_HOLE, 17])
@pytest.mark.parametrize("offset", [-101, -100, -1, 0, 1, 99, 100, 101, 1000])
def test_seeks_lead_where_the_system_says(tmp_path, offset, whence):
    (tmp_path / "file").write_bytes(bytes(100))
    with (tmp_path / "file").open("rb", buffering=0) as file:
        file.seek(50)
        expected = {_outcome(file.seek, offset, whence)}
    if whence in {os.SEEK_DATA, os.SEEK_HOLE} and offset < 0:
        expected = {errno.EINVAL, errno.ENXIO}  # systems differ
    assert _outcome(position_of, "name", offset, whence, 50, 100) in expected


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy])
async def test_a_file_cannot_be_copied_and_lives_on(s3, way, again):
    async with aios3.Session(**SMALL) as session:
        opened = await _open(session, way)
        with pytest.raises(TypeError, match="cannot pickle"):
            again(opened.file)
        assert await _rest(opened) == DATA
        await opened.aclose()


@pytest.mark.parametrize("buffering", [None, "pipe", "limited", "memory", "disk"])
async def test_a_file_that_writes_cannot_be_copied_and_lives_on(s3, buffering):
    async with aios3.Session(**SMALL) as session:
        async with aios3.aopen("s3://bucket/new", "wb", buffering=buffering, session=session) as file:
            await file.write(b"one")
            with pytest.raises(TypeError, match="cannot pickle"):
                copy.copy(file)
            await file.write(b"two")
        assert s3.objects["new"].data == b"onetwo"


# Lines of any length


class Counted(str):
    """Text that counts how many characters were put together, by ``+``, which copies both sides."""

    __slots__ = ()
    total = 0

    def __add__(self, other):
        Counted.total += len(self) + len(other)
        return Counted(str(self) + str(other))

    def __radd__(self, other):
        Counted.total += len(self) + len(other)
        return Counted(str(other) + str(self))


class Source:
    """A binary file of one long line."""

    path, name, closed = "s3://bucket/key", "s3://bucket/key", False

    def __init__(self, size):
        self._bytes = io.BytesIO(b"x" * size + b"\n")

    async def read(self, size=-1):
        return self._bytes.read(size)


@pytest.mark.parametrize("verb", ["readline", "read", "readlines", "small reads"])
async def test_a_long_line_is_put_together_once(verb):
    size = 3 << 20
    file = AsyncTextReader(Source(size), "utf-8", "strict", None)
    decoder = file._decoder

    class Decoder:
        getstate, setstate = decoder.getstate, decoder.setstate

        @staticmethod
        def decode(data, *, final=False):
            return Counted(decoder.decode(data, final=final))

    file._decoder = Decoder()
    Counted.total = 0
    if verb == "small reads":
        got = "".join([await file.read(1000) for _ in range(size // 1000 + 1)])
    else:
        got = "".join(await getattr(file, verb)(*([size + 1] if verb == "read" else [])))
    assert len(got) == size + 1
    assert Counted.total <= 4 * size


@pytest.mark.parametrize("newline", [None, "", "\n", "\r", "\r\n"])
async def test_line_ends_between_two_pieces(newline, monkeypatch):
    text = "one\r\ntwo\rthree\n\r\n\rfour\r\n"
    for size in range(1, 8):
        monkeypatch.setattr("aios3._handles.text._CHUNK_BYTES", size)
        source = Source(0)
        source._bytes = io.BytesIO(text.encode())
        file = AsyncTextReader(source, "utf-8", "strict", newline)
        assert [line async for line in file] == io.TextIOWrapper(io.BytesIO(text.encode()), newline=newline).readlines()


def test_memory_of_any_shape():
    numpy = pytest.importorskip("numpy")
    for array in (numpy.zeros((0, 3)), numpy.arange(6).reshape(2, 3), numpy.array(["2024-01-01"], "M8[s]"), b"abc"):
        assert bytes(byte_view(array)) == numpy.asarray(array).tobytes()
    assert bytes(byte_view(numpy.array([1, 2], ">i4"))) == b"\0\0\0\1\0\0\0\2"
    with pytest.raises((BufferError, ValueError)):
        byte_view(memoryview(b"abcdef")[::2])


async def test_only_text_is_written_as_text(s3):
    async with aios3.Session(**SMALL) as session:
        file = await aios3.aopen("s3://bucket/new", "w", session=session)
        with pytest.raises(WrongTypeError):
            await file.write(b"bytes")
        await file.abort()
