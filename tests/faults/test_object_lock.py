"""Buckets with Object Lock and a default retention take no body without its MD5: it is sent once they say so.

The words are Amazon's, which Wasabi, IONOS and Backblaze B2 repeat. B2 knows no other checksum.
"""

from __future__ import annotations

import base64
import hashlib
import random

import pytest
from fault_common import nothing_left

import aios3
from aios3.testing import faults

LARGE = random.Random(4).randbytes((11 << 20) + 10)
WORDS = "Content-MD5 OR x-amz-checksum- HTTP header is required for Put {} requests with Object Lock parameters"
REJECTIONS = {
    "PutObject": faults.Respond(400, "InvalidRequest", WORDS.format("Object")),
    "UploadPart": faults.Respond(400, "InvalidRequest", WORDS.format("Part")),
}
MISSING = {name: faults.Respond(400, "MissingContentMD5", "Missing required header") for name in REJECTIONS}


def has_none(request) -> bool:
    return "content-md5" not in request.headers and not speaks_of_checksums(request)


def has_no_md5(request) -> bool:
    return "content-md5" not in request.headers


def speaks_of_checksums(request) -> bool:
    return any(name.startswith(("x-amz-checksum-crc", "x-amz-sdk-checksum")) for name in request.headers)


@pytest.fixture(params=[REJECTIONS, MISSING], ids=["InvalidRequest", "MissingContentMD5"])
def locked(request, faulty):
    """A server all of whose buckets are locked."""
    for operation, rejection in request.param.items():
        faulty.fail(operation, rejection, key=has_none, times=None)
    return faulty


@pytest.fixture
def picky(faulty):
    """The same, where checksums are not known, nor conditions."""
    for operation, rejection in REJECTIONS.items():
        faulty.fail(operation, faults.Respond(400, "InvalidArgument"), key=speaks_of_checksums, times=None)
        faulty.fail(operation, rejection, key=has_no_md5, times=None)
    return faulty


def sent_with_md5(faulty) -> int:
    """Return how many bodies came with their MD5."""
    return len([each for each in faulty.requests if each.operation in REJECTIONS and "content-md5" in each.headers])


async def write(path, session, data):
    await aios3.write_bytes(path, data, session=session)


async def create(path, session, data):
    async with aios3.aopen(path, "xb", session=session) as file:
        await file.write(data)


async def many(path, session, data):
    async for _ in aios3.write_many({path: data}.items(), session=session):
        pass


WRITES = {"write_bytes": write, "mode x": create, "write_many": many}


@pytest.mark.parametrize(
    ("verb", "data", "checksums"),
    [
        ("write_bytes", b"", "auto"),
        ("write_bytes", b"small", "auto"),
        ("write_bytes", b"small", "off"),
        ("write_bytes", LARGE, "auto"),
        ("mode x", b"small", "auto"),
        ("mode x", LARGE, "off"),
        ("write_many", b"small", "auto"),
    ],
    ids=lambda value: value if isinstance(value, str) else f"{len(value)} bytes",
)
async def test_it_is_written_to(locked, options, bucket, admin, verb, data, checksums):
    async with aios3.Session(**options(locked, checksums=checksums)) as session, nothing_left(session, locked):
        for number in range(2):
            await WRITES[verb](f"{bucket}/{number}", session, data)
            assert admin.get(f"{bucket}/{number}") == data
            if number == 0:
                rejected = locked.counts().faults
        assert locked.counts().faults == rejected, "learnt from the first write"
        assert sent_with_md5(locked) > 1


async def test_the_md5_is_that_of_the_body(locked, options, bucket):
    async with aios3.Session(**options(locked)) as session:
        await aios3.write_bytes(f"{bucket}/x", b"small", session=session)
    digest = base64.b64encode(hashlib.md5(b"small").digest()).decode()
    assert locked.requests[-1].headers["content-md5"] == digest


async def test_a_checksum_that_is_sent_anyhow_does_as_well(locked, options, bucket, admin):
    async with aios3.Session(**options(locked, checksums="crc32")) as session:
        await aios3.write_bytes(f"{bucket}/x", b"small", session=session)
        await aios3.write_bytes(f"{bucket}/y", LARGE, session=session)
    assert admin.get(f"{bucket}/y") == LARGE
    assert (locked.counts().faults, sent_with_md5(locked)) == (0, 0)


@pytest.mark.parametrize("data", [b"small", LARGE], ids=["small", "large"])
@pytest.mark.parametrize("said", ["", "when_supported"])
async def test_where_checksums_are_rejected_the_md5_is_left(picky, options, bucket, admin, data, said, monkeypatch):
    monkeypatch.setenv("AWS_REQUEST_CHECKSUM_CALCULATION", said)
    async with aios3.Session(**options(picky)) as session, nothing_left(session, picky):
        for number in range(2):
            await aios3.write_bytes(f"{bucket}/{number}", data, session=session)
            assert admin.get(f"{bucket}/{number}") == data


async def test_mode_x_works_where_conditions_are_rejected_too(picky, options, bucket, admin):
    picky.fail(
        "PutObject",
        faults.Respond(501, "NotImplemented"),
        key=lambda request: "if-none-match" in request.headers,
        times=None,
    )
    async with aios3.Session(**options(picky)) as session, nothing_left(session, picky):
        for number in range(2):
            await create(f"{bucket}/{number}", session, b"new")
            assert admin.get(f"{bucket}/{number}") == b"new"
            with pytest.raises(aios3.ObjectExistsError):
                await create(f"{bucket}/{number}", session, b"again")


async def test_one_bucket_says_nothing_of_another(locked, options, bucket, admin):
    other = f"{bucket}-other"
    admin.create_bucket(other.removeprefix("s3://"))
    async with aios3.Session(**options(locked)) as session:
        await aios3.write_bytes(f"{bucket}/x", b"small", session=session)
        locked.reset()
        await aios3.write_bytes(f"{other}/x", b"small", session=session)
    assert "content-md5" not in locked.requests[-1].headers
    admin.drop_bucket(other)


@pytest.mark.parametrize("code", ["InvalidRequest", "InvalidArgument"])
async def test_another_rejection_is_raised_at_once(faulty, options, bucket, code):
    faulty.fail("PutObject", faults.Respond(400, code, "the moon is full"), times=None)
    async with aios3.Session(**options(faulty)) as session:
        with pytest.raises(aios3.RequestError, match="the moon is full"):
            await aios3.write_bytes(f"{bucket}/x", b"small", session=session)
    assert faulty.counts().faults == 1


async def test_a_server_that_is_never_content_is_asked_twice(faulty, options, bucket):
    faulty.fail("PutObject", REJECTIONS["PutObject"], times=None)
    async with aios3.Session(**options(faulty)) as session:
        for count in (2, 3):
            with pytest.raises(aios3.RequestError, match="Object Lock"):
                await aios3.write_bytes(f"{bucket}/x", b"small", session=session)
            assert faulty.counts().faults == count
