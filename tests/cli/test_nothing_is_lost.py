"""Sources that fail, change or lie: a command that writes loses nothing of what it was not told to take away."""

from __future__ import annotations

import os
import socket

import pytest
from cli_program import run_program, start_program
from writing_state import FILES, OBJECTS, changed

import aios3.sync as s3
from aios3.testing import faults


def end_after(state, faulty, line, change):
    """Run a command, call ``change`` while the server holds a request of it, and return its status and errors."""
    with start_program(state.environ, *state.words(line), cwd=state.here) as program:
        faulty.wait(lambda counts: counts.stalled >= 1)
        change()
        faulty.release()
        _, errors = program.communicate(timeout=100)
    return program.returncode, errors.decode()


@pytest.mark.parametrize("line", ["mv f.txt {b}/new", "mv -r . {b}/n --include f.txt"])
def test_a_local_file_that_changes_while_it_is_moved_stays(state, faulty, line):
    faulty.fail("PutObject", faults.Stall())
    status, errors = end_after(state, faulty, line, lambda: (state.here / "f.txt").write_bytes(b"changed"))
    assert (status, errors.count("\n")) == (1, 1)
    assert "f.txt" in errors
    assert state.files() == FILES | {"f.txt": b"changed"}


@pytest.mark.parametrize(
    ("line", "operation"),
    [
        ("mv {b}/d/b new", "GetObject"),
        ("mv -r {b}/d n --include b", "GetObject"),
        ("mv {b}/d/b {b}/n/", "CopyObject"),
        ("mv -r {b}/d {b}/n --include b", "CopyObject"),
        ("mv {b}/d/b* {b}/n/", "CopyObject"),
    ],
)
def test_an_object_that_changes_while_it_is_moved_stays(state, faulty, line, operation):
    faulty.fail(operation, faults.Stall())
    status, errors = end_after(state, faulty, line, lambda: state.put("d/b", b"changed"))
    assert (status, errors.count("\n")) == (1, 1)
    assert f"{state.bucket}/d/b" in errors
    assert state.objects()["d/b"] == b"changed"
    assert {key: data for key, data in state.objects().items() if key in OBJECTS} == OBJECTS | {"d/b": b"changed"}


@pytest.mark.parametrize(
    ("line", "operation", "key"),
    [
        ("mv f.txt t/g {b}/n/", "PutObject", "n/*"),
        ("mv -r t {b}/n", "PutObject", "n/*"),
        ("mv {b}/a.txt {b}/d/b n/", "GetObject", "*"),
        ("mv -r {b}/d n", "GetObject", "*"),
        ("mv -r {b}/d {b}/n", "CopyObject", "*"),
        ("mv {b}/d/** {b}/n/", "CopyObject", "*"),
        ("sync --delete t {b}/d", "PutObject", "d/g"),
        ("sync --delete {b}/d t", "GetObject", "d/b"),
        ("sync --delete {b}/d {b}/x", "CopyObject", "x/b"),
        ("sync --delete {b}/d t", "ListObjectsV2", "*"),
        ("mv -r {b}/d n", "ListObjectsV2", "*"),
        ("rm -r {b}/d", "ListObjectsV2", "*"),
        ("rm {b}/d/*", "ListObjectsV2", "*"),
    ],
)
def test_a_source_that_cannot_be_read_or_copied_stays_and_so_does_what_the_target_has(
    state, faulty, line, operation, key
):
    state.put("x/old", b"old")
    before = OBJECTS | {"x/old": b"old"}
    faulty.fail(operation, faults.Respond(403, "AccessDenied"), key=key, times=None)
    done = state.run(line)
    assert done.returncode == 1
    assert b"Traceback" not in done.stderr
    assert done.stderr.count(b"\n") >= 1
    objects, files = state.objects(), state.files()
    assert {key: data for key, data in objects.items() if key in before} == before
    assert {name: data for name, data in files.items() if name in FILES} == FILES


@pytest.mark.parametrize(
    ("line", "kept"),
    [
        ("rm {b}/* --exclude a.txt", "a.txt"),
        ("rm {b}/*.txt --include x1.txt", "a.txt"),
        ("rm {b}/d/** --exclude e/", "d/e/c"),
        ("rm {b}/d/** --exclude **/c", "d/e/c"),
        ("rm -r {b}/* --exclude d/", "d/b"),
        ("rm -r {b}/* --exclude d/b", "d/b"),
        ("rm -r {b}/* --exclude e/c", "d/e/c"),
        ("rm -r {b}/d --exclude e/", "d/e/c"),
        ("rm {b}/a.txt --exclude *.txt", "a.txt"),
        ("rm {b}/a.txt --include x*", "a.txt"),
        ("rm -r {b}/a.txt --exclude *.txt", "a.txt"),
        ("mv {b}/* n/ --exclude a.txt", "a.txt"),
        ("mv {b}/** n/ --exclude d/ --flatten", "d/b"),
        ("mv {b}/a.txt n/ --exclude *.txt", "a.txt"),
        ("mv {b}/a.txt {b}/d/b n/ --exclude *.txt", "a.txt"),
    ],
)
def test_what_a_filter_keeps_stays(state, line, kept):
    dry_run = state.run(f"{line} --dry-run")
    done = state.run(line)
    assert (done.returncode, dry_run.returncode) == (0, 0), done.stderr
    assert state.objects()[kept] == OBJECTS[kept]
    assert f"{state.bucket}/{kept}".encode() not in dry_run.stdout + done.stdout


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("sync f.txt {b}/d/b --exclude *.txt", 1),  # no directory
        ("cp f.txt {b}/d/b --exclude *.txt", 0),
        ("cp {b}/a.txt t/g --exclude *.txt", 0),
    ],
)
def test_a_filter_that_keeps_the_only_source_keeps_the_target(state, line, status):
    assert state.run(line).returncode == status
    assert (state.objects(), state.files()) == (OBJECTS, FILES)


def test_a_listing_that_breaks_in_the_middle_empties_no_target(state, faulty):
    for number in range(9):
        (state.here / "t" / f"extra{number}").write_bytes(b"only here")
    before = state.files()
    faulty.fail("ListObjectsV2", faults.Respond(403, "AccessDenied"), nth=2, times=None)
    faulty.fail("ListObjectsV2", faults.SmallPages(1), times=None)
    done = state.run("sync --delete {b}/d t")
    assert (done.returncode, done.stderr.count(b"\n")) == (1, 1)
    assert faulty.count("ListObjectsV2") > 1
    assert {name: data for name, data in state.files().items() if name in before} == before


@pytest.mark.parametrize("line", ["cp -r {b}/k n", "cp {b}/k/** n/", "cp {b}/k/.. n/", "cp --flatten {b}/k/**/* n/"])
def test_a_key_leads_out_of_no_directory(state, line):
    for key in ("k/../../out", "k/..", "k/fine"):
        state.put(key, b"evil" if ".." in key else b"fine")
    done = state.run(line)
    inside = {name for name in state.files() if name not in FILES}
    assert inside <= {"n/fine", "n/out"}
    assert done.returncode == 1
    assert b"Traceback" not in done.stderr
    assert not list(state.here.parent.glob("out"))


@pytest.mark.parametrize("line", ["cp -r {b}/d n", "cp {b}/d/** n/", "sync {b}/d n", "mv -r {b}/d n"])
def test_a_link_leads_out_of_no_directory(state, tmp_path_factory, line):
    outside = tmp_path_factory.mktemp("outside")
    (state.here / "n").mkdir()
    (state.here / "n" / "e").symlink_to(outside)
    done = state.run(line)
    assert done.returncode == 1
    assert list(outside.iterdir()) == []
    assert state.objects()["d/e/c"] == b"sea"


@pytest.mark.parametrize("command", ["mv", "cp"])
def test_a_source_is_not_replaced_by_another_source(state, command):
    state.put("e/a.txt", b"mine")
    done = state.run(f"{command} {{b}}/a.txt {{b}}/e/a.txt {{b}}/d/b {{b}}/e/")
    assert (done.returncode, done.stderr.count(b"\n")) == (1, 2)
    objects = state.objects()
    assert (objects["a.txt"], objects["e/a.txt"], objects["e/b"]) == (b"alpha", b"mine", b"bee")


def test_a_link_is_moved_and_what_it_leads_to_stays(state):
    (state.here / "link").symlink_to("f.txt")
    assert state.run("mv link {b}/link").returncode == 0
    assert state.objects() == changed(OBJECTS, {"link": b"file"})
    assert not os.path.lexists(state.here / "link")
    assert state.files() == FILES


def test_the_markers_of_directories_move_with_them(state):
    bucket = s3.Bucket(state.bucket, session=state.session)
    bucket.put_object("d/", b"")
    bucket.put_object("d/empty/", b"")
    assert state.run("mv -r {b}/d n").returncode == 0
    assert state.objects() == changed(OBJECTS, {"d/b": None, "d/e/c": None})
    assert (state.here / "n" / "empty").is_dir()
    bucket.put_object("k/", b"")
    bucket.put_object("k/x", b"x")
    assert state.run("rm -r {b}/k").returncode == 0
    assert "k/" not in state.objects()


@pytest.mark.parametrize("line", ["rm -r {b}/d", "rm -r {b}/d*", "rm -r {b}/d/ --exclude b"])
def test_the_plan_of_a_removal_takes_the_markers_of_directories_too(state, line):
    bucket = s3.Bucket(state.bucket, session=state.session)
    for marker in ("d/", "d/empty/", "d/e/"):
        bucket.put_object(marker, b"")
    plan = state.run(f"{line} --dry-run")
    done = run_program(state.environ, "run", stdin=plan.stdout, cwd=state.here)
    assert (done.returncode, done.stderr) == (0, b"")
    assert sorted(done.stdout.splitlines()) == sorted(plan.stdout.splitlines())
    kept = {"d/b": b"bee" if "exclude" in line else None}
    assert state.objects() == changed(OBJECTS, {"d/e/c": None, **kept})


@pytest.mark.parametrize("line", ["rm {b}/d/", "rm --raw {b}/d/"])
def test_a_directory_is_not_removed_without_the_option(state, line):
    assert state.run(line).returncode == 1
    assert state.objects() == OBJECTS


def test_the_marker_of_a_directory_is_removed_and_what_is_below_stays(state):
    s3.Bucket(state.bucket, session=state.session).put_object("d/", b"")
    assert state.run("rm --raw {b}/d/").returncode == 0
    assert state.objects() == OBJECTS


@pytest.mark.parametrize("kind", ["pipe", "socket", "link to a pipe", "link to a link", "link to a descriptor"])
@pytest.mark.parametrize(
    "line",
    [
        "cp {b}/d/b t/b",
        "cp --resume {b}/d/b t/b",
        "cp -n {b}/d/b t/b",
        "cp {b}/d/b t/",
        "cp -r {b}/d t",
        "mv {b}/d/b t/b",
        "sync {b}/d t",
        "sync --delete {b}/d t",
        "zip extract --to t {b}/zip",
    ],
)
def test_what_is_no_file_is_not_replaced_by_one(state, line, kind):
    if line.startswith("zip"):
        assert state.run("zip create {b}/zip {b}/d/b").returncode == 0
    special = state.here / "t" / "b"
    with socket.socket(socket.AF_UNIX) as listener:
        if kind == "socket":
            listener.bind(os.path.relpath(special))
        elif kind == "pipe":
            os.mkfifo(special)
        elif kind == "link to a descriptor":  # as /dev/stdout is one, which may be a regular file at the moment
            special.symlink_to("/proc/self/fd/1")
        else:
            os.mkfifo(state.here / "pipe")
            (state.here / "link").symlink_to("pipe")
            special.symlink_to("../pipe" if kind == "link to a pipe" else "../link")
        before = os.lstat(special)
        done = state.run(line)
        assert (done.returncode, done.stderr.count(b"\n")) == (1, 1)
        assert b"t/b is a device, a pipe or a socket" in done.stderr
        after = os.lstat(special)
    assert (after.st_ino, after.st_mode) == (before.st_ino, before.st_mode)
    assert state.objects()["d/b"] == b"bee"
