"""Sessions: several at once, used again after an error, pickled, closed."""

from __future__ import annotations

import asyncio
import pickle

import pytest

import aios3


async def test_two_sessions_see_the_same_objects(server, bucket):
    async with aios3.Session(**server.config) as one, aios3.Session(**server.config) as two:
        await aios3.write_bytes(f"{bucket}/x", b"data", session=one)
        assert await aios3.read_bytes(f"{bucket}/x", session=two) == b"data"


async def test_a_session_serves_many_at_once(session, bucket, no_leaks):
    async def there_and_back(number: int) -> bytes:
        path = f"{bucket}/{number}"
        await aios3.write_bytes(path, b"%d" % number, session=session)
        return await aios3.read_bytes(path, session=session)

    assert await asyncio.gather(*map(there_and_back, range(60))) == [b"%d" % number for number in range(60)]


async def test_a_session_survives_an_error(session, bucket, no_leaks):
    with pytest.raises(aios3.ObjectNotFoundError):
        await aios3.read_bytes(f"{bucket}/none", session=session)
    await aios3.write_bytes(f"{bucket}/x", b"data", session=session)
    assert await aios3.read_bytes(f"{bucket}/x", session=session) == b"data"


async def test_a_pickled_session_works(session, bucket):
    await aios3.write_bytes(f"{bucket}/x", b"data", session=session)
    async with pickle.loads(pickle.dumps(session)) as copy:
        assert await aios3.read_bytes(f"{bucket}/x", session=copy) == b"data"


async def test_the_default_session_takes_the_environment(server, bucket, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", server.endpoint_url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", server.access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", server.secret_key)
    monkeypatch.setenv("AWS_DEFAULT_REGION", server.region)
    await aios3.write_bytes(f"{bucket}/x", b"data")
    assert await aios3.read_bytes(f"{bucket}/x") == b"data"


async def test_credentials_from_a_function(server, bucket):
    async def credentials() -> aios3.Credentials:
        return aios3.Credentials(server.access_key, server.secret_key)

    config = server.config | {"credentials": credentials}
    async with aios3.Session(**config) as session:
        await aios3.write_bytes(f"{bucket}/x", b"data", session=session)
        assert await aios3.read_bytes(f"{bucket}/x", session=session) == b"data"
