"""Times and permissions of files that commands keep in metadata, and give back."""

from __future__ import annotations

import os
import stat

import pytest

import aios3.sync as s3

TIME_NS = 1_354_040_105_500_000_000


@pytest.fixture
def old(state):
    """Return the state with a file of a time of its own, and an executable one."""
    for name, mode in (("t/g", 0o640), ("t/u/h", 0o755)):
        (state.here / name).chmod(mode)
        os.utime(state.here / name, ns=(TIME_NS, TIME_NS))
    return state


def metadata(state, key):
    return dict(s3.stat(f"{state.bucket}/{key}", session=state.session).metadata)


@pytest.mark.parametrize(
    ("option", "kept"),
    [
        ("", {"mtime": "1354040105.5"}),
        ("--no-preserve-mtime", {}),
        ("--preserve", {"mtime": "1354040105.5", "mode": "33184"}),
    ],
    ids=["default", "without", "all"],
)
@pytest.mark.parametrize("line", ["cp -r t {b}/n", "sync t {b}/n", "cp t/g {b}/n/g"])
def test_an_upload_keeps_the_time_of_the_file(old, line, option, kept):
    assert old.run(f"{line} {option}").returncode == 0
    assert metadata(old, "n/g") == kept


def test_a_tree_comes_back_with_times_and_permissions_and_is_not_copied_twice(old):
    assert old.run("sync --preserve t {b}/n").returncode == 0
    assert len(old.run("sync --preserve {b}/n/ back").stdout.splitlines()) == 2
    for name, mode in (("g", 0o640), ("u/h", 0o755)):
        found = (old.here / "back" / name).stat()
        assert (found.st_mtime_ns, stat.S_IMODE(found.st_mode)) == (TIME_NS, mode)
    for line in ("sync --preserve {b}/n/ back", "sync --preserve back {b}/n", "sync t {b}/n"):
        done = old.run(line)
        assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_exact_timestamps_see_a_change_that_is_older_than_the_object(old):
    assert old.run("sync t {b}/n").returncode == 0
    (old.here / "t/g").write_bytes(b"GEE")
    os.utime(old.here / "t/g", ns=(TIME_NS - 10**9, TIME_NS - 10**9))
    assert old.run("sync t {b}/n").stdout == b""
    assert old.run("sync --exact-timestamps t {b}/n").stdout == f"cp t/g {old.bucket}/n/g\n".encode()
    assert old.objects()["n/g"] == b"GEE"


def test_lines_of_a_dry_run_keep_the_same(old):
    lines = old.run("sync --preserve t {b}/n --dry-run").stdout
    assert lines.count(b" --preserve ") == 2
    assert old.run("run -q", stdin=lines).returncode == 0
    assert metadata(old, "n/g") == {"mtime": "1354040105.5", "mode": "33184"}
