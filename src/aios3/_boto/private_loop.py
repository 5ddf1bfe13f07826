"""Work that blocks now and then, on an event loop of its own in a thread of its own: the caller's loop never waits."""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from typing import TYPE_CHECKING, Generic, TypeVar

from aios3._logs import logging_as_here

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

T = TypeVar("T")

_MAX_CANCEL_SECONDS = 1.0
"""How long a cancelled caller waits for the thread, which may be at a prompt that nothing interrupts."""


async def run_in_private_loop(make: Callable[[], Coroutine[None, None, T]], *, name: str) -> T:
    """Await ``make()`` on a new event loop in a new thread, and return or raise what it does.

    A cancellation cancels it there. A thread that hangs in a call that blocks is then left: it is a daemon, so that the
    interpreter can end.
    """
    work = _Work(make)
    threading.Thread(target=logging_as_here(work.run), name=name, daemon=True).start()
    outcome = asyncio.wrap_future(work.outcome)
    try:
        await asyncio.wait([outcome])
    except asyncio.CancelledError:
        work.stop()
        await asyncio.wait([outcome], timeout=_MAX_CANCEL_SECONDS)
        if not outcome.cancel() and not outcome.cancelled():
            outcome.exception()  # retrieved: the cancellation goes before it
        raise
    return outcome.result()


class _Work(Generic[T]):
    def __init__(self, make: Callable[[], Coroutine[None, None, T]]) -> None:
        self._make = make
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[T] | None = None
        self._is_stopped = False
        self.outcome: concurrent.futures.Future[T] = concurrent.futures.Future()

    def run(self) -> None:
        """Do the work; the outcome is there once its loop is closed."""
        self.outcome.set_running_or_notify_cancel()
        try:
            with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
                result = runner.run(self._main())
        except BaseException as error:  # noqa: BLE001 - raised by the waiting caller
            self.outcome.set_exception(error)
        else:
            self.outcome.set_result(result)

    async def _main(self) -> T:
        self._task = asyncio.current_task()
        self._loop = asyncio.get_running_loop()
        if self._is_stopped:
            raise asyncio.CancelledError
        return await self._make()

    def stop(self) -> None:
        """Cancel the work; from another thread."""
        self._is_stopped = True
        loop, task = self._loop, self._task
        if loop is None or task is None:
            return
        try:
            loop.call_soon_threadsafe(task.cancel)
        except RuntimeError:
            return  # it has ended, and its loop is closed
