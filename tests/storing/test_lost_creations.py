"""Uploads that were started and of which nobody was told: aborted where they are certainly ours, left where not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import aios3
from aios3 import _session
from aios3.errors import ConnectionFailedError
from handles.fake_s3 import SMALL, FakeS3, OpenUpload

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

MIB = 1 << 20
PATH = "s3://bucket/k"


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> FakeS3:
    fake = FakeS3()
    monkeypatch.setattr(_session, "_make_transport", lambda *_args: fake)
    monkeypatch.setattr("aios3._engine.retry_policy.retry_delay", lambda _failures: 0)
    return fake


@pytest.fixture
async def session(s3: FakeS3) -> AsyncIterator[aios3.Session]:
    async with aios3.Session(**SMALL) as opened:
        yield opened


def lose_creations(count: int):
    """A fault: the first ``count`` creations are done, and nobody is told."""
    left = [count]

    def faults(operation, url, _details):
        if operation != "CreateMultipartUpload" or not left[0]:
            return None
        left[0] -= 1
        return ConnectionFailedError(f"{operation} {url}: lost")

    return faults


@pytest.mark.parametrize("lost", [1, 2])
async def test_an_orphan_upload_is_aborted_before_the_object_appears(s3, session, lost):
    s3.faults = lose_creations(lost)
    await aios3.write_bytes(PATH, bytes(12 * MIB), session=session)
    assert s3.uploads == {}
    assert len(s3.objects["k"].data) == 12 * MIB
    assert s3.calls["ListMultipartUploads"] == 1


async def test_a_write_that_fails_afterwards_leaves_nothing_either(s3, session):
    s3.faults = lose_creations(1)
    with pytest.raises(ZeroDivisionError):
        async with aios3.aopen(PATH, "wb", session=session) as file:
            await file.write(bytes(12 * MIB))
            await file.drain()
            raise ZeroDivisionError
    assert s3.uploads == {}


async def test_uploads_whose_creations_are_all_lost_are_counted_in_the_log(s3, session, caplog):
    s3.faults = lose_creations(100)
    with pytest.raises(ConnectionFailedError):
        await aios3.write_bytes(PATH, bytes(12 * MIB), session=session)
    (message,) = [each.getMessage() for each in caplog.records if "CreateMultipartUpload" in each.getMessage()]
    assert message.startswith(f"{len(s3.uploads)} responses to CreateMultipartUpload {PATH} were lost")
    assert "aios3.abort_uploads" in message


async def test_an_upload_of_another_client_stays_open_where_no_response_comes(s3, session, caplog):
    """It has no part yet and began at the same moment, and cannot be told from ours."""
    s3.faults = lose_creations(100)
    theirs = OpenUpload("k", None, 1.0)
    others(s3, theirs=theirs)
    with pytest.raises(ConnectionFailedError):
        await aios3.write_bytes(PATH, bytes(12 * MIB), session=session)
    assert s3.uploads["theirs"] is theirs
    assert s3.calls["AbortMultipartUpload"] == 0
    assert f"{len(s3.uploads) - 1} responses to CreateMultipartUpload {PATH} were lost" in caplog.text


async def test_nothing_is_looked_for_where_nothing_was_lost(s3, session):
    await aios3.write_bytes(PATH, bytes(12 * MIB), session=session)
    assert s3.calls["ListMultipartUploads"] == 0


def others(s3: FakeS3, **uploads: OpenUpload) -> None:
    s3.uploads.update(uploads)


@pytest.mark.parametrize(
    "upload",
    [
        pytest.param(OpenUpload("k2", None, 1.0), id="of another key"),
        pytest.param(OpenUpload("k", None, -1000.0), id="started long before"),
        pytest.param(OpenUpload("k", None, 1000.0), id="started after ours"),
        pytest.param(OpenUpload("k", None, 1.0, {1: b"theirs"}), id="with a part"),
    ],
)
async def test_an_upload_of_another_writer_stays_open(s3, session, upload):
    s3.faults = lose_creations(1)
    others(s3, theirs=upload)
    await aios3.write_bytes(PATH, bytes(12 * MIB), session=session)
    assert s3.uploads == {"theirs": upload}


async def test_ambiguous_orphan_uploads_stay_open_and_are_named(s3, session, caplog):
    s3.faults = lose_creations(1)
    theirs = OpenUpload("k", None, 1.0)
    others(s3, theirs=theirs)
    await aios3.write_bytes(PATH, bytes(12 * MIB), session=session)
    assert set(s3.uploads) == {"theirs", "upload-1"}
    assert "'theirs'" in caplog.text
    assert "'upload-1'" in caplog.text
    assert "aios3.abort_uploads" in caplog.text
    s3.uploads.clear()


async def test_an_upload_of_the_same_session_is_not_taken_for_a_lost_one(s3, session):
    """Two writers of one session begin an upload of one key at the same moment, and one response is lost."""
    other = await aios3.aopen(PATH, "wb", session=session)
    await other.write(bytes(6 * MIB))
    while not session._uploads:
        await other.drain()
    next(iter(s3.uploads.values())).parts.clear()
    s3.faults = lose_creations(1)
    await aios3.write_bytes(PATH, bytes(12 * MIB), session=session)
    assert list(s3.uploads) == ["upload-1"]
    await other.abort()
    assert s3.uploads == {}
