"""How much to fetch ahead of reads that follow each other, within limits. Decides; does no I/O."""

from __future__ import annotations

from dataclasses import dataclass

_SEQUENTIAL_AFTER_BLOCKS = 2
"""Blocks after which a run is expected to go on; for a distant server each step of the read-ahead costs a round
trip."""


@dataclass(frozen=True, slots=True)
class RangeLimits:
    """Sizes in bytes that steer the fetching of one object."""

    block_size: int
    """The largest buffer that is allocated and dropped as one."""
    min_request_size: int
    """A range is not cut into requests smaller than this, and read-ahead alone waits until it reaches this size."""
    request_size: int
    """The largest request."""
    max_readahead: int
    """The most read-ahead."""
    max_retained: int
    """The most bytes of consumed blocks that are kept for reads that go back."""


class SequentialReads:
    """A run of reads that follow each other, and the read-ahead that it has earned."""

    def __init__(self, limits: RangeLimits) -> None:
        self._limits = limits
        self._next = 0
        self._length = 0

    def start(self, position: int) -> bool:
        """Note that a read begins; return whether it goes on from the last one (a short skip counts as going on)."""
        follows = 0 <= position - self._next <= self._limits.block_size
        if not follows:
            self._length = 0
        self._next = position
        return follows

    def end(self, position: int) -> None:
        """Note that the read has reached ``position``."""
        self._length += position - self._next
        self._next = position

    def readahead(self, demand: int) -> int:
        """Return the bytes of read-ahead for a read of ``demand`` bytes that goes on from the last one."""
        earned = self._length + demand
        return min(
            (2 if earned < _SEQUENTIAL_AFTER_BLOCKS * self._limits.block_size else 4) * earned,
            self._limits.max_readahead,
        )
