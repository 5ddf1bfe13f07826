"""Listings in parallel: the same names in the same order, on any server, however they are left."""

from __future__ import annotations

import asyncio
import random
from contextlib import aclosing, asynccontextmanager

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import aios3
from aios3 import _namespace as names
from aios3._backend import ListPage
from aios3._entries import StatResult
from aios3._namespace.listing_plan import MAX_REQUESTS
from aios3._paths import S3Url
from aios3.errors import ServerError
from fake_backend import FakeBackend, FakeSession, others, settled, until
from thorough import examples


class Shuffled(FakeBackend):
    """A server that responds to requests in any order, one at a time; it may be a strange one."""

    def __init__(self, keys, page_size: int, seed: int = 0) -> None:
        super().__init__(page_size)
        self.put("s3://b/", *(f"s3://b/{key}" for key in keys))
        self.chance = random.Random(seed)
        self.turns: list[asyncio.Event] = []
        self.asked: list[str] = []
        self.strange = None
        self.meanwhile = lambda: None

    async def list_objects(self, url, *, delimiter="", token=None, start_after="", max_keys=1000) -> ListPage:
        self.asked.append(start_after)
        turn = asyncio.Event()
        self.turns.append(turn)
        self.waiting += 1
        try:
            await turn.wait()
        finally:
            self.waiting -= 1
            if turn in self.turns:
                self.turns.remove(turn)
        self.meanwhile()
        options = {"delimiter": delimiter, "token": token, "start_after": start_after, "max_keys": max_keys}
        if self.strange is not None:
            return await self.strange(super().list_objects, url, options)
        return await super().list_objects(url, **options)

    async def response_all(self) -> None:
        while True:
            await asyncio.sleep(0)
            if self.turns:
                self.turns.pop(self.chance.randrange(len(self.turns))).set()


@asynccontextmanager
async def responding(fake: Shuffled):
    task = asyncio.create_task(fake.response_all())
    try:
        async with FakeSession(fake) as session:
            yield session
    finally:
        task.cancel()
        await asyncio.wait([task])


def run(fake: Shuffled, work):
    async def inside():
        async with responding(fake) as session:
            result = await work(session)
        assert others() == set()
        return result

    return asyncio.run(inside())


async def collect(source) -> list:
    return [item async for item in source]


NUMBERED = [f"data/{n:05}" for n in range(700)]
KEYS = st.one_of(
    st.lists(st.text("ab-/\U0001f600", min_size=1, max_size=6), max_size=80, unique=True),
    st.builds(
        lambda step, count: [f"data/{n * step:05}" for n in range(count)], st.integers(1, 9), st.integers(0, 250)
    ),
    st.builds(
        lambda ends: [f"{'x' * 60}/{n:04}" for n in ends], st.lists(st.integers(0, 9999), max_size=150, unique=True)
    ),
    st.builds(
        lambda per, days: [f"d{n // per:02}/{n % per:03}" for n in range(per * days)],
        st.integers(1, 30),
        st.integers(1, 8),
    ),
)


async def everything(session, *, parallel: bool | None) -> list:
    """What every verb says of a bucket."""
    given = {"session": session} if parallel is None else {"session": session, "parallel": parallel}
    return [
        await collect(names.scan("s3://b", **given)),
        await collect(names.scan_stat("s3://b", **given)),
        await collect(names.walk("s3://b", **given)),
        await collect(names.glob("s3://b/**", **given)),
        await collect(names.glob_stat("s3://b/*", **given)),
        await collect(names.glob_stat("s3://b/*/*", **given)),
        await collect(names.scandir("s3://b", session=session)),
        await names.listdir("s3://b", session=session),
        await names.stat("s3://b", session=session),
    ]


@settings(deadline=None, max_examples=examples(40))
@given(KEYS, st.integers(3, 10), st.integers())
def test_every_verb_says_the_same_as_one_request_at_a_time(keys, page_size, seed):
    expected = run(Shuffled(keys, 1000), lambda session: everything(session, parallel=False))
    assert run(Shuffled(keys, page_size, seed), lambda session: everything(session, parallel=None)) == expected
    assert expected[0] == [f"s3://b/{key}" for key in sorted(keys) if not key.endswith("/")]


# What is asked


async def test_taking_ten_keys_costs_two_requests():
    fake = FakeBackend().put(*(f"s3://b/{n:06}" for n in range(5_000)))
    async with FakeSession(fake) as session, aclosing(names.scan("s3://b", session=session)) as source:
        for _ in range(10):
            await anext(source)
            await settled()
        assert len(fake.calls) == 2


@pytest.mark.parametrize(("count", "requests"), [(0, 1), (1000, 1), (1001, 2), (2000, 2)])
async def test_a_page_costs_one_request(count, requests):
    fake = FakeBackend().put("s3://b/", *(f"s3://b/{n:06}" for n in range(count)))
    async with FakeSession(fake) as session:
        assert len(await collect(names.scan("s3://b", session=session))) == count
        assert len(fake.calls) == requests


@pytest.mark.parametrize("parallel", [True, False])
@pytest.mark.parametrize("limit", [1, 3, 32])
async def test_requests_in_flight_stay_within_limits(parallel, limit):
    fake = Shuffled(NUMBERED, 5)
    most = 0

    def count() -> None:
        nonlocal most
        most = max(most, fake.waiting + 1)

    fake.meanwhile = count
    async with responding(fake) as session:
        object.__setattr__(session.config, "max_concurrency", limit)
        assert len(await collect(names.scan("s3://b", parallel=parallel, session=session))) == len(NUMBERED)
    assert most == (min(limit, MAX_REQUESTS) if parallel else 1)
    assert (fake.asked.count("") == len(fake.asked)) is (limit == 1 or not parallel)


@pytest.mark.parametrize("verb", [names.scan, names.scan_stat, names.glob, names.glob_stat, names.walk])
async def test_not_parallel_never_begins_in_the_middle(verb):
    fake = Shuffled(NUMBERED, 5)
    async with responding(fake) as session:
        await collect(
            verb("s3://b/data/*" if "glob" in verb.__name__ else "s3://b/data/", parallel=False, session=session)
        )
    assert set(fake.asked) == {""}


async def test_a_bucket_that_lists_in_no_order_is_listed_page_after_page():
    fake = FakeBackend(5).put(*(f"s3://b--use1-az4--x-s3/{n:04}" for n in range(200)))
    async with FakeSession(fake) as session:
        assert len(await collect(names.scan("s3://b--use1-az4--x-s3", session=session))) == 200
    assert len(fake.calls) == 40


# Strange servers, and names that change meanwhile


async def ignores_start_after(listing, url, options):
    return await listing(url, **{**options, "start_after": ""})


async def includes_start_after(listing, url, options):
    after = options["start_after"]
    # The last of all names before it: "a1" and what begins with it do not come behind "a2", and "a2" itself does.
    before = f"{after[:-1]}{chr(ord(after[-1]) - 1)}\U0010ffff" if after else ""
    return await listing(url, **{**options, "start_after": before})


async def finds_nothing_behind_what_is_no_key(listing, url, options):
    page = await listing(url, **options)
    return page if not options["start_after"] or options["token"] else ListPage([], [], [], None)


async def rejects_start_after(listing, url, options):
    if options["start_after"]:
        raise ServerError("NotImplemented")
    return await listing(url, **options)


async def begins_too_late(listing, url, options):
    page = await listing(url, **options)
    cut = 1 if options["start_after"] and not options["token"] and len(page.keys) > 1 else 0
    return ListPage(page.keys[cut:], page.stats[cut:], page.prefixes, page.token)


STRANGE = [
    ignores_start_after,
    includes_start_after,
    finds_nothing_behind_what_is_no_key,
    rejects_start_after,
    begins_too_late,
]


@pytest.mark.parametrize("strange", STRANGE)
@settings(deadline=None, max_examples=examples(15))
@given(KEYS, st.integers(3, 10), st.integers())
@example([f"data/{number * 3:05}" for number in range(227)], 10, 4)
def test_a_server_that_begins_elsewhere_loses_and_repeats_no_key(strange, keys, page_size, seed):
    fake = Shuffled(keys, page_size, seed)
    fake.strange = strange
    expected = [f"s3://b/{key}" for key in sorted(keys) if not key.endswith("/")]
    assert run(fake, lambda session: collect(names.scan("s3://b", session=session))) == expected


@pytest.mark.parametrize("strange", STRANGE)
def test_a_server_that_begins_elsewhere_is_asked_to(strange):
    fake = Shuffled(NUMBERED, 5)
    fake.strange = strange
    found = run(fake, lambda session: collect(names.scan("s3://b", session=session)))
    assert found == [f"s3://b/{key}" for key in NUMBERED]
    assert set(fake.asked) > {""}


def test_a_server_without_order_is_listed_as_it_lists():
    async def backwards(listing, url, options):
        page = await listing(url, **options)
        return ListPage(page.keys[::-1], page.stats[::-1], page.prefixes, page.token)

    fake = Shuffled(NUMBERED, 5)
    fake.strange = backwards
    found = run(fake, lambda session: collect(names.scan("s3://b", session=session)))
    assert sorted(found) == [f"s3://b/{key}" for key in NUMBERED]
    assert set(fake.asked) == {""}


@settings(deadline=None, max_examples=examples(40))
@given(KEYS, st.integers(3, 10), st.integers(), st.sampled_from([names.scan, names.glob]))
def test_keys_that_come_and_go_disturb_no_other(keys, page_size, seed, verb):
    fake = Shuffled(keys, page_size, seed)
    stable = {key for number, key in enumerate(sorted(keys)) if number % 3 or key.endswith("/")}
    coming = [f"{key}0" for key in keys]

    def change() -> None:
        objects = fake.buckets["b"]
        if coming:
            objects[coming.pop()] = StatResult(size=1)
        for going in set(keys) - stable:
            if fake.chance.random() < 0.1:
                objects.pop(going, None)

    ever = {*keys, *coming}
    fake.meanwhile = change
    found = run(fake, lambda session: collect(verb("s3://b" if verb is names.scan else "s3://b/**", session=session)))
    paths = [path.removeprefix("s3://b/") for path in found]
    files = [path for path in paths if path in ever]
    assert {key for key in stable if not key.endswith("/")} <= set(files)
    if verb is names.scan:
        assert paths == sorted(set(paths))
        assert set(paths) <= ever


# Errors, and leaving


@settings(deadline=None, max_examples=examples(40))
@given(st.integers(0, len(NUMBERED) - 1), st.integers(3, 10), st.integers())
def test_an_error_is_raised_after_the_names_before_it(position, page_size, seed):
    lost = NUMBERED[position]
    fake = Shuffled(NUMBERED, page_size, seed)

    async def fails_at_one_key(listing, url, options):
        page = await listing(url, **options)
        if lost in page.keys:
            raise ServerError("gone")
        return page

    async def look(session):
        seen = []
        with pytest.raises(ServerError, match="gone"):
            async for path in names.scan("s3://b/data/", session=session):
                seen.append(path)  # noqa: PERF401 - a comprehension would lose what came before the error
        return seen

    fake.strange = fails_at_one_key
    seen = run(fake, look)
    assert seen == [f"s3://b/{key}" for key in NUMBERED[: len(seen)]]
    assert position - page_size < len(seen) <= position


@pytest.mark.parametrize("taken", [*range(1, 40, 3), 120, 300, 699, 700])
@pytest.mark.parametrize("way", ["close", "cancel", "session"])
async def test_leaving_at_any_point_leaves_no_task(taken, way):
    fake = Shuffled(NUMBERED, 3, taken)
    async with responding(fake) as session:
        driver = others()
        source = names.scan("s3://b/data/", session=session)
        for _ in range(taken):
            await anext(source)
        if way == "cancel":
            task = asyncio.create_task(collect(source))
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait([task])
        elif way == "session":
            await session.aclose()
        await source.aclose()
        assert others() == driver
        assert fake.waiting == 0


@pytest.mark.parametrize("nth", range(0, 60, 4))
async def test_cancelling_while_requests_hang_leaves_no_task(nth):
    fake = FakeBackend(3).put(*(f"s3://b/{key}" for key in NUMBERED))
    fake.gate = lambda _: len(fake.calls) <= nth
    async with FakeSession(fake) as session:
        task = asyncio.create_task(collect(names.scan("s3://b/data/", session=session)))
        await until(lambda: fake.waiting)
        await settled()
        under_way = fake.waiting
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (fake.waiting, fake.interrupted) == (0, under_way)
        assert others() == set()


# On a server


@pytest.mark.parametrize("delimiter", ["", "/"])
async def test_servers_honor_start_after(session, bucket, admin, delimiter):
    """What is relied on: only names behind ``start-after``, in key order, also if there is no such name."""
    for key in ("a", "b-1", "b/1", "b/2", "bc", "d/e/f", "z"):
        admin.put(f"{bucket}/{key}", b"")
    url = S3Url.parse(bucket)
    backend = await session.backend(url)
    every = ["a", "b-1", "b/", "bc", "d/", "z"] if delimiter else ["a", "b-1", "b/1", "b/2", "bc", "d/e/f", "z"]
    for after in ("", "a", "a0", "b", "bb", "c", "d", "d0", "y", "z", "zz"):
        page = await backend.list_objects(url, delimiter=delimiter, start_after=after)
        assert sorted([*page.keys, *page.prefixes]) == [name for name in every if name > after], after
        assert list(page.keys) == sorted(page.keys)
        first = await backend.list_objects(url, delimiter=delimiter, start_after=after, max_keys=2)
        assert sorted([*first.keys, *first.prefixes]) == [name for name in every if name > after][:2], after


class SmallPages:
    """A server's backend that asks it for small pages, and remembers where they were to begin."""

    def __init__(self, backend) -> None:
        self.backend = backend
        self.asked: list[str] = []

    async def list_objects(self, url, *, max_keys=1000, **options) -> ListPage:
        self.asked.append(options.get("start_after", ""))
        return await self.backend.list_objects(url, max_keys=min(max_keys, 5), **options)


async def test_a_server_lists_in_parallel_what_it_lists_page_after_page(session, bucket, monkeypatch):
    keys = [f"{top}/{n:03}" for top in ("a-b", "a", "b", "é") for n in range(50)] + [f"z{n:03}" for n in range(100)]
    items = [(f"{bucket}/{key}", b"") for key in keys]
    assert len(await collect(aios3.write_many(items, session=session))) == len(keys)
    small = SmallPages(await session.backend(S3Url.parse(bucket)))

    async def backend(url) -> SmallPages:
        return small

    monkeypatch.setattr(session, "backend", backend)
    assert await collect(names.scan(bucket, session=session)) == [f"{bucket}/{key}" for key in sorted(keys)]
    assert len(set(small.asked)) > 4
    small.asked.clear()
    assert await collect(names.glob(f"{bucket}/z*", session=session)) == [f"{bucket}/z{n:03}" for n in range(100)]
    assert len(set(small.asked)) > 2
    assert [len(files) for _, _, files in await collect(names.walk(bucket, session=session))] == [100, 50, 50, 50, 50]


@pytest.mark.parametrize("verb", ["scan", "scan_stat"])
@pytest.mark.parametrize("followlinks", [False, True])
async def test_a_scan_costs_one_round_trip_before_its_first_path(verb, followlinks):
    fake = FakeBackend().put("s3://b/d/1", "s3://b/d/2")
    fake.gate = lambda _: False
    async with FakeSession(fake) as session:
        scanning = asyncio.create_task(
            collect(getattr(names, verb)("s3://b/d", followlinks=followlinks, session=session))
        )
        await until(lambda: fake.waiting == 2)
        assert sorted(fake.calls) == ["LIST s3://b/d max=1", "LIST s3://b/d/"]
        fake.open_gate()
        assert len(await scanning) == 2


@pytest.mark.parametrize("verb", ["scan", "scan_stat"])
async def test_an_object_comes_before_the_failure_to_list_below_it(verb):
    fake = FakeBackend().put("s3://b/d", "s3://b/d/1")
    fake.fail("LIST s3://b/d/", "InternalError", 500)
    async with FakeSession(fake) as session, aclosing(getattr(names, verb)("s3://b/d", session=session)) as scanning:
        first = await anext(scanning)
        assert str(getattr(first, "path", first)) == "s3://b/d"
        with pytest.raises(ServerError):
            await anext(scanning)
