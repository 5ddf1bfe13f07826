"""A hook hears of every attempt, whole and in the caller's context, and can break nothing."""

from __future__ import annotations

import asyncio
import contextvars
import copy
import logging
import pickle
import time

import pytest

import aios3
from aios3._backend import GetOptions
from aios3._observe.attempts import _current
from aios3.testing import faults

LABEL: contextvars.ContextVar[str] = contextvars.ContextVar("label", default="nobody")


def of_a_module(event):
    """Stand for a hook that can be pickled."""


async def test_an_event_says_all_of_its_request(watched, transport, faulty, bucket, events):
    before = time.time()
    await aios3.write_bytes(f"{bucket}/dir/a b", b"12345", session=watched)
    await aios3.read_bytes(f"{bucket}/dir/a b", session=watched)
    put, *_, got = [event for event in events if event.operation in {"PutObject", "GetObject"}]
    assert (put.operation, put.bucket, put.key) == ("PutObject", bucket.removeprefix("s3://"), "dir/a b")
    assert (put.attempt, put.status, put.error, put.code) == (1, 200, None, None)
    assert (put.bytes_written, put.bytes_read, put.first_byte_seconds) == (5, 0, None)
    assert (got.bytes_written, got.bytes_read) == (0, 5)
    assert 0 < got.first_byte_seconds <= got.seconds
    assert before <= put.started <= got.started <= time.time()
    assert put.backend == got.backend == {"auto": "native"}.get(transport, transport)
    assert put.request_id
    assert pickle.loads(pickle.dumps(put)) == put


async def test_every_attempt_is_reported_with_its_error(watched, faulty, bucket, events):
    faulty.fail("PutObject", faults.SlowDown(), times=1)
    faulty.fail("PutObject", faults.Garbage(), nth=2)
    await aios3.write_bytes(f"{bucket}/a", b"12345", session=watched)
    assert [(event.attempt, event.status, event.error, event.code) for event in events] == [
        (1, 503, "ThrottledError", "SlowDown"),
        (2, None, "ServerError", None),
        (3, 200, None, None),
    ]
    assert all(event.backend for event in events)


async def test_conditional_writes_are_reported_though_they_are_sent_once(watched, bucket, events):
    async with aios3.aopen(f"{bucket}/a", "xb", session=watched) as writer:
        await writer.write(b"abc")
    async with aios3.aopen(f"{bucket}/b", "xb", session=watched) as writer:
        await writer.write(bytes(6 << 20))
    told = [event.operation for event in events]
    assert told.count("PutObject") == told.count("CompleteMultipartUpload") == 1


async def test_a_copy_is_reported_with_its_target(watched, bucket, events):
    await aios3.write_bytes(f"{bucket}/a", b"abc", session=watched)
    await aios3.copy(f"{bucket}/a", f"{bucket}/b", session=watched)
    assert [event.key for event in events if event.operation == "CopyObject"] == ["b"]


async def test_a_hook_runs_in_the_context_of_the_caller(config, bucket):
    heard: list[tuple[str, str]] = []

    def hook(event: aios3.RequestEvent) -> None:
        heard.append((event.key, LABEL.get()))

    async def write(label: str) -> None:
        LABEL.set(label)
        await aios3.write_bytes(f"{bucket}/{label}", b"abc", session=session)
        async with aios3.aopen(f"{bucket}/{label}", session=session) as reader:
            await reader.read()

    async with aios3.Session(config, on_request=hook) as session:
        await asyncio.gather(*(write(label) for label in ("a", "b", "c")))
    assert len(heard) >= 6
    assert all(key == label for key, label in heard)


async def test_the_awaitable_of_a_hook_is_awaited_before_the_session_closes(config, bucket):
    heard: list[str] = []
    released = asyncio.Event()

    async def hook(event: aios3.RequestEvent) -> None:
        await released.wait()
        heard.append(event.operation)

    async with aios3.Session(config, on_request=hook) as session:
        await aios3.write_bytes(f"{bucket}/a", b"abc", session=session)
        assert heard == []  # the request did not wait for it
        assert session.observer.hook_tasks.running == 1
        released.set()
    assert heard == ["PutObject"]


@pytest.mark.parametrize("kind", ["sync", "async"])
async def test_a_hook_that_fails_breaks_no_request_and_is_logged(config, bucket, caplog, kind):
    def fails(event):
        raise LookupError(event.operation)

    async def fails_later(event):
        raise LookupError(event.operation)

    async with aios3.Session(config, on_request=fails if kind == "sync" else fails_later) as session:
        await aios3.write_bytes(f"{bucket}/a", b"abc", session=session)
        assert await aios3.read_bytes(f"{bucket}/a", session=session) == b"abc"
    logged = [record for record in caplog.records if record.name == "aios3.request"]
    assert len(logged) == 2
    assert [(record.levelno, str(record.exc_info[1])) for record in logged] == [
        (logging.ERROR, "PutObject"),
        (logging.ERROR, "GetObject"),
    ]


async def test_an_abandoned_body_is_reported_when_the_session_closes(config, bucket, events):
    async with aios3.Session(config, on_request=events.append) as session:
        await aios3.write_bytes(f"{bucket}/a", bytes(3 << 20), session=session)
        backend = await session.backend(aios3.S3Url.parse(bucket))
        options = GetOptions()
        body = await backend.get_object(aios3.S3Url.parse(f"{bucket}/a"), start=0, stop=None, options=options)
        assert await body.readinto(memoryview(bytearray(10))) == 10
        assert "GetObject" not in [event.operation for event in events]
    (got,) = [event for event in events if event.operation == "GetObject"]
    assert (got.bytes_read, got.error) == (10, None)


async def test_watching_a_long_lived_task_keeps_nothing_of_past_requests(config, bucket):
    """An attempt that kept its context would keep the one before it, and so on for ever."""
    async with aios3.Session(config, on_request=of_a_module) as session:
        for _ in range(3):
            await aios3.write_bytes(f"{bucket}/a", b"abc", session=session)
            last = _current.get()
            assert last is not None
            assert (last.context, last.operation, last.headers) == (None, None, None)


def test_only_functions_are_hooks():
    with pytest.raises(aios3.ConfigError, match="on_request"):
        aios3.Config(on_request="print")


def test_settings_with_a_hook_can_be_pickled_or_say_why_not():
    config = aios3.Config(region="eu", on_request=of_a_module)
    assert pickle.loads(pickle.dumps(config)) == config
    assert pickle.loads(pickle.dumps(aios3.Session(config))).config == config
    assert pickle.loads(pickle.dumps(aios3.Config(region="eu"))) == aios3.Config(region="eu")
    own = aios3.Config(on_request=lambda event: None)
    for value in (own, aios3.Session(own)):
        with pytest.raises(pickle.PicklingError, match=r"on_request.*function of a module"):
            pickle.dumps(value)
    assert copy.deepcopy(own) == copy.copy(own) == own
