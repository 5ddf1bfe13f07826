"""A server that refuses what it is told of checksums, in either direction, is served without them, and told of once."""

from __future__ import annotations

import logging
import random

import pytest
from fault_common import nothing_left

import aios3
from aios3.testing import faults

REFUSALS = [faults.Answer(501, "NotImplemented"), faults.Answer(400, "InvalidArgument")]
LARGE = random.Random(3).randbytes((5 << 20) + 10)


def speaks_of_checksums(request) -> bool:
    return any(name.startswith(("x-amz-checksum", "x-amz-sdk-checksum")) for name in request.headers)


@pytest.fixture
async def session(faulty, options):
    made = aios3.Session(**options(faulty, checksums="crc32"))
    async with nothing_left(made, faulty):
        yield made


@pytest.fixture(params=REFUSALS, ids=["501", "400"])
def picky(request, faulty):
    faulty.fail("*", request.param, key=speaks_of_checksums, times=None)
    return faulty


@pytest.mark.parametrize("data", [b"small", LARGE], ids=["small", "large"])
async def test_it_is_written_to_and_read_from(picky, session, bucket, admin, data, caplog):
    caplog.set_level(logging.WARNING, "aios3")
    for name in ("one", "two"):
        async with aios3.aopen(f"{bucket}/{name}", "wb", session=session) as writer:
            await writer.write(data)
        assert admin.get(f"{bucket}/{name}") == data
        assert await aios3.read_bytes(f"{bucket}/{name}", session=session) == data
        assert (await aios3.stat(f"{bucket}/{name}", session=session)).size == len(data)
    assert picky.counts().faults == 1
    assert len([record for record in caplog.records if "takes no checksums" in record.getMessage()]) == 1


@pytest.mark.parametrize("verb", ["read", "stat"])
async def test_what_only_reads_learns_it_too(picky, session, bucket, admin, verb):
    admin.put(f"{bucket}/data", b"x")
    refused = []
    for _ in range(2):
        refused.append(picky.counts().faults)
        if verb == "read":
            assert await aios3.read_bytes(f"{bucket}/data", session=session) == b"x"
        else:
            assert (await aios3.lstat(f"{bucket}/data", session=session)).size == 1
    assert 0 == refused[0] < refused[1] == picky.counts().faults


async def test_a_refusal_of_something_else_is_raised_and_nothing_is_learnt(faulty, session, bucket, admin):
    faulty.fail("PutObject", faults.Answer(400, "InvalidArgument"), times=2)
    with pytest.raises(aios3.RequestError):
        await aios3.write_bytes(f"{bucket}/data", b"x", session=session)
    await aios3.write_bytes(f"{bucket}/data", b"x", session=session)
    assert speaks_of_checksums(faulty.requests[-1])
