"""Bytes in memory: one budget a session, fair, safe under cancellation.

Every block and part is paid for here before it exists. Bytes are *moving* while a request will release them by itself
(a part on its way up, a block being received). They are *retained* while only their owner can (a half-filled part, a
block in a cache). Waiters are admitted in FIFO order. If nothing is moving, no request will release memory, so the
first waiter is admitted over the limit. Many idle files may thus cost more than the budget, but no waiter waits
forever.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aios3._engine.active_calls import closing_error
from aios3._engine.buffer_pool import BufferPool
from aios3._engine.tasks import cancellations
from aios3.errors import ClosedHandleError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from aios3._engine.tasks import OwnedTasks

    Reclaim = Callable[[int], None]

_MAX_POOLED_BYTES = 8 * 1024 * 1024
"""Bytes of unused blocks that are kept, in addition to the budget."""


@dataclass(eq=False, slots=True)
class _Waiter:
    size: int
    admitted: asyncio.Future[None]


class MemoryBudget:
    """``limit`` bytes to share."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._used = 0
        self._retained = 0
        self._waiters: deque[_Waiter] = deque()
        self._reclaimers: dict[Reclaim, None] = {}
        self._closed = False
        self._free: asyncio.Future[None] | None = None
        self.buffer_pool: BufferPool = BufferPool(min(limit // 8, _MAX_POOLED_BYTES))
        """Where blocks come from and go back to."""

    @property
    def used(self) -> int:
        """Bytes acquired and not released."""
        return self._used

    @property
    def retained(self) -> int:
        """Of the used bytes, those that no request will set free."""
        return self._retained

    @property
    def waiting(self) -> int:
        """The number of waiters."""
        return len(self._waiters)

    def try_acquire(self, size: int) -> bool:
        """Take ``size`` bytes if they are free, no caller waits, and :meth:`close` was not called."""
        if self._closed or self._waiters or self._used + size > self.limit:
            return False
        self._used += size
        return True

    async def acquire(self, size: int) -> None:
        """Take ``size`` bytes, waiting in the queue for them; they are in flight. A cancelled wait takes nothing.

        Raises ClosedHandleError once :meth:`close` was called, also for those who wait then.
        """
        if self._closed:
            raise closing_error()
        if self.try_acquire(size):
            return
        waiter = _Waiter(size, asyncio.get_running_loop().create_future())
        self._waiters.append(waiter)
        self._admit()
        try:
            await waiter.admitted
        except asyncio.CancelledError:
            if waiter.admitted.cancelled():
                self._remove_waiter(waiter)
            elif waiter.admitted.exception() is None:  # else close() has ended the wait, and nothing was taken
                self.release(size)
            raise

    async def acquire_owned(self, size: int, owner: OwnedTasks, message: str, path: str | None = None) -> None:
        """Take ``size`` bytes in a task of ``owner``; raise ClosedHandleError if ``owner`` cancels it meanwhile."""
        taking = owner.start(self.acquire(size), name="aios3 memory")
        cancelling = cancellations()
        try:
            await asyncio.shield(taking)
        except asyncio.CancelledError:
            if not taking.done():
                taking.cancel()
            elif not taking.cancelled():
                if taking.exception() is None:  # else close() has ended the wait, and nothing was taken
                    self.release(size)
            elif cancellations() == cancelling:  # a cancellation of all tasks cancels both
                raise ClosedHandleError(message, path=path) from None
            raise

    @contextlib.asynccontextmanager
    async def reserve(self, size: int, *, retained: bool = False, keep: bool = False) -> AsyncGenerator[None]:
        """Hold ``size`` bytes for a block; with ``retained``, only its end sets them free.

        With ``keep``, a block that ends well hands them over: whatever it has opened gives them back.
        """
        if not self.try_acquire(size):
            await self.acquire(size)
        if retained:
            self.mark_retained(size)
        try:
            yield
        except BaseException:
            self.release(size, retained=retained)
            raise
        if not keep:
            self.release(size, retained=retained)

    def release(self, size: int, *, retained: bool = False) -> None:
        """Give ``size`` bytes back, which were in flight or, with ``retained``, retained."""
        self._used -= size
        if retained:
            self._retained -= size
        self._admit()
        if self._free is not None and not self._used and not self._free.done():
            self._free.set_result(None)

    def close(self) -> None:
        """Fail all waiters, and admit no others."""
        self._closed = True
        waiters, self._waiters = self._waiters, deque()
        for waiter in waiters:
            if not waiter.admitted.done():
                waiter.admitted.set_exception(closing_error())

    async def wait_free(self) -> None:
        """Wait until all bytes are released."""
        while self._used:
            if self._free is None or self._free.done():
                self._free = asyncio.get_running_loop().create_future()
            await asyncio.shield(self._free)

    def mark_retained(self, size: int) -> None:
        """Mark ``size`` bytes in flight as ones that only their owner can set free."""
        self._retained += size
        self._admit()

    def mark_in_flight(self, size: int) -> None:
        """Mark ``size`` retained bytes as in flight."""
        self._retained -= size

    def add_reclaimer(self, reclaim: Reclaim) -> None:
        """Let ``reclaim(size)`` be called under pressure, to release up to ``size`` retained bytes without awaiting."""
        self._reclaimers[reclaim] = None

    def remove_reclaimer(self, reclaim: Reclaim) -> None:
        """Forget a reclaimer; an unknown one is ignored."""
        self._reclaimers.pop(reclaim, None)

    def _remove_waiter(self, waiter: _Waiter) -> None:
        with contextlib.suppress(ValueError):  # it has left the queue already
            self._waiters.remove(waiter)
        self._admit()

    def _admit(self) -> None:
        while self._waiters and self._has_room_for(self._waiters[0].size):
            waiter = self._waiters.popleft()
            if waiter.admitted.cancelled():  # its task has not run since; room goes to the next
                continue
            self._used += waiter.size
            waiter.admitted.set_result(None)

    def _has_room_for(self, size: int) -> bool:
        missing = self._used + size - self.limit
        if missing > 0 and self._retained:
            missing = self._reclaim(missing, size)
        return missing <= 0 or self._used == self._retained

    def _reclaim(self, missing: int, size: int) -> int:
        waiters, self._waiters = self._waiters, deque()
        try:
            for reclaim in list(self._reclaimers):
                if missing <= 0:
                    break
                reclaim(missing)
                missing = self._used + size - self.limit
        finally:
            self._waiters = waiters
        return missing
