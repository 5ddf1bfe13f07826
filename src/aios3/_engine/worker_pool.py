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


class _Exhausted:
    """Marks that the items are used up."""


_EXHAUSTED = _Exhausted()


@dataclass(slots=True)
class _PendingResult(Generic[ResultT]):
    """An item's position in the order."""

    result: ResultT | None = None
    size: int = 0
    done: bool = False


@dataclass(frozen=True, slots=True)
class WorkerLimits:
    """How much is under way at once."""

    workers: int
    """The most items that are worked on at once; twice as many may be worked on or wait as results."""
    max_pending_bytes: int
    """While waiting results weigh more than this, no further item is started."""
    ordered: bool = False
    """True if results come in the order of their items."""


class WorkerPool(Generic[ItemT, ResultT]):
    """Works on each of ``items`` with ``work``, whose result ``weigh`` weighs.

    Items are taken one by one as there is room, so there may be infinitely many. Tasks are started as items come, up to
    the limit, and each takes item after item. An error of ``items`` or ``work`` ends everything, and is raised after
    the results before it. A caller of :meth:`wait_ready` must call :meth:`release` in the end.
    """

    def __init__(
        self,
        items: Iterable[ItemT] | AsyncIterable[ItemT],
        work: Callable[[ItemT], Awaitable[ResultT]],
        limits: WorkerLimits,
        weigh: Callable[[ResultT], int],
    ) -> None:
        self.closed = False
        self._source: AsyncIterator[ItemT] | None = aiter(items) if isinstance(items, AsyncIterable) else None
        self._items: Iterator[ItemT] = iter(()) if isinstance(items, AsyncIterable) else iter(items)
        self._source_lock = asyncio.Lock()
        self._work = work
        self._limits = limits
        self._weigh = weigh
        self._tasks = OwnedTasks()
        self._working = 0
        self._started = 0
        self._pending_bytes = 0
        self._results: deque[_PendingResult[ResultT]] = deque()
        self._failure: BaseException | None = None
        self._exhausted = False
        self._changed = asyncio.Event()
        self._has_capacity = asyncio.Event()
        self._has_capacity.set()

    @property
    def ready(self) -> bool:
        """Return whether a result is ready to be taken."""
        pending_results = self._results
        return bool(pending_results) and pending_results[0].done

    async def wait_ready(self) -> bool:
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

    def pop(self) -> ResultT:
        """Return the result that is ready, which makes room for another."""
        pending = self._results.popleft()
        assert pending.result is not None
        self._started -= 1
        self._pending_bytes -= pending.size
        # Not for each result: all workers wake.
        if self._started <= self._limits.workers and self._pending_bytes <= self._limits.max_pending_bytes:
            self._has_capacity.set()
        return pending.result

    def _start_worker(self) -> None:
        self._working += 1
        self._tasks.start(self._run(), name="aios3 bulk worker")

    async def _run(self) -> None:
        limits = self._limits
        try:
            while not self._exhausted:
                if self._started >= 2 * limits.workers or self._pending_bytes > limits.max_pending_bytes:
                    self._has_capacity.clear()
                    await self._has_capacity.wait()
                    continue
                self._started += 1
                item = next(self._items, _EXHAUSTED) if self._source is None else await self._next_item(self._source)
                if isinstance(item, _Exhausted):
                    self._started -= 1
                    self._exhausted = True
                    return
                pending = self._start_item()
                self._finish_item(pending, await self._work(item))
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # noqa: BLE001 - raised again in wait_ready()
            self._failure = self._failure or error
            self._exhausted = True
        finally:
            self._working -= 1
            self._changed.set()

    async def _next_item(self, source: AsyncIterator[ItemT]) -> ItemT | _Exhausted:
        async with self._source_lock:
            return _EXHAUSTED if self._exhausted else await anext(source, _EXHAUSTED)

    def _start_item(self) -> _PendingResult[ResultT]:
        pending: _PendingResult[ResultT] = _PendingResult()
        if self._limits.ordered:
            self._results.append(pending)
        if self._working < self._limits.workers and not self._exhausted:
            self._start_worker()
        return pending

    def _finish_item(self, pending: _PendingResult[ResultT], result: ResultT) -> None:
        pending.result = result
        pending.size = weight = self._weigh(result)
        pending.done = True
        self._pending_bytes += weight
        if not self._limits.ordered:
            self._results.append(pending)
        if self._results[0] is pending:
            self._changed.set()

    async def release(self) -> None:
        """Stop everything and wait until it has stopped. Safe to repeat, from any task."""
        self.closed = True
        self._changed.set()
        await self._tasks.aclose()
