"""What a reader needs of whatever fetches the ranges of its object."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from aios3._engine.pace import Pace
    from aios3._engine.ranges import RangeLimits


class Ranges(Protocol):
    """The side of :class:`aios3._engine.ranges.RangeFetcher` that a reader sees; there each call is described."""

    size: int
    limits: RangeLimits
    pace: Pace

    def request(self, start: int, stop: int, *, ahead: int = 0) -> None: ...
    def leave(self, start: int, stop: int) -> None: ...
    def done_with(self, start: int, stop: int) -> None: ...
    def at_hand(self, position: int) -> memoryview: ...
    async def view(self, position: int, stop: int) -> memoryview: ...
    async def collect(self, start: int, stop: int) -> bytes: ...
    async def aclose(self, reason: Exception) -> None: ...
