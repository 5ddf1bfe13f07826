"""Which transport reaches a bucket, and that aiobotocore is only imported where something needs it."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

import pytest

import aios3

KEYS = aios3.Credentials("AKID", "secret")


async def described(bucket="bucket", **options):
    async with aios3.Session(**{"credentials": KEYS, "region": "eu-west-1", **options}) as session:
        await session.backend(aios3.S3Url(bucket))
        return session.describe()


async def test_a_bucket_is_reached_by_connections_of_our_own():
    assert await described() == {"s3://bucket": "our own connections"}


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"transport": "aiobotocore"}, "transport='aiobotocore' is set"),
        ({"bucket": "name--euw1-az1--x-s3"}, "directory buckets need sessions"),
        ({"bucket": ""}, "the account's buckets"),
    ],
)
async def test_what_ours_do_not_speak_is_left_to_aiobotocore(options, reason):
    (how,) = (await described(**options)).values()
    assert how.startswith("aiobotocore, because ")
    assert reason in how


@pytest.mark.parametrize(
    ("environ", "endpoint_url", "by_proxy"),
    [
        ({"HTTPS_PROXY": "http://user:hidden@proxy:3128"}, None, True),
        ({"https_proxy": "http://proxy:3128"}, None, True),
        ({"HTTP_PROXY": "http://proxy:3128"}, None, False),
        ({"HTTP_PROXY": "http://proxy:3128"}, "http://storage.example.com", True),
        ({"HTTP_PROXY": "http://proxy:3128", "NO_PROXY": "example.com"}, "http://storage.example.com", False),
    ],
)
async def test_a_proxy_is_used_where_the_environment_names_one(monkeypatch, environ, endpoint_url, by_proxy):
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    (how,) = (await described(endpoint_url=endpoint_url)).values()
    assert how.startswith("aiobotocore") == by_proxy
    assert "hidden" not in how


def test_reading_with_plain_settings_never_imports_botocore(aios3_server, aios3_bucket):
    program = textwrap.dedent(f"""
        import asyncio, sys, aios3

        async def main():
            await aios3.write_bytes("{aios3_bucket}/key", b"content")
            async with aios3.aopen("{aios3_bucket}/key") as file:
                assert await file.read() == b"content"
            print([name for name in ("botocore", "aiobotocore", "aiohttp") if name in sys.modules])

        asyncio.run(main())
    """)
    credentials = aios3_server.config["credentials"]
    environ = os.environ | {
        "AWS_ENDPOINT_URL": aios3_server.endpoint_url,
        "AWS_ACCESS_KEY_ID": credentials.access_key,
        "AWS_SECRET_ACCESS_KEY": credentials.secret_key,
    }
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], env=environ, capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("[]\n", "")
