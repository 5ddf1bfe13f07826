"""The pieces below the verbs, without S3: the runner, names, merging, filters, the plan of a concat, the bar."""

from __future__ import annotations

import asyncio
import io
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

import aios3
from aios3._s3_constants import MAX_PART_SIZE, MIN_PART_SIZE
from aios3._threads import in_thread
from aios3._trees.concatenation_plan import plan_parts
from aios3._trees.file_trees import TreeEntry
from aios3._trees.filters import make_filter
from aios3._trees.local_names import FileConflicts, local_name
from aios3._trees.merging import merge_by_name
from aios3._trees.part_uploads import part_ranges
from aios3._trees.progress_reporter import TransferState
from aios3._trees.runner import as_async, for_each
from aios3.progress import rich_progress

# the runner


async def test_no_more_run_at_once_than_may():
    running, most, asked = 0, 0, 0

    async def items():
        nonlocal asked
        for number in range(50):
            asked += 1
            assert asked - done <= 4
            yield number

    done = 0

    async def work(_number):
        nonlocal running, most, done
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        running -= 1
        done += 1

    await for_each(items(), work, 3)
    assert (done, most) == (50, 3)


async def test_the_first_error_ends_it_when_all_have_ended():
    ended = []

    async def work(number):
        try:
            if number == 3:
                raise KeyError(number)
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            ended.append(number)

    with pytest.raises(KeyError):
        await for_each(as_async(range(100)), work, 5)
    assert sorted(ended) == list(range(5))


async def test_an_error_of_the_source_ends_what_runs():
    ended = []

    async def items():
        yield 1
        raise OSError("broke")

    async def work(number):
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(number)

    before = asyncio.all_tasks()
    with pytest.raises(OSError, match="broke"):
        await for_each(items(), work, 5)
    assert asyncio.all_tasks() == before


async def test_a_cancellation_waits_for_a_thread():
    import threading  # noqa: PLC0415

    started, go, finished = asyncio.Event(), threading.Event(), []
    loop = asyncio.get_running_loop()

    def block():
        loop.call_soon_threadsafe(started.set)
        go.wait(30)
        finished.append(True)

    task = asyncio.ensure_future(in_thread(block))
    await started.wait()
    task.cancel()
    await asyncio.sleep(0)
    assert not task.done()
    go.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert finished == [True]


# names


@pytest.mark.parametrize("name", ["a", "a/b", "..a", "a..", "...", "a:b", "C:", "a\\b", " ", "~", "-", "CON"])
def test_names_that_become_files(name):
    assert local_name(name, windows=False) == name


@pytest.mark.parametrize("name", ["", "/", "/a", "a/", "a//b", ".", "..", "../a", "a/..", "a/./b", "a\0b"])
@pytest.mark.parametrize("windows", [True, False])
def test_names_that_do_not(name, windows):
    with pytest.raises(aios3.UnsafeNameError) as caught:
        local_name(name, windows=windows)
    assert isinstance(caught.value, aios3.InvalidPathError)


@pytest.mark.parametrize("name", ["C:", "C:/a", "a\\b", "..\\a", "\\\\host\\a", "a.", "a ", "a\x01", "a?", "a|b"])
def test_names_that_mean_something_else_on_windows(name):
    with pytest.raises(aios3.UnsafeNameError):
        local_name(name, windows=True)


@given(st.sets(st.text("ab./-", min_size=1, max_size=6)))
def test_names_below_files_are_found(names):
    """Against a set of all files that were let through before."""
    conflicts, files = FileConflicts(), set()
    for name in sorted(names):
        above = next((name[:end] for end in range(len(name)) if name[end] == "/" and name[:end] in files), None)
        found = conflicts.conflicting_file(name)
        assert (found is None) == (above is None)
        if above is None:
            files.add(name)
        else:
            assert found in files
            assert name.startswith(f"{found}/")


# merging


async def stream(names, size):
    for start in range(0, len(names), size):
        yield [TreeEntry(name) for name in names[start : start + size]]
        yield []


@given(st.sets(st.text("ab/é🙂", max_size=4)), st.sets(st.text("ab/é🙂", max_size=4)), st.integers(1, 4))
async def test_pairs_are_those_of_the_sets(ours, theirs, size):
    found = []
    async for batch in merge_by_name(stream(sorted(ours), size), stream(sorted(theirs), size + 1)):
        found += [(left.name if left else None, right.name if right else None) for left, right in batch]
    assert found == [
        (name if name in ours else None, name if name in theirs else None) for name in sorted(ours | theirs)
    ]


async def test_a_side_that_is_not_in_order_is_an_error_and_no_difference():
    with pytest.raises(aios3.ServerError, match="not in key order"):
        async for _ in merge_by_name(stream(["b", "a"], 5), stream(["a", "b"], 5)):
            pass


# filters


@pytest.mark.parametrize(
    ("include", "exclude", "wanted"),
    [
        ([], [], {"a.csv", "a.txt", "d/b.csv", "d/e/c.csv", "tmp/x"}),
        (["*.csv"], [], {"a.csv"}),
        (["**/*.csv"], [], {"a.csv", "d/b.csv", "d/e/c.csv"}),
        ([], ["d/"], {"a.csv", "a.txt", "tmp/x"}),
        (["**/*.csv"], ["d/e/"], {"a.csv", "d/b.csv"}),
        ("{tmp,d}/**", "**/c.*", {"tmp/x", "d/b.csv"}),
        (["d/"], [], {"d/b.csv", "d/e/c.csv"}),
    ],
)
def test_filters(include, exclude, wanted):
    names = {"a.csv", "a.txt", "d/b.csv", "d/e/c.csv", "tmp/x"}
    chosen = make_filter(include, exclude)
    assert {name for name in names if chosen.wants(name)} == wanted


# plans

MIB = 1 << 20
sizes = st.lists(st.one_of(st.integers(0, 20), st.integers(4 * MIB, 12 * MIB), st.just(11 * 1024 * MIB)), max_size=20)


@given(sizes, st.data(), st.integers(0, 20 * MIB))
def test_a_plan_has_every_byte_once_and_parts_that_s3_takes(sizes, data, block):
    copyable = [data.draw(st.booleans()) or size > 100 * MIB for size in sizes]
    parts = plan_parts(sizes, copyable, block)
    expected = [(source, size) for source, size in enumerate(sizes) if size]
    joined = []
    for piece in itertools.chain.from_iterable(part.slices for part in parts):
        if joined and joined[-1][0] == piece.source:
            assert joined[-1][1] == piece.start
            joined[-1] = (piece.source, piece.stop)
        else:
            assert piece.start == 0
            joined.append((piece.source, piece.stop))
    assert joined == expected
    assert all(part.size >= MIN_PART_SIZE for part in parts[:-1])
    assert all(0 < part.size <= MAX_PART_SIZE for part in parts)
    assert all(len(part.slices) == 1 and copyable[part.slices[0].source] for part in parts if part.copied)


def test_a_plan_keeps_to_ten_thousand_parts():
    parts = plan_parts([5 * MIB] * 20_001, [True] * 20_001, 8 * MIB)
    assert len(parts) <= 10_000
    assert sum(part.size for part in parts) == 5 * MIB * 20_001


@given(st.integers(0, 40 * MIB), st.integers(5 * MIB, 9 * MIB))
def test_ranges_of_a_file(size, first):
    ranges = part_ranges(size, first)
    assert [part.number for part in ranges] == list(range(1, len(ranges) + 1))
    assert [part.start for part in ranges] == [0, *[part.stop for part in ranges]][: len(ranges)]
    assert (ranges[-1].stop if ranges else 0) == size


# the bar


def test_the_bar_shows_how_far_it_is():
    shown = io.StringIO()
    with rich_progress("Sending", console=Console(file=shown, force_terminal=True, width=100)) as progress:
        progress(TransferState(1, 3, 500, 1500))
        progress(TransferState(3, 3, 1500, 1500))
    assert "Sending" in shown.getvalue()
    assert "3/3 files" in shown.getvalue()
    assert "1.5/1.5 kB" in shown.getvalue()
