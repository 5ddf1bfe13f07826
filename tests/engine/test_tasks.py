"""Tasks that outlive a call: ended by whoever closes their owner, also one that is cancelled meanwhile."""

import asyncio

import pytest

from aios3._engine.tasks import InterruptedWorkError, InterruptibleWork, OwnedTasks, wait_all


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


async def hang():
    await asyncio.Event().wait()


async def succeed():
    await asyncio.sleep(0)
    return "result"


async def fail():
    await asyncio.sleep(0)
    raise ValueError


@pytest.mark.parametrize(("work", "ends"), [(succeed, "result"), (fail, ValueError)])
async def test_work_that_is_not_interrupted_ends_as_it_does(work, ends):
    interruptible = InterruptibleWork()
    if ends is ValueError:
        with pytest.raises(ValueError):
            await interruptible.run(work())
    else:
        assert await interruptible.run(work()) == ends
    await interruptible.interrupt()  # waits for nothing


@pytest.mark.parametrize(
    ("interrupts", "cancels", "error"),
    [
        (1, 0, InterruptedWorkError),
        (2, 0, InterruptedWorkError),
        (0, 1, asyncio.CancelledError),
        (1, 1, asyncio.CancelledError),
        (2, 1, asyncio.CancelledError),
    ],
)
@pytest.mark.parametrize("cancelled_first", [False, True], ids=["interrupted-first", "cancelled-first"])
async def test_an_interruption_is_no_cancellation_of_the_caller(interrupts, cancels, error, cancelled_first):
    interruptible, counts = InterruptibleWork(), []

    async def caller():
        try:
            await interruptible.run(hang())
        finally:
            counts.append(asyncio.current_task().cancelling())

    task = asyncio.create_task(caller())
    await asyncio.sleep(0)
    if cancelled_first and cancels:
        task.cancel()
    interrupting = [asyncio.create_task(interruptible.interrupt()) for _ in range(interrupts)]
    await asyncio.sleep(0)
    if not cancelled_first and cancels:
        task.cancel()
    with pytest.raises(error):
        await task
    await asyncio.gather(*interrupting)
    assert counts == [cancels]


async def test_an_interruption_waits_until_the_work_has_cleaned_up():
    interruptible, events = InterruptibleWork(), []

    async def work():
        try:
            await hang()
        finally:
            await asyncio.sleep(0)
            events.append("cleaned up")

    async def caller():
        with pytest.raises(InterruptedWorkError):
            await interruptible.run(work())

    task = asyncio.create_task(caller())
    await asyncio.sleep(0)
    await interruptible.interrupt()
    assert events == ["cleaned up"]
    await task


async def test_work_that_ends_despite_an_interruption_leaves_its_caller_uncancelled():
    interruptible = InterruptibleWork()

    async def stubborn():
        try:
            await hang()
        except asyncio.CancelledError:
            return "result"

    async def caller():
        return await interruptible.run(stubborn()), asyncio.current_task().cancelling()

    task = asyncio.create_task(caller())
    await asyncio.sleep(0)
    await interruptible.interrupt()
    assert await task == ("result", 0)
