"""A machine whose clock is wrong is served all the same: what S3 says of the time is learnt, also from a bare 403."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from datetime import datetime

import pytest
from fetching import fetched

import aios3
from aios3._clock import Clock
from servers.amazon_objects import Object

HOUR, MINUTE = 3600, 60
LASTING = aios3.Credentials("AKID", "nobody-may-see-this")
TEMPORARY = aios3.Credentials("AKIDT", "nobody-may-see-this", "token")
TRANSPORTS = ["auto", "aiobotocore"]
VERBS = {
    "stat": lambda session: aios3.stat("s3://bucket/key", session=session),
    "exists": lambda session: aios3.exists("s3://bucket/key", session=session),
    "hasbucket": lambda session: aios3.hasbucket("s3://bucket", session=session),
    "read": lambda session: aios3.read_bytes("s3://bucket/key", session=session),
    "list": lambda session: aios3.listdir("s3://bucket", session=session),
    "write": lambda session: aios3.write_bytes("s3://bucket/new", b"x", session=session),
}


@pytest.fixture(params=[HOUR, -HOUR, 16 * MINUTE], ids=["an hour fast", "an hour slow", "just too fast"])
def bucket(amazon, request):
    """A bucket of a server whose clock is not this machine's."""
    amazon.clock = lambda: time.time() + request.param
    amazon.add_key(TEMPORARY.access_key, session_token=TEMPORARY.session_token)
    bucket = amazon.add_bucket("bucket", "eu-west-1")
    bucket.objects["key"] = Object(b"data", '"etag"')
    return bucket


def session_of(amazon, transport, credentials=LASTING, **options):
    options = {"region": "eu-west-1", "max_attempts": 1, "verify": amazon.authority, **options}
    return aios3.Session(credentials=credentials, transport=transport, **options)


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("keys", [LASTING, TEMPORARY], ids=["lasting", "temporary"])
async def test_it_is_learnt_from_one_rejection(amazon, bucket, verb, keys, transport):
    async with session_of(amazon, transport, keys) as session:
        assert await VERBS[verb](session) is not False
        assert [each.status for each in amazon.requests if each.status >= 300] == [403]
        amazon.requests.clear()
        for each in VERBS.values():
            assert await each(session) is not False
        assert [each for each in amazon.requests if each.status >= 300] == []


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_concurrent_requests_with_a_wrong_clock_all_succeed(amazon, bucket, transport):
    async with session_of(amazon, transport) as session:
        results = await asyncio.gather(
            *(VERBS[verb](session) for verb in ("stat", "exists", "read") for _ in range(10))
        )
        assert False not in results


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_signed_urls_and_forms_and_the_client_below_have_the_servers_time(amazon, bucket, transport):
    async with session_of(amazon, transport) as session:
        await VERBS["stat"](session)
        url = await aios3.presign("s3://bucket/key", 60, session=session)
        assert await asyncio.to_thread(fetched, url, amazon) == (200, b"data")
        form = await aios3.presign_post("s3://bucket/key", 60, session=session)
        client = await aios3.get_s3_client(session=session)
        assert (await client.head_object(Bucket="bucket", Key="key"))["ContentLength"] == 4
    told = time.strftime("%Y%m%dT%H%M", time.gmtime(amazon.clock()))
    assert form.fields["x-amz-date"].startswith(told) or amazon.clock() % 60 < 5
    policy = json.loads(base64.b64decode(form.fields["policy"]))
    ends = datetime.fromisoformat(policy["expiration"]).timestamp()
    assert amazon.clock() < ends <= amazon.clock() + 61
    assert form.fields["x-amz-credential"].split("/")[1] == form.fields["x-amz-date"][:8]


async def sent_until_rejected(amazon, session):
    """Return how many requests were sent by a verb that may not have what it asks for."""
    amazon.requests.clear()
    with pytest.raises(aios3.AccessDeniedError):
        await VERBS["stat"](session)
    return len(amazon.requests)


@pytest.fixture
def strangers(amazon):
    """A bucket of somebody else."""
    bucket = amazon.add_bucket("bucket", "eu-west-1", owner="999999999999")
    bucket.objects["key"] = Object(b"data", '"etag"')


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize(
    ("skew", "credentials", "more"),
    [(HOUR, LASTING, 1), (-HOUR, LASTING, 1), (13 * MINUTE, LASTING, 0), (HOUR, "anonymous", 0)],
)
async def test_an_unauthorized_call_costs_one_more_request_and_only_once(
    amazon, strangers, skew, credentials, more, transport
):
    async with session_of(amazon, transport, credentials) as session:
        plain = await sent_until_rejected(amazon, session)
    amazon.clock = lambda: time.time() + skew
    async with session_of(amazon, transport, credentials) as session:
        assert await sent_until_rejected(amazon, session) == plain + more
        assert await sent_until_rejected(amazon, session) == plain


def bare(status=403, code=None):
    return aios3.RequestError("HeadObject s3://b/k: rejected", status=status, code=code)


@pytest.mark.parametrize(
    ("rejection", "date", "is_learnt"),
    [
        (bare(), "Thu, 01 Jan 1970 01:00:00 GMT", True),
        (bare(code="403"), "Thu, 01 Jan 1970 01:00:00 GMT", True),
        (bare(code="RequestTimeTooSkewed"), "Thu, 01 Jan 1970 00:00:01 GMT", True),
        (bare(), "Thu, 01 Jan 1970 00:13:00 GMT", False),
        (bare(code="AccessDenied"), "Thu, 01 Jan 1970 01:00:00 GMT", False),
        (bare(400), "Thu, 01 Jan 1970 01:00:00 GMT", False),
        (bare(404), "Thu, 01 Jan 1970 01:00:00 GMT", False),
        (bare(), None, False),
        (bare(), "", False),
        (bare(), "yesterday", False),
        (bare(code="RequestTimeTooSkewed"), "99999", False),
    ],
)
def test_what_sets_the_clock(rejection, date, is_learnt):
    clock = Clock()
    assert clock.learn(rejection, date, signed_at=0.0) is is_learnt
    assert (clock.clock_skew != 0.0) is is_learnt
    assert not is_learnt or clock.now() < 2 * HOUR


def test_a_request_signed_with_the_old_clock_is_retried_after_a_correction():
    clock = Clock()
    for _ in range(2):
        assert clock.learn(bare(), "Thu, 01 Jan 1970 01:00:00 GMT", signed_at=0.0)
    assert not clock.learn(bare(), "Thu, 01 Jan 1970 01:00:00 GMT", signed_at=clock.now())
