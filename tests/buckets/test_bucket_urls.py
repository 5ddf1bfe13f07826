"""The plain URL of an object, for every way to address a bucket; paths are compared with botocore's."""

from __future__ import annotations

import asyncio
import http.client
import urllib.parse

import pytest
from hypothesis import given
from hypothesis import strategies as st

import aios3

KEYS = ["a", "a b", "a+b", "ä/日本", "a?b#c", "%2F%", "/lead", "a//b", "../x", "a/./b", "~!*'();:@&=$,[]", "tab\there"]
KNOWN = {"credentials": aios3.Credentials("AKIA", "secret"), "region": "eu-west-1"}
PLACES = {
    "amazon": ({}, "https://my-bucket.s3.eu-west-1.amazonaws.com/"),
    "amazon in us-east-1": ({"region": "us-east-1"}, "https://my-bucket.s3.amazonaws.com/"),
    "amazon by path": ({"addressing_style": "path"}, "https://s3.eu-west-1.amazonaws.com/my-bucket/"),
    "own server": ({"endpoint_url": "http://localhost:9000"}, "http://localhost:9000/my-bucket/"),
    "own server, a path": ({"endpoint_url": "http://localhost:9000/s3/"}, "http://localhost:9000/s3/my-bucket/"),
    "own server by host": (
        {"endpoint_url": "https://s3.example.com:444", "addressing_style": "virtual"},
        "https://my-bucket.s3.example.com:444/",
    ),
    "an address": (
        {"endpoint_url": "http://127.0.0.1:9000", "addressing_style": "virtual"},
        "http://127.0.0.1:9000/my-bucket/",
    ),
    "through aiobotocore": ({"transport": "aiobotocore"}, "https://my-bucket.s3.eu-west-1.amazonaws.com/"),
}


@pytest.mark.parametrize("place", PLACES)
async def test_the_url_is_botocores_of_the_same_object(place):
    options, start = PLACES[place]
    async with aios3.Session(**KNOWN | options) as session:
        bucket = aios3.Bucket("my-bucket", session=session)
        for key in KEYS:
            found = await bucket.compute_url(key)
            assert found.startswith(start)
            signed = await aios3.presign(f"s3://my-bucket/{key}", session=session)
            assert urllib.parse.urlsplit(found).path == urllib.parse.urlsplit(signed).path


async def test_a_bucket_with_dots_is_no_part_of_a_host_with_a_certificate():
    async with aios3.Session(**KNOWN) as session:
        url = await aios3.Bucket("my.bucket", session=session).compute_url("x")
        assert url == "https://s3.eu-west-1.amazonaws.com/my.bucket/x"


async def test_the_address_comes_from_where_the_chain_is_asked(tmp_path, monkeypatch):
    """Credentials from a function are the chain's business, and so is the endpoint then."""
    async with aios3.Session(region="eu-west-1", credentials=lambda: aios3.Credentials("AKIA", "secret")) as session:
        url = await aios3.Bucket("my-bucket", session=session).compute_url("a b")
        assert url == "https://my-bucket.s3.eu-west-1.amazonaws.com/a%20b"


async def test_a_profile_has_its_own_address(tmp_path, monkeypatch):
    config = tmp_path / "config"
    config.write_text(
        "[profile other]\nregion = us-east-1\nendpoint_url = http://localhost:9001\n"
        "aws_access_key_id = AKIA\naws_secret_access_key = secret\n"
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    async with aios3.Session(**KNOWN) as session:
        url = await aios3.Bucket("s3+other://my-bucket", session=session).compute_url("x")
        assert url == "http://localhost:9001/my-bucket/x"


async def test_nothing_is_sent(s3, bucket):
    async def locate(name):
        return aios3._backend.BucketAddress(f"http://localhost/{name}", "us-east-1", None)

    s3.locate = locate
    assert await bucket.compute_url("x") == "http://localhost/bucket/x"
    assert not s3.calls


@given(st.text(min_size=1, max_size=50))
async def test_every_key_can_be_read_back_from_its_url(key):
    async with aios3.Session(endpoint_url="http://localhost:1", **KNOWN) as session:
        try:
            url = await aios3.Bucket("my-bucket", session=session).compute_url(key)
        except aios3.InvalidPathError:
            with pytest.raises(UnicodeEncodeError):
                key.encode()
            return
    parts = urllib.parse.urlsplit(url)
    assert (parts.query, parts.fragment) == ("", "")
    assert urllib.parse.unquote(parts.path) == f"/my-bucket/{key}"
    assert url.isascii()


@pytest.mark.parametrize("key", [key for key in KEYS if key[0] != "/"])  # moto loses one of two slashes at the start
async def test_a_url_by_host_brings_the_object(aios3_server, aios3_bucket, aios3_session, key):
    """No resolver here knows ``bucket.localhost``, so the name goes into the head of the request only."""
    port = urllib.parse.urlsplit(aios3_server.endpoint_url).port
    await aios3.Bucket(aios3_bucket, session=aios3_session).put_object(key, key.encode())
    by_host = {"endpoint_url": f"http://localhost:{port}", "addressing_style": "virtual"}
    async with aios3.Session(**aios3_server.config | by_host) as session:
        url = await aios3.Bucket(aios3_bucket, session=session).compute_url(key)
        signed = await aios3.presign(f"{aios3_bucket}/{key}", session=session)
    parts = urllib.parse.urlsplit(f"{url}?{signed.partition('?')[2]}")
    assert parts.netloc == f"{aios3_bucket.removeprefix('s3://')}.localhost:{port}"
    assert await asyncio.to_thread(fetch, port, parts) == key.encode()


def fetch(port: int, parts: urllib.parse.SplitResult) -> bytes:
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request("GET", f"{parts.path}?{parts.query}", headers={"Host": parts.netloc})
    response = connection.getresponse()
    data = response.read()
    connection.close()
    assert response.status == 200, data
    return data
