"""Listings that are left early, cancelled, forgotten, or lose their session: nothing stays behind."""

from __future__ import annotations

import asyncio
import gc
from contextlib import aclosing

import pytest

from aios3 import _namespace as names
from aios3._namespace.pages import gather
from aios3.errors import ClosedHandleError, ServerError
from fake_backend import FakeBackend, FakeSession, others, settled, until

pytestmark = pytest.mark.loop_variants


@pytest.fixture
def fake() -> FakeBackend:
    return FakeBackend()


@pytest.fixture
async def s3(fake):
    async with FakeSession(fake) as session:
        yield session


async def collect(source) -> list:
    return [item async for item in source]


GENERATORS = [names.scandir, names.scan, names.scan_stat, names.walk, names.glob, names.glob_stat]
PATHS = {
    names.scandir: "s3://b/d",
    names.scan: "s3://b/d",
    names.scan_stat: "s3://b/d",
    names.walk: "s3://b",
    names.glob: "s3://b/d/*",
    names.glob_stat: "s3://b/**",
}


@pytest.fixture
def long(fake):
    """A directory of three pages, and below it one that takes as many."""
    fake.page_size = 2
    return fake.put(*(f"s3://b/d/{n}" for n in range(6)), *(f"s3://b/e/{n}" for n in range(6)))


def is_ahead(call, verb) -> bool:
    """Whether a call is for what comes behind the first page; a whole directory is the page of walk."""
    return "LIST s3://b/d/ /" in call if verb is names.walk else call.endswith("...")


def hold_ahead(fake, verb) -> None:
    fake.gate = lambda call: not is_ahead(call, verb)


@pytest.mark.parametrize("verb", GENERATORS)
async def test_an_error_on_a_later_page_is_raised_after_the_entries_before_it(long, s3, verb):
    long.fault = lambda call: ServerError("gone") if is_ahead(call, verb) else None
    seen = []
    with pytest.raises(ServerError, match="gone"):
        async for entry in verb(PATHS[verb], session=s3):
            seen.append(entry)  # noqa: PERF401 - a comprehension would lose what came before the error
    directories_among_them = {names.walk: -1, names.glob_stat: 1}
    assert len(seen) == 2 + directories_among_them.get(verb, 0)


@pytest.mark.parametrize("verb", GENERATORS)
async def test_nothing_is_asked_before_the_first_entry_is_wanted(long, s3, verb):
    source = verb(PATHS[verb], session=s3)
    await settled()
    assert long.calls == []
    await source.aclose()


@pytest.mark.parametrize("verb", GENERATORS)
async def test_one_page_is_fetched_ahead_and_no_more(long, s3, verb):
    async with aclosing(verb(PATHS[verb], session=s3)) as source:
        await anext(source)
        await settled()
        probe = {names.scan: 1, names.scan_stat: 1}  # whether an object has the very name
        pages_ahead = {names.walk: 4}  # of the whole next directory, and one of the directory after that
        assert len(long.calls) == probe.get(verb, 0) + 1 + pages_ahead.get(verb, 1)
        assert s3.tasks.active == 0


@pytest.mark.parametrize("verb", GENERATORS)
async def test_closing_early_stops_the_page_ahead(long, s3, verb):
    hold_ahead(long, verb)
    source = verb(PATHS[verb], session=s3)
    await anext(source)
    await until(lambda: long.waiting)
    await source.aclose()
    assert (long.waiting, long.interrupted) == (0, 1)
    assert others() == set()


@pytest.mark.parametrize("verb", GENERATORS)
async def test_breaking_out_leaves_no_task(long, s3, verb):
    hold_ahead(long, verb)
    async for _ in verb(PATHS[verb], session=s3):
        await until(lambda: long.waiting)
        break
    await settled()
    assert (long.waiting, long.interrupted) == (0, 1)
    assert others() == set()


@pytest.mark.parametrize("verb", GENERATORS)
async def test_a_forgotten_generator_leaves_no_task(long, s3, verb):
    hold_ahead(long, verb)
    source = verb(PATHS[verb], session=s3)
    await anext(source)
    await until(lambda: long.waiting)
    cycle = [source]
    cycle.append(cycle)
    del source, cycle
    gc.collect()
    await settled()
    assert (long.waiting, long.interrupted) == (0, 1)
    assert others() == set()


@pytest.mark.parametrize("nth", [0, 1, 2])
@pytest.mark.parametrize("verb", GENERATORS)
async def test_cancelling_the_consumer_leaves_no_task(long, s3, verb, nth):
    long.gate = lambda _: len(long.calls) <= nth

    async def consume():
        async for _ in verb(PATHS[verb], session=s3):
            pass

    task = asyncio.create_task(consume())
    await until(lambda: long.waiting)
    await settled()
    under_way = long.waiting
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await settled()
    assert (long.waiting, long.interrupted) == (0, under_way)
    assert others() == set()


@pytest.mark.parametrize("verb", GENERATORS)
async def test_closing_the_session_ends_a_listing(long, verb):
    session = FakeSession(long)
    hold_ahead(long, verb)
    source = verb(PATHS[verb], session=session)
    seen = [await anext(source)]
    await until(lambda: long.waiting)
    await session.aclose()
    assert (long.waiting, long.interrupted) == (0, 1)
    with pytest.raises(ClosedHandleError, match="session was closed"):
        seen += await collect(source)
    assert others() == set()


@pytest.mark.parametrize("held", [False, True])
@pytest.mark.parametrize("leave", ["keep", "break", "forget in a cycle"])
@pytest.mark.parametrize("verb", GENERATORS)
def test_a_loop_that_ends_before_a_listing_reports_nothing(verb, leave, held):
    """The loop and the garbage collector close inner generators, too, and in any order."""
    fake = FakeBackend(page_size=2)
    fake.put(*(f"s3://b/d{n % 8}/{n:02}" for n in range(60)), *(f"s3://b/d/{n}" for n in range(6)))
    reported = []
    kept = []

    async def main() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context))
        source = verb(
            "s3://b/d*/*" if verb in (names.glob, names.glob_stat) else PATHS[verb], session=FakeSession(fake)
        )
        async for _ in source:
            await settled()
            break
        if held:
            fake.gate = lambda _: False
            kept.append(asyncio.ensure_future(anext(source)))
            await settled()
        cycle = [source]
        cycle.append(cycle)
        if leave == "keep":
            kept.append(source)
        del source
        if leave == "forget in a cycle":
            del cycle
            gc.collect()

    asyncio.run(main())
    kept.clear()
    gc.collect()
    assert reported == []
    assert fake.waiting == 0


async def test_an_error_of_an_unused_prefetch_is_not_reported(long, s3):
    reported = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context))
    long.fault = lambda call: ServerError("gone") if call.endswith("...") else None
    async for _ in names.scan("s3://b/d", session=s3):
        await settled()
        break
    await settled()
    gc.collect()
    assert reported == []


async def test_cancelling_while_links_are_followed_stops_all_requests(fake, s3):
    fake.put(*(f"s3://b/{n}" for n in range(5)), size=0).close_gate_at("HEAD")
    task = asyncio.create_task(collect(names.scan("s3://b", followlinks=True, session=s3)))
    await until(lambda: fake.waiting == 5)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (fake.waiting, fake.interrupted) == (0, 5)
    assert others() == set()


async def test_the_first_failure_of_calls_together_stops_the_others(fake, s3):
    fake.put(*(f"s3://b/{n}" for n in range(5)), size=0)
    fake.gate = lambda call: not call.startswith("HEAD") or call.endswith("/3")
    fake.fault = lambda call: ServerError("gone") if call == "HEAD s3://b/3" else None
    with pytest.raises(ServerError, match="gone"):
        await collect(names.scan("s3://b", followlinks=True, session=s3))
    assert (fake.waiting, fake.interrupted) == (0, 4)


async def test_together_keeps_the_order():
    async def later(n):
        for _ in range(5 - n):
            await asyncio.sleep(0)
        return n

    assert await gather(later(n) for n in range(5)) == [0, 1, 2, 3, 4]
    assert await gather([]) == []
