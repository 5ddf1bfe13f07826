"""The calls of one session that are under way: when it closes, they end with an error, and no other begins.

A call runs in the task of whoever wants it. It is stopped as :func:`asyncio.timeout` stops one: the task is cancelled,
and the cancellation becomes an error where it leaves the call. Everything on the way cleans up as for a cancellation.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from aios3.errors import ClosedHandleError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

T = TypeVar("T")


class Call:
    """One call under way, in the running task."""

    __slots__ = ("cancelling", "is_sure", "stopped", "task")

    def __init__(self, *, is_sure: bool = False) -> None:
        task = asyncio.current_task()
        assert task is not None, "calls are made in tasks"
        self.task: asyncio.Task[object] = task
        self.cancelling: int = task.cancelling()
        self.stopped: bool = False
        self.is_sure: bool = is_sure


class Calls:
    """Every call under way of one session, or of whatever else can be closed; ``refusal`` says that it was."""

    def __init__(self, refusal: Callable[[], Exception] | None = None) -> None:
        self.closed: bool = False
        self._refusal = refusal or closing_error
        self._under_way: set[Call] = set()
        self._none: asyncio.Future[None] | None = None

    @property
    def active(self) -> int:
        """How many calls have not ended."""
        return len(self._under_way)

    def check(self) -> None:
        """Raise ClosedHandleError once the session is closing."""
        if self.closed:
            raise self._refusal()

    def begin(self, *, sure: bool = False) -> Call:
        """Note a call that begins in this task, and hand it to :meth:`end` when it has ended.

        Raises ClosedHandleError once the session is closing. A ``sure`` one is neither refused nor stopped, only
        waited for: it ends what others have begun.
        """
        if self.closed and not sure:
            raise self._refusal()
        call = Call(is_sure=sure)
        self._under_way.add(call)
        return call

    def end(self, call: Call) -> None:
        """Note that a call has ended."""
        self._under_way.discard(call)
        if call.stopped:  # and yet it has ended well, or by another error
            call.task.uncancel()
        if self._none is not None and not self._under_way and not self._none.done():
            self._none.set_result(None)

    def meaning(self, call: Call, error: asyncio.CancelledError) -> BaseException:
        """Return what a cancellation that leaves ``call`` means: ClosedHandleError if only :meth:`close` sent it."""
        if not call.stopped:
            return error
        call.stopped = False
        return self._refusal() if call.task.uncancel() <= call.cancelling else error

    async def sleep(self, seconds: float) -> None:
        """Wait as :func:`asyncio.sleep` does; raise ClosedHandleError when the session closes meanwhile."""
        await self.run(partial(asyncio.sleep, seconds))

    async def run(self, work: Callable[[], Awaitable[T]]) -> T:
        """Await ``work()`` as a call."""
        call = self.begin()
        try:
            return await work()
        except asyncio.CancelledError as error:
            raise self.meaning(call, error) from None
        finally:
            self.end(call)

    async def until_none(self) -> None:
        """Wait until no call is under way."""
        while self._under_way:
            if self._none is None or self._none.done():
                self._none = asyncio.get_running_loop().create_future()
            await asyncio.shield(self._none)

    def close(self) -> None:
        """Stop every call, and let no other begin. Safe to repeat."""
        self.closed = True
        for call in self._under_way:
            if not call.stopped and not call.is_sure:
                call.stopped = call.task.cancel()  # a task that must run to its end says no, and goes on


def closing_error() -> ClosedHandleError:
    """Return the error of whoever uses a session that is closing."""
    return ClosedHandleError("This aios3.Session is closing: it takes no new work, and has stopped what was under way")
