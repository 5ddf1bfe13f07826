"""How many bytes a second may pass: each caller waits until those before it have had their time.

A bucket that is let alone saves up a short burst, so that a pause of the event loop costs nothing.
"""

from __future__ import annotations

import asyncio

_BURST_SECONDS = 0.1


class TokenBucket:
    """Bytes at ``rate`` a second, for all that share it, in the order in which they ask."""

    def __init__(self, rate: int) -> None:
        self.rate = rate
        self._free_at = float("-inf")
        """The time of the event loop from which on the next bytes may pass."""

    @property
    def chunk_bytes(self) -> int:
        """Bytes to take at a time, so that those who share the rate all get on."""
        return max(1, int(self.rate * _BURST_SECONDS))

    async def take(self, count: int) -> None:
        """Wait until ``count`` bytes may pass, after those of earlier callers."""
        now = asyncio.get_running_loop().time()
        self._free_at = max(self._free_at, now - _BURST_SECONDS)
        pause = self._free_at - now
        self._free_at += count / self.rate
        if pause <= 0:
            return
        try:
            await asyncio.sleep(pause)
        except asyncio.CancelledError:  # these bytes do not pass
            self._free_at -= count / self.rate
            raise
