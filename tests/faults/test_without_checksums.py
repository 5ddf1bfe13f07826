"""A server that rejects what it is told of checksums is served without them, and told of once for each kind of request.

What counts as such a rejection must be certain: the same request succeeds without, and nothing else explains it.
"""

from __future__ import annotations

import logging
import random

import pytest
from fault_common import nothing_left

import aios3
from aios3._adapting_backend import AdaptingBackend
from aios3.testing import faults

REJECTIONS = [faults.Respond(501, "NotImplemented"), faults.Respond(400, "InvalidArgument")]
LARGE = random.Random(3).randbytes((5 << 20) + 10)


def speaks_of_checksums(request) -> bool:
    return any(name.startswith(("x-amz-checksum", "x-amz-sdk-checksum")) for name in request.headers)


def warnings(caplog) -> list[str]:
    said = [record.getMessage() for record in caplog.records if record.name == "aios3.checksums"]
    return [message for message in said if "takes no checksums" in message]


@pytest.fixture
async def session(faulty, options):
    made = aios3.Session(**options(faulty))
    async with nothing_left(made, faulty):
        yield made


@pytest.fixture
async def aws_session(faulty, options, monkeypatch):
    """A session that sends checksums with all that it writes, without having been told to."""

    monkeypatch.setattr(AdaptingBackend, "is_aws", True)
    made = aios3.Session(**options(faulty))
    async with nothing_left(made, faulty):
        yield made


@pytest.fixture
async def insisting(faulty, options):
    made = aios3.Session(**options(faulty, checksums="crc32"))
    async with nothing_left(made, faulty):
        yield made


@pytest.fixture(params=REJECTIONS, ids=["501", "400"])
def picky(request, faulty):
    faulty.fail("*", request.param, key=speaks_of_checksums, times=None)
    return faulty


@pytest.mark.parametrize("data", [b"small", LARGE], ids=["small", "large"])
async def test_it_is_written_to_and_read_from(picky, aws_session, bucket, admin, data, caplog):
    caplog.set_level(logging.WARNING, "aios3")
    session = aws_session
    for name in ("one", "two"):
        async with aios3.aopen(f"{bucket}/{name}", "wb", session=session) as writer:
            await writer.write(data)
        assert admin.get(f"{bucket}/{name}") == data
        assert await aios3.read_bytes(f"{bucket}/{name}", session=session) == data
        assert (await aios3.stat(f"{bucket}/{name}", session=session)).size == len(data)
    assert picky.counts().faults == 2
    assert len(warnings(caplog)) == 2


async def try_to_create(path, session):
    async with aios3.aopen(path, "xb", session=session) as writer:
        await writer.write(b"new")


VERBS_ON_NOTHING = {
    "exists": (lambda path, session: aios3.exists(path, session=session), False),
    "isfile": (lambda path, session: aios3.isfile(path, session=session), False),
    "stat": (lambda path, session: aios3.stat(path, session=session), aios3.ObjectNotFoundError),
    "lstat": (lambda path, session: aios3.lstat(path, session=session), aios3.ObjectNotFoundError),
    "read_bytes": (lambda path, session: aios3.read_bytes(path, session=session), aios3.ObjectNotFoundError),
    "copy": (lambda path, session: aios3.copy(path, f"{path}2", session=session), aios3.ObjectNotFoundError),
    "xb": (try_to_create, None),
}


@pytest.mark.parametrize("verb", VERBS_ON_NOTHING)
async def test_the_first_request_is_about_what_is_not_there(picky, session, bucket, verb, caplog):
    run, expected = VERBS_ON_NOTHING[verb]
    rejected = []
    for number in range(3):
        path = f"{bucket}/none{number}"
        if isinstance(expected, type):
            with pytest.raises(expected):
                await run(path, session)
        else:
            assert await run(path, session) is expected
        rejected.append(picky.counts().faults)
    assert rejected[0] == rejected[2], "learnt from the first one"
    assert len(warnings(caplog)) <= 1


@pytest.mark.parametrize("verb", ["read", "stat"])
async def test_what_only_reads_learns_it_too(picky, session, bucket, admin, verb, caplog):
    admin.put(f"{bucket}/data", b"x")
    rejected = []
    for _ in range(2):
        rejected.append(picky.counts().faults)
        if verb == "read":
            assert await aios3.read_bytes(f"{bucket}/data", session=session) == b"x"
        else:
            assert (await aios3.lstat(f"{bucket}/data", session=session)).size == 1
    assert 0 == rejected[0] < rejected[1] == picky.counts().faults
    assert len(warnings(caplog)) == 1


@pytest.mark.parametrize(
    ("rejected", "heeded"),
    [("GetObject", "PutObject"), ("PutObject", "GetObject"), ("UploadPart", "PutObject"), ("PutObject", "UploadPart")],
)
async def test_it_is_learnt_for_one_kind_of_request_alone(faulty, aws_session, bucket, admin, rejected, heeded):
    run = {
        "GetObject": lambda: aios3.read_bytes(f"{bucket}/data", session=aws_session),
        "PutObject": lambda: aios3.write_bytes(f"{bucket}/small", b"x", session=aws_session),
        "UploadPart": lambda: aios3.write_bytes(f"{bucket}/large", LARGE, session=aws_session),
    }
    admin.put(f"{bucket}/data", b"x")
    faulty.fail(rejected, REJECTIONS[0], key=speaks_of_checksums, times=None)
    await run[rejected]()
    await run[rejected]()
    assert faulty.counts().faults <= 2, "of an upload, two parts may have been on their way"
    await run[heeded]()
    assert all(speaks_of_checksums(each) for each in faulty.requests if each.operation == heeded)


OTHER_REASONS = [
    (faults.Respond(400, "InvalidArgument"), aios3.RequestError),
    (faults.Respond(400, "EntityTooLarge"), aios3.RequestError),
    (faults.Respond(400, "MetadataTooLarge"), aios3.RequestError),
    (faults.Respond(501, "NotImplemented"), aios3.UnsupportedError),
]


@pytest.mark.parametrize(("response", "kind"), OTHER_REASONS, ids=lambda each: getattr(each, "code", ""))
async def test_a_rejection_of_something_else_is_raised_and_nothing_is_learnt(
    faulty, aws_session, bucket, admin, response, kind, caplog
):
    faulty.fail("PutObject", response, times=2)
    with pytest.raises(kind) as caught:
        await aios3.write_bytes(f"{bucket}/data", b"x", session=aws_session)
    assert caught.value.code == response.code
    faulty.reset()
    await aios3.write_bytes(f"{bucket}/data", b"x", session=aws_session)
    assert speaks_of_checksums(faulty.requests[-1])
    assert warnings(caplog) == []


HEAD_VERBS = {
    "exists": lambda path, session: aios3.exists(path, session=session),
    "stat": lambda path, session: aios3.lstat(path, session=session),
}


@pytest.mark.parametrize("verb", HEAD_VERBS)
@pytest.mark.parametrize("status", [400])
async def test_a_head_that_is_rejected_for_a_passing_reason_proves_nothing(
    faulty, session, bucket, admin, verb, status, caplog
):
    """Such as a token that expires, and that another request renews before this one is repeated."""
    admin.put(f"{bucket}/data", b"x")
    faulty.fail("HeadObject", faults.Respond(status, "ExpiredToken"), times=1)
    assert await HEAD_VERBS[verb](f"{bucket}/data", session)
    faulty.reset()
    assert await aios3.read_bytes(f"{bucket}/data", session=session) == b"x"
    await aios3.lstat(f"{bucket}/data", session=session)
    assert all(speaks_of_checksums(each) for each in faulty.requests)
    assert warnings(caplog) == []


@pytest.mark.parametrize("code", ["AccessDenied", "InternalError", "ExpiredToken"])
async def test_only_a_response_to_the_plain_request_proves_it(faulty, session, bucket, admin, code, caplog):
    """403 with its reason is one; a failure of the server and bad credentials are not."""
    admin.put(f"{bucket}/data", b"x")
    status = {"AccessDenied": 403, "InternalError": 500, "ExpiredToken": 400}[code]
    faulty.fail("GetObject", REJECTIONS[1], key=speaks_of_checksums, times=None)
    faulty.fail("GetObject", faults.Respond(status, code), times=None)
    with pytest.raises(aios3.S3Error) as caught:
        await aios3.read_bytes(f"{bucket}/data", session=session)
    assert caught.value.code == code
    assert len(warnings(caplog)) == (code == "AccessDenied")


ASKED = {"GetObject", "HeadObject", "PutObject", "UploadPart", "CreateMultipartUpload"}
INSISTED_ON = {
    "read": lambda path, session: aios3.read_bytes(path, session=session),
    "stat": lambda path, session: aios3.lstat(path, session=session),
    "small write": lambda path, session: aios3.write_bytes(path, b"x", session=session),
    "large write": lambda path, session: aios3.write_bytes(path, LARGE, session=session),
}


@pytest.mark.parametrize("verb", INSISTED_ON)
async def test_required_checksums_on_a_server_without_them_are_a_clear_error(picky, insisting, bucket, admin, verb):
    admin.put(f"{bucket}/data", b"old")
    with pytest.raises((aios3.RequestError, aios3.UnsupportedError), match="set checksums='auto'"):
        await INSISTED_ON[verb](f"{bucket}/data", insisting)
    assert admin.get(f"{bucket}/data") == b"old"
    assert all(speaks_of_checksums(each) for each in picky.requests if each.operation in ASKED)
