"""A whole object in memory or on disk, against a local file in the same mode; and what is, or is not, uploaded."""

import asyncio
import contextlib
import gc
import io
import mmap
import os
import warnings

import pytest
from fake_s3 import MIB, URL, FakeS3
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nothing_left import nothing_left

import aios3
from aios3 import _session
from aios3.errors import (
    AccessDeniedError,
    ClosedHandleError,
    InvalidRangeError,
    ObjectChangedError,
    ObjectExistsError,
    ObjectNotFoundError,
    TruncatedBodyError,
    UnsupportedError,
    from_response,
)
from thorough import examples

pytestmark = pytest.mark.loop_variants

WAYS = ["memory", "disk"]
OLD = b"one\ntwo two\nthree\n" * 3


@pytest.fixture(params=WAYS)
def way(request):
    return request.param


class MishapError(Exception):
    """What goes wrong in the body of a ``with``."""


def reject(only, code="AccessDenied", status=403):
    def faults(operation, url, details):
        if operation == only:
            raise from_response(operation=operation, path=str(url), code=code, status=status)

    return faults


STEPS = st.one_of(
    st.tuples(st.just("read"), st.integers(-1, 40)),
    st.tuples(st.just("readinto"), st.integers(0, 40)),
    st.tuples(st.just("readline"), st.integers(1, 12) | st.just(-1)),  # of 0, a file that only writes returns b""
    st.tuples(st.just("write"), st.binary(max_size=30)),
    st.tuples(st.just("seek"), st.integers(0, 90)),
    st.tuples(st.just("seek_back"), st.integers(-20, 0)),
    st.tuples(st.just("truncate"), st.none() | st.integers(0, 90)),
)


def step_of_oracle(oracle, name, argument):
    """Do one step on a local file; UnsupportedOperation stands for all that its mode forbids."""
    try:
        match name:
            case "readinto":
                target = bytearray(argument)
                count = oracle.readinto(target)
                return count, bytes(target)
            case "seek_back":
                return oracle.seek(max(argument, -os.fstat(oracle.fileno()).st_size), os.SEEK_END)
            case _:
                return getattr(oracle, name)(argument)
    except io.UnsupportedOperation:
        return "unsupported"


async def step_of_ours(file, name, argument):
    try:
        match name:
            case "readinto":
                target = bytearray(argument)
                count = await file.readinto(target)
                return count, bytes(target)
            case "seek_back":
                return await file.seek(max(argument, -file.size), os.SEEK_END)
            case _:
                return await getattr(file, name)(argument)
    except UnsupportedError:
        return "unsupported"


@settings(max_examples=examples(60), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    way=st.sampled_from(WAYS),
    mode=st.sampled_from(["rb", "wb", "ab", "xb", "rb+", "wb+", "ab+", "xb+"]),
    steps=st.lists(STEPS, max_size=12),
)
async def test_does_what_a_local_file_does(monkeypatch, tmp_path, way, mode, steps):
    s3 = FakeS3()
    monkeypatch.setattr(_session, "_make_transport", lambda *_args: s3)
    local = tmp_path / "oracle"
    local.unlink(missing_ok=True)
    if "x" not in mode:
        s3.put("key.bin", OLD)
        local.write_bytes(OLD)
    before = s3.objects.get("key.bin")
    async with nothing_left(s3) as session:
        with open(local, mode, buffering=0) as oracle:  # noqa: ASYNC230, PTH123 - the oracle is builtins.open
            async with aios3.aopen(URL, mode, buffering=way, session=session) as file:
                for name, argument in steps:
                    assert await step_of_ours(file, name, argument) == step_of_oracle(oracle, name, argument), name
                    assert file.tell() == oracle.tell(), name
                    assert file.size == os.fstat(oracle.fileno()).st_size, name
    assert s3.objects["key.bin"].data == local.read_bytes()
    if before is not None and not s3.calls["PutObject"]:
        assert s3.objects["key.bin"] is before


async def test_lines_chunks_and_places(s3, memory_session, way):
    s3.put("key.bin", OLD)
    async with aios3.aopen(URL, buffering=way, session=memory_session) as file:
        assert [line async for line in file] == OLD.splitlines(keepends=True)
        assert await file.read() == b""
        assert await file.read_at(4, 7) == OLD[4:11]
        assert await file.read_at(len(OLD) - 2, 10) == OLD[-2:]
        await file.seek(1)
        assert b"".join([chunk async for chunk in file.chunks(5)]) == OLD[1:]
        await file.seek(0)
        assert await file.readlines(5) == OLD.splitlines(keepends=True)[:2]
        for wrong in (file.seek(-1), file.seek(0, 9), file.read_at(-1, 1)):
            with pytest.raises(InvalidRangeError):
                await wrong
        with pytest.raises(UnsupportedError, match="does not write"):
            await file.write(b"x")


async def test_a_large_object_comes_down_in_several_ranges_at_once_and_goes_up_in_parts(s3, memory_session, way):
    data = os.urandom(12 * MIB + 5)
    s3.put("key.bin", data)
    async with aios3.aopen(URL, "rb+", buffering=way, session=memory_session) as file:
        ranges = [details for operation, _, details in s3.log if operation == "GetObject"]
        assert len(ranges) > 10
        assert sum(d["stop"] - d["start"] for d in ranges) <= len(data) + 256 * 1024
        await file.seek(6 * MIB)
        await file.write(b"changed")
        await file.seek(0)
        expected = data[: 6 * MIB] + b"changed" + data[6 * MIB + 7 :]
        assert await file.read() == expected
    assert s3.calls["UploadPart"] == 3
    assert s3.objects["key.bin"].data == expected
    assert file.result.etag == s3.objects["key.bin"].stat.etag


async def test_memory_is_paid_for_and_disk_costs_none(s3, memory_session):
    s3.put("key.bin", bytes(3 * MIB))
    async with aios3.aopen(URL, "rb+", buffering="memory", session=memory_session) as file:
        assert memory_session.budget.used == memory_session.budget.retained == 3 * MIB
        await file.seek(0, os.SEEK_END)
        await file.write(bytes(MIB))
        assert memory_session.budget.used == 4 * MIB
        await file.truncate(MIB)
        assert memory_session.budget.used == MIB
        await file.abort()
    async with aios3.aopen(URL, "rb", buffering="disk", session=memory_session):
        assert memory_session.budget.used == 0


async def test_an_object_larger_than_the_budget_can_be_held(s3, memory_session):
    data = os.urandom(memory_session.config.memory_budget + MIB)
    s3.put("key.bin", data)
    async with aios3.aopen(URL, "rb+", session=memory_session) as file:
        await file.seek(10)
        await file.write(b"x")
    assert s3.objects["key.bin"].data == data[:10] + b"x" + data[11:]


@pytest.mark.parametrize("mode", ["rb", "rb+", "ab", "ab+"])
async def test_what_was_not_changed_is_not_uploaded(s3, memory_session, way, mode):
    etag = s3.put("key.bin", OLD)
    async with aios3.aopen(URL, mode, buffering=way, session=memory_session) as file:
        if file.writable():
            await file.write(b"")
        await file.seek(0)
    assert s3.calls == {"GetObject": 1}
    if file.writable():
        assert (file.result.size, file.result.etag) == (len(OLD), etag)


async def test_a_replaced_object_is_not_written_over(s3, memory_session, way):
    for size in (10, 12 * MIB):
        s3.put("key.bin", OLD)
        with pytest.raises(ObjectChangedError, match="changed since it was opened"):
            async with aios3.aopen(URL, "rb+", buffering=way, session=memory_session) as file:
                await file.write(bytes(size))
                s3.put("key.bin", b"another's")
        assert s3.objects["key.bin"].data == b"another's"
        with pytest.raises(ObjectChangedError):
            async with aios3.aopen(URL, "ab", buffering=way, session=memory_session) as file:
                await file.write(bytes(size))
                del s3.objects["key.bin"]
        assert "key.bin" not in s3.objects


async def test_on_aws_the_write_itself_asks_and_no_request_is_spent(s3, memory_session, way):
    s3.amazon = True
    s3.put("key.bin", OLD)
    async with aios3.aopen(URL, "rb+", buffering=way, session=memory_session) as file:
        await file.write(b"new")
    assert s3.calls == {"GetObject": 1, "PutObject": 1}
    with pytest.raises(ObjectChangedError, match="changed since it was opened") as caught:
        async with aios3.aopen(URL, "rb+", buffering=way, session=memory_session) as file:
            await file.write(b"new")
            s3.put("key.bin", b"another's")
    assert caught.value.__cause__.status == 412
    assert s3.objects["key.bin"].data == b"another's"


async def test_a_server_that_ignores_conditions_is_asked_beforehand(s3, memory_session, way):
    s3.ignores_conditions = True
    s3.put("key.bin", OLD)
    with pytest.raises(ObjectChangedError):
        async with aios3.aopen(URL, "rb+", buffering=way, session=memory_session) as file:
            await file.write(b"new")
            s3.put("key.bin", b"another's")
    assert s3.objects["key.bin"].data == b"another's"
    assert not s3.calls["PutObject"]


async def test_a_server_that_rejects_conditions_is_written_without_if_nothing_changed(s3, memory_session, way):
    rejections = []

    def faults(operation, url, details):
        if operation == "PutObject" and not rejections:
            rejections.append(1)
            raise from_response(operation=operation, path=str(url), code="NotImplemented", status=501)

    s3.put("key.bin", OLD)
    s3.faults = faults
    async with aios3.aopen(URL, "rb+", buffering=way, session=memory_session) as file:
        await file.write(b"new")
    assert s3.objects["key.bin"].data == b"new" + OLD[3:]


async def test_the_callers_own_condition_is_kept(s3, memory_session, way):
    etag = s3.put("key.bin", OLD)
    with pytest.raises(ObjectChangedError):
        async with aios3.aopen(URL, "wb", buffering=way, if_match="other", session=memory_session) as file:
            await file.write(b"new")
    with pytest.raises(ObjectChangedError):
        await aios3.aopen(URL, "rb+", buffering=way, if_match="other", session=memory_session)
    async with aios3.aopen(URL, "rb+", buffering=way, if_match=etag, session=memory_session) as file:
        await file.write(b"new")
    assert s3.objects["key.bin"].data == b"new" + OLD[3:]


async def test_creating_is_exclusive(s3, memory_session, way):
    async with aios3.aopen(URL, "xb+", buffering=way, session=memory_session) as file:
        await file.write(b"mine")
    with pytest.raises(ObjectExistsError):
        await aios3.aopen(URL, "xb", buffering=way, session=memory_session)
    del s3.objects["key.bin"]
    with pytest.raises(ObjectExistsError):
        async with aios3.aopen(URL, "xb", buffering=way, session=memory_session) as file:
            s3.put("key.bin", b"theirs")
    assert s3.objects["key.bin"].data == b"theirs"


async def test_what_describes_the_object_is_kept(s3, memory_session, way):
    s3.put("key.bin", OLD, content_type="text/x-old", metadata={"a": "1"})
    async with aios3.aopen(URL, "rb+", buffering=way, session=memory_session) as file:
        assert file.stat().content_type == "text/x-old"
        await file.write(b"new")
    assert s3.objects["key.bin"].stat.content_type == "text/x-old"
    assert s3.objects["key.bin"].stat.metadata == {"a": "1"}
    async with aios3.aopen(URL, "rb+", buffering=way, content_type="text/x-new", session=memory_session) as file:
        await file.write(b"new")
    assert s3.objects["key.bin"].stat.content_type == "text/x-new"


@pytest.mark.parametrize("mode", ["wb", "rb+", "ab", "xb+"])
async def test_an_exception_publishes_nothing(s3, memory_session, way, mode):
    if mode != "xb+":
        s3.put("key.bin", OLD)
    before = dict(s3.objects)
    with pytest.raises(MishapError):
        async with aios3.aopen(URL, mode, buffering=way, session=memory_session) as file:
            await file.write(bytes(12 * MIB))
            raise MishapError
    assert s3.objects == before
    assert not s3.calls["PutObject"] + s3.calls["CreateMultipartUpload"]
    for _ in range(2):
        await file.abort()
        await file.aclose()
    with pytest.raises(ClosedHandleError):
        await file.write(b"x")
    with pytest.raises(ClosedHandleError):
        _ = file.result


async def test_a_rejected_upload_is_raised_and_leaves_nothing(s3, memory_session, way):
    s3.put("key.bin", OLD)
    for size, only in ((10, "PutObject"), (12 * MIB, "UploadPart"), (12 * MIB, "CompleteMultipartUpload")):
        s3.faults = reject(only)
        file = await aios3.aopen(URL, "rb+", buffering=way, session=memory_session)
        await file.write(bytes(size))
        with pytest.raises(AccessDeniedError):
            await file.aclose()
        assert file.closed
        with contextlib.suppress(AccessDeniedError):  # for another task that was closing it as well
            await file.aclose()
        await file.aclose()
    assert s3.objects["key.bin"].data == OLD


async def test_a_broken_download_is_resumed_or_raised(s3, memory_session, way, monkeypatch):
    monkeypatch.setattr("aios3._engine.retry_policy.retry_delay", lambda _failures: 0)
    data = os.urandom(MIB)
    s3.put("key.bin", data)
    broken = iter(range(3))

    def break_some(body):
        body.broken_after = 1000 if next(broken, None) is not None else None

    s3.break_body = break_some
    async with aios3.aopen(URL, buffering=way, session=memory_session) as file:
        assert await file.read() == data
    s3.break_body = lambda body: setattr(body, "broken_after", 0)
    with pytest.raises(TruncatedBodyError):
        await aios3.aopen(URL, "rb+", buffering=way, session=memory_session)


async def test_nothing_is_there(s3, memory_session, way):
    for mode in ("rb", "rb+"):
        with pytest.raises(ObjectNotFoundError):
            await aios3.aopen(URL, mode, buffering=way, session=memory_session)
    for mode in ("ab", "ab+"):
        async with aios3.aopen(URL, mode, buffering=way, session=memory_session) as file:
            await file.write(b"first")
        assert s3.objects.pop("key.bin").data == b"first"
    with pytest.raises(ObjectChangedError):
        async with aios3.aopen(URL, "ab", buffering=way, session=memory_session) as file:
            await file.write(b"first")
            s3.put("key.bin", b"another's")


async def test_abort_from_another_task_ends_an_upload_that_hangs(s3, memory_session, way):
    hanging = asyncio.Event()

    async def hang(*args, **kwargs):
        hanging.set()
        await asyncio.Event().wait()

    s3.put("key.bin", OLD)
    s3.upload_part = hang
    file = await aios3.aopen(URL, "rb+", buffering=way, session=memory_session)
    await file.write(bytes(12 * MIB))
    closing = asyncio.create_task(file.aclose())
    await hanging.wait()
    await file.abort()
    with pytest.raises(ClosedHandleError):
        await closing
    assert s3.objects["key.bin"].data == OLD


async def test_abort_ends_a_write_that_waits_for_memory(s3, memory_session):
    budget = memory_session.budget
    file = await aios3.aopen(URL, "wb", buffering="memory", session=memory_session)
    await budget.acquire(budget.limit)
    writing = asyncio.create_task(file.write(b"x"))
    while not budget.waiting:
        await asyncio.sleep(0)
    await file.abort()
    with pytest.raises(ClosedHandleError, match="waited for memory"):
        await writing
    budget.release(budget.limit)


async def test_the_session_closes_what_is_open(s3, way):
    async with aios3.Session() as session:
        s3.put("key.bin", OLD)
        file = await aios3.aopen(URL, "rb+", buffering=way, session=session)
        reader = await aios3.aopen(URL, buffering=way, session=session)
        await file.write(b"new")
    assert file.closed
    assert reader.closed
    assert session.budget.used == 0
    assert s3.objects["key.bin"].data == OLD


@pytest.mark.parametrize("mode", ["rb", "rb+"])
async def test_a_forgotten_file_warns_and_publishes_nothing(s3, memory_session, way, mode):
    s3.put("key.bin", OLD)
    file = await aios3.aopen(URL, mode, buffering=way, session=memory_session)
    if mode == "rb+":
        await file.write(b"new")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        del file
        gc.collect()
    assert ["unclosed file" in str(warning.message) for warning in caught] == [True]
    while memory_session.budget.used:
        await asyncio.sleep(0)
    assert s3.objects["key.bin"].data == OLD


async def test_concurrent_writes_do_not_mix(s3, memory_session, way):
    async with aios3.aopen(URL, "wb+", buffering=way, session=memory_session) as file:
        await asyncio.gather(*(file.write(bytes([number]) * 1000) for number in range(50)))
        data = await file.read_at(0, 50_000)
    assert sorted(data[start] for start in range(0, 50_000, 1000)) == list(range(50))
    assert all(len(set(data[start : start + 1000])) == 1 for start in range(0, 50_000, 1000))


# What only a local file has


async def test_a_file_on_disk_can_be_mapped(s3, memory_session):
    s3.put("key.bin", OLD)
    async with aios3.aopen(URL, buffering="disk", session=memory_session) as file:
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
            assert mapped[:] == OLD
        descriptor = file.fileno()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)
    async with aios3.aopen(URL, buffering="memory", session=memory_session) as file:
        with pytest.raises(UnsupportedError, match="buffering='disk'"):
            file.fileno()


async def test_what_is_changed_through_the_descriptor_is_uploaded(s3, memory_session):
    s3.put("key.bin", OLD)
    async with aios3.aopen(URL, "rb+", buffering="disk", session=memory_session) as file:
        with mmap.mmap(file.fileno(), 0) as mapped:
            mapped[:3] = b"ONE"
    assert s3.objects["key.bin"].data == b"ONE" + OLD[3:]


async def test_a_temporary_file_has_no_name(s3, memory_session, tmp_path):
    s3.put("key.bin", OLD)
    async with aios3.aopen(URL, "rb+", cache_path=tmp_path, session=memory_session) as file:
        assert type(file) is aios3.AsyncWholeFile
        await file.write(b"new")
        assert list(tmp_path.iterdir()) == []
        assert os.fstat(file.fileno()).st_dev == tmp_path.stat().st_dev
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("mode", ["rb", "rb+", "wb"])
async def test_a_named_file_is_there_meanwhile_and_stays_if_all_went_well(s3, memory_session, tmp_path, mode):
    s3.put("key.bin", OLD)
    place = tmp_path / "copy"
    place.write_bytes(b"an old copy")
    async with aios3.aopen(URL, mode, buffering="disk", cache_path=place, session=memory_session) as file:
        if mode != "rb":
            await file.write(b"new")
        during = place.read_bytes()
    assert place.read_bytes() == during == s3.objects["key.bin"].data
    assert list(tmp_path.iterdir()) == [place]
    if mode != "rb":
        with pytest.raises(MishapError):
            async with aios3.aopen(URL, mode, buffering="disk", cache_path=place, session=memory_session):
                raise MishapError
        assert list(tmp_path.iterdir()) == []


async def test_a_place_that_is_none_is_an_error_and_leaves_nothing(s3, memory_session, tmp_path):
    s3.put("key.bin", OLD)
    for mode in ("rb", "wb"):
        with pytest.raises(FileNotFoundError):
            await aios3.aopen(URL, mode, cache_path=tmp_path / "no" / "such", session=memory_session)


async def test_cancelled_tasks_leave_no_descriptor(s3, memory_session):
    s3.put("key.bin", os.urandom(MIB))
    s3.arrival = 200_000
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    for turns in range(60):
        task = asyncio.create_task(aios3.aopen(URL, "rb+", buffering="disk", session=memory_session).opened())
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await (await task).abort()
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208
