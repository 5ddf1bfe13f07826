"""One attempt of one request: the values noted while it runs, to be counted and reported when it is over.

The backends do not know who watches. They report the response, and the attempt that the running task has started
takes note of it.
"""

from __future__ import annotations

import asyncio
import contextvars
from time import perf_counter
from typing import TYPE_CHECKING, Protocol, cast

from aios3._histogram import Histogram
from aios3._operations import GetObject
from aios3.errors import S3Error

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aios3._backend import ObjectBody
    from aios3._operations import Operation

_current: contextvars.ContextVar[Attempt | None] = contextvars.ContextVar("aios3 attempt", default=None)


class OperationCounters:
    """Totals of one operation so far."""

    __slots__ = ("bytes_read", "bytes_written", "ended", "errors", "requests", "retries", "started", "times")

    def __init__(self) -> None:
        self.started: int = 0
        self.ended: int = 0
        self.requests: int = 0
        self.retries: int = 0
        self.errors: int = 0
        self.bytes_read: int = 0
        self.bytes_written: int = 0
        self.times: Histogram = Histogram()


class Listener(Protocol):
    """The object that is called when an attempt has ended."""

    def logs_requests(self) -> bool:
        """Return whether each request gets a line in the log."""

    def emit(self, attempt: Attempt) -> None:
        """Report an attempt that has ended."""


class Attempt:
    """One attempt, from its beginning until it is over; ``context`` is the caller's, if the hook is to run there.

    ``done`` or ``failed`` ends it.
    """

    backend: str = ""
    status: int | None = None
    headers: Mapping[str, str] | None = None
    request_id: str | None = None
    error: str | None = None
    code: str | None = None
    context: contextvars.Context | None = None
    first_byte_seconds: float | None = None
    seconds: float = 0.0
    bytes_read: int = 0
    bytes_written: int = 0

    def __init__(
        self, observer: Listener, counters: OperationCounters, operation: Operation[object], number: int
    ) -> None:
        self.observer: Listener = observer
        self.counters: OperationCounters = counters
        self.operation: Operation[object] | None = operation
        self.number = number
        counters.started += 1
        if number > 1:
            counters.retries += 1
        _current.set(self)
        self.started: float = perf_counter()

    def done(self, result: object) -> None:
        """End it, now that there is a ``result``; a body that is still to come ends it later."""
        assert self.operation is not None
        if isinstance(self.operation, GetObject):
            self.first_byte_seconds = perf_counter() - self.started
            cast("ObjectBody", result).on_end(self._body_ended)
            return
        self.bytes_written = self.operation.body_size
        self.counters.bytes_written += self.bytes_written
        self._end()

    def _body_ended(self, received: int, failure: BaseException | None) -> None:
        self.bytes_read = received
        self.counters.bytes_read += received
        if failure is None:
            self._end()
        else:
            self.failed(failure)

    def failed(self, error: BaseException) -> None:
        """End it without a response, or with a rejection."""
        self.error = type(error).__name__
        if isinstance(error, S3Error):
            self.code, self.request_id = error.code, error.request_id
            self.status = error.status or self.status
        if isinstance(error, Exception):
            self.counters.errors += 1
        self._end(counts=not isinstance(error, asyncio.CancelledError))

    def _end(self, *, counts: bool = True) -> None:
        counters = self.counters
        self.seconds = perf_counter() - self.started
        counters.ended += 1
        if counts:
            counters.times.add(self.seconds)
        if self.context is not None or self.observer.logs_requests():
            self.observer.emit(self)
        # The context of a task may keep this for long: what it held must go, and the context that holds the one before.
        self.operation, self.headers, self.context = None, None, None


def record_sent(backend: str) -> None:
    """Count a request that the running task is about to send; one attempt may take several."""
    attempt = _current.get()
    if attempt is not None:
        attempt.backend = backend
        attempt.counters.requests += 1


def record_response(status: int, headers: Mapping[str, str]) -> None:
    """Take note of a response to the request that the running task has sent; header names are in lower case."""
    attempt = _current.get()
    if attempt is not None:
        attempt.status = status
        attempt.headers = headers
