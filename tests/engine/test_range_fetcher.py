"""Fetching: the right bytes for any reads, requests as few and as long as the reads earn, memory inside the budget."""

import asyncio
import random
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aios3._engine.cache import Block, BlockMap
from aios3._engine.memory_budget import MemoryBudget
from aios3._engine.range_fetcher import RangeFetcher
from aios3._engine.readahead import RangeLimits, SequentialReads
from aios3._engine.received_bytes import CAN_SHARE
from aios3.errors import TruncatedBodyError
from thorough import examples

LIMITS = RangeLimits(block_size=1000, min_request_size=2000, request_size=4000, max_readahead=16_000, max_retained=3000)
DATA = random.Random(3).randbytes(100_000)


class Origin:
    """The far end: hands out DATA in arrivals of any size, and remembers what it was asked for."""

    def __init__(self, data=DATA, rng=None):
        self.data = data
        self.rng = rng or random.Random(0)
        self.requests = []
        self.running = 0
        self.gate = asyncio.Event()
        self.gate.set()
        self.error = None

    async def fetch(self, start, stop, get_buffer, buffer_updated):
        self.requests.append((start, stop))
        self.running += 1
        try:
            while start < stop:
                await asyncio.sleep(0)
                await self.gate.wait()
                if self.error is not None:
                    raise self.error
                view = get_buffer()
                count = self.rng.randint(1, min(len(view), stop - start))
                view[:count] = self.data[start : start + count]
                buffer_updated(count)
                start += count
        finally:
            self.running -= 1


def fetcher_of(origin, budget=None, limits=LIMITS):
    return RangeFetcher(origin.fetch, len(origin.data), budget or MemoryBudget(50_000), limits)


async def closed(fetcher, budget):
    await fetcher.aclose(ValueError("closed"))
    assert (budget.used, budget.retained, budget.waiting) == (0, 0, 0)
    assert fetcher.active == 0


@settings(max_examples=examples(60), deadline=None)
@given(st.data())
async def test_any_reads_return_the_bytes_of_the_object(data):
    rng = random.Random(data.draw(st.integers(0, 2**32)))
    budget = MemoryBudget(data.draw(st.sampled_from([1000, 5000, 50_000])))
    fetcher = fetcher_of(Origin(rng=rng), budget)

    async def reader(reads):
        for start, length, ahead in reads:
            stop = min(start + length, len(DATA))
            position, whole = start, b""
            while position < stop:
                fetcher.prefetch(position, stop, ahead=ahead)
                view = await fetcher.read_view(position, stop)
                assert 0 < len(view) <= stop - position
                whole += view
                position += len(view)
            assert whole == DATA[start:stop]

    reads = st.lists(
        st.tuples(st.integers(0, len(DATA) - 1), st.integers(1, 9000), st.sampled_from([0, 0, 500, 9000])), max_size=8
    )
    drawn = [data.draw(reads) for _ in range(3)]
    await asyncio.wait_for(asyncio.gather(*map(reader, drawn)), 30)
    await closed(fetcher, budget)


async def test_random_reads_fetch_exactly_what_is_asked_for():
    origin, budget = Origin(), MemoryBudget(50_000)
    fetcher = fetcher_of(origin, budget)
    for start in (90_000, 10, 50_123):
        await fetcher.read(start, start + 40)
    assert origin.requests == [(90_000, 90_040), (10, 50), (50_123, 50_163)]
    await closed(fetcher, budget)


async def test_what_is_there_is_not_fetched_again_and_gaps_are_filled():
    origin, budget = Origin(), MemoryBudget(50_000)
    fetcher = fetcher_of(origin, budget)
    await fetcher.read(1000, 1100)
    await fetcher.read(1200, 1300)
    origin.requests.clear()
    assert await fetcher.read(1050, 1250) == DATA[1050:1250]
    assert origin.requests == [(1100, 1200)]
    await closed(fetcher, budget)


async def test_concurrent_reads_of_one_range_share_one_request():
    origin, budget = Origin(), MemoryBudget(50_000)
    fetcher = fetcher_of(origin, budget)
    found = await asyncio.gather(*(fetcher.read(5000, 5400) for _ in range(5)))
    assert found == [DATA[5000:5400]] * 5
    assert origin.requests == [(5000, 5400)]
    await closed(fetcher, budget)


async def test_read_ahead_comes_in_long_requests_and_stops_where_memory_does():
    origin, budget = Origin(), MemoryBudget(6000)
    fetcher = fetcher_of(origin, budget)
    fetcher.prefetch(0, 100, ahead=16_000)
    await fetcher.read_view(0, 100)
    assert origin.requests[0][0] == 0
    assert sum(stop - start for start, stop in origin.requests) <= 6000
    assert budget.used <= 6000
    await closed(fetcher, budget)


async def test_the_wanted_range_is_asked_for_first():
    origin, budget = Origin(), MemoryBudget(50_000)
    fetcher = fetcher_of(origin, budget)
    fetcher.prefetch(20_000, 20_100, ahead=16_000)
    await fetcher.read_view(20_000, 20_100)
    assert origin.requests[0][0] == 20_000
    assert origin.requests == sorted(origin.requests)
    assert len(origin.requests) > 2
    await closed(fetcher, budget)


async def test_long_requests_end_with_a_block_wherever_they_begin():
    origin, budget = Origin(), MemoryBudget(50_000)
    fetcher = fetcher_of(origin, budget)
    fetcher.prefetch(20_250, 20_300, ahead=16_000)
    await fetcher.wait_idle()
    assert origin.requests[0] == (20_250, 24_000)
    assert all(stop % 1000 == 0 and stop - start > 3000 for start, stop in origin.requests[:-1])
    assert [start for start, _ in origin.requests[1:]] == [stop for _, stop in origin.requests[:-1]]
    await closed(fetcher, budget)


async def test_a_range_that_one_request_can_bring_is_not_cut_where_a_block_ends():
    origin, budget = Origin(), MemoryBudget(50_000)
    fetcher = fetcher_of(origin, budget)
    assert await fetcher.read(20_900, 22_500) == DATA[20_900:22_500]
    fetcher.prefetch(30_900, 32_500)
    await fetcher.wait_idle()
    assert origin.requests == [(20_900, 22_500), (30_900, 32_500)]
    await closed(fetcher, budget)


async def test_seeking_away_cancels_long_unused_readahead():
    limits = RangeLimits(
        block_size=2**20, min_request_size=2**20, request_size=4 * 2**20, max_readahead=2**25, max_retained=2**20
    )
    origin, budget = Origin(bytes(2**25)), MemoryBudget(2**26)
    fetcher = fetcher_of(origin, budget, limits)
    origin.gate.clear()
    fetcher.prefetch(0, 10, ahead=2**24 - 10)
    waiting = asyncio.create_task(fetcher.read_view(0, 10))
    for _ in range(3):
        await asyncio.sleep(0)
    assert origin.running == 4
    fetcher.cancel_readahead(2**24 + 2**23, 2**25)
    for _ in range(5):
        await asyncio.sleep(0)
    assert origin.running == 1, "one is waited for, the others are given up"
    origin.gate.set()
    assert len(await waiting) == 10
    await closed(fetcher, budget)


async def test_spent_blocks_are_kept_up_to_the_limit_and_no_longer():
    origin, budget = Origin(), MemoryBudget(50_000)
    fetcher = fetcher_of(origin, budget)
    for start in range(0, 20_000, 1000):
        await fetcher.read(start, start + 1000)
        assert budget.used <= LIMITS.max_retained + 1000
    origin.requests.clear()
    await fetcher.read(18_000, 20_000)
    assert origin.requests == []
    await fetcher.read(0, 10)
    assert origin.requests == [(0, 10)]
    await closed(fetcher, budget)


async def test_an_error_reaches_the_waiter_and_the_next_read_retries():
    origin, budget = Origin(), MemoryBudget(50_000)
    fetcher = fetcher_of(origin, budget)
    origin.error = OSError("broken")
    with pytest.raises(OSError, match="broken"):
        await fetcher.read(0, 2000)
    assert budget.used == 0
    origin.error = None
    assert await fetcher.read(0, 2000) == DATA[:2000]
    await closed(fetcher, budget)


async def test_an_error_of_unused_readahead_is_dropped():
    origin, budget = Origin(), MemoryBudget(50_000)
    fetcher = fetcher_of(origin, budget)
    origin.error = OSError("broken")
    fetcher.prefetch(0, 0, ahead=5000)
    await fetcher.wait_idle()
    origin.error = None
    assert await fetcher.read(0, 5000) == DATA[:5000]
    await closed(fetcher, budget)


async def test_closing_wakes_waiters_with_the_reason():
    origin, budget = Origin(), MemoryBudget(50_000)
    fetcher = fetcher_of(origin, budget)
    origin.gate.clear()
    waiting = asyncio.create_task(fetcher.read(0, 100))
    await asyncio.sleep(0)
    await closed(fetcher, budget)
    with pytest.raises(ValueError, match="closed"):
        await waiting
    with pytest.raises(ValueError, match="closed"):
        await fetcher.read_view(50, 60)


async def test_a_cancelled_reader_leaves_the_bytes_for_the_next():
    origin, budget = Origin(), MemoryBudget(50_000)
    fetcher = fetcher_of(origin, budget)
    origin.gate.clear()
    fetcher.prefetch(0, 100)
    waiting = asyncio.create_task(fetcher.read_view(0, 100))
    await asyncio.sleep(0)
    waiting.cancel()
    origin.gate.set()
    assert await fetcher.read(0, 100) == DATA[:100]
    assert origin.requests == [(0, 100)]
    await closed(fetcher, budget)


@settings(max_examples=examples(60), deadline=None)
@given(st.data())
async def test_parallel_ranges_return_the_bytes_of_the_object_despite_cancellations(data):
    rng = random.Random(data.draw(st.integers(0, 2**32)))
    budget = MemoryBudget(data.draw(st.sampled_from([1000, 5000, 50_000])))
    fetcher = fetcher_of(Origin(rng=rng), budget)
    ranges = st.tuples(st.integers(0, len(DATA) - 1), st.integers(0, 20_000), st.booleans())
    tasks = []
    for start, length, given_up in data.draw(st.lists(ranges, max_size=12)):
        stop = min(start + length, len(DATA))
        task = asyncio.create_task(fetcher.read(start, stop))
        for _ in range(rng.randrange(6)):
            await asyncio.sleep(0)
        if given_up:
            task.cancel()
        tasks.append((task, start, stop))
    await asyncio.wait_for(asyncio.gather(*(task for task, *_ in tasks), return_exceptions=True), 30)
    for task, start, stop in tasks:
        assert task.cancelled() or task.result() == DATA[start:stop]
    await closed(fetcher, budget)


async def test_waiters_for_a_block_get_it_though_another_reader_is_cancelled():
    origin, budget = Origin(), MemoryBudget(50_000)
    fetcher = fetcher_of(origin, budget)
    origin.gate.clear()
    first = asyncio.create_task(fetcher.read(0, 100))
    await asyncio.sleep(0)
    second = asyncio.create_task(fetcher.read(50, 80))
    await asyncio.sleep(0)
    first.cancel()
    origin.gate.set()
    assert await second == DATA[50:80]
    assert first.cancelled()
    await closed(fetcher, budget)


async def test_a_reader_that_is_cancelled_while_its_file_is_closed_is_cancelled():
    origin, budget = Origin(), MemoryBudget(50_000)
    fetcher = fetcher_of(origin, budget)
    origin.gate.clear()
    waiting = asyncio.create_task(fetcher.read(0, 100))
    await asyncio.sleep(0)
    closing = asyncio.create_task(fetcher.aclose(ValueError("closed")))
    waiting.cancel()
    await closing
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await closed(fetcher, budget)


async def test_closing_leaves_the_reader_that_it_wakes_able_to_wait_again():
    origin, budget = Origin(), MemoryBudget(50_000)
    fetcher = fetcher_of(origin, budget)
    origin.gate.clear()

    async def read():
        with pytest.raises(ValueError, match="closed"):
            await fetcher.read(0, 100)
        await asyncio.sleep(0)
        return asyncio.current_task().cancelling()

    reading = asyncio.create_task(read())
    await asyncio.sleep(0)
    await closed(fetcher, budget)
    assert await reading == 0


async def test_one_of_several_requests_that_fails_ends_the_others():
    origin, budget = Origin(), MemoryBudget(50_000)
    fetcher = fetcher_of(origin, budget)

    async def fetch(start, stop, get_buffer, buffer_updated):
        if start == 6000:
            await origin.gate.wait()
            raise OSError("broken")
        await origin.fetch(start, stop, get_buffer, buffer_updated)

    fetcher._fetch = fetch
    origin.gate.clear()
    reading = asyncio.create_task(fetcher.read(0, 12_000))
    while budget.used < 12_000:
        await asyncio.sleep(0)
    origin.gate.set()
    with pytest.raises(OSError, match="broken"):
        await reading
    await fetcher.wait_idle()
    assert origin.running == 0
    assert budget.used <= LIMITS.max_retained
    await closed(fetcher, budget)


async def test_views_stay_as_they_were_when_their_block_is_long_gone():
    origin, budget = Origin(), MemoryBudget(4000)
    fetcher = fetcher_of(origin, budget)
    fetcher.prefetch(0, 1000)
    view = await fetcher.read_view(0, 1000)
    assert view.readonly
    for start in range(1000, 60_000, 1000):
        await fetcher.read(start, start + 1000)
    assert view == DATA[:1000]
    await closed(fetcher, budget)


async def test_many_idle_readers_do_not_stop_another():
    budget = MemoryBudget(5000)
    fetchers = [fetcher_of(Origin(), budget) for _ in range(10)]
    for fetcher in fetchers:
        assert await asyncio.wait_for(fetcher.read(0, 3000), 10) == DATA[:3000]
    assert budget.used <= 5000
    for fetcher in fetchers:
        await fetcher.aclose(ValueError("closed"))
    assert (budget.used, budget.retained) == (0, 0)


def test_a_run_earns_read_ahead_of_twice_its_length_then_of_four_times_up_to_the_window():
    run = SequentialReads(LIMITS)
    assert run.start(0)
    assert run.readahead(100) == 200
    run.end(100)
    assert run.start(100)
    assert run.readahead(100) == 400
    assert run.readahead(1800) == 2 * 1900
    assert run.readahead(1900) == 4 * 2000
    run.end(50_000)
    assert run.start(50_000)
    assert run.readahead(100) == LIMITS.max_readahead


def test_a_jump_ends_the_run_and_a_short_skip_does_not():
    run = SequentialReads(LIMITS)
    run.start(0)
    run.end(5000)
    assert run.start(5000 + LIMITS.block_size)
    assert not run.start(90_000)
    assert run.readahead(10) == 20
    run.end(90_010)
    assert not run.start(90_000), "going back is a jump"


@given(
    st.lists(st.tuples(st.integers(0, 200), st.integers(1, 30)), max_size=12), st.integers(0, 200), st.integers(1, 99)
)
def test_gaps_are_what_no_block_claims(claims, start, length):
    blocks, taken = BlockMap(), set()
    for first, size in claims:
        wanted = set(range(first, first + size))
        if not wanted & taken:
            blocks.add(Block(first, first + size))
            taken |= wanted
    free = [p for p in range(start, start + length) if p not in taken]
    assert [p for a, b in blocks.gaps(start, start + length) for p in range(a, b)] == free
    assert all((blocks.find(p) is not None) == (p in taken) for p in range(260))
    assert [b.start for b in blocks] == sorted(b.start for b in blocks)


async def test_a_fetch_that_ends_early_is_never_taken_for_whole():
    budget = MemoryBudget(50_000)

    async def fetch(start, stop, get_buffer, buffer_updated):
        get_buffer()[:10] = DATA[:10]
        buffer_updated(10)

    fetcher = RangeFetcher(fetch, len(DATA), budget, LIMITS)
    with pytest.raises(TruncatedBodyError, match="ended before"):
        await fetcher.read(0, 500)
    await closed(fetcher, budget)


async def test_invalidating_while_a_reader_waits_for_memory_drops_each_block_once():
    origin, budget = Origin(), MemoryBudget(3500)
    fetcher = fetcher_of(origin, budget)
    await fetcher.read(0, 3000)
    assert budget.try_acquire(500)  # is moving, so that who comes next waits for it
    blocks = list(fetcher._map)
    for block in blocks:
        block.pins += 1  # somebody waits for them just now
    other = fetcher_of(Origin(), budget)
    reading = asyncio.create_task(other.read(0, 2000))
    while not budget.waiting:
        await asyncio.sleep(0)
    for block in blocks:
        block.pins -= 1
    fetcher.invalidate(0, 3000)
    assert await reading == DATA[:2000]
    budget.release(500)
    await other.aclose(ValueError("closed"))
    await closed(fetcher, budget)


@pytest.mark.parametrize("way", ["idle", "closing"])
async def test_a_close_in_the_turn_in_which_the_last_bytes_arrive_is_what_the_reader_hears_of(way, monkeypatch):
    origin, budget = Origin(), MemoryBudget(50_000)
    fetcher = fetcher_of(origin, budget)
    monkeypatch.setattr(type(fetcher.bandwidth), "min_split_bytes", 0)
    origin.gate.clear()
    reading = asyncio.create_task(fetcher.read(0, 8000))
    while fetcher.active < 2:
        await asyncio.sleep(0)

    async def close():
        while fetcher._requests or fetcher._tasks.active:
            await asyncio.sleep(0)
        if way == "idle":
            assert fetcher.close_idle(ValueError("closed"))
        else:
            await fetcher.aclose(ValueError("closed"))

    closing = asyncio.create_task(close())
    origin.gate.set()
    [outcome] = await asyncio.gather(reading, return_exceptions=True)
    assert outcome == DATA[:8000] or (type(outcome), str(outcome)) == (ValueError, "closed")
    await closing
    await closed(fetcher, budget)


async def test_a_closed_fetcher_fetches_nothing_more():
    origin, budget = Origin(), MemoryBudget(50_000)
    fetcher = fetcher_of(origin, budget)
    await fetcher.aclose(ValueError("closed"))
    with pytest.raises(ValueError, match="closed"):
        await fetcher.read(0, 3 * LIMITS.max_readahead)
    await asyncio.sleep(0)
    assert origin.requests == []
    await closed(fetcher, budget)


@pytest.mark.skipif(not CAN_SHARE, reason="this interpreter copies")
async def test_whole_blocks_that_are_read_as_bytes_are_not_copied():
    fetcher = fetcher_of(Origin(), budget := MemoryBudget(50_000))
    fetcher.expect_bytes()
    fetcher.prefetch(0, 2000)
    first = await fetcher.read_view(0, 1000)
    assert first == DATA[:1000]
    assert isinstance(first, bytes)
    assert await fetcher.read_view(0, 1000) is first
    assert await fetcher.read_view(1000, 1500) == DATA[1000:1500]
    assert await fetcher.read_view(1000, 2000) == DATA[1000:2000]
    await closed(fetcher, budget)


async def test_a_range_that_is_read_for_itself_is_right_for_whoever_waits_for_a_part_of_it():
    origin = Origin()
    fetcher = fetcher_of(origin, budget := MemoryBudget(50_000))
    origin.gate.clear()
    whole = asyncio.ensure_future(fetcher.read(500, 9500))
    await asyncio.sleep(0)
    part = asyncio.ensure_future(fetcher.read_view(600, 700))
    last = asyncio.ensure_future(fetcher.read(9000, 9500))
    await asyncio.sleep(0)
    origin.gate.set()
    assert await whole == DATA[500:9500]
    assert await part == DATA[600:700]
    assert await last == DATA[9000:9500]
    await closed(fetcher, budget)


@pytest.mark.parametrize("as_bytes", [False, True], ids=["views", "bytes"])
async def test_closing_at_any_moment_of_a_read_of_several_parts_leaves_no_request_and_no_memory(as_bytes):
    outcomes, steps = [], 0
    while bytes not in outcomes:  # closing comes later each time, until the reads are done before
        origin, budget = Origin(), MemoryBudget(50_000)
        fetcher = fetcher_of(origin, budget)
        if as_bytes:
            fetcher.expect_bytes()
        reads = [asyncio.create_task(fetcher.read(0, len(DATA))) for _ in range(3)]
        for _ in range(steps):
            await asyncio.sleep(0)
        await fetcher.aclose(ValueError("closed"))
        results = await asyncio.gather(*reads, return_exceptions=True)
        outcomes = [type(each) for each in results]
        assert all(each == DATA for each in results if isinstance(each, bytes))
        assert set(outcomes) <= {bytes, ValueError}
        await closed(fetcher, budget)
        assert origin.running == 0
        steps += 1
    assert steps > 50


async def test_ranges_that_wait_for_memory_have_none_yet():
    """Else ten thousand reads at once would take the memory of all before the first byte, whatever the budget is."""
    size = 100_000
    origin, budget = Origin(range(1000 * size)), MemoryBudget(2 * size)
    origin.gate.clear()
    limits = RangeLimits(
        block_size=size, min_request_size=size, request_size=size, max_readahead=size, max_retained=size
    )
    fetcher = fetcher_of(origin, budget, limits)
    tracemalloc.start()
    try:
        reads = [asyncio.create_task(fetcher.read(start, start + size)) for start in range(0, 200 * size, size)]
        while budget.waiting < len(reads) - 2:
            await asyncio.sleep(0)
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert taken < 20 * size
    await closed(fetcher, budget)
    assert all(isinstance(each, ValueError) for each in await asyncio.gather(*reads, return_exceptions=True))
