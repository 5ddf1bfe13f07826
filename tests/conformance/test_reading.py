"""Reading objects: whole, in pieces, by lines, at random places, and nothing."""

from __future__ import annotations

import asyncio
import io
import random

import pytest

import aios3
from conformance.data import MIB, payload

SIZE = 3 * MIB + 12345


@pytest.fixture
def stored(bucket, admin):
    path = f"{bucket}/data.bin"
    admin.put(path, payload(SIZE))
    return path


async def test_reads_all(surface, stored):
    async with surface.open(stored) as f:
        assert await f.read() == payload(SIZE)
        assert await f.read() == b""
        assert await f.read(1) == b""


async def test_reads_in_small_pieces_as_a_file_would(surface, bucket, admin):
    admin.put(f"{bucket}/small", payload(200_000))
    oracle = io.BytesIO(payload(200_000))
    sizes = [1, 0, 10_000, 65_536, 65_535, 3, 100_000, 1]
    async with surface.open(f"{bucket}/small") as f:
        for size in sizes:
            assert await f.read(size) == oracle.read(size)
            assert await f.tell() == oracle.tell()


async def test_reads_at_random_places(surface, stored):
    oracle = io.BytesIO(payload(SIZE))
    choose = random.Random(1)
    async with surface.open(stored) as f:
        for _ in range(25):
            position, size = choose.randrange(SIZE + 10_000), choose.choice((1, 1000, 70_000))
            assert await f.seek(position) == oracle.seek(position)
            assert await f.read(size) == oracle.read(size)


@pytest.mark.parametrize(
    ("offset", "whence"), [(0, aios3.SEEK_END), (-100, aios3.SEEK_END), (50, aios3.SEEK_CUR), (7, aios3.SEEK_SET)]
)
async def test_seeks_as_a_file_does(surface, stored, offset, whence):
    oracle = io.BytesIO(payload(SIZE))
    async with surface.open(stored) as f:
        assert await f.read(10) == oracle.read(10)
        assert await f.seek(offset, whence) == oracle.seek(offset, whence)
        assert await f.read(1000) == oracle.read(1000)


async def test_reads_into_a_buffer(surface, stored):
    buffer = bytearray(100_000)
    received = bytearray()
    async with surface.open(stored) as f:
        while count := await f.readinto(buffer):
            received += buffer[:count]
    assert received == payload(SIZE)


async def test_reads_lines(surface, bucket, admin):
    text = b"first\n\nlong " + b"x" * 200_000 + b"\nlast without end"
    admin.put(f"{bucket}/lines", text)
    async with surface.open(f"{bucket}/lines") as f:
        assert await f.readline() == b"first\n"
        assert [line async for line in f.lines()] == text.splitlines(keepends=True)[1:]


async def test_an_empty_object_reads_as_nothing(surface, bucket, admin):
    admin.put(f"{bucket}/empty")
    async with surface.open(f"{bucket}/empty") as f:
        assert await f.read(10) == b""
        assert await f.read() == b""
        assert await f.seek(0, aios3.SEEK_END) == 0
        assert [line async for line in f.lines()] == []


async def test_reads_text(surface, bucket, admin):
    text = "grüße\r\n\U0001f600" * 30_000 + "\nende"
    admin.put(f"{bucket}/text", text.encode("utf-16"))
    async with surface.open(f"{bucket}/text", "r", encoding="utf-16") as f:
        assert await f.readline() == "grüße\n"
        assert await f.read(3) == "\U0001f600gr"
        assert await f.read() == text.replace("\r\n", "\n")[9:]


async def test_read_bytes_slices_as_bytes_do(surface, stored):
    data = payload(SIZE)
    for start, stop in [(None, None), (0, 10), (100, 70_000), (-50, None), (-50, -10), (None, 5), (SIZE - 1, SIZE + 9)]:
        assert await surface.read_bytes(stored, start, stop) == data[start:stop], (start, stop)


async def test_read_bytes_at_the_end_is_empty_and_beyond_it_an_error(surface, stored):
    assert await surface.read_bytes(stored, SIZE, SIZE + 10) == b""
    assert await surface.read_bytes(stored, 10, 10) == b""
    with pytest.raises(aios3.InvalidRangeError):
        await surface.read_bytes(stored, SIZE + 5, None)


async def test_many_readers_at_once(surface, stored):
    async def read(start: int) -> bytes:
        async with surface.open(stored) as f:
            await f.seek(start)
            return await f.read(100_000)

    starts = range(0, SIZE, SIZE // 8)
    pieces = await asyncio.gather(*map(read, starts))
    assert pieces == [payload(SIZE)[start : start + 100_000] for start in starts]


@pytest.mark.parametrize("way", [None, "shared", "memory", "disk"])
async def test_reads_into_memory_of_the_caller(surface, stored, way):
    data = payload(SIZE)
    ranges = [(SIZE - 5, SIZE + 5), (0, 10), (1000, 90_000), (5, 6), (90_100, SIZE), (SIZE, SIZE + 3)]
    async with surface.open(stored, buffering=way or -1 if surface.name == "sync" else way) as f:
        await f.read(7)
        buffers = [bytearray(stop - start) for start, stop in ranges]
        assert await f.read_ranges_into(ranges, buffers) == [len(data[start:stop]) for start, stop in ranges]
        for (start, stop), buffer in zip(ranges, buffers, strict=True):
            assert buffer == data[start:stop].ljust(stop - start, b"\0")
        rest = bytearray(SIZE)
        assert await f.readinto_at(11, rest) == SIZE - 11
        assert rest == data[11:] + bytes(11)
        assert await f.read_ranges(ranges) == [data[start:stop] for start, stop in ranges]
        assert await f.read_at(MIB, 5) == data[MIB : MIB + 5]
        assert await f.tell() == 7
        assert await f.read(5) == data[7:12]


async def test_reads_ranges_and_positions_beside_each_other(session, stored, no_leaks):
    data = payload(SIZE)
    ranges = [(0, 10), (SIZE - 5, SIZE), (1000, 90_000), (5, 6), (2 * MIB, 2 * MIB + 17)]
    async with aios3.aopen(stored, session=session) as f:
        assert await f.read_ranges(ranges) == [data[start:stop] for start, stop in ranges]
        places = [7, MIB, SIZE - 3]
        assert await asyncio.gather(*(f.read_at(place, 50) for place in places)) == [data[p : p + 50] for p in places]
        assert f.tell() == 0
        assert f.size == SIZE


async def test_chunks_hand_over_every_byte(session, stored, no_leaks):
    async with aios3.aopen(stored, session=session) as f:
        received = b"".join([bytes(chunk) async for chunk in f.chunks(100_000)])
    assert received == payload(SIZE)


@pytest.mark.needs("read_if_match")
async def test_a_reader_rejects_another_version(surface, bucket, admin):
    etag = admin.put(f"{bucket}/x", b"old")
    admin.put(f"{bucket}/x", b"new")
    with pytest.raises(aios3.ObjectChangedError):
        async with surface.open(f"{bucket}/x", if_match=etag) as f:
            await f.read()


async def test_a_change_under_way_is_seen(surface, stored, admin):
    async with surface.open(stored) as f:
        assert await f.read(10) == payload(SIZE)[:10]
        admin.put(stored, payload(SIZE, seed=1))
        await f.seek(SIZE - 10)
        with pytest.raises(aios3.ObjectChangedError):
            await f.read()
