"""A second request for what is slow: the first to be answered is taken, the other one is cancelled.

Of many servers behind one address some are slow at times, and a second request most often meets another one. A request
is slow if it has waited longer for its answer than nineteen in twenty did. No request costs a task or a timer for that:
all that wait stand in one line, in the order of their deadlines, with one timer for the first. A long body is slow if
it takes longer for its length than nineteen in twenty; the second request is then for what is missing of it.
"""

from __future__ import annotations

import asyncio
import contextvars
import math
import time
from collections import deque
from typing import TYPE_CHECKING, Generic, TypeVar

from aios3._engine.tasks import cancel_and_wait

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from aios3._engine.slots import Slots

T = TypeVar("T")

_LEAST_SECONDS = 0.025
"""Nobody is slow before: another request would need as long."""
_LEAST_BODY_SECONDS = 0.25
"""No body is slow before, however short it is: the process itself may have been busy."""
_TELLING = 100
"""Answers after which it is known what is slow."""
_TELLING_BODIES = 32
"""Long bodies after which it is known: a GiB in the longest requests has 128."""
_MIB = 1024 * 1024
_FORGET_AFTER = 2000
"""Answers after which each counts half, so that what is slow follows the network."""
_STEPS_PER_OCTAVE = 4
_BUCKETS = 128
_QUANTILE = 0.95
_MOST_CREDIT = 10.0
_NOTED_OF = 4


class Waits:
    """How long answers have taken: a histogram of logarithmic steps, of a fifth each."""

    def __init__(self, telling: int = _TELLING) -> None:
        self._telling = telling
        self._counts = [0] * _BUCKETS
        self._total = 0
        self.slow: float = math.inf
        """How many seconds only one in twenty takes; infinity as long as too few are known."""

    def add(self, seconds: float) -> None:
        """Note one wait."""
        step = int(math.log2(seconds * 1e6) * _STEPS_PER_OCTAVE) if seconds > 1e-6 else 0  # noqa: PLR2004 - the unit
        self._counts[min(step, _BUCKETS - 1)] += 1
        self._total += 1
        if self._total >= self._telling and not (self._total - self._telling) % 64:
            self.slow = self._quantile()
        if self._total >= _FORGET_AFTER:
            self._counts = [count // 2 for count in self._counts]
            self._total = sum(self._counts)

    def _quantile(self) -> float:
        left = self._total * _QUANTILE
        for step, count in enumerate(self._counts):
            left -= count
            if left <= 0:
                return float(2 ** ((step + 1) / _STEPS_PER_OCTAVE) / 1e6)
        return math.inf


class _Race(Generic[T]):
    """One request, and the second one that it may get."""

    __slots__ = ("before", "call", "context", "deadline", "over", "second", "task", "won")

    def __init__(self, call: Callable[[], Awaitable[T]] | None, deadline: float, task: asyncio.Task[object]) -> None:
        self.call = call
        self.context = contextvars.copy_context()  # a timer has that of whoever set it
        self.deadline = deadline
        self.task = task
        self.before = task.cancelling()
        self.second: asyncio.Task[T] | None = None
        self.over = False
        self.won = False

    def start_second(self, call: Callable[[], Awaitable[T]]) -> None:
        loop = asyncio.get_running_loop()
        self.second = loop.create_task(_awaited(call), name="aios3 hedge", context=self.context)
        self.second.add_done_callback(self._answered)

    def _answered(self, second: asyncio.Task[T]) -> None:
        if not self.over and not second.cancelled() and second.exception() is None:
            self.won = True
            self.task.cancel()  # as asyncio.timeout does; taken back where it arrives

    def end(self) -> bool:
        """Take our cancellation back, and tell whether it is the only one; then let go."""
        is_only = self.won and self.task.uncancel() <= self.before
        self.let_go()
        return is_only

    def let_go(self) -> None:
        """Keep nothing of what the race was about: the line has it for a moment, and a task keeps its result."""
        self.over = True
        self.call = None
        del self.task, self.context


class Hedges:
    """The second requests of one session: at most ``fraction`` of all, and none where no room is free."""

    def __init__(self, fraction: float, slots: Slots) -> None:
        self.made: int = 0
        """How many second requests were sent."""
        self.won: int = 0
        """How many of them were answered first."""
        self._fraction = fraction
        self._slots = slots
        self._credit = 0.0
        self._unnoted = 0
        self._waits = Waits()
        self._bodies = Waits(_TELLING_BODIES)  # seconds a MiB
        self._clock = time.monotonic
        self._line: deque[_Race[object]] = deque()
        self._timer: asyncio.TimerHandle | None = None

    async def first(self, call: Callable[[], Awaitable[T]], drop: Callable[[T], Awaitable[object]]) -> T:
        """Return what ``call()`` returns; if it is slow, what a second call returns, if that is sooner.

        ``drop`` gets the result that nobody takes. What a second call raises is forgotten.
        """
        begun = self._clock()
        self._credit += self._fraction
        race = self._enter(call, begun)
        try:
            result = await call()
        except BaseException:
            is_ours = race.end()
            self._trim()
            if not race.won or not is_ours:
                await self._end(race, drop)
                raise
        else:
            if race.second is None:
                race.let_go()
                self._trim()
                self._note(begun)
                return result
            race.end()
            self._trim()
            if not race.won:
                await self._end(race, drop)
                self._note(begun)
                return result
            await drop(result)
        assert race.second is not None
        self.won += 1
        return race.second.result()

    async def overtaken(
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
        begun = self._clock()
        seconds = max(self._bodies.slow * size / _MIB, _LEAST_BODY_SECONDS)
        race: _Race[T] = _Race(None, begun + seconds, task)
        timer = None
        if seconds < math.inf:
            timer = asyncio.get_running_loop().call_later(seconds, self._overtake, race, again)
        try:
            await receive()
        except BaseException:
            if not race.end():
                await self._end(race, _forget)
                raise
        else:
            race.end()
            self._bodies.add((self._clock() - begun) * _MIB / size)
            await self._end(race, _forget)
            return None
        finally:
            if timer is not None:
                timer.cancel()
        assert race.second is not None
        self.won += 1
        return race.second.result()

    def _trim(self) -> None:
        line = self._line
        while line and line[0].over:
            line.popleft()

    def _note(self, begun: float) -> None:
        """Remember how long one in a few requests has taken; which ones is as good as random."""
        self._unnoted -= 1
        if self._unnoted <= 0:
            self._unnoted = _NOTED_OF if self._waits.slow < math.inf else 1
            self._waits.add(self._clock() - begun)

    async def _end(self, race: _Race[T], drop: Callable[[T], Awaitable[object]]) -> None:
        second = race.second
        if second is None:
            return
        try:
            await cancel_and_wait({second})
        finally:
            if second.done() and not second.cancelled() and second.exception() is None:
                await drop(second.result())

    def _enter(self, call: Callable[[], Awaitable[T]], begun: float) -> _Race[T]:
        task = asyncio.current_task()
        assert task is not None
        race = _Race(call, begun + max(self._waits.slow, _LEAST_SECONDS), task)
        if race.deadline < math.inf:
            self._line.append(race)  # type: ignore[arg-type]  # nobody takes a result out of the line
            if self._timer is None:
                self._arm()
        return race

    def _arm(self) -> None:
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(max(self._line[0].deadline - self._clock(), 0.001), self._look)

    def _look(self) -> None:
        """Send second requests for those whose time is over, and wait for the next."""
        self._timer = None
        now = self._clock()
        self._credit = min(self._credit, _MOST_CREDIT)
        while self._line and (self._line[0].over or self._line[0].deadline <= now):
            race = self._line.popleft()
            if race.call is not None and self._may_start(race):
                self._start(race, race.call)
        if self._line:
            self._arm()

    def _may_start(self, race: _Race[T]) -> bool:
        return not race.over and self._credit >= 1 and self._slots.in_use < self._slots.limit

    def _start(self, race: _Race[T], call: Callable[[], Awaitable[T]]) -> None:
        self._credit -= 1
        self.made += 1
        race.start_second(call)

    def _overtake(self, race: _Race[T], again: Callable[[], Callable[[], Awaitable[T]] | None]) -> None:
        if self._may_start(race):
            call = again()
            if call is not None:
                self._start(race, call)

    def close(self) -> None:
        """Send no further second requests."""
        self._line.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


async def _forget(_: object) -> None:
    """Drop a result that holds nothing."""


async def _awaited(call: Callable[[], Awaitable[T]]) -> T:
    return await call()
