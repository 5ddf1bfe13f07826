"""Zip archives in place and as a stream, on every server: the standard library wrote them, or reads them afterwards."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest

import aios3
from conformance.data import MIB, payload

LINES = b"".join(b"line %d\n" % number for number in range(30_000))
MEMBERS = {
    "notes/ünïcödé.txt": (LINES, zipfile.ZIP_DEFLATED),
    "noise.bin": (payload(3 * MIB + 77), zipfile.ZIP_DEFLATED),
    "stored.bin": (payload(2 * MIB, seed=1), zipfile.ZIP_STORED),
    "notes/b.bz2": (LINES, zipfile.ZIP_BZIP2),
    "notes/c.lzma": (LINES, zipfile.ZIP_LZMA),
    "empty": (b"", zipfile.ZIP_STORED),
}


@pytest.fixture
def archive(bucket, admin):
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as made:
        made.writestr("notes/", b"")
        for name, (data, method) in MEMBERS.items():
            made.writestr(name, data, method)
    admin.put(f"{bucket}/archive.zip", target.getvalue())
    return f"{bucket}/archive.zip"


async def test_reads_every_member_of_an_archive_in_place(surface, archive):
    async with surface.open_zip(archive) as z:
        assert await z.names() == ["notes/", *MEMBERS]
        assert await z.glob("**/*.{txt,bz2}") == ["notes/ünïcödé.txt", "notes/b.bz2"]
        assert (await z.stat("noise.bin")).size == 3 * MIB + 77
        for name, (data, _) in MEMBERS.items():
            assert await z.read(name) == data


@pytest.mark.parametrize("name", ["noise.bin", "stored.bin", "notes/b.bz2", "notes/ünïcödé.txt"])
async def test_a_member_is_a_file_that_can_be_sought(surface, archive, name):
    oracle = io.BytesIO(MEMBERS[name][0])
    async with surface.open_zip(archive) as z, z.open(name) as file:
        for position, size in ((200_000, 1000), (7, 100), (250_000, 40_000), (0, 10)):
            assert await file.seek(position) == oracle.seek(position)
            assert await file.read(size) == oracle.read(size)
            assert await file.tell() == oracle.tell()
        assert await file.readline() == oracle.readline()
        assert await file.read() == oracle.read()


async def test_a_member_has_lines(surface, bucket, admin):
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("a.txt", LINES[:1000])
    admin.put(f"{bucket}/lines.zip", target.getvalue())
    async with surface.open_zip(f"{bucket}/lines.zip") as z, z.open("a.txt") as file:
        assert [line async for line in file.lines()] == io.BytesIO(LINES[:1000]).readlines()


async def test_extracts_to_a_directory(surface, archive, tmp_path):
    there = []
    async with surface.open_zip(archive) as z:
        planned = await z.extract_all(tmp_path / "out", on_extracted=there.append, dry_run=True)
        assert (there, (tmp_path / "out").exists()) == ([], False)
        found = await z.extract_all(tmp_path / "out", on_extracted=there.append)
    assert sorted(there) == sorted(found)
    assert planned == found
    assert [Path(path).relative_to(tmp_path / "out").as_posix() for path in found] == ["notes", *MEMBERS]
    for name, (data, _) in MEMBERS.items():
        assert (tmp_path / "out" / name).read_bytes() == data
    files = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert len(files) == len(MEMBERS)


async def test_extracts_to_s3(surface, archive, bucket, admin):
    async with surface.open_zip(archive) as z:
        await z.extract_all(f"{bucket}/out/")
        assert await z.extract("empty", f"{bucket}/one") == f"{bucket}/one/empty"
    assert sorted(admin.keys(f"{bucket}/out")) == sorted(
        ["archive.zip", "one/empty", *(f"out/{name}" for name in MEMBERS)]
    )
    for name, (data, _) in MEMBERS.items():
        assert admin.get(f"{bucket}/out/{name}") == data


async def test_extracting_over_what_is_there_is_a_choice(surface, archive, bucket, admin, tmp_path):
    admin.put(f"{bucket}/out/empty", b"old")
    (tmp_path / "empty").write_bytes(b"old")
    async with surface.open_zip(archive) as z:
        with pytest.raises(FileExistsError):
            await z.extract("empty", tmp_path, overwrite=False)
        assert (tmp_path / "empty").read_bytes() == b"old"
        await z.extract("empty", tmp_path)
        await z.extract("empty", f"{bucket}/out")
    assert (tmp_path / "empty").read_bytes() == admin.get(f"{bucket}/out/empty") == b""


@pytest.mark.needs("create_once")
async def test_extracting_to_s3_can_leave_what_is_there(surface, archive, bucket, admin):
    admin.put(f"{bucket}/out/empty", b"old")
    async with surface.open_zip(archive) as z:
        with pytest.raises(FileExistsError):
            await z.extract("empty", f"{bucket}/out", overwrite=False)
    assert admin.get(f"{bucket}/out/empty") == b"old"


async def test_writes_an_archive_that_others_can_read(surface, bucket, admin, tmp_path):
    (tmp_path / "local.txt").write_bytes(LINES)
    admin.put(f"{bucket}/object.bin", payload(MIB))
    async with surface.create_zip(f"{bucket}/new.zip") as z:
        await z.write("bytes.txt", LINES)
        await z.write("pieces.bin", [payload(6 * MIB), payload(MIB, seed=1)], compression="stored")
        await z.write("file.bin", io.BytesIO(LINES), compression="bzip2")
        assert await z.add(tmp_path / "local.txt") == len(LINES)
        assert await z.add(f"{bucket}/object.bin", "from/s3.bin", compression="lzma") == MIB
        await z.mkdir("directory")
    with zipfile.ZipFile(io.BytesIO(admin.get(f"{bucket}/new.zip"))) as made:
        assert made.testzip() is None
        assert {name: made.read(name) for name in made.namelist()} == {
            "bytes.txt": LINES,
            "pieces.bin": payload(6 * MIB) + payload(MIB, seed=1),
            "file.bin": LINES,
            "local.txt": LINES,
            "from/s3.bin": payload(MIB),
            "directory/": b"",
        }


async def test_an_archive_that_fails_is_not_there(surface, bucket, admin):
    with pytest.raises(ZeroDivisionError):
        async with surface.create_zip(f"{bucket}/new.zip") as z:
            await z.write("large.bin", payload(6 * MIB), compression="stored")
            raise ZeroDivisionError
    assert admin.keys(bucket) == []


async def test_a_file_that_is_not_an_archive_is_a_clear_error(surface, bucket, admin):
    admin.put(f"{bucket}/text", LINES)
    with pytest.raises(zipfile.BadZipFile, match="is no zip"):
        async with surface.open_zip(f"{bucket}/text"):
            pass
    with pytest.raises(FileNotFoundError):
        async with surface.open_zip(f"{bucket}/missing.zip"):
            pass


async def test_an_archive_that_is_replaced_meanwhile_raises(surface, archive, admin):
    async with surface.open_zip(archive) as z:
        admin.put(archive, admin.get(archive)[:-1] + b"?")
        with pytest.raises(aios3.ObjectChangedError):
            await z.read("noise.bin")


async def test_an_aborted_archive_leaves_nothing(session, bucket, admin, no_leaks):
    with pytest.raises(ZeroDivisionError):
        async with aios3.create_zip(f"{bucket}/new.zip", session=session) as z:
            await z.write("noise", payload(12 * MIB), compression="stored")
            raise ZeroDivisionError
    async with aios3.create_zip(f"{bucket}/new.zip", session=session) as z:
        await z.write("noise", payload(12 * MIB), compression="stored")
    async with aios3.open_zip(f"{bucket}/new.zip", session=session) as z:
        file = await z.open("noise")
        assert await file.read(10) == payload(12 * MIB)[:10]
