"""Calls under way: stopped when they are closed, told from a cancellation of the caller's, and waited for."""

from __future__ import annotations

import asyncio

import pytest

from aios3._engine.active_calls import ActiveCalls
from aios3.errors import ClosedHandleError


async def called(calls: ActiveCalls, *, shielded: bool = False, work=None) -> str:
    call = calls.start(shielded=shielded)
    try:
        await (work or asyncio.Event().wait)()
    except asyncio.CancelledError as error:
        raise calls.translate_cancellation(call, error) from None
    finally:
        calls.end(call)
    return "done"


async def under_way(calls: ActiveCalls, **options) -> asyncio.Task[str]:
    task = asyncio.create_task(called(calls, **options))
    await asyncio.sleep(0)
    return task


async def test_closing_ends_a_call_with_an_error_and_leaves_no_cancellation_behind():
    calls = ActiveCalls()
    task = await under_way(calls)
    calls.close()
    with pytest.raises(ClosedHandleError, match="closing"):
        await task
    assert task.cancelling() == 0
    assert calls.active == 0
    with pytest.raises(ClosedHandleError):
        calls.start()


async def test_a_cancellation_of_the_caller_s_stays_one():
    calls = ActiveCalls()
    task = await under_way(calls)
    calls.close()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_call_that_ends_all_the_same_keeps_its_result_and_no_cancellation():
    calls = ActiveCalls()

    async def stubborn():
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return

    task = await under_way(calls, work=stubborn)
    calls.close()
    assert await task == "done"
    assert task.cancelling() == 0


async def test_what_ends_others_is_neither_rejected_nor_stopped_and_is_waited_for():
    calls = ActiveCalls()
    calls.close()
    for _ in range(2):  # also the second time
        go = asyncio.Event()
        task = await under_way(calls, shielded=True, work=go.wait)
        waiting = asyncio.create_task(calls.wait_idle())
        await asyncio.sleep(0)
        assert not waiting.done()
        go.set()
        await waiting
        assert await task == "done"


@pytest.mark.parametrize("is_first", [True, False], ids=["the task has ended", "the task ends meanwhile"])
async def test_a_call_that_a_signal_handler_kept_from_its_block_ends_with_its_task(is_first):
    async def call(go):
        calls.start()  # and the handler raises where the block begins
        await go.wait()

    calls, go = ActiveCalls(), asyncio.Event()
    task = asyncio.create_task(call(go))
    if is_first:
        go.set()
        await task
    waiting = asyncio.create_task(calls.wait_idle())
    await asyncio.sleep(0)
    go.set()
    async with asyncio.timeout(60):
        await waiting
    assert calls.active == 0


async def test_a_pause_ends_when_it_is_closed():
    calls = ActiveCalls()
    task = asyncio.create_task(calls.sleep(3600))
    await asyncio.sleep(0)
    calls.close()
    with pytest.raises(ClosedHandleError):
        await task
