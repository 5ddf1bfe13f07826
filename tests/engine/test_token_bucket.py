"""A limited rate, in virtual time: what has passed at which moment."""

from __future__ import annotations

import asyncio

import pytest

import aios3
import virtual_time
from aios3._engine.token_bucket import TokenBucket
from aios3._limited_rate import LimitedBackend
from aios3._operations import GetObject, HeadObject, PutObject
from aios3.testing import LocalServer

RATE = 1000


def now() -> float:
    return asyncio.get_running_loop().time()


def test_those_who_share_a_rate_pass_in_turn_and_not_faster():
    async def check():
        bucket, passed = TokenBucket(RATE), []

        async def one(count):
            await bucket.take(count)
            passed.append((round(now(), 3), count))

        began = now()
        await asyncio.gather(*(one(count) for count in (500, 1000, 2000, 100)))
        return began, passed

    began, passed = virtual_time.run(check())
    assert began == 0
    assert passed == [(0.0, 500), (0.4, 1000), (1.4, 2000), (3.4, 100)]  # a tenth of a second was saved up


def test_a_rate_that_was_not_used_is_not_saved_up():
    async def check():
        bucket = TokenBucket(RATE)
        await bucket.take(100)
        await asyncio.sleep(3600)
        for _ in range(20):
            await bucket.take(100)
        return now() - 3600

    assert virtual_time.run(check()) == pytest.approx(1.8)


def test_bytes_of_a_cancelled_caller_hold_up_no_one():
    async def check():
        bucket = TokenBucket(RATE)
        await bucket.take(200)
        large = asyncio.create_task(bucket.take(1_000_000))
        await asyncio.sleep(0)
        large.cancel()
        await asyncio.wait([large])
        await bucket.take(100)
        return now()

    assert virtual_time.run(check()) == pytest.approx(0.1)


class Body:
    """A body of ``size`` bytes that all have come already."""

    start, etag, checksums = 0, None, {}

    def __init__(self, size):
        self.size = self.stop = self.left = size
        self.closed = False

    async def readinto(self, view):
        count = min(len(view), self.left)
        view[:count] = b"x" * count
        self.left -= count
        return count

    def close(self):
        self.closed = True


class Backend:
    """A backend that responds at once."""

    is_aws = False

    def __init__(self):
        self.sent = []

    async def send(self, operation):
        self.sent.append((operation.name, round(now(), 3)))
        return Body(5000) if isinstance(operation, GetObject) else None


URL = aios3.S3Url("bucket", "key")


def put(size):
    return PutObject(URL, (b"x" * size,), aios3._backend.PutOptions(), aios3._backend.Precondition(), None)


def test_uploads_begin_when_their_bytes_may_pass_and_others_are_not_held_up():
    async def check():
        backend = Backend()
        limited = LimitedBackend(backend, TokenBucket(RATE))
        await asyncio.gather(
            limited.send(put(2000)),
            limited.send(put(3000)),
            limited.send(put(0)),
            limited.send(HeadObject(URL, aios3._backend.GetOptions())),
        )
        return backend.sent

    sent = virtual_time.run(check())
    assert sorted(sent, key=lambda one: one[1]) == [
        ("PutObject", 0.0),
        ("PutObject", 0.0),
        ("HeadObject", 0.0),
        ("PutObject", 1.9),
    ]


@pytest.mark.parametrize("way", ["readinto", "receive", "read"])
def test_a_body_comes_in_pieces_at_the_rate(way):
    async def check():
        limited = LimitedBackend(Backend(), TokenBucket(RATE))
        body = await limited.send(GetObject(URL, 0, None, aios3._backend.GetOptions()))
        whole, pieces, filled = bytearray(5000), [], 0

        def buffer_updated(count):
            nonlocal filled
            pieces.append(count)
            filled += count

        if way == "read":
            whole = await body.read()
        elif way == "receive":
            await body.receive(5000, lambda: memoryview(whole)[filled:], buffer_updated)
        else:
            while count := await body.readinto(memoryview(whole)[filled:]):
                buffer_updated(count)
        return whole, pieces, now()

    whole, pieces, seconds = virtual_time.run(check())
    assert bytes(whole) == b"x" * 5000
    assert max(pieces, default=100) == 100
    assert seconds == pytest.approx(4.8, abs=0.11)


@pytest.fixture(scope="module")
def server():
    with LocalServer() as running:
        yield running


@pytest.mark.parametrize("transport", ["auto", "aiobotocore"])
async def test_all_bytes_of_a_session_are_counted_both_ways(monkeypatch, transport, tmp_path, server):
    taken = []

    async def take(_self, count):
        taken.append(count)

    monkeypatch.setattr(TokenBucket, "take", take)
    size = 12 * 1024 * 1024
    (tmp_path / "file").write_bytes(bytes(size))
    async with aios3.Session(**server.config, transport=transport, max_bytes_per_second=10**9) as session:
        assert session.policy.hedger is None
        await aios3.upload(tmp_path / "file", "s3://bucket/large", session=session)
        assert sum(taken) == size
        await aios3.write_bytes("s3://bucket/small", b"small", session=session)
        await aios3.download("s3://bucket/large", tmp_path / "back", session=session)
        assert await aios3.read_bytes("s3://bucket/small", session=session) == b"small"
    assert sum(taken) == 2 * size + 10
