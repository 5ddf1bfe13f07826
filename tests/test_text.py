"""Text files, against io.TextIOWrapper over the same bytes."""

from __future__ import annotations

import asyncio
import contextlib
import io
import itertools
import os
from unittest import mock

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import aios3
from aios3._handles import text as module
from aios3._handles.options import text_settings
from aios3._handles.text import AsyncTextReader, AsyncTextWriter
from aios3.errors import ClosedHandleError, ConfigError

ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "utf-32", "latin-1", "shift_jis", "iso2022_jp"]
NEWLINES = [None, "", "\n", "\r", "\r\n"]


class MishapError(Exception):
    """What goes wrong in the body of a ``with``."""


class BinaryReader:
    """The part of AsyncPrefetchReader that text needs, over bytes."""

    name = "s3://bucket/text"
    path = aios3.S3Url("bucket", "text")

    def __init__(self, data: bytes) -> None:
        self.file = io.BytesIO(data)
        self.closed = False

    async def __aexit__(self, *_exc: object) -> None:
        await self.aclose()

    async def read(self, size: int = -1) -> bytes:
        return self.file.read(size)

    async def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        if self.closed:
            message = f"{self.name} is closed"
            raise ClosedHandleError(message)
        return self.file.seek(offset, whence)

    def stat(self) -> aios3.StatResult:
        return aios3.StatResult(size=len(self.file.getvalue()))

    async def aclose(self) -> None:
        self.closed = True


class BinaryWriter:
    """The part of AsyncMultipartWriter that text needs, into bytes; what was there is ``old``."""

    name = "s3://bucket/text"
    path = aios3.S3Url("bucket", "text")
    result = aios3.WriteResult(5)

    def __init__(self, old: bytes = b"", mode: str = "wb") -> None:
        self.data = old
        self.mode = mode
        self.ends: list[str] = []

    @property
    def closed(self) -> bool:
        return bool(self.ends)

    async def __aexit__(self, exc_type: type[BaseException] | None, *_exc: object) -> None:
        await (self.aclose() if exc_type is None else self.abort())

    async def write(self, data: bytes) -> int:
        self.data += data
        return len(data)

    def tell(self) -> int:
        return len(self.data)

    async def aclose(self) -> None:
        self.ends.append("closed")

    async def abort(self) -> None:
        self.ends.append("aborted")


def ours(data: bytes, encoding: str = "utf-8", errors: str = "strict", newline: str | None = None) -> AsyncTextReader:
    return AsyncTextReader(BinaryReader(data), encoding, errors, newline)


def oracle(data: bytes, encoding: str = "utf-8", errors: str = "strict", newline: str | None = None):
    return io.TextIOWrapper(io.BytesIO(data), encoding, errors, newline)


@contextlib.contextmanager
def chunks_of(size: int):
    with mock.patch.object(module, "_CHUNK_BYTES", size):
        yield


async def apply(file: AsyncTextReader, operation: tuple) -> object:
    name, *arguments = operation
    if name == "next":
        async for line in file:
            return line
        return ""
    return await getattr(file, name)(*arguments)


def apply_to_oracle(file: io.TextIOWrapper, operation: tuple) -> object:
    name, *arguments = operation
    if name == "next":
        return next(file, "")
    return getattr(file, name)(*arguments)


SIZES = st.none() | st.integers(-2, 12)
OPERATIONS = st.one_of(
    st.tuples(st.just("read"), SIZES),
    st.tuples(st.just("readline"), st.integers(-2, 12)),
    st.tuples(st.just("readlines"), SIZES),
    st.tuples(st.sampled_from(["next", "next", "next", "read", "readline"])),
)
PIECES = st.sampled_from(
    [
        *("\n", "\r", "\r\n", "\r\r\n", "\n\r"),
        *("\x0b", "\x0c", "\x1c", "\x85", "\u2028"),  # str.splitlines ends lines here
        *("a", "bc", "é", "\u20ac", "\u3042", "\u3044", "\U0001f600", "\0", "\ufeff", "long enough for many chunks"),
    ]
)
TEXTS = st.lists(PIECES, max_size=20).map("".join)


@given(
    text=TEXTS,
    encoding=st.sampled_from(ENCODINGS),
    newline=st.sampled_from(NEWLINES),
    chunk=st.integers(1, 9),
    operations=st.lists(OPERATIONS, max_size=8),
)
@example("a\r\nb", "utf-8", "", 2, [("readline",), ("readline",)])
@example("a\r\nb", "utf-16", "\r\n", 3, [("readline", 2), ("readline",), ("readline",)])
@example("a\rb", "utf-8", "", 1, [("next",), ("next",), ("next",)])
@example("\r", "utf-8", "", 1, [("readline",), ("readline",)])
@example("\u3042\n", "shift_jis", None, 1, [("read", 1), ("read",)])
async def test_reads_text_as_the_standard_library_does(text, encoding, newline, chunk, operations):
    data = text.encode(encoding, "ignore")
    file, expected = ours(data, encoding, newline=newline), oracle(data, encoding, newline=newline)
    with chunks_of(chunk):
        for operation in [*operations, ("read",), ("read",), ("read", 1), ("readline",), ("next",)]:
            assert await apply(file, operation) == apply_to_oracle(expected, operation)
    assert file.newlines == expected.newlines


@given(
    data=st.lists(st.binary(max_size=3) | PIECES.map(str.encode), max_size=12).map(b"".join),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16-le", "utf-32-be", "shift_jis", "ascii"]),
    errors=st.sampled_from(["ignore", "replace", "backslashreplace"]),
    newline=st.sampled_from(NEWLINES),
    chunk=st.integers(1, 9),
    operations=st.lists(OPERATIONS, max_size=6),
)
async def test_undecodable_bytes_follow_the_errors_argument(data, encoding, errors, newline, chunk, operations):
    file, expected = ours(data, encoding, errors, newline), oracle(data, encoding, errors, newline)
    with chunks_of(chunk):
        for operation in [*operations, ("read",)]:
            assert await apply(file, operation) == apply_to_oracle(expected, operation)


@given(data=st.binary(max_size=20), encoding=st.sampled_from(ENCODINGS), chunk=st.integers(1, 5))
@example(b"ab\xff", "utf-8", 1)
@example(b"ab\xe2\x82", "utf-8", 1)
@example(b"\xff\xfea", "utf-16", 1)
async def test_bytes_that_are_no_text_are_an_error(data, encoding, chunk):
    try:
        expected = oracle(data, encoding, newline="").read()
    except UnicodeError:
        expected = UnicodeError
    for whole in (True, False):
        file = ours(data, encoding, newline="")
        try:
            with chunks_of(chunk):
                found = await file.read() if whole else "".join([piece async for piece in characters(file)])
        except UnicodeError:
            found = UnicodeError
        assert found == expected


DECODED_TWICE = {
    "read": lambda file: file.read(),
    "read of a size": lambda file: file.read(100),
    "readline": lambda file: file.readline(),
    "readlines": lambda file: file.readlines(),
    "iteration": lambda file: anext(aiter(file)),
}


@pytest.mark.parametrize("chunk", [1, 2, 5, 100])
@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        (b"abc\xffde", "utf-8"),
        (b"ab\xe2\x82", "utf-8"),
        (b"no mark", "utf-16"),
        (b"no mark", "utf-32"),
        (b"a\0b\0c", "utf-16-le"),
        (b"ab\x93", "shift_jis"),
        (b"+\xac", "utf-7"),
    ],
)
@pytest.mark.parametrize("newline", NEWLINES)
@pytest.mark.parametrize("verb", DECODED_TWICE)
async def test_what_could_not_be_decoded_is_not_passed_over(verb, newline, data, encoding, chunk):
    """Otherwise the next read would go on behind it, or take the end for the end of the text."""
    file = ours(data, encoding, newline=newline)
    with chunks_of(chunk):
        for again in [*DECODED_TWICE.values(), DECODED_TWICE[verb]]:
            with pytest.raises(UnicodeError):
                await DECODED_TWICE[verb](file)
            with pytest.raises(UnicodeError):
                await again(file)
        await file.rewind()
        good = len(data[:2].decode(encoding, "ignore")) if encoding not in {"utf-7", "utf-16", "utf-32"} else 0
        if chunk == 1:
            assert await file.read(good) == data[:2].decode(encoding, "ignore")[:good]


async def characters(file: AsyncTextReader):
    while character := await file.read(1):
        yield character


async def test_surrogates_stand_for_bytes_that_are_no_text():
    data = b"a\xff\xe2\x82b"
    file = ours(data, errors="surrogateescape")
    with chunks_of(1):
        text = "".join([character async for character in characters(file)])
    assert text.encode("utf-8", "surrogateescape") == data


async def test_iterates_over_lines_across_large_chunks():
    data = "\r\n".join(f"line {number} \u20ac" for number in range(20_000)).encode()
    assert [line async for line in ours(data)] == oracle(data).readlines()


async def test_reads_no_more_than_it_needs():
    file = ours(b"abcdefgh\n" * 100)
    with chunks_of(10):
        assert await file.read(0) == ""
        assert file.buffer.file.tell() == 0
        assert await file.read(3) == "abc"
        assert file.buffer.file.tell() == 10
        assert await file.readline() == "defgh\n"
        assert file.buffer.file.tell() == 10
        assert await file.readline(3) == "abc"
        assert file.buffer.file.tell() == 20
    file = ours(b"x" * 1000)
    with chunks_of(10):
        assert await file.readline(3) == "xxx"
        assert file.buffer.file.tell() == 10


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "shift_jis"])
async def test_rewinds(encoding):
    data = "\u3042\r\nb\n".encode(encoding)
    file = ours(data, encoding)
    with chunks_of(3):
        for _ in range(3):
            assert await file.readline() == "\u3042\n"
            await file.rewind()
        assert await file.read() == "\u3042\nb\n"
        assert await file.read() == ""
        await file.rewind()
        assert file.newlines is None
        assert await file.readlines() == ["\u3042\n", "b\n"]


async def test_lines_of_several_tasks_are_whole():
    lines = [f"line {number}\n" for number in range(50)]
    file = ours("".join(lines).encode())
    read_now = file.buffer.read

    async def slow_read(size: int) -> bytes:
        await asyncio.sleep(0)
        return await read_now(size)

    async def some() -> list[str]:
        return [await file.readline() for _ in range(10)]

    with chunks_of(7), mock.patch.object(file.buffer, "read", slow_read):
        found = await asyncio.gather(*(some() for _ in range(5)))
    assert sorted(itertools.chain(*found)) == sorted(lines)


async def test_a_closed_text_file_reads_nothing_more():
    file = ours(b"one\ntwo\n")
    assert await file.readline() == "one\n"
    await file.aclose()
    await file.aclose()
    assert file.closed
    for use in (file.read, lambda: file.read(1), lambda: file.read(0), file.readline, file.readlines, file.rewind):
        with pytest.raises(ClosedHandleError, match="s3://bucket/text is closed"):
            await use()
    with pytest.raises(ClosedHandleError):
        [line async for line in file]
    with pytest.raises(ClosedHandleError):
        async with file:
            pytest.fail("a closed file was entered")


async def test_leaving_closes():
    async with ours(b"") as file:
        assert not file.closed
    assert file.closed
    with pytest.raises(MishapError):
        async with ours(b"") as file:
            raise MishapError
    assert file.closed


async def test_a_text_reader_says_what_it_is():
    file = ours(b"12345", "latin-1", "replace")
    assert repr(file) == "<aios3.AsyncTextReader s3://bucket/text latin-1>"
    assert (file.name, file.path, file.mode) == ("s3://bucket/text", aios3.S3Url("bucket", "text"), "r")
    assert (file.encoding, file.errors, file.closed) == ("latin-1", "replace", False)
    assert file.stat().size == 5
    assert isinstance(file.buffer, BinaryReader)


def written_by_oracle(old: bytes, texts: list[str], encoding: str, errors: str, newline: str | None) -> bytes:
    target = io.BytesIO(old)
    target.seek(0, io.SEEK_END)
    file = io.TextIOWrapper(target, encoding, errors, newline)
    for text in texts:
        file.write(text)
    file.flush()
    return target.getvalue()


@given(
    texts=st.lists(TEXTS, max_size=5),
    encoding=st.sampled_from(ENCODINGS),
    errors=st.sampled_from(["ignore", "replace", "backslashreplace", "xmlcharrefreplace"]),
    newline=st.sampled_from(NEWLINES),
    old=st.sampled_from([b"", b"\xff\xfea\0", b"old", b"\xef\xbb\xbfold"]),
)
@example(["\n"], "utf-16", "replace", "\r\n", b"")
@example(["", "a"], "utf-8-sig", "replace", None, b"")
@example(["a"], "utf-8-sig", "replace", None, b"old")
async def test_writes_text_as_the_standard_library_does(texts, encoding, errors, newline, old):
    file = AsyncTextWriter(BinaryWriter(old), encoding, errors, newline)
    for text in texts:
        assert await file.write(text) == len(text)
    assert file.buffer.data == written_by_oracle(old, texts, encoding, errors, newline)


async def test_writes_lines():
    file = AsyncTextWriter(BinaryWriter(), "utf-8", "strict", "\r\n")
    await file.writelines(iter(["a\n", "b", "c\n"]))
    assert file.buffer.data == b"a\r\nbc\r\n"


async def test_lines_end_as_on_this_system(monkeypatch):
    monkeypatch.setattr(os, "linesep", "\r\n")
    file = AsyncTextWriter(BinaryWriter(), "utf-8", "strict", None)
    await file.write("a\nb")
    assert file.buffer.data == b"a\r\nb"


@pytest.mark.parametrize("data", [b"bytes", None, 5, bytearray(b"x"), ["text"]])
async def test_only_text_is_written(data):
    file = AsyncTextWriter(BinaryWriter(), "utf-8", "strict", None)
    with pytest.raises(ConfigError, match=f"takes str, not {type(data).__name__}; open with 'b'"):
        await file.write(data)
    assert file.buffer.data == b""


async def test_what_cannot_be_encoded_aborts():
    target = BinaryWriter()
    with pytest.raises(UnicodeEncodeError):
        async with AsyncTextWriter(target, "latin-1", "strict", None) as file:
            await file.write("a")
            await file.write("b\u20acc")
    assert (target.data, target.ends) == (b"a", ["aborted"])


async def test_how_a_text_file_ends_is_how_the_binary_one_ends():
    async with AsyncTextWriter(BinaryWriter(), "utf-8", "strict", None) as file:
        assert not file.closed
    assert file.buffer.ends == ["closed"]
    assert file.closed
    await file.abort()
    await file.aclose()
    assert file.buffer.ends == ["closed", "aborted", "closed"]
    with pytest.raises(MishapError):
        async with AsyncTextWriter(BinaryWriter(), "utf-8", "strict", None) as file:
            raise MishapError
    assert file.buffer.ends == ["aborted"]


@pytest.mark.parametrize("mode", ["wb", "xb", "ab"])
async def test_a_text_writer_says_what_it_is(mode):
    file = AsyncTextWriter(BinaryWriter(mode=mode), "utf-16", "replace", None)
    assert repr(file) == "<aios3.AsyncTextWriter s3://bucket/text utf-16>"
    assert (file.name, file.path, file.mode) == ("s3://bucket/text", aios3.S3Url("bucket", "text"), mode[0])
    assert (file.encoding, file.errors, file.result) == ("utf-16", "replace", aios3.WriteResult(5))


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({}, ("utf-8", "strict", None)),
        ({"encoding": "latin-1", "errors": "replace", "newline": "\r"}, ("latin-1", "replace", "\r")),
        ({"newline": ""}, ("utf-8", "strict", "")),
    ],
)
def test_settings_of_text(arguments, expected):
    given_ = {"encoding": None, "errors": None, "newline": None} | arguments
    assert text_settings(binary=False, **given_) == expected


def test_bytes_need_no_settings_of_text():
    assert text_settings(binary=True, encoding=None, errors=None, newline=None) == ("utf-8", "strict", None)


@pytest.mark.parametrize(
    "wrong",
    [
        {"encoding": "utf-9"},
        {"encoding": ""},
        {"encoding": "hex"},
        {"encoding": "rot13"},
        {"encoding": "base64"},
        {"encoding": "undefined"},
        {"encoding": "utf-8\0"},
        {"encoding": 8},
        {"encoding": b"utf-8"},
        {"errors": "forgive"},
        {"errors": ""},
        {"errors": 5},
        {"newline": "\n\r"},
        {"newline": "x"},
        {"newline": b"\n"},
        {"newline": 5},
        {"newline": ["\n"]},
    ],
    ids=str,
)
def test_wrong_settings_of_text(wrong):
    given_ = {"encoding": None, "errors": None, "newline": None} | wrong
    with pytest.raises(ConfigError, match=next(iter(wrong))) as caught:
        text_settings(binary=False, **given_)
    assert repr(next(iter(wrong.values()))) in str(caught.value)


@pytest.mark.parametrize("name", ["encoding", "errors", "newline"])
@pytest.mark.parametrize("value", ["utf-8", ""])
def test_bytes_have_no_settings_of_text(name, value):
    given_ = {"encoding": None, "errors": None, "newline": None} | {name: value}
    with pytest.raises(ConfigError, match=f"A binary mode takes no {name}"):
        text_settings(binary=True, **given_)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "shift_jis"])
async def test_text_on_a_server(aios3_bucket, aios3_session, encoding):
    path = f"{aios3_bucket}/text"
    async with aios3.aopen(path, "x", encoding=encoding, newline="\r\n", session=aios3_session) as file:
        await file.write("\u3042\n")
    async with aios3.aopen(path, "a", encoding=encoding, newline="\r\n", session=aios3_session) as file:
        await file.write("b\n")
    whole = "\u3042\r\nb\r\n".encode(encoding)
    assert await aios3.read_bytes(path, session=aios3_session) == whole
    assert file.result.size == len(whole)
    async with aios3.aopen(path, "r", encoding=encoding, session=aios3_session) as file:
        assert [line async for line in file] == ["\u3042\n", "b\n"]
        assert file.newlines == "\r\n"
        assert file.stat().size == len(whole)
    with pytest.raises(ClosedHandleError):
        await file.read()


async def test_an_exception_in_text_publishes_nothing(aios3_bucket, aios3_session):
    path = f"{aios3_bucket}/text"
    with pytest.raises(MishapError):
        async with aios3.aopen(path, "w", session=aios3_session) as file:
            await file.write("text")
            raise MishapError
    assert file.closed
    with pytest.raises(ClosedHandleError):
        await file.write("more")
    with pytest.raises(ClosedHandleError):
        assert file.result
    with pytest.raises(aios3.ObjectNotFoundError):
        await aios3.read_bytes(path, session=aios3_session)
