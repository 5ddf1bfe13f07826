"""Spans and metrics are what happened, and each span is a child of the one that asked, across tasks."""

from __future__ import annotations

import asyncio
import pickle

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

import aios3
from aios3.otel import RequestTelemetry
from aios3.testing import faults


class Recorded:
    """Providers of the test's own, and what they were told."""

    def __init__(self) -> None:
        self.exporter = InMemorySpanExporter()
        self.tracer_provider = TracerProvider()
        self.tracer_provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.reader = InMemoryMetricReader()
        self.meter_provider = MeterProvider([self.reader])
        self.hook = RequestTelemetry(tracer_provider=self.tracer_provider, meter_provider=self.meter_provider)
        self.tracer = self.tracer_provider.get_tracer("test")

    def spans(self, name: str) -> list:
        return [span for span in self.exporter.get_finished_spans() if span.name == name]

    def points(self, name: str) -> list:
        data = self.reader.get_metrics_data()
        found = [metric for each in data.resource_metrics for scope in each.scope_metrics for metric in scope.metrics]
        return [point for metric in found if metric.name == name for point in metric.data.data_points]


@pytest.fixture
def recorded():
    made = Recorded()
    yield made
    made.tracer_provider.shutdown()
    made.meter_provider.shutdown()


@pytest.fixture
async def traced(config, recorded):
    async with aios3.Session(config, on_request=recorded.hook) as opened:
        yield opened


async def test_a_span_has_what_the_conventions_ask_for(traced, recorded, transport, bucket):
    await aios3.write_bytes(f"{bucket}/a b", b"12345", session=traced)
    (span,) = recorded.spans("S3.PutObject")
    attributes = dict(span.attributes)
    assert attributes.pop("aws.request_id")
    assert attributes == {
        "rpc.system": "aws-api",
        "rpc.system.name": "aws-api",
        "rpc.service": "S3",
        "rpc.method": "PutObject",
        "aws.s3.bucket": bucket.removeprefix("s3://"),
        "aws.s3.key": "a b",
        "http.response.status_code": 200,
        "http.request.body.size": 5,
        "aios3.backend": {"auto": "native"}.get(transport, transport),
    }
    assert span.kind is SpanKind.CLIENT
    assert span.status.status_code is StatusCode.UNSET
    assert span.end_time > span.start_time


async def test_each_attempt_is_a_span_and_says_what_was_wrong(traced, recorded, faulty, bucket):
    faulty.fail("PutObject", faults.SlowDown(), times=1)
    await aios3.write_bytes(f"{bucket}/a", b"12345", session=traced)
    rejected, done = recorded.spans("S3.PutObject")
    assert (rejected.status.status_code, rejected.status.description) == (StatusCode.ERROR, "SlowDown")
    assert rejected.attributes["error.type"] == "SlowDown"
    assert rejected.attributes["http.response.status_code"] == 503
    assert "http.request.resend_count" not in rejected.attributes
    assert done.attributes["http.request.resend_count"] == 1
    assert done.start_time >= rejected.end_time - 1_000_000  # of two clocks


async def test_a_span_is_a_child_of_the_one_that_asked_whichever_task_sends_it(traced, recorded, bucket):
    async def use(name: str) -> int:
        with recorded.tracer.start_as_current_span(name) as own:
            await aios3.write_bytes(f"{bucket}/{name}", bytes(600_000), session=traced)
            async with aios3.aopen(f"{bucket}/{name}", session=traced) as reader:
                await asyncio.create_task(reader.read(300_000))  # read-ahead runs in tasks of the reader's
                await reader.read()
        return own.get_span_context().span_id

    names = ["a", "b", "c"]
    owners = dict(zip(names, await asyncio.gather(*map(use, names)), strict=True))
    spans = recorded.spans("S3.PutObject") + recorded.spans("S3.GetObject")
    assert len(recorded.spans("S3.GetObject")) > 3
    assert [span.parent.span_id for span in spans] == [owners[span.attributes["aws.s3.key"]] for span in spans]


async def test_metrics_count_attempts_and_bytes(traced, recorded, faulty, bucket):
    faulty.fail("PutObject", faults.InternalError(), times=1)
    await aios3.write_bytes(f"{bucket}/a", b"12345", session=traced)
    await aios3.read_bytes(f"{bucket}/a", session=traced)
    puts = [
        point for point in recorded.points("rpc.client.call.duration") if point.attributes["rpc.method"] == "PutObject"
    ]
    assert sorted((point.attributes.get("error.type", ""), point.count) for point in puts) == [
        ("", 1),
        ("InternalError", 1),
    ]
    moved = {
        (point.attributes["rpc.method"], point.attributes["network.io.direction"]): point.value
        for point in recorded.points("aios3.client.io")
    }
    assert moved == {("PutObject", "transmit"): 5, ("GetObject", "receive"): 5}
    assert not any("aws.s3.key" in point.attributes for point in puts)  # one series an object would be too many


def test_only_one_with_the_global_providers_can_be_pickled(recorded):
    config = aios3.Config(on_request=RequestTelemetry())
    assert isinstance(pickle.loads(pickle.dumps(config)).on_request, RequestTelemetry)
    with pytest.raises(pickle.PicklingError, match="providers of its own"):
        pickle.dumps(aios3.Config(on_request=recorded.hook))
    assert "global" in repr(RequestTelemetry())
    assert "own" in repr(recorded.hook)
