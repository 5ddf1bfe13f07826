"""The figures of the guide for 10^8 and 10^9 keys: the arithmetic, and a simulation of who waits for what."""

from __future__ import annotations

import asyncio
import random
import re
from pathlib import Path

import pytest

import virtual_time
from aios3._engine.backoff import retry_delay
from aios3._engine.limiter import AdaptiveLimiter
from aios3.distributed import Measure
from aios3.distributed.dealing import dealt
from aios3.distributed.range_task import RangeTask
from aios3.distributed.request_shares import make_shares

PAGE = Path(__file__).parents[2] / "docs/guide/distributed.md"
KEYS_OF_RANGE = 10_000
WORKER_RATE = 1000.0
PARTITION_RATE = 3500.0
SECONDS_OF_RANGE = 0.3
"""Listing's first page, claim and report."""
PRICE_OF_MILLION_WRITES = 5.0


def seconds_by_arithmetic(keys: int, workers: int) -> float:
    ranges = keys / KEYS_OF_RANGE
    return (keys / WORKER_RATE + ranges * SECONDS_OF_RANGE) / workers


def simulate(keys: int, workers: int, partitions: int, order) -> float:
    """Return the seconds until all ranges are done, each range in one partition, whose rate its workers share.

    Events are the ends of ranges; between two of them rates stay as they are.
    """
    count = keys // KEYS_OF_RANGE
    queue = order(list(range(count)), 2 * workers)[::-1]
    running: list[list[float]] = []  # keys left, and the partition
    now = 0.0
    while queue or running:
        while queue and len(running) < workers:
            partition = queue.pop() * partitions // count
            running.append([KEYS_OF_RANGE + SECONDS_OF_RANGE * WORKER_RATE, partition])
        sharing: dict[float, int] = {}
        for _, partition in running:
            sharing[partition] = sharing.get(partition, 0) + 1
        rates = [min(WORKER_RATE, PARTITION_RATE / sharing[partition]) for _, partition in running]
        step = min(left / rate for (left, _), rate in zip(running, rates, strict=True))
        now += step
        for each, rate in zip(running, rates, strict=True):
            each[0] -= rate * step
        running = [each for each in running if each[0] > 1e-6]
    return now


def in_key_order(ranges, _width):
    return ranges


@pytest.mark.parametrize(("keys", "workers"), [(10**8, 1), (10**8, 16), (10**8, 128)])
def test_a_simulated_run_takes_as_long_as_the_guide_says(keys, workers):
    simulated = simulate(keys, workers, partitions=256, order=dealt)
    assert simulated == pytest.approx(seconds_by_arithmetic(keys, workers), rel=0.1)


def test_ranges_in_key_order_would_wait_for_one_partition():
    slow = simulate(10**7, 128, partitions=64, order=in_key_order)
    assert slow > 2 * simulate(10**7, 128, partitions=64, order=dealt)


def rows() -> dict[tuple[str, str], list[str]]:
    """Return the cells of the guide's table by number of keys and workers."""
    lines = re.findall(r"^\| (10<sup>\d</sup>) \| (\d+) \| (.+) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    return {(keys, workers): [cell.strip() for cell in cells.split("|")] for keys, workers, cells in lines}


def seconds(text: str) -> float:
    number, unit = text.split()
    return float(number) * {"s": 1, "min": 60, "h": 3600}[unit]


@pytest.mark.parametrize("workers", [1, 16, 128])
@pytest.mark.parametrize("exponent", [8, 9])
def test_the_guides_table_is_the_arithmetic(exponent, workers):
    keys = 10**exponent
    time, requests, dollars = rows()[f"10<sup>{exponent}</sup>", str(workers)]
    assert seconds(time) == pytest.approx(seconds_by_arithmetic(keys, workers), rel=0.06)
    ranges = keys // KEYS_OF_RANGE
    listings, reports = 3 * keys // 1000, 2 * ranges  # the split, and both sides by workers; a claim, and a report
    assert float(requests.replace(",", "")) == pytest.approx((keys + listings + reports) / 1e6, rel=0.01)
    assert float(dollars.replace(",", "").strip("$")) == pytest.approx(
        (keys + listings + reports) / 1e6 * PRICE_OF_MILLION_WRITES, rel=0.02
    )


class Server:
    """Allows ``rate`` requests a second, a quarter of them at once; counts."""

    def __init__(self, rate: float) -> None:
        self.rate = rate
        self.tokens = rate / 4
        self.at = 0.0
        self.requests = 0
        self.rejected = 0

    async def takes(self) -> bool:
        now = asyncio.get_running_loop().time()
        self.tokens = min(self.rate / 4, self.tokens + (now - self.at) * self.rate)
        self.at = now
        self.requests += 1
        await asyncio.sleep(0.02)
        if self.tokens < 1:
            self.rejected += 1
            return False
        self.tokens -= 1
        return True


async def work(server: Server, limiter: AdaptiveLimiter, until: float) -> None:
    loop = asyncio.get_running_loop()
    failures = 0
    while loop.time() < until:
        async with limiter:
            if await server.takes():
                limiter.on_success()
                failures = 0
                continue
            limiter.on_throttled()
        failures += 1
        await asyncio.sleep(retry_delay(failures))


@pytest.mark.parametrize("rate", [400, 1000])
def test_eight_workers_on_a_server_that_allows_a_number_of_requests_a_second_lose_less_than_a_twentieth(rate):
    """Each has a limiter of its own, and they know nothing of each other."""

    server = simulate_workers(rate, [None] * 8)
    assert server.rejected < 0.05 * server.requests
    assert server.requests - server.rejected > 0.5 * rate * 60


def simulate_workers(rate: float, shares: list[float | None]) -> Server:
    """Return the server after a minute of workers with ``shares`` of a rate, each with requests for 32 at once."""

    async def inside() -> Server:
        server, loop = Server(rate), asyncio.get_running_loop()
        limiters = [AdaptiveLimiter(32, loop.time, share) for share in shares]
        async with asyncio.TaskGroup() as group:
            for limiter in limiters:
                for _ in range(32):
                    group.create_task(work(server, limiter, 60.0))
        return server

    random.seed(rate)
    return virtual_time.run(inside())


def shares_of(requests_per_second: float, workers: int) -> list[float | None]:
    job = Measure()
    shares = make_shares(job, requests_per_second, workers)
    task = shares.dealt(RangeTask(job), 1000)
    return [task.config.max_requests_per_second] * workers


@pytest.mark.parametrize("workers", [1, 8, 128])
@pytest.mark.parametrize("rate", [100, 400])
def test_no_request_is_rejected_of_workers_that_share_the_rate_that_the_server_allows(rate, workers):
    server = simulate_workers(rate, shares_of(rate, workers))
    assert server.rejected == 0
    assert server.requests > 0.9 * rate * 60


@pytest.mark.parametrize("times", [1.5, 2, 4])
@pytest.mark.parametrize("rate", [100, 400])
def test_eight_workers_that_share_a_rate_that_is_too_high_lose_less_than_a_twentieth(rate, times):
    server = simulate_workers(rate, shares_of(times * rate, 8))
    assert server.rejected < 0.05 * server.requests
    assert server.requests - server.rejected > 0.75 * rate * 60
