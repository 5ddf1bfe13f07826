"""Room for requests: fair, safe under cancellation, less after a rejection, more again after responses."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest

import virtual_time
from aios3._engine import request_rate as rate_module
from aios3._engine.limiter import AdaptiveLimiter


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def limiter(clock):
    return AdaptiveLimiter(8, clock)


def reject(limiter, times):
    for _ in range(times):
        limiter.on_throttled()


async def turns():
    for _ in range(5):
        await asyncio.sleep(0)


async def test_no_more_than_the_limit_and_in_the_order_of_asking():
    limiter, order = AdaptiveLimiter(2), []

    async def work(name):
        async with limiter:
            order.append(name)
            assert limiter.in_use <= 2
            await asyncio.sleep(0)

    await asyncio.gather(*(work(name) for name in range(6)))
    assert order == list(range(6))
    assert (limiter.in_use, limiter.waiting) == (0, 0)


async def test_try_acquire_does_not_overtake_waiters(clock):
    limiter = AdaptiveLimiter(1, clock)
    assert limiter.try_acquire()
    assert not limiter.try_acquire()
    waiting = asyncio.create_task(limiter.acquire())
    await turns()
    limiter.release()
    assert not limiter.try_acquire()  # it is the waiter's
    await waiting
    limiter.release()
    assert limiter.try_acquire()
    limiter.release()
    limiter._rate.set_rate, limiter._rate.set_at = 10.0, clock()
    assert not limiter.try_acquire()  # each has its turn now
    assert limiter.in_use == 0


@pytest.mark.parametrize("granted", [False, True])
async def test_a_cancelled_waiter_acquires_nothing(granted):
    limiter = AdaptiveLimiter(1)
    await limiter.acquire()
    waiting = asyncio.create_task(limiter.acquire())
    await turns()
    if granted:
        limiter.release()  # the room is the waiter's now, which has not run since
    waiting.cancel()
    await asyncio.wait({waiting})
    if not granted:
        limiter.release()
    assert (limiter.in_use, limiter.waiting) == (0, 0)


async def test_as_many_as_are_allowed_are_reached_with_responses_alone():
    """Bodies that last keep their room: nothing is given back while there is a line."""
    limiter = AdaptiveLimiter(32)
    asking = [asyncio.create_task(limiter.acquire()) for _ in range(40)]
    await turns()
    reached = [limiter.in_use]
    for _ in range(2):
        for _ in range(limiter.in_use):
            limiter.on_success()
        await turns()
        reached.append(limiter.in_use)
    assert reached == [8, 16, 32]
    assert limiter.waiting == 8
    for task in asking[32:]:
        task.cancel()
    await asyncio.wait(asking)
    assert (limiter.in_use, limiter.waiting) == (32, 0)


def test_fewer_are_allowed_than_there_would_be_at_first():
    assert AdaptiveLimiter(3).limit == 3


async def test_a_rejection_halves_once_for_all_that_was_in_flight_and_responses_bring_it_back(limiter, clock):
    for _ in range(8):
        limiter.on_throttled()
    assert limiter.limit == 4
    clock.now += 1
    reject(limiter, 2)
    assert limiter.limit == 2
    for _ in range(10):
        clock.now += 1
        reject(limiter, 2)
    assert limiter.limit == 1
    asking = [asyncio.create_task(limiter.acquire()) for _ in range(20)]
    await turns()
    for _ in range(6):
        limiter.on_success()
    assert 1 < limiter.limit < 4, "slowly: the server has rejected once"
    for _ in range(1000):
        limiter.on_success()
    await turns()
    assert limiter.limit == limiter.in_use == limiter.max_limit
    for task in asking:
        task.cancel()
    await asyncio.wait(asking)


async def test_after_a_rejection_requests_come_a_little_slower_than_responses_came(limiter, clock):
    assert limiter.rate is None
    for _ in range(50):
        clock.now += 0.01
        limiter.on_success()
    reject(limiter, 3)
    assert limiter.rate == pytest.approx(80, rel=0.05)
    clock.now += 6
    assert 100 < limiter.rate < 150, "it grows back beyond the rate of responses"
    clock.now += 60
    assert limiter.rate is None, "a server that has not rejected for a minute is not slowed down"


async def test_a_rate_that_is_still_too_high_goes_down_in_steps_and_not_with_each_rejection(limiter, clock):
    for _ in range(50):
        clock.now += 0.01
        limiter.on_success()
    reject(limiter, 3)
    first = limiter.rate
    reject(limiter, 20)
    assert limiter.rate == first
    clock.now += 0.5
    reject(limiter, 3)
    assert first * 0.25 < limiter.rate < first


async def test_a_server_that_rejects_a_few_at_random_is_not_slowed_down(limiter, clock):
    for number in range(5000):
        clock.now += 0.01
        limiter.on_throttled() if number % 50 == 49 else limiter.on_success()
    assert (limiter.limit, limiter.rate) == (limiter.max_limit, None)


async def test_a_server_that_rejects_all_is_still_asked(limiter, clock):
    for number in range(1000):
        clock.now += 0.05
        limiter.on_success() if number % 2 else limiter.on_throttled()
    assert limiter.rate >= 5
    assert limiter.limit >= 1


async def test_one_response_says_nothing_about_a_rate(limiter):
    limiter.on_success()
    reject(limiter, 2)
    assert limiter.rate is None


async def test_a_waiter_cancelled_before_its_turn_releases_its_slot(limiter, clock):
    for _ in range(2):
        clock.now += 1
        limiter.on_success()
    reject(limiter, 2)
    await limiter.acquire()  # the first turn is at once
    late = asyncio.create_task(limiter.acquire())
    await turns()
    assert limiter.in_use == 2
    late.cancel()
    await asyncio.wait({late})
    assert limiter.in_use == 1


async def test_requests_that_a_standstill_has_held_up_do_not_come_all_at_once(limiter, clock, monkeypatch):
    asleep: list[tuple[float, asyncio.Future]] = []

    async def sleep(seconds):
        asleep.append((clock.now + seconds, asyncio.get_running_loop().create_future()))
        await asleep[-1][1]

    async def work(number):
        await limiter.acquire()
        started.append(number)

    async def go_to(now):
        clock.now = now
        for at, woken in asleep:
            if at <= now and not woken.done():
                woken.set_result(None)
        await turns()

    started: list[int] = []
    monkeypatch.setattr(rate_module, "asyncio", SimpleNamespace(**vars(asyncio) | {"sleep": sleep}))
    limiter._rate.set_rate, limiter._rate.set_at = 10.0, clock.now
    working = [asyncio.create_task(work(number)) for number in range(5)]
    await turns()
    assert started == [0]
    await go_to(100.11)
    assert started == [0, 1]
    await go_to(105)  # nothing ran for five seconds
    assert started == [0, 1, 2]
    await go_to(105.11)
    assert started == [0, 1, 2, 3]
    await go_to(105.3)
    await asyncio.gather(*working)


SHARE = 10.0


@pytest.fixture
def limited(clock):
    return AdaptiveLimiter(8, clock, max_rate=SHARE)


def test_a_share_is_the_rate_from_the_start_and_never_more(limited, clock):
    assert not limited.try_acquire()
    for _ in range(100):
        assert limited.rate == SHARE
        clock.now += 1
        limited.on_success()


@pytest.mark.parametrize("responses", [0, 1, 8])
def test_one_rejection_lowers_a_share_which_grows_back_to_what_it_was_and_no_further(limited, clock, responses):
    for _ in range(responses):
        clock.now += 0.1
        limited.on_success()
    reject(limited, 1)
    lowered = limited.rate
    assert SHARE * 0.3 <= lowered <= SHARE * 0.8
    assert responses > 1 or lowered == SHARE / 2  # nothing was measured
    clock.now += 3
    assert lowered < limited.rate < SHARE
    for seconds in (20, 37, 5):
        clock.now += seconds
        assert limited.rate == SHARE


def test_one_rejection_of_many_requests_leaves_a_share_as_it_is(clock):
    limiter = AdaptiveLimiter(8, clock, max_rate=100.0)
    for _ in range(50):
        clock.now += 0.01
        limiter.on_success()
    reject(limiter, 1)
    assert limiter.rate == 100


@pytest.mark.parametrize("share", [0.5, 2.0, 1000.0])
def test_a_share_of_few_requests_can_become_less_than_five_a_second_and_never_none(clock, share):
    limiter = AdaptiveLimiter(8, clock, max_rate=share)
    for _ in range(100):
        clock.now += 1
        reject(limiter, 1)
    assert 0 < limiter.rate < min(5.1, share)


async def first_turn(share):
    limiter, loop = AdaptiveLimiter(8, asyncio.get_running_loop().time, max_rate=share), asyncio.get_running_loop()
    await limiter.acquire()
    return loop.time()


def test_shares_that_begin_together_do_not_send_together():
    async def inside():
        return await asyncio.gather(*(first_turn(SHARE) for _ in range(50)))

    turns = virtual_time.run(inside())
    assert len(set(turns)) == len(turns)
    assert max(turns) <= 1 / SHARE


def test_the_turn_of_a_cancelled_waiter_is_the_next_ones():
    async def inside():
        loop = asyncio.get_running_loop()
        limiter = AdaptiveLimiter(8, loop.time, max_rate=1.0)
        await limiter.acquire()
        started_at = loop.time()
        waiting = [asyncio.create_task(limiter.acquire()) for _ in range(5)]
        await turns()
        for each in waiting:
            each.cancel()
        await asyncio.wait(waiting)
        await limiter.acquire()
        return loop.time() - started_at, limiter.in_use

    assert virtual_time.run(inside()) == (pytest.approx(1.0), 2)
