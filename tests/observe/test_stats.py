"""What ``Session.stats()`` says happened is what happened, as the fault server in between has seen it."""

from __future__ import annotations

import asyncio
import contextvars
import dataclasses
import pickle

import pytest

import aios3
import aios3.sync
from aios3 import _operations as operations
from aios3._backend import GetOptions
from aios3.testing import faults

MIB = 1 << 20


async def test_the_counts_are_what_the_server_has_seen(watched, faulty, bucket, events):
    await aios3.write_bytes(f"{bucket}/a", b"x" * 3000, session=watched)
    assert await aios3.read_bytes(f"{bucket}/a", session=watched) == b"x" * 3000
    assert [path async for path in aios3.scan(bucket, session=watched)] == [f"{bucket}/a"]
    await aios3.stat(f"{bucket}/a", session=watched)
    with pytest.raises(aios3.ObjectNotFoundError):
        await aios3.read_bytes(f"{bucket}/none", session=watched)
    stats = watched.stats()
    assert stats.requests == faulty.counts().total == sum(each.requests for each in stats.operations.values())
    assert stats.requests == len(events)
    assert (stats.bytes_read, stats.bytes_written) == (3000, 3000)
    assert stats.operations["PutObject"].bytes_written == stats.operations["GetObject"].bytes_read == 3000
    assert stats.errors == sum(event.error is not None for event in events) > 0
    assert (stats.retries, stats.hedges, stats.in_flight) == (0, 0, 0)
    assert {"GetObject", "ListObjectsV2", "PutObject"} <= stats.operations.keys()


@pytest.mark.parametrize(
    ("operation", "name"),
    [
        (operations.HeadObject(aios3.S3Url("b", "k"), GetOptions()), "HeadObject"),
        (operations.ListObjects(aios3.S3Url("b")), "ListObjectsV2"),
        (operations.ListBuckets(), "ListBuckets"),
        (operations.Administer("GetBucketVersioning", aios3.S3Url("b"), {}), "GetBucketVersioning"),
        (operations.DeleteVersions(aios3.S3Url("b"), []), "DeleteObjects"),
        (operations.GetObjectTagging(aios3.S3Url("b")), "GetObjectTagging"),
    ],
)
def test_operations_have_the_names_that_s3_gives_them(operation, name):
    assert operation.name == name


async def test_a_hedging_request_is_counted_and_reported_in_the_context_of_the_first(config, faulty, bucket):
    """A timer begins it, and a timer's context is that of whoever has set it: of any request before."""
    told: list[tuple[str, str]] = []
    label: contextvars.ContextVar[str] = contextvars.ContextVar("label")

    def hook(event: aios3.RequestEvent) -> None:
        told.append((event.operation, label.get()))

    label.set("before")
    async with aios3.Session(config, on_request=hook, hedging=1.0) as session:
        await aios3.write_bytes(f"{bucket}/a", b"abc", session=session)
        for _ in range(120):
            await aios3.read_bytes(f"{bucket}/a", session=session)
        made = session.stats().hedges
        told.clear()
        label.set("slow")
        faulty.fail("GetObject", faults.Stall())
        assert await aios3.read_bytes(f"{bucket}/a", session=session) == b"abc"
        stats = session.stats()
        faulty.release()
    assert stats.hedges == made + 1
    assert stats.in_flight == 0
    assert told
    assert {label for _, label in told} == {"slow"}


async def test_a_write_in_parts_counts_every_byte_once(watched, bucket):
    async with aios3.aopen(f"{bucket}/large", "wb", session=watched) as writer:
        for _ in range(11):
            await writer.write(bytes(MIB))
    operations = watched.stats().operations
    assert operations["UploadPart"].requests == 3
    assert operations["UploadPart"].bytes_written == watched.stats().bytes_written == 11 * MIB
    assert operations["CreateMultipartUpload"].requests == operations["CompleteMultipartUpload"].requests == 1
    async with aios3.aopen(f"{bucket}/large", session=watched) as reader:
        assert len(await reader.read()) == 11 * MIB
    assert watched.stats().bytes_read == 11 * MIB


async def test_repetitions_and_their_failures_are_counted(watched, faulty, bucket):
    faulty.fail("PutObject", faults.InternalError(), times=2)
    await aios3.write_bytes(f"{bucket}/a", b"abc", session=watched)
    put = watched.stats().operations["PutObject"]
    assert (put.requests, put.retries, put.errors, put.bytes_written) == (3, 2, 2, 3)


async def test_a_request_on_a_stale_connection_is_counted_but_not_as_a_retry(
    watched, transport, faulty, bucket, events
):
    if transport == "aiobotocore":
        pytest.skip("aiobotocore does not say when it replaces a connection")
    await aios3.write_bytes(f"{bucket}/a", b"abc", session=watched)
    faulty.fail("PutObject", faults.Reset(), times=1)
    await aios3.write_bytes(f"{bucket}/a", b"abc", session=watched)
    put = watched.stats().operations["PutObject"]
    assert put.requests == faulty.count("PutObject") == 3
    assert (put.retries, put.errors) == (0, 0)
    assert [event.attempt for event in events] == [1, 1]


async def test_what_a_rejection_teaches_takes_a_second_request_of_the_same_attempt(
    watched, transport, faulty, bucket, events
):
    if transport == "aiobotocore":
        pytest.skip("aiobotocore does not say when it asks again")
    faulty.fail("PutObject", faults.WrongRegion(status=400), times=1)
    await aios3.write_bytes(f"{bucket}/a", b"abc", session=watched)
    assert watched.stats().requests == faulty.counts().total == 2
    assert [(event.attempt, event.status) for event in events] == [(1, 200)]


async def test_a_body_that_breaks_counts_what_came_of_it(watched, faulty, bucket, events):
    data = bytes(200 * 1024)
    await aios3.write_bytes(f"{bucket}/a", data, session=watched)
    faulty.fail("GetObject", faults.ResetAfter(100 * 1024), times=1)
    assert await aios3.read_bytes(f"{bucket}/a", session=watched) == data
    got = watched.stats().operations["GetObject"]
    broken, *_ = [event for event in events if event.operation == "GetObject"]
    assert (got.requests, got.errors) == (2, 1)
    assert broken.error in {"ConnectionFailedError", "TruncatedBodyError"}
    assert broken.bytes_read <= 100 * 1024
    assert got.bytes_read <= 300 * 1024


async def test_what_is_held_now_is_shown_while_it_is_held(watched, transport, bucket):
    await aios3.write_bytes(f"{bucket}/a", bytes(MIB), session=watched)
    assert watched.stats().budget_used == 0
    async with aios3.aopen(f"{bucket}/a", session=watched) as reader:
        await reader.read(10)
        stats = watched.stats()
        assert stats.budget_used == watched.budget.used > 0
        assert stats.budget_limit == 16 * MIB
        assert stats.open_connections >= (transport == "auto")
    await watched.aclose()
    after = watched.stats()
    assert (after.budget_used, after.open_connections, after.in_flight) == (0, 0, 0)


async def test_a_cancelled_request_ends_and_changes_no_quantile(watched, faulty, bucket, events):
    await aios3.exists(f"{bucket}/a", session=watched)
    done = watched.stats()
    faulty.fail("PutObject", faults.Stall(), times=None)
    writing = asyncio.create_task(aios3.write_bytes(f"{bucket}/a", b"abc", session=watched))
    while not watched.stats().in_flight:
        await asyncio.sleep(0)
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing
    stats = watched.stats()
    assert stats.in_flight == 0
    assert stats.errors == done.errors
    assert stats.operations["PutObject"].p99_seconds == 0.0
    assert [event.error for event in events if event.operation == "PutObject"] == ["CancelledError"]
    faulty.release()


async def test_quantiles_are_in_order_and_of_the_operations(watched, bucket):
    for number in range(20):
        await aios3.write_bytes(f"{bucket}/{number}", b"abc", session=watched)
    put = watched.stats().operations["PutObject"]
    assert 0 < put.p50_seconds <= put.p95_seconds <= put.p99_seconds


async def test_a_snapshot_stays_as_it_is(watched, bucket):
    before = watched.stats()
    await aios3.exists(f"{bucket}/a", session=watched)
    assert before.requests == 0
    assert watched.stats().requests > 0
    with pytest.raises(dataclasses.FrozenInstanceError):
        before.requests = 5
    assert pickle.loads(pickle.dumps(watched.stats())) == watched.stats()


def test_a_blocking_session_reports_the_same_events(config, bucket):
    with aios3.sync.Session(config) as session:
        aios3.sync.write_bytes(f"{bucket}/a", b"abc", session=session)
        assert session.stats().bytes_written == 3
