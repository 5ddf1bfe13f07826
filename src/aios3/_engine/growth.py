"""By how much an answer may raise the number of requests in flight: doubling while that helps, then by one a round.

As the number of packets in TCP's slow start: every answer makes room for one request more, so that the number doubles
with each round trip. It stops doubling for good when a server has refused a request, or when twice as many have not
brought more of them to their ends in a second. What follows is slow, but never ends before the most that is allowed: a
measurement that was wrong costs time, and not the way. Ends are measured, not answers: those of long bodies come as
fast as they are asked for, whatever the server can do.
"""

from __future__ import annotations

_WORTHWHILE = 1.25
"""A round has shown that doubling helps, if its ends came so many times faster than those of the round before."""
_VAIN_ROUNDS = 2
"""Rounds in a row that have not shown it end the doubling. One may be chance, or of longer bodies than before."""


class Growth:
    """What the rounds of one session have shown: each is as many ends as requests could be in flight when it began."""

    def __init__(self) -> None:
        self.doubles: bool = True
        """Whether every answer makes room for a request."""
        self._size = 0.0
        self._left = 0.0
        self._began_at = 0.0
        self._rate = 0.0
        self._vain = 0

    def step(self, limit: float) -> float:
        """Return what an answer adds to ``limit``."""
        return 1.0 if self.doubles else 1 / limit

    def begin_round(self, limit: float, now: float) -> None:
        """Note that from ``now`` on requests wait in line, with ``limit`` in flight."""
        self._size = self._left = limit
        self._began_at = now

    def ended(self, limit: float, now: float) -> None:
        """Note that a request has come to its end while others wait in line."""
        self._left -= 1
        if self._left <= 0:
            rate = self._size / max(now - self._began_at, 1e-6)
            self._vain = 0 if rate >= self._rate * _WORTHWHILE else self._vain + 1
            self._rate = rate
            self.doubles = self.doubles and self._vain < _VAIN_ROUNDS
            self.begin_round(limit, now)
