"""Faults and cancellations in the middle of storages and volumes: what is visible, what is left, what is said."""

from __future__ import annotations

import asyncio
import io
import threading

import pytest

import aios3
from trees.tree_s3 import MIB, ROOT, fail, session_on

pytestmark = pytest.mark.usefixtures("at_once")
TREE = {f"p/{number:03}": bytes([number]) * 10 for number in range(40)}
LARGE = bytes(range(256)) * (6 * MIB // 256)


def fill(s3, files=TREE):
    for key, data in files.items():
        s3.put(key, data)


def volumes(session, other=None):
    return aios3.Volume("bucket", "p", session=session), aios3.Volume("bucket", "q", session=other or session)


async def cancel_at(s3, operation, count, verb):
    """Cancel ``verb`` when ``operation`` has been called ``count`` times."""
    task = asyncio.ensure_future(verb)

    def faults(*_):
        if s3.calls[operation] >= count:
            s3.faults = None
            task.cancel()

    s3.faults = faults
    with pytest.raises(asyncio.CancelledError):
        await task
    s3.faults = None


def whole_ones(s3, source, target):
    """Return the objects at the target, each of which must be whole."""
    found = {key[len(target) :]: data for key, data in s3.contents().items() if key.startswith(target)}
    assert all(s3.contents()[source + name] == data for name, data in found.items())
    return found


# copies of trees


async def test_a_copy_of_a_tree_names_every_file_that_fails_and_copies_the_others(s3, session):
    fill(s3)
    ours, theirs = volumes(session)
    s3.faults = fail("CopyObject", lambda url, _: url.key in {"q/003", "q/030"})
    with pytest.raises(aios3.PartialFailureError, match="2 failed") as caught:
        await ours.copy(None, theirs)
    assert {path: type(error) for path, error in caught.value.failures.items()} == {
        f"{ROOT}/p/003": aios3.AccessDeniedError,
        f"{ROOT}/p/030": aios3.AccessDeniedError,
    }
    assert caught.value.completed["copied"] == 38
    assert len(whole_ones(s3, "p/", "q/")) == 38


async def test_a_cancelled_copy_of_a_tree_has_ended_and_left_whole_files_only(s3, session):
    fill(s3)
    ours, theirs = volumes(session)
    await cancel_at(s3, "CopyObject", 10, ours.copy(None, theirs))
    made = s3.calls["CopyObject"]
    await asyncio.sleep(0)
    assert s3.calls["CopyObject"] == made < 40
    assert len(whole_ones(s3, "p/", "q/")) < 40
    assert {key: data for key, data in s3.contents().items() if key.startswith("p/")} == TREE


@pytest.mark.parametrize("operation", ["GetObject", "CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload"])
async def test_a_cancelled_copy_between_two_servers_leaves_no_upload(s3, session, operation):
    fill(s3, {f"p/{number}": LARGE for number in range(4)})
    async with session_on(s3, region="elsewhere") as other:
        ours, theirs = volumes(session, other)
        await cancel_at(s3, operation, 2, ours.copy(None, theirs))
    assert s3.uploads == {}
    assert whole_ones(s3, "p/", "q/").keys() < {"0", "1", "2", "3"}


@pytest.mark.parametrize("operation", ["UploadPart", "CompleteMultipartUpload"])
async def test_a_file_that_fails_on_its_way_between_two_servers_is_not_there(s3, session, operation):
    fill(s3, {f"p/{number}": LARGE for number in range(4)})
    s3.faults = fail(operation, lambda url, _: url.key == "q/2")
    async with session_on(s3, region="elsewhere") as other:
        ours, theirs = volumes(session, other)
        with pytest.raises(aios3.PartialFailureError) as caught:
            await ours.copy(None, theirs)
    assert list(caught.value.failures) == [f"{ROOT}/p/2"]
    assert s3.uploads == {}
    assert whole_ones(s3, "p/", "q/").keys() == {"0", "1", "3"}


async def test_a_listing_that_breaks_ends_a_copy_with_its_error(s3, session):
    fill(s3, {f"p/{number:05}": b"" for number in range(2500)})
    s3.faults = fail("ListObjectsV2", lambda _url, _details: s3.calls["ListObjectsV2"] > 1)
    ours, theirs = volumes(session)
    with pytest.raises(aios3.AccessDeniedError):
        await ours.copy(None, theirs)


async def test_an_error_that_affects_every_file_ends_a_copy_at_once(s3, session):
    fill(s3, {f"p/{number:05}": b"" for number in range(3000)})
    s3.faults = fail("CopyObject", lambda _url, _details: True, "InvalidAccessKeyId")
    ours, theirs = volumes(session)
    with pytest.raises(aios3.CredentialsError):
        await ours.copy(None, theirs)
    assert s3.calls["CopyObject"] <= 2 * session.config.max_concurrency


async def test_a_progress_that_raises_ends_a_copy(s3, session):
    fill(s3)

    def reject(state):
        if state.files_done == 5:
            raise ZeroDivisionError

    ours, theirs = volumes(session)
    with pytest.raises(ZeroDivisionError):
        await ours.copy(None, theirs, progress=reject)
    assert s3.calls["CopyObject"] < 40


# volumes


async def test_deleting_says_what_is_still_there(s3, session):
    fill(s3)
    s3.rejected = lambda key: "AccessDenied" if key == "p/007" else None
    with pytest.raises(aios3.PartialFailureError) as caught:
        await aios3.Volume("bucket", session=session).delete("p")
    assert list(caught.value.failures) == [f"{ROOT}/p/007"]
    assert set(s3.contents()) == {"p/007"}


async def test_what_deleting_costs(s3, session):
    fill(s3, {f"p/{number:05}": b"" for number in range(1500)} | {"p2": b""})
    await aios3.Volume("bucket", session=session).delete("p")
    assert set(s3.contents()) == {"p2"}
    assert (s3.calls["DeleteObject"], s3.calls["DeleteObjects"], s3.calls["HeadObject"]) == (0, 2, 1)


@pytest.mark.parametrize("operation", ["CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload"])
async def test_a_cancelled_store_leaves_no_upload(s3, session, operation):
    s3.put("x", b"old")
    await cancel_at(s3, operation, 1, aios3.Volume("bucket", session=session).store(io.BytesIO(LARGE), "x"))
    assert s3.uploads == {}
    assert s3.contents() == {"x": b"old"}


class SlowHandle:
    """A handle whose ``open()`` takes until it is let through."""

    def __init__(self):
        self.asked, self.let, self.file = threading.Event(), threading.Event(), io.BytesIO(b"data")

    def open(self):
        self.asked.set()
        assert self.let.wait(10)
        return self.file


async def test_a_handle_that_opens_after_a_cancellation_is_closed(s3, session):
    handle = SlowHandle()
    store = asyncio.ensure_future(aios3.Volume("bucket", session=session).store(handle, "x"))
    await asyncio.to_thread(handle.asked.wait, 10)
    store.cancel()
    handle.let.set()
    with pytest.raises(asyncio.CancelledError):
        await store
    assert handle.file.closed
    assert s3.contents() == {}


# storages


@pytest.mark.parametrize("operation", ["CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload"])
@pytest.mark.parametrize("verb", ["upload", "put"])
async def test_a_cancelled_upload_leaves_no_upload(s3, session, tmp_path, operation, verb):
    storage = aios3.Storage(f"{ROOT}/p", session=session)
    s3.put("p/x", b"old")
    (tmp_path / "large").write_bytes(LARGE * 4)
    source = io.BytesIO(LARGE) if verb == "upload" else tmp_path / "large"
    await cancel_at(s3, operation, 1, getattr(storage, verb)(source, "x"))
    assert s3.uploads == {}
    assert s3.contents() == {"p/x": b"old"}


@pytest.mark.parametrize("operation", ["PutObject", "UploadPart", "CompleteMultipartUpload"])
async def test_a_rejected_close_publishes_nothing_and_may_be_repeated(s3, session, operation):
    writer = await aios3.Storage(ROOT, session=session).open("x", "w")
    await writer.write(b"small" if operation == "PutObject" else LARGE)
    s3.faults = fail(operation, lambda _url, _details: True)
    with pytest.raises(aios3.AccessDeniedError):
        await writer.close()
    await writer.close()
    s3.faults = None
    assert (s3.contents(), s3.uploads) == ({}, {})
    with pytest.raises(aios3.ClosedHandleError):
        _ = writer.result


async def test_a_write_that_is_cancelled_and_left_publishes_nothing(s3, session):
    storage = aios3.Storage(ROOT, session=session)

    async def write():
        async with storage.open("x", "w") as writer:
            await writer.write(LARGE)
            await writer.write(LARGE)

    await cancel_at(s3, "UploadPart", 1, write())
    assert (s3.contents(), s3.uploads) == ({}, {})


async def test_a_first_write_after_an_abort_starts_nothing(s3, session):
    writer = await aios3.Storage(ROOT, session=session).open("x", "w")
    first = asyncio.ensure_future(writer.write(LARGE))
    second = asyncio.ensure_future(writer.write(LARGE))
    await writer.abort()
    outcomes = await asyncio.gather(first, second, return_exceptions=True)
    assert {type(outcome) for outcome in outcomes} == {aios3.ClosedHandleError}
    assert (s3.contents(), s3.uploads) == ({}, {})


async def test_two_first_writes_are_one_file(s3, session):
    async with aios3.Storage(ROOT, session=session).open("x", "w") as writer:
        await asyncio.gather(writer.write(b"ab"), writer.write(b"cd"))
    assert s3.contents() == {"x": b"abcd"}


async def test_a_download_that_breaks_leaves_no_local_file(s3, session, tmp_path):
    storage = aios3.Storage(ROOT, session=session)
    s3.put("x", LARGE)
    await cancel_at(s3, "GetObject", 2, storage.get("x", tmp_path / "there"))
    assert list(tmp_path.iterdir()) == []


async def test_a_download_is_of_one_version(s3, session):
    storage = aios3.Storage(ROOT, session=session)
    s3.put("x", LARGE)

    def replace(total):
        s3.put("x", LARGE[::-1])

    with pytest.raises(aios3.ObjectChangedError):
        await storage.download("x", io.BytesIO(), progress_callback=replace)


async def test_a_writer_that_is_forgotten_warns_and_publishes_nothing(s3, session):
    writer = await aios3.Storage(ROOT, session=session).open("x", "w")
    await writer.write(LARGE)
    while not session._uploads:
        await asyncio.sleep(0)
    with pytest.warns(ResourceWarning, match="nothing was published"):
        del writer
    while s3.uploads or session.tasks.active:
        await asyncio.sleep(0)
    assert (s3.contents(), s3.uploads) == ({}, {})


async def test_a_listing_that_fails_raises_after_its_entries(s3, session):
    fill(s3, {f"{number:05}": b"" for number in range(2500)})
    s3.faults = fail("ListObjectsV2", lambda _url, _details: s3.calls["ListObjectsV2"] > 1)
    found = []
    with pytest.raises(aios3.AccessDeniedError):
        async for entry in aios3.Storage(ROOT, session=session).list():
            found += [entry.name]
    assert found == [f"{number:05}" for number in range(1000)]


# what it costs: the tables of the guides


async def spent(s3, call):
    s3.calls.clear()
    await call
    return dict(s3.calls)


async def taken(listing):
    return [item async for item in listing]


async def test_what_a_storage_costs(s3, session):
    fill(s3, {"p/x": b"data"} | {f"p/d/{number:04}": b"" for number in range(1500)})
    storage = aios3.Storage(f"{ROOT}/p", session=session)

    async def open_and_read():
        async with storage.open("x") as file:
            await file.read()

    async def write(*pieces):
        async with storage.open("y", "w") as file:
            for data in pieces:
                await file.write(data)

    assert await spent(s3, open_and_read()) == {"GetObject": 1}
    assert await spent(s3, write(b"")) == {}
    assert await spent(s3, write(b"data", b"more")) == {"PutObject": 1}
    assert await spent(s3, write(LARGE)) == {"CreateMultipartUpload": 1, "UploadPart": 2, "CompleteMultipartUpload": 1}
    assert await spent(s3, storage.upload(io.BytesIO(), "y")) == {"PutObject": 1}
    assert await spent(s3, taken(storage.list("d/"))) == {"ListObjectsV2": 2}
    assert await spent(s3, storage.download("x", io.BytesIO())) == {"GetObject": 1}
    assert await spent(s3, storage.copy("x", "z")) == {"HeadObject": 1, "CopyObject": 1}
    assert await spent(s3, storage.delete("z")) == {"HeadObject": 1, "DeleteObject": 1}


async def test_what_a_volume_costs(s3, session):
    fill(s3, {"p/x": b"data"} | {f"p/d/{number:04}": b"" for number in range(1500)})
    ours, theirs = volumes(session)
    assert await spent(s3, ours.load("x").size()) == {"HeadObject": 1}
    assert await spent(s3, ours.store(b"data", "y")) == {"PutObject": 1}
    assert await spent(s3, ours.store(ours.load("x"), "y")) == {"HeadObject": 1, "CopyObject": 1}
    found = await taken(ours.walk("d"))
    assert await spent(s3, taken(ours.walk("d"))) == {"ListObjectsV2": 1 + 2}
    assert await spent(s3, found[0][1].size()) == {}
    assert await spent(s3, ours.copy("d", theirs)) == {"ListObjectsV2": 1 + 2, "CopyObject": 1500}
    assert await spent(s3, ours.delete("d")) == {"HeadObject": 1, "ListObjectsV2": 2, "DeleteObjects": 2}
    assert await spent(s3, ours.mkdir("d")) == {"HeadObject": 1, "ListObjectsV2": 1}


async def test_a_copied_tree_keeps_its_storage_classes(s3, session):
    s3.put("p/x", b"data", storage_class="STANDARD_IA")
    whole, asked = s3.copy_object, []

    async def copy_object(source, target, *, options, terms=None):
        asked.append(terms.storage_class)
        return await whole(source, target, options=options, terms=terms)

    s3.copy_object = copy_object
    ours, theirs = volumes(session)
    await ours.copy(None, theirs)
    assert asked == ["STANDARD_IA"]
