"""One function over many items, several at once: bounded, ended by the first error, and never left running.

Every verb on many objects runs through here. At most ``width`` items are in progress. The next item is requested only
when there is room for it, so neither a listing nor a queue grows in memory.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING, TypeVar

from aios3._engine.tasks import cancel_and_wait

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Coroutine, Iterable


T = TypeVar("T")


async def for_each(
    items: AsyncGenerator[T, None], work: Callable[[T], Coroutine[object, object, object]], width: int
) -> None:
    """Run ``work`` on every item, ``width`` at once.

    The first error cancels what is under way and is raised when all of it has ended; so does a cancellation.
    """
    running: set[asyncio.Task[object]] = set()
    try:
        async with aclosing(items):
            async for item in items:
                running.add(_start(work(item)))
                if len(running) >= width:
                    await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                running -= _ended(running)
        while running:
            await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            running -= _ended(running)
    finally:
        await cancel_and_wait(running)


def _start(work: Coroutine[object, object, object]) -> asyncio.Task[object]:
    task = asyncio.get_running_loop().create_task(work, name="aios3 one of many")
    task.add_done_callback(lambda done: done.cancelled() or done.exception())  # retrieved: only the first is raised
    return task


def _ended(running: set[asyncio.Task[object]]) -> set[asyncio.Task[object]]:
    """Return the tasks that have ended; raise the error of one that failed."""
    ended = {task for task in running if task.done()}
    for task in ended:
        task.result()
    return ended


async def as_async(items: Iterable[T]) -> AsyncGenerator[T, None]:
    """Yield ``items``, for :func:`for_each`."""
    for item in items:
        yield item
