"""The bytes of one object that are in memory or on their way: blocks in order, never overlapping. Nothing awaits here.

A block is claimed for a range before its bytes are asked for, fills up from its start, and is dropped as a whole. It is
*consumed* once a reader has read to its end (or gave up on it). Consumed blocks are kept while they cost nothing, and
are the first to go.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from aios3._engine.received_bytes import ReceivedBytes


@dataclass(eq=False, slots=True)
class Block:
    """The bytes ``[start, stop)`` of the object, of which the first ``filled`` have arrived in ``data``."""

    start: int
    stop: int
    data: bytearray | bytes | memoryview | None = None
    filled: int = 0
    pins: int = 0
    received: ReceivedBytes | None = None
    """The memory that ``data`` is the view of, if it can become ``bytes`` without a copy."""
    get_memory: Callable[[], memoryview] | None = None
    """Gives ``data`` its memory once that is paid for; None for a block whose memory is its own."""

    @property
    def size(self) -> int:
        """Length in bytes."""
        return self.stop - self.start

    @property
    def complete(self) -> bool:
        """Return whether all bytes have arrived."""
        return self.filled == self.stop - self.start

    def has(self, position: int) -> bool:
        """Return whether the byte at ``position`` has arrived."""
        return self.start <= position < self.start + self.filled

    def take_bytes(self) -> bytes | None:
        """Return all bytes of a complete block, which keeps them, if it was received as ``bytes``."""
        if self.received is not None:
            self.data, self.received = self.received.take(), None
        return self.data if isinstance(self.data, bytes) else None

    def view(self, start: int, stop: int) -> memoryview:
        """Return the bytes from ``start`` up to ``stop``, as far as they have arrived."""
        assert self.data is not None
        end = min(stop - self.start, self.filled)
        return memoryview(self.data).toreadonly()[start - self.start : end]


class BlockMap:
    """The blocks of one object, found by position."""

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._blocks: list[Block] = []
        self._consumed: dict[Block, None] = {}
        self.consumed_bytes = 0
        """How many bytes the consumed blocks hold."""

    def __iter__(self) -> Iterator[Block]:
        return iter(self._blocks)

    def find(self, position: int) -> Block | None:
        """Return the block that claims ``position``."""
        index = bisect_right(self._starts, position) - 1
        if index < 0 or self._blocks[index].stop <= position:
            return None
        return self._blocks[index]

    def overlaps(self, start: int, stop: int) -> bool:
        """Return whether a block claims any of ``[start, stop)``."""
        index = bisect_left(self._starts, stop) - 1
        return index >= 0 and self._blocks[index].stop > start

    def gaps(self, start: int, stop: int) -> list[tuple[int, int]]:
        """Return the ranges inside ``[start, stop)`` that no block claims."""
        ranges = []
        first = bisect_right(self._starts, start) - 1
        if first < 0 or self._blocks[first].stop <= start:
            first += 1
        for block in self._blocks[first : bisect_left(self._starts, stop, first)]:
            if block.start > start:
                ranges.append((start, block.start))
            start = block.stop
        if start < stop:
            ranges.append((start, stop))
        return ranges

    def add(self, block: Block) -> None:
        """Claim a range that is a gap."""
        index = bisect_right(self._starts, block.start)
        self._starts.insert(index, block.start)
        self._blocks.insert(index, block)

    def remove(self, block: Block) -> None:
        """Forget a block."""
        index = bisect_right(self._starts, block.start) - 1
        assert self._blocks[index] is block
        del self._starts[index], self._blocks[index]
        self._unconsume(block)

    def consume(self, block: Block) -> None:
        """Mark a block as read to its end, most recently of all."""
        self._unconsume(block)
        self._consumed[block] = None
        self.consumed_bytes += block.stop - block.start

    def consume_outside(self, start: int, stop: int) -> None:
        """Mark the complete blocks that do not touch ``[start, stop)`` as ones without a reader."""
        for block in self._blocks:
            if block.complete and (block.stop <= start or block.start >= stop) and block not in self._consumed:
                self.consume(block)

    def evictable(self, size: float = math.inf, *, unread: bool) -> list[Block]:
        """Return blocks that may go, up to ``size`` bytes or the first beyond: consumed ones, longest ago first.

        With ``unread``, those furthest ahead come after them.
        """
        blocks: list[Block] = []
        ahead = (block for block in reversed(self._blocks) if block not in self._consumed) if unread else ()
        for block in chain(self._consumed, ahead):
            if size <= 0:
                break
            if block.complete and not block.pins:
                blocks.append(block)
                size -= block.size
        return blocks

    def _unconsume(self, block: Block) -> None:
        if block in self._consumed:
            del self._consumed[block]
            self.consumed_bytes -= block.stop - block.start
