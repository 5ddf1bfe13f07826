"""Archives that lie, end early, overlap, explode or point elsewhere: a named error, and never a file outside."""

from __future__ import annotations

import struct
import zipfile
import zlib

import pytest
from crafted import (
    BZIP2,
    DEFLATED,
    DEVICE,
    ENCRYPTED,
    LINK,
    LZMA,
    SIZES_FOLLOW,
    STORED,
    UTF8,
    End,
    Member,
    archive,
    deflated,
)

import aios3
from aios3 import ZipArchiveError, ZipLimits

TEXT = b"some bytes, " * 1000
GOOD = archive(Member(data=TEXT), Member(b"b.bin", TEXT, STORED), Member(b"dir/c.txt", TEXT, comment=b"why"))
END_BYTES = 22
LOCATOR = struct.pack("<4sLQL", b"PK\x06\x07", 0, 0, 1)

BROKEN_WHEN_OPENED = {
    "empty": b"",
    "two bytes": b"PK",
    "no zip": b"x" * 5000,
    "an end record alone that promises a member": archive(end=End(count=1)),
    "more members than there are": archive(Member(), end=End(count=2)),
    "fewer members than there are": archive(Member(), Member(b"b"), end=End(count=1)),
    "a directory that is longer than the object": archive(Member(), end=End(size=100_000)),
    "a directory that begins behind its place": archive(Member(), end=End(offset=100_000)),
    "a directory that is too short": archive(Member(), Member(b"b"), end=End(size=50)),
    "a directory that was cut in an entry": archive(Member(), Member(b"b"), cut_directory=3),
    "a directory that was cut before an entry": archive(Member(b"a"), Member(b"b"), cut_directory=47),
    "a directory in the middle": archive(Member(), end=End(between=b"something else" * 10)),
    "one of several volumes": archive(Member(), end=End(disk=1)),
    "two end records": archive(Member(), end=End(comment=archive(Member(b"other")))),
    "bytes behind the end": GOOD + b"\0",
    "a comment that is cut": archive(Member(), end=End(comment=b"a comment"))[:-1],
    "two end records that differ": archive(Member(), end=End(zip64={"count": 2})),
    "a large end record of several volumes": archive(Member(), end=End(zip64={"disks": 2})),
    "a locator without a large end record": archive(Member(), end=End(between=LOCATOR)),
    "a directory that ends like a locator": archive(Member(comment=LOCATOR)),
    "two members at one place": archive(Member(), Member(b"b", offset=0)),
    "a member inside another": archive(Member(data=GOOD, method=STORED), Member(b"b", offset=40)),
    "a member that reaches into the next": archive(Member(packed_size=100), Member(b"b")),
    "a member that reaches into the directory": archive(Member(packed_size=1000)),
    "a member behind the end": archive(Member(offset=1 << 20)),
    "a version that nobody knows": archive(Member(version=250)),
    "a ZIP64 field that is missing": archive(Member(size=0xFFFFFFFF, extra=b"\1\0\0\0")),
    "a name that is not UTF-8": archive(Member(b"\xff\xfe")),
}


@pytest.mark.parametrize("data", BROKEN_WHEN_OPENED.values(), ids=BROKEN_WHEN_OPENED)
async def test_an_archive_that_cannot_be_is_rejected_when_it_is_opened(opened, data):
    with pytest.raises(ZipArchiveError) as caught:
        async with opened(data):
            pass
    assert isinstance(caught.value, zipfile.BadZipFile)
    assert caught.value.path == "s3://bucket/archive.zip"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        pytest.param(GOOD + b"tail" * 5, "the 20 bytes after its end", id="bytes after the end"),
        pytest.param(GOOD[:-1], "it was cut, or is no zip", id="a cut end record"),
        pytest.param(b"x" * 5000, "it was cut, or is no zip", id="no zip"),
    ],
)
async def test_the_message_says_what_is_wrong_with_the_end(opened, data, message):
    with pytest.raises(ZipArchiveError, match=message):
        async with opened(data):
            pass


async def test_no_beginning_of_an_archive_is_taken_for_one(opened):
    for size in range(0, len(GOOD), 37):
        with pytest.raises(ZipArchiveError):
            async with opened(GOOD[:size]):
                pass


def lying(**fields):
    return archive(Member(**{"data": TEXT} | fields), Member(b"next", b"behind it " * 50))


PACKED = deflated(TEXT)
BROKEN_WHEN_READ = {
    "another CRC": lying(crc=1),
    "another CRC of a stored member": lying(method=STORED, crc=1),
    "a smaller size": lying(size=len(TEXT) - 1),
    "a size of nothing": lying(size=0),
    "a larger size": lying(size=len(TEXT) + 1),
    "a stored member of two sizes": lying(method=STORED, size=len(TEXT) + 1),
    "a stream without an end": lying(raw=PACKED[:-2]),
    "a stream that goes on behind its end": lying(raw=PACKED + b"and more"),
    "a stream that is noise": lying(raw=b"\xff" * 200),
    "a stream that is empty": lying(raw=b""),
    "noise in bzip2": lying(method=BZIP2, raw=b"BZh9" + b"\xff" * 200),
    "noise in LZMA": lying(method=LZMA, raw=b"\xff" * 200),
    "LZMA properties that there are not": lying(method=LZMA, raw=struct.pack("<HHBL", 9, 5, 255, 1 << 16) + b"x" * 99),
    "LZMA properties of another size": lying(method=LZMA, raw=struct.pack("<HHBL", 9, 6, 93, 1 << 16) + b"x" * 99),
    "LZMA with more memory than a member may have": lying(
        method=LZMA, size=1 << 30, raw=struct.pack("<HHBL", 9, 5, 93, 1 << 30) + b"x" * 99
    ),
    "LZMA cut in its properties": lying(method=LZMA, raw=b"\x09"),
    "another name before it": lying(local={"name": b"b.txt"}),
    "a longer name before it": lying(local={"name": b"a.txt.exe"}),
    "another method before it": lying(local={"method": STORED}),
    "another size before it": lying(local={"size": 7}),
    "another size in the archive before it": lying(local={"packed": 7}),
    "another CRC before it": lying(local={"crc": 7}),
    "a password before it only": lying(local={"flags": UTF8 | ENCRYPTED}),
    "no header before it": lying(local={"signature": b"PK\x07\x08"}),
    "an extra field that leads into the next": lying(local={"extra_size": 300}),
}


@pytest.mark.parametrize("data", BROKEN_WHEN_READ.values(), ids=BROKEN_WHEN_READ)
async def test_a_member_that_is_not_what_it_says_is_never_returned(opened, data, tmp_path):
    async with opened(data, limits=ZipLimits(max_ratio=None)) as z:
        with pytest.raises(ZipArchiveError, match=r"'a\.txt' in s3://bucket/archive\.zip"):
            await z.read("a.txt")
        with pytest.raises(ZipArchiveError):
            await z.extract("a.txt", tmp_path)
        assert list(tmp_path.iterdir()) == []
        with pytest.raises(ZipArchiveError):
            await z.extract("a.txt", "s3://bucket/out")
        assert await z.read("next") == b"behind it " * 50


async def test_nothing_appears_in_s3_of_a_member_that_is_broken_at_its_end(opened, s3):
    async with opened(lying(data=TEXT * 1000, crc=1)) as z:
        with pytest.raises(ZipArchiveError):
            await z.extract_all("s3://bucket/out", ["a.txt"])
    assert set(s3.objects) == {"archive.zip"}


async def test_the_last_bytes_of_a_broken_member_are_not_handed_out(opened):
    async with opened(lying(data=TEXT * 100, crc=1), limits=ZipLimits(max_ratio=None)) as z, z.open("a.txt") as file:
        assert await file.read(10) == TEXT[:10]
        received = 10
        with pytest.raises(ZipArchiveError):
            while piece := await file.read(10_000):
                received += len(piece)
        assert received < file.size


async def test_sizes_that_follow_a_member_are_taken_from_the_directory(opened):
    follows = {"crc": 0, "packed": 0, "size": 0}
    async with opened(archive(Member(data=TEXT, flags=UTF8 | SIZES_FOLLOW, local=follows))) as z:
        assert await z.read("a.txt") == TEXT


@pytest.mark.parametrize("method", [STORED, DEFLATED])
async def test_a_long_extra_field_before_a_member_is_skipped(opened, method):
    field = struct.pack("<2H", 0x7777, 996) + bytes(996)
    async with opened(archive(Member(data=TEXT, method=method, local={"extra": field}), Member(b"b", TEXT))) as z:
        assert await z.read("a.txt") == await z.read("b") == TEXT


async def test_dates_that_there_are_not_are_none(opened):
    async with opened(GOOD.replace(struct.pack("<2H", 0, 0x21), struct.pack("<2H", 0xFFFF, 0))) as z:
        assert z.stat("a.txt").mtime == 0.0
        assert await z.read("a.txt") == TEXT


async def test_a_program_before_the_archive_is_skipped(opened):
    async with opened(archive(Member(data=TEXT), Member(b"b", TEXT), end=End(prefix=b"#!/bin/sh\n" * 99))) as z:
        assert await z.read("a.txt") == await z.read("b") == TEXT


async def test_an_archive_without_members_is_one(opened):
    async with opened(archive(end=End(comment=b"nothing here"))) as z:
        assert (z.names(), z.comment, len(z)) == ([], b"nothing here", 0)


async def test_a_large_end_record_is_read(opened):
    full = End(zip64={"count": 1}, count=0xFFFF)
    async with opened(archive(Member(data=TEXT), end=full)) as z:
        assert await z.read("a.txt") == TEXT


REJECTED = {
    "a password": lying(flags=UTF8 | ENCRYPTED),
    "AES": lying(method=99, flags=UTF8 | ENCRYPTED),
    "deflate64": lying(method=9),
    "a method without a name": lying(method=77),
    "a patch": lying(flags=UTF8 | 0x20),
}


@pytest.mark.parametrize("data", REJECTED.values(), ids=REJECTED)
async def test_what_cannot_be_read_is_said_so_and_the_rest_can(opened, data):
    async with opened(data) as z:
        with pytest.raises(aios3.UnsupportedError, match=r"'a\.txt'"):
            await z.read("a.txt")
        assert await z.read("next") == b"behind it " * 50


def bomb(megabytes: int = 20) -> bytes:
    return archive(Member(data=bytes(megabytes << 20)), Member(b"b", TEXT))


async def test_a_bomb_is_rejected_before_it_is_opened(opened, tmp_path, s3):
    async with opened(bomb()) as z:
        s3.log.clear()
        with pytest.raises(ZipArchiveError, match="max_ratio=250"):
            await z.read("a.txt")
        with pytest.raises(ZipArchiveError, match="max_ratio=250"):
            await z.extract_all(tmp_path)
        assert s3.log == []
        assert list(tmp_path.iterdir()) == []
        assert await z.read("b") == TEXT


@pytest.mark.parametrize(
    ("limits", "name"),
    [
        (ZipLimits(max_members=1), "max_members"),
        (ZipLimits(max_member_bytes=11_999), "max_member_bytes"),
        (ZipLimits(max_total_bytes=35_999), "max_total_bytes"),
    ],
)
async def test_limits_hold(opened, tmp_path, limits, name):
    with pytest.raises(ZipArchiveError, match=name):
        async with opened(GOOD, limits=limits) as z:
            await z.extract_all(tmp_path)
    assert list(tmp_path.iterdir()) == []


async def test_limits_that_are_just_kept_are_kept(opened, tmp_path):
    limits = ZipLimits(max_members=3, max_member_bytes=12_000, max_total_bytes=36_000)
    async with opened(GOOD, limits=limits) as z:
        assert len(await z.extract_all(tmp_path)) == 3


async def test_a_bomb_may_be_wanted(opened):
    async with opened(bomb(2), limits=ZipLimits(max_ratio=None)) as z:
        assert await z.read("a.txt") == bytes(2 << 20)


def test_a_limit_below_zero_is_a_mistake():
    with pytest.raises(aios3.ConfigError, match="max_members"):
        ZipLimits(max_members=-1)


ELSEWHERE = [
    b"/etc/passwd",
    b"//server/share",
    b"../up",
    b"a/../../up",
    b"a/..",
    b"..",
    b".",
    b"a/./b",
    b"a//b",
    b"C:evil.txt",
    b"c:/evil.txt",
    b"..\\up",
    b"a\\b",
    b"\\\\server\\share",
    b"a\0b",
    b"a\0/../b",
    b"/",
    b"../",
    b"",
]


@pytest.mark.parametrize("name", ELSEWHERE)
async def test_no_name_leads_out_of_the_directory(opened, tmp_path, s3, name):
    inside = tmp_path / "in" / "side"
    async with opened(archive(Member(b"good", TEXT), Member(name, TEXT))) as z:
        info = z.infolist()[1]
        for target in (inside, "s3://bucket/out"):
            with pytest.raises(aios3.UnsafeNameError):
                await z.extract_all(target)
            with pytest.raises(aios3.UnsafeNameError):
                await z.extract(info, target)
        assert await z.read(info) == TEXT
    assert not (tmp_path / "in").exists()
    assert set(s3.objects) == {"archive.zip"}


@pytest.mark.parametrize("mode", [LINK, DEVICE, 0o040755, 0o140666])
async def test_members_that_are_not_regular_files_are_not_extracted(opened, tmp_path, mode):
    async with opened(archive(Member(b"link", b"/etc/passwd", mode=mode))) as z:
        with pytest.raises(aios3.UnsafeNameError):
            await z.extract_all(tmp_path)
    assert list(tmp_path.iterdir()) == []


async def test_a_link_that_is_there_already_does_not_lead_out(opened, tmp_path):
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    inside.mkdir()
    outside.mkdir()
    (inside / "dir").symlink_to(outside)
    async with opened(GOOD) as z:
        with pytest.raises(aios3.UnsafeNameError):
            await z.extract("dir/c.txt", inside)
    assert list(outside.iterdir()) == []


@pytest.mark.parametrize(
    "names",
    [(b"a", b"a"), (b"a", b"a/"), (b"a", b"a/b"), (b"a/b/c", b"a/b")],
    ids=lambda names: b" ".join(names).decode(),
)
async def test_two_members_do_not_become_one_file(opened, tmp_path, names):
    modes = [0 if name.endswith(b"/") else 0o100644 for name in names]
    data = archive(
        *(
            Member(name, b"" if name.endswith(b"/") else TEXT, mode=mode)
            for name, mode in zip(names, modes, strict=True)
        )
    )
    async with opened(data) as z:
        with pytest.raises(ZipArchiveError):
            await z.extract_all(tmp_path)
    assert list(tmp_path.iterdir()) == []


async def test_a_directory_that_does_not_fit_into_memory_is_not_loaded(opened):
    members = [Member(b"%d" % number + b"x" * 60_000, b"") for number in range(300)]
    with pytest.raises(ZipArchiveError, match="memory_budget"):
        async with opened(archive(*members)):
            pass


async def test_changed_bytes_are_found(opened):
    """Every byte of an archive in turn is changed: what is read is what was stored, or an error is raised."""
    data = archive(Member(data=b"abc" * 40), Member(b"b", b"def" * 40, STORED))
    for index in range(len(data)):
        changed = data[:index] + bytes([data[index] ^ 0x41]) + data[index + 1 :]
        contents = []
        try:
            async with opened(changed) as z:
                for info in z.infolist():
                    contents.append(await z.read(info))  # noqa: PERF401 - those before an error count
        except (ZipArchiveError, aios3.UnsupportedError):
            pass
        assert all(zlib.crc32(found) in {zlib.crc32(b"abc" * 40), zlib.crc32(b"def" * 40)} for found in contents), index


def test_the_corpus_says_the_truth_where_it_does_not_lie(tmp_path):
    """The archives of these tests are what the standard library takes for archives, but for their lies."""
    path = tmp_path / "good.zip"
    path.write_bytes(GOOD)
    with zipfile.ZipFile(path) as good:
        assert good.testzip() is None
        assert good.namelist() == ["a.txt", "b.bin", "dir/c.txt"]
        assert good.infolist()[0].compress_type == DEFLATED
