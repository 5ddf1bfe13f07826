"""By how much a response may raise the number of requests in flight: doubling while that helps, then by one a round.

It follows TCP's slow start (RFC 5681): every response makes room for one request more, so the number doubles with each
round trip. It stops doubling for good when a server has rejected a request, or when twice as many have not ended more
requests in a second. What follows is slow, but never ends before the most that is allowed: a measurement that was wrong
costs time, and not the way. Ends are measured, not responses: those of long bodies come as fast as they are asked for,
whatever the server can do.
"""

from __future__ import annotations

_MIN_SPEEDUP = 1.25
"""Factor by which the ends of a round must come faster than those of the round before to show that doubling helps."""
_MAX_FLAT_ROUNDS = 2
"""Rounds in a row that have not shown it end the doubling. One may be chance, or of longer bodies than before."""


class SlowStart:
    """Measurements of one session's rounds: each is as many ends as requests could be in flight when it began."""

    def __init__(self) -> None:
        self.is_active: bool = True
        """True if every response makes room for a request."""
        self._round_size = 0.0
        self._round_remaining = 0.0
        self._round_started_at = 0.0
        self._rate = 0.0
        self._flat_rounds = 0

    def increment(self, limit: float) -> float:
        """Return what a response adds to ``limit``."""
        return 1.0 if self.is_active else 1 / limit

    def start_round(self, limit: float, now: float) -> None:
        """Note that from ``now`` on requests wait in line, with ``limit`` in flight."""
        self._round_size = self._round_remaining = limit
        self._round_started_at = now

    def on_completed(self, limit: float, now: float) -> None:
        """Note that a request has come to its end while others wait in line."""
        self._round_remaining -= 1
        if self._round_remaining <= 0:
            rate = self._round_size / max(now - self._round_started_at, 1e-6)
            self._flat_rounds = 0 if rate >= self._rate * _MIN_SPEEDUP else self._flat_rounds + 1
            self._rate = rate
            self.is_active = self.is_active and self._flat_rounds < _MAX_FLAT_ROUNDS
            self.start_round(limit, now)
