"""A request that hangs is overtaken by a second one, on both transports, and leaves nothing behind."""

from __future__ import annotations

import asyncio

import pytest
from fault_common import nothing_left

import aios3
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
    hedges = session.policy.hedges
    async with nothing_left(session, faulty):
        await read_often(path, session)
        assert READS <= faulty.count("GetObject") <= READS + hedges.made  # one may be ended before it is sent
        won = hedges.won  # a busy machine is slow at times
        faulty.fail("GetObject", faults.Stall())
        assert await aios3.read_bytes(path, session=session) == b"x" * 1000
        assert hedges.won == won + 1
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
