"""Tasks that outlive a call: ended by whoever closes their owner, also one that is cancelled meanwhile."""

import asyncio

import pytest

from aios3._engine.tasks import OwnedTasks, wait_all


async def forever(started: asyncio.Event) -> None:
    started.set()
    await asyncio.Event().wait()


async def test_closing_from_another_task_ends_them():
    tasks, started = OwnedTasks(), asyncio.Event()
    task = tasks.start(forever(started), name="x")
    await started.wait()
    await asyncio.create_task(tasks.aclose())
    assert task.cancelled()
    assert tasks.active == 0
    await tasks.aclose()


async def test_an_owned_task_may_close_its_owner():
    tasks = OwnedTasks()
    other = tasks.start(forever(asyncio.Event()), name="other")

    async def close():
        await tasks.aclose()
        return "done"

    assert await tasks.start(close(), name="closer") == "done"
    assert other.cancelled()


async def test_settling_outlives_a_cancellation_and_then_raises_it():
    gate = asyncio.Event()
    work = asyncio.create_task(gate.wait())
    waiter = asyncio.create_task(wait_all([work]))
    await asyncio.sleep(0)
    waiter.cancel()
    await asyncio.sleep(0)
    waiter.cancel()
    await asyncio.sleep(0)
    assert not waiter.done()
    gate.set()
    with pytest.raises(asyncio.CancelledError):
        await waiter
    assert work.result() is True


async def test_joining_lets_them_finish():
    tasks = OwnedTasks()
    done = []

    async def work():
        await asyncio.sleep(0)
        done.append(1)

    tasks.start(work(), name="w")
    await tasks.join()
    assert done == [1]


async def test_joining_can_be_cancelled_while_a_task_hangs():
    tasks = OwnedTasks()
    started = asyncio.Event()

    async def hang():
        started.set()
        await asyncio.get_running_loop().create_future()

    tasks.start(hang(), name="h")
    joining = asyncio.create_task(tasks.join())
    await started.wait()
    joining.cancel()
    with pytest.raises(asyncio.CancelledError):
        await joining
    assert tasks.active == 1
    await tasks.aclose()


async def test_the_exception_is_raised_where_the_task_is_awaited():
    async def fail():
        raise ValueError

    task = OwnedTasks().start(fail(), name="f")
    with pytest.raises(ValueError):
        await task


async def test_waiting_for_one_task_where_there_is_none_lets_the_callbacks_of_ended_ones_run():
    """Whoever waits in a loop for what these do would otherwise be alone on the loop, for ever."""
    ran = []
    asyncio.get_running_loop().call_soon(ran.append, 1)
    await OwnedTasks().wait_any()
    assert ran == [1]
