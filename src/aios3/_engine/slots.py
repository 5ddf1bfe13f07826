"""How many requests are in flight, and how fast they follow each other: as many as the server takes without complaint.

The number begins small, and grows with the answers that come while all of it is needed: a server that cannot take the
most that is allowed has refused a few by then, not all at once. A refusal halves it, and sets the rate to a little less
than what has been answered in the last second; both grow back while answers come. Both are needed: a server that counts
requests a second is not spared by having one in flight, if its answers are fast.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import time
from collections import deque

from aios3._engine.growth import Growth

_AT_FIRST = 8
"""Requests in flight as long as nothing is known of the server."""
_STANDSTILL_SECONDS = 1.0
"""Whoever has been the first in line for so long is let in over the limit, up to the most. What is held may be bodies
that nobody reads before more of them are open: those who merge many objects would wait for ever."""
_LOOK_BACK_SECONDS = 1.0
_KEPT_ANSWERS = 256
"""Answers whose times are known; the rate is measured over the last second, or over so many answers."""
_SLOWDOWN = 0.8
_STEEPEST_SLOWDOWN = 0.3
"""Answers may have been few because nobody has asked, so what was measured is not believed at once."""
_GROWTH = 0.01
"""Of the rate that was set, after one second; it grows with the square, so that a limit that has gone is forgotten."""
_FREE_AFTER_SECONDS = 60.0
_LEAST_RATE = 5.0
_TOLERATED = 0.05
_FEW = 2
"""Which part of the requests, and how many a second, may be refused without a change: large servers refuse some."""
_BETWEEN_CUTS_SECONDS = 0.1
"""Refusals that follow each other sooner are of requests that were in flight already when the first one came."""


class Slots:
    """Room for up to ``most`` requests of one session. Used as a semaphore: the waiting line is fair."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.limit: float = float(min(_AT_FIRST, most))
        """Requests that may be in flight now."""
        self.in_use: int = 0
        self._waiters: deque[asyncio.Future[None]] = deque()
        self._answers: deque[float] = deque(maxlen=_KEPT_ANSWERS)
        self._refusals: deque[float] = deque(maxlen=_KEPT_ANSWERS)
        self._clock = time.monotonic
        self._growth = Growth()
        self._watch: asyncio.TimerHandle | None = None
        self._rate: float | None = None
        self._set_at = 0.0
        self._cut_at = 0.0
        self._next = 0.0
        self._lost = 0.0

    @property
    def rate(self) -> float | None:
        """Requests a second that may be begun now; None for any number."""
        if self._rate is None:
            return None
        since = self._clock() - self._set_at
        if since > _FREE_AFTER_SECONDS:
            self._rate = None
            return None
        return self._rate * (1 + _GROWTH * since * (since + 1))

    @property
    def waiting(self) -> int:
        """How many are in line."""
        return len(self._waiters)

    async def __aenter__(self) -> None:
        await self.acquire()

    async def __aexit__(self, *_exception: object) -> None:
        self.release()

    def try_acquire(self) -> bool:
        """Take the room of one request if nobody has to wait, be it in line or for a turn; return whether it did."""
        if self.in_use >= self.limit or self._waiters or self._rate is not None:
            return False
        self.in_use += 1
        return True

    async def acquire(self) -> None:
        """Take the room of one request, waiting for it in line, and for its turn where the server limits the rate."""
        if self.in_use < self.limit and not self._waiters:
            self.in_use += 1
        else:
            await self._wait_in_line()
        if self._rate is not None:
            await self._wait_for_turn()

    def release(self) -> None:
        """Give the room of one request back."""
        self.in_use -= 1
        if self._waiters:
            if self.limit < self.most:
                self._growth.ended(self.limit, self._clock())
            self._admit()

    def answered(self) -> None:
        """Note that the server has answered a request, and did not refuse it."""
        now = self._clock()
        self._answers.append(now)
        if self.limit < self.most and self.in_use + 1 >= self.limit:  # it may have been given back already
            self.limit = min(self.limit + self._growth.step(self.limit), self.most)
            self._admit()

    def refused(self) -> None:
        """Note that the server has asked for fewer requests."""
        now = self._clock()
        self._refusals.append(now)
        if self._are_few(now) or now - self._cut_at < _BETWEEN_CUTS_SECONDS:
            return
        self._cut_at = now
        self._refusals.clear()
        self._growth.doubles = False
        self.limit = max(1.0, self.limit / 2)
        rate, measured = self.rate, self._measured(now)
        if measured is not None:
            slower = measured * _SLOWDOWN
            if rate is not None:
                slower = min(max(slower, rate * _STEEPEST_SLOWDOWN), rate * _SLOWDOWN)
            self._rate, self._set_at = max(slower, _LEAST_RATE), now

    def _are_few(self, now: float) -> bool:
        refused = _recent(self._refusals, now)
        return refused < max(_FEW, _TOLERATED * (refused + _recent(self._answers, now)))

    def _measured(self, now: float) -> float | None:
        """Return how many requests a second were answered of late; None if too few to tell."""
        count = _recent(self._answers, now)
        if count < 2:  # noqa: PLR2004 - one point has no distance
            return None
        return count / max(now - self._answers[-count], 1e-3)

    async def _wait_in_line(self) -> None:
        waiter = asyncio.get_running_loop().create_future()
        if not self._waiters:
            self._growth.begin_round(self.limit, self._clock())
        self._waiters.append(waiter)
        if self._watch is None:
            self._watch_line()
        try:
            await waiter
        except asyncio.CancelledError:
            if waiter.cancelled():
                with contextlib.suppress(ValueError):  # the line has moved past it already
                    self._waiters.remove(waiter)
            else:
                self.release()
            raise

    async def _wait_for_turn(self) -> None:
        rate = self.rate
        if rate is None:
            return
        turn = max(self._moment(), self._next)
        self._next = turn + 1 / rate
        try:
            while (wait := turn - self._moment()) > 0:  # noqa: ASYNC110 - nobody tells that time has passed
                await asyncio.sleep(wait)
        except BaseException:
            self.release()
            raise
        late = self._moment() - turn
        if late > 1 / rate:
            self._lost += late  # the process stood still; those whose turns have passed too would come all at once

    def _moment(self) -> float:
        """Return the time by which turns are given, in which the process never stands still."""
        return self._clock() - self._lost

    def _admit(self) -> None:
        while self._waiters and self.in_use < self.limit:
            self._let_in()

    def _let_in(self) -> None:
        waiter = self._waiters.popleft()
        if not waiter.done():
            self.in_use += 1
            waiter.set_result(None)

    def _watch_line(self) -> None:
        loop = asyncio.get_running_loop()
        nobodys = contextvars.Context()  # a timer must not keep what the task has set in whose turn it is begun
        self._watch = loop.call_later(_STANDSTILL_SECONDS, self._look, self._waiters[0], context=nobodys)

    def _look(self, first: asyncio.Future[None]) -> None:
        """Let ``first`` in, if it is the first in line still."""
        self._watch = None
        if self._waiters and self._waiters[0] is first and self.in_use < self.most:
            self._let_in()
        if self._waiters:
            self._watch_line()


def _recent(times: deque[float], now: float) -> int:
    """Return how many of ``times`` are of the last second."""
    count = 0
    for at in reversed(times):
        if now - at > _LOOK_BACK_SECONDS:
            break
        count += 1
    return count
