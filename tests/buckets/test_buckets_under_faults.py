"""Buckets behind a server that fails: what is sent again, what is not, and what is there afterwards."""

from __future__ import annotations

import pytest

import aios3
from aios3.testing import FaultyServer, faults


@pytest.fixture(scope="module")
def server():
    with FaultyServer() as running:
        yield running


@pytest.fixture
async def session(server, monkeypatch):
    monkeypatch.setattr("aios3._engine.retry_policy.retry_delay", lambda _failures: 0)
    server.reset()
    async with aios3.Session(**server.config | {"max_attempts": 3}) as opened:
        yield opened
    server.reset()


@pytest.fixture
async def bucket(session, request) -> aios3.Bucket:
    made = await aios3.Bucket(f"faulty-{abs(hash(request.node.name))}", session=session).create()
    await made.set_versioning(True)
    for number in range(5):
        await made.put_object(f"{number}", b"data")
    await made.delete_object("4")
    return made


@pytest.mark.parametrize("operation", ["ListObjectVersions", "DeleteObjects"])
@pytest.mark.parametrize("fault", [faults.Reset(), faults.DropResponse(), faults.SlowDown(), faults.InternalError()])
async def test_versions_are_deleted_through_a_fault(server, bucket, operation, fault):
    server.fail(operation, fault)
    assert await bucket.clear_objects(versions=True) == 6
    assert [each async for each in bucket.list_versions()] == []


@pytest.mark.parametrize("fault", [faults.Reset(), faults.SlowDown()])
async def test_a_fault_that_stays_is_raised_and_nothing_else_is_lost(server, bucket, fault):
    server.fail("DeleteObjects", fault, times=None)
    with pytest.raises(aios3.PartialFailureError) as caught:
        await bucket.clear_objects(versions=True)
    assert len(caught.value.failures) == 6
    with pytest.raises(aios3.PartialFailureError):
        await bucket.delete(force=True)
    assert server.count("DeleteBucket") == 0
    server.reset()
    assert len([each async for each in bucket.list_versions()]) == 6
    await bucket.delete(force=True)


@pytest.mark.parametrize("operation", ["GetBucketLifecycleConfiguration", "PutBucketLifecycleConfiguration"])
@pytest.mark.parametrize("fault", [faults.Reset(), faults.DropResponse(), faults.SlowDown()])
async def test_a_lifetime_is_set_through_a_fault(server, bucket, operation, fault):
    server.fail(operation, fault)
    await bucket.set_lifetime_in_days(3)
    assert await bucket.get_lifetime_in_days() == 3


@pytest.mark.parametrize("region", ["us-east-1", "eu-west-1"])
async def test_buckets_are_made_and_deleted_although_a_response_is_lost(server, session, region):
    """The second request meets what the first one has done."""
    async with aios3.Session(**server.config | {"region": region}) as there:
        bucket = aios3.Bucket(f"lost-in-{region}", session=there)
        server.fail("CreateBucket", faults.DropResponse())
        await bucket.create()
        assert await bucket.exists()
        server.fail("DeleteBucket", faults.DropResponse())
        await bucket.delete()
        assert server.count("DeleteBucket") == 2
        assert not await bucket.exists()
        with pytest.raises(aios3.BucketNotFoundError):
            await bucket.delete()


async def test_an_object_that_is_replaced_between_two_looks_is_not_mixed_up(server, bucket):
    found = await bucket.get_object("0")
    server.fail("GetObject", faults.ReplaceObject(b"something else"))
    with pytest.raises(aios3.ObjectChangedError):
        await found.body()
