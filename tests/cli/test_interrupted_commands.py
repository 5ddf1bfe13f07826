"""Commands that write, ended by a signal in the middle: nothing half is left, and the same command then completes."""

from __future__ import annotations

import signal

import pytest
from cli_program import start_program
from writing_state import FILES, OBJECTS, changed

import aios3.sync as s3
from aios3.testing import faults

MIB = 1 << 20
BIG = bytes(range(256)) * (12 * MIB // 256)
"""Three parts of 5 MiB, and more than one range."""


@pytest.fixture
def state(state):
    state.put("big", BIG)
    (state.here / "large").write_bytes(BIG)
    return state


OBJECTS_BEFORE = OBJECTS | {"big": BIG}
FILES_BEFORE = FILES | {"large": BIG}
PARTS = "--part-size 5M --concurrency 2"
ROWS = [
    # the line, the operation that stalls, and what the command then leaves: objects, files
    (f"cp {PARTS} large {{b}}/new", "UploadPart", {"new": BIG}, {}),
    (f"cp {PARTS} large {{b}}/a.txt", "UploadPart", {"a.txt": BIG}, {}),
    ("cp f.txt {b}/new", "PutObject", {"new": b"file"}, {}),
    ("cp -r t {b}/n", "PutObject", {"n/g": b"gee", "n/u/h": b"aitch"}, {}),
    (f"cp {PARTS} {{b}}/big new", "GetObject", {}, {"new": BIG}),
    (f"cp {PARTS} {{b}}/big f.txt", "GetObject", {}, {"f.txt": BIG}),
    ("cp -r {b}/d n", "GetObject", {}, {"n/b": b"bee", "n/e/c": b"sea"}),
    ("cp {b}/big {b}/n/", "CopyObject", {"n/big": BIG}, {}),
    (f"cp {PARTS} --to-region eu-central-1 {{b}}/big {{b}}/new", "UploadPart", {"new": BIG}, {}),
    (f"mv {PARTS} large {{b}}/new", "UploadPart", {"new": BIG}, {"large": None}),
    ("mv -r t {b}/n", "PutObject", {"n/g": b"gee", "n/u/h": b"aitch"}, {"t/g": None, "t/u/h": None}),
    ("mv -r {b}/d {b}/n", "CopyObject", {"n/b": b"bee", "n/e/c": b"sea", "d/b": None, "d/e/c": None}, {}),
    ("mv {b}/a.txt new", "DeleteObject", {"a.txt": None}, {"new": b"alpha"}),
    ("rm -r {b}/d", "DeleteObjects", {"d/b": None, "d/e/c": None}, {}),
    ("rm {b}/a.txt", "DeleteObject", {"a.txt": None}, {}),
    ("sync --delete t {b}/d", "PutObject", {"d/g": b"gee", "d/u/h": b"aitch", "d/b": None, "d/e/c": None}, {}),
    ("sync --delete {b}/d t", "GetObject", {}, {"t/b": b"bee", "t/e/c": b"sea", "t/g": None, "t/u/h": None}),
]


CELLS = [(*row, signal.SIGINT) for row in ROWS] + [(*row, signal.SIGTERM) for row in ROWS[::4]]


@pytest.mark.parametrize(
    ("line", "operation", "objects", "files", "number"),
    CELLS,
    ids=[f"{cell[0]} at {cell[1]} {cell[-1].name}" for cell in CELLS],
)
def test_a_signal_leaves_nothing_half_and_the_next_run_completes(
    state, faulty, line, operation, objects, files, number
):
    faulty.fail(operation, faults.Stall(), times=None)
    after = changed(OBJECTS_BEFORE, objects), changed(FILES_BEFORE, files)
    with start_program(state.environ, *state.words(line), cwd=state.here) as program:
        faulty.wait(lambda counts: counts.stalled >= 1)
        program.send_signal(number)
        _, errors = program.communicate(timeout=100)
    assert (program.returncode, errors) == (-number, b"")
    assert state.uploads() == []
    for found, before, end in zip((state.objects(), state.files()), (OBJECTS_BEFORE, FILES_BEFORE), after, strict=True):
        assert set(found) <= set(before) | set(end)
        for name, data in found.items():
            assert data in (before.get(name), end.get(name))
        for name in set(before) & set(end):  # what the command does not take away
            assert name in found
    faulty.reset()
    done = state.run(line)
    already_moved = line.startswith(("mv", "rm")) and (state.objects(), state.files()) == after
    assert done.returncode == 0 or already_moved, done.stderr
    assert (state.objects(), state.files()) == after
    assert state.uploads() == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("option", ["-q", "-v"])
@pytest.mark.parametrize("operation", ["CreateMultipartUpload", "UploadPart"])
def test_a_signal_ends_the_writing_of_standard_input(state, faulty, number, option, operation):
    faulty.fail(operation, faults.Stall())
    with start_program(state.environ, "put", option, "--part-size", "5M", f"{state.bucket}/a.txt") as program:
        program.stdin.write(bytes(7 * MIB))  # and no end
        program.stdin.flush()
        faulty.wait(lambda counts: counts.stalled >= 1)
        program.send_signal(number)
        faulty.release()
        assert program.wait(100) == -number
    assert state.uploads() == []
    assert state.objects() == OBJECTS_BEFORE


def test_a_signal_ends_a_wait_for_standard_input(state):
    with start_program(state.environ, "put", f"{state.bucket}/a.txt") as program:
        program.stdin.write(bytes(MIB))  # more than the pipe holds: written once the program reads
        program.stdin.flush()
        program.send_signal(signal.SIGINT)
        assert program.wait(100) == -signal.SIGINT
    assert state.objects() == OBJECTS_BEFORE


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_command_whose_lines_are_not_read(state, number):
    keys = [f"{'long' * 200}/{index}" for index in range(150)]
    items = [(f"{state.bucket}/many/{key}", b"") for key in keys]
    assert len(list(s3.write_many(items, session=state.session))) == len(keys)
    with start_program(state.environ, "rm", "-r", f"{state.bucket}/many") as program:
        assert program.stdout.read(1) == b"r"  # and no more: the pipe is too small for all lines
        program.send_signal(number)
        assert program.wait(100) == -number
    assert state.run("rm -r {b}/many -f").returncode == 0
    assert state.objects() == OBJECTS_BEFORE


def test_a_copy_that_is_interrupted_may_keep_its_parts_for_the_next_run(state, faulty):
    faulty.fail("UploadPart", faults.Stall(), nth=3, times=None)
    line = "cp --resume --part-size 5M --concurrency 1 large {b}/new"
    with start_program(state.environ, *state.words(line), cwd=state.here) as program:
        faulty.wait(lambda counts: counts.stalled >= 1)
        program.send_signal(signal.SIGINT)
        assert program.wait(100) == -signal.SIGINT
    assert state.uploads() == ["new"]
    faulty.reset()
    assert state.run(line).returncode == 0
    assert faulty.count("UploadPart") <= 1  # the part that stalled may have arrived
    assert state.objects() == OBJECTS_BEFORE | {"new": BIG}
