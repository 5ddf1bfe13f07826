"""Archives of more than 4 GiB, of which only the bytes exist that somebody looks at."""

from __future__ import annotations

import struct
import zlib

import pytest
from crafted import STORED, Member, deflated
from zip_s3 import URL

import aios3
from aios3._entries import StatResult
from handles.fake_s3 import Stored

GIB = 1 << 30
FULL = 0xFFFFFFFF
SIZE = 5 * GIB + 123


class Sparse:
    """Bytes, all zero but for some stretches of them."""

    def __init__(self) -> None:
        self.parts: list[tuple[int, bytes]] = []
        self.size = 0

    def add(self, data: bytes) -> int:
        self.parts.append((self.size, data))
        self.size += len(data)
        return self.size

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, wanted: slice) -> bytes:
        found = bytearray(wanted.stop - wanted.start)
        for start, data in self.parts:
            first, last = max(start, wanted.start), min(start + len(data), wanted.stop)
            if first < last:
                found[first - wanted.start : last - wanted.start] = data[first - start : last - start]
        return bytes(found)


def zip64(*fields: int) -> bytes:
    return struct.pack(f"<2H{len(fields)}Q", 1, 8 * len(fields), *fields)


@pytest.fixture
def large(s3) -> Sparse:
    """A stored member of 5 GiB of zeros, one behind it, and all that ZIP64 has."""
    sparse = Sparse()
    text = b"behind five GiB " * 10
    first = Member(b"zeros", b"", STORED, crc=0, size=FULL, packed_size=FULL, extra=zip64(SIZE, SIZE))
    first.local = {"extra": zip64(SIZE, SIZE)}
    second = Member(b"text", text, raw=deflated(text), offset=FULL)
    sparse.add(first.header())
    sparse.size += SIZE
    place = sparse.size
    second.extra = zip64(place)
    sparse.add(second.header() + second.packed())
    start = sparse.size
    directory = first.entry(0) + second.entry(place)
    sparse.add(directory)
    record = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, 2, 2, len(directory), start)
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, sparse.size, 1)
    last = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 0xFFFF, 0xFFFF, FULL, FULL, 0)
    sparse.add(record + locator + last)
    s3.objects["archive.zip"] = Stored(sparse, StatResult(size=sparse.size, mtime=1.0, etag="large"))
    return sparse


async def test_members_beyond_4_gib_are_found(session, large):
    async with aios3.open_zip(URL, session=session) as z:
        assert z.names() == ["zeros", "text"]
        assert z.size == large.size > 5 * GIB
        assert z.stat("zeros").size == SIZE
        assert await z.read("text") == b"behind five GiB " * 10


async def test_a_stored_member_is_read_beyond_4_gib(session, large, s3):
    async with aios3.open_zip(URL, session=session) as z, z.open("zeros") as file:
        large.parts.append((large.parts[0][1].__len__() + 4 * GIB + 77, b"a needle"))
        s3.log.clear()
        assert await file.seek(4 * GIB + 77) == 4 * GIB + 77
        assert await file.read(8) == b"a needle"
        assert await file.seek(-1, aios3.SEEK_END) == SIZE - 1
        assert await file.read() == b"\0"
        assert await file.read() == b""
        assert len(s3.log) <= 4


async def test_a_member_of_zeros_that_was_read_to_its_end_only_is_not_called_right_or_wrong(session, large):
    """Its CRC-32 is that of nothing: only who reads from end to end would be told."""
    assert zlib.crc32(bytes(100)) != 0
    async with aios3.open_zip(URL, session=session) as z, z.open("zeros") as file:
        await file.seek(-100, aios3.SEEK_END)
        assert await file.read() == bytes(100)
