"""Bytes received on a connection and not yet consumed: a part of one buffer, which never grows."""

from __future__ import annotations


class ReceiveBuffer:
    """The bytes ``[start, stop)`` of ``size`` bytes of memory: they are received at ``stop`` and taken at ``start``.

    ``stop`` is 0 if there are none.
    """

    __slots__ = ("_data", "_view", "size", "start", "stop")

    def __init__(self, size: int) -> None:
        self.size = size
        self.start = self.stop = 0
        self._data = bytearray(size)
        self._view = memoryview(self._data)

    def __len__(self) -> int:
        return self.stop - self.start

    def space(self, size: int) -> memoryview:
        """Return where the next bytes go, at most ``size``; add to ``stop`` how many came."""
        return self._view[self.stop : self.stop + size]

    def take_through(self, pattern: bytes, searched: int) -> bytes | None:
        """Take away what ends with ``pattern``, which is looked for from ``searched`` on; None if it has not come."""
        end = self._data.find(pattern, searched, self.stop)
        return None if end < 0 else self.take(end + len(pattern) - self.start)

    def take(self, count: int) -> bytes:
        """Take ``count`` bytes away."""
        start = self.start
        stop = self.start = start + count
        data = bytes(self._view[start:stop])
        if stop == self.stop:
            self.start = self.stop = 0
        return data

    def peek(self, stop: int | None = None) -> memoryview:
        """Return the bytes up to ``stop``, or all of them; they stay."""
        return self._view[self.start : self.stop if stop is None else stop]

    def skip(self, count: int) -> None:
        """Take ``count`` bytes away; if they were the last, the whole memory is free again."""
        self.start += count
        if self.start == self.stop:
            self.start = self.stop = 0

    def compact(self) -> None:
        """Move the bytes to the front."""
        if self.start:
            rest = bytes(self.peek())
            self._view[: len(rest)] = rest
            self.start, self.stop = 0, len(rest)
