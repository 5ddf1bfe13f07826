"""The bytes of the part that is being filled, kept without copying where that is safe."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_GATHER_BELOW = 16 * 1024
"""Smaller pieces are gathered: an object each would cost more than its bytes."""
_GATHERED_BYTES = 256 * 1024


class Pieces:
    """Bytes in the order of writing."""

    def __init__(self, first: bytes = b"") -> None:
        self._pieces: list[bytes | memoryview] = [first] if first else []
        self._gathering = bytearray()
        self.size = len(first)

    def add(self, view: memoryview) -> None:
        """Add the bytes of ``view``; they are kept as they are if nobody can change them, else copied."""
        self.size += len(view)
        if len(view) < _GATHER_BELOW:
            self._gathering += view
            if len(self._gathering) >= _GATHERED_BYTES:
                self._close_gathering()
            return
        self._close_gathering()
        self._pieces.append(view if isinstance(view.obj, bytes) else bytes(view))

    def peek(self) -> Sequence[bytes | memoryview]:
        """Return all pieces and keep them."""
        self._close_gathering()
        return tuple(self._pieces)

    def take(self) -> Sequence[bytes | memoryview]:
        """Return all pieces and begin anew."""
        pieces = self.peek()
        self.clear()
        return pieces

    def clear(self) -> None:
        """Forget all pieces."""
        self.size = 0
        self._pieces = []
        self._gathering = bytearray()

    def _close_gathering(self) -> None:
        if self._gathering:
            self._pieces.append(bytes(self._gathering))
            self._gathering = bytearray()
