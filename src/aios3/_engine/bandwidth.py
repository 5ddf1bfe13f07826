"""How much read-ahead a server deserves, from how its responses came so far.

A far server needs many requests in flight to fill the link, a near one a few; more than that only costs memory. What
one request takes is its latency plus its bytes at the rate of one connection. The best of both that were seen count,
because everything else may be due to this process. For a nearby server the measured rate is limited by this process, so
latency decides whether a server is near.

A busy machine sees a near server respond late, and many requests in flight keep it late. So in doubt a trial comes once
in a while: a few short requests with little beside them. The first quick response among them makes the server near.
"""

from __future__ import annotations

import sys

_TARGET_BYTES_PER_SECOND = 1_600_000_000
"""Read-ahead stops at this rate by default: more than one process takes in, so further requests would wait for us."""
_MIN_REQUESTS = 2
_INITIAL_REQUESTS = 4
"""Requests in flight as long as nothing is known."""
NEAR_LATENCY_SECONDS = 0.004
"""A server that responds within this time is near: on the machine, or in the same network."""
_DOUBTFUL_LATENCY_SECONDS = 0.016
"""A server that never responded within this time is far: no trial delays its reader."""
_FIRST_TRIAL_BYTES = 64 * 1024 * 1024
"""Bytes of one object before the first trial; each following one comes after four times as many."""
_TRIAL_RESPONSES = 4
_TRIAL_AHEAD_BYTES = 2 * 1024 * 1024
_MIN_SAMPLE_BYTES = 256 * 1024
"""Shorter arrivals say nothing about the rate: they were in the socket's buffer already."""
_MIN_SPLIT_SECONDS = 0.02
"""Seconds of one connection's bytes below which more requests do not pay."""


class BandwidthEstimator:
    """Latency and rate of the requests that read one object.

    ``target_bytes_per_second`` is the rate that read-ahead should reach.
    """

    def __init__(
        self, near_seconds: float = NEAR_LATENCY_SECONDS, target_bytes_per_second: int = _TARGET_BYTES_PER_SECOND
    ) -> None:
        self._target = target_bytes_per_second
        self._near_seconds = near_seconds
        self._latency: float | None = None
        self._rate = 0.0
        self._largest_sample = 0
        self._transferred = 0
        self._next_trial = _FIRST_TRIAL_BYTES
        self._trial_responses = 0
        """Responses that the present trial still waits for; 0 without one."""

    def record_latency(self, latency: float, in_flight: int = 1) -> None:
        """Note that a request's first byte came after ``latency`` seconds.

        When it began, ``in_flight`` requests for the object were under way, with it.
        """
        self._latency = latency if self._latency is None else min(latency, self._latency)
        if self._trial_responses and in_flight <= _MIN_REQUESTS:
            self._trial_responses -= 1

    def record_transfer(self, size: int, seconds: float) -> None:
        """Note that the ``size`` bytes after a first arrival came within ``seconds``."""
        self._transferred += size
        if self._transferred >= self._next_trial:
            self._next_trial = 4 * self._transferred
            self._trial_responses = _TRIAL_RESPONSES if self._is_doubtful else 0
        if size < max(_MIN_SAMPLE_BYTES, self._largest_sample // 2):
            return
        rate = size / max(seconds, 1e-6)
        # A connection begins with a burst: what a long request shows counts for more than what a short one did.
        self._rate = rate if size > self._largest_sample * 9 // 8 else max(self._rate, rate)
        self._largest_sample = max(self._largest_sample, size)

    @property
    def min_split_bytes(self) -> int:
        """Bytes that one request may have before it is worth while to share them among several.

        Of a near server one connection takes all that this process takes in.
        """
        return sys.maxsize if self._is_near else int(self._rate * _MIN_SPLIT_SECONDS)

    @property
    def parallelism(self) -> int:
        """Requests that bytes which are wanted together are shared among."""
        return _MIN_REQUESTS if self._is_near else _INITIAL_REQUESTS

    @property
    def _is_near(self) -> bool:
        return self._latency is not None and self._latency < self._near_seconds

    @property
    def _is_doubtful(self) -> bool:
        return self._latency is not None and 0 < self._near_seconds <= self._latency < _DOUBTFUL_LATENCY_SECONDS

    def readahead_bytes(self, request_size: int) -> int:
        """Return how many bytes to have in flight, in requests of ``request_size``, to be as fast as can be."""
        if self._latency is None or not self._rate:
            return _INITIAL_REQUESTS * request_size
        if self._is_near:
            return _MIN_REQUESTS * request_size
        if self._trial_responses:
            return _TRIAL_AHEAD_BYTES
        seconds = self._latency + request_size / self._rate
        return max(_MIN_REQUESTS * request_size, int(self._target * seconds))
