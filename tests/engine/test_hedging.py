"""Second requests: the first response is taken, the loser is ended and dropped, and there are never many."""

from __future__ import annotations

import asyncio

import pytest

from aios3._engine import hedging
from aios3._engine.hedging import Hedger, LatencyHistogram
from aios3._engine.limiter import AdaptiveLimiter


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(hedging, "_MIN_HEDGE_DELAY_SECONDS", 0.001)
    monkeypatch.setattr(hedging, "_MIN_BODY_DELAY_SECONDS", 0.001)


class Stub:
    """Responses each call when it is told to; remembers what was dropped and cancelled."""

    def __init__(self):
        self.calls: list[asyncio.Future[str]] = []
        self.dropped: list[str] = []
        self.cancelled = 0

    async def call(self):
        response = asyncio.get_running_loop().create_future()
        self.calls.append(response)
        try:
            return await response
        except asyncio.CancelledError:
            self.cancelled += 1
            raise

    async def discard(self, result):
        self.dropped.append(result)

    async def until_called(self, times):
        while len(self.calls) < times:
            await asyncio.sleep(0)


async def hedged(hedger, call, discard):
    """Return what ``call()`` returns, or a second one of it: the steps of the loop that sends requests."""
    entered = hedger.enter(call)
    try:
        result = await call()
    except BaseException:
        if not await hedger.rescued(entered, discard):
            raise
        return entered.result()
    return result if hedger.leave(entered) else await hedger.choose(entered, result, discard)


def ready(fraction=1.0, slots=None):
    """Hedges that have seen enough to know what is slow: next to nothing."""
    hedger = Hedger(fraction, slots or AdaptiveLimiter(10))
    for _ in range(128):
        hedger._latencies.add(0.0001)
        hedger._body_latencies.add(0.0001)
    return hedger


def ready_for_a_body():
    """Hedges that may send a second request at once: bodies earn none, the requests for them do."""
    hedger = ready()
    hedger._tokens = 1.0
    return hedger


@pytest.fixture
def stub():
    return Stub()


async def test_a_second_request_that_is_sooner_is_taken_and_the_first_one_ended(stub):
    hedger = ready()
    running = asyncio.create_task(hedged(hedger, stub.call, stub.discard))
    await stub.until_called(2)
    stub.calls[1].set_result("second")
    assert await running == "second"
    assert (stub.cancelled, stub.dropped, hedger.sent, hedger.won) == (1, [], 1, 1)
    assert running.cancelling() == 0


async def test_a_first_request_that_is_sooner_after_all_is_taken_and_the_second_ended(stub):
    hedger = ready()
    running = asyncio.create_task(hedged(hedger, stub.call, stub.discard))
    await stub.until_called(2)
    stub.calls[0].set_result("first")
    assert await running == "first"
    assert (stub.cancelled, hedger.won) == (1, 0)


async def test_of_two_responses_at_once_one_is_taken_and_the_other_dropped(stub):
    hedger = ready()
    running = asyncio.create_task(hedged(hedger, stub.call, stub.discard))
    await stub.until_called(2)
    for number, call in enumerate(stub.calls):
        call.set_result(str(number))
    taken = await running
    assert stub.dropped + ["lost"] * stub.cancelled in (["1" if taken == "0" else "0"], ["lost"])


async def test_a_second_request_that_fails_changes_nothing(stub):
    hedger = ready()
    running = asyncio.create_task(hedged(hedger, stub.call, stub.discard))
    await stub.until_called(2)
    stub.calls[1].set_exception(OSError("rejected"))
    await asyncio.sleep(0)
    stub.calls[0].set_result("first")
    assert await running == "first"


async def test_a_first_request_that_fails_is_a_failure_and_ends_the_second(stub):
    hedger = ready()
    running = asyncio.create_task(hedged(hedger, stub.call, stub.discard))
    await stub.until_called(2)
    stub.calls[0].set_exception(OSError("rejected"))
    with pytest.raises(OSError, match="rejected"):
        await running
    assert stub.cancelled == 1


@pytest.mark.parametrize("responded", [False, True])
async def test_a_cancellation_is_raised_and_leaves_nothing(stub, responded):
    hedger = ready()
    running = asyncio.create_task(hedged(hedger, stub.call, stub.discard))
    await stub.until_called(2)
    if responded:
        stub.calls[1].set_result("second")
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert stub.cancelled + len(stub.dropped) == 2
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_deadline_of_the_caller_is_heeded(stub):
    hedger = ready()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await hedged(hedger, stub.call, stub.discard)
    assert stub.cancelled == len(stub.calls) == 2


async def test_no_more_than_the_fraction_gets_a_second_request(stub):
    hedger = ready(fraction=0.25)
    running = [asyncio.create_task(hedged(hedger, stub.call, stub.discard)) for _ in range(8)]
    while hedger._queue:  # until the time of all is over
        await asyncio.sleep(0)
    await stub.until_called(10)
    assert (len(stub.calls), hedger.sent) == (10, 2)
    for call in stub.calls:
        call.set_result("x")
    await asyncio.gather(*running)


async def test_none_is_sent_where_no_room_is_free(stub):
    slots = AdaptiveLimiter(1)
    await slots.acquire()
    hedger = ready(slots=slots)
    running = asyncio.create_task(hedged(hedger, stub.call, stub.discard))
    await stub.until_called(1)
    while hedger._queue:  # until its time is over
        await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert (len(stub.calls), hedger.sent) == (1, 0)
    stub.calls[0].set_result("x")
    assert await running == "x"


MIB = 1024 * 1024


async def test_a_slow_body_is_overtaken_by_a_second_request_for_the_rest(stub):
    hedger = ready_for_a_body()
    running = asyncio.create_task(hedger.run_body(stub.call, lambda: stub.call, MIB))
    await stub.until_called(2)
    stub.calls[1].set_result("rest")
    assert await running == "rest"
    assert (stub.cancelled, hedger.sent, hedger.won) == (1, 1, 1)
    assert running.cancelling() == 0


async def test_a_slow_body_that_comes_first_after_all_is_taken(stub):
    hedger = ready_for_a_body()
    running = asyncio.create_task(hedger.run_body(stub.call, lambda: stub.call, MIB))
    await stub.until_called(2)
    stub.calls[0].set_result("all")
    assert await running is None
    assert (stub.cancelled, hedger.sent, hedger.won) == (1, 1, 0)
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_body_that_breaks_is_a_failure_and_ends_the_second_request(stub):
    hedger = ready_for_a_body()
    running = asyncio.create_task(hedger.run_body(stub.call, lambda: stub.call, MIB))
    await stub.until_called(2)
    stub.calls[0].set_exception(OSError("broke"))
    with pytest.raises(OSError, match="broke"):
        await running
    assert stub.cancelled == 1


async def test_a_second_request_that_fails_leaves_the_body_alone(stub):
    hedger = ready_for_a_body()
    running = asyncio.create_task(hedger.run_body(stub.call, lambda: stub.call, MIB))
    await stub.until_called(2)
    stub.calls[1].set_exception(OSError("rejected"))
    await asyncio.sleep(0)
    stub.calls[0].set_result("all")
    assert await running is None
    assert hedger.won == 0


async def test_a_cancellation_during_a_hedged_body_is_raised(stub):
    hedger = ready_for_a_body()
    running = asyncio.create_task(hedger.run_body(stub.call, lambda: stub.call, MIB))
    await stub.until_called(2)
    stub.calls[1].set_result("rest")
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_body_is_left_alone_where_a_second_request_is_not_worth_while_or_too_many_were_made(stub):
    hedger = ready_for_a_body()
    asked = asyncio.get_running_loop().create_future()
    running = asyncio.create_task(hedger.run_body(stub.call, lambda: asked.set_result(True), MIB))
    await asked
    stub.calls[0].set_result("all")
    assert await running is None
    assert (len(stub.calls), hedger.sent, hedger._tokens) == (1, 0, 1.0)


async def test_how_slow_a_body_is_follows_its_length(stub, monkeypatch):
    hedger = ready_for_a_body()
    delays = []
    loop = asyncio.get_running_loop()
    call_later = loop.call_later
    monkeypatch.setattr(loop, "call_later", lambda delay, *rest: delays.append(delay) or call_later(3600, *rest))
    for size in (MIB, 100 * MIB):
        running = asyncio.create_task(hedger.run_body(stub.call, lambda: None, size))
        await stub.until_called(1)
        stub.calls.pop().set_result("all")
        await running
    assert delays[1] >= 10 * delays[0]


def test_what_is_slow_is_what_one_in_twenty_exceeds_and_unknown_at_first():
    waits = LatencyHistogram()
    for number in range(99):
        waits.add(0.010 if number % 25 else 1.0)
    assert waits.p95 == float("inf")
    for number in range(400):
        waits.add(0.010 if number % 25 else 1.0)
    assert 0.010 <= waits.p95 <= 0.0125
    for _ in range(5000):
        waits.add(0.1)
    assert 0.1 <= waits.p95 <= 0.125


async def test_a_first_response_is_dropped_if_the_caller_is_cancelled_while_the_second_request_ends(stub):
    ending, may_end = asyncio.Event(), asyncio.Event()

    async def call():
        if not stub.calls:
            return await stub.call()
        try:
            return await stub.call()
        except asyncio.CancelledError:
            ending.set()
            await may_end.wait()  # a clean-up that awaits
            raise

    caller = asyncio.create_task(hedged(ready(), call, stub.discard))
    await stub.until_called(2)
    stub.calls[0].set_result("first")
    await ending.wait()
    caller.cancel()
    may_end.set()
    with pytest.raises(asyncio.CancelledError):
        await caller
    assert stub.dropped == ["first"]
