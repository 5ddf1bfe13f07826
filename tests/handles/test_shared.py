"""A cache that files share: a block is fetched once, versions are never mixed, and the longest unused goes first."""

import asyncio
import os
import random

import pytest
from fake_s3 import MIB, URL, FakeS3
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nothing_left import nothing_left

import aios3
from aios3 import _session
from aios3._handles import shared
from aios3.errors import ClosedHandleError, ObjectChangedError, ObjectNotFoundError, from_response
from thorough import examples

pytestmark = pytest.mark.loop_variants

DATA = os.urandom(3 * MIB)


def opened(session, url=URL, key="k", **options):
    return aios3.aopen(url, buffering="shared", cache_key=key, session=session, **options)


def fetched(s3):
    return sum(min(d["stop"], 3 * MIB) - d["start"] for operation, _, d in s3.log if operation == "GetObject")


@settings(max_examples=examples(30), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(reads=st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3 * MIB), st.integers(0, 500_000)), max_size=12))
async def test_each_file_reads_its_own_bytes(monkeypatch, reads):
    s3 = FakeS3()
    monkeypatch.setattr(_session, "_make_transport", lambda *_args: s3)
    contents = {
        f"key{number}": random.Random(number).randbytes(size) for number, size in enumerate((3 * MIB, 0, 70_000))
    }
    for key, data in contents.items():
        s3.put(key, data)
    async with nothing_left(s3) as session:
        files = [await opened(session, f"s3://bucket/{key}") for key in contents]
        for number, start, size in reads:
            data = contents[f"key{number}"]
            assert await files[number].read_at(start, size) == data[start : start + size]
            await files[number].seek(start)
            assert await files[number].read(size) == data[start : start + size]
        for file in files:
            await file.aclose()


async def test_readers_at_once_fetch_each_block_once(s3, memory_session):
    s3.put("key.bin", DATA)
    files = await asyncio.gather(*(opened(memory_session) for _ in range(8)))
    assert (s3.calls["GetObject"], s3.calls["HeadObject"]) == (1, 7)
    assert await asyncio.gather(*(file.read() for file in files)) == [DATA] * 8
    assert fetched(s3) == len(DATA)
    assert memory_session.budget.used == memory_session.budget.retained == len(DATA)
    for file in files:
        await file.aclose()


async def test_the_cache_lives_as_long_as_a_file_is_open_under_its_key(s3, memory_session):
    s3.put("key.bin", DATA)
    s3.put("other", b"other")
    credential_cache = await opened(memory_session, "s3://bucket/other")
    for _ in range(3):
        async with opened(memory_session) as file:
            assert await file.read() == DATA
    assert fetched(s3) <= len(DATA) + 256 * 1024
    async with opened(memory_session, key="another") as file:
        assert await file.read(10) == DATA[:10]
    assert s3.calls["HeadObject"] == 2
    await credential_cache.aclose()
    assert memory_session.budget.used == 0
    assert not shared._caches.get(memory_session)


async def test_a_replaced_object_is_another_one(s3, memory_session):
    s3.put("key.bin", DATA)
    async with opened(memory_session) as old:
        assert await old.read(100_000) == DATA[:100_000]
        s3.put("key.bin", DATA[::-1])
        async with opened(memory_session) as new:
            assert await new.read() == DATA[::-1]
            assert await old.read_at(0, 100_000) == DATA[:100_000]
            with pytest.raises(ObjectChangedError):
                await old.read_at(2 * MIB, MIB)
            assert old.stat().etag != new.stat().etag
        with pytest.raises(ObjectChangedError):
            await opened(memory_session, if_match=old.stat().etag)


async def test_pressure_takes_the_longest_unused_blocks_whosoever_they_are(s3, memory_session):
    for key in ("key.bin", "b"):
        s3.put(key, DATA)
    async with opened(memory_session) as first, opened(memory_session, "s3://bucket/b") as second:
        await first.read()
        await second.read()
        budget = memory_session.budget
        assert budget.used == 2 * len(DATA)
        await budget.acquire(budget.limit - budget.used + MIB)
        budget.release(budget.limit - 2 * len(DATA) + MIB)
        assert budget.used <= 2 * len(DATA) - MIB
        s3.log.clear()
        assert await second.read_at(0, len(DATA)) == DATA
        assert fetched(s3) == 0
        assert await first.read_at(0, len(DATA)) == DATA
        assert fetched(s3) >= MIB


async def test_the_cache_keeps_half_the_budget_at_most(s3):
    s3.put("key.bin", os.urandom(30 * MIB))
    async with nothing_left(s3) as session, opened(session) as file:
        async for _ in file.chunks():
            pass
        assert session.budget.used <= session.budget.limit // 2 + MIB


async def test_a_failure_is_not_kept(s3, memory_session):
    s3.put("key.bin", DATA)
    async with opened(memory_session) as one, opened(memory_session) as two:

        def faults(operation, url, details):
            raise from_response(operation=operation, path=str(url), code="AccessDenied", status=403)

        s3.faults = faults
        outcomes = await asyncio.gather(one.read_at(MIB, 10), two.read_at(MIB, 10), return_exceptions=True)
        assert all(isinstance(outcome, PermissionError) for outcome in outcomes)
        s3.faults = None
        assert await one.read_at(MIB, 10) == DATA[MIB : MIB + 10]


async def test_closing_one_ends_its_waiting_and_not_the_others(s3, memory_session):
    s3.put("key.bin", DATA)
    gate = asyncio.Event()
    get = s3.get_object

    async def wait_and_get(*args, **kwargs):
        await gate.wait()
        return await get(*args, **kwargs)

    async with opened(memory_session) as other:
        file = await opened(memory_session)
        s3.get_object = wait_and_get
        reading, waiting = asyncio.create_task(file.read_at(MIB, 10)), asyncio.create_task(other.read_at(MIB, 10))
        for _ in range(5):
            await asyncio.sleep(0)
        await file.aclose()
        with pytest.raises(ClosedHandleError, match=r"key\.bin is closed"):
            await reading
        gate.set()
        assert await waiting == DATA[MIB : MIB + 10]


async def test_nothing_is_there(s3, memory_session):
    with pytest.raises(ObjectNotFoundError):
        await opened(memory_session)
    assert not shared._caches.get(memory_session)
