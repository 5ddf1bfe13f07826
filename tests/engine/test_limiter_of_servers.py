"""How many requests are in flight, at servers that scale, that do not, and that reject; in time that passes at once."""

from __future__ import annotations

import asyncio
import itertools
import random
from dataclasses import dataclass, field

import pytest

import virtual_time
from aios3._engine import retry_policy as policy_module
from aios3._engine.limiter import AdaptiveLimiter
from aios3._engine.retry_policy import RetryPolicy
from aios3.errors import S3Error, ThrottledError

ENDLESS = 1_000_000


@pytest.fixture(autouse=True)
def same_jitter(monkeypatch):
    jitter = random.Random(1)
    monkeypatch.setattr(policy_module, "retry_delay", lambda failures: jitter.uniform(0, 0.1 * 2**failures))


@dataclass
class Server:
    """Heads after ``latency`` seconds, give or take half of it; bodies that last ``body`` more."""

    latency: float = 0.03
    body: float = 0.0
    noise: random.Random = field(default_factory=lambda: random.Random(1))
    requests: int = 0
    in_flight: int = 0
    most_in_flight: int = 0

    async def head(self) -> None:
        self.requests += 1
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        await asyncio.sleep(self.latency * self.noise.uniform(0.5, 1.5))


@dataclass
class Throttling(Server):
    """Rejects what exceeds ``per_second`` requests, ``burst`` at once."""

    per_second: float = 100.0
    burst: int = 10
    rejected: int = 0
    tokens: float = 0.0
    filled: float = -1000.0

    async def head(self) -> None:
        await super().head()
        now = asyncio.get_running_loop().time()
        self.tokens, self.filled = min(self.burst, self.tokens + (now - self.filled) * self.per_second), now
        if self.tokens < 1:
            self.rejected += 1
            message = "GetObject s3://b/k: slow down"
            raise ThrottledError(message, path="s3://b/k", operation="GetObject", status=503)
        self.tokens -= 1


@dataclass
class OneAtATime(Server):
    """Needs 5 ms for each request, however many there are."""

    desk: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def head(self) -> None:
        await super().head()
        async with self.desk:
            await asyncio.sleep(0.005)


class Client:
    """Sends requests as a session does: a slot for head and body, and attempts by policy.

    What has no body is over when it is counted, and its slot somebody else's.
    """

    def __init__(self, server: Server, most: int) -> None:
        self.server = server
        self.limiter = AdaptiveLimiter(most, asyncio.get_running_loop().time)
        self.policy = RetryPolicy(ENDLESS, self.limiter)
        self.policy.quota = float(ENDLESS)

    async def request(self) -> None:
        for failures in range(1, ENDLESS):
            try:
                await self._send()
            except S3Error as error:
                pause = self.policy.next_delay(error, failures)
            else:
                if not self.server.body:
                    self.policy.on_success(failures - 1)
                break
            await asyncio.sleep(pause)

    async def _send(self) -> None:
        await self.limiter.acquire()
        try:
            await self.server.head()
            if self.server.body:
                self.policy.on_success()
                await asyncio.sleep(self.server.body)
        finally:
            self.server.in_flight -= 1
            self.limiter.release()

    async def requests(self, count: int, tasks: int) -> None:
        numbers = iter(range(count))

        async def work() -> None:
            for _ in numbers:
                await self.request()

        await asyncio.gather(*(work() for _ in range(tasks)))


@pytest.mark.parametrize("per_second", [50, 200, 1000])
@pytest.mark.parametrize("most", [32, 64])
def test_a_server_that_limits_requests_rejects_less_than_one_in_twenty(per_second, most):
    async def check():
        server = Throttling(per_second=per_second)
        await Client(server, most).requests(10_000, most)
        return server

    server = virtual_time.run(check())
    assert server.requests == 10_000 + server.rejected
    assert server.rejected < 0.05 * server.requests


def test_the_first_second_of_a_session_does_not_run_into_the_limit_with_all_its_requests():
    async def check():
        server = Throttling(latency=0.1, per_second=50)
        await Client(server, 256).requests(300, 256)
        return server.rejected

    assert virtual_time.run(check()) < 60, "all at once, more than 200 would be"


@pytest.mark.parametrize(
    ("most", "body", "round_trips"),
    [
        pytest.param(32, 0.0, 4, id="small"),
        pytest.param(32, 0.093, 5, id="large"),
        pytest.param(512, 0.0, 9, id="far more small ones"),
    ],
)
def test_a_server_that_scales_gets_all_that_is_allowed_after_a_few_round_trips(most, body, round_trips):
    async def check():
        server = Server(body=body)
        working = asyncio.create_task(Client(server, most).requests(ENDLESS, most + 1))
        await asyncio.sleep(1.5 * server.latency * round_trips)
        working.cancel()
        await asyncio.wait({working})
        return server.most_in_flight

    assert virtual_time.run(check()) == most


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("body", [0.0, 0.1, 1.0])
@pytest.mark.parametrize("most", [64, 256])
def test_noise_keeps_no_session_small(seed, body, most):
    async def check():
        server = Server(body=body, noise=random.Random(seed))
        client = Client(server, most)
        await client.requests(1000, 2 * most)
        return client.limiter.limit

    assert virtual_time.run(check()) == most


def test_pauses_between_bursts_are_not_taken_for_a_slow_server():
    async def check():
        client = Client(Server(), 1000)
        for number in range(17):
            burst = int(1.5 * client.limiter.limit)  # a round takes several of them
            await client.requests(burst, burst)
            await asyncio.sleep(10 * 2**number)
        return client.limiter.limit

    assert virtual_time.run(check()) > 200


def test_a_server_that_does_not_scale_gets_no_more_than_a_little():
    async def check():
        server = OneAtATime()
        client = Client(server, 1000)
        await client.requests(2_000, 1000)
        after_2000 = client.limiter.limit
        await client.requests(10_000, 1000)
        return after_2000, client.limiter.limit

    before, after = virtual_time.run(check())
    assert 8 < before < 150
    assert before + 20 < after < 300, "whoever has measured wrongly gets there all the same"


@pytest.mark.parametrize(("tasks", "at_least", "at_most"), [(5, 8, 8), (8, 9, 10), (20, 21, 22)])
@pytest.mark.parametrize("body", [0.0, 0.1])
def test_there_is_room_for_what_is_needed_and_one_second_request_and_no_more(tasks, at_least, at_most, body):
    async def check():
        client = Client(Server(body=body), 32)
        await client.requests(1_000, tasks)
        return client.limiter.limit

    assert at_least <= virtual_time.run(check()) <= at_most


def test_a_session_that_needs_one_more_than_it_has_gets_it():
    async def check():
        server = Server()
        await Client(server, 32).requests(1_000, 9)
        return server.most_in_flight

    assert virtual_time.run(check()) == 9


async def opened(slots: AdaptiveLimiter, count: int) -> list[float]:
    """Take so many rooms at once, responded and never given back; return when each was had."""
    clock = asyncio.get_running_loop().time
    times: list[float] = []

    async def open_body() -> None:
        await slots.acquire()
        slots.on_success()
        times.append(clock())

    await asyncio.gather(*(open_body() for _ in range(count)))
    return times


def slots_of(most: int) -> AdaptiveLimiter:
    return AdaptiveLimiter(most, asyncio.get_running_loop().time)


def test_bodies_that_are_all_held_open_are_opened_without_a_wait():
    async def check():
        return await opened(slots_of(500), 500)

    assert set(virtual_time.run(check())) == {0.0}


def test_merging_many_open_objects_does_not_deadlock_after_throttling():
    async def check():
        slots = slots_of(32)
        for _ in range(10):
            slots.on_throttled()
            slots.on_throttled()
            await asyncio.sleep(1)
        assert slots.limit == 1
        times = await opened(slots, 32)
        beyond = asyncio.create_task(slots.acquire())
        await asyncio.sleep(100)
        assert (slots.in_use, slots.waiting) == (32, 1), "never more than the most"
        beyond.cancel()
        await asyncio.wait({beyond})
        return times

    times = virtual_time.run(check())
    assert max(late - early for early, late in itertools.pairwise(times)) <= 1


def test_a_moving_queue_admits_no_waiter_over_the_limit():
    async def check():
        slots = AdaptiveLimiter(3)
        slots.limit = 2.0

        async def work() -> None:
            async with slots:
                assert slots.in_use <= 2
                await asyncio.sleep(0.9)

        await asyncio.gather(*(work() for _ in range(50)))

    virtual_time.run(check())
