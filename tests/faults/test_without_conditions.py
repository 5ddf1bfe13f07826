"""A server that rejects conditions with writes, as Backblaze B2 does: mode ``x`` looks first, and says so once."""

from __future__ import annotations

import logging
import random

import pytest
from fault_common import nothing_left

import aios3
from aios3.testing import faults

LARGE = random.Random(9).randbytes((5 << 20) + 10)
REJECTED = faults.Respond(501, "NotImplemented", "A header you provided implies functionality that is not implemented")


def with_precondition(request) -> bool:
    return "if-none-match" in request.headers or "if-match" in request.headers


@pytest.fixture
async def session(faulty, options):
    faulty.fail("*Object", REJECTED, key=with_precondition, times=None)
    faulty.fail("CompleteMultipartUpload", REJECTED, key=with_precondition, times=None)
    made = aios3.Session(**options(faulty))
    async with nothing_left(made, faulty):
        yield made


async def create(path, data, session, mode="xb", **options):
    async with aios3.aopen(path, mode, session=session, **options) as file:
        await file.write(data)


@pytest.mark.parametrize("data", [b"small", LARGE], ids=["small", "large"])
async def test_what_is_not_there_is_created(session, bucket, admin, data, caplog):
    for name in ("one", "two"):
        await create(f"{bucket}/{name}", data, session)
        assert admin.get(f"{bucket}/{name}") == data
    said = [record for record in caplog.records if record.name == "aios3.conditions"]
    assert [record.levelno for record in said] == [logging.WARNING]


@pytest.mark.parametrize("data", [b"small", LARGE], ids=["small", "large"])
async def test_what_appears_in_between_stays(session, bucket, admin, data):
    with pytest.raises(aios3.ObjectExistsError):
        async with aios3.aopen(f"{bucket}/data", "xb", session=session) as file:
            await file.write(data)
            admin.put(f"{bucket}/data", b"theirs")
    assert admin.get(f"{bucket}/data") == b"theirs"
    assert admin.uploads(bucket) == []


@pytest.mark.parametrize("data", [b"small", LARGE], ids=["small", "large"])
async def test_a_known_version_is_not_replaced_without_its_condition(session, bucket, admin, data):
    etag = admin.put(f"{bucket}/data", b"old")
    with pytest.raises(aios3.UnsupportedError):
        await create(f"{bucket}/data", data, session, "wb", if_match=etag)
    assert admin.get(f"{bucket}/data") == b"old"


async def test_a_rejection_of_something_else_is_raised(faulty, options, bucket, admin, caplog):
    faulty.fail("PutObject", REJECTED, times=None)
    async with aios3.Session(**options(faulty)) as session:
        with pytest.raises(aios3.UnsupportedError, match="A header you provided"):
            await create(f"{bucket}/data", b"x", session)
    assert not admin.exists(f"{bucket}/data")
    assert [record for record in caplog.records if record.name == "aios3.conditions"] == []
