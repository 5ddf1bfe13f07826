"""The writer against a byte string, and every way in which a write may end: whole, or not at all."""

import asyncio
import gc
import random
import threading
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
    ConfigError,
    ConnectionFailedError,
    ObjectChangedError,
    ObjectExistsError,
    ObjectNotFoundError,
    ServerError,
    UnsupportedError,
    WrongLoopError,
    from_response,
)
from thorough import examples

pytestmark = pytest.mark.loop_variants

BLOCK = random.Random(5).randbytes(3 * MIB)


def reject(only, code="InternalError", status=500, *, nth=1):
    seen = 0

    def faults(operation, url, details):
        nonlocal seen
        if operation == only:
            seen += 1
            if seen >= nth:
                raise from_response(operation=operation, path=str(url), code=code, status=status)

    return faults


def lose_response(only, error):
    lost = iter([error])

    def faults(operation, url, details):
        return next(lost, None) if operation == only else None

    return faults


@settings(max_examples=examples(40), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    mode=st.sampled_from(["wb", "xb", "ab"]),
    old=st.sampled_from([None, 0, 10, 5 * MIB - 1, 5 * MIB, 11 * MIB]),
    sizes=st.lists(st.sampled_from([0, 1, 100, 20_000, 700_000, 3 * MIB, 5 * MIB, 5 * MIB + 1, 12 * MIB]), max_size=6),
    kind=st.sampled_from([bytes, bytearray, memoryview]),
)
async def test_writes_what_a_byte_string_would_hold(monkeypatch, mode, old, sizes, kind):
    s3 = FakeS3()
    monkeypatch.setattr(_session, "_make_transport", lambda *_args: s3)
    expected = b""
    if old is not None and mode != "xb":
        s3.put("key.bin", BLOCK[: old % len(BLOCK)] + bytes(old - old % len(BLOCK)))
        expected = s3.objects["key.bin"].data if mode == "ab" else b""
    async with nothing_left(s3) as session:
        async with aios3.aopen(URL, mode, session=session) as file:
            for size in sizes:
                piece = (BLOCK * (size // len(BLOCK) + 1))[:size]
                data = kind(piece)
                assert await file.write(data) == size
                if kind is bytearray:
                    data[:] = bytes(len(data))  # a writer that kept a reference would store zeros
                expected += piece
                assert file.tell() == len(expected)
        assert s3.objects["key.bin"].data == expected
        assert file.result.size == len(expected)
        assert file.result.etag == s3.objects["key.bin"].stat.etag


async def test_small_data_is_one_request(s3, memory_session):
    async with aios3.aopen(URL, "wb", session=memory_session) as file:
        await file.write(bytes(5 * MIB))
    assert s3.calls == {"PutObject": 1}


async def test_nothing_written_is_an_empty_object_and_appending_nothing_changes_nothing(s3, memory_session):
    async with aios3.aopen(URL, "wb", session=memory_session):
        pass
    assert s3.objects["key.bin"].data == b""
    for size in (10, 6 * MIB):
        etag = s3.put("key.bin", bytes(size))
        s3.calls.clear()
        async with aios3.aopen(URL, "ab", session=memory_session) as file:
            assert file.tell() == size
        assert s3.calls == {"GetObject": 1}
        assert (file.result.size, file.result.etag) == (size, etag)


async def test_parts_go_up_while_the_caller_writes_and_memory_stays_bounded(s3, memory_session):
    highest = 0
    async with aios3.aopen(URL, "wb", session=memory_session) as file:
        for _ in range(40):
            await file.write(BLOCK)
            highest = max(highest, memory_session.budget.used)
        assert s3.calls["UploadPart"] > 10
    assert highest <= memory_session.config.memory_budget
    assert s3.most_sending > 1
    assert s3.objects["key.bin"].data == BLOCK * 40


async def test_a_large_object_is_appended_to_inside_s3(s3, memory_session):
    old = bytes(11 * MIB)
    s3.put("key.bin", old, content_type="text/x", metadata={"a": "1"})
    async with aios3.aopen(URL, "ab", session=memory_session) as file:
        await file.write(b"tail")
    assert s3.objects["key.bin"].data == old + b"tail"
    assert s3.objects["key.bin"].stat.content_type == "text/x"
    assert s3.objects["key.bin"].stat.metadata == {"a": "1"}
    copied = [d for operation, _, d in s3.log if operation == "UploadPartCopy"]
    assert [(d["start"], d["stop"]) for d in copied] == [(0, 11 * MIB)]


async def test_appending_to_what_changed_meanwhile_is_rejected_and_loses_nothing(s3, memory_session):
    for size in (10, 6 * MIB):
        s3.put("key.bin", bytes(size))
        with pytest.raises(ObjectChangedError):
            async with aios3.aopen(URL, "ab", session=memory_session) as file:
                await file.write(b"tail")
                s3.put("key.bin", b"another's")
        assert s3.objects.pop("key.bin").data == b"another's"
    with pytest.raises(ObjectChangedError, match="created by somebody else"):
        async with aios3.aopen(URL, "ab", session=memory_session) as file:
            await file.write(b"first")
            s3.put("key.bin", b"another's")
    assert s3.objects["key.bin"].data == b"another's"


async def test_appending_where_the_server_has_no_conditions_compares_here(s3, memory_session):
    rejections = []

    def faults(operation, url, details):
        if operation == "PutObject" and not rejections:
            rejections.append(1)
            raise from_response(operation=operation, path=str(url), code="NotImplemented", status=501)

    s3.put("key.bin", b"old ")
    s3.faults = faults
    async with aios3.aopen(URL, "ab", session=memory_session) as file:
        await file.write(b"new")
    assert s3.objects["key.bin"].data == b"old new"
    rejections.clear()
    with pytest.raises(ObjectChangedError, match="changed while it was being appended to"):
        async with aios3.aopen(URL, "ab", session=memory_session) as file:
            await file.write(b"more")
            s3.put("key.bin", b"another's")
    assert s3.objects["key.bin"].data == b"another's"
    rejections.clear()
    del s3.objects["key.bin"]
    async with aios3.aopen(URL, "ab", session=memory_session) as file:
        await file.write(b"first")
    assert s3.objects["key.bin"].data == b"first"


async def test_the_callers_own_condition_is_never_dropped(s3, memory_session):
    etag = s3.put("key.bin", b"old")
    s3.faults = reject("PutObject", "NotImplemented", 501)
    with pytest.raises(UnsupportedError):
        async with aios3.aopen(URL, "wb", if_match=etag, session=memory_session) as file:
            await file.write(b"new")
    assert s3.objects["key.bin"].data == b"old"


async def test_a_write_cancelled_in_its_middle_is_never_published_with_a_hole(s3, memory_session, monkeypatch):
    gate = asyncio.Event()
    original = s3.upload_part

    async def upload_part(*args, **kwargs):
        await gate.wait()
        return await original(*args, **kwargs)

    monkeypatch.setattr(s3, "upload_part", upload_part)
    data = bytes(memory_session.config.memory_budget * 2)
    file = await aios3.aopen(URL, "wb", session=memory_session)
    writing = asyncio.create_task(file.write(data))
    while file.tell() < 20 * MIB:
        await asyncio.sleep(0)
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing
    gate.set()
    assert 0 < file.tell() < len(data)
    with pytest.raises(ClosedHandleError, match="interrupted by a cancellation"):
        await file.aclose()
    assert s3.objects == {}


async def test_exclusive_creation_is_rejected_before_and_at_the_end(s3, memory_session):
    async with aios3.aopen(URL, "xb", session=memory_session) as file:
        await file.write(b"mine")
    with pytest.raises(ObjectExistsError, match="exists already"):
        await aios3.aopen(URL, "xb", session=memory_session)
    del s3.objects["key.bin"]
    for size in (10, 6 * MIB):
        with pytest.raises(FileExistsError):
            async with aios3.aopen(URL, "xb", session=memory_session) as file:
                await file.write(bytes(size))
                s3.put("key.bin", b"theirs")
        assert s3.objects.pop("key.bin").data == b"theirs"
    with pytest.raises(ConfigError):
        aios3.aopen(URL, "xb", if_match="x", session=memory_session)


async def test_a_conflict_with_a_concurrent_write_is_an_existing_object(s3, memory_session):
    s3.faults = reject("PutObject", "ConditionalRequestConflict", 409)
    with pytest.raises(ObjectExistsError, match="somebody else"):
        async with aios3.aopen(URL, "xb", session=memory_session) as file:
            await file.write(b"mine")


async def test_compare_and_swap(s3, memory_session):
    etag = s3.put("key.bin", b"old")
    async with aios3.aopen(URL, "wb", if_match=etag, session=memory_session) as file:
        await file.write(b"new")
    with pytest.raises(ObjectChangedError):
        async with aios3.aopen(URL, "wb", if_match=etag, session=memory_session) as file:
            await file.write(b"newer")
    assert s3.objects["key.bin"].data == b"new"


@pytest.mark.parametrize("size", [0, 10, 6 * MIB, 30 * MIB])
async def test_an_exception_inside_with_publishes_nothing(s3, memory_session, size):
    s3.put("key.bin", b"old")
    with pytest.raises(ZeroDivisionError):
        async with aios3.aopen(URL, "wb", session=memory_session) as file:
            await file.write(bytes(size))
            raise ZeroDivisionError
    assert s3.objects["key.bin"].data == b"old"
    assert s3.uploads == {}
    assert file.closed
    assert memory_session.budget.used == 0
    with pytest.raises(ClosedHandleError, match="aborted"):
        _ = file.result


@pytest.mark.parametrize("size", [10, 6 * MIB])
async def test_abort_is_final_and_safe_to_repeat(s3, memory_session, size):
    file = await aios3.aopen(URL, "wb", session=memory_session)
    await file.write(bytes(size))
    await asyncio.gather(file.abort(), asyncio.create_task(file.abort()))
    await file.abort()
    await file.aclose()
    with pytest.raises(ClosedHandleError, match="aborted"):
        await file.write(b"x")
    assert s3.objects == {}
    assert s3.uploads == {}


async def test_closing_is_safe_to_repeat_and_happens_once(s3, memory_session):
    file = await aios3.aopen(URL, "wb", session=memory_session)
    await file.write(bytes(6 * MIB))
    await asyncio.gather(file.aclose(), asyncio.create_task(file.aclose()), file.aclose())
    await file.aclose()
    await file.abort()
    assert s3.calls["CompleteMultipartUpload"] == 1
    assert len(s3.objects["key.bin"].data) == 6 * MIB
    assert file.result.size == 6 * MIB
    with pytest.raises(ClosedHandleError, match="finished"):
        await file.write(b"x")
    with pytest.raises(ClosedHandleError):
        async with file:
            pass


async def test_abort_does_not_wait_for_a_write_that_is_held_up(s3, memory_session):
    gate = asyncio.Event()
    original = s3.upload_part

    async def upload_part(*args, **kwargs):
        await gate.wait()
        return await original(*args, **kwargs)

    s3.upload_part = upload_part
    file = await aios3.aopen(URL, "wb", session=memory_session)
    writing = asyncio.create_task(file.write(bytes(60 * MIB)))
    while file.tell() < 20 * MIB:
        await asyncio.sleep(0)
    await asyncio.wait_for(file.abort(), 10)
    with pytest.raises(ClosedHandleError):
        await writing
    assert s3.uploads == {}
    assert memory_session.budget.used == 0


async def test_a_failed_part_is_raised_at_the_next_call_and_nothing_stays(s3, memory_session):
    s3.faults = reject("UploadPart", "AccessDenied", 403, nth=2)
    with pytest.raises(AccessDeniedError):
        async with aios3.aopen(URL, "wb", session=memory_session) as file:
            for _ in range(20):
                await file.write(BLOCK)
    assert s3.objects == {}
    assert s3.uploads == {}
    assert memory_session.budget.used == 0


async def test_a_failure_that_was_caught_is_raised_again_at_close_once(s3, memory_session):
    s3.faults = reject("UploadPart", "AccessDenied", 403)
    file = await aios3.aopen(URL, "wb", session=memory_session)
    with pytest.raises(AccessDeniedError):
        for _ in range(20):
            await file.write(BLOCK)
    with pytest.raises(AccessDeniedError):
        await file.aclose()
    await file.aclose()
    assert s3.uploads == {}


@pytest.mark.parametrize("operation", ["PutObject", "CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload"])
async def test_a_rejection_at_any_step_leaves_what_was_there(s3, memory_session, operation):
    s3.put("key.bin", b"old")
    s3.faults = reject(operation)
    size = 10 if operation == "PutObject" else 12 * MIB
    with pytest.raises(ServerError):
        await aios3.write_bytes(URL, bytes(size), session=memory_session)
    assert s3.objects["key.bin"].data == b"old"
    assert s3.uploads == {}
    assert memory_session.budget.used == 0


async def test_a_rejected_abort_is_not_what_the_caller_sees(s3, memory_session, caplog, monkeypatch):
    def faults(operation, url, details):
        if operation in {"CompleteMultipartUpload", "AbortMultipartUpload"} and not quiet:
            raise from_response(operation=operation, path=str(url), code="InternalError", status=500)

    quiet = []
    s3.faults = faults
    monkeypatch.setattr(_session, "retry_delay", lambda failures: 0)
    with pytest.raises(ServerError, match="CompleteMultipartUpload"):
        await aios3.write_bytes(URL, bytes(12 * MIB), session=memory_session)
    assert "is still open" in caplog.text
    assert len(s3.uploads) == 1
    assert s3.calls["AbortMultipartUpload"] == 3
    quiet.append(1)  # closing the session tries again


@pytest.mark.parametrize("error", [ConnectionFailedError("lost"), ServerError("500")])
async def test_a_completion_whose_response_was_lost_is_looked_up(s3, memory_session, error):
    s3.faults = lose_response("CompleteMultipartUpload", error)
    result = await aios3.write_bytes(URL, bytes(12 * MIB), session=memory_session)
    assert result.etag == s3.objects["key.bin"].stat.etag
    assert s3.calls["AbortMultipartUpload"] == 0


async def test_a_completion_that_was_lost_on_the_way_there_is_a_failure(s3, memory_session):
    s3.put("key.bin", bytes(12 * MIB))
    s3.faults = reject("CompleteMultipartUpload")
    with pytest.raises(ServerError):
        await aios3.write_bytes(URL, bytes(12 * MIB), session=memory_session)
    del s3.objects["key.bin"]
    with pytest.raises(ServerError):
        await aios3.write_bytes(URL, bytes(12 * MIB), session=memory_session)
    s3.faults = reject("CompleteMultipartUpload", "NoSuchUpload", 404)
    with pytest.raises(ObjectNotFoundError, match="upload does not exist"):
        await aios3.write_bytes(URL, bytes(12 * MIB), session=memory_session)


async def test_an_upload_whose_creation_is_under_way_is_still_aborted(s3, memory_session):
    gate = asyncio.Event()
    original = s3.create_multipart_upload

    async def create(*args):
        upload_id = await original(*args)
        await gate.wait()
        return upload_id

    s3.create_multipart_upload = create
    file = await aios3.aopen(URL, "wb", session=memory_session)
    await file.write(bytes(12 * MIB))
    while not s3.uploads:
        await asyncio.sleep(0)
    aborting = asyncio.create_task(file.abort())
    for _ in range(5):
        await asyncio.sleep(0)
    gate.set()
    await aborting
    assert s3.uploads == {}


async def test_a_part_cancelled_from_outside_never_yields_a_shorter_object(s3, memory_session):
    file = await aios3.aopen(URL, "wb", session=memory_session)
    await file.write(bytes(12 * MIB))
    part = next(task for task in asyncio.all_tasks() if "part 1" in task.get_name())
    part.cancel()
    with pytest.raises(ClosedHandleError, match="parts missing"):
        await file.aclose()
    assert s3.objects == {}
    assert s3.uploads == {}


async def test_closing_while_a_cancellation_is_handled_aborts(s3, memory_session):
    started = asyncio.Event()

    async def work():
        file = await aios3.aopen(URL, "wb", session=memory_session)
        try:
            await file.write(b"half")
            started.set()
            await asyncio.Event().wait()
        finally:
            await file.aclose()

    task = asyncio.create_task(work())
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert s3.objects == {}


async def test_closing_in_an_except_block_publishes(s3, memory_session):
    file = await aios3.aopen(URL, "wb", session=memory_session)
    try:
        raise KeyError
    except KeyError:
        await file.write(b"handled")
        await file.aclose()
    assert s3.objects["key.bin"].data == b"handled"


@pytest.mark.parametrize("size", [10, 6 * MIB])
async def test_a_forgotten_writer_warns_and_publishes_nothing(s3, memory_session, size):
    file = await aios3.aopen(URL, "wb", session=memory_session)
    await file.write(bytes(size))
    while any("part" in task.get_name() for task in asyncio.all_tasks()):
        await asyncio.sleep(0)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        del file
        gc.collect()
    assert ["nothing was published" in str(w.message) for w in caught] == [True]
    for _ in range(20):
        await asyncio.sleep(0)
    assert s3.objects == {}
    assert s3.uploads == {}
    assert memory_session.budget.used == 0


@pytest.mark.parametrize("size", [10, 6 * MIB])
def test_a_lost_loop_publishes_nothing_and_leaves_no_upload(s3, size):
    loop = asyncio.new_event_loop()
    session = aios3.Session(part_size=5 * MIB)

    async def write():
        file = await aios3.aopen(URL, "wb", session=session)
        await file.write(bytes(size))
        while any("part" in task.get_name() for task in asyncio.all_tasks()):
            await asyncio.sleep(0)
        return file

    file = loop.run_until_complete(write())
    loop.close()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        del file
        gc.collect()
    assert s3.objects == {}
    assert s3.uploads == {}


def test_a_writer_forgotten_in_another_thread_is_aborted_on_its_loop(s3):
    async def main():
        async with aios3.Session(part_size=5 * MIB) as session:
            file = await aios3.aopen(URL, "wb", session=session)
            await file.write(bytes(6 * MIB))
            while any("part" in task.get_name() for task in asyncio.all_tasks()):
                await asyncio.sleep(0)
            held = [file]
            del file
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ResourceWarning)
                thread = threading.Thread(target=held.clear)
                thread.start()
                await asyncio.to_thread(thread.join)
            while s3.uploads:
                await asyncio.sleep(0)

    asyncio.run(main())
    assert s3.objects == {}


async def test_the_session_aborts_what_is_open_when_it_closes(s3):
    async with aios3.Session(part_size=5 * MIB) as session:
        small = await aios3.aopen(URL, "wb", session=session)
        await small.write(b"x")
        large = await aios3.aopen(URL, "wb", session=session)
        await large.write(bytes(12 * MIB))
    assert small.closed
    assert large.closed
    assert s3.objects == {}
    assert s3.uploads == {}
    assert session.budget.used == 0
    with pytest.raises(ClosedHandleError, match="its session was closed"):
        await large.aclose()
    await large.aclose()


def test_a_writer_belongs_to_its_loop(s3):
    session = aios3.Session()
    loop = asyncio.new_event_loop()

    async def open_it():
        return await aios3.aopen(URL, "wb", session=session)

    file = loop.run_until_complete(open_it())
    for call in (file.write, file.write_from):
        with pytest.raises(WrongLoopError):
            asyncio.run(call(b"x"))
    for call in (file.aclose, file.abort):
        with pytest.raises(WrongLoopError):
            asyncio.run(call())
    loop.run_until_complete(session.aclose())
    loop.close()


async def test_what_a_writer_is_not(s3, memory_session):
    async with aios3.aopen(URL, "wb", session=memory_session) as file:
        assert (file.readable(), file.writable(), file.seekable(), file.mode) == (False, True, False, "wb")
        assert (file.name, file.path) == (str(URL), URL)
        assert "small at 0" in repr(file)
        with pytest.raises(UnsupportedError):
            file.fileno()
        with pytest.raises(ClosedHandleError, match="close it first"):
            _ = file.result
        with pytest.raises(TypeError):
            await file.write("text")
        await file.write(b"fine")
    assert s3.objects["key.bin"].data == b"fine"


async def test_many_writers_with_half_a_part_each_do_not_stop_each_other(s3, memory_session):
    async def write(number):
        async with aios3.aopen(f"s3://bucket/{number}", "wb", session=memory_session) as file:
            for _ in range(3):
                await file.write(BLOCK)

    await asyncio.wait_for(asyncio.gather(*(write(number) for number in range(30))), 60)
    assert len(s3.objects) == 30


@pytest.mark.parametrize(
    ("key", "kind"),
    [
        ("a.json", "application/json"),
        ("a.tar.gz", "application/gzip"),
        ("noext", None),
        ("d.png/x", None),
    ],
)
async def test_the_content_type_comes_from_the_key(s3, memory_session, key, kind):
    await aios3.write_bytes(f"s3://bucket/{key}", b"", session=memory_session)
    assert s3.objects[key].stat.content_type == kind
    await aios3.write_bytes(f"s3://bucket/{key}", b"", content_type="x/y", session=memory_session)
    assert s3.objects[key].stat.content_type == "x/y"


@pytest.mark.parametrize("mode", ["crc32", "crc64nvme"])
async def test_parts_and_the_whole_carry_checksums(s3, mode):
    data = BLOCK * 4
    async with nothing_left(s3, checksums=mode) as session:
        small = await aios3.write_bytes(URL, b"small", session=session)
        large = await aios3.write_bytes(URL, data, session=session)
    algorithm = mode.upper()
    assert small.checksum == str(checksum_of([b"small"], algorithm))
    assert large.checksum == str(checksum_of([data], algorithm))
    sent = [d["checksum"] for operation, _, d in s3.log if operation == "UploadPart"]
    assert sent == [checksum_of([data[i : i + 5 * MIB]], algorithm) for i in range(0, len(data), 5 * MIB)]


async def test_amazon_gets_checksums_by_default_and_others_do_not(s3, memory_session):
    assert (await aios3.write_bytes(URL, b"x", session=memory_session)).checksum is None
    s3.amazon = True
    result = await aios3.write_bytes(URL, b"x", session=memory_session)
    assert result.checksum == str(checksum_of([b"x"], "CRC64NVME"))
