"""Spans and metrics of OpenTelemetry for every attempt, by its semantic conventions for AWS SDKs and S3."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING

from opentelemetry import metrics, trace

if TYPE_CHECKING:
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import TracerProvider

    from aios3._events import RequestEvent

__all__ = ["RequestTelemetry"]

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)
"""Boundaries of classes that the conventions advise for durations of calls."""
_NANOSECONDS = 1_000_000_000


class RequestTelemetry:
    """An ``on_request`` hook that makes a span and metrics of each attempt; needs ``pip install opentelemetry-api``.

    A span is named ``S3.GetObject`` and the like, and lasts as long as the attempt. It is a child of the span that was
    current in the caller of the request. The metrics are ``rpc.client.call.duration``, a histogram in seconds, and
    ``aios3.client.io``, bytes of object data by ``network.io.direction``. Without providers the global ones are used;
    only then can it be pickled.
    """

    def __init__(
        self, *, tracer_provider: TracerProvider | None = None, meter_provider: MeterProvider | None = None
    ) -> None:
        self._is_global = tracer_provider is None and meter_provider is None
        self._tracer = trace.get_tracer("aios3", tracer_provider=tracer_provider)
        meter = metrics.get_meter("aios3", meter_provider=meter_provider)
        self._durations = meter.create_histogram(
            "rpc.client.call.duration",
            unit="s",
            description="Duration of one attempt of a request to S3.",
            explicit_bucket_boundaries_advisory=_SECONDS,
        )
        self._bytes = meter.create_counter(
            "aios3.client.io", unit="By", description="Bytes of object data that were received and acknowledged."
        )

    def __repr__(self) -> str:
        return f"<aios3.otel.RequestTelemetry {'global' if self._is_global else 'own'} providers>"

    def __reduce__(self) -> tuple[type[RequestTelemetry], tuple[()]]:
        if not self._is_global:
            message = "RequestTelemetry with providers of its own cannot be pickled; set the global ones"
            raise pickle.PicklingError(message)
        return type(self), ()

    def __call__(self, event: RequestEvent) -> None:
        """Record one attempt."""
        self._record_span(event)
        common = _common(event)
        self._durations.record(event.seconds, common)
        for direction, count in (("receive", event.bytes_read), ("transmit", event.bytes_written)):
            if count:
                self._bytes.add(count, {**_RPC, "rpc.method": event.operation, "network.io.direction": direction})

    def _record_span(self, event: RequestEvent) -> None:
        started = int(event.started * _NANOSECONDS)
        span = self._tracer.start_span(
            f"S3.{event.operation}",
            kind=trace.SpanKind.CLIENT,
            attributes=_common(event) | _details(event),
            start_time=started,
        )
        if event.error:
            span.set_status(trace.StatusCode.ERROR, event.code or event.error)
        span.end(end_time=started + int(event.seconds * _NANOSECONDS))


_RPC = {"rpc.system": "aws-api", "rpc.system.name": "aws-api", "rpc.service": "S3"}
"""Attributes that are the same for all: the name of the system also as newer versions of the conventions call it."""


def _common(event: RequestEvent) -> dict[str, str | int]:
    """Return the attributes of spans and metrics: those that have few values."""
    attributes: dict[str, str | int] = {**_RPC, "rpc.method": event.operation}
    if event.status:
        attributes["http.response.status_code"] = event.status
    if event.error:
        attributes["error.type"] = event.code or event.error
    return attributes


def _details(event: RequestEvent) -> dict[str, str | int]:
    """Return the attributes of spans alone."""
    texts = {
        "aws.s3.bucket": event.bucket,
        "aws.s3.key": event.key,
        "aws.request_id": event.request_id,
        "aios3.backend": event.backend,
    }
    numbers = {
        "http.request.resend_count": event.attempt - 1,
        "http.request.body.size": event.bytes_written,
        "http.response.body.size": event.bytes_read,
    }
    return {name: value for name, value in {**texts, **numbers}.items() if value}
