"""Many items, worked on by a few tasks: results come in order or as they are ready, and never pile up."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from aios3._engine.tasks import OwnedTasks

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")


class _End:
    """What comes when there are no more items."""


_END = _End()


@dataclass(slots=True)
class _Slot(Generic[ResultT]):
    """An item's place in the order."""

    result: ResultT | None = None
    weight: int = 0
    done: bool = False


@dataclass(frozen=True, slots=True)
class CrewLimits:
    """How much is under way at once."""

    workers: int
    """The most items that are worked on at once; twice as many may be worked on or wait as results."""
    weight: int
    """While waiting results weigh more than this, no further item is begun."""
    ordered: bool = False
    """Whether results come in the order of their items."""


class Crew(Generic[ItemT, ResultT]):
    """Works on each of ``items`` with ``work``, whose result ``weigh`` weighs.

    Items are taken one by one as there is room, so there may be infinitely many; tasks are started as items come, up
    to the limit, and each takes item after item. What ``items`` or ``work`` raises ends everything, and is raised
    behind the results before it. Whoever has called :meth:`more` must call :meth:`release` in the end.
    """

    def __init__(
        self,
        items: Iterable[ItemT] | AsyncIterable[ItemT],
        work: Callable[[ItemT], Awaitable[ResultT]],
        limits: CrewLimits,
        weigh: Callable[[ResultT], int],
    ) -> None:
        self.closed = False
        self._source: AsyncIterator[ItemT] | None = aiter(items) if isinstance(items, AsyncIterable) else None
        self._items: Iterator[ItemT] = iter(()) if isinstance(items, AsyncIterable) else iter(items)
        self._turn = asyncio.Lock()
        self._work = work
        self._limits = limits
        self._weigh = weigh
        self._tasks = OwnedTasks()
        self._working = 0
        self._begun = 0
        self._weight = 0
        self._slots: deque[_Slot[ResultT]] = deque()
        self._failure: BaseException | None = None
        self._exhausted = False
        self._changed = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()

    @property
    def ready(self) -> bool:
        """Whether a result is ready to be taken."""
        slots = self._slots
        return bool(slots) and slots[0].done

    async def more(self) -> bool:
        """Wait until a result is ready to be taken; False when there are no more."""
        if not self._working and not self._exhausted:
            self._start_worker()
        while not self.ready:
            if self._failure is not None:
                raise self._failure
            if not self._working or self.closed:
                return False
            self._changed.clear()
            await self._changed.wait()
        return True

    def take(self) -> ResultT:
        """Return the result that is ready, which makes room for another."""
        slot = self._slots.popleft()
        assert slot.result is not None
        self._begun -= 1
        self._weight -= slot.weight
        # Not for each result: all workers wake.
        if self._begun <= self._limits.workers and self._weight <= self._limits.weight:
            self._room.set()
        return slot.result

    def _start_worker(self) -> None:
        self._working += 1
        self._tasks.start(self._run(), name="aios3 bulk worker")

    async def _run(self) -> None:
        limits = self._limits
        try:
            while not self._exhausted:
                if self._begun >= 2 * limits.workers or self._weight > limits.weight:
                    self._room.clear()
                    await self._room.wait()
                    continue
                self._begun += 1
                item = next(self._items, _END) if self._source is None else await self._take(self._source)
                if isinstance(item, _End):
                    self._begun -= 1
                    self._exhausted = True
                    return
                slot = self._begin()
                self._end(slot, await self._work(item))
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # noqa: BLE001 - raised again in more()
            self._failure = self._failure or error
            self._exhausted = True
        finally:
            self._working -= 1
            self._changed.set()

    async def _take(self, source: AsyncIterator[ItemT]) -> ItemT | _End:
        async with self._turn:
            return _END if self._exhausted else await anext(source, _END)

    def _begin(self) -> _Slot[ResultT]:
        slot: _Slot[ResultT] = _Slot()
        if self._limits.ordered:
            self._slots.append(slot)
        if self._working < self._limits.workers and not self._exhausted:
            self._start_worker()
        return slot

    def _end(self, slot: _Slot[ResultT], result: ResultT) -> None:
        slot.result = result
        slot.weight = weight = self._weigh(result)
        slot.done = True
        self._weight += weight
        if not self._limits.ordered:
            self._slots.append(slot)
        if self._slots[0] is slot:
            self._changed.set()

    async def release(self) -> None:
        """Stop everything and wait until it has stopped. Safe to repeat, from any task."""
        self.closed = True
        self._changed.set()
        await self._tasks.aclose()
