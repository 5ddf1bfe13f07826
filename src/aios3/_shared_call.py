"""One call for all who want its result at once."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

T = TypeVar("T")


class SharedCall(Generic[T]):
    """Calls one at a time.

    A caller that asks while one runs shares the next: its result is never older than the question.

    The call runs in the task of one who asks; where that is cancelled or fails, the next who waits calls again.
    """

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._started = 0
        self._done = 0
        self._last: list[T] = []

    async def result(self, call: Callable[[], Awaitable[T]]) -> T:
        """Return the result of a call that has started after this question."""
        needed = self._started + 1
        async with self._lock:
            if self._done < needed:
                self._started += 1
                self._last = [await call()]
                self._done = self._started
            return self._last[0]
