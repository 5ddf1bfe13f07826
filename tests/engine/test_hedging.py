"""Second requests: the first answer is taken, the loser is ended and dropped, and there are never many."""

from __future__ import annotations

import asyncio

import pytest

from aios3._engine import hedging
from aios3._engine.hedging import Hedges, Waits
from aios3._engine.slots import Slots


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(hedging, "_LEAST_SECONDS", 0.001)


class Stub:
    """Answers each call when it is told to; remembers what was dropped and cancelled."""

    def __init__(self):
        self.calls: list[asyncio.Future[str]] = []
        self.dropped: list[str] = []
        self.cancelled = 0

    async def call(self):
        answer = asyncio.get_running_loop().create_future()
        self.calls.append(answer)
        try:
            return await answer
        except asyncio.CancelledError:
            self.cancelled += 1
            raise

    async def drop(self, result):
        self.dropped.append(result)

    async def until_called(self, times):
        while len(self.calls) < times:
            await asyncio.sleep(0)


def ready(fraction=1.0, slots=None):
    """Hedges that have seen enough to know what is slow: next to nothing."""
    hedges = Hedges(fraction, slots or Slots(10))
    for _ in range(128):
        hedges._waits.add(0.0001)
    return hedges


@pytest.fixture
def stub():
    return Stub()


async def test_a_second_request_that_is_sooner_is_taken_and_the_first_one_ended(stub):
    hedges = ready()
    running = asyncio.create_task(hedges.first(stub.call, stub.drop))
    await stub.until_called(2)
    stub.calls[1].set_result("second")
    assert await running == "second"
    assert (stub.cancelled, stub.dropped, hedges.made, hedges.won) == (1, [], 1, 1)
    assert running.cancelling() == 0


async def test_a_first_request_that_is_sooner_after_all_is_taken_and_the_second_ended(stub):
    hedges = ready()
    running = asyncio.create_task(hedges.first(stub.call, stub.drop))
    await stub.until_called(2)
    stub.calls[0].set_result("first")
    assert await running == "first"
    assert (stub.cancelled, hedges.won) == (1, 0)


async def test_of_two_answers_at_once_one_is_taken_and_the_other_dropped(stub):
    hedges = ready()
    running = asyncio.create_task(hedges.first(stub.call, stub.drop))
    await stub.until_called(2)
    for number, call in enumerate(stub.calls):
        call.set_result(str(number))
    taken = await running
    assert stub.dropped + ["lost"] * stub.cancelled in (["1" if taken == "0" else "0"], ["lost"])


async def test_a_second_request_that_fails_changes_nothing(stub):
    hedges = ready()
    running = asyncio.create_task(hedges.first(stub.call, stub.drop))
    await stub.until_called(2)
    stub.calls[1].set_exception(OSError("refused"))
    await asyncio.sleep(0)
    stub.calls[0].set_result("first")
    assert await running == "first"


async def test_a_first_request_that_fails_is_a_failure_and_ends_the_second(stub):
    hedges = ready()
    running = asyncio.create_task(hedges.first(stub.call, stub.drop))
    await stub.until_called(2)
    stub.calls[0].set_exception(OSError("refused"))
    with pytest.raises(OSError, match="refused"):
        await running
    assert stub.cancelled == 1


@pytest.mark.parametrize("answered", [False, True])
async def test_whoever_is_cancelled_is_cancelled_and_nothing_is_left(stub, answered):
    hedges = ready()
    running = asyncio.create_task(hedges.first(stub.call, stub.drop))
    await stub.until_called(2)
    if answered:
        stub.calls[1].set_result("second")
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert stub.cancelled + len(stub.dropped) == 2
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_deadline_of_the_caller_is_heeded(stub):
    hedges = ready()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await hedges.first(stub.call, stub.drop)
    assert stub.cancelled == len(stub.calls) == 2


async def test_no_more_than_the_fraction_gets_a_second_request(stub):
    hedges = ready(fraction=0.25)
    running = [asyncio.create_task(hedges.first(stub.call, stub.drop)) for _ in range(8)]
    while hedges._line:  # until the time of all is over
        await asyncio.sleep(0)
    await stub.until_called(10)
    assert (len(stub.calls), hedges.made) == (10, 2)
    for call in stub.calls:
        call.set_result("x")
    await asyncio.gather(*running)


async def test_none_is_sent_where_no_room_is_free(stub):
    slots = Slots(1)
    await slots.acquire()
    hedges = ready(slots=slots)
    running = asyncio.create_task(hedges.first(stub.call, stub.drop))
    await stub.until_called(1)
    while hedges._line:  # until its time is over
        await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert (len(stub.calls), hedges.made) == (1, 0)
    stub.calls[0].set_result("x")
    assert await running == "x"


def test_what_is_slow_is_what_one_in_twenty_exceeds_and_unknown_at_first():
    waits = Waits()
    for number in range(99):
        waits.add(0.010 if number % 25 else 1.0)
    assert waits.slow == float("inf")
    for number in range(400):
        waits.add(0.010 if number % 25 else 1.0)
    assert 0.010 <= waits.slow <= 0.0125
    for _ in range(5000):
        waits.add(0.1)
    assert 0.1 <= waits.slow <= 0.125
