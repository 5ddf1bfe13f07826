"""Which transport reaches a bucket, and that aiobotocore is only imported where something needs it."""

from __future__ import annotations

import textwrap

import pytest
from botocore.utils import get_environ_proxies

import aios3
from imported import imported_by

KEYS = aios3.Credentials("AKID", "secret")


async def described(bucket="bucket", **options):
    async with aios3.Session(**{"credentials": KEYS, "region": "eu-west-1", **options}) as session:
        await session.backend(aios3.S3Url(bucket))
        return session.describe()


async def test_a_bucket_is_reached_by_the_native_transport():
    (how,) = (await described()).values()
    assert (how.path, how.transport, how.reason) == ("s3://bucket", "native", "it serves this bucket")
    assert str(how) == (
        "s3://bucket is reached at https://bucket.s3.eu-west-1.amazonaws.com/ in region eu-west-1 (from region=) "
        "through the native transport, because it serves this bucket; credentials of the kind argument"
    )


async def test_the_buckets_of_an_account_are_listed_by_the_native_transport():
    (how,) = (await described(bucket="")).values()
    assert (how.transport, how.reason) == ("native", "it lists the account's buckets")
    assert "at https://s3.eu-west-1.amazonaws.com/ in region" in str(how)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"transport": "aiobotocore"}, "transport='aiobotocore' is set"),
        ({"bucket": "name--euw1-az1--x-s3"}, "directory buckets need sessions"),
    ],
)
async def test_settings_the_native_transport_lacks_use_aiobotocore(options, reason):
    (how,) = (await described(**options)).values()
    assert how.transport == "aiobotocore"
    assert reason in how.reason
    assert reason in str(how)


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
    assert (how.transport == "aiobotocore") == by_proxy
    assert "hidden" not in str(how)


BUCKET_HOST = "bucket.s3.eu-west-1.amazonaws.com"


@pytest.mark.parametrize("no_proxy", ["", "*", ".amazonaws.com", "s3.eu-west-1.amazonaws.com", BUCKET_HOST, "10.0.0.1"])
@pytest.mark.parametrize(
    "environ",
    [
        {"HTTPS_PROXY": "http://proxy:3128"},
        {"HTTPS_PROXY": "proxy:3128", "ALL_PROXY": "http://other:1"},
        {"ALL_PROXY": "http://proxy:3128"},
        {"HTTPS_PROXY": "http://proxy:3128", "https_proxy": ""},
        {"HTTP_PROXY": "http://proxy:3128"},
    ],
)
async def test_a_proxy_is_used_exactly_where_botocore_uses_it(monkeypatch, environ, no_proxy):
    for name, value in {**environ, "NO_PROXY": no_proxy}.items():
        monkeypatch.setenv(name, value)
    botocores = get_environ_proxies("https://s3.eu-west-1.amazonaws.com").get("https")
    (how,) = (await described()).values()
    by_proxy = how.transport == "aiobotocore" and how.reason.startswith("the environment names a proxy")
    assert by_proxy == bool(botocores)


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        (
            {"ALL_PROXY": "http://me:hidden@proxy:3128"},
            "proxy:3128: ALL_PROXY is not used, as in boto3; set HTTPS_PROXY",
        ),
        (
            {"HTTPS_PROXY": "http://me:hidden@proxy:3128", "NO_PROXY": "*"},
            "proxy:3128, because NO_PROXY lists the host",
        ),
    ],
)
async def test_a_proxy_that_is_not_used_is_named_with_the_reason(monkeypatch, environ, said):
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    (how,) = (await described()).values()
    assert (how.transport, how.reason) == ("native", f"it serves this bucket; not through the proxy {said}")


def test_reading_with_plain_settings_never_imports_botocore(aios3_server, aios3_bucket):
    program = textwrap.dedent(f"""
        import asyncio, aios3

        async def main():
            await aios3.write_bytes("{aios3_bucket}/key", b"content")
            async with aios3.aopen("{aios3_bucket}/key") as file:
                assert await file.read() == b"content"
            assert "{aios3_bucket}" in [entry.path async for entry in aios3.scandir("s3://")]

        asyncio.run(main())
    """)
    credentials = aios3_server.config["credentials"]
    loaded = imported_by(
        program,
        AWS_ENDPOINT_URL=aios3_server.endpoint_url,
        AWS_ACCESS_KEY_ID=credentials.access_key,
        AWS_SECRET_ACCESS_KEY=credentials.secret_key,
    )
    assert not {"botocore", "aiobotocore", "aiohttp"} & loaded
