"""Many objects at once: every outcome once, errors where they belong, bounds kept, nothing left behind."""

from __future__ import annotations

import asyncio
import gc
import itertools
from contextlib import aclosing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import aios3
from aios3 import _bulk as bulk
from aios3._engine.worker_pool import WorkerLimits, WorkerPool
from aios3.errors import ClosedHandleError, ConfigError, InvalidPathError, ObjectNotFoundError, ServerError
from fake_backend import FakeBackend, FakeSession, others, settled, until
from thorough import examples

pytestmark = pytest.mark.loop_variants


class Work:
    """Work that the test lets go on: an item is done when it is released."""

    def __init__(self, *, free: bool = False) -> None:
        self.started: list[object] = []
        self.under_way: dict[object, asyncio.Event] = {}
        self.interrupted = 0
        self.free = free
        self.most = 0

    async def __call__(self, item):
        self.started.append(item)
        gate = self.under_way[item] = asyncio.Event()
        self.most = max(self.most, len(self.under_way))
        try:
            await (asyncio.sleep(0) if self.free else gate.wait())
        except asyncio.CancelledError:
            self.interrupted += 1
            raise
        finally:
            del self.under_way[item]
        if isinstance(item, Exception):
            raise item
        return f"{item}!"

    def release(self, *items) -> None:
        for item in items:
            self.under_way[item].set()


def crew_of(items, work, *, workers=3, ordered=False, max_pending_bytes=10**9, weigh=lambda _: 1) -> WorkerPool:
    return WorkerPool(items, work, WorkerLimits(workers, max_pending_bytes, ordered), weigh)


async def next_of(crew):
    """Return the next result; None when there are no more."""
    return crew.pop() if await crew.wait_ready() else None


async def rest(crew) -> list:
    found = []
    while (result := await next_of(crew)) is not None:
        found.append(result)
    return found


async def arrange(items):
    for item in items:
        await asyncio.sleep(0)
        yield item


# The crew


@pytest.mark.parametrize("ordered", [False, True])
@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 50])
@pytest.mark.parametrize("source", [list, iter, arrange])
async def test_each_item_is_worked_on_once(ordered, count, source):
    work = Work(free=True)
    crew = crew_of(source(range(count)), work, ordered=ordered)
    assert sorted(await rest(crew), key=lambda text: int(text[:-1])) == [f"{n}!" for n in range(count)]
    assert sorted(work.started) == list(range(count))
    assert work.most <= min(3, count)
    await crew.release()
    assert others() == set()


async def test_results_come_as_they_are_ready():
    work = Work()
    crew = crew_of("abc", work)
    wanted = asyncio.create_task(next_of(crew))
    await settled()
    work.release("c")
    assert await wanted == "c!"
    work.release("a")
    assert await next_of(crew) == "a!"
    work.release("b")
    assert [await next_of(crew), await next_of(crew)] == ["b!", None]
    await crew.release()


async def test_or_in_order():
    work = Work()
    crew = crew_of("abc", work, ordered=True)
    wanted = asyncio.create_task(rest(crew))
    await settled()
    work.release("c", "b")
    await settled()
    assert not wanted.done()
    work.release("a")
    assert await wanted == ["a!", "b!", "c!"]
    await crew.release()


@settings(deadline=None, max_examples=examples(60))
@given(st.integers(0, 30), st.integers(1, 5), st.booleans(), st.booleans(), st.randoms(use_true_random=False))
def test_in_whatever_order_work_is_done(count, workers, ordered, is_async, chance):
    async def play():
        work = Work()
        crew = crew_of((arrange if is_async else iter)(range(count)), work, workers=workers, ordered=ordered)
        collecting = asyncio.create_task(rest(crew))
        while not collecting.done():
            await settled()
            assert len(work.started) - len(work.under_way) <= count
            if work.under_way:
                work.release(chance.choice(list(work.under_way)))
        found = await collecting
        assert (found if ordered else sorted(found, key=lambda text: int(text[:-1]))) == [f"{n}!" for n in range(count)]
        assert work.most <= workers
        await crew.release()

    asyncio.run(play())


@pytest.mark.parametrize("ordered", [False, True])
@pytest.mark.parametrize("source", [iter, arrange])
async def test_items_without_end_are_taken_as_there_is_room(ordered, source):
    work = Work(free=True)
    numbers = itertools.count()
    crew = crew_of(source(numbers), work, ordered=ordered)
    for taken in range(1, 30):
        await next_of(crew)
        await settled()
        assert len(work.started) <= taken + 6
    await crew.release()
    assert others() == set()
    assert next(numbers) <= 29 + 6 + 1


@pytest.mark.parametrize("ordered", [False, True])
async def test_heavy_results_hold_up_the_work(ordered):
    work = Work(free=True)
    crew = crew_of(range(100), work, workers=10, ordered=ordered, max_pending_bytes=50, weigh=lambda _: 20)
    await next_of(crew)
    await settled()
    assert len(work.started) <= 1 + 10 + 3  # what was started before three results outweighed the limit
    assert len(await rest(crew)) == 99
    await crew.release()


async def test_a_slow_start_of_the_first_item_does_not_hold_up_those_that_fit():
    work = Work()
    crew = crew_of(range(100), work, workers=3, ordered=True)
    wanted = asyncio.create_task(rest(crew))
    await settled()
    while set(work.under_way) != {0}:
        work.release(*(set(work.under_way) - {0}))
        await settled()
    assert work.started == [0, 1, 2, 3, 4, 5]
    work.free = True
    work.release(0)
    assert len(await wanted) == 100
    await crew.release()


@pytest.mark.parametrize("ordered", [False, True])
async def test_an_error_of_the_source_is_raised_after_the_results(ordered):
    def broken():
        yield from range(2)
        raise LookupError("exhausted")

    for source in (broken, lambda: arrange(broken())):
        crew = crew_of(source(), Work(free=True), ordered=ordered, workers=1)
        assert [await next_of(crew), await next_of(crew)] == ["0!", "1!"]
        with pytest.raises(LookupError, match="exhausted"):
            await next_of(crew)
        await crew.release()
        assert others() == set()


@pytest.mark.parametrize("ordered", [False, True])
async def test_an_exhausted_source_is_not_read_again_by_waiting_workers(ordered):
    asked = []

    class Numbers:
        def __iter__(self):
            return self

        def __next__(self):
            asked.append(len(asked))
            if len(asked) == 7:
                raise StopIteration
            return len(asked)

    crew = crew_of(Numbers(), Work(free=True), workers=3, ordered=ordered)
    assert await crew.wait_ready()
    await settled()
    assert len(asked) == 6  # no room for more: three workers wait
    assert len(await rest(crew)) == 6
    await crew.release()
    assert len(asked) == 7


@pytest.mark.parametrize("ordered", [False, True])
async def test_a_cancelled_wait_loses_no_result(ordered):
    work = Work()
    crew = crew_of("ab", work, ordered=ordered)
    wanted = asyncio.create_task(next_of(crew))
    await settled()
    work.release("a")
    wanted.cancel()
    await settled()
    assert wanted.cancelled()
    assert crew.ready
    work.release("b")
    assert await rest(crew) == ["a!", "b!"]
    await crew.release()
    assert others() == set()


@pytest.mark.parametrize("ordered", [False, True])
async def test_what_work_raises_ends_everything(ordered):
    work = Work(free=True)
    crew = crew_of(itertools.chain([1, LookupError("bad")], itertools.count()), work, ordered=ordered)
    with pytest.raises(LookupError, match="bad"):
        await rest(crew)
    await settled()
    started = len(work.started)
    await settled()
    assert len(work.started) == started
    await crew.release()
    assert others() == set()


@pytest.mark.parametrize("ordered", [False, True])
@pytest.mark.parametrize("source", [iter, arrange])
@pytest.mark.parametrize("taken", range(8))
async def test_release_stops_what_is_under_way(ordered, source, taken):
    work = Work(free=True)
    crew = crew_of(source(itertools.count()), work, ordered=ordered)
    for _ in range(taken):
        await next_of(crew)
    work.free = False
    waiting = asyncio.create_task(rest(crew))
    await settled()
    under_way = len(work.under_way)
    assert under_way == 3
    await crew.release()
    await settled()
    assert (work.interrupted, work.under_way) == (under_way, {})
    assert waiting.done()
    assert others() == set()


# The verbs


@pytest.fixture
def fake() -> FakeBackend:
    return FakeBackend().put(*(f"s3://b/{n}" for n in range(100)), size=3)


@pytest.fixture
async def s3(fake):
    async with FakeSession(fake) as session:
        yield session


PATHS = [f"s3://b/{n}" for n in range(100)]


async def collect(source) -> list:
    return [item async for item in source]


async def test_many_are_described_within_the_sessions_limit(fake, s3):
    fake.gate = lambda _: False
    task = asyncio.create_task(collect(aios3.stat_many(PATHS, session=s3)))
    await settled()
    assert fake.waiting == s3.config.max_concurrency
    fake.open_gate()
    found = await task
    assert {outcome.path: outcome.stat.size for outcome in found} == dict.fromkeys(PATHS, 3)
    assert len(fake.calls) == 100


async def test_paths_come_back_as_they_were_given(s3):
    paths = [aios3.S3Url("b", "1"), "s3://b/2", "s3+p://b/3"]
    found = await collect(aios3.stat_many(paths, ordered=True, session=s3))
    assert [outcome.path for outcome in found] == paths


@pytest.mark.parametrize("ordered", [False, True])
async def test_the_first_failure_is_raised_and_the_rest_left(fake, s3, ordered):
    paths = [*PATHS[:5], "s3://b/missing", *PATHS[5:]]
    seen = []
    with pytest.raises(ObjectNotFoundError, match="s3://b/missing"):
        async for outcome in aios3.stat_many(paths, ordered=ordered, concurrency=2, session=s3):
            seen.append(outcome.path)  # noqa: PERF401 - a comprehension would lose what came before the error
    assert not ordered or seen == paths[:5]
    assert len(fake.calls) < 15
    assert others() == set()


async def test_or_every_failure_is_an_outcome(s3):
    paths = ["s3://b/missing", "s3://b/1", "no path", "s3://nope/k"]
    missing, there, no_path, no_bucket = await collect(
        aios3.stat_many(paths, ordered=True, on_error="return", session=s3)
    )
    assert isinstance(missing.error, ObjectNotFoundError)
    with pytest.raises(ObjectNotFoundError):
        _ = missing.stat
    assert (there.error, there.stat.size) == (None, 3)
    assert isinstance(no_path.error, InvalidPathError)
    assert isinstance(no_bucket.error, ObjectNotFoundError)


async def test_outcomes_that_failed_show_no_value():
    error = ServerError("gone")
    for outcome, value in [
        (aios3.ReadOutcome("s3://b/k", None, error), "data"),
        (aios3.WriteOutcome("s3://b/k", None, error), "result"),
        (aios3.StatOutcome("s3://b/k", None, error), "stat"),
    ]:
        with pytest.raises(ServerError, match="gone"):
            getattr(outcome, value)


async def test_a_description_of_data_is_short():
    assert len(repr(aios3.ReadOutcome("s3://b/k", b"x" * 10_000))) < 200


@pytest.mark.parametrize("verb", [aios3.read_many, aios3.write_many, aios3.stat_many])
@pytest.mark.parametrize("many", ["s3://b/1", b"s3://b/1", aios3.S3Url("b", "1"), 7, None])
async def test_one_path_is_not_many(s3, verb, many):
    with pytest.raises(ConfigError, match="iterable"):
        await collect(verb(many, session=s3))


@pytest.mark.parametrize("wrong", [{"concurrency": 0}, {"concurrency": -1}, {"on_error": "ignore"}])
async def test_arguments_that_make_no_sense(s3, wrong):
    with pytest.raises(ConfigError):
        await collect(aios3.stat_many([], session=s3, **wrong))


@pytest.mark.parametrize("item", ["s3://b/k", ("s3://b/k",), ("s3://b/k", b"", {}, 1), None])
async def test_an_item_to_write_is_a_pair(s3, item):
    for on_error in ("raise", "return"):
        with pytest.raises(ConfigError, match="path, data"):
            await collect(aios3.write_many([item], on_error=on_error, session=s3))


@pytest.mark.parametrize("taken", [0, 1, 5, 40])
@pytest.mark.parametrize("way", ["break", "cancel", "forget"])
async def test_leaving_early_leaves_nothing(fake, s3, taken, way):
    source = aios3.stat_many((f"s3://b/{n % 100}" for n in itertools.count()), concurrency=4, session=s3)
    for _ in range(taken):
        await anext(source)
    fake.gate = lambda _: False
    if way == "break":
        await source.aclose()
    elif way == "cancel":
        task = asyncio.create_task(collect(source))
        await until(lambda: fake.waiting == 4)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    else:
        del source
        gc.collect()
        await settled()
    assert fake.waiting == 0
    assert others() == set()


async def test_closing_the_session_ends_it(fake):
    s3 = FakeSession(fake)
    source = aios3.stat_many(itertools.cycle(PATHS), on_error="return", concurrency=4, session=s3)
    await anext(source)
    fake.gate = lambda _: False
    task = asyncio.create_task(collect(source))
    await until(lambda: fake.waiting == 4)
    await s3.aclose()
    with pytest.raises(ClosedHandleError, match="session"):
        await task
    assert fake.waiting == 0
    assert others() == set()


async def test_outcomes_that_wait_while_the_session_closes_are_not_given_out(fake):
    s3 = FakeSession(fake)
    source = aios3.stat_many(PATHS, concurrency=4, session=s3)
    await anext(source)
    await until(lambda: len(fake.calls) == 9)  # as many wait as there may
    await s3.aclose()
    with pytest.raises(ClosedHandleError, match="session"):
        await anext(source)
    assert others() == set()


async def test_nothing_is_asked_before_the_first_outcome_is_wanted(fake, s3):
    async with aclosing(aios3.stat_many(PATHS, session=s3)):
        await settled()
        assert fake.calls == []


async def test_a_listing_feeds_it(fake, s3):
    listing = aios3.scan("s3://b/", session=s3)
    found = await collect(aios3.stat_many(listing, session=s3))
    assert sorted(outcome.path for outcome in found) == sorted(PATHS)


def test_a_loop_that_ends_before_it_reports_nothing(fake):
    reported = []
    kept = []

    async def main() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context))
        source = aios3.stat_many(itertools.cycle(PATHS), session=FakeSession(fake))
        await anext(source)
        fake.gate = lambda _: False
        await settled()
        kept.append(source)

    asyncio.run(main())
    kept.clear()
    gc.collect()
    assert reported == []
    assert fake.waiting == 0


# On a server


async def test_round_trip_on_a_server(session, bucket, no_leaks):
    bodies = {f"{bucket}/{n:03}": bytes([n]) * n for n in range(60)}
    written = await collect(aios3.write_many(bodies.items(), session=session))
    assert {outcome.path: outcome.result.size for outcome in written} == {path: len(bodies[path]) for path in bodies}
    read = await collect(aios3.read_many(bodies, ordered=True, session=session))
    assert [(outcome.path, outcome.data) for outcome in read] == list(bodies.items())


async def test_options_of_all_and_of_one(session, bucket, no_leaks):
    items = [(f"{bucket}/a", b"1"), (f"{bucket}/b", b"2", {"content_type": "text/csv"})]
    await collect(aios3.write_many(items, content_type="text/plain", metadata={"k": "v"}, session=session))
    for key, kind in (("a", "text/plain"), ("b", "text/csv")):
        found = await aios3.stat(f"{bucket}/{key}", session=session)
        assert (found.content_type, found.metadata) == (kind, {"k": "v"})


def test_the_types_say_what_is_accepted():
    assert bulk.OnError.__args__ == ("raise", "return")
