"""The bytes of one object that are in memory or on their way: blocks in order, never overlapping. Nothing awaits here.

A block is claimed for a range before its bytes are asked for, fills up from its start, and is dropped as a whole. It
is *spent* once somebody has read to its end (or gave up on it): spent blocks are kept while they cost nothing, and
are the first to go.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


@dataclass(eq=False, slots=True)
class Block:
    """The bytes ``[start, stop)`` of the object, of which the first ``filled`` have arrived in ``data``."""

    start: int
    stop: int
    data: bytearray | None = None
    filled: int = 0
    pins: int = 0

    @property
    def size(self) -> int:
        """Length in bytes."""
        return self.stop - self.start

    @property
    def complete(self) -> bool:
        """Whether all bytes have arrived."""
        return self.filled == self.stop - self.start

    def has(self, position: int) -> bool:
        """Tell whether the byte at ``position`` has arrived."""
        return self.start <= position < self.start + self.filled

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
        self._spent: dict[Block, None] = {}

    def __iter__(self) -> Iterator[Block]:
        return iter(self._blocks)

    def find(self, position: int) -> Block | None:
        """Return the block that claims ``position``."""
        index = bisect_right(self._starts, position) - 1
        if index < 0 or self._blocks[index].stop <= position:
            return None
        return self._blocks[index]

    def gaps(self, start: int, stop: int) -> list[tuple[int, int]]:
        """Return the ranges inside ``[start, stop)`` that no block claims."""
        found = []
        index = max(bisect_right(self._starts, start) - 1, 0)
        for block in self._blocks[index:]:
            if block.start >= stop:
                break
            if block.start > start:
                found.append((start, block.start))
            start = max(start, block.stop)
        if start < stop:
            found.append((start, stop))
        return found

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
        self._spent.pop(block, None)

    def spend(self, block: Block) -> None:
        """Mark a block as read to its end, most recently of all."""
        self._spent.pop(block, None)
        self._spent[block] = None

    def spend_outside(self, start: int, stop: int) -> None:
        """Mark the complete blocks that do not touch ``[start, stop)`` as ones that nobody waits for any more."""
        for block in self._blocks:
            if block.complete and (block.stop <= start or block.start >= stop):
                self._spent.setdefault(block)

    def spent_bytes(self) -> int:
        """Return how many bytes the spent blocks hold."""
        return sum(block.size for block in self._spent)

    def droppable(self, *, unread: bool) -> Iterable[Block]:
        """Return the blocks that may go: spent ones, longest ago first; with ``unread`` then the furthest ahead."""
        candidates = list(self._spent)
        if unread:
            candidates += [b for b in reversed(self._blocks) if b.complete and b not in self._spent]
        return [block for block in candidates if block.complete and not block.pins]
