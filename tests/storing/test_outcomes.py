"""Whether a write has happened whose response was lost: neither a lost one reported as done, nor a done one as lost."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

import aios3
from aios3._backend import Checksum
from aios3._entries import StatResult
from aios3._storing.outcome import has_bytes, has_metadata, is_recent, may_have_succeeded
from aios3.errors import (
    ConnectionFailedError,
    RequestTimeoutError,
    ServerError,
    TLSError,
    TruncatedBodyError,
    from_response,
)
from aios3.testing import faults

if TYPE_CHECKING:
    from pathlib import Path

MIB = 1 << 20
LARGE = bytes(12 * MIB)


def response(code: str | None, status: int) -> aios3.S3Error:
    return from_response(operation="PutObject", path="s3://b/k", code=code, status=status)


@pytest.mark.parametrize(
    ("error", "lost"),
    [
        (ConnectionFailedError("it broke"), True),
        (TruncatedBodyError("it broke off"), True),
        (RequestTimeoutError("silence"), True),
        (ServerError("that is no response of S3's"), True),
        (response("502", 502), True),
        (response(None, 504), True),
        (TLSError("not trusted"), False),
        (response("SlowDown", 503), False),
        (response("InternalError", 500), True),
        (response("GatewayTimeout", 504), True),
        (response("NotImplemented", 501), False),
        (response("PreconditionFailed", 412), False),
        (response("AccessDenied", 403), False),
        (response("RequestTimeout", 400), False),
    ],
)
def test_what_may_have_been_done(error, lost):
    assert may_have_succeeded(error) is lost


@pytest.mark.parametrize(
    ("mtime", "as_of", "young"),
    [(100.0, 103.0, True), (100.0, 107.0, True), (100.0, 107.5, False), (0.0, 107.5, True), (100.0, 0.0, True)],
)
def test_an_older_object_is_not_taken_for_the_result_of_this_write(mtime, as_of, young):
    assert is_recent(StatResult(mtime=mtime, as_of=as_of), 5.0) is young


@pytest.mark.parametrize(
    ("kept", "sent", "same"),
    [
        ({}, {}, True),
        ({"a-b": "1  2"}, {"A_B": "1 2"}, True),
        ({"a": "=?UTF-8?Q?=C3=A9?="}, {"a": "é"}, True),
        ({"a": "1"}, {"a": "2"}, False),
        ({}, {"a": "1"}, False),
        ({"a": "1"}, {}, False),
    ],
)
def test_metadata_are_compared_as_servers_give_them_back(kept, sent, same):
    assert has_metadata(StatResult(metadata=kept), sent) is same


@pytest.mark.parametrize(
    ("stat", "same"),
    [
        ({"etag": hashlib.md5(b"data").hexdigest()}, True),
        ({"etag": hashlib.md5(b"date").hexdigest()}, False),
        ({"etag": None}, False),
        ({"etag": "no md5", "checksums": {"CRC32": "sum"}}, True),
        ({"etag": hashlib.md5(b"data").hexdigest(), "checksums": {"CRC32": "another"}}, False),
        ({"etag": hashlib.md5(b"data").hexdigest(), "size": 5}, False),
    ],
)
async def test_bytes_are_compared_by_checksum_and_else_by_etag(stat, same):
    assert await has_bytes(StatResult(**{"size": 4} | stat), [b"da", b"ta"], Checksum("CRC32", "sum")) is same


@pytest.mark.parametrize("mode", ["xb", "ab"])
async def test_a_look_that_fails_before_the_write_is_no_lost_write_and_is_not_multiplied(
    faulty, config, bucket, admin, mode
):
    """The look has had its attempts. Otherwise each of the write's would have as many, and look for its object."""
    path = f"{bucket}/k"
    async with aios3.Session(**config(max_attempts=3)) as session:
        with pytest.raises(aios3.ServerError, match="HeadObject"):
            async with aios3.aopen(path, mode, session=session) as file:
                await file.write(b"new")
                before = faulty.count("HeadObject")
                faulty.fail("HeadObject", faults.InternalError(), times=None)
        assert faulty.count("HeadObject") - before == 3
        assert faulty.count("PutObject") == 0
    assert not admin.exists(path)


CERTAIN = [faults.SlowDown(), faults.InternalError(), faults.ErrorIn200()]


@pytest.mark.parametrize("fault", CERTAIN, ids=lambda fault: type(fault).__name__)
@pytest.mark.parametrize("verb", ["write", "append"])
async def test_an_older_object_with_the_same_bytes_is_not_taken_for_the_new_one(
    faulty, config, bucket, admin, verb, fault
):
    """A rejection is certain: the new metadata were not stored, so it must be sent again."""
    async with aios3.Session(**config()) as session:
        await aios3.write_bytes(f"{bucket}/k", LARGE, session=session)
        faulty.fail("CompleteMultipartUpload", fault)
        if verb == "write":
            await aios3.write_bytes(f"{bucket}/k", LARGE, metadata={"new": "yes"}, session=session)
        else:
            async with aios3.aopen(f"{bucket}/k", "ab", metadata={"new": "yes"}, session=session) as file:
                await file.write(b"x")
        assert faulty.count("CompleteMultipartUpload") == 3
    assert admin.head(f"{bucket}/k")["Metadata"] == {"new": "yes"}
    assert admin.uploads(bucket) == []


async def test_a_completion_that_never_arrived_is_none_even_if_the_same_bytes_are_there(faulty, config, bucket, admin):
    """The upload is still open: whatever object is there, it has not been completed."""
    async with aios3.Session(**config(max_attempts=2)) as session:
        await aios3.write_bytes(f"{bucket}/k", LARGE, session=session)
        faulty.fail("CompleteMultipartUpload", faults.Reset(), times=None)
        with pytest.raises(aios3.ConnectionFailedError):
            await aios3.write_bytes(f"{bucket}/k", LARGE, metadata={"new": "yes"}, session=session)
    assert admin.head(f"{bucket}/k")["Metadata"] == {}
    assert admin.uploads(bucket) == []


async def test_a_completion_whose_object_is_replaced_meanwhile_is_not_reported_as_that_object(
    faulty, config, bucket, admin
):
    async with aios3.Session(**config(max_attempts=2)) as session:
        faulty.fail("CompleteMultipartUpload", faults.DropResponse())
        faulty.fail("CompleteMultipartUpload", faults.Before(lambda _: admin.put(f"{bucket}/k", b"theirs")), nth=2)
        with pytest.raises(aios3.S3Error):
            await aios3.write_bytes(f"{bucket}/k", LARGE, session=session)
    assert admin.get(f"{bucket}/k") == b"theirs"


async def write_new(session: aios3.Session, path: str, _file: Path) -> None:
    async with aios3.aopen(path, "xb", metadata={"owner": "me"}, session=session) as file:
        await file.write(b"lock")


async def write_new_parts(session: aios3.Session, path: str, _file: Path) -> None:
    async with aios3.aopen(path, "xb", session=session) as file:
        await file.write(LARGE)


async def touch(session: aios3.Session, path: str, _file: Path) -> None:
    await aios3.touch(path, exist_ok=False, session=session)


async def symlink(session: aios3.Session, path: str, _file: Path) -> None:
    await aios3.symlink(path + "-target", path, overwrite=False, session=session)


async def copy(session: aios3.Session, path: str, _file: Path) -> None:
    await aios3.copy(path + "-source", path, overwrite=False, session=session)


async def copy_parts(session: aios3.Session, path: str, _file: Path) -> None:
    await aios3.copy(path + "-large", path, overwrite=False, multipart_threshold=5 * MIB, session=session)


async def rename(session: aios3.Session, path: str, _file: Path) -> None:
    await aios3.rename(path + "-source", path, overwrite=False, session=session)


async def upload(session: aios3.Session, path: str, file: Path) -> None:
    done = await aios3.upload(file, path, overwrite=False, session=session)
    if not done.copied:
        raise aios3.ObjectExistsError("skipped", path=path)


CREATING = {
    write_new: "PutObject",
    write_new_parts: "CompleteMultipartUpload",
    touch: "PutObject",
    symlink: "PutObject",
    copy: "CopyObject",
    copy_parts: "CompleteMultipartUpload",
    rename: "CopyObject",
    upload: "PutObject",
}


@pytest.mark.parametrize("fault", [faults.Reset(), faults.SlowDown()], ids=["never_arrived", "rejected"])
@pytest.mark.parametrize(
    "verb", [verb for verb in CREATING if verb not in (copy, rename)], ids=lambda verb: verb.__name__
)
async def test_an_object_created_between_two_attempts_is_not_replaced(
    faulty, config, bucket, admin, tmp_path, verb, fault
):
    """Two that create the same key: one must lose, even if its first request was lost on the way."""
    path, file = f"{bucket}/k", tmp_path / "file"
    file.write_bytes(b"ours")
    admin.put(path + "-source", b"ours")
    admin.put(path + "-large", LARGE)
    faulty.fail(CREATING[verb], fault)
    faulty.fail(CREATING[verb], faults.Before(lambda _: admin.put(path, b"theirs")), nth=2)
    async with aios3.Session(**config(max_attempts=3)) as session:
        with pytest.raises(aios3.ObjectExistsError):
            await verb(session, path, file)
    assert admin.get(path) == b"theirs"
    assert admin.exists(path + "-source")
    assert admin.uploads(bucket) == []


async def test_a_server_that_ignores_conditions_is_looked_at_before_every_attempt(faulty, config, bucket, admin):
    """moto's CopyObject ignores If-None-Match; a pause between two attempts gives others time."""
    path = f"{bucket}/k"
    admin.put(path + "-source", b"ours")
    faulty.fail("CopyObject", faults.SlowDown())
    faulty.fail("HeadObject", faults.Before(lambda _: admin.put(path, b"theirs")), nth=3)
    async with aios3.Session(**config()) as session:
        with pytest.raises(aios3.ObjectExistsError):
            await aios3.copy(path + "-source", path, overwrite=False, session=session)
    assert admin.get(path) == b"theirs"
    assert faulty.count("CopyObject") == 1


@pytest.mark.parametrize("fault", [faults.DropResponse(), faults.LateError(), faults.LateError(200)], ids=repr)
@pytest.mark.parametrize("verb", CREATING, ids=lambda verb: verb.__name__)
async def test_a_retried_conditional_write_recognizes_its_own_object(
    faulty, config, bucket, admin, tmp_path, verb, fault
):
    """The first request is done and says nothing of it; the second meets what the first has stored."""
    path, file = f"{bucket}/k", tmp_path / "file"
    file.write_bytes(b"ours")
    admin.put(path + "-source", b"ours")
    admin.put(path + "-large", LARGE)
    faulty.fail(CREATING[verb], fault)
    async with aios3.Session(**config(max_attempts=3)) as session:
        await verb(session, path, file)
    assert admin.exists(path)
    assert admin.uploads(bucket) == []


@pytest.mark.parametrize("verb", CREATING, ids=lambda verb: verb.__name__)
async def test_a_conditional_write_is_not_sent_again_out_of_sight(faulty, config, bucket, admin, tmp_path, verb):
    """aiohttp repeats a request without a body whose connection broke; the object would then seem to be another's."""
    path, file = f"{bucket}/k", tmp_path / "file"
    file.write_bytes(b"ours")
    admin.put(path + "-source", b"ours")
    admin.put(path + "-large", LARGE)
    async with aios3.Session(**config(max_attempts=1)) as session:
        await aios3.getsize(path + "-source", session=session)  # now a connection is open, and used again
        faulty.fail(CREATING[verb], faults.DropResponse())
        await verb(session, path, file)
        assert faulty.count(CREATING[verb]) == 1
    assert admin.exists(path)
