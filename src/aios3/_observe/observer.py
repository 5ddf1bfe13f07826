"""The observer of one session's requests: counts always, and a line of log and an event where they are wanted."""

from __future__ import annotations

import contextvars
import functools
import inspect
import logging
import time
from typing import TYPE_CHECKING

from aios3._events import OperationStats, RequestEvent, SessionStats
from aios3._logs import get_logger
from aios3._observe.attempts import Attempt, OperationCounters
from aios3._observe.hook_tasks import HookTasks, failed

if TYPE_CHECKING:
    from collections.abc import Callable

    from aios3._events import RequestHook
    from aios3._operations import Operation

_log = get_logger("aios3.request")
_LINE = "%s bucket=%r key=%r attempt=%d status=%s bytes=%d ms=%.1f request_id=%r backend=%s error=%s code=%r"

_REQUEST_IDS = ("x-amz-request-id", "x-amzn-requestid", "x-amzn-request-id")
_MAX_ID = 200


class Observer:
    """Counts requests, and calls ``hook``."""

    def __init__(self, hook: RequestHook | None = None) -> None:
        self._hook = hook
        self.hook_tasks: HookTasks = HookTasks()
        """The running tasks of an async hook."""
        self.logs_requests: Callable[[], bool] = functools.partial(_log.isEnabledFor, logging.DEBUG)
        self._counters: dict[str, OperationCounters] = {}

    def begin(self, operation: Operation[object], number: int) -> Attempt:
        """Begin attempt ``number`` of an operation, in the running task."""
        counters = self._counters.get(operation.name)
        if counters is None:
            counters = self._counters[operation.name] = OperationCounters()
        attempt = Attempt(self, counters, operation, number)
        if self._hook is not None:
            attempt.context = contextvars.copy_context()
        return attempt

    def emit(self, attempt: Attempt) -> None:
        """Report that ``attempt`` is over."""
        event = _event_of(attempt)
        if self.logs_requests():
            _write_line(event)
        if attempt.context is not None and self.hook_tasks.reserve():
            attempt.context.run(self._call_hook, event)

    def _call_hook(self, event: RequestEvent) -> None:
        assert self._hook is not None
        try:
            result = self._hook(event)
        except Exception as error:  # noqa: BLE001 - whatever it raises is the hook's, and is logged whole
            failed(error, event.operation)
            return
        if inspect.isawaitable(result):
            self.hook_tasks.start(result, event.operation)

    def stats(self, *, hedges: int, open_connections: int, budget_used: int, budget_limit: int) -> SessionStats:
        """Return what has been counted."""
        all_counters = self._counters.values()
        return SessionStats(
            requests=sum(counters.requests for counters in all_counters),
            retries=sum(counters.retries for counters in all_counters),
            hedges=hedges,
            errors=sum(counters.errors for counters in all_counters),
            in_flight=sum(counters.started - counters.ended for counters in all_counters),
            bytes_read=sum(counters.bytes_read for counters in all_counters),
            bytes_written=sum(counters.bytes_written for counters in all_counters),
            open_connections=open_connections,
            budget_used=budget_used,
            budget_limit=budget_limit,
            events_dropped=self.hook_tasks.dropped,
            operations={operation: _stats_of(counters) for operation, counters in sorted(self._counters.items())},
        )


def _stats_of(counters: OperationCounters) -> OperationStats:
    p50, p95, p99 = (counters.times.quantile(share) for share in (0.50, 0.95, 0.99))
    return OperationStats(
        requests=counters.requests,
        retries=counters.retries,
        errors=counters.errors,
        bytes_read=counters.bytes_read,
        bytes_written=counters.bytes_written,
        p50_seconds=p50,
        p95_seconds=p95,
        p99_seconds=p99,
    )


def _event_of(attempt: Attempt) -> RequestEvent:
    assert attempt.operation is not None, "an attempt is told of when it ends"
    url = attempt.operation.url
    return RequestEvent(
        operation=attempt.operation.name,
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


def _request_id_of(attempt: Attempt) -> str | None:
    """Return the id that S3 has given; nothing that a server could disturb a log or a terminal with."""
    headers = attempt.headers or {}
    text = attempt.request_id or next((headers[name] for name in _REQUEST_IDS if headers.get(name)), None)
    return text if text and len(text) <= _MAX_ID and text.isascii() and text.isprintable() else None


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
