"""How many requests are in flight, and how fast they follow each other: as many as the server takes without complaint.

The number begins small, and grows with the responses that come while all of it is needed. A server that cannot take the
maximum has rejected a few by then, not all at once. A rejection halves it, and reduces the rate
(:mod:`aios3._engine.request_rate`). Both grow back while responses come. Both are needed: a server that counts requests
a second is not spared by having one in flight, if its responses are fast.

The number adds one and halves as TCP's congestion window does (AIMD, RFC 5681); how it begins is
:mod:`aios3._engine.slow_start`.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import time
from collections import deque
from typing import TYPE_CHECKING

from aios3._engine.request_rate import RequestRate, count_recent, new_samples
from aios3._engine.slow_start import SlowStart

if TYPE_CHECKING:
    from collections.abc import Callable

_INITIAL_LIMIT = 8
"""Requests in flight as long as nothing is known of the server."""
_WATCHDOG_SECONDS = 1.0
"""After this time the first waiter is admitted over the limit, up to ``max_limit``. Slots may be held by bodies that
are read only once more bodies are open, as in a k-way merge, which would deadlock."""
_TOLERATED_FRACTION = 0.05
_TOLERATED_COUNT = 2
"""Which part of the requests, and how many a second, may be rejected without a change: large servers reject some."""
_TOLERATED_COUNT_OF_SHARE = 1
"""That number with a ``max_rate``, which may be one of many shares: one rejection a second of each is too many."""
_MIN_CUT_INTERVAL_SECONDS = 0.1
"""Rejections that follow each other sooner are of requests that were in flight already when the first one came."""


class AdaptiveLimiter:
    """Room for up to ``max_limit`` requests of one session, of which ``max_rate`` a second may start; None for any.

    Used as a semaphore: waiters are admitted in FIFO order.
    """

    def __init__(
        self, max_limit: int, clock: Callable[[], float] = time.monotonic, max_rate: float | None = None
    ) -> None:
        self.max_limit = max_limit
        self.limit: float = float(min(_INITIAL_LIMIT, max_limit))
        """Requests that may be in flight now."""
        self.in_use: int = 0
        self._waiters: deque[asyncio.Future[None]] = deque()
        self._throttles: deque[float] = new_samples()
        self._clock = clock
        self._slow_start = SlowStart()
        self._watchdog: asyncio.TimerHandle | None = None
        self._rate = RequestRate(clock, max_rate)
        self._tolerated_count = _TOLERATED_COUNT if max_rate is None else _TOLERATED_COUNT_OF_SHARE
        self._last_cut_at = 0.0

    @property
    def rate(self) -> float | None:
        """Requests a second that may be started now; None for any number."""
        return self._rate.current

    @property
    def waiting(self) -> int:
        """The number of waiters."""
        return len(self._waiters)

    async def __aenter__(self) -> None:
        await self.acquire()

    async def __aexit__(self, *_exception: object) -> None:
        self.release()

    def try_acquire(self) -> bool:
        """Take the room of one request if no caller waits for a slot, and no rate is set; return whether it did."""
        if self.in_use >= self.limit or self._waiters or self._rate.set_rate is not None:
            return False
        self.in_use += 1
        return True

    async def acquire(self) -> None:
        """Take the room of one request, waiting for a free slot, and for its time where the server limits the rate."""
        if self.in_use < self.limit and not self._waiters:
            self.in_use += 1
        else:
            await self._wait_for_slot()
        if self._rate.set_rate is not None:
            await self._wait_for_rate()

    def release(self) -> None:
        """Give the room of one request back."""
        self.in_use -= 1
        if self._waiters:
            if self.limit < self.max_limit:
                self._slow_start.on_completed(self.limit, self._clock())
            self._admit()

    def on_success(self) -> None:
        """Note that the server has responded to a request, and did not reject it."""
        now = self._clock()
        self._rate.successes.append(now)
        if self.limit < self.max_limit and self.in_use + 1 >= self.limit:  # it may have been given back already
            self.limit = min(self.limit + self._slow_start.increment(self.limit), self.max_limit)
            self._admit()

    def on_throttled(self) -> None:
        """Note that the server has asked for fewer requests."""
        now = self._clock()
        self._throttles.append(now)
        if self._is_tolerable(now) or now - self._last_cut_at < _MIN_CUT_INTERVAL_SECONDS:
            return
        self._last_cut_at = now
        self._throttles.clear()
        self._slow_start.is_active = False
        self.limit = max(1.0, self.limit / 2)
        self._rate.reduce(now)

    def _is_tolerable(self, now: float) -> bool:
        throttled = count_recent(self._throttles, now)
        total = throttled + count_recent(self._rate.successes, now)
        return throttled < max(self._tolerated_count, _TOLERATED_FRACTION * total)

    async def _wait_for_slot(self) -> None:
        waiter = asyncio.get_running_loop().create_future()
        if not self._waiters:
            self._slow_start.start_round(self.limit, self._clock())
        self._waiters.append(waiter)
        if self._watchdog is None:
            self._start_watchdog()
        try:
            await waiter
        except asyncio.CancelledError:
            if waiter.cancelled():
                with contextlib.suppress(ValueError):  # it has left the queue already
                    self._waiters.remove(waiter)
            else:
                self.release()
            raise

    async def _wait_for_rate(self) -> None:
        try:
            await self._rate.wait()
        except BaseException:
            self.release()
            raise

    def _admit(self) -> None:
        while self._waiters and self.in_use < self.limit:
            self._admit_next()

    def _admit_next(self) -> None:
        waiter = self._waiters.popleft()
        if not waiter.done():
            self.in_use += 1
            waiter.set_result(None)

    def _start_watchdog(self) -> None:
        loop = asyncio.get_running_loop()
        empty_context = contextvars.Context()  # a timer must not keep what the task has set in whose turn it is started
        self._watchdog = loop.call_later(_WATCHDOG_SECONDS, self._on_watchdog, self._waiters[0], context=empty_context)

    def _on_watchdog(self, first: asyncio.Future[None]) -> None:
        """Admit ``first``, if it is still the first waiter."""
        self._watchdog = None
        if self._waiters and self._waiters[0] is first and self.in_use < self.max_limit:
            self._admit_next()
        if self._waiters:
            self._start_watchdog()
