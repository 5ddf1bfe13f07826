"""The reader against a file in memory, and what it promises when the object or the connection does not hold still."""

import asyncio
import gc
import io
import os
import random
import warnings

import pytest
from fake_s3 import MIB, URL, FakeS3
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nothing_left import nothing_left

import aios3
from aios3 import _session
from aios3._engine import retry_policy
from aios3._handles.reader import INITIAL_GET_BYTES
from aios3.errors import (
    ClosedHandleError,
    ConnectionFailedError,
    InvalidRangeError,
    ObjectChangedError,
    RequestTimeoutError,
    ServerError,
    TruncatedBodyError,
    UnsupportedError,
    WrongLoopError,
)
from thorough import examples

pytestmark = pytest.mark.loop_variants

KIB = 1024


@pytest.fixture(autouse=True)
def no_delay(monkeypatch):
    monkeypatch.setattr(retry_policy, "retry_delay", lambda failures: 0)


def content(size, seed=1):
    rng = random.Random(seed)
    return bytes(rng.choice(b"abcdefgh\n\n") for _ in range(min(size, 3000))) + rng.randbytes(max(size - 3000, 0))


OPERATIONS = st.one_of(
    st.tuples(st.just("read"), st.one_of(st.none(), st.integers(-1, 300_000))),
    st.tuples(st.just("readinto"), st.integers(0, 200_000)),
    st.tuples(st.just("readline"), st.integers(-1, 5000)),
    st.tuples(st.just("seek"), st.integers(0, 700_000), st.just(0)),
    st.tuples(st.just("seek"), st.integers(-100, 100), st.just(1)),
    st.tuples(st.just("seek"), st.integers(-700_000, 10), st.just(2)),
    st.tuples(st.just("tell")),
)


async def apply(file, operation, *arguments):
    """Do one operation on either kind of file, and return what can be compared."""
    try:
        if operation == "readinto":
            buffer = bytearray(arguments[0])
            result = file.readinto(buffer)
            result = await result if asyncio.iscoroutine(result) else result
            return result, bytes(buffer)
        result = getattr(file, operation)(*arguments)
        return await result if asyncio.iscoroutine(result) else result
    except ValueError:
        return "rejected"


@settings(max_examples=examples(120), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    size=st.sampled_from([0, 1, 2999, 64 * KIB, 256 * KIB, 256 * KIB + 1, 600_000]),
    steps=st.lists(OPERATIONS, max_size=12),
)
async def test_reads_like_a_file_in_memory(monkeypatch, size, steps):
    s3 = FakeS3()
    monkeypatch.setattr(_session, "_make_transport", lambda *_args: s3)
    data = content(size)
    s3.put("key.bin", data)
    async with nothing_left(s3) as session, aios3.aopen(URL, session=session) as file:
        oracle = io.BytesIO(data)
        for step in steps:
            if step[0] == "seek" and step[2] == 1 and oracle.tell() + step[1] < 0:
                continue  # BytesIO stops at 0 where a file on disk, and we, reject
            if step[0] == "seek" and step[2] == 2 and size + step[1] < 0:
                continue
            assert await apply(file, *step) == await apply(oracle, *step), step
            assert file.tell() == oracle.tell()


@settings(max_examples=examples(40), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ranges=st.lists(st.tuples(st.integers(0, 700_000), st.integers(0, 300_000)), max_size=10))
async def test_read_ranges_and_read_at_are_slices(monkeypatch, ranges):
    s3 = FakeS3()
    monkeypatch.setattr(_session, "_make_transport", lambda *_args: s3)
    data = content(600_000)
    s3.put("key.bin", data)
    pairs = [(start, start + length) for start, length in ranges]
    async with nothing_left(s3) as session, aios3.aopen(URL, session=session) as file:
        assert await file.read_ranges(pairs) == [data[a:b] for a, b in pairs]
        found = await asyncio.gather(*(file.read_at(a, b - a) for a, b in pairs))
        assert found == [data[a:b] for a, b in pairs]
        assert file.tell() == 0


async def test_opening_costs_one_get_and_a_small_object_no_more(s3, memory_session):
    data = content(100_000)
    s3.put("key.bin", data)
    async with aios3.aopen(URL, session=memory_session) as file:
        assert await file.read() == data
        assert file.size == len(data)
        assert file.stat().etag == s3.objects["key.bin"].stat.etag
    assert s3.calls == {"GetObject": 1}


async def test_a_response_never_holds_its_connection_while_it_waits_for_memory(s3, memory_session):
    s3.put("key.bin", bytes(MIB))
    budget = memory_session.budget
    await budget.acquire(budget.limit - INITIAL_GET_BYTES)
    reading = asyncio.create_task(aios3.read_bytes(URL, session=memory_session))
    while not s3.calls["GetObject"]:
        await asyncio.sleep(0)
    await budget.acquire(
        INITIAL_GET_BYTES
    )  # asked for while the first response comes, given when that turns out not to be all
    while not budget.waiting:
        await asyncio.sleep(0)
    assert s3.open_bodies == 0
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    budget.release(budget.limit)


async def test_a_small_read_somewhere_fetches_only_itself(s3, memory_session):
    s3.put("key.bin", bytes(50_000_000))
    async with aios3.aopen(URL, session=memory_session) as file:
        await file.seek(40_000_000)
        assert len(await file.read(4096)) == 4096
        await file.seek(10_000_000)
        assert len(await file.read(100)) == 100
    asked = [(details["start"], details["stop"]) for _, _, details in s3.log[1:]]
    assert asked == [(40_000_000, 40_004_096), (10_000_000, 10_000_100)]


async def test_reading_on_earns_longer_and_parallel_requests(s3, memory_session):
    s3.put("key.bin", bytes(8_000_000))
    async with aios3.aopen(URL, session=memory_session) as file:
        while await file.read(20_000):
            pass
    lengths = [details["stop"] - details["start"] for _, _, details in s3.log]
    assert max(lengths) == 256 * KIB
    assert len(lengths) <= 8_000_000 // (256 * KIB) + 6


async def test_lines_are_those_of_a_file(s3, memory_session):
    data = b"first\n\nthird\r\nfourth" + b"x" * 200_000 + b"\n" + b"many\n" * 60_000 + b"last"
    s3.put("key.bin", data)
    async with aios3.aopen(URL, session=memory_session) as file:
        assert [line async for line in file] == io.BytesIO(data).readlines()
        await file.seek(0)
        assert await file.readlines(8) == io.BytesIO(data).readlines(8)


async def test_the_position_follows_lines_one_by_one(s3, memory_session):
    s3.put("key.bin", b"one\ntwo\nthree\nfour\n")
    async with aios3.aopen(URL, session=memory_session) as file:
        async for line in file:
            if line == b"two\n":
                break
        assert file.tell() == 8
        assert await file.read(5) == b"three"
        seen = []
        async for line in file:
            seen.append(line)
            await file.seek(0, os.SEEK_END)
        assert seen == [b"\n"]


async def test_chunks_are_the_rest_of_the_object_in_stable_views(s3, memory_session):
    data = content(900_000)
    s3.put("key.bin", data)
    async with aios3.aopen(URL, session=memory_session) as file:
        await file.read(10)
        views = [view async for view in file.chunks(50_000)]
        assert b"".join(views) == data[10:]
        assert all(view.readonly and 0 < len(view) <= 50_000 for view in views)
        await file.seek(0)
        assert max([len(view) async for view in file.chunks()]) <= 64 * KIB
        with pytest.raises(InvalidRangeError):
            await anext(file.chunks(0))


async def test_several_tasks_share_the_position_and_no_byte_is_read_twice(s3, memory_session):
    data = content(600_000)
    s3.put("key.bin", data)
    async with aios3.aopen(URL, session=memory_session) as file:
        pieces = await asyncio.gather(*(file.read(30_000) for _ in range(20)))
    assert sorted(pieces) == sorted(data[i : i + 30_000] for i in range(0, 600_000, 30_000))


@pytest.mark.parametrize("broken_after", [0, 1, 50_000, 100_000, 199_999])
@pytest.mark.parametrize("error", [None, ConnectionFailedError("reset"), RequestTimeoutError("stalled")])
async def test_a_body_cut_short_is_resumed_and_never_passed_off_as_whole(s3, memory_session, broken_after, error):
    data = content(200_000)
    s3.put("key.bin", data)
    breaks = iter([broken_after])

    def break_body(body):
        body.broken_after, body.error = next(breaks, None), error

    s3.break_body = break_body
    async with aios3.aopen(URL, session=memory_session) as file:
        assert await file.read() == data
    resumed = [details["start"] for _, _, details in s3.log]
    assert resumed[:2] == [0, broken_after]


async def test_a_body_that_breaks_again_and_again_goes_on_as_long_as_bytes_come(s3, memory_session):
    data = content(200_000)
    s3.put("key.bin", data)

    def break_body(body):
        body.broken_after = 7000

    s3.break_body = break_body
    async with aios3.aopen(URL, session=memory_session) as file:
        assert await file.read() == data


async def test_an_empty_body_fails_after_max_attempts(s3, memory_session):
    s3.put("key.bin", content(200_000))

    def break_body(body):
        body.broken_after = 10 if body.start == 0 else 0

    s3.break_body = break_body
    async with aios3.aopen(URL, session=memory_session) as file:
        with pytest.raises(TruncatedBodyError, match="ended at byte 10"):
            await file.read()
    assert s3.calls["GetObject"] == 1 + 2


async def test_what_cannot_succeed_is_not_asked_again(s3, memory_session):
    s3.put("key.bin", content(600_000))
    async with aios3.aopen(URL, session=memory_session) as file:
        await file.read(10)
        del s3.objects["key.bin"]
        with pytest.raises(FileNotFoundError):
            await file.read_at(500_000, 10)
    assert s3.calls["GetObject"] == 2


@pytest.mark.parametrize("ignores_conditions", [False, True])
async def test_versions_are_never_mixed(s3, memory_session, ignores_conditions):
    s3.ignores_conditions = ignores_conditions
    s3.put("key.bin", b"a" * 600_000)
    async with aios3.aopen(URL, session=memory_session) as file:
        await file.read(10)
        s3.put("key.bin", b"b" * 600_000)
        with pytest.raises(ObjectChangedError) as caught:
            await file.read_at(500_000, 10)
    assert isinstance(caught.value, OSError)
    assert "key.bin" in str(caught.value)


async def test_without_an_etag_versions_are_compared_by_size_and_time(s3, memory_session):
    s3.put("key.bin", b"a" * 600_000)
    s3.objects["key.bin"].stat = aios3.StatResult(size=600_000, mtime=1.0)
    async with aios3.aopen(URL, session=memory_session) as file:
        await file.read(10)
        s3.objects["key.bin"].stat = aios3.StatResult(size=600_000, mtime=2.0)
        with pytest.raises(ObjectChangedError):
            await file.read_at(500_000, 10)


async def test_a_resumed_body_of_another_version_is_rejected(s3, memory_session):
    s3.put("key.bin", b"a" * 200_000)

    def break_body(body):
        body.broken_after = 1000
        s3.put("key.bin", b"b" * 200_000)

    s3.break_body = break_body
    async with aios3.aopen(URL, session=memory_session) as file:
        with pytest.raises(ObjectChangedError):
            await file.read()


async def test_a_server_that_ignores_ranges_is_read_right(s3, memory_session):
    data = content(600_000)
    s3.put("key.bin", data)
    s3.ignores_ranges = True
    async with aios3.aopen(URL, session=memory_session) as file:
        assert await file.read_at(400_000, 1000) == data[400_000:401_000]
        assert await file.read() == data

        def break_body(body):
            body.broken_after = 100

        s3.break_body = break_body
        await file.read_at(0, 1)
    async with aios3.aopen(URL, session=memory_session) as file:
        with pytest.raises(TruncatedBodyError):
            await file.read_at(400_000, 1000)


async def test_an_empty_object_is_empty(s3, memory_session):
    s3.put("key.bin", b"")
    async with aios3.aopen(URL, session=memory_session) as file:
        assert (await file.read(), await file.readline(), file.size) == (b"", b"", 0)
        assert [line async for line in file] == []
        assert [chunk async for chunk in file.chunks()] == []
        assert await file.read_at(0, 10) == b""
        assert file.stat().etag == s3.objects["key.bin"].stat.etag


async def test_an_object_that_appears_between_the_two_requests_of_an_empty_one_is_read(s3, memory_session):
    s3.put("key.bin", b"")

    def faults(operation, url, details):
        if operation == "GetObject" and details["stop"] is None:
            s3.put("key.bin", content(300_000))

    s3.faults = faults
    async with aios3.aopen(URL, session=memory_session) as file:
        assert await file.read() == content(300_000)


@pytest.mark.parametrize("arguments", [(-1, 0), (5, 9), (0, -1)])
async def test_bad_positions_are_rejected_and_nothing_is_lost(s3, memory_session, arguments):
    s3.put("key.bin", b"0123456789")
    async with aios3.aopen(URL, session=memory_session) as file:
        await file.read(3)
        with pytest.raises(InvalidRangeError):
            await file.seek(-11 if arguments == (0, -1) else arguments[0], 2 if arguments == (0, -1) else arguments[1])
        assert file.tell() == 3
        with pytest.raises(InvalidRangeError):
            await file.read_at(-1, 5)
        with pytest.raises(InvalidRangeError):
            await file.read_ranges([(0, 1), (5, 2)])
        with pytest.raises(UnsupportedError):
            file.fileno()
        assert await file.read() == b"3456789"


async def test_closing_is_final_and_safe_to_repeat_from_any_task(s3, memory_session):
    s3.put("key.bin", content(600_000))
    file = await aios3.aopen(URL, session=memory_session)
    assert (file.readable(), file.writable(), file.seekable(), file.mode) == (True, False, True, "rb")
    assert (file.name, file.path) == (str(URL), URL)
    assert "at 0 of 600000" in repr(file)
    waiting = asyncio.create_task(file.read())
    await asyncio.sleep(0)
    await asyncio.gather(file.aclose(), file.aclose(), asyncio.create_task(file.aclose()))
    await file.aclose()
    with pytest.raises(ClosedHandleError):
        await waiting
    for call in (
        file.read(),
        file.readline(),
        file.seek(0),
        file.read_at(0, 1),
        file.read_ranges([]),
        file.readinto(bytearray()),
        file.readinto_at(0, bytearray(1)),
        file.read_ranges_into([], []),
    ):
        with pytest.raises(ValueError, match="closed"):
            await call
    with pytest.raises(ClosedHandleError):
        file.tell()
    with pytest.raises(ClosedHandleError):
        async with file:
            pass
    assert file.closed
    assert "closed" in repr(file)


async def test_the_session_closes_what_is_open(s3):
    s3.put("key.bin", content(600_000))
    async with aios3.Session() as session:
        file = await aios3.aopen(URL, session=session)
    assert file.closed
    assert session.budget.used == 0


async def test_a_forgotten_reader_warns_and_gives_everything_back(s3, memory_session):
    s3.put("key.bin", content(600_000))
    file = await aios3.aopen(URL, session=memory_session)
    await file.read(10)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        del file
        gc.collect()
    assert [w.category for w in caught] == [ResourceWarning]
    for _ in range(20):
        await asyncio.sleep(0)
    assert memory_session.budget.used == 0
    assert s3.open_bodies == 0


def test_a_reader_belongs_to_its_loop(s3):
    s3.put("key.bin", content(600_000))
    loop = asyncio.new_event_loop()
    session = aios3.Session()

    async def open_it():
        return await aios3.aopen(URL, session=session)

    file = loop.run_until_complete(open_it())
    with pytest.raises(WrongLoopError, match="another event loop"):
        asyncio.run(file.aclose())
    loop.run_until_complete(session.aclose())
    loop.close()


async def test_failed_opening_gives_the_memory_back(s3, memory_session):
    for code, status in (("AccessDenied", 403), ("NoSuchKey", 404), ("InternalError", 500)):

        def faults(operation, url, details, code=code, status=status):
            raise aios3.errors.from_response(operation=operation, path=str(url), code=code, status=status)

        s3.faults = faults
        with pytest.raises(aios3.S3Error):
            await aios3.aopen(URL, session=memory_session)
        assert memory_session.budget.used == 0


async def test_an_invalid_response_is_an_error(s3, memory_session):
    s3.put("key.bin", content(600_000))

    def break_body(body):
        if body.start:
            body.start += 5

    async with aios3.aopen(URL, session=memory_session) as file:
        s3.break_body = break_body
        with pytest.raises(ServerError, match="begins at"):
            await file.read_at(500_000, 10)


async def test_more_readers_than_memory_still_all_read(s3, memory_session):
    data = content(3_000_000)
    s3.put("key.bin", data)

    async def read_all():
        async with aios3.aopen(URL, session=memory_session) as file:
            whole = b""
            while piece := await file.read(100_000):
                whole += piece
            return whole == data

    assert all(await asyncio.wait_for(asyncio.gather(*(read_all() for _ in range(40))), 60))


async def test_read_at_leaves_the_first_response_to_the_next_read(s3, memory_session):
    data = content(3 * MIB)
    s3.put("key.bin", data)
    async with aios3.aopen(URL, session=memory_session) as file:
        assert await file.read_at(2 * MIB, 10) == data[2 * MIB : 2 * MIB + 10]
        assert await file.read(10) == data[:10]
    assert [operation for operation, _, _ in s3.log] == ["GetObject"] * 2
