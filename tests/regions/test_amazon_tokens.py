"""A token that has ended and a bucket that is elsewhere: each is learnt, whichever S3 says first."""

from __future__ import annotations

import pytest

import aios3
from servers.amazon_objects import Object

VERBS = {
    "read": lambda session: aios3.read_bytes("s3://bucket/key", session=session),
    "stat": lambda session: aios3.stat("s3://bucket/key", session=session),
    "exists": lambda session: aios3.exists("s3://bucket/key", session=session),
    "write": lambda session: aios3.write_bytes("s3://bucket/new", b"x", session=session),
    "list": lambda session: aios3.listdir("s3://bucket/", session=session),
}


@pytest.mark.parametrize("transport", ["auto", "aiobotocore"])
@pytest.mark.parametrize("home", ["eu-west-1", "eu-central-1"])
@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("known", [True, False], ids=["used before", "at first"])
async def test_a_token_that_ends_is_replaced_wherever_the_bucket_is(amazon, verb, home, known, transport):
    amazon.add_bucket("bucket", home).objects["key"] = Object(b"data", '"etag"')
    given = []

    def give() -> aios3.Credentials:
        given.append(f"AKID{len(given)}")
        ends = 0.0 if len(given) == 1 and not known else None
        amazon.add_key(given[-1], session_token=f"token-{given[-1]}", expires_at=ends)
        return aios3.Credentials(given[-1], "nobody-may-see-this", f"token-{given[-1]}")

    options = {"region": "eu-west-1", "verify": amazon.authority, "credentials": give, "transport": transport}
    async with aios3.Session(**options) as session:
        if known:
            await aios3.read_bytes("s3://bucket/key", session=session)
            amazon.add_key(given[-1], session_token=f"token-{given[-1]}", expires_at=0.0)
        assert await VERBS[verb](session)
    assert len(given) == 2
