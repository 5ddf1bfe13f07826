"""Awaits the results of async hooks in tasks: a bounded number at once, and a bounded time when a session closes."""

from __future__ import annotations

import asyncio
import functools
import inspect
from typing import TYPE_CHECKING

from aios3._logs import get_logger

if TYPE_CHECKING:
    from collections.abc import Awaitable

MAX_TASKS = 1000
"""Tasks of one session's hook that run at once. A hook that is slower than the requests would pile up without end."""
CLOSING_SECONDS = 5.0
"""Seconds that closing a session waits for them before it cancels them. It waits once more when its connections are
closed, for the events of bodies that this has ended."""
_CANCELLED_SECONDS = 1.0
"""How long it waits for those that it has cancelled. Tasks that ignore that are left alone."""

_log = get_logger("aios3.request")


class HookTasks:
    """The tasks of one session's hook."""

    def __init__(self) -> None:
        self.dropped: int = 0
        """Events that the hook did not get, because too many tasks ran."""
        self._running: set[asyncio.Task[object]] = set()

    @property
    def running(self) -> int:
        """How many tasks have not ended."""
        return len(self._running)

    def reserve(self) -> bool:
        """Return whether one more event may be reported; count it as dropped if not."""
        if len(self._running) < MAX_TASKS:
            return True
        if not self.dropped:
            _log.warning(
                "on_request is slower than the requests: %d of its tasks run. Events are dropped until some have ended "
                "(Session.stats().events_dropped counts them)",
                MAX_TASKS,
            )
        self.dropped += 1
        return False

    def start(self, result: Awaitable[object], operation: str) -> None:
        """Await ``result`` in a task, and log what it raises."""
        # A wrapper that is cancelled before it has started would leave a coroutine that was never awaited.
        work = result if inspect.iscoroutine(result) else _awaited(result)
        task = asyncio.get_running_loop().create_task(work, name="aios3 on_request")
        self._running.add(task)
        task.add_done_callback(functools.partial(self._ended, operation))

    def _ended(self, operation: str, task: asyncio.Task[object]) -> None:
        self._running.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            failed(error, operation)

    async def aclose(self) -> None:
        """Wait until all tasks have ended; cancel those that take more than ``CLOSING_SECONDS``."""
        clock = asyncio.get_running_loop().time
        end = clock() + CLOSING_SECONDS
        while self._running and (remaining := end - clock()) > 0:
            await asyncio.wait(self._running, timeout=remaining)
        late = set(self._running)
        if not late:
            return
        _log.warning("Tasks of on_request that had not ended in %g s were cancelled: %d", CLOSING_SECONDS, len(late))
        for task in late:
            task.cancel()
        await asyncio.wait(late, timeout=_CANCELLED_SECONDS)
        self._running -= late


async def _awaited(result: Awaitable[object]) -> object:
    return await result


def failed(error: BaseException, operation: str) -> None:
    """Log what a hook has raised: it is the hook's, and harms no request."""
    _log.error("on_request has failed at %s; the request goes on", operation, exc_info=error)
