"""The limited seekable writer against BytesIO: head and tail can be written again, the middle cannot."""

import asyncio
import gc
import io
import os
import warnings

import pytest
from fake_s3 import MIB, URL, FakeS3
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nothing_left import nothing_left

import aios3
from aios3 import _session
from aios3._engine.checksums import checksum_of
from aios3.errors import (
    AccessDeniedError,
    ClosedHandleError,
    InvalidRangeError,
    ObjectExistsError,
    UnsupportedError,
    from_response,
)
from thorough import examples

pytestmark = pytest.mark.loop_variants

HEAD, TAIL = 5 * MIB, MIB
BLOCK = os.urandom(4 * MIB)


class MishapError(Exception):
    """What goes wrong in the body of a ``with``."""


def opened(session, mode="wb", **options):
    sizes = {"head_size": HEAD, "tail_size": TAIL} | options
    return aios3.aopen(URL, mode, buffering="limited", session=session, **sizes)


STEPS = st.one_of(
    st.tuples(st.just("write"), st.sampled_from([0, 1, 1000, 300_000, MIB, 4 * MIB])),
    st.tuples(st.just("seek"), st.sampled_from([0, 1, 7, HEAD - 10, HEAD, 6 * MIB])),
    st.tuples(st.just("back"), st.sampled_from([0, -1, -1000, -TAIL, -3 * MIB])),
    st.tuples(st.just("ahead"), st.sampled_from([1, 1000, MIB])),
)


@settings(max_examples=examples(30), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEPS, max_size=14))
async def test_writes_what_bytesio_writes_or_says_that_it_cannot(monkeypatch, steps):
    s3 = FakeS3()
    monkeypatch.setattr(_session, "_make_transport", lambda *_args: s3)
    oracle = io.BytesIO()
    rejected = False
    async with nothing_left(s3, memory_budget=64 * MIB) as session:
        async with opened(session) as file:
            for name, argument in steps:
                size = len(oracle.getbuffer())
                at = oracle.tell()
                match name:
                    case "write":
                        start, stop = at, at + argument
                        act, do = file.write(BLOCK[:argument]), lambda n=argument: oracle.write(BLOCK[:n])
                    case "seek":
                        start = stop = argument
                        act, do = file.seek(argument), lambda n=argument: oracle.seek(n)
                    case "back":
                        start = stop = max(size + argument, 0)
                        act, do = file.seek(start - size, 2), lambda n=start - size: oracle.seek(n, 2)
                    case "ahead":
                        start = stop = at + argument
                        act, do = file.seek(argument, 1), lambda n=argument: oracle.seek(n, 1)
                try:
                    assert await act == do()
                except UnsupportedError:
                    # rejected only where bytes are on their way: past the head, before what must be kept of the end
                    assert stop >= HEAD
                    assert start < max(size - TAIL, HEAD)
                    rejected = True
                assert file.tell() == oracle.tell()
                assert file.size == len(oracle.getbuffer())
        assert s3.objects["key.bin"].data == oracle.getvalue()
        assert s3.calls["CreateMultipartUpload"] or not rejected  # bytes on their way are those of an upload


async def test_a_header_that_is_written_last_and_a_trailer(s3, memory_session):
    async with opened(memory_session) as file:
        await file.write(b"????")
        for _ in range(8):
            await file.write(BLOCK)
        await file.seek(0)
        await file.write(b"HEAD")
        await file.seek(-4, os.SEEK_END)
        await file.write(b"TAIL, and more")
        await file.seek(HEAD - 1)
        await file.write(b"!")
        assert file.seekable()
        assert not file.readable()
    expected = bytearray(b"HEAD" + BLOCK * 8)
    expected[-4:] = b"TAIL, and more"
    expected[HEAD - 1 : HEAD] = b"!"
    assert s3.objects["key.bin"].data == expected
    assert file.result.etag == s3.objects["key.bin"].stat.etag
    numbers = [details["number"] for operation, _, details in s3.log if operation == "UploadPart"]
    assert sorted(numbers) == list(range(1, 8))
    assert numbers[-1] == 1


async def test_the_middle_is_rejected_and_nothing_is_lost_by_it(s3, memory_session):
    async with opened(memory_session) as file:
        for _ in range(5):
            await file.write(BLOCK)
        for position in (HEAD, 7 * MIB, 13 * MIB):
            with pytest.raises(UnsupportedError, match=r"on its way already: only the first 5,242,880 bytes"):
                await file.seek(position)
        assert file.tell() == 20 * MIB
        await file.seek(HEAD - 2)
        with pytest.raises(UnsupportedError):
            await file.write(b"four")
        await file.write(b"ok")
        with pytest.raises(InvalidRangeError):
            await file.seek(-1)
        with pytest.raises(UnsupportedError):
            file.fileno()
    expected = bytearray(BLOCK * 5)
    expected[HEAD - 2 : HEAD] = b"ok"
    assert s3.objects["key.bin"].data == expected


async def test_memory_stays_bounded(s3, memory_session):
    highest = 0
    async with opened(memory_session) as file:
        for _ in range(20):
            await file.write(BLOCK)
            highest = max(highest, memory_session.budget.used)
    assert highest <= memory_session.config.memory_budget
    assert s3.objects["key.bin"].data == BLOCK * 20


async def test_small_data_is_one_request(s3, memory_session):
    async with opened(memory_session) as file:
        await file.write(b"..ta")
        await file.seek(0)
        await file.write(b"da")
    assert s3.calls == {"PutObject": 1}
    assert s3.objects["key.bin"].data == b"data"
    async with opened(memory_session):
        pass
    assert s3.objects["key.bin"].data == b""


async def test_creates_exclusively(s3, memory_session):
    for size in (1, 20 * MIB):
        with pytest.raises(ObjectExistsError):
            async with opened(memory_session, "xb") as file:
                await file.write(bytes(size))
                s3.put("key.bin", b"theirs")
        assert s3.objects.pop("key.bin").data == b"theirs"


async def test_an_exception_publishes_nothing(s3, memory_session):
    for size in (1, 20 * MIB):
        with pytest.raises(MishapError):
            async with opened(memory_session) as file:
                await file.write(bytes(size))
                raise MishapError
        for _ in range(2):
            await file.abort()
            await file.aclose()
        for call in (file.write(b"x"), file.seek(0)):
            with pytest.raises(ClosedHandleError):
                await call
    assert s3.objects == {}


@pytest.mark.parametrize("only", ["CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload", "PutObject"])
async def test_a_rejection_is_raised_and_leaves_nothing(s3, memory_session, only):
    def faults(operation, url, details):
        if operation == only:
            raise from_response(operation=operation, path=str(url), code="AccessDenied", status=403)

    s3.faults = faults
    with pytest.raises(AccessDeniedError):
        async with opened(memory_session) as file:
            for _ in range(1 if only == "PutObject" else 10):
                await file.write(BLOCK)
    assert s3.objects == {}
    assert file.closed


async def test_the_whole_has_its_checksum_although_its_first_part_is_sent_last(s3, memory_session):
    s3.amazon = True
    async with opened(memory_session) as file:
        for _ in range(5):
            await file.write(BLOCK)
    parts = [details["checksum"] for operation, _, details in s3.log if operation == "UploadPart"]
    assert parts
    assert None not in parts
    (whole,) = [d["checksum"] for operation, _, d in s3.log if operation == "CompleteMultipartUpload"]
    assert whole == checksum_of([s3.objects["key.bin"].data], whole.algorithm)


async def test_abort_from_another_task(s3, memory_session):
    budget = memory_session.budget
    file = await opened(memory_session)
    await budget.acquire(budget.limit)
    writing = asyncio.create_task(file.write(b"x"))
    while not budget.waiting:
        await asyncio.sleep(0)
    await file.abort()
    with pytest.raises(ClosedHandleError):
        await writing
    budget.release(budget.limit)


async def test_a_forgotten_file_warns_and_publishes_nothing(s3, memory_session):
    file = await opened(memory_session)
    for _ in range(5):
        await file.write(BLOCK)
    while file._upload.upload_id is None:
        await asyncio.sleep(0)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        del file
        gc.collect()
    assert any("nothing was published" in str(warning.message) for warning in caught)
    while s3.uploads or memory_session.budget.used or memory_session.tasks.active:
        await asyncio.sleep(0)
    assert s3.objects == {}
