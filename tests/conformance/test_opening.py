"""Every way to open, on both surfaces: what is read, written, changed in place, and what is not after a failure."""

from __future__ import annotations

import asyncio
import csv
import io
import mmap
import os
import wave
from pathlib import Path

import pytest

import aios3
import aios3.sync
from conformance.data import MIB, payload

LARGE = 12 * MIB + 345
READING = ["prefetch", "shared", "pipe", "memory", "disk"]
WRITING = ["prefetch", "pipe", "memory", "disk", "limited"]
WHOLE = ["memory", "disk"]


class MishapError(Exception):
    """What goes wrong in the body of a ``with``."""


@pytest.mark.parametrize("size", [0, 10, LARGE])
@pytest.mark.parametrize("way", READING)
async def test_reads(surface, bucket, admin, way, size):
    admin.put(f"{bucket}/x", payload(size))
    async with surface.open(f"{bucket}/x", buffering=way) as f:
        assert await f.read(5) == payload(size)[:5]
        assert await f.read() == payload(size)[5:]
        assert await f.tell() == size


@pytest.mark.parametrize("way", READING)
async def test_reads_text(surface, bucket, admin, way):
    admin.put(f"{bucket}/x", "grüße\r\n\U0001f600\n".encode())
    async with surface.open(f"{bucket}/x", "r", buffering=way) as f:
        assert [line async for line in f.lines()] == ["grüße\n", "\U0001f600\n"]


@pytest.mark.parametrize("way", READING)
async def test_a_missing_object_is_not_found(surface, bucket, admin, way):
    admin.put(f"{bucket}/dir/x", b"")
    for key, error in (("nothing", aios3.ObjectNotFoundError), ("dir", aios3.PathIsDirectoryError)):
        with pytest.raises(error):
            async with surface.open(f"{bucket}/{key}", buffering=way):
                pytest.fail("there is nothing to open")


@pytest.mark.parametrize("size", [0, 10, LARGE])
@pytest.mark.parametrize("way", WRITING)
async def test_writes(surface, bucket, admin, way, size):
    data = payload(size)
    async with surface.open(f"{bucket}/x", "wb", buffering=way) as f:
        for start in range(0, size, MIB):
            await f.write(data[start : start + MIB])
    assert admin.get(f"{bucket}/x") == data


@pytest.mark.parametrize("way", WRITING)
async def test_writes_text(surface, bucket, admin, way):
    async with surface.open(f"{bucket}/x", "w", encoding="utf-16", buffering=way) as f:
        await f.write("grüße\n")
        await f.write("\U0001f600")
    assert admin.get(f"{bucket}/x").decode("utf-16") == "grüße\n\U0001f600"


@pytest.mark.parametrize("way", WRITING)
async def test_creates_only(surface, bucket, admin, way):
    async with surface.open(f"{bucket}/x", "xb", buffering=way) as f:
        await f.write(b"mine")
    with pytest.raises(aios3.ObjectExistsError):
        async with surface.open(f"{bucket}/x", "xb", buffering=way) as f:
            await f.write(b"not mine")
    assert admin.get(f"{bucket}/x") == b"mine"


@pytest.mark.parametrize("size", [10, LARGE])
@pytest.mark.parametrize("way", WRITING)
async def test_an_exception_publishes_nothing(surface, bucket, admin, way, size):
    admin.put(f"{bucket}/x", b"old")
    with pytest.raises(MishapError):
        async with surface.open(f"{bucket}/x", "wb", buffering=way) as f:
            await f.write(payload(size))
            raise MishapError
    assert admin.get(f"{bucket}/x") == b"old"
    assert admin.uploads(bucket) == []


@pytest.mark.parametrize("way", WHOLE)
async def test_changes_in_place(surface, bucket, admin, way):
    admin.put(f"{bucket}/x", payload(LARGE))
    expected = bytearray(payload(LARGE))
    async with surface.open(f"{bucket}/x", "rb+", buffering=way) as f:
        assert await f.read(3) == expected[:3]
        await f.write(b"three")
        await f.seek(-2, os.SEEK_END)
        await f.write(b"the end")
        await f.seek(7 * MIB)
        assert await f.read(10) == expected[7 * MIB : 7 * MIB + 10]
    expected[3:8] = b"three"
    expected[-2:] = b"the end"
    assert admin.get(f"{bucket}/x") == expected
    async with surface.open(f"{bucket}/x", "rb+", buffering=way) as f:
        await f.truncate(5)
    assert admin.get(f"{bucket}/x") == expected[:5]


@pytest.mark.parametrize("way", WHOLE)
@pytest.mark.parametrize("mode", ["wb+", "ab+", "xb+"])
async def test_writes_and_reads_back(surface, bucket, admin, way, mode):
    old = b"" if mode == "xb+" else b"old "
    if old:
        admin.put(f"{bucket}/x", old)
    async with surface.open(f"{bucket}/x", mode, buffering=way) as f:
        await f.write(b"new")
        await f.seek(0)
        expected = b"old new" if mode == "ab+" else b"new"
        assert await f.read() == expected
    assert admin.get(f"{bucket}/x") == expected


@pytest.mark.parametrize("way", WHOLE)
async def test_what_was_not_changed_is_not_written(surface, bucket, admin, way):
    admin.put(f"{bucket}/x", b"old")
    async with surface.open(f"{bucket}/x", "rb+", buffering=way) as f:
        assert await f.read() == b"old"
        admin.put(f"{bucket}/x", b"another's")
    assert admin.get(f"{bucket}/x") == b"another's"


@pytest.mark.parametrize("size", [10, LARGE])
@pytest.mark.parametrize("way", WHOLE)
async def test_a_replaced_object_is_not_written_over(surface, bucket, admin, way, size):
    admin.put(f"{bucket}/x", b"old")
    with pytest.raises(aios3.ObjectChangedError):
        async with surface.open(f"{bucket}/x", "rb+", buffering=way) as f:
            await f.write(payload(size))
            admin.put(f"{bucket}/x", b"another's")
    assert admin.get(f"{bucket}/x") == b"another's"


@pytest.mark.parametrize("way", ["limited", "memory", "disk"])
async def test_a_header_is_written_last(surface, bucket, admin, way):
    async with surface.open(f"{bucket}/x", "wb", buffering=way) as f:
        await f.write(b"????")
        for seed in range(20):
            await f.write(payload(MIB, seed))
        await f.seek(0)
        await f.write(b"HEAD")
    assert admin.get(f"{bucket}/x") == b"HEAD" + b"".join(payload(MIB, seed) for seed in range(20))


async def test_the_middle_of_a_limited_writer_is_rejected(surface, bucket, admin):
    with pytest.raises(aios3.UnsupportedError):
        async with surface.open(f"{bucket}/x", "wb", buffering="limited") as f:
            await f.write(payload(20 * MIB))
            await f.seek(8 * MIB)
    assert not admin.exists(f"{bucket}/x")


async def test_a_file_on_disk_can_be_mapped(surface, bucket, admin, tmp_path):
    admin.put(f"{bucket}/x", payload(LARGE))
    async with surface.open(f"{bucket}/x", cache_path=tmp_path) as f:
        descriptor = await asyncio.to_thread(f.handle.fileno)  # the blocking face seeks there, in its own loop
        with mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ) as mapped:
            assert mapped[:] == payload(LARGE)
    assert list(tmp_path.iterdir()) == []


async def test_files_share_a_cache(surface, bucket, admin):
    admin.put(f"{bucket}/x", payload(LARGE))
    options = {"buffering": "shared", "cache_key": "conformance"}
    async with surface.open(f"{bucket}/x", **options) as one, surface.open(f"{bucket}/x", **options) as two:
        assert await asyncio.gather(one.read(), two.read()) == [payload(LARGE)] * 2
        admin.put(f"{bucket}/x", payload(LARGE, seed=1))
        async with surface.open(f"{bucket}/x", **options) as three:
            assert await three.read() == payload(LARGE, seed=1)


@pytest.mark.parametrize("size", [10, LARGE])
async def test_a_pipe_ends_in_the_background(surface, bucket, admin, size):
    async with surface.open(f"{bucket}/x", "wb", buffering="pipe", join=False) as f:
        await f.write(payload(size))
    assert (await f.wait()).size == size
    assert admin.get(f"{bucket}/x") == payload(size)


@pytest.mark.parametrize("mode", ["rb", "wb", "ab", "rb+"])
async def test_a_link_is_opened_at_its_target(surface, bucket, admin, mode):
    admin.put(f"{bucket}/target", b"old")
    await surface.write_bytes(f"{bucket}/link", b"", metadata={"symlink_to": f"{bucket}/target"})
    async with surface.open(f"{bucket}/link", mode, followlinks=True) as f:
        if mode == "rb":
            assert await f.read() == b"old"
        else:
            await f.write(b"new")
    assert admin.get(f"{bucket}/target") == {"rb": b"old", "ab": b"oldnew"}.get(mode, b"new")
    assert admin.get(f"{bucket}/link") == b""


# What only the blocking surface has: the standard library's files


@pytest.fixture
def blocking(server):
    with aios3.sync.Session(**server.config) as session:
        yield session


def test_the_blocking_files_are_those_of_the_standard_library(blocking, bucket):
    for way in WHOLE:
        for mode, kind in (("wb", io.BufferedWriter), ("rb+", io.BufferedRandom), ("rb", io.BufferedReader)):
            with aios3.sync.open(f"{bucket}/x", mode, buffering=way, session=blocking) as file:
                assert isinstance(file, kind)
                assert file.seekable()
                if way == "disk":
                    assert os.fstat(file.fileno()).st_size == 0
                else:
                    with pytest.raises(io.UnsupportedOperation):
                        file.fileno()


@pytest.mark.parametrize("way", WHOLE)
def test_text_is_read_and_written_at_once(blocking, bucket, admin, way, tmp_path):
    admin.put(f"{bucket}/x", "eins ä\nzwei ö\n".encode())
    local = tmp_path / "x"
    local.write_text("eins ä\nzwei ö\n", encoding="utf-8")
    for mode in ("r+", "a+", "w+"):
        with (
            local.open(mode, encoding="utf-8") as oracle,
            aios3.sync.open(f"{bucket}/x", mode, buffering=way, session=blocking) as file,
        ):
            for text in (oracle, file):
                text.write("ü")
                text.seek(0)
            assert file.read() == oracle.read()
            for text in (oracle, file):
                text.seek(0, os.SEEK_END)
                text.write("end\n")
        assert admin.get(f"{bucket}/x") == local.read_bytes()


def test_an_exception_through_a_wrapper_changes_nothing(blocking, bucket, admin):
    admin.put(f"{bucket}/x", b"a,b\n")
    with (
        pytest.raises(MishapError),
        aios3.sync.open(f"{bucket}/x", "rb+", session=blocking) as file,
        io.TextIOWrapper(file, newline="") as text,
    ):
        csv.writer(text).writerow([1, 2])
        raise MishapError
    assert admin.get(f"{bucket}/x") == b"a,b\n"


def write_wave(file) -> None:
    with wave.open(file, "wb") as sound:
        sound.setnchannels(2)
        sound.setsampwidth(2)
        sound.setframerate(44100)
        for seed in range(24):
            sound.writeframes(payload(MIB, seed))


@pytest.mark.parametrize("way", ["limited", "memory", "disk"])
def test_a_wave_file_streams_out(blocking, bucket, admin, way):
    """The standard library writes its header again after every call, because only then it knows the length."""
    oracle = io.BytesIO()
    write_wave(oracle)
    with aios3.sync.open(f"{bucket}/sound.wav", "wb", buffering=way, session=blocking) as file:
        write_wave(file)
    assert admin.get(f"{bucket}/sound.wav") == oracle.getvalue()
    assert "".join(admin.uploads(bucket)) == ""


def test_a_path_for_programs_that_insist_on_one(blocking, bucket, admin):
    admin.put(f"{bucket}/x.csv", b"one\n")
    with aios3.sync.cached_path(f"{bucket}/x.csv", session=blocking) as local:
        assert Path(local).read_bytes() == b"one\n"
    assert not Path(local).exists()
    with aios3.sync.cached_path(f"{bucket}/x.csv", "a", session=blocking) as local, open(local, "a") as file:  # noqa: PTH123
        file.write("two\n")
    assert admin.get(f"{bucket}/x.csv") == b"one\ntwo\n"
    with pytest.raises(MishapError), aios3.sync.cached_path(f"{bucket}/x.csv", "w", session=blocking) as local:
        raise MishapError
    assert admin.get(f"{bucket}/x.csv") == b"one\ntwo\n"
    assert not Path(local).exists()


async def test_a_path_for_async_programs(session, bucket, admin, no_leaks):
    async with aios3.cached_path(f"{bucket}/x", "w", session=session) as local:
        await asyncio.to_thread(lambda: os.truncate(local, LARGE))
    assert admin.get(f"{bucket}/x") == bytes(LARGE)
