"""The bytes of the part that is being filled, kept without copying where that is safe."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_SMALL_BYTES = 16 * 1024
"""Smaller buffers are joined: an object each would cost more than its bytes."""
_JOINED_BYTES = 256 * 1024


class PartBuffer:
    """Bytes in the order of writing."""

    def __init__(self, first: bytes = b"") -> None:
        self._chunks: list[bytes | memoryview] = [first] if first else []
        self._small = bytearray()
        self.size = len(first)

    def add(self, view: memoryview) -> None:
        """Add the bytes of ``view``; they are kept as they are if they cannot change, else copied."""
        self.size += len(view)
        if len(view) < _SMALL_BYTES:
            self._small += view
            if len(self._small) >= _JOINED_BYTES:
                self._flush_small()
            return
        self._flush_small()
        self._chunks.append(view if isinstance(view.obj, bytes) else bytes(view))

    def peek(self) -> Sequence[bytes | memoryview]:
        """Return all buffers and keep them."""
        self._flush_small()
        return tuple(self._chunks)

    def take(self) -> Sequence[bytes | memoryview]:
        """Return all buffers and start anew."""
        chunks = self.peek()
        self.clear()
        return chunks

    def clear(self) -> None:
        """Forget all buffers."""
        self.size = 0
        self._chunks = []
        self._small = bytearray()

    def _flush_small(self) -> None:
        if self._small:
            self._chunks.append(bytes(self._small))
            self._small = bytearray()
