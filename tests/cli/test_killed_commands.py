"""Commands that write, killed in the middle and run again: nothing is half, nothing is lost, and the result is right.

A process that is killed cleans nothing up: its uploads stay open, and its unfinished files stay under hidden names.
"""

from __future__ import annotations

import signal
import threading
import zipfile

import pytest
from cli_program import start_program
from cut_short import BIG, FILES_BEFORE, OBJECTS_BEFORE, ROWS, assert_nothing_is_half, make_large
from writing_state import changed

from aios3.testing import faults

PARTS = "--part-size 5M --concurrency 2"
MORE_ROWS = [
    (f"cp --resume {PARTS} large {{b}}/new", "UploadPart", {"new": BIG}, {}),
    (f"cp --resume {PARTS} {{b}}/big new", "GetObject", {}, {"new": BIG}),
    (f"cp {PARTS} large {{b}}/a.txt", "CreateMultipartUpload", {"a.txt": BIG}, {}),
    (f"cp {PARTS} large {{b}}/a.txt", "CompleteMultipartUpload", {"a.txt": BIG}, {}),
    (f"mv {PARTS} large {{b}}/a.txt", "CompleteMultipartUpload", {"a.txt": BIG}, {"large": None}),
    ("mv {b}/a.txt n/", "GetObject", {"a.txt": None}, {"n/a.txt": b"alpha"}),
    ("mv -r {b}/d {b}/n", "DeleteObject", {"n/b": b"bee", "n/e/c": b"sea", "d/b": None, "d/e/c": None}, {}),
    ("mv {b}/d/** n/", "DeleteObject", {"d/b": None, "d/e/c": None}, {"n/b": b"bee", "n/e/c": b"sea"}),
    ("sync --delete t {b}/d", "DeleteObjects", {"d/g": b"gee", "d/u/h": b"aitch", "d/b": None, "d/e/c": None}, {}),
    ("rm {b}/d/**", "DeleteObjects", {"d/b": None, "d/e/c": None}, {}),
    ("rm -r --all-versions {b}/d", "DeleteObjects", {"d/b": None, "d/e/c": None}, {}),
]
CELLS = [*((*row, False) for row in ROWS), *((*row, is_done) for row in MORE_ROWS for is_done in (False, True))]
BOTH = pytest.mark.parametrize("is_done", [False, True], ids=["before", "after"])


@pytest.fixture
def state(state):
    make_large(state)
    return state


def kill(state, faulty, line, operation, *, is_done):
    """Kill a command at a request; ``is_done`` is whether the server has done by then what the request says."""
    started, ended = threading.Event(), threading.Event()

    def end_program(_request):
        assert started.wait(100)
        program.kill()
        ended.set()
        faulty.hang_up()  # or the request would be passed on

    faulty.fail(operation, faults.Stall() if is_done else faults.Before(end_program))
    with (
        (state.here / "large").open("rb") as stdin,
        start_program(state.environ, *state.words(line), cwd=state.here, stdin=stdin) as program,
    ):
        started.set()
        if is_done:
            faulty.wait(lambda counts: counts.stalled >= 1)
            program.kill()
        else:
            assert ended.wait(100)
        assert program.wait(100) == -signal.SIGKILL
        program.stdout.close()
        program.stderr.close()
    faulty.reset()


def visible(files):
    """Return files without those of downloads that were not finished."""
    return {name: data for name, data in files.items() if ".aios3-part" not in name}


@pytest.mark.parametrize(
    ("line", "operation", "objects", "files", "is_done"),
    CELLS,
    ids=[f"{cell[0]} {'after' if cell[-1] else 'before'} {cell[1]}" for cell in CELLS],
)
def test_a_command_that_was_killed_completes_when_it_is_run_again(
    state, faulty, line, operation, objects, files, is_done
):
    kill(state, faulty, line, operation, is_done=is_done)
    after = changed(OBJECTS_BEFORE, objects), changed(FILES_BEFORE, files)
    there = state.objects(), visible(state.files())
    assert_nothing_is_half(there[0], OBJECTS_BEFORE, after[0])
    assert_nothing_is_half(there[1], FILES_BEFORE, after[1])
    if not line.startswith(("rm", "sync")):
        everywhere = [*there[0].values(), *there[1].values()]
        moved = [
            data for name, data in (OBJECTS_BEFORE | FILES_BEFORE).items() if (objects | files).get(name, b"") is None
        ]
        assert all(data in everywhere for data in moved)
    done = state.run(line)
    assert done.returncode == 0 or there == after, done.stderr
    assert (state.objects(), visible(state.files())) == after


@BOTH
@pytest.mark.parametrize("operation", ["CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload"])
def test_standard_input_becomes_a_whole_object_or_none(state, faulty, operation, is_done):
    kill(state, faulty, f"put {PARTS} {{b}}/a.txt", operation, is_done=is_done)
    assert_nothing_is_half(state.objects(), OBJECTS_BEFORE, OBJECTS_BEFORE | {"a.txt": BIG})
    assert state.run(f"put {PARTS} {{b}}/a.txt", stdin=BIG).returncode == 0
    assert state.objects() == OBJECTS_BEFORE | {"a.txt": BIG}


@BOTH
@pytest.mark.parametrize("operation", ["GetObject", "PutObject"])
def test_an_archive_is_whole_or_what_it_was(state, faulty, operation, is_done):
    line = "zip create {b}/a.txt f.txt t {b}/d/"
    kill(state, faulty, line, operation, is_done=is_done)
    found = state.objects()
    archive = found.pop("a.txt")
    assert found == changed(OBJECTS_BEFORE, {"a.txt": None})
    assert (archive == b"alpha") is (operation == "GetObject" or not is_done)
    assert state.run(line).returncode == 0
    (state.here / "zip").write_bytes(state.objects()["a.txt"])
    with zipfile.ZipFile(state.here / "zip") as members:
        found = {name: members.read(name) for name in members.namelist()}
    assert found == {"f.txt": b"file", "g": b"gee", "u/h": b"aitch", "b": b"bee", "e/c": b"sea"}


@BOTH
def test_members_are_extracted_whole(state, faulty, is_done):
    assert state.run("zip create --compression stored {b}/zip f.txt large t").returncode == 0
    line = "zip extract --part-size 5M --to t {b}/zip"
    kill(state, faulty, line, "GetObject", is_done=is_done)
    end = FILES_BEFORE | {"t/large": BIG, "t/f.txt": b"file"}
    assert_nothing_is_half(visible(state.files()), FILES_BEFORE, end)
    assert state.run(line).returncode == 0
    assert visible(state.files()) == end


@BOTH
@pytest.mark.parametrize("operation", ["DeleteObjects", "DeleteBucket"])
def test_a_bucket_whose_removal_was_killed_is_removed_by_the_next(state, faulty, operation, is_done):
    kill(state, faulty, "rb --force {b}", operation, is_done=is_done)
    is_gone = operation == "DeleteBucket" and is_done
    assert state.run("rb --force {b}").returncode == is_gone  # there is none to remove then
    assert state.objects() is None


@BOTH
@pytest.mark.parametrize("operation", ["PutObject", "DeleteObject", "CopyObject"])
def test_the_lines_of_run_complete_when_they_are_run_again(state, faulty, operation, is_done):
    (state.here / "plan").write_text(
        f"cp f.txt {state.bucket}/new\nrm -f {state.bucket}/a.txt\ncp -r {state.bucket}/d {state.bucket}/n\n"
    )
    kill(state, faulty, "run -j 1 plan", operation, is_done=is_done)
    assert state.run("run plan").returncode == 0
    assert state.objects() == changed(OBJECTS_BEFORE, {"new": b"file", "a.txt": None, "n/b": b"bee", "n/e/c": b"sea"})
