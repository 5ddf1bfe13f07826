"""Room for requests: fair, safe under cancellation, less after a refusal, more again after answers."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest

from aios3._engine import slots as slots_module
from aios3._engine.slots import Slots


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def slots(clock):
    made = Slots(8)
    made._clock = clock
    return made


def refuse(slots, times):
    for _ in range(times):
        slots.refused()


async def turns():
    for _ in range(5):
        await asyncio.sleep(0)


async def test_no_more_than_the_limit_and_in_the_order_of_asking():
    slots, order = Slots(2), []

    async def work(name):
        async with slots:
            order.append(name)
            assert slots.in_use <= 2
            await asyncio.sleep(0)

    await asyncio.gather(*(work(name) for name in range(6)))
    assert order == list(range(6))
    assert (slots.in_use, slots.waiting) == (0, 0)


async def test_room_without_waiting_is_not_taken_past_those_who_wait(clock):
    slots = Slots(1)
    slots._clock = clock
    assert slots.try_acquire()
    assert not slots.try_acquire()
    waiting = asyncio.create_task(slots.acquire())
    await turns()
    slots.release()
    assert not slots.try_acquire()  # it is the waiter's
    await waiting
    slots.release()
    assert slots.try_acquire()
    slots.release()
    slots._rate, slots._set_at = 10.0, clock()
    assert not slots.try_acquire()  # each has its turn now
    assert slots.in_use == 0


@pytest.mark.parametrize("granted", [False, True])
async def test_who_is_cancelled_in_line_takes_nothing(granted):
    slots = Slots(1)
    await slots.acquire()
    waiting = asyncio.create_task(slots.acquire())
    await turns()
    if granted:
        slots.release()  # the room is the waiter's now, which has not run since
    waiting.cancel()
    await asyncio.wait({waiting})
    if not granted:
        slots.release()
    assert (slots.in_use, slots.waiting) == (0, 0)


async def test_as_many_as_are_allowed_are_reached_with_answers_alone():
    """Bodies that last keep their room: nothing is given back while there is a line."""
    slots = Slots(32)
    asking = [asyncio.create_task(slots.acquire()) for _ in range(40)]
    await turns()
    reached = [slots.in_use]
    for _ in range(2):
        for _ in range(slots.in_use):
            slots.answered()
        await turns()
        reached.append(slots.in_use)
    assert reached == [8, 16, 32]
    assert slots.waiting == 8
    for task in asking[32:]:
        task.cancel()
    await asyncio.wait(asking)
    assert (slots.in_use, slots.waiting) == (32, 0)


def test_fewer_are_allowed_than_there_would_be_at_first():
    assert Slots(3).limit == 3


async def test_a_refusal_halves_once_for_all_that_was_in_flight_and_answers_bring_it_back(slots, clock):
    for _ in range(8):
        slots.refused()
    assert slots.limit == 4
    clock.now += 1
    refuse(slots, 2)
    assert slots.limit == 2
    for _ in range(10):
        clock.now += 1
        refuse(slots, 2)
    assert slots.limit == 1
    asking = [asyncio.create_task(slots.acquire()) for _ in range(20)]
    await turns()
    for _ in range(6):
        slots.answered()
    assert 1 < slots.limit < 4, "slowly: the server has refused once"
    for _ in range(1000):
        slots.answered()
    await turns()
    assert slots.limit == slots.in_use == slots.most
    for task in asking:
        task.cancel()
    await asyncio.wait(asking)


async def test_after_a_refusal_requests_come_a_little_slower_than_answers_came(slots, clock):
    assert slots.rate is None
    for _ in range(50):
        clock.now += 0.01
        slots.answered()
    refuse(slots, 3)
    assert slots.rate == pytest.approx(80, rel=0.05)
    clock.now += 6
    assert 100 < slots.rate < 150, "it grows back beyond what was answered"
    clock.now += 60
    assert slots.rate is None, "a server that has not refused for a minute is not slowed down"


async def test_a_rate_that_is_still_too_high_goes_down_in_steps_and_not_with_each_refusal(slots, clock):
    for _ in range(50):
        clock.now += 0.01
        slots.answered()
    refuse(slots, 3)
    first = slots.rate
    refuse(slots, 20)
    assert slots.rate == first
    clock.now += 0.5
    refuse(slots, 3)
    assert first * 0.25 < slots.rate < first


async def test_a_server_that_refuses_a_few_at_random_is_not_slowed_down(slots, clock):
    for number in range(5000):
        clock.now += 0.01
        slots.refused() if number % 50 == 49 else slots.answered()
    assert (slots.limit, slots.rate) == (slots.most, None)


async def test_a_server_that_refuses_all_is_still_asked(slots, clock):
    for number in range(1000):
        clock.now += 0.05
        slots.answered() if number % 2 else slots.refused()
    assert slots.rate >= 5
    assert slots.limit >= 1


async def test_one_answer_says_nothing_about_a_rate(slots):
    slots.answered()
    refuse(slots, 2)
    assert slots.rate is None


async def test_who_is_cancelled_before_its_turn_gives_its_room_back(slots, clock):
    for _ in range(2):
        clock.now += 1
        slots.answered()
    refuse(slots, 2)
    await slots.acquire()  # the first turn is at once
    late = asyncio.create_task(slots.acquire())
    await turns()
    assert slots.in_use == 2
    late.cancel()
    await asyncio.wait({late})
    assert slots.in_use == 1


async def test_requests_that_a_standstill_has_held_up_do_not_come_all_at_once(slots, clock, monkeypatch):
    asleep: list[tuple[float, asyncio.Future]] = []

    async def sleep(seconds):
        asleep.append((clock.now + seconds, asyncio.get_running_loop().create_future()))
        await asleep[-1][1]

    async def work(number):
        await slots.acquire()
        begun.append(number)

    async def go_to(now):
        clock.now = now
        for at, woken in asleep:
            if at <= now and not woken.done():
                woken.set_result(None)
        await turns()

    begun: list[int] = []
    monkeypatch.setattr(slots_module, "asyncio", SimpleNamespace(**vars(asyncio) | {"sleep": sleep}))
    slots._rate, slots._set_at = 10.0, clock.now
    working = [asyncio.create_task(work(number)) for number in range(5)]
    await turns()
    assert begun == [0]
    await go_to(100.11)
    assert begun == [0, 1]
    await go_to(105)  # nothing ran for five seconds
    assert begun == [0, 1, 2]
    await go_to(105.11)
    assert begun == [0, 1, 2, 3]
    await go_to(105.3)
    await asyncio.gather(*working)
