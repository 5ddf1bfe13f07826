"""Commands that write, ended by a signal in the middle: nothing half is left, and the same command then completes."""

from __future__ import annotations

import signal

import pytest
from cli_program import start_program
from cut_short import BIG, FILES_BEFORE, MIB, OBJECTS_BEFORE, ROWS, assert_nothing_is_half, make_large
from writing_state import changed

import aios3.sync as s3
from aios3.testing import faults


@pytest.fixture
def state(state):
    make_large(state)
    return state


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
    assert_nothing_is_half(state.objects(), OBJECTS_BEFORE, after[0])
    assert_nothing_is_half(state.files(), FILES_BEFORE, after[1])
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
