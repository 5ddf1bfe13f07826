"""Records of a fault server: every request, and sums that tests assert on.

Written on the server's loop, read from other threads: each reading is one copy of one list or mapping.
"""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aios3.testing.faults import Fault, SeenRequest


@dataclass(frozen=True, slots=True)
class Counts:
    """Sums over what a server has seen since it started, or since its last ``reset()``."""

    requests: Mapping[str, int]
    """Requests by operation."""
    faults: int
    """Requests and connections that had a fault."""
    connections: int
    """Connections that were accepted."""
    open_connections: int
    """Connections that are open now."""
    stalled: int
    """Requests and connections that a fault holds now."""
    received_bytes: int
    """Bytes of requests' bodies that were taken from clients."""
    sent_bytes: int
    """Bytes of responses' bodies that were sent to clients."""

    @property
    def total(self) -> int:
        """All requests."""
        return sum(self.requests.values())


class FaultCounters:
    """The running sums; written by one thread."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self.open_connections = 0
        self.stalled = 0
        self.clear()

    def clear(self) -> None:
        """Begin again, but for what is open now."""
        self._seen: list[SeenRequest] = []
        self._sums: Counter[str] = Counter()

    def saw(self, request: SeenRequest, fault: Fault | None) -> None:
        """Count a request, or a connection that had a fault."""
        self._seen.append(replace(request, fault=fault))
        self.changed()

    def add(self, name: str, count: int = 1) -> None:
        """Add to one of the sums."""
        self._sums[name] += count
        self.changed()

    def changed(self) -> None:
        """Wake who waits for a count."""
        with self._changed:
            self._changed.notify_all()

    @property
    def requests(self) -> tuple[SeenRequest, ...]:
        """Everything seen, in the order of arrival."""
        return tuple(self._seen)

    def counts(self) -> Counts:
        """Add up."""
        seen, sums = self.requests, dict(self._sums)
        operations = Counter(request.operation for request in seen if request.operation != "Connect")
        return Counts(
            requests=dict(operations),
            faults=sum(request.fault is not None for request in seen),
            connections=sums.get("connections", 0),
            open_connections=self.open_connections,
            stalled=self.stalled,
            received_bytes=sums.get("received", 0),
            sent_bytes=sums.get("sent", 0),
        )

    def wait(self, condition: Callable[[Counts], bool], timeout: float) -> Counts:
        """Return the counts as soon as ``condition`` holds for them; raise TimeoutError if it never does."""
        with self._changed:
            if not self._changed.wait_for(lambda: condition(self.counts()), timeout):
                message = f"the fault server waited {timeout:g} seconds in vain; it has seen {self.counts()}"
                raise TimeoutError(message)
            return self.counts()


def matches(request: SeenRequest, operation: str, key: str) -> bool:
    """Return whether a request has an operation and a key that fit two patterns."""
    return fnmatchcase(request.operation, operation) and fnmatchcase(request.key, key)
