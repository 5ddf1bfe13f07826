"""How soon the servers of buckets have responded to the requests that opened objects: the shortest of several times.

A busy machine sees a near server respond late. Read-ahead for a far server then fills the link with requests, and each
of them takes long. So the responses to reads alone do not show the mistake.
"""

from __future__ import annotations

from collections import OrderedDict, deque

_RESPONSES = 8
"""The latest responses of a bucket that count. After as many a bucket that has become far is known as such."""
_MAX_BUCKETS = 64


class OpeningLatencies:
    """The latest latencies of each bucket; a bucket is any hashable value."""

    def __init__(self) -> None:
        self._by_bucket: OrderedDict[object, deque[float]] = OrderedDict()

    def record(self, bucket: object, seconds: float) -> None:
        """Note that an opening request had its response after ``seconds``."""
        latencies = self._by_bucket.get(bucket)
        if latencies is None:
            latencies = self._by_bucket[bucket] = deque(maxlen=_RESPONSES)
            if len(self._by_bucket) > _MAX_BUCKETS:
                self._by_bucket.popitem(last=False)
        else:
            self._by_bucket.move_to_end(bucket)
        latencies.append(seconds)

    def shortest(self, bucket: object) -> float | None:
        """Return the shortest of the latest latencies in seconds; None before there is one."""
        latencies = self._by_bucket.get(bucket)
        return min(latencies) if latencies else None
