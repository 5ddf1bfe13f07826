"""A token that ends, or a region that is learnt, says nothing about checksums: they are used as before."""

from __future__ import annotations

import asyncio

import pytest

import aios3
from servers.amazon_objects import Object

OF_OBJECTS = {"GET", "HEAD", "PUT"}
VERBS = {
    "stat": lambda session: aios3.stat("s3://bucket/key", session=session),
    "exists": lambda session: aios3.exists("s3://bucket/key", session=session),
    "exists not": lambda session: aios3.exists("s3://bucket/none", session=session),
    "read": lambda session: aios3.read_bytes("s3://bucket/key", session=session),
}


@pytest.mark.parametrize("transport", ["auto", "aiobotocore"])
@pytest.mark.parametrize("checksums", ["auto", "crc32"])
@pytest.mark.parametrize("home", ["eu-west-1", "eu-central-1"])
@pytest.mark.parametrize("first", list(VERBS))
async def test_heads_with_an_expired_token_among_other_requests(amazon, first, home, checksums, transport, caplog):
    amazon.add_bucket("bucket", home).objects["key"] = Object(b"data", '"etag"')
    given = []

    def give() -> aios3.Credentials:
        given.append(f"AKID{len(given)}")
        amazon.add_key(given[-1], session_token=f"token-{given[-1]}")
        return aios3.Credentials(given[-1], "nobody-may-see-this", f"token-{given[-1]}")

    options = {"region": "eu-west-1", "verify": amazon.authority, "credentials": give, "transport": transport}
    async with aios3.Session(**options, checksums=checksums) as session:
        await VERBS[first](session)
        amazon.add_key(given[-1], session_token=f"token-{given[-1]}", expires_at=0.0)
        await asyncio.gather(*(run(session) for run in (*VERBS.values(), *VERBS.values())))
        amazon.requests.clear()
        await aios3.write_bytes("s3://bucket/new", b"x", session=session)
        assert await aios3.read_bytes("s3://bucket/key", session=session) == b"data"
        await aios3.stat("s3://bucket/key", session=session)
    seen = [request for request in amazon.requests if request.method in OF_OBJECTS and request.status < 300]
    assert {request.method for request in seen} >= {"GET", "HEAD", "PUT"}
    for request in seen:
        assert [name for name in request.headers if name.startswith("x-amz-checksum-")], request
    assert [record for record in caplog.records if record.name == "aios3.checksums"] == []
