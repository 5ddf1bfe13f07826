"""A reader fills the link that its session was told of, within the memory that the guide asks for."""

import asyncio
from types import SimpleNamespace

import pytest

import virtual_time
from aios3._config import MIB, Config, target_bytes_per_second
from aios3._engine.bandwidth import BandwidthEstimator
from aios3._engine.limiter import AdaptiveLimiter
from aios3._engine.memory_budget import MemoryBudget
from aios3._engine.range_fetcher import RangeFetcher
from aios3._handles.reader import AsyncPrefetchReader, _limits

LATENCY_SECONDS = 0.030
CONNECTION_BYTES_PER_SECOND = 90e6


def memory_of(config: Config) -> int:
    """Return the ``memory_budget`` by the formula of docs/guide/configuration.md."""
    seconds = LATENCY_SECONDS + config.request_size / CONNECTION_BYTES_PER_SECOND
    return int(1.5 * target_bytes_per_second(config) * seconds)


class Link:
    """S3 beyond one link: each response waits for the latency, and all connections share the link."""

    def __init__(self, gbps: float, slots: int) -> None:
        self._bytes_per_second = gbps * 125e6
        self._loop = asyncio.get_running_loop()
        self._free_at = 0.0
        self.limiter = AdaptiveLimiter(slots, self._loop.time)
        self.most_in_flight = 0

    async def fetch(self, start, stop, room, received):
        async with self.limiter:
            self.most_in_flight = max(self.most_in_flight, self.limiter.in_use)
            await asyncio.sleep(LATENCY_SECONDS)
            self.limiter.on_success()
            while start < stop:
                count = min(len(room()), stop - start)
                now = self._loop.time()
                self._free_at = max(self._free_at, now) + count / self._bytes_per_second
                await asyncio.sleep(max(self._free_at - now, count / CONNECTION_BYTES_PER_SECOND))
                received(count)
                start += count


class OneBuffer:
    """Stands for the pool of blocks: all of them are the same memory, which nobody looks at."""

    def __init__(self) -> None:
        self._memory = bytearray(MIB)

    def acquire(self, _size):
        return self._memory

    def release(self, _memory):
        """Keep it."""


class Source:
    """Stands for the object of a reader, which fetches its bytes elsewhere."""

    url = "s3://b/k"
    pending = None

    async def aclose(self):
        """Nothing waits."""


async def read_for(seconds: float, config: Config) -> tuple[float, int, int]:
    """Read one object; return bytes a second at the end, the most memory and the most requests in flight."""
    loop, budget = asyncio.get_running_loop(), MemoryBudget(config.memory_budget)
    budget.buffer_pool = OneBuffer()
    link = Link(config.target_throughput_gbps, config.max_concurrency)
    fetcher = RangeFetcher(
        link.fetch, 1 << 50, budget, _limits(config.block_size, config.request_size, config.memory_budget)
    )
    fetcher.bandwidth = BandwidthEstimator(target_bytes_per_second=target_bytes_per_second(config))
    session = SimpleNamespace(register=lambda *_: None, unregister=lambda *_: None)
    reader = AsyncPrefetchReader(session, Source(), fetcher)
    most_memory, half_way = 0, 0
    while loop.time() < seconds:
        await reader._next_view(reader._position + MIB)
        most_memory = max(most_memory, budget.used)
        if loop.time() < seconds / 2:
            half_way = reader._position
    rate = (reader._position - half_way) / (seconds / 2)
    await reader.aclose()
    return rate, most_memory, link.most_in_flight


@pytest.mark.parametrize("gbps", [12.8, 100])
def test_a_reader_fills_its_link_within_the_memory_that_the_guide_says(gbps):
    config = Config(target_throughput_gbps=gbps, memory_budget=memory_of(Config(target_throughput_gbps=gbps)))
    rate, memory, in_flight = virtual_time.run(read_for(2, config))
    assert rate >= 0.9 * target_bytes_per_second(config)
    assert memory <= config.memory_budget
    assert in_flight <= config.max_concurrency


def test_the_default_settings_fill_their_link():
    rate, _, _ = virtual_time.run(read_for(2, Config()))
    assert rate >= 0.9 * target_bytes_per_second(Config())


def test_a_reader_that_was_told_of_a_slow_link_reads_ahead_less():
    _, memory, _ = virtual_time.run(read_for(2, Config(target_throughput_gbps=2)))
    _, default, _ = virtual_time.run(read_for(2, Config()))
    assert memory < default / 2
