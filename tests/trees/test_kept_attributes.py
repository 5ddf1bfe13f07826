"""Times and permissions of files in the metadata of their objects, and back."""

from __future__ import annotations

import os
import stat

import pytest
from tree_s3 import MIB, ROOT

import aios3
from aios3._trees.file_attributes import FileAttributes, from_metadata, to_metadata

BOTH = ("mtime", "mode")
TIME_NS = 1_354_040_105_123_456_789
SIZES = [0, 10, 12 * MIB]
"""Nothing, one request, several parts."""


def write(path, size: int, mode: int = 0o640, time_ns: int = TIME_NS) -> None:
    path.write_bytes(bytes(size))
    path.chmod(mode)
    os.utime(path, ns=(time_ns, time_ns))


def attributes(path) -> tuple[int, int]:
    found = path.stat()
    return found.st_mtime_ns, stat.S_IMODE(found.st_mode)


@pytest.mark.parametrize(
    ("time_ns", "text"),
    [
        (TIME_NS, "1354040105.123456789"),
        (1_600_000_000_000_000_000, "1600000000"),
        (1_600_000_000_500_000_000, "1600000000.5"),
        (0, "0"),
        (-1_500_000_000, "-1.5"),
    ],
)
def test_a_time_is_written_as_rclone_and_s3fs_write_it_and_read_back(time_ns, text):
    metadata = to_metadata(FileAttributes(time_ns), frozenset(BOTH))
    assert metadata == {"mtime": text}
    assert from_metadata(metadata, frozenset(BOTH), default_mtime=7).mtime_ns == time_ns


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1600000000", 1_600_000_000),
        ("1600000000.", 1_600_000_000),
        ("1600000000.1234567899", 1_600_000_000.123456789),
        ("", 7),
        ("nan", 7),
        ("1e9", 7),
        ("2026-11-30T12:00:00Z", 7),
        ("9999999999", 7),  # later than what a file can have in nanoseconds
        ("-9999999999", 7),
        ("١٦", 7),
    ],
)
def test_a_text_that_is_no_time_leaves_the_object_s(text, seconds):
    given = from_metadata({"mtime": text}, frozenset(BOTH), default_mtime=7)
    assert given.mtime_ns == pytest.approx(seconds * 1e9, abs=300)


@pytest.mark.parametrize(
    ("text", "mode"),
    [
        ("33188", 0o644),  # s3fs: decimal
        ("100755", 0o755),  # rclone: octal
        ("0100600", 0o600),
        (str(0o104755), 0o755),  # a program that runs as its owner: not from metadata
        ("16877", None),  # a directory's
        ("41471", None),  # a link's
        ("644", None),
        ("-33188", None),
        ("", None),
    ],
)
def test_the_permissions_of_s3fs_and_rclone_are_read(text, mode):
    assert from_metadata({"mode": text}, frozenset(BOTH), default_mtime=7).mode == mode


@pytest.mark.parametrize("size", SIZES)
async def test_a_file_comes_back_with_its_time_and_its_permissions(s3, session, tmp_path, size):
    write(tmp_path / "file", size)
    await aios3.upload(tmp_path / "file", f"{ROOT}/file", preserve=BOTH, session=session)
    assert s3.objects["file"].stat.metadata == {"mtime": "1354040105.123456789", "mode": str(0o100640)}
    for target, verb in (("one", aios3.download), ("two", aios3.sync_tree)):
        await verb(f"{ROOT}/file", tmp_path / target, preserve=BOTH, session=session)
        assert attributes(tmp_path / target) == (TIME_NS, 0o640)
    await aios3.download(ROOT, tmp_path / "tree", preserve=["mode"], session=session)
    (mtime_ns, mode), object_mtime = attributes(tmp_path / "tree" / "file"), s3.objects["file"].stat.mtime
    assert (mtime_ns, mode) == (round(object_mtime * 1e9), 0o640)


async def test_nothing_is_kept_unless_it_is_asked_for(s3, session, tmp_path):
    write(tmp_path / "file", 10)
    await aios3.upload(tmp_path / "file", f"{ROOT}/file", session=session)
    assert s3.objects["file"].stat.metadata == {}


async def test_metadata_of_the_caller_go_before_those_of_the_file(s3, session, tmp_path):
    write(tmp_path / "file", 10)
    given = {"mtime": "mine", "other": "too"}
    await aios3.upload(tmp_path / "file", f"{ROOT}/file", preserve=["mtime"], metadata=given, session=session)
    assert s3.objects["file"].stat.metadata == given


@pytest.mark.parametrize("preserve", ["mtime", ["uid"], [None]])
async def test_what_cannot_be_kept_is_rejected_before_a_request(s3, session, tmp_path, preserve):
    write(tmp_path / "file", 10)
    for verb in (aios3.upload, aios3.sync_tree):
        with pytest.raises(aios3.ConfigError, match="preserve must be a list of 'mtime' and 'mode'"):
            await verb(tmp_path / "file", f"{ROOT}/file", preserve=preserve, session=session)
    with pytest.raises(aios3.ConfigError, match="preserve must be a list"):
        await aios3.download(f"{ROOT}/file", tmp_path / "file", preserve=preserve, session=session)
    assert not s3.calls


async def test_exact_times_see_a_change_that_looks_older_than_the_object(s3, session, tmp_path):
    write(tmp_path / "file", 10)
    await aios3.sync_tree(tmp_path, ROOT, preserve=["mtime"], session=session)
    (tmp_path / "file").write_bytes(b"0123456789")
    os.utime(tmp_path / "file", (0.5, 0.5))
    assert (await aios3.sync_tree(tmp_path, ROOT, session=session)).copied == 0
    result = await aios3.sync_tree(tmp_path, ROOT, preserve=["mtime"], exact_times=True, session=session)
    assert (result.copied, s3.objects["file"].data) == (1, b"0123456789")
    again = await aios3.sync_tree(tmp_path, ROOT, preserve=["mtime"], exact_times=True, session=session)
    assert (again.copied, again.skipped) == (0, 1)


@pytest.mark.parametrize("one", [False, True], ids=["tree", "file"])
@pytest.mark.parametrize("kept", [False, True])
async def test_exact_times_download_what_has_another_time_and_nothing_twice(s3, session, tmp_path, kept, one):
    s3.put("d/file", b"new", metadata={"mtime": "1000"} if kept else {})
    (tmp_path / "file").write_bytes(b"old")  # later than the object: skipped without exact_times
    os.utime(tmp_path / "file", (4_000_000_000, 4_000_000_000))
    source, target = (f"{ROOT}/d/file", tmp_path / "file") if one else (f"{ROOT}/d", tmp_path)
    assert (await aios3.sync_tree(source, target, session=session)).skipped == 1
    for copied in (1, 0):
        result = await aios3.sync_tree(source, target, exact_times=True, preserve=["mtime"], session=session)
        assert result.copied == copied
    assert (tmp_path / "file").read_bytes() == b"new"
    s3.calls.clear()
    await aios3.sync_tree(f"{ROOT}/d/", tmp_path, exact_times=True, session=session)
    assert s3.calls["HeadObject"] == int(kept)  # a file with its object's time needs none


async def test_two_ways_to_compare_are_rejected(session, tmp_path):
    with pytest.raises(aios3.ConfigError, match="size_only and exact_times"):
        await aios3.sync_tree(tmp_path, ROOT, size_only=True, exact_times=True, session=session)
