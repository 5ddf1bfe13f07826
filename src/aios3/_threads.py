"""Blocking calls in threads of the event loop; a cancelled caller goes on only when the thread has ended.

The files of callers may block for ever. They are read and written in threads of anyio instead, because the few threads
of the loop also look up host names.
"""

from __future__ import annotations

import asyncio
import contextvars
from concurrent.futures import Future
from functools import partial
from typing import TYPE_CHECKING, ParamSpec, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

P = ParamSpec("P")
T = TypeVar("T")


async def in_thread(function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Call ``function`` in a thread of the loop, in the caller's context, and return its result.

    A cancellation is raised once the thread has ended, because until then it uses the caller's memory and file. No task
    is made for it, so whoever cancels all tasks of the loop does not end the waiting either.
    """
    call = partial(contextvars.copy_context().run, function, *args, **kwargs)
    running = asyncio.get_running_loop().run_in_executor(None, call)
    interrupted: asyncio.CancelledError | None = None
    while not running.done():
        try:
            await asyncio.wait({running})
        except asyncio.CancelledError as error:
            interrupted = error
    if interrupted is not None:
        if not running.cancelled():
            running.exception()  # retrieved: the cancellation goes before it
        raise interrupted
    return running.result()


async def made_in_thread(make: Callable[[], T], unmake: Callable[[T], object]) -> T:
    """Return what ``make`` makes in a thread, such as an open file.

    If a cancellation comes meanwhile, the caller cannot receive it: then ``unmake`` is called with it.
    """
    results: list[T] = []
    try:
        await in_thread(lambda: results.append(make()))
    except BaseException:
        for each in results:
            await in_thread(unmake, each)
        raise
    return results[0]


def call_now(function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
    """Call ``function`` here, and return a future that is done: for pools that can start no thread any more."""
    future: Future[T] = Future()
    try:
        future.set_result(function(*args, **kwargs))
    except BaseException as error:  # noqa: BLE001 - raised where it is awaited
        future.set_exception(error)
    return future
