"""A proxy is used where the environment names one; one that is down or rejects is named, and its password never."""

from __future__ import annotations

import contextlib
import logging
import socket

import boto3
import pytest
from fault_verbs import VERBS, Place

import aios3
from aios3.testing import FaultyServer
from servers.proxies import Proxy
from shown import everything_shown

PASSWORD = "proxy-pass@word/nobody-may-see"
LOGIN = "bWU6"
"""How the header begins in base64, where the user is ``me``."""
AS_WRITTEN = "proxy-pass%40word%2Fnobody-may-see"


@pytest.fixture(params=["http", "https"])
def behind(request, server):
    """An S3 that is reached through a proxy: forwarded (http), or by a tunnel (https)."""
    with FaultyServer(upstream=server.endpoint_url, tls=request.param == "https") as running:
        yield running


@pytest.fixture
def start():
    """Start a proxy; it is stopped after the test, and not on its loop."""
    with contextlib.ExitStack() as stack:
        yield lambda *login, **how: stack.enter_context(Proxy(*login, **how))


@pytest.fixture
def config(behind, server, bucket):
    return aios3.Config(**server.config | behind.config | {"max_attempts": 3, "connect_timeout": 10.0})


@pytest.fixture
def name_proxy(monkeypatch, behind):
    def name(url: str) -> None:
        monkeypatch.setenv(f"{behind.endpoint_url.partition(':')[0].upper()}_PROXY", url)

    return name


def said_of(error, caplog) -> str:
    """All that is shown of an error, with the password that a header holds made readable."""
    return everything_shown(error, caplog.records).replace(LOGIN, "nobody-may-see")


async def failure(config, bucket) -> aios3.S3Error:
    async with aios3.Session(config) as session:
        with pytest.raises(aios3.S3Error) as caught:
            await aios3.read_bytes(f"{bucket}/data", session=session)
    return caught.value


@pytest.mark.parametrize("login", [None, ("me", PASSWORD)], ids=["open", "with a password"])
@pytest.mark.parametrize("verb", ["open + read", "write small", "write multipart", "scan", "remove", "copy"])
async def test_requests_go_through_it(start, behind, config, name_proxy, bucket, admin, login, verb):
    proxy = start(*(login or ()))
    name_proxy(proxy.url(*(login or ())))
    async with aios3.Session(config) as session:
        chosen = VERBS[verb]
        for key, data in chosen.prepare.items():
            admin.put(f"{bucket}/{key}", data)
        await chosen.run(Place(bucket, session, None, admin))
        (how,) = session.describe().values()
    assert proxy.requests
    assert {status for _, status in proxy.requests} == {200}
    assert (how.transport, how.reason) == ("aiobotocore", f"the environment names a proxy, {proxy.address}")


@pytest.mark.parametrize("given", [("me", "wrong-nobody-may-see"), None], ids=["wrong password", "none"])
async def test_a_wrong_password_is_named_once(start, behind, config, name_proxy, bucket, given, caplog):
    caplog.set_level(logging.DEBUG, "aios3")
    proxy = start("me", PASSWORD)
    name_proxy(proxy.url(*(given or ())))
    address = proxy.address
    error = await failure(config, bucket)
    assert [status for _, status in proxy.requests] == [407], "sent once: the next one would be rejected as well"
    assert isinstance(error, aios3.ConnectionFailedError)
    assert error.status == 407
    assert "proxy" in str(error)
    assert address in str(error)
    assert "user" in str(error)
    assert "nobody-may-see" not in said_of(error, caplog)


async def test_a_proxy_that_forbids_the_host_is_asked_once(start, behind, config, name_proxy, bucket, caplog):
    proxy = start(status=403)
    name_proxy(proxy.url("me", PASSWORD))
    error = await failure(config, bucket)
    assert len(proxy.requests) == 1
    assert error.status == 403
    if behind.endpoint_url.startswith("https"):
        assert isinstance(error, aios3.ConnectionFailedError)
        assert "the proxy 127.0.0.1:" in str(error)
    assert "nobody-may-see" not in said_of(error, caplog)


async def test_a_proxy_that_is_down_is_named(behind, config, name_proxy, bucket, caplog):
    caplog.set_level(logging.DEBUG, "aios3")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    name_proxy(f"http://me:{AS_WRITTEN}@127.0.0.1:{port}")
    error = await failure(config, bucket)
    assert type(error) is aios3.ConnectionFailedError
    assert f"no connection to the proxy 127.0.0.1:{port}" in str(error)
    assert "NO_PROXY" in str(error)
    assert "nobody-may-see" not in said_of(error, caplog)


async def test_a_proxy_whose_name_is_unknown_is_named(config, name_proxy, bucket, caplog):
    name_proxy(f"http://me:{AS_WRITTEN}@proxy.invalid:3128")
    error = await failure(config, bucket)
    assert isinstance(error, aios3.ConnectionFailedError)
    assert "through the proxy proxy.invalid:3128" in str(error) or "the proxy proxy.invalid:3128" in str(error)
    assert "nobody-may-see" not in said_of(error, caplog)


async def test_a_proxy_that_keeps_still_is_named(start, config, name_proxy, bucket, caplog):
    proxy = start(silent=True)
    name_proxy(proxy.url("me", PASSWORD))
    error = await failure(config.with_options(read_timeout=0.3, connect_timeout=0.3, max_attempts=1), bucket)
    assert f"through the proxy {proxy.address}" in str(error)
    assert isinstance(error, aios3.RequestTimeoutError)
    assert "nobody-may-see" not in said_of(error, caplog)


@pytest.mark.parametrize(
    "url", [f"http://me:{AS_WRITTEN}@host:port", f"socks5://me:{AS_WRITTEN}@127.0.0.1:1", f"http://me:{AS_WRITTEN}@"]
)
async def test_an_invalid_proxy_url_is_rejected_without_showing_its_password(config, name_proxy, bucket, url, caplog):
    name_proxy(url)
    error = await failure(config, bucket)
    assert isinstance(error, aios3.ConfigError)
    assert "proxy" in str(error)
    assert "nobody-may-see" not in said_of(error, caplog)


async def test_all_proxy_is_not_used_and_what_fails_says_so(start, monkeypatch, behind, config, bucket, admin):
    admin.put(f"{bucket}/data", b"x")
    proxy = start()
    monkeypatch.setenv("ALL_PROXY", proxy.url("me", PASSWORD))
    async with aios3.Session(config) as session:
        assert await aios3.read_bytes(f"{bucket}/data", session=session) == b"x"
        (how,) = session.describe().values()
    with behind.unreachable():
        error = await failure(config.with_options(max_attempts=1), bucket)
    assert proxy.requests == []
    for said in (str(how), str(error)):
        assert f"not through the proxy {proxy.address}: ALL_PROXY is not used, as in boto3" in said


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "ALL_PROXY"])
@pytest.mark.parametrize("no_proxy", ["", "127.0.0.1", "localhost", "*"])
async def test_boto3_takes_the_same_way(start, monkeypatch, server, bucket, admin, variable, no_proxy):
    admin.put(f"{bucket}/data", b"x")
    proxy = start()
    monkeypatch.setenv(variable, proxy.url())
    monkeypatch.setenv("NO_PROXY", no_proxy)
    client = boto3.client(
        "s3",
        endpoint_url=server.endpoint_url,
        region_name="us-east-1",
        aws_access_key_id=server.access_key,
        aws_secret_access_key=server.secret_key,
    )
    client.get_object(Bucket=bucket.removeprefix("s3://"), Key="data")["Body"].read()
    client.close()
    theirs = bool(proxy.requests)
    proxy.requests.clear()
    async with aios3.Session(**server.config) as session:
        assert await aios3.read_bytes(f"{bucket}/data", session=session) == b"x"
    assert bool(proxy.requests) == theirs
