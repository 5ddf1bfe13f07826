"""What the methods of a bucket and of its objects cost, counted at the server."""

from __future__ import annotations

import asyncio
import io

import pytest

import aios3


@pytest.fixture
def bucket(aios3_bucket, aios3_session) -> aios3.Bucket:
    return aios3.Bucket(aios3_bucket, session=aios3_session)


async def ask_twice(found: aios3.S3Object) -> None:
    for _ in range(2):
        assert await found.size() == 4
        assert (await found.last_modified()).tzinfo is not None
        assert await found.metadata() == {"a": "1"}


async def test_what_is_known_is_not_asked_for(bucket, requests):
    written = await bucket.put_object("x", b"data", {"a": "1"})
    assert requests == ["PUT x"]
    await ask_twice(written)
    assert requests == ["PUT x", "HEAD x"]
    requests.clear()
    found = await bucket.get_object("x")
    assert requests == ["HEAD x"]
    await ask_twice(found)
    assert requests == ["HEAD x"]
    for _ in range(2):
        assert await found.body() == b"data"
    assert requests == ["HEAD x", "GET x"]


async def test_a_listing_knows_size_and_time(bucket, requests):
    await bucket.put_object("x", b"data", {"a": "1"})
    (listed,) = [each async for each in bucket.list_objects()]
    requests.clear()
    await listed.size()
    await listed.last_modified()
    assert requests == []
    await listed.metadata()
    assert requests == ["HEAD x"]


async def test_the_response_that_brings_the_body_describes_it(bucket, aios3_session, requests):
    await bucket.put_object("x", b"data", {"a": "1"})
    requests.clear()
    found = aios3.S3Object(f"{bucket.url}/x", session=aios3_session)
    assert await found.body() == b"data"
    await ask_twice(found)
    assert requests == ["GET x"]


async def test_single_requests(bucket, requests):
    await bucket.put_object("x", b"data")
    requests.clear()
    await bucket.download_object("x", io.BytesIO())
    await bucket.delete_object("x")
    await bucket.delete_object("x")
    await bucket.compute_url("x")
    assert requests == ["GET x", "DELETE x", "DELETE x"]


async def test_finding_a_few_asks_for_one_page(bucket, requests):
    for number in range(5):
        await bucket.put_object(f"{number}", b"")
    requests.clear()
    assert [each.key async for each in bucket.find_objects(max_keys=2)] == ["0", "1"]
    assert len(requests) == 1
    assert [each.key async for each in bucket.find_objects(max_keys=0)] == []
    assert len(requests) == 1
    with pytest.raises(aios3.ConfigError, match="negative"):
        [each async for each in bucket.find_objects(max_keys=-1)]


class OneByOne(io.RawIOBase):
    """An unbuffered file that takes three bytes at once."""

    def __init__(self) -> None:
        self.taken = bytearray()
        self.most = 3

    def writable(self) -> bool:
        return True

    def write(self, data) -> int:
        self.taken += data[: self.most]
        return len(data[: self.most])


async def test_a_file_that_takes_little_at_once_gets_everything(bucket):
    await bucket.put_object("x", bytes(range(100)))
    target = OneByOne()
    assert await bucket.download_object("x", target) == 100
    assert target.taken == bytes(range(100))
    target.most = 0
    with pytest.raises(aios3.ConfigError, match="took none"):
        await bucket.download_object("x", target)


async def test_an_async_file_is_written_on_the_loop(bucket):
    class Target:
        taken = b""

        async def write(self, data):
            self.taken += data

    await bucket.put_object("x", bytes(range(100)))
    target = Target()
    await bucket.download_object("x", target)
    assert target.taken == bytes(range(100))


async def test_what_the_file_raises_is_raised(bucket, aios3_session):
    class Full:
        def write(self, data):
            raise OSError(28, "No space left on device")

    await bucket.put_object("x", bytes(3 << 20))
    with pytest.raises(OSError, match="No space"):
        await bucket.download_object("x", Full())
    assert aios3_session.budget.used == 0


async def test_a_marker_takes_no_options(bucket):
    with pytest.raises(aios3.ConfigError, match="content_type"):
        await bucket.put_object("x/", b"", content_type="a/b")


async def test_a_page_of_versions_follows_another(bucket, aios3_session):
    await bucket.set_versioning(True)
    keys = [f"ä b+{number:04}%" for number in range(1100)]
    items = ((f"{bucket.url}/{key}", b"") for key in keys)
    assert len([each async for each in aios3.write_many(items, session=aios3_session)]) == 1100
    assert [each.key async for each in bucket.list_versions()] == keys
    assert await bucket.clear_objects(versions=True) == 1100


@pytest.mark.parametrize("region", ["us-east-1", "eu-west-1"])
@pytest.mark.parametrize("transport", ["auto", "aiobotocore"])
async def test_a_bucket_is_made_in_the_region_of_the_session(aios3_server, region, transport):
    async with aios3.Session(**aios3_server.config | {"region": region, "transport": transport}) as session:
        bucket = await aios3.Bucket(f"made-in-{region}-{transport}", session=session).create()
        response = await (await session.admin(bucket.url)).call_operation("GetBucketLocation", bucket.url, {})
        assert (response.get("LocationConstraint") or "us-east-1") == region
        with pytest.raises(aios3.BucketExistsError):
            await bucket.create()
        await bucket.delete()


async def test_a_download_cancelled_in_its_target_releases_everything(bucket, aios3_session):
    waiting = asyncio.Event()

    class Stuck:
        async def write(self, data):
            waiting.set()
            await asyncio.Event().wait()

    await bucket.put_object("x", bytes(3 << 20))
    task = asyncio.ensure_future(bucket.download_object("x", Stuck()))
    await waiting.wait()
    assert aios3_session.budget.used > 0
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert aios3_session.budget.used == 0
    assert aios3_session.tasks.active == 0
