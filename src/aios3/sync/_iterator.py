"""Async generators as ordinary iterators: items cross from the loop in batches that grow."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Generic, ParamSpec, TypeVar

from aios3.sync import _loop_thread
from aios3.sync._threaded_iterator import wrap_iterable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from types import TracebackType
    from typing import Self

    from aios3._engine.tasks import OwnedTasks

P = ParamSpec("P")
T = TypeVar("T")

MAX_BATCH = 1024
"""Items that wait at most for a consumer. A crossing costs about 100 us, so a tenth of a microsecond an item."""


class _BatchProducer(Generic[T]):
    """Drives one async generator, a batch ahead of its consumer. Lives on the loop."""

    def __init__(self, make: Callable[[], AsyncIterator[T]], tasks: OwnedTasks) -> None:
        self._make = make
        self._tasks = tasks
        self._batch: list[T] = []
        self._limit = 1
        self._has_items = asyncio.Event()
        self._has_room = asyncio.Event()
        self._error: BaseException | None = None
        self._task: asyncio.Task[None] | None = None
        self._closing = False

    async def take(self) -> list[T]:
        """Wait for items and return all there are; none when the generator has ended. Raises what it raised."""
        if self._closing:
            return []
        if self._task is None:
            self._task = self._tasks.start(self._run(), name="aios3.sync iterator")
        await self._has_items.wait()
        batch, self._batch = self._batch, []
        if batch:
            if not self._task.done():
                self._has_items.clear()
            self._limit = min(2 * self._limit, MAX_BATCH)
            self._has_room.set()
        elif self._error is not None:
            error, self._error = self._error, None
            raise error
        return batch

    async def aclose(self) -> None:
        """Close the generator where it stands, wait until it has cleaned up, and raise the error of that."""
        self._closing = True
        if self._task is not None:
            self._error = None  # of an item that was not requested
            self._task.cancel()
            await asyncio.wait({self._task})
        self._has_items.set()
        error, self._error = self._error, None
        if error is not None:
            raise error

    async def _run(self) -> None:
        try:
            items = self._make()
            try:
                async for item in items:
                    self._batch.append(item)
                    self._has_items.set()
                    await self._wait_for_room()
            finally:
                aclose = getattr(items, "aclose", None)
                if aclose is not None:
                    await aclose()
        except BaseException as error:  # noqa: BLE001 - raised again in take() or aclose(), after the items before it
            if not (self._closing and isinstance(error, asyncio.CancelledError)):
                self._error = error
        finally:
            self._has_items.set()

    async def _wait_for_room(self) -> None:
        while len(self._batch) >= self._limit:
            self._has_room.clear()
            await self._has_room.wait()


class SyncIterator(Iterator[T]):
    """An iterator over what happens on the background loop; what the listing functions of :mod:`aios3.sync` return.

    Nothing is requested before the first item is asked for. Requests run a little ahead of the consumer. Break out of
    the loop, :meth:`close` the iterator or use it with ``with``: the rest is not fetched. Several threads may share
    one iterator; each item goes to one of them.
    """

    def __init__(self, loop_thread: _loop_thread.LoopThread, make: Callable[[], AsyncIterator[T]]) -> None:
        self._loop_thread = loop_thread
        self._producer = _BatchProducer(make, loop_thread.tasks)
        self._batch: Iterator[T] = iter(())
        self._lock = threading.Lock()
        self._ended = False

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> T:
        for item in self._batch:
            return item
        return self._next_of_new_batch()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __del__(self) -> None:
        # Not close(): the garbage collector may run in any thread, holding any lock, so nothing may wait here.
        if not getattr(self, "_ended", True):
            self._loop_thread.start(self._producer.aclose)

    def close(self) -> None:
        """End the iteration and wait until nothing of it is left on the loop. Safe to repeat."""
        if self._ended or not self._loop_thread.usable:
            return
        self._ended = True
        self._batch = iter(())
        if self._loop_thread.on_own_thread:
            self._loop_thread.start(self._producer.aclose)
        else:
            self._loop_thread.call(self._producer.aclose)

    def _next_of_new_batch(self) -> T:
        with self._lock:
            for item in self._batch:  # another thread has fetched it meanwhile
                return item
            if self._ended:
                raise StopIteration
            try:
                batch = self._loop_thread.call(self._producer.take)
            except BaseException:
                self.close()
                raise
            if not batch:
                self._ended = True
                raise StopIteration
            items = iter(batch)
            item = next(items)  # before other threads see the batch
            self._batch = items
            return item


def iterate(func: Callable[P, AsyncIterator[T]], /, *args: P.args, **kwargs: P.kwargs) -> SyncIterator[T]:
    """Return an ordinary iterator over the items of an async generator function."""
    wrapped = map(wrap_iterable, args)
    return SyncIterator(_loop_thread.get_loop_thread(), partial(func, *wrapped, **kwargs))  # type: ignore[arg-type]  # as in args
