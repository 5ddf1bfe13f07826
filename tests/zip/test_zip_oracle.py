"""What the standard library writes is read the same, and what is written here the standard library reads."""

from __future__ import annotations

import asyncio
import io
import random
import time
import zipfile
from contextlib import asynccontextmanager

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from zip_s3 import URL, session_on

import aios3
from aios3 import ZipLimits
from aios3._threads import in_thread
from aios3._zip import decompression, member_content, members, packing
from handles.fake_s3 import FakeS3
from thorough import examples

METHODS = {
    "stored": zipfile.ZIP_STORED,
    "deflate": zipfile.ZIP_DEFLATED,
    "bzip2": zipfile.ZIP_BZIP2,
    "lzma": zipfile.ZIP_LZMA,
}
SEGMENT = st.text(
    st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="/\\:\0"), min_size=1, max_size=12
).filter(lambda name: name not in {".", ".."})
NAMES = st.lists(SEGMENT, min_size=1, max_size=3).map("/".join)
CONTENTS = st.one_of(
    st.binary(max_size=2000),
    st.tuples(st.integers(0, 400_000), st.integers(0, 9)).map(
        lambda given: random.Random(given[1]).randbytes(given[0])
    ),
    st.tuples(st.binary(min_size=1, max_size=30), st.integers(0, 20_000)).map(lambda given: given[0] * given[1]),
)
MEMBERS = st.dictionaries(NAMES, st.tuples(CONTENTS, st.sampled_from(sorted(METHODS))), max_size=6)
NO_LIMITS = ZipLimits(max_ratio=None)
PLAIN = settings(deadline=None, max_examples=examples(60), suppress_health_check=[HealthCheck.function_scoped_fixture])


class Unseekable(io.RawIOBase):
    """A file to write to that cannot be sought: zipfile puts sizes behind the members then."""

    def __init__(self) -> None:
        self.data = io.BytesIO()

    def writable(self) -> bool:
        return True

    def write(self, data) -> int:
        return self.data.write(data)


def written(members, *, comment: bytes, prefix: bytes, seekable: bool) -> bytes:
    target = io.BytesIO() if seekable else Unseekable()
    target.write(prefix)
    with zipfile.ZipFile(target, "w") as archive:
        archive.comment = comment
        for name, (data, method) in members.items():
            info = zipfile.ZipInfo(name, (2024, 2, 3, 4, 5, 6))
            info.compress_type = METHODS[method]
            with archive.open(info, "w", force_zip64=len(name) % 2 == 1) as file:
                file.write(data)
    return (target if seekable else target.data).getvalue()


@asynccontextmanager
async def reading(monkeypatch, data: bytes, **config):
    fake = FakeS3()
    fake.put("archive.zip", data)
    monkeypatch.setattr("aios3._session._make_transport", lambda *_args: fake)
    async with session_on(fake, **config) as session, aios3.open_zip(URL, limits=NO_LIMITS, session=session) as z:
        yield z


@PLAIN
@given(
    wanted=MEMBERS,
    comment=st.binary(max_size=40).filter(lambda comment: b"PK" not in comment),
    prefix=st.binary(max_size=300),
    seekable=st.booleans(),
)
def test_what_zipfile_writes_is_read_as_zipfile_reads_it(monkeypatch, wanted, comment, prefix, seekable):
    data = written(wanted, comment=comment, prefix=prefix, seekable=seekable)

    async def compare() -> None:
        async with reading(monkeypatch, data) as z:
            with zipfile.ZipFile(io.BytesIO(data)) as oracle:
                assert z.names() == oracle.namelist()
                assert z.comment == oracle.comment
                assert [info.header_offset for info in z.infolist()] == [i.header_offset for i in oracle.infolist()]
                for name, (content, _) in wanted.items():
                    assert await z.read(name) == oracle.read(name) == content

    asyncio.run(compare())


@PLAIN
@given(
    content=st.tuples(st.binary(min_size=1, max_size=100), st.integers(0, 50_000)).map(
        lambda given: given[0] * 2000 + random.Random(given[1]).randbytes(20_000 + given[1]) + given[0] * 2000
    ),
    method=st.sampled_from(sorted([*METHODS, "deflate", "deflate"])),
    steps=st.lists(
        st.tuples(st.sampled_from(["seek", "end", "read", "line", "into"]), st.integers(0, 1100)), max_size=25
    ),
)
def test_a_member_is_a_file_like_any_other(monkeypatch, content, method, steps):
    """Small pieces, and small intervals between the states that are kept, so that going back uses them."""
    monkeypatch.setattr(decompression, "_MIN_INTERVAL", 1000)
    monkeypatch.setattr(members, "_FIRST_CHUNK_BYTES", 2000)
    monkeypatch.setattr(member_content, "_INPUT_BYTES", 900)
    for module in (members, member_content):
        monkeypatch.setattr(module, "CHUNK_BYTES", 5000)
    data = written({"m": (content, method)}, comment=b"", prefix=b"", seekable=True)

    async def compare() -> None:
        oracle = io.BytesIO(content)
        async with reading(monkeypatch, data) as z, z.open("m") as file:
            for step, thousandths in steps:
                number = len(content) * thousandths // 1000
                match step:
                    case "seek":
                        assert await file.seek(number) == oracle.seek(number)
                    case "end":
                        back = -min(number, len(content))
                        assert await file.seek(back, aios3.SEEK_END) == oracle.seek(back, io.SEEK_END)
                    case "read":
                        assert await file.read(number) == oracle.read(number)
                    case "line":
                        assert await file.readline(number) == oracle.readline(number)
                    case "into":
                        ours, theirs = bytearray(number), bytearray(number)
                        assert await file.readinto(ours) == oracle.readinto(theirs)
                        assert ours == theirs
                assert file.tell() == oracle.tell()

    asyncio.run(compare())


@PLAIN
@given(wanted=MEMBERS, pieces=st.integers(1, 100_000))
def test_what_is_written_here_zipfile_reads(monkeypatch, wanted, pieces):
    fake = FakeS3()
    monkeypatch.setattr("aios3._session._make_transport", lambda *_args: fake)
    moment = time.mktime((2024, 2, 3, 4, 5, 6, 0, 0, -1))

    async def cut(data: bytes):
        for start in range(0, len(data), pieces):
            yield data[start : start + pieces]

    async def write() -> None:
        async with session_on(fake) as session, aios3.create_zip(URL, session=session) as z:
            for number, (name, (content, method)) in enumerate(wanted.items()):
                source = content if number % 2 else cut(content)
                assert await z.write(name, source, mtime=moment, compression=method) == len(content)

    asyncio.run(write())
    with zipfile.ZipFile(io.BytesIO(fake.objects["archive.zip"].data)) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == list(wanted)
        for name, (content, method) in wanted.items():
            info = archive.getinfo(name)
            assert archive.read(name) == content
            assert info.compress_type == METHODS[method]
            assert info.date_time == (2024, 2, 3, 4, 5, 6)


async def test_small_pieces_are_compressed_together(monkeypatch):
    """A table of a hundred thousand rows is not a hundred thousand changes of threads."""
    fake, changes = FakeS3(), 0
    monkeypatch.setattr("aios3._session._make_transport", lambda *_args: fake)

    async def counted(function, *args):
        nonlocal changes
        changes += 1
        return await in_thread(function, *args)

    monkeypatch.setattr(packing, "in_thread", counted)

    async def rows():
        for number in range(100_000):
            yield b"%d\n" % number

    async with session_on(fake) as session, aios3.create_zip(URL, session=session) as z:
        await z.write("rows", rows())
        await z.write("a row", [b"one\n"])
    assert changes < 100
    with zipfile.ZipFile(io.BytesIO(fake.objects["archive.zip"].data)) as archive:
        assert archive.read("rows") == b"".join([b"%d\n" % number for number in range(100_000)])
        assert archive.read("a row") == b"one\n"


async def test_lines_and_chunks_are_those_of_the_bytes(monkeypatch):
    content = b"".join(b"line %d\n" % number for number in range(60_000)) + b"the last"
    async with reading(monkeypatch, written({"m": (content, "deflate")}, comment=b"", prefix=b"", seekable=True)) as z:
        async with z.open("m") as file:
            assert [line async for line in file] == content.splitlines(keepends=True)
        async with z.open("m") as file:
            lines = aiter(file)
            first = [await anext(lines), await anext(lines)]
            assert await file.readline() == b"line 2\n"
            assert [*first, await anext(lines)] == [b"line 0\n", b"line 1\n", b"line 3\n"]
            assert file.tell() == len(b"line 0\n") * 4
        async with z.open("m") as file:
            chunks = [bytes(chunk) async for chunk in file.chunks(10_000)]
            assert b"".join(chunks) == content
            assert max(map(len, chunks)) == 10_000
        async with z.open("m") as file:
            assert await file.readlines(100) == io.BytesIO(content).readlines(100)


def cp437_archive() -> bytes:
    data = written({"Aeb": (b"x", "stored")}, comment=b"", prefix=b"", seekable=True)
    return data.replace(b"Aeb", b"\x8eeb")


async def test_names_without_a_mark_are_in_the_code_page_of_the_first_archives(monkeypatch):
    async with reading(monkeypatch, cp437_archive()) as z:
        assert z.names() == ["Äeb"]
        assert await z.read("Äeb") == b"x"


async def test_names_without_a_mark_may_be_in_another_encoding(monkeypatch):
    fake = FakeS3()
    fake.put("archive.zip", cp437_archive())
    monkeypatch.setattr("aios3._session._make_transport", lambda *_args: fake)
    async with session_on(fake) as session, aios3.open_zip(URL, encoding="latin-1", session=session) as z:
        assert z.names() == ["\x8eeb"]
        assert await z.read("\x8eeb") == b"x"


def zstandard() -> object | None:
    for name in ("compression.zstd", "backports.zstd"):
        try:
            return __import__(name, fromlist=["compress"])
        except ImportError:
            continue
    return None


async def test_zstandard_is_read_where_there_is_a_decoder_and_named_where_there_is_none(monkeypatch):
    from crafted import ZSTD, Member, archive  # noqa: PLC0415 - beside what it is for

    module, content = zstandard(), b"so much text " * 10_000
    raw = module.compress(content) if module else b"not looked at"
    async with reading(monkeypatch, archive(Member(data=content, method=ZSTD, raw=raw))) as z:
        if module:
            assert await z.read("a.txt") == content
        else:
            with pytest.raises(aios3.UnsupportedError, match=r"aios3\[zstd\]"):
                await z.read("a.txt")
