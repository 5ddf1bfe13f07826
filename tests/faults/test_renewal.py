"""A token that S3 calls expired is replaced once, whatever its own time says; a clock that is off is learnt."""

from __future__ import annotations

import itertools

import pytest
from fault_common import nothing_left
from fault_verbs import VERBS, Place

import aios3
import aios3.sync
from aios3.testing import faults

CALLS = ["open + read", "write small", "write multipart", "copy", "remove", "scan"]


@pytest.fixture
def tokens():
    return itertools.count(1)


@pytest.fixture
def config(options, faulty, tokens):
    async def credentials():
        return aios3.Credentials("AKIA", "secret", f"token-{next(tokens)}")

    return aios3.Config(**options(faulty, credentials=credentials, max_attempts=1))


@pytest.mark.parametrize("name", CALLS)
async def test_fresh_credentials_are_asked_for_once(faulty, config, bucket, admin, tokens, name):
    verb = VERBS[name]
    for key, data in verb.prepare.items():
        admin.put(f"{bucket}/{key}", data)
    faulty.fail(verb.main, faults.ExpiredToken(), nth=verb.middle if name != "scan" else 1)
    session = aios3.Session(config)
    async with nothing_left(session, faulty):
        await verb.run(Place(bucket, session, aios3.sync.Session(config), admin))
    rejected = next(request for request in faulty.requests if request.fault is not None)
    # Requests that were on their way beside it have the old token as well, and may be seen last.
    again = [request for request in faulty.requests if request.fault is None and _asks_the_same(request, rejected)]
    assert again
    assert all(request.headers["x-amz-security-token"] != rejected.headers["x-amz-security-token"] for request in again)


def _asks_the_same(one, other) -> bool:
    return (one.operation, one.target, one.headers.get("range")) == (
        other.operation,
        other.target,
        other.headers.get("range"),
    )


async def test_credentials_that_stay_rejected_are_an_error_and_no_loop(faulty, config, bucket, admin):
    admin.put(f"{bucket}/data", b"x")
    faulty.fail("*", faults.ExpiredToken(), times=None)
    async with aios3.Session(config) as session:
        with pytest.raises(aios3.CredentialsError):
            await aios3.read_bytes(f"{bucket}/data", session=session)
    assert faulty.count("GetObject") == 2


async def test_the_time_of_a_server_is_learnt(faulty, options, bucket, admin):
    admin.put(f"{bucket}/data", b"x")
    tomorrow = {"Date": "Wed, 01 Jan 2031 00:00:00 GMT"}
    faulty.fail("GetObject", faults.Respond(403, "RequestTimeTooSkewed", headers=tomorrow))
    async with aios3.Session(**options(faulty, max_attempts=1)) as session:
        assert await aios3.read_bytes(f"{bucket}/data", session=session) == b"x"
    assert faulty.requests[-1].headers["x-amz-date"].startswith("20310101")
