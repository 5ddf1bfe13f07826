"""A server that limits requests is not run into for long; one that fails is not asked for ever."""

from __future__ import annotations

import asyncio

import pytest

import aios3
from aios3._backend import GetOptions, Precondition, PutOptions
from aios3.testing import faults


async def test_a_session_sends_fewer_requests_when_a_server_asks_for_it(faulty, options, bucket, monkeypatch):
    """How few are rejected by a server that limits their rate is tested in time that passes at once."""
    faulty.fail("HeadObject", faults.SlowDown(), times=None)
    async with aios3.Session(**options(faulty, max_attempts=1)) as session:
        slots = session.policy.limiter
        monkeypatch.setattr(slots, "_clock", lambda: 1000.0)  # rejections count if they come in one second
        at_first = slots.limit
        ended = await asyncio.gather(
            *(aios3.stat(f"{bucket}/{number}", session=session) for number in range(8)), return_exceptions=True
        )
        assert [type(error) for error in ended] == [aios3.ThrottledError] * 8
        assert slots.limit == at_first / 2


async def _missing(backend, url):
    with pytest.raises(aios3.ObjectNotFoundError):
        await backend.head_object(url, GetOptions())


async def _created(backend, url):
    await backend.put_object(url, [b"x"], options=PutOptions(), condition=Precondition(if_absent=True), checksum=None)


@pytest.mark.parametrize("work", [_missing, _created])
async def test_sessions_of_which_no_request_is_a_plain_success_get_more_room_too(faulty, options, bucket, work):
    async with aios3.Session(**options(faulty)) as session:
        at_first = session.policy.limiter.limit
        backend = await session.backend(aios3.S3Url.parse(bucket))
        await asyncio.gather(*(work(backend, aios3.S3Url.parse(f"{bucket}/{number}")) for number in range(40)))
        assert session.policy.limiter.limit > at_first


async def test_many_tasks_do_not_multiply_an_outage(faulty, options, bucket):
    faulty.fail("GetObject", faults.InternalError(), times=None)
    async with aios3.Session(**options(faulty, max_attempts=5)) as session:
        ended = await asyncio.gather(
            *(aios3.read_bytes(f"{bucket}/{number}", session=session) for number in range(200)), return_exceptions=True
        )
    assert all(isinstance(error, aios3.ServerError) for error in ended)
    assert any("many requests of this session fail" in str(error) for error in ended)
    assert faulty.count("GetObject") <= 200 + 100


async def test_a_body_that_cannot_be_resumed_fails_after_max_attempts(faulty, options, bucket, admin):
    admin.put(f"{bucket}/data", bytes(700_000))
    async with (
        aios3.Session(**options(faulty, max_attempts=3)) as session,
        aios3.aopen(f"{bucket}/data", session=session) as reader,
    ):
        faulty.fail("GetObject", faults.InternalError(), times=None)
        with pytest.raises(aios3.ServerError):
            await reader.read_at(600_000, 10)
    assert sum(request.fault is not None for request in faulty.requests) == 3


@pytest.mark.parametrize("asked", [0, 1])
async def test_a_server_is_waited_for_as_long_as_it_asks(faulty, options, bucket, admin, asked, monkeypatch):
    waited = []
    real = asyncio.sleep

    async def sleep(seconds, *more):
        waited.append(seconds)
        await real(0, *more)

    monkeypatch.setattr("aios3._request_attempts.asyncio.sleep", sleep)
    admin.put(f"{bucket}/data", b"x")
    faulty.fail("GetObject", faults.SlowDown(retry_after=asked))
    async with aios3.Session(**options(faulty)) as session:
        assert await aios3.read_bytes(f"{bucket}/data", session=session) == b"x"
    assert any(seconds >= 1 for seconds in waited) == bool(asked)
