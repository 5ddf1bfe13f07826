"""Faults in the middle of every verb on many objects: what is lost, what is left, and what the error says."""

from __future__ import annotations

import asyncio
import os
import time
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from tree_s3 import MIB, ROOT, fail

import aios3
from aios3._trees.progress_reporter import ProgressReporter
from aios3._trees.upload_file import upload_file

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("at_once")
TREE = {f"t/{number:04}": bytes([number % 256]) for number in range(40)}


def fill(s3, files=TREE):
    for key, data in files.items():
        s3.put(key, data)


def local_tree(root: Path, files: dict[str, bytes]) -> Path:
    for name, data in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)
    return root


async def cancel_at(s3, operation: str, count: int, verb) -> None:
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


# remove


async def test_decision_remove_raises_with_the_keys_that_are_still_there(s3, session):
    fill(s3)
    s3.rejected = lambda key: "AccessDenied" if key in {"t/0003", "t/0030"} else None
    with pytest.raises(aios3.PartialFailureError, match=r"2 failed.*the server's words") as caught:
        await aios3.remove(f"{ROOT}/t", session=session)
    assert set(s3.contents()) == {"t/0003", "t/0030"}
    assert {path: type(error) for path, error in caught.value.failures.items()} == {
        f"{ROOT}/t/0003": aios3.AccessDeniedError,
        f"{ROOT}/t/0030": aios3.AccessDeniedError,
    }
    assert caught.value.completed["deleted"] == 38
    assert s3.calls["DeleteObjects"] == 1  # what is rejected is not asked for again


async def test_decision_remove_tries_again_what_may_succeed(s3, session):
    fill(s3)
    tries = Counter()

    def rejected(key):
        tries[key] += 1
        return "InternalError" if key == "t/0007" and tries[key] < 3 else None

    s3.rejected = rejected
    await aios3.remove(f"{ROOT}/t", session=session)
    assert s3.contents() == {}
    assert s3.deleted_at_once == [40, 1, 1]


async def test_decision_remove_does_not_sleep_on_success(s3, session, monkeypatch):
    fill(s3)
    monkeypatch.setattr("aios3._trees.delete_keys.retry_delay", lambda _failures: 1 / 0)
    await aios3.remove(f"{ROOT}/t", session=session)
    assert s3.contents() == {}


async def test_remove_fails_after_the_configured_attempts(s3, session):
    fill(s3)
    s3.rejected = lambda key: "SlowDown" if key == "t/0007" else None
    with pytest.raises(aios3.PartialFailureError) as caught:
        await aios3.remove(f"{ROOT}/t", session=session)
    assert s3.deleted_at_once == [40, 1, 1]
    assert [type(error) for error in caught.value.failures.values()] == [aios3.ThrottledError]


async def test_remove_works_where_the_server_has_no_bulk_delete(s3, session):
    fill(s3)
    s3.knows_bulk = False
    await aios3.remove(f"{ROOT}/t", session=session)
    assert s3.contents() == {}


async def test_removing_many_takes_one_request_a_thousand(s3, session):
    fill(s3, {f"t/{number:05}": b"" for number in range(2500)} | {"u": b""})
    await aios3.remove(f"{ROOT}/t", session=session)
    assert set(s3.contents()) == {"u"}
    assert sorted(s3.deleted_at_once) == [500, 1000, 1000]
    assert dict(s3.calls) == {"HeadObject": 1, "ListObjectsV2": 4, "DeleteObjects": 3}  # 1 more, side by side


async def test_remove_stops_where_everything_fails(s3, session):
    fill(s3, {f"t/{number:05}": b"" for number in range(20_000)})
    s3.rejected = lambda _key: "AccessDenied"
    with pytest.raises(aios3.PartialFailureError, match="where it stopped"):
        await aios3.remove(f"{ROOT}/t", session=session)
    assert s3.calls["DeleteObjects"] <= 10


async def test_a_cancelled_remove_has_ended_when_it_returns(s3, session):
    fill(s3, {f"t/{number:05}": b"" for number in range(5000)})
    await cancel_at(s3, "DeleteObjects", 2, aios3.remove(f"{ROOT}/t", session=session))
    made = s3.calls["DeleteObjects"]
    await asyncio.sleep(0)
    assert s3.calls["DeleteObjects"] == made


# move


async def test_a_move_that_cannot_copy_all_deletes_nothing(s3, session):
    fill(s3)
    s3.faults = fail("CopyObject", lambda url, _: url.key == "new/0020")
    with pytest.raises(aios3.PartialFailureError, match="nothing was deleted") as caught:
        await aios3.move(f"{ROOT}/t", f"{ROOT}/new", session=session)
    assert {key: data for key, data in s3.contents().items() if key.startswith("t/")} == TREE
    assert list(caught.value.failures) == [f"{ROOT}/t/0020"]
    assert caught.value.completed["deleted"] == s3.calls["DeleteObjects"] == 0
    copied = {key for key in s3.contents() if key.startswith("new/")}
    assert caught.value.completed["copied"] <= len(copied)


async def test_a_move_that_cannot_delete_all_says_what_is_twice(s3, session):
    fill(s3)
    s3.rejected = lambda key: "AccessDenied" if key == "t/0005" else None
    with pytest.raises(aios3.PartialFailureError) as caught:
        await aios3.move(f"{ROOT}/t", f"{ROOT}/new", session=session)
    assert {key for key in s3.contents() if key.startswith("t/")} == {"t/0005"}
    assert len([key for key in s3.contents() if key.startswith("new/")]) == 40
    assert list(caught.value.failures) == [f"{ROOT}/t/0005"]
    assert caught.value.completed == {"copied": 40, "skipped": 0, "deleted": 39, "bytes": 40}


async def test_a_move_does_not_delete_a_concurrent_write(s3, session):
    fill(s3)

    def write(operation, url, _details):
        if operation == "CopyObject" and url.key == "new/0039":
            s3.put("t/0001", b"newer")
            s3.put("t/9999", b"added")

    s3.faults = write
    with pytest.raises(aios3.PartialFailureError) as caught:
        await aios3.move(f"{ROOT}/t", f"{ROOT}/new", session=session)
    left = {key: data for key, data in s3.contents().items() if key.startswith("t/")}
    assert left["t/0001"] == b"newer"
    assert set(left) <= {"t/0001", "t/9999"}
    assert {type(error) for error in caught.value.failures.values()} == {aios3.ObjectChangedError}


async def test_a_cancelled_move_deletes_nothing(s3, session):
    fill(s3)
    await cancel_at(s3, "CopyObject", 10, aios3.move(f"{ROOT}/t", f"{ROOT}/new", session=session))
    assert {key: data for key, data in s3.contents().items() if key.startswith("t/")} == TREE
    assert s3.calls["DeleteObjects"] == 0


async def test_what_a_move_costs(s3, session):
    fill(s3)
    await aios3.move(f"{ROOT}/t", f"{ROOT}/new", session=session)
    assert dict(s3.calls) == {"HeadObject": 1, "ListObjectsV2": 2, "CopyObject": 40, "DeleteObjects": 1}
    s3.calls.clear()
    await aios3.move(f"{ROOT}/new/0000", f"{ROOT}/one", session=session)
    assert s3.calls["DeleteObject"] == s3.calls["CopyObject"] == 1
    assert s3.calls["ListObjectsV2"] == 0


# concat


@pytest.mark.parametrize("operation", ["UploadPart", "UploadPartCopy", "CompleteMultipartUpload"])
async def test_decision_concat_publishes_nothing_when_a_part_fails(s3, session, operation):
    s3.put("large", bytes(6 * MIB))
    s3.put("small", b"small")
    s3.put("whole", b"before")
    s3.faults = fail(operation, lambda _url, details: details.get("number", 2) == 2 or operation == "UploadPart")
    sources = [f"{ROOT}/large", f"{ROOT}/large", f"{ROOT}/small"]
    with pytest.raises(aios3.AccessDeniedError):
        await aios3.concat(sources, f"{ROOT}/whole", session=session)
    assert s3.objects["whole"].data == b"before"
    assert s3.uploads == {}


async def test_decision_concat_sees_a_part_that_is_too_short(s3, session):
    s3.put("large", bytes(6 * MIB))

    def shorten(operation, _url, _details):
        if operation == "ListParts":
            [upload] = s3.uploads.values()
            upload.parts[1] = upload.parts[1][:-1]

    s3.faults = shorten
    with pytest.raises(aios3.ServerError, match=r"part 1 has 6291455 bytes and not 6291456; nothing was published"):
        await aios3.concat([f"{ROOT}/large"] * 2, f"{ROOT}/whole", session=session)
    assert set(s3.contents()) == {"large"}
    assert s3.uploads == {}


async def test_concat_notices_that_a_source_was_replaced(s3, session):
    for key in ("large", "small"):
        s3.put(key, bytes(6 * MIB) if key == "large" else b"small")
        s3.faults = lambda operation, _url, _details, key=key: (
            s3.put(key, b"x" * 6 * MIB) and None if operation == "CreateMultipartUpload" else None
        )
    with pytest.raises(aios3.ObjectChangedError):
        await aios3.concat([f"{ROOT}/large", f"{ROOT}/small"], f"{ROOT}/whole", session=session)
    assert "whole" not in s3.contents()
    assert s3.uploads == {}


@pytest.mark.parametrize("operation", ["CreateMultipartUpload", "UploadPartCopy", "CompleteMultipartUpload"])
async def test_a_cancelled_concat_leaves_no_upload(s3, session, operation):
    s3.put("large", bytes(6 * MIB))
    verb = aios3.concat([f"{ROOT}/large"] * 3, f"{ROOT}/whole", session=session)
    await cancel_at(s3, operation, 1, verb)
    assert s3.uploads == {}
    assert "whole" not in s3.contents()


async def test_what_a_concat_costs(s3, session):
    s3.put("large", bytes(6 * MIB))
    s3.put("small", b"small")
    await aios3.concat([f"{ROOT}/large", f"{ROOT}/small", f"{ROOT}/large"], f"{ROOT}/whole", session=session)
    assert s3.objects["whole"].data == bytes(6 * MIB) + b"small" + bytes(6 * MIB)
    # Behind the small one, 5 MiB are filled up from the large one; the rest of that is too small to be copied.
    # The third HEAD is of the one that was copied: this server might have ignored which version it was to copy.
    assert dict(s3.calls) == {
        "HeadObject": 3,
        "CreateMultipartUpload": 1,
        "UploadPartCopy": 1,
        "GetObject": 2,
        "UploadPart": 1,
        "ListParts": 1,
        "CompleteMultipartUpload": 1,
    }


# upload


async def test_one_file_that_fails_does_not_keep_the_others(s3, session, tmp_path):
    local_tree(tmp_path, TREE)
    s3.faults = fail("PutObject", lambda url, _: url.key == "up/0007")
    with pytest.raises(aios3.PartialFailureError) as caught:
        await aios3.upload(tmp_path / "t", f"{ROOT}/up", session=session)
    assert list(caught.value.failures) == [str(tmp_path / "t" / "0007")]
    assert caught.value.completed["copied"] == len(s3.contents()) == 39


async def test_wrong_credentials_are_asked_for_once_and_not_for_every_file(s3, session, tmp_path):
    local_tree(tmp_path, {f"t/{number}": b"" for number in range(300)})
    s3.faults = fail("PutObject", lambda *_: True, "InvalidAccessKeyId")
    with pytest.raises(aios3.CredentialsError):
        await aios3.upload(tmp_path / "t", f"{ROOT}/up", session=session)
    assert s3.calls["PutObject"] <= session.config.max_concurrency


async def test_a_part_that_fails_leaves_no_upload(s3, session, tmp_path):
    (tmp_path / "large").write_bytes(os.urandom(23 * MIB))
    s3.faults = fail("UploadPart", lambda _url, details: details["number"] == 3)
    with pytest.raises(aios3.AccessDeniedError):
        await aios3.upload(tmp_path / "large", f"{ROOT}/large", session=session)
    assert s3.uploads == {}
    assert s3.contents() == {}


@pytest.mark.parametrize("operation", ["CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload"])
async def test_a_cancelled_upload_leaves_no_upload(s3, session, tmp_path, operation):
    (tmp_path / "large").write_bytes(bytes(23 * MIB))
    await cancel_at(s3, operation, 1, aios3.upload(tmp_path / "large", f"{ROOT}/large", session=session))
    assert s3.uploads == {}


async def test_a_completion_whose_response_is_lost_is_looked_up(s3, session, tmp_path):
    (tmp_path / "large").write_bytes(os.urandom(11 * MIB))
    s3.faults = lambda operation, *_: (
        aios3.ConnectionFailedError("lost") if operation == "CompleteMultipartUpload" else None
    )
    await aios3.upload(tmp_path / "large", f"{ROOT}/large", session=session)
    assert s3.objects["large"].data == (tmp_path / "large").read_bytes()


@pytest.mark.parametrize("size", [10, 12 * MIB])
@pytest.mark.parametrize("change", ["append", "truncate", "replace", "rewrite"])
async def test_a_file_that_changes_while_it_is_uploaded_is_not_published(s3, session, tmp_path, size, change):
    path = tmp_path / "file"
    path.write_bytes(bytes(size))
    os.utime(path, (1, 1))

    def edit() -> None:
        if change == "append":
            with path.open("ab") as file:
                file.write(b"more")
        elif change == "truncate":
            os.truncate(path, size - 1)
        elif change == "replace":
            (tmp_path / "other").write_bytes(bytes(size))
            os.utime(tmp_path / "other", (1, 1))
            (tmp_path / "other").replace(path)
        else:
            path.write_bytes(b"x" * size)

    if size < MIB:  # read and checked before the only request: the change has to come in between
        original = aios3._trees.source_file.SourceFile.read_blocking
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(
                aios3._trees.source_file.SourceFile,
                "read_blocking",
                lambda self, *args: (original(self, *args), edit())[0],
            )
            with pytest.raises(aios3.FileChangedError, match="nothing was published"):
                await aios3.upload(path, f"{ROOT}/file", session=session)
    else:

        async def meanwhile(operation, details):
            if operation == "UploadPart" and details["number"] == 1:
                await asyncio.to_thread(edit)

        s3.meanwhile = meanwhile
        with pytest.raises(aios3.FileChangedError, match="nothing was published"):
            await aios3.upload(path, f"{ROOT}/file", session=session)
    assert s3.contents() == {}
    assert s3.uploads == {}


async def test_a_file_that_changed_since_it_was_listed_is_sent_as_it_is_now(s3, session, tmp_path):
    path, url = tmp_path / "file", aios3.S3Url("bucket", "file")
    for listed, now in ((3, 10), (10, 3), (3, 12 * MIB), (12 * MIB, 3), (3, 0)):
        path.write_bytes(os.urandom(now))
        assert await upload_file(session, str(path), url, ProgressReporter(), size=listed) == now
        assert s3.objects["file"].data == path.read_bytes()
    with pytest.raises(aios3.FileChangedError):
        await upload_file(session, str(path), url, ProgressReporter(), size=12 * MIB)


async def test_uploading_never_holds_more_than_the_budget(s3, session, tmp_path):
    local_tree(tmp_path, {f"t/{number}": bytes(6 * MIB) for number in range(8)})
    used = []
    s3.faults = lambda operation, *_: used.append(session.budget.used) if operation == "UploadPart" else None
    await aios3.upload(tmp_path / "t", f"{ROOT}/up", session=session)
    assert len(s3.contents()) == 8
    assert max(used) <= session.budget.limit


# download


async def test_a_broken_download_never_replaces_a_good_file(s3, session, tmp_path):
    for name, size in {"small": 1000, "large": 1 * MIB}.items():
        s3.put(name, os.urandom(size))
        (tmp_path / name).write_bytes(b"good")
        s3.break_body = lambda body: setattr(body, "broken_after", 10)
        s3.faults = fail("GetObject", lambda *_: s3.calls["GetObject"] > 3, "InternalError", 500)
        with pytest.raises(aios3.S3Error):
            await aios3.download(f"{ROOT}/{name}", tmp_path / name, session=session)
        s3.break_body = s3.faults = None
        s3.calls.clear()
        assert (tmp_path / name).read_bytes() == b"good"
        assert {path.name for path in tmp_path.iterdir()} <= {"small", "large"}


async def test_a_body_that_breaks_is_resumed(s3, session, tmp_path):
    data = os.urandom(2 * MIB + 5)
    s3.put("large", data)
    s3.break_body = lambda body: setattr(body, "broken_after", 100_000)
    await aios3.download(f"{ROOT}/large", tmp_path / "large", session=session)
    assert (tmp_path / "large").read_bytes() == data


async def test_an_object_that_changes_while_it_is_downloaded_is_not_mixed(s3, session, tmp_path):
    s3.put("large", bytes(2 * MIB))
    s3.faults = lambda *_: s3.put("large", b"x" * (2 * MIB)) and None if s3.calls["GetObject"] > 1 else None
    with pytest.raises(aios3.ObjectChangedError):
        await aios3.download(f"{ROOT}/large", tmp_path / "large", session=session)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("count", [1, 2, 5])
async def test_a_cancelled_download_leaves_nothing(s3, session, tmp_path, count):
    s3.put("large", bytes(4 * MIB))
    await cancel_at(s3, "GetObject", count, aios3.download(f"{ROOT}/large", tmp_path / "large", session=session))
    assert list(tmp_path.iterdir()) == []


async def test_wrong_bytes_are_seen_where_s3_keeps_a_checksum(s3, session, tmp_path):
    s3.put("x", b"data", checksums={"CRC32": "AAAAAA=="})
    with pytest.raises(aios3.ChecksumMismatchError):
        await aios3.download(f"{ROOT}/x", tmp_path / "x", session=session)
    assert list(tmp_path.iterdir()) == []


async def test_a_file_that_is_created_during_the_download_stays(s3, session, tmp_path):
    s3.put("x", b"data")
    s3.meanwhile = lambda *_: asyncio.to_thread((tmp_path / "x").write_bytes, b"mine")
    with pytest.raises(aios3.ObjectExistsError):
        await aios3.download(f"{ROOT}/x", tmp_path / "x", overwrite=False, session=session)
    assert (tmp_path / "x").read_bytes() == b"mine"
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


async def test_what_transfers_cost(s3, session, tmp_path):
    local_tree(tmp_path, TREE)
    await aios3.upload(tmp_path / "t", f"{ROOT}/up", session=session)
    assert dict(s3.calls) == {"PutObject": 40}
    s3.calls.clear()
    await aios3.download(f"{ROOT}/up", tmp_path / "down", session=session)
    assert dict(s3.calls) == {"GetObject": 41, "ListObjectsV2": 2}  # a GET to see that up is no object
    s3.calls.clear()
    await aios3.download(f"{ROOT}/up/0001", tmp_path / "one", session=session)
    assert dict(s3.calls) == {"GetObject": 1}
    s3.calls.clear()
    await aios3.sync_tree(f"{ROOT}/up/", tmp_path / "down", session=session)
    assert dict(s3.calls) == {"ListObjectsV2": 1}


# sync


async def test_sync_names_what_failed_and_copies_the_rest_and_deletes_nothing(s3, session, tmp_path):
    local_tree(tmp_path, TREE)
    s3.put("up/extra", b"")
    s3.faults = fail("PutObject", lambda url, _: url.key == "up/0007")
    with pytest.raises(aios3.PartialFailureError) as caught:
        await aios3.sync_tree(tmp_path / "t", f"{ROOT}/up", delete=True, session=session)
    assert caught.value.completed == {"copied": 39, "skipped": 0, "deleted": 0, "bytes": 39}
    assert list(caught.value.failures) == [str(tmp_path / "t" / "0007")]
    assert "up/extra" in s3.contents()


async def test_sync_deletes_nothing_when_a_listing_breaks(s3, session, tmp_path):
    fill(s3, {f"t/{number:05}": b"" for number in range(1500)} | {"up/a": b"", "up/z": b""})
    s3.faults = fail("ListObjectsV2", lambda *_: s3.calls["ListObjectsV2"] > 2, "InternalError", 500)
    with pytest.raises(aios3.ServerError):
        await aios3.sync_tree(f"{ROOT}/t/", f"{ROOT}/up/", delete=True, session=session)
    assert {"up/a", "up/z"} <= set(s3.contents())
    assert s3.calls["DeleteObjects"] == 0


async def test_sync_reports_keys_that_could_not_be_deleted(s3, session, tmp_path):
    local_tree(tmp_path, TREE)
    fill(s3, {"up/x": b"", "up/y": b""})
    s3.rejected = lambda key: "AccessDenied" if key == "up/x" else None
    with pytest.raises(aios3.PartialFailureError) as caught:
        await aios3.sync_tree(tmp_path / "t", f"{ROOT}/up", delete=True, session=session)
    assert list(caught.value.failures) == [f"{ROOT}/up/x"]
    assert caught.value.completed["deleted"] == 1


async def test_a_cancelled_sync_has_ended_when_it_returns(s3, session, tmp_path):
    local_tree(tmp_path, TREE)
    s3.put("up/extra", b"")
    verb = aios3.sync_tree(tmp_path / "t", f"{ROOT}/up", delete=True, session=session)
    await cancel_at(s3, "PutObject", 5, verb)
    assert "up/extra" in s3.contents()
    assert len(s3.contents()) < 40


async def test_what_progress_raises_ends_the_transfer(s3, session, tmp_path):
    local_tree(tmp_path, TREE)

    def progress(state):
        if state.files_done == 3:
            raise KeyError("enough")

    with pytest.raises(KeyError):
        await aios3.upload(tmp_path / "t", f"{ROOT}/up", progress=progress, session=session)
    assert len(s3.contents()) < 40


# abort_uploads


async def test_uploads_that_cannot_be_aborted_are_named(s3, session):
    for _ in range(3):
        await s3.create_multipart_upload(aios3.S3Url("bucket", "d/x"), None, None)
    rejected = iter([False, True, False])
    s3.faults = fail("AbortMultipartUpload", lambda *_: next(rejected))
    with pytest.raises(aios3.PartialFailureError) as caught:
        await aios3.abort_uploads(ROOT, 0, session=session)
    assert len(caught.value.failures) == 1
    assert caught.value.completed["deleted"] == 2
    s3.uploads.clear()


async def test_aborts_all_uploads_of_a_server_whose_clock_is_ahead(s3, session, monkeypatch):
    await s3.create_multipart_upload(aios3.S3Url("bucket", "d/x"), None, None)
    (started,) = await s3.list_multipart_uploads(aios3.S3Url("bucket", ""))

    ahead_of_us = replace(started, initiated=time.time() + 3600)

    async def ahead(_):
        return [ahead_of_us]

    monkeypatch.setattr(s3, "list_multipart_uploads", ahead)
    assert await aios3.abort_uploads(ROOT, 1, session=session) == []
    assert await aios3.abort_uploads(ROOT, 0, session=session) == [ahead_of_us]
