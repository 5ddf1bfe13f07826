"""Who watches the requests of one session: counts always, a line of log and an event where somebody listens."""

from __future__ import annotations

import contextvars
import functools
import inspect
import logging
import time
from typing import TYPE_CHECKING

from aios3._events import OperationStats, RequestEvent, SessionStats
from aios3._logs import get_logger
from aios3._observe.attempts import Attempt, Tally
from aios3._observe.telling import Telling, failed
from aios3._paths import S3Url

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from aios3._events import RequestHook

_log = get_logger("aios3.request")
_LINE = "%s bucket=%r key=%r attempt=%d status=%s bytes=%d ms=%.1f request_id=%r backend=%s error=%s code=%r"

_NOWHERE = S3Url("")
_REQUEST_IDS = ("x-amz-request-id", "x-amzn-requestid", "x-amzn-request-id")
_LONGEST_ID = 200
_NO_REQUESTS = frozenset({"at_amazon"})
_NAMES = {
    "list_objects": "ListObjectsV2",
    "get_tags": "GetObjectTagging",
    "delete_versions": "DeleteObjects",
}
"""Calls of the backend that have not the name of their operation."""


def operation_of(call: Callable[..., object], args: Sequence[object]) -> str | None:
    """Return S3's name for a call of the backend, which may be its first argument; None if it sends nothing."""
    return args[0] if args and isinstance(args[0], str) else _operation_of(call.__name__)


@functools.cache
def _operation_of(call: str) -> str | None:
    return None if call in _NO_REQUESTS else _NAMES.get(call) or "".join(word.capitalize() for word in call.split("_"))


class Observer:
    """Counts what is done, and tells ``hook``."""

    def __init__(self, hook: RequestHook | None = None) -> None:
        self._hook = hook
        self.telling: Telling = Telling()
        """What runs of an async hook."""
        self.is_logging: Callable[[], bool] = functools.partial(_log.isEnabledFor, logging.DEBUG)
        self._tallies: dict[str, Tally] = {}

    def begin(self, operation: str, number: int, args: Sequence[object]) -> Attempt:
        """Begin attempt ``number`` of a call with these arguments, in the running task."""
        tally = self._tallies.get(operation)
        if tally is None:
            tally = self._tallies[operation] = Tally()
        attempt = Attempt(self, tally, operation, number, args)
        if self._hook is not None:
            attempt.context = contextvars.copy_context()
        return attempt

    def tell(self, attempt: Attempt) -> None:
        """Tell whoever listens that ``attempt`` is over."""
        event = _event_of(attempt)
        if self.is_logging():
            _write_line(event)
        if attempt.context is not None and self.telling.has_room():
            attempt.context.run(self._tell_hook, event)

    def _tell_hook(self, event: RequestEvent) -> None:
        assert self._hook is not None
        try:
            result = self._hook(event)
        except Exception as error:  # noqa: BLE001 - whatever it raises is the hook's, and is logged whole
            failed(error, event.operation)
            return
        if inspect.isawaitable(result):
            self.telling.start(result, event.operation)

    def stats(self, *, hedges: int, open_connections: int, budget_used: int, budget_limit: int) -> SessionStats:
        """Return what has been counted."""
        tallies = self._tallies.values()
        return SessionStats(
            requests=sum(tally.requests for tally in tallies),
            retries=sum(tally.retries for tally in tallies),
            hedges=hedges,
            errors=sum(tally.errors for tally in tallies),
            in_flight=sum(tally.begun - tally.ended for tally in tallies),
            bytes_read=sum(tally.bytes_read for tally in tallies),
            bytes_written=sum(tally.bytes_written for tally in tallies),
            open_connections=open_connections,
            budget_used=budget_used,
            budget_limit=budget_limit,
            events_dropped=self.telling.dropped,
            operations={operation: _stats_of(tally) for operation, tally in sorted(self._tallies.items())},
        )


def _stats_of(tally: Tally) -> OperationStats:
    p50, p95, p99 = (tally.times.quantile(share) for share in (0.50, 0.95, 0.99))
    return OperationStats(
        requests=tally.requests,
        retries=tally.retries,
        errors=tally.errors,
        bytes_read=tally.bytes_read,
        bytes_written=tally.bytes_written,
        p50_seconds=p50,
        p95_seconds=p95,
        p99_seconds=p99,
    )


def _event_of(attempt: Attempt) -> RequestEvent:
    url = _place_of(attempt.args)
    return RequestEvent(
        operation=attempt.operation,
        bucket=url.bucket,
        key=url.key,
        attempt=attempt.number,
        backend=attempt.backend,
        started=time.time() - attempt.seconds,
        seconds=attempt.seconds,
        first_byte_seconds=attempt.first_byte_seconds,
        bytes_read=attempt.bytes_read,
        bytes_written=attempt.bytes_written,
        status=attempt.status,
        request_id=_request_id_of(attempt),
        error=attempt.error,
        code=attempt.code,
    )


def _place_of(args: Sequence[object]) -> S3Url:
    """Return the path that a call is about; of a copy, which names two, the second."""
    places = [argument for argument in args[:2] if isinstance(argument, S3Url)]
    return places[-1] if places else _NOWHERE


def _request_id_of(attempt: Attempt) -> str | None:
    """Return the id that S3 has given; nothing that a server could disturb a log or a terminal with."""
    headers = attempt.headers or {}
    found = attempt.request_id or next((headers[name] for name in _REQUEST_IDS if headers.get(name)), None)
    return found if found and len(found) <= _LONGEST_ID and found.isascii() and found.isprintable() else None


def _write_line(event: RequestEvent) -> None:
    _log.debug(
        _LINE,
        event.operation,
        event.bucket,
        event.key,
        event.attempt,
        event.status,
        event.bytes_read + event.bytes_written,
        event.seconds * 1000,
        event.request_id,
        event.backend or None,
        event.error,
        event.code,
    )
