"""The calls of one session that are under way: when it closes, they end with an error, and no other begins.

A call runs in the task of its caller. It is stopped as :func:`asyncio.timeout` stops one: the task is cancelled, and
the cancellation becomes an error where it leaves the call. Everything on the way cleans up as for a cancellation.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from aios3.errors import ClosedHandleError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from types import TracebackType

T = TypeVar("T")


class ActiveCall:
    """One call under way, in the running task.

    It lasts as long as a ``with`` block, which raises ClosedHandleError where :meth:`ActiveCalls.close` has stopped
    the call.
    """

    __slots__ = ("calls", "cancelling", "is_shielded", "stopped", "task")

    def __init__(self, calls: ActiveCalls, *, is_shielded: bool = False) -> None:
        task = asyncio.current_task()
        assert task is not None, "calls are made in tasks"
        self.task: asyncio.Task[object] = task
        self.cancelling: int = task.cancelling()
        self.stopped: bool = False
        self.is_shielded: bool = is_shielded
        self.calls: ActiveCalls = calls

    def __enter__(self) -> None:
        """Do nothing: it is under way since it was made."""

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            if isinstance(exc, asyncio.CancelledError):
                meaning = self.calls.translate_cancellation(self, exc)
                if meaning is not exc:
                    raise meaning from None
        finally:
            self.calls.end(self)


class ActiveCalls:
    """Every call under way of one session, or of whatever else can be closed; ``closed_error`` says that it was."""

    def __init__(self, closed_error: Callable[[], Exception] | None = None) -> None:
        self.closed: bool = False
        self._closed_error = closed_error or closing_error
        self._active: set[ActiveCall] = set()
        self._idle: asyncio.Future[None] | None = None

    @property
    def active(self) -> int:
        """How many calls have not ended."""
        return len(self._active)

    def check(self) -> None:
        """Raise ClosedHandleError once the session is closing."""
        if self.closed:
            raise self._closed_error()

    def start(self, *, shielded: bool = False) -> ActiveCall:
        """Note a call that begins in this task; it is the ``with`` block of the call, or is handed to :meth:`end`.

        Raises ClosedHandleError once the session is closing. A ``shielded`` one is neither rejected nor stopped, only
        waited for: it ends what others have started.
        """
        if self.closed and not shielded:
            raise self._closed_error()
        call = ActiveCall(self, is_shielded=shielded)
        self._active.add(call)
        return call

    def end(self, call: ActiveCall) -> None:
        """Note that a call has ended."""
        self._active.discard(call)
        if call.stopped:  # and yet it has ended well, or by another error
            call.task.uncancel()
        if self._idle is not None and not self._active and not self._idle.done():
            self._idle.set_result(None)

    def translate_cancellation(self, call: ActiveCall, error: asyncio.CancelledError) -> BaseException:
        """Return what a cancellation that leaves ``call`` means: ClosedHandleError if only :meth:`close` sent it."""
        if not call.stopped:
            return error
        call.stopped = False
        return self._closed_error() if call.task.uncancel() <= call.cancelling else error

    async def sleep(self, seconds: float) -> None:
        """Wait as :func:`asyncio.sleep` does; raise ClosedHandleError when the session closes meanwhile."""
        await self.run(partial(asyncio.sleep, seconds))

    async def run(self, work: Callable[[], Awaitable[T]]) -> T:
        """Await ``work()`` as a call."""
        with self.start():
            return await work()

    async def wait_idle(self) -> None:
        """Wait until no call is under way."""
        for call in self._active:
            call.task.add_done_callback(partial(self._end_with_task, call))
        while self._active:
            if self._idle is None or self._idle.done():
                self._idle = asyncio.get_running_loop().create_future()
            await asyncio.shield(self._idle)

    def _end_with_task(self, call: ActiveCall, _task: asyncio.Task[object]) -> None:
        """End a call that its task has left open: a signal handler raised before the ``with`` block began."""
        if call in self._active:
            call.stopped = False
            self.end(call)

    def close(self) -> None:
        """Stop every call, and let no other begin. Safe to repeat."""
        self.closed = True
        for call in self._active:
            if not call.stopped and not call.is_shielded:
                call.stopped = call.task.cancel()  # a task that must run to its end says no, and goes on


def closing_error() -> ClosedHandleError:
    """Return the error for a call on a session that is closing."""
    return ClosedHandleError("This aios3.Session is closing: it takes no new work, and has stopped what was under way")
