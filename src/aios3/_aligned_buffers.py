"""Memory to receive into, placed where the kernel copies fast.

glibc and musl begin a large block of memory 16 bytes into a page. Data that a server sends from files begins with a
page. If the target is 1 to 31 bytes further into its page than the source, AMD processors (seen on Zen 3) copy at
a third of their speed. Receiving 1 GiB then took 0.6 s of system time instead of 0.2.
"""

from __future__ import annotations

from typing import final

_LEAD = 48
"""Bytes left unused at the start: with the allocator's 16 they fill a line of the processor's cache."""
_LARGE = 64 * 1024
"""Shorter blocks are carved out of larger ones, and begin anywhere."""


def allocate_aligned(size: int) -> bytearray:
    """Return ``size`` bytes of zeros, which can grow by one byte without being moved."""
    if size < _LARGE:
        block = bytearray(size + 1)
    else:
        block = bytearray(_LEAD + size + 1)
        del block[:_LEAD]  # moves nothing: CPython lets the bytearray begin later
    block.pop()
    return block


_NONE = memoryview(b"")


@final
class BodyTarget:
    """Memory that a body fills, one view after the other: the two callbacks of ``ObjectSource.fetch``."""

    __slots__ = ("_filled", "_rest", "_view")

    def __init__(self, *views: memoryview) -> None:
        self._rest = iter(views)
        self._view = next(self._rest)
        self._filled = 0

    def get_buffer(self) -> memoryview:
        """Return the memory that is to be filled next."""
        return self._view[self._filled :]

    def buffer_updated(self, count: int) -> None:
        """Note that ``count`` more bytes have been received into it."""
        self._filled += count
        if self._filled == len(self._view):
            self._view, self._filled = next(self._rest, _NONE), 0
