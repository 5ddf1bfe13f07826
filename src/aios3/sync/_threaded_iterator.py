"""An iterable of the caller's, taken from in a thread: it may block, and may itself be made of :mod:`aios3.sync`."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Collection, Iterable
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator

T = TypeVar("T")

_MAX_BATCH = 64
"""Items that are taken ahead at most. A thread costs about 100 us."""
_MAX_BATCH_SECONDS = 0.01
"""Seconds after which what has been taken is handed on."""


def wrap_iterable(argument: object) -> object:
    """Return what to pass on to the loop for ``argument``: an iterator is taken from elsewhere."""
    if isinstance(argument, Iterable) and not isinstance(argument, (Collection, AsyncIterable)):
        return ThreadedIterator[object](argument)
    return argument


class ThreadedIterator(AsyncIterator[T], Generic[T]):
    """An async iterator over ``items``. Errors of ``items`` are raised after the items before them."""

    def __init__(self, items: Iterable[T]) -> None:
        self._items: Iterator[T] = iter(items)
        self._batch: deque[T] = deque()
        self._size = 1
        self._error: BaseException | None = None

    async def __anext__(self) -> T:
        if not self._batch and self._error is None:
            await asyncio.to_thread(self._read_batch)
        if self._batch:
            return self._batch.popleft()
        if self._error is not None:
            raise self._error
        raise StopAsyncIteration

    def _read_batch(self) -> None:
        end = time.monotonic() + _MAX_BATCH_SECONDS
        batch: list[T] = []
        try:
            for item in self._items:
                batch.append(item)
                if len(batch) >= self._size or time.monotonic() > end:
                    break
        except BaseException as error:  # noqa: BLE001 - raised again on the loop, after the items before it
            self._error = error
        self._size = min(2 * self._size, _MAX_BATCH)
        self._batch.extend(batch)
