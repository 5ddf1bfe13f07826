"""How far one range of an object has been received, whichever responses bring it. Nothing here awaits."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from aios3._engine.range_checksums import ChecksumRange


class RangeCursor:
    """How far ``[start, stop)`` has been received into the views of ``get_buffer``; ``buffer_updated`` hears of it."""

    def __init__(
        self, start: int, stop: int, get_buffer: Callable[[], memoryview], buffer_updated: Callable[[int], None]
    ) -> None:
        self.position = start
        self.stop = stop
        self._get_buffer = get_buffer
        self._buffer_updated = buffer_updated

    @property
    def done(self) -> bool:
        """True if all bytes have been received."""
        return self.position >= self.stop

    def view(self) -> memoryview:
        """Return the memory for the next bytes, not longer than what is missing."""
        return self._get_buffer()[: self.stop - self.position]

    def advance(self, count: int) -> None:
        """Report that ``count`` bytes are in the view given last."""
        self._buffer_updated(count)
        self.position += count

    def copy(self, start: int, data: bytes) -> None:
        """Take what is still to come from ``data``, the bytes from ``start`` on."""
        rest = memoryview(data)[self.position - start :]
        while rest:
            view = self.view()
            count = min(len(view), len(rest))
            view[:count] = rest[:count]
            rest = rest[count:]
            self.advance(count)


class VerifiedCursor(RangeCursor):
    """Adds what comes to a checksum, and withholds the arrival that makes the object whole."""

    def __init__(  # noqa: PLR0917 - a cursor's four, and two
        self,
        start: int,
        stop: int,
        get_buffer: Callable[[], memoryview],
        buffer_updated: Callable[[int], None],
        checksum_range: ChecksumRange,
        is_complete: Callable[[ChecksumRange], bool],
    ) -> None:
        super().__init__(start, stop, get_buffer, buffer_updated)
        self.withheld = 0
        """Bytes that are received and not reported."""
        self._checksum_range = checksum_range
        self._is_complete = is_complete
        self._view = memoryview(b"")

    def view(self) -> memoryview:
        self._view = super().view()
        return self._view

    def advance(self, count: int) -> None:
        self._checksum_range.add(self.position, self._view[:count])
        if self.position + count == self.stop and self._is_complete(self._checksum_range):
            self.withheld = count
            self.position += count
        else:
            super().advance(count)

    def release(self) -> None:
        """Report the arrival that was withheld."""
        self._buffer_updated(self.withheld)
