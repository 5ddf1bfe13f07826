"""Cancellation in every state: a scenario is cancelled after each of its steps, and nothing may be left of it.

Everything that awaits, awaits S3 in memory, which gives way at every step; so cancelling after 0, 1, 2, ... turns of
the loop visits every state in which the code can be found waiting.
"""

import asyncio
import contextlib
import functools
import os
from pathlib import Path

import pytest
from fake_s3 import MIB, SMALL, URL, FakeS3

import aios3
from aios3 import _session

pytestmark = pytest.mark.loop_variants

OLD = b"old" * 1000
LINES = b"a line of some length, so that there are not too many of them\n" * 48_000


async def reading(session):
    async with aios3.aopen(URL, session=session) as file:
        await file.read(100_000)
        await file.seek(2_000_000)
        await file.read(10)
        await file.read_ranges([(0, 10), (1_000_000, 1_300_000)])
        await file.read()


async def reading_lines(session):
    async with aios3.aopen(URL, session=session) as file:
        async for _line in file:
            pass


async def reading_chunks(session):
    file = await aios3.aopen(URL, session=session)
    try:
        async for _chunk in file.chunks(100_000):
            pass
    finally:
        await file.aclose()


async def reading_side_by_side(session):
    async with aios3.aopen(URL, session=session) as file, asyncio.TaskGroup() as group:
        for start in range(0, 3_000_000, 500_000):
            group.create_task(file.read_at(start, 300_000))


async def reading_text(session):
    async with aios3.aopen(URL, "r", encoding="latin-1", session=session) as file:
        await file.readline()
        await file.read()


async def reading_bytes(session):
    await aios3.read_bytes(URL, session=session)
    await aios3.read_bytes(URL, -400_000, -5, session=session)


async def writing_small(session):
    async with aios3.aopen("s3://bucket/new", "wb", session=session) as file:
        await file.write(b"new")


async def writing_parts(session):
    async with aios3.aopen("s3://bucket/new", "wb", session=session) as file:
        for _ in range(8):
            await file.write(bytes(3 * MIB))


async def writing_text(session):
    async with aios3.aopen("s3://bucket/new", "w", session=session) as file:
        await file.write("x" * 6 * MIB)


async def creating(session):
    async with aios3.aopen("s3://bucket/new", "xb", session=session) as file:
        await file.write(bytes(6 * MIB))


async def appending(session):
    async with aios3.aopen("s3://bucket/large", "ab", session=session) as file:
        await file.write(bytes(6 * MIB))


async def appending_to_small(session):
    async with aios3.aopen("s3://bucket/old", "ab", session=session) as file:
        await file.write(b"x")


async def writing_from_a_reader(session):
    async with (
        aios3.aopen(URL, session=session) as source,
        aios3.aopen("s3://bucket/new", "wb", session=session) as file,
    ):
        await file.write_from(source.chunks())


async def failing_and_aborting(session):
    with contextlib.suppress(KeyError):
        async with aios3.aopen("s3://bucket/new", "wb", session=session) as file:
            await file.write(bytes(12 * MIB))
            raise KeyError


async def copying(session):
    await aios3.copy(URL, "s3://bucket/new", session=session)


async def removing(session):
    await aios3.remove("s3://bucket/victim", session=session)


async def reading_shared(session):
    async with (
        aios3.aopen(URL, buffering="shared", cache_key="k", session=session) as one,
        aios3.aopen(URL, buffering="shared", cache_key="k", session=session) as two,
        asyncio.TaskGroup() as group,
    ):
        group.create_task(one.read_at(500_000, 600_000))
        group.create_task(two.read_at(900_000, 600_000))


async def reading_a_pipe(session):
    async with aios3.aopen(URL, buffering="pipe", session=session) as file:
        await file.readline()
        await file.read()


async def writing_a_pipe(session):
    async with aios3.aopen("s3://bucket/new", "wb", buffering="pipe", session=session) as file:
        for _ in range(8):
            await file.write(bytes(3 * MIB))


async def writing_without_joining(session):
    async with aios3.aopen("s3://bucket/new", "wb", buffering="pipe", join=False, session=session) as file:
        await file.write(bytes(12 * MIB))
    await file.wait()


async def writing_with_limited_seeking(session):
    async with aios3.aopen(
        "s3://bucket/new", "wb", buffering="limited", head_size=5 * MIB, tail_size=1, session=session
    ) as file:
        await file.write(bytes(17 * MIB))
        await file.seek(0)
        await file.write(b"head")


async def changing_in_memory(session):
    async with aios3.aopen("s3://bucket/old", "rb+", session=session) as file:
        await file.seek(0, 2)
        await file.write(b"x")


async def changing_much_in_memory(session):
    async with aios3.aopen("s3://bucket/large", "ab+", session=session) as file:
        await file.write(bytes(6 * MIB))


SCENARIOS = [
    reading, reading_lines, reading_chunks, reading_side_by_side, reading_text, reading_bytes, writing_small,
    writing_parts, writing_text, creating, appending, appending_to_small, writing_from_a_reader, failing_and_aborting,
    copying, removing, reading_shared, reading_a_pipe, writing_a_pipe, writing_without_joining,
    writing_with_limited_seeking, changing_in_memory, changing_much_in_memory,
]  # fmt: skip

WHOLE = {
    "writing_small": {b"new"},
    "writing_parts": {bytes(24 * MIB)},
    "writing_text": {b"x" * 6 * MIB},
    "creating": {bytes(6 * MIB)},
    "writing_from_a_reader": {LINES},
    "copying": {LINES},
    "writing_a_pipe": {bytes(24 * MIB)},
    "writing_without_joining": {bytes(12 * MIB)},
    "writing_with_limited_seeking": {b"head" + bytes(17 * MIB - 4)},
}


@functools.cache
def stored():
    s3 = FakeS3()
    s3.put("key.bin", LINES)
    s3.put("old", OLD)
    s3.put("large", bytes(6 * MIB))
    s3.put("victim", b"x")
    return s3.objects


def filled():
    s3 = FakeS3()
    s3.arrival = 200_000
    s3.objects = dict(stored())
    return s3


async def run_and_cancel(scenario, session, turns, times):
    """Run ``scenario`` for ``turns`` turns of the loop, cancel it ``times`` times; tell whether it had ended before."""
    task = asyncio.create_task(scenario(session))
    for _ in range(turns):
        if task.done():
            break
        await asyncio.sleep(0)
    ended = task.done()
    for _ in range(times):
        task.cancel()
        await asyncio.sleep(0)
    with contextlib.suppress(asyncio.CancelledError):
        await task
    return ended


@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
async def test_cancelled_after_every_step_nothing_is_left(monkeypatch, scenario, times):
    before = asyncio.all_tasks()
    visited = 0
    for turns in range(2000):
        s3 = filled()
        monkeypatch.setattr(_session, "_make_transport", lambda *_args, s3=s3: s3)
        async with aios3.Session(**SMALL) as session:
            ended = await run_and_cancel(scenario, session, turns, times)
            if scenario is writing_without_joining:
                await session.promised.join()  # what was closed in time goes on, as it was asked to
            if times == 1:
                assert s3.open_bodies == 0, turns
                assert s3.uploads == {}, turns
                assert asyncio.all_tasks() == before, turns
                assert session.budget.used == 0, turns
                assert session.tasks.active == 0, turns
        assert s3.open_bodies == 0, turns
        assert s3.uploads == {}, turns
        assert session.budget.used == 0, turns
        assert asyncio.all_tasks() == before, turns
        if "new" in s3.objects:
            assert s3.objects["new"].data in WHOLE[scenario.__name__], turns
        assert s3.objects["old"].data in {OLD, OLD + b"x"}
        assert s3.objects["large"].data in {bytes(6 * MIB), bytes(12 * MIB)}
        visited += 1
        if ended:
            break
    assert ended, "the scenario did not end within its turns"
    assert visited > 3


async def using_a_disk(session, place):
    async with aios3.aopen("s3://bucket/old", "rb+", cache_path=place, session=session) as file:
        await file.seek(0, 2)
        await file.write(b"x")


async def using_a_path(session, place):
    async with aios3.cached_path("s3://bucket/old", "a", place, session=session) as local:
        await asyncio.to_thread(append, local)


def append(local):
    with open(local, "ab") as file:  # noqa: PTH123
        file.write(b"x")


@pytest.mark.parametrize("scenario", [using_a_disk, using_a_path], ids=lambda scenario: scenario.__name__)
async def test_cancelled_at_any_moment_no_local_file_is_left(monkeypatch, tmp_path, scenario):
    """Threads take as many turns of the loop as they please, so the cancellations are spread and not counted."""
    before = asyncio.all_tasks()
    for turns in [*range(60), *range(60, 600, 20)]:
        s3 = filled()
        monkeypatch.setattr(_session, "_make_transport", lambda *_args, s3=s3: s3)
        async with aios3.Session(**SMALL) as session:
            ended = await run_and_cancel(lambda session: scenario(session, tmp_path), session, turns, 1)
            assert session.budget.used == 0, turns
            assert session.tasks.active == 0, turns
        assert s3.objects["old"].data in {OLD, OLD + b"x"}
        assert s3.objects["old"].data == OLD + b"x" or not ended
        assert list(tmp_path.iterdir()) == [], turns
        assert asyncio.all_tasks() == before, turns
    assert [name for name in open_files() if name.startswith(str(tmp_path))] == []


def open_files():
    for link in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # the one that lists them
            yield os.readlink(link)  # noqa: PTH115 - a name that was removed, or no name at all


async def test_a_cancelled_reader_lets_others_read_on(monkeypatch):
    s3 = filled()
    monkeypatch.setattr(_session, "_make_transport", lambda *_args: s3)
    async with aios3.Session(**SMALL) as session, aios3.aopen(URL, session=session) as file:
        for turns in range(1, 40):
            await run_and_cancel(lambda _session: file.read_at(1_000_000, 500_000), session, turns, 1)
        await run_and_cancel(lambda _session: file.read(100_000), session, 3, 1)
        position = file.tell()
        data = s3.objects["key.bin"].data
        assert await file.read() == data[position:]


async def test_a_timeout_is_honoured_while_the_server_does_not_respond(monkeypatch):
    s3 = filled()
    monkeypatch.setattr(_session, "_make_transport", lambda *_args: s3)
    hanging = asyncio.Event()

    async def put_object(*args, **kwargs):
        hanging.set()
        await asyncio.Event().wait()

    s3.put_object = put_object

    async def write(session):
        async with aios3.aopen("s3://bucket/new", "wb", session=session) as file:
            await file.write(b"new")

    async with aios3.Session(**SMALL) as session:
        task = asyncio.create_task(write(session))
        await hanging.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert session.budget.used == 0
    assert "new" not in s3.objects
