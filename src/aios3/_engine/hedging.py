"""A second request for what is slow: the first response is taken, the other request is cancelled.

Of several servers at one address some are slow at times, and a second request most often reaches another one. A request
is slow if it has waited longer for its response than nineteen in twenty did. No request costs a task or a timer for
that. All that wait stand in one queue, in the order of their deadlines, with one timer for the first. A long body is
slow if it takes longer for its length than nineteen in twenty; the second request is then for the missing rest.

Once a second request is under way there are four outcomes:

- The first response comes first. It is returned, and the second request is cancelled.
- The second response comes first. It is returned, and the first request is cancelled by cancelling the caller's task,
  which takes that back (``uncancel``).
- The first request fails. The second response is returned if it has come, otherwise the failure is raised.
- The caller is cancelled. Both requests are, and a response that has come is discarded.
"""

from __future__ import annotations

import asyncio
import contextvars
import math
import time
from collections import deque
from typing import TYPE_CHECKING, Generic, TypeVar

from aios3._engine.tasks import cancel_and_wait
from aios3._histogram import Histogram

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from aios3._engine.limiter import AdaptiveLimiter

T = TypeVar("T")

_MIN_HEDGE_DELAY_SECONDS = 0.025
"""The minimum delay before a hedge: a second request needs about this long itself."""
_MIN_BODY_DELAY_SECONDS = 0.25
"""The minimum delay before a body is hedged, however short it is: this process may have been busy."""
_MIN_SAMPLES = 100
"""Responses after which it is known what is slow."""
_MIN_BODY_SAMPLES = 32
"""Long bodies after which it is known: a GiB in the longest requests has 128."""
_MIB = 1024 * 1024
_DECAY_AFTER = 2000
"""Responses after which each counts half, so that what is slow follows the network."""
_QUANTILE = 0.95
_MAX_TOKENS = 10.0
_SAMPLE_EVERY = 4


class LatencyHistogram:
    """The times that responses have taken; older ones count less and less."""

    def __init__(self, min_samples: int = _MIN_SAMPLES) -> None:
        self._min_samples = min_samples
        self._times = Histogram()
        self._total = 0
        self.p95: float = math.inf
        """How many seconds only one in twenty takes; infinity as long as too few are known."""

    def add(self, seconds: float) -> None:
        """Note one wait."""
        self._times.add(seconds)
        self._total += 1
        if self._total >= self._min_samples and not (self._total - self._min_samples) % 64:
            self.p95 = self._times.upper_bound(_QUANTILE)
        if self._total >= _DECAY_AFTER:
            self._total = self._times.halve()


class HedgedCall(Generic[T]):
    """One request, and the second one that it may get."""

    __slots__ = ("call", "cancelling_before", "context", "deadline", "is_done", "second", "started", "task", "won")

    def __init__(
        self,
        call: Callable[[], Awaitable[T]] | None,
        started: float,
        deadline: float,
        task: asyncio.Task[object],
    ) -> None:
        self.call: Callable[[], Awaitable[T]] | None = call
        self.started: float = started
        # A timer has the context of the code that set it.
        self.context: contextvars.Context = contextvars.copy_context()
        self.deadline: float = deadline
        self.task: asyncio.Task[object] = task
        self.cancelling_before: int = task.cancelling()
        self.second: asyncio.Task[T] | None = None
        self.is_done: bool = False
        self.won: bool = False

    def start_second(self, call: Callable[[], Awaitable[T]]) -> None:
        loop = asyncio.get_running_loop()
        self.second = loop.create_task(_awaited(call), name="aios3 hedge", context=self.context)
        self.second.add_done_callback(self._on_second_done)

    def _on_second_done(self, second: asyncio.Task[T]) -> None:
        if not self.is_done and not second.cancelled() and second.exception() is None:
            self.won = True
            self.task.cancel()  # as asyncio.timeout does; taken back where it arrives

    def uncancel(self) -> bool:
        """Take this cancellation back, and return whether it is the only one; then let go."""
        is_only = self.won and self.task.uncancel() <= self.cancelling_before
        self.clear()
        return is_only

    def result(self) -> T:
        """Return what the second request has brought."""
        assert self.second is not None
        return self.second.result()

    def clear(self) -> None:
        """Drop references: the queue keeps this object a little longer, and a task keeps its result."""
        self.is_done = True
        self.call = None
        del self.task, self.context


class Hedger:
    """The second requests of one session: at most ``fraction`` of all, and none where no room is free."""

    def __init__(self, fraction: float, limiter: AdaptiveLimiter) -> None:
        self.sent: int = 0
        """How many second requests were sent."""
        self.won: int = 0
        """How many of them got the first response."""
        self._fraction = fraction
        self._limiter = limiter
        self._tokens = 0.0
        self._until_sample = 0
        self._latencies = LatencyHistogram()
        self._body_latencies = LatencyHistogram(_MIN_BODY_SAMPLES)  # seconds a MiB
        self._clock = time.monotonic
        self._queue: deque[HedgedCall[object]] = deque()
        self._timer: asyncio.TimerHandle | None = None

    def enter(self, call: Callable[[], Awaitable[T]]) -> HedgedCall[T]:
        """Note that the running task is about to send a request; ``call()`` would send the second one."""
        started = self._clock()
        self._tokens += self._fraction
        task = asyncio.current_task()
        assert task is not None
        hedged = HedgedCall(call, started, started + max(self._latencies.p95, _MIN_HEDGE_DELAY_SECONDS), task)
        if hedged.deadline < math.inf:
            self._queue.append(hedged)  # type: ignore[arg-type] # results are not taken out of the queue
            if self._timer is None:
                self._arm()
        return hedged

    def leave(self, hedged: HedgedCall[T]) -> bool:
        """Note that the request was responded to; return False if a second one is under way, to be chosen from."""
        if hedged.second is not None:
            return False
        hedged.clear()
        self._trim()
        self._record(hedged.started)
        return True

    async def rescued(self, hedged: HedgedCall[T], discard: Callable[[T], Awaitable[object]]) -> bool:
        """Return whether the second request has succeeded where the first one has failed, or was ended for that.

        Otherwise the second one is ended, and the failure of the first one is what counts.
        """
        is_ours = hedged.uncancel()
        self._trim()
        if hedged.won and is_ours:
            self.won += 1
            return True
        await self._end(hedged, discard)
        return False

    async def choose(self, hedged: HedgedCall[T], result: T, discard: Callable[[T], Awaitable[object]]) -> T:
        """Return the ``result`` of the first request, or that of the second one if it has come before."""
        hedged.uncancel()
        self._trim()
        if hedged.won:
            await discard(result)
            self.won += 1
            return hedged.result()
        try:
            await self._end(hedged, discard)
        except BaseException:  # the caller is cancelled while the second request ends
            await discard(result)
            raise
        self._record(hedged.started)
        return result

    async def run_body(
        self,
        receive: Callable[[], Awaitable[object]],
        again: Callable[[], Callable[[], Awaitable[T]] | None],
        size: int,
    ) -> T | None:
        """Await ``receive()``, which brings ``size`` bytes; or return what a second request brings, if that is sooner.

        Once it is slow, ``again()`` returns what to call for the second request, None if that is not worth while. What
        it raises is forgotten.
        """
        task = asyncio.current_task()
        assert task is not None
        started = self._clock()
        seconds = max(self._body_latencies.p95 * size / _MIB, _MIN_BODY_DELAY_SECONDS)
        hedged: HedgedCall[T] = HedgedCall(None, started, started + seconds, task)
        timer = None
        if seconds < math.inf:
            timer = asyncio.get_running_loop().call_later(seconds, self._start_body_hedge, hedged, again)
        try:
            await receive()
        except BaseException:
            if not hedged.uncancel():
                await self._end(hedged, _discard_nothing)
                raise
        else:
            hedged.uncancel()
            self._body_latencies.add((self._clock() - started) * _MIB / size)
            await self._end(hedged, _discard_nothing)
            return None
        finally:
            if timer is not None:
                timer.cancel()
        self.won += 1
        return hedged.result()

    def _trim(self) -> None:
        queue = self._queue
        while queue and queue[0].is_done:
            queue.popleft()

    def _record(self, started: float) -> None:
        """Remember how long one in a few requests has taken; which ones is as good as random."""
        self._until_sample -= 1
        if self._until_sample <= 0:
            self._until_sample = _SAMPLE_EVERY if self._latencies.p95 < math.inf else 1
            self._latencies.add(self._clock() - started)

    async def _end(self, hedged: HedgedCall[T], discard: Callable[[T], Awaitable[object]]) -> None:
        second = hedged.second
        if second is None:
            return
        try:
            await cancel_and_wait({second})
        finally:
            if second.done() and not second.cancelled() and second.exception() is None:
                await discard(second.result())

    def _arm(self) -> None:
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(max(self._queue[0].deadline - self._clock(), 0.001), self._on_timer)

    def _on_timer(self) -> None:
        """Send second requests for those whose time is over, and wait for the next."""
        self._timer = None
        now = self._clock()
        self._tokens = min(self._tokens, _MAX_TOKENS)
        while self._queue and (self._queue[0].is_done or self._queue[0].deadline <= now):
            hedged = self._queue.popleft()
            if hedged.call is not None and self._may_start(hedged):
                self._start(hedged, hedged.call)
        if self._queue:
            self._arm()

    def _may_start(self, hedged: HedgedCall[T]) -> bool:
        return not hedged.is_done and self._tokens >= 1 and self._limiter.in_use < self._limiter.limit

    def _start(self, hedged: HedgedCall[T], call: Callable[[], Awaitable[T]]) -> None:
        self._tokens -= 1
        self.sent += 1
        hedged.start_second(call)

    def _start_body_hedge(self, hedged: HedgedCall[T], again: Callable[[], Callable[[], Awaitable[T]] | None]) -> None:
        if self._may_start(hedged):
            call = again()
            if call is not None:
                self._start(hedged, call)

    def close(self) -> None:
        """Send no further second requests."""
        self._queue.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


async def _discard_nothing(_: object) -> None:
    """Drop a result that holds nothing."""


async def _awaited(call: Callable[[], Awaitable[T]]) -> T:
    return await call()
