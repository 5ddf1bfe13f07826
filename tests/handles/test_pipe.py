"""The pipes: one GET with one small buffer, parts as they come; and a failure that comes late is never lost."""

import asyncio
import dataclasses
import gc
import io
import logging
import os
import warnings

import pytest
from fake_s3 import MIB, SMALL, URL, FakeS3
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nothing_left import nothing_left

import aios3
from aios3 import _session
from aios3._handles.pipe_reader import BUFFER_BYTES
from aios3.errors import (
    AccessDeniedError,
    ClosedHandleError,
    ConnectionFailedError,
    InvalidRangeError,
    ObjectChangedError,
    ObjectExistsError,
    ServerError,
    TruncatedBodyError,
    UnsupportedError,
    from_response,
)
from thorough import examples

pytestmark = pytest.mark.loop_variants

LINES = b"".join(b"%d %s\n" % (number, b"x" * (number % 300)) for number in range(3000))


class MishapError(Exception):
    """What goes wrong in the body of a ``with``."""


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    monkeypatch.setattr("aios3._engine.retry_policy.retry_delay", lambda _failures: 0)


def reject(only):
    def faults(operation, url, details):
        if operation == only:
            raise from_response(operation=operation, path=str(url), code="AccessDenied", status=403)

    return faults


@pytest.mark.parametrize("size", [1 << 60, 1 << 100], ids=["more than memory", "more than addresses"])
@pytest.mark.parametrize("buffering", ["pipe", "memory"])
async def test_a_server_that_announces_more_than_memory_has_is_an_error_of_the_server(monkeypatch, buffering, size):
    s3 = FakeS3()
    monkeypatch.setattr(_session, "_make_transport", lambda *_args: s3)
    s3.put("key.bin", LINES)
    stored = s3.objects["key.bin"]
    s3.objects["key.bin"] = dataclasses.replace(stored, stat=dataclasses.replace(stored.stat, size=size))
    async with nothing_left(s3) as session:
        with pytest.raises(ServerError, match="memory for so many at once cannot be had"):
            async with aios3.aopen(URL, buffering=buffering, session=session) as file:
                assert await file.read(10) == LINES[:10]
                try:
                    await file.read()
                finally:
                    assert await file.read(10) == LINES[10:20]


READS = st.one_of(
    st.tuples(st.just("read"), st.integers(0, 200_000)),
    st.tuples(st.just("readinto"), st.integers(0, 200_000)),
    st.tuples(st.just("readline"), st.integers(-1, 400)),
)


@settings(max_examples=examples(30), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(reads=st.lists(READS, max_size=10), breaks=st.lists(st.integers(0, 300_000), max_size=4))
async def test_reads_what_bytesio_reads_however_the_body_breaks(monkeypatch, reads, breaks):
    s3 = FakeS3()
    monkeypatch.setattr(_session, "_make_transport", lambda *_args: s3)
    s3.put("key.bin", LINES)
    left = iter([max(after, 1) for after in breaks])
    s3.break_body = lambda body: setattr(body, "broken_after", next(left, None))
    oracle = io.BytesIO(LINES)
    async with nothing_left(s3) as session, aios3.aopen(URL, buffering="pipe", session=session) as file:
        for name, argument in reads:
            if name == "readinto":
                ours, theirs = bytearray(argument), bytearray(argument)
                assert (await file.readinto(ours), ours) == (oracle.readinto(theirs), theirs)
            else:
                assert await getattr(file, name)(argument) == getattr(oracle, name)(argument)
            assert file.tell() == oracle.tell()
        assert await file.read() == oracle.read()
        assert await file.read() == b""


async def test_one_request_and_one_buffer(s3, memory_session):
    s3.put("key.bin", LINES)
    async with aios3.aopen(URL, buffering="pipe", session=memory_session) as file:
        assert (file.size, file.stat().size, file.seekable(), file.readable()) == (len(LINES), len(LINES), False, True)
        assert memory_session.budget.used == BUFFER_BYTES
        assert b"".join([chunk async for chunk in file.chunks(1000)]) == LINES
        assert s3.open_bodies == 0  # its connection is free again
    assert s3.calls == {"GetObject": 1}


async def test_lines(s3, memory_session):
    s3.put("key.bin", LINES)
    async with aios3.aopen(URL, buffering="pipe", session=memory_session) as file:
        assert [line async for line in file] == LINES.splitlines(keepends=True)
    async with aios3.aopen(URL, "r", buffering="pipe", session=memory_session) as text:
        assert [line async for line in text] == LINES.decode().splitlines(keepends=True)


async def test_an_empty_object(s3, memory_session):
    s3.put("key.bin", b"")
    async with aios3.aopen(URL, buffering="pipe", session=memory_session) as file:
        assert await file.read() == b""
        assert await file.readline() == b""


async def test_what_a_pipe_cannot(s3, memory_session):
    s3.put("key.bin", LINES)
    async with aios3.aopen(URL, buffering="pipe", session=memory_session) as file:
        for call in (lambda: file.seek(0), file.fileno):
            with pytest.raises(UnsupportedError):
                await call()
        with pytest.raises(TypeError):
            await file.seek(1.5)
        with pytest.raises(InvalidRangeError):
            async for _ in file.chunks(0):
                pass
    for call in (file.read, file.readline, file.aclose):
        if call == file.aclose:
            await call()
        else:
            with pytest.raises(ClosedHandleError):
                await call()


async def test_a_replaced_object_is_not_mixed(s3, memory_session):
    s3.put("key.bin", LINES)
    s3.break_body = lambda body: setattr(body, "broken_after", 100_000)
    async with aios3.aopen(URL, buffering="pipe", session=memory_session) as file:
        assert await file.read(1000) == LINES[:1000]
        s3.put("key.bin", LINES[::-1])
        with pytest.raises(ObjectChangedError):
            await file.read()


async def test_a_body_that_never_comes_is_raised(s3, memory_session):
    s3.put("key.bin", LINES)
    s3.break_body = lambda body: setattr(body, "broken_after", 0)
    async with aios3.aopen(URL, buffering="pipe", session=memory_session) as file:
        with pytest.raises(TruncatedBodyError, match="ended at byte 0"):
            await file.read(1)
        s3.break_body = None
        assert await file.read() == LINES


async def test_a_cancelled_read_loses_no_byte(s3, memory_session):
    s3.put("key.bin", LINES)
    s3.arrival = 10_000
    async with aios3.aopen(URL, buffering="pipe", session=memory_session) as file:
        for turns in range(1, 12):
            reading = asyncio.create_task(file.readinto(bytearray(10_000)))
            for _ in range(turns):
                await asyncio.sleep(0)
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
        position = file.tell()
        assert await file.read() == LINES[position:]


async def test_closing_ends_a_read_that_hangs(s3, memory_session, monkeypatch):
    s3.put("key.bin", LINES)
    file = await aios3.aopen(URL, buffering="pipe", session=memory_session)
    hanging = asyncio.Event()

    async def hang(view):
        hanging.set()
        await asyncio.Event().wait()

    file._body.readinto = hang
    reading = asyncio.create_task(file.read())
    await hanging.wait()
    await file.aclose()
    with pytest.raises(ClosedHandleError):
        await reading


async def test_a_forgotten_pipe_warns_and_gives_its_connection_back(s3, memory_session):
    s3.put("key.bin", LINES)
    file = await aios3.aopen(URL, buffering="pipe", session=memory_session)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        del file
        gc.collect()
    assert ["unclosed file" in str(warning.message) for warning in caught] == [True]
    while s3.open_bodies or memory_session.budget.used:
        await asyncio.sleep(0)


# Writing


async def test_writes_with_two_parts_in_memory(s3, memory_session):
    block, highest = os.urandom(3 * MIB), 0
    async with aios3.aopen(URL, "wb", buffering="pipe", session=memory_session) as file:
        for _ in range(12):
            assert await file.write(block) == len(block)
            highest = max(highest, memory_session.budget.used)
        assert file.tell() == 36 * MIB
    assert s3.objects["key.bin"].data == block * 12
    assert file.result.etag == s3.objects["key.bin"].stat.etag
    assert highest <= 2 * 5 * MIB * 33 / 32
    assert s3.most_sending == 1 or highest > 5 * MIB


async def test_small_data_is_one_request(s3, memory_session):
    async with aios3.aopen(URL, "wb", buffering="pipe", session=memory_session) as file:
        await file.write_from([b"some ", b"bytes"])
    assert s3.calls == {"PutObject": 1}
    assert s3.objects["key.bin"].data == b"some bytes"
    async with aios3.aopen(URL, "w", buffering="pipe", session=memory_session) as text:
        await text.write("ä")
    assert s3.objects["key.bin"].data == "ä".encode()


async def test_creates_exclusively(s3, memory_session):
    s3.put("key.bin", b"there")
    with pytest.raises(ObjectExistsError):
        await aios3.aopen(URL, "xb", buffering="pipe", session=memory_session)


@pytest.mark.parametrize("join", [True, False])
async def test_an_exception_publishes_nothing(s3, memory_session, join):
    with pytest.raises(MishapError):
        async with aios3.aopen(URL, "wb", buffering="pipe", join=join, session=memory_session) as file:
            await file.write(bytes(12 * MIB))
            raise MishapError
    assert s3.objects == {}
    for _ in range(2):
        await file.abort()
        await file.aclose()
    with pytest.raises(ClosedHandleError):
        await file.wait()


@pytest.mark.parametrize("size", [10, 12 * MIB])
async def test_without_joining_closing_returns_before_the_object_is_there(s3, memory_session, size):
    gate = asyncio.Event()
    for call in ("put_object", "complete_multipart_upload"):
        original = getattr(s3, call)

        async def wait_and_do(*args, original=original, **kwargs):
            await gate.wait()
            return await original(*args, **kwargs)

        setattr(s3, call, wait_and_do)
    async with aios3.aopen(URL, "wb", buffering="pipe", join=False, session=memory_session) as file:
        await file.write(bytes(size))
    assert file.closed
    assert s3.objects == {}
    with pytest.raises(ClosedHandleError):
        await file.write(b"more")
    with pytest.raises(ClosedHandleError):
        _ = file.result
    gate.set()
    assert (await file.wait()).size == size
    assert file.result.etag == s3.objects["key.bin"].stat.etag


@pytest.mark.parametrize("size", [10, 12 * MIB])
async def test_a_late_failure_is_logged_and_raised_by_wait(s3, memory_session, caplog, size):
    s3.faults = reject("PutObject" if size == 10 else "CompleteMultipartUpload")
    async with aios3.aopen(URL, "wb", buffering="pipe", join=False, session=memory_session) as file:
        await file.write(bytes(size))
    with caplog.at_level(logging.ERROR, "aios3.session"):
        for _ in range(2):
            with pytest.raises(AccessDeniedError):
                await file.wait()
    assert "closed with join=False, and is not published" in caplog.text


async def test_a_late_failure_without_a_waiter_is_raised_by_the_session(s3, caplog):
    s3.faults = reject("PutObject")
    session = aios3.Session(**SMALL)
    async with aios3.aopen(URL, "wb", buffering="pipe", join=False, session=session) as file:
        await file.write(b"x")
    del file
    with pytest.raises(AccessDeniedError):
        await session.aclose()
    assert session.closed
    assert session.budget.used == 0
    await session.aclose()
    with pytest.raises(MishapError):  # which goes before the late failure; that is in the log
        async with aios3.Session(**SMALL) as session:
            await (await aios3.aopen(URL, "wb", buffering="pipe", join=False, session=session)).aclose()
            raise MishapError
    assert caplog.text.count("is not published") == 2


async def test_the_session_waits_for_what_ends_later(s3):
    async with aios3.Session(**SMALL) as session:
        async with aios3.aopen(URL, "wb", buffering="pipe", join=False, session=session) as file:
            await file.write(bytes(12 * MIB))
        del file
    assert len(s3.objects["key.bin"].data) == 12 * MIB


def test_what_the_loop_does_not_live_to_see_is_logged(s3, caplog):
    async def main():
        session = aios3.Session(**SMALL)
        async with aios3.aopen(URL, "wb", buffering="pipe", join=False, session=session) as file:
            await file.write(b"x")

    asyncio.run(main())
    assert s3.objects == {}
    assert "its event loop ended before it was uploaded" in caplog.text


async def test_a_part_that_fails_is_raised_by_the_next_write(s3, memory_session):
    s3.faults = reject("UploadPart")
    with pytest.raises(AccessDeniedError):
        async with aios3.aopen(URL, "wb", buffering="pipe", session=memory_session) as file:
            for _ in range(10):
                await file.write(bytes(3 * MIB))
    assert s3.calls["UploadPart"] == 1


async def test_a_lost_connection_at_the_end_is_looked_up(s3, memory_session):
    lost = iter([ConnectionFailedError("lost")])
    s3.faults = lambda operation, *_: next(lost, None) if operation == "CompleteMultipartUpload" else None
    async with aios3.aopen(URL, "wb", buffering="pipe", join=False, session=memory_session) as file:
        await file.write(bytes(12 * MIB))
    assert (await file.wait()).size == 12 * MIB


@pytest.mark.parametrize("turns", range(1, 12))
async def test_a_long_read_that_is_cancelled_loses_no_byte(s3, memory_session, turns):
    s3.put("key.bin", LINES)
    s3.arrival = 40_000
    async with aios3.aopen(URL, buffering="pipe", session=memory_session) as file:
        assert await file.readline() == LINES[: LINES.index(b"\n") + 1]
        reading = asyncio.create_task(file.read(200_000))
        for _ in range(turns):
            await asyncio.sleep(0)
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        position = file.tell()
        assert await file.read() == LINES[position:]


async def test_closing_ends_a_long_read_between_two_arrivals(s3, memory_session):
    s3.put("key.bin", LINES)
    file = await aios3.aopen(URL, buffering="pipe", session=memory_session)
    hanging = asyncio.Event()

    async def hang(size, get_buffer, buffer_updated):
        buffer_updated(len(get_buffer()[:1000]))
        hanging.set()
        await asyncio.Event().wait()

    file._body.receive = hang
    reading = asyncio.create_task(file.readinto(bytearray(200_000)))
    await hanging.wait()
    await file.aclose()
    with pytest.raises(ClosedHandleError):
        await reading
    assert memory_session.budget.used == 0
