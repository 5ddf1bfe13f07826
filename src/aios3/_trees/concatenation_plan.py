"""How objects become the parts of one: which are copied inside S3, which are gathered here. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import accumulate
from typing import TYPE_CHECKING

from aios3._engine.parts import copy_ranges, equal_part_size, equal_ranges
from aios3._s3_constants import MAX_PARTS, MIN_PART_SIZE

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Slice:
    """The bytes ``[start, stop)`` of the source with this index."""

    source: int
    start: int
    stop: int

    @property
    def size(self) -> int:
        """Length in bytes."""
        return self.stop - self.start


@dataclass(frozen=True, slots=True)
class PlannedPart:
    """One part: a slice that S3 copies itself, or slices to be read and sent."""

    slices: tuple[Slice, ...]
    copied: bool

    @property
    def size(self) -> int:
        """Length in bytes."""
        return sum(part_slice.size for part_slice in self.slices)


def plan_parts(sizes: Sequence[int], copyable: Sequence[bool], block_size: int) -> list[PlannedPart]:
    """Cut the sources, in order, into parts: none but the last below 5 MiB, none above 5 GiB, at most 10,000.

    A source that S3 can copy and that is large enough becomes parts of its own; smaller ones are gathered into parts
    of ``block_size``. Where too little has been gathered before a large source, it is filled up from that.
    """
    min_part, block = MIN_PART_SIZE, max(block_size, MIN_PART_SIZE)
    while True:
        parts = _Planner(min_part, block).plan(sizes, copyable)
        if len(parts) <= MAX_PARTS:
            return parts
        min_part, block = 2 * min_part, 2 * block


def plan_equal_parts(sizes: Sequence[int], copyable: Sequence[bool], block_size: int) -> list[PlannedPart]:
    """Cut the sources, in order, into parts of one size and a rest, for servers that take no others.

    S3 copies the parts that lie inside a source it can copy; the others are gathered.
    """
    ends = list(accumulate(sizes))
    total = ends[-1] if ends else 0
    parts: list[PlannedPart] = []
    for start, stop in equal_ranges(total, equal_part_size(total, max(block_size, MIN_PART_SIZE))):
        slices = [
            Slice(source, max(start - end + size, 0), min(stop - end + size, size))
            for source, (size, end) in enumerate(zip(sizes, ends, strict=True))
            if size and end - size < stop and end > start
        ]
        parts.append(PlannedPart(tuple(slices), copied=len(slices) == 1 and copyable[slices[0].source]))
    if len(parts) == 1 and parts[0].size < MIN_PART_SIZE:
        return [replace(parts[0], copied=False)]
    return parts


class _Planner:
    def __init__(self, min_part: int, block: int) -> None:
        self._least = min_part
        self._block = block
        self._parts: list[PlannedPart] = []
        self._pending: list[Slice] = []
        self._pending_size = 0

    def plan(self, sizes: Sequence[int], copyable: Sequence[bool]) -> list[PlannedPart]:
        for source, size in enumerate(sizes):
            missing = self._bytes_to_min_part()
            if copyable[source] and size - missing >= self._least:
                self._add_pending(Slice(source, 0, missing))
                self._close()
                self._copy(source, missing, size)
            else:
                self._add_pending(Slice(source, 0, size))
        self._close()
        return self._parts

    def _bytes_to_min_part(self) -> int:
        """Return how many bytes what is gathered lacks to be a part."""
        return max(0, MIN_PART_SIZE - self._pending_size) if self._pending else 0

    def _add_pending(self, part_slice: Slice) -> None:
        start = part_slice.start
        while start < part_slice.stop:
            stop = min(part_slice.stop, start + self._block - self._pending_size)
            self._pending.append(Slice(part_slice.source, start, stop))
            self._pending_size += stop - start
            start = stop
            if self._pending_size == self._block:
                self._close()

    def _close(self) -> None:
        if self._pending:
            self._parts.append(PlannedPart(tuple(self._pending), copied=False))
        self._pending, self._pending_size = [], 0

    def _copy(self, source: int, start: int, stop: int) -> None:
        for first, last in copy_ranges(stop - start, followed=True):
            self._parts.append(PlannedPart((Slice(source, start + first, start + last),), copied=True))
