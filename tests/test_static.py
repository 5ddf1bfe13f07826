"""What needs no chain is resolved as botocore would, and everything else is left to it."""

from __future__ import annotations

import asyncio
import itertools
import os

import pytest

from aios3 import Config, Credentials
from aios3._boto import BotoBackend
from aios3._endpoints import address_of
from aios3._settings import read_settings
from aios3._static_settings import resolve_statically

KEYS = Credentials("AKID", "secret", "token")
NAMED = {"AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "secret"}


def plain(config=None, profile=None, **environ):
    environ = {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull} | environ
    config = config or Config()
    return resolve_statically(config, read_settings(config, profile, environ), environ)


BUCKETS = ["bucket", "bu.cket", "Bucket_X", "ab", "a1.2.3.4", "1.2.3.4", "-x-", "x" * 63, "b--x"]
ENDPOINTS = [
    None,
    "http://127.0.0.1:9000",
    "http://localhost:9000/base/",
    "https://s3.example.com",
    "https://s3.example.com:443",
    "http://s3.example.com",
    "https://[::1]:9000",
]


@pytest.mark.parametrize(
    ("endpoint_url", "region", "style"),
    list(itertools.product(ENDPOINTS, ["us-east-1", "eu-west-1"], ["auto", "path", "virtual"])),
)
async def test_addresses_are_the_ones_that_botocore_works_out(endpoint_url, region, style):
    config = Config(endpoint_url=endpoint_url, region=region, addressing_style=style, credentials=KEYS)
    backend = BotoBackend(config, None, asyncio.Semaphore(4))
    settings = await asyncio.to_thread(plain, config)
    for bucket in BUCKETS:
        if bucket.startswith("-"):
            continue  # botocore rejects it, and so do we before it comes here
        if "." in bucket and "127.0.0.1" in (endpoint_url or ""):
            continue  # botocore makes a host of bucket and IP address, which nobody can look up
        assert address_of(settings, bucket) == await backend.address_of(bucket), bucket
    await backend.aclose()


async def test_requests_that_are_not_signed_have_the_same_address():
    config = Config(region="eu-west-1", credentials="anonymous")
    backend = BotoBackend(config, None, asyncio.Semaphore(4))
    address, settings = await backend.address_of("bucket"), await asyncio.to_thread(plain, config)
    assert (address.region, address.algorithm) == ("eu-west-1", None)
    assert address.url == address_of(settings, "bucket").url
    assert (await backend._credential_cache.get()).credentials is None
    await backend.aclose()


def test_credentials_and_a_region_in_the_environment_are_enough():
    settings = plain(AWS_REGION="eu-west-1", AWS_SESSION_TOKEN="t", **NAMED)
    assert settings.credentials == Credentials("AKID", "secret", "t")
    assert (settings.endpoint_url, settings.region) == (None, "eu-west-1")


@pytest.mark.parametrize(
    ("environ", "endpoint_url"),
    [
        ({"AWS_ENDPOINT_URL": "http://a"}, "http://a"),
        ({"AWS_ENDPOINT_URL": "http://a", "AWS_ENDPOINT_URL_S3": "http://b"}, "http://b"),
    ],
)
def test_the_environments_endpoint_is_used_and_needs_no_region(environ, endpoint_url):
    settings = plain(**environ, **NAMED)
    assert (settings.endpoint_url, settings.region) == (endpoint_url, "us-east-1")
    assert plain(Config(endpoint_url="http://c"), **environ, **NAMED).endpoint_url == "http://c"


@pytest.mark.parametrize(
    ("config", "profile", "environ"),
    [
        (Config(region="eu-west-1"), None, {}),
        (Config(region="eu-west-1"), None, {"AWS_ACCESS_KEY_ID": "AKID"}),
        (Config(), None, NAMED),
        (Config(region="eu-isoe-west-1"), None, NAMED),
        (Config(region="cn-north-1"), None, NAMED),
        (Config(region="eu-west-1", profile="p"), None, NAMED),
        (Config(region="eu-west-1"), "p", NAMED),
        (Config(region="eu-west-1"), None, NAMED | {"AWS_PROFILE": "p"}),
        (Config(endpoint_url="http://s3-accelerate.amazonaws.com"), None, NAMED),
        (Config(region="eu-west-1"), None, NAMED | {"AWS_USE_DUALSTACK_ENDPOINT": "true"}),
        (Config(region="eu-west-1", credentials=lambda: KEYS), None, {}),
    ],
)
def test_whatever_a_chain_may_decide_is_left_to_it(config, profile, environ, tmp_path):
    (tmp_path / "config").write_text("[profile p]\n")
    assert plain(config, profile, AWS_CONFIG_FILE=str(tmp_path / "config"), **environ) is None


@pytest.mark.parametrize(
    ("text", "region"),
    [
        ("[default]\nregion = eu-west-3\noutput = json\n", "eu-west-3"),
        ("[profile other]\nregion = eu-west-3\ns3 =\n  addressing_style = path\n", "us-east-1"),
        ("", "us-east-1"),
        ("[default]\nregion = eu-west-3\ns3 =\n  addressing_style = path\n", "eu-west-3"),
        ("[default]\nregion = eu-west-3\ns3 =\n  addressing_style = pathological\n", None),
        ("[default]\nregion = eu-west-3\ns3 =\n  use_accelerate_endpoint = true\n", None),
        ("[default]\nregion = eu-west-3\nrole_arn = arn:aws:iam::1:role/r\n", None),
        ("[default]\nendpoint_url = http://x\n", "us-east-1"),
    ],
)
def test_the_configuration_file_counts_where_it_says_something(text, region, tmp_path):
    file = tmp_path / "config"
    file.write_text(text)
    settings = plain(Config(endpoint_url="http://x"), **NAMED, AWS_CONFIG_FILE=str(file))
    assert (settings.region if settings else None) == region
