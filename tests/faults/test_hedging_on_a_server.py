"""A request that hangs is overtaken by a second one, on both transports, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import random

import pytest
from fault_common import nothing_left

import aios3
from aios3._engine import hedging
from aios3._handles.resumable_get import ObjectSource
from aios3.testing import faults

READS = 130


@pytest.fixture
def path(bucket, admin):
    admin.put(f"{bucket}/data", b"x" * 1000)
    return f"{bucket}/data"


async def read_often(path, session):
    for _ in range(READS):
        await aios3.read_bytes(path, session=session)


async def test_a_request_that_hangs_is_overtaken(faulty, options, path):
    session = aios3.Session(**options(faulty, hedging=1.0))
    hedger = session.policy.hedger
    async with nothing_left(session, faulty):
        await read_often(path, session)
        assert READS <= faulty.count("GetObject") <= READS + hedger.sent  # one may be ended before it is sent
        won = hedger.won  # a busy machine is slow at times
        faulty.fail("GetObject", faults.Stall())
        assert await aios3.read_bytes(path, session=session) == b"x" * 1000
        assert hedger.won == won + 1
        assert faulty.counts().stalled + faulty.counts().faults > 0


async def test_few_requests_are_sent_twice(faulty, options, path):
    session = aios3.Session(**options(faulty))
    async with nothing_left(session, faulty):
        await read_often(path, session)
        assert faulty.count("GetObject") <= READS * 1.02 + 1


@pytest.mark.parametrize("hedging", [0, None])
async def test_none_is_overtaken_where_that_is_switched_off(faulty, options, path, hedging):
    session = aios3.Session(**options(faulty, hedging=hedging))
    async with nothing_left(session, faulty):
        await read_often(path, session)
        faulty.fail("GetObject", faults.Stall())
        reading = asyncio.create_task(aios3.read_bytes(path, session=session))
        await asyncio.to_thread(faulty.wait, lambda counts: counts.stalled == 1)
        faulty.release()
        assert await reading == b"x" * 1000
        assert faulty.count("GetObject") == READS + 1


@pytest.fixture
async def racing(faulty, options, bucket, admin, monkeypatch):
    """A session that knows how long bodies take, and may race for the next one."""
    monkeypatch.setattr(hedging, "_MIN_BODY_SAMPLES", 4)
    admin.put(f"{bucket}/long", LONG, ChecksumAlgorithm="CRC32")
    session = aios3.Session(**options(faulty, hedging=1.0, checksums="crc32"))
    async with nothing_left(session, faulty):
        for _ in range(4):
            assert await fetched(session, f"{bucket}/long") == LONG
        yield session


@pytest.mark.parametrize("fault", [faults.Stall(after=300_000), faults.SlowBody(bytes=1000, seconds=0.01)])
async def test_a_body_that_stops_coming_is_overtaken_by_a_request_for_the_rest(faulty, bucket, racing, fault):
    faulty.fail("GetObject", fault)
    hedger = racing.policy.hedger
    won, made = hedger.won, hedger.sent
    assert await fetched(racing, f"{bucket}/long") == LONG
    assert (hedger.won, hedger.sent) == (won + 1, made + 1)


async def test_what_a_second_request_brings_is_compared_with_the_checksum(faulty, bucket, racing):
    faulty.fail("GetObject", faults.Stall(after=300_000))
    faulty.fail("GetObject", faults.FlipByte(at=1000), nth=2)
    with pytest.raises(aios3.ChecksumMismatchError):
        await fetched(racing, f"{bucket}/long")
    assert racing.policy.hedger.won == 1


async def test_a_race_that_is_cancelled_leaves_nothing(faulty, bucket, racing):
    faulty.fail("GetObject", faults.Stall(after=300_000))
    faulty.fail("GetObject", faults.Stall(after=1000), nth=2)
    fetching = asyncio.create_task(fetched(racing, f"{bucket}/long"))
    await asyncio.to_thread(faulty.wait, lambda counts: counts.stalled == 2)
    assert racing.budget.used > 0
    fetching.cancel()
    await asyncio.wait({fetching})
    assert fetching.cancelled()


LONG = random.Random(1).randbytes(2 << 20)


async def fetched(session, path):
    """Fetch ``LONG`` in one request."""
    size = len(LONG)
    source = ObjectSource(session, aios3.S3Url.parse(path))
    whole, reached = bytearray(size), 0

    def received(count):
        nonlocal reached
        reached += count

    try:
        await source.open(0, size)
        await source.fetch(0, size, lambda: memoryview(whole)[reached : reached + 100_000], received)
    finally:
        await source.aclose()
    assert reached == size
    return bytes(whole)
