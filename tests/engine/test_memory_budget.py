"""The budget: never over its limit while something moves, fair, and whole after any cancellation."""

import asyncio
import random

import pytest

from aios3._engine.memory_budget import MemoryBudget
from aios3._engine.tasks import OwnedTasks
from aios3.errors import ClosedHandleError


async def spin(rounds: int = 5) -> None:
    for _ in range(rounds):
        await asyncio.sleep(0)


async def test_takes_what_is_free_and_waits_for_the_rest():
    budget = MemoryBudget(10)
    assert budget.try_acquire(7)
    assert not budget.try_acquire(4)
    waiting = asyncio.create_task(budget.acquire(4))
    await spin()
    assert not waiting.done()
    budget.release(7)
    await waiting
    assert budget.used == 4


async def test_waiters_are_admitted_in_fifo_order_even_if_a_later_one_would_fit():
    budget = MemoryBudget(10)
    assert budget.try_acquire(6)
    order = []

    async def take(name, size):
        await budget.acquire(size)
        order.append(name)

    large = asyncio.create_task(take("large", 9))
    await spin()
    small = asyncio.create_task(take("small", 1))
    await spin()
    assert not budget.try_acquire(1)
    assert order == []
    budget.release(6)
    await asyncio.gather(large, small)
    assert order == ["large", "small"]


async def test_a_cancelled_wait_takes_nothing_and_lets_the_next_in():
    budget = MemoryBudget(10)
    assert budget.try_acquire(5)
    first = asyncio.create_task(budget.acquire(8))
    await spin()
    second = asyncio.create_task(budget.acquire(5))
    await spin()
    first.cancel()
    await spin()
    assert second.done()
    assert budget.used == 10
    assert budget.waiting == 0


async def test_a_wait_cancelled_in_the_moment_of_admission_gives_back():
    budget = MemoryBudget(10)
    assert budget.try_acquire(10)
    waiting = asyncio.create_task(budget.acquire(4))
    await spin()
    budget.release(10)
    assert budget.used == 4
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert budget.used == 0


async def test_a_wait_cancelled_in_the_moment_before_admission_makes_room_for_the_next():
    budget = MemoryBudget(10)
    assert budget.try_acquire(10)
    first, second = (asyncio.create_task(budget.acquire(6)) for _ in range(2))
    await spin()
    first.cancel()  # its task has not run since, so that it still stands in line
    budget.release(10)
    with pytest.raises(asyncio.CancelledError):
        await first
    await second
    assert budget.used == 6
    assert budget.waiting == 0


async def test_a_waiter_is_admitted_when_no_request_will_release_memory():
    budget = MemoryBudget(10)
    for _ in range(2):
        assert budget.try_acquire(5)
        budget.mark_retained(5)
    await asyncio.wait_for(budget.acquire(5), 5)
    assert budget.used == 15
    waiting = asyncio.create_task(budget.acquire(5))
    await spin()
    assert not waiting.done(), "five bytes are moving and will come back by themselves"
    budget.mark_retained(5)
    await waiting
    assert budget.used == 20


async def test_more_than_the_limit_is_let_in_alone():
    budget = MemoryBudget(10)
    assert budget.try_acquire(1)
    waiting = asyncio.create_task(budget.acquire(50))
    await spin()
    assert not waiting.done()
    budget.release(1)
    await waiting
    assert budget.used == 50


async def test_caches_give_back_before_anybody_waits():
    budget = MemoryBudget(10)
    assert budget.try_acquire(10)
    budget.mark_retained(10)
    asked = []

    def reclaim(size):
        asked.append(size)
        budget.release(size, retained=True)

    budget.add_reclaimer(reclaim)
    await asyncio.wait_for(budget.acquire(4), 5)
    assert asked == [4]
    assert (budget.used, budget.retained) == (10, 6)
    budget.remove_reclaimer(reclaim)
    budget.remove_reclaimer(reclaim)


async def test_a_second_cache_is_asked_only_for_what_the_first_did_not_give():
    budget = MemoryBudget(10)
    assert budget.try_acquire(10)
    budget.mark_retained(10)
    asked = []

    def giving(most):
        def reclaim(size):
            asked.append(size)
            budget.release(min(most, size), retained=True)

        return reclaim

    for most in (1, 5, 5):
        budget.add_reclaimer(giving(most))
    await asyncio.wait_for(budget.acquire(4), 5)
    assert asked == [4, 3]


@pytest.mark.parametrize("seed", range(20))
async def test_random_takers_leave_nothing_and_stay_inside_the_limit_while_moving(seed):
    rng = random.Random(seed)
    budget = MemoryBudget(100)
    highest = 0

    async def worker():
        nonlocal highest
        for _ in range(30):
            size = rng.randint(1, 60)
            await budget.acquire(size)
            highest = max(highest, budget.used)
            retained = rng.random() < 0.3
            try:
                if retained:
                    budget.mark_retained(size)
                await spin(rng.randint(0, 3))
                if retained and rng.random() < 0.5:
                    budget.mark_in_flight(size)
                    retained = False
            finally:
                budget.release(size, retained=retained)

    workers = [asyncio.create_task(worker()) for _ in range(12)]
    await spin(rng.randint(5, 40))
    for task in rng.sample(workers, 4):
        task.cancel()
    await asyncio.wait_for(asyncio.gather(*workers, return_exceptions=True), 30)
    assert (budget.used, budget.retained, budget.waiting) == (0, 0, 0)
    assert highest > 60


async def test_without_parked_bytes_the_limit_holds():
    budget = MemoryBudget(100)
    rng = random.Random(7)

    async def worker():
        for _ in range(50):
            size = rng.randint(1, 100)
            await budget.acquire(size)
            assert budget.used <= 100
            await spin(1)
            budget.release(size)

    await asyncio.gather(*(worker() for _ in range(10)))
    assert budget.used == 0


@pytest.mark.parametrize("is_owned", [False, True])
@pytest.mark.parametrize("is_cancelled_first", [False, True])
async def test_a_wait_that_a_close_and_a_cancellation_end_together_gives_nothing_back(is_owned, is_cancelled_first):
    """What was never taken must not be given back: the count would end below zero, and closing would wait for ever."""
    budget, tasks = MemoryBudget(100), OwnedTasks()
    await budget.acquire(100)
    waiting = asyncio.create_task(budget.acquire_owned(50, tasks, "x") if is_owned else budget.acquire(50))
    await spin()
    for end in (waiting.cancel, budget.close) if is_cancelled_first else (budget.close, waiting.cancel):
        end()
    with pytest.raises((asyncio.CancelledError, ClosedHandleError)):
        await waiting
    await spin()
    assert budget.used == 100
    budget.release(100)
    assert budget.used == 0
    await budget.wait_free()
