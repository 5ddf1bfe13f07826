"""The backend on aiobotocore: who asks, and where the bucket is."""

from __future__ import annotations

import asyncio
import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from boto_calls import KEYS, URL, to
from botocore.loaders import create_loader

from aios3._boto import BotoBackend
from aios3._config import Config, Credentials
from aios3._endpoint_url import AMAZON_DOMAINS
from scripted import Scripted, response

if TYPE_CHECKING:
    from pathlib import Path


async def sent_with(server: Scripted, config: Config, profile: str | None = None) -> str:
    """Make one request and return its signature's header."""
    backend = BotoBackend(config, profile, asyncio.Semaphore(1))
    await backend.delete_object(URL)
    await backend.aclose()
    return server.requests[-1].headers.get("authorization", "")


async def test_anonymous_requests_are_not_signed():
    async with Scripted(response(204)) as server:
        assert await sent_with(server, Config(endpoint_url=server.url, credentials="anonymous")) == ""


async def test_static_credentials_and_region_sign():
    keys = Credentials("AKIAONE", "s", "token")
    async with Scripted(response(204)) as server:
        signed = await sent_with(server, Config(endpoint_url=server.url, credentials=keys, region="eu-west-7"))
    assert "Credential=AKIAONE/" in signed
    assert "/eu-west-7/s3/aws4_request" in signed
    assert server.requests[0].headers["x-amz-security-token"] == "token"


async def test_environment_and_profile_are_botocores_chain(monkeypatch, tmp_path: Path):
    async with Scripted(*[response(204)] * 5) as server:
        (tmp_path / "credentials").write_text(
            "[default]\naws_access_key_id=AKIADEFAULT\naws_secret_access_key=s\n"
            "[other]\naws_access_key_id=AKIAOTHER\naws_secret_access_key=s\n"
        )
        (tmp_path / "config").write_text(
            f"[default]\nendpoint_url={server.url}\n"
            f"[profile other]\nregion=eu-north-1\nendpoint_url={server.url}\n"
            f"[profile third]\naws_access_key_id=AKIATHIRD\naws_secret_access_key=s\nendpoint_url={server.url}\n"
        )
        monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
        monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
        default = await sent_with(server, Config())
        assert "AKIADEFAULT" in default
        assert "/us-east-1/s3/" in default
        other = await sent_with(server, Config(), "other")
        assert "AKIAOTHER" in other
        assert "/eu-north-1/s3/" in other
        assert "AKIATHIRD" in await sent_with(server, Config(profile="third"))
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAENV")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s")
        monkeypatch.setenv("AWS_REGION", "ap-east-1")
        environment = await sent_with(server, Config())
        assert "AKIAENV" in environment
        assert "/ap-east-1/s3/" in environment
        assert "AKIAOTHER" in await sent_with(server, Config(), "other")


async def test_a_function_is_asked_once_for_lasting_credentials_in_a_thread():
    asked: list[threading.Thread] = []

    def ask() -> Credentials:
        asked.append(threading.current_thread())
        return Credentials("AKIAFUNCTION", "s", "t")

    async with Scripted(response(204), response(204)) as server:
        backend = to(server, credentials=ask)
        await backend.delete_object(URL)
        await backend.delete_object(URL)
        await backend.aclose()
    assert len(asked) == 1
    assert asked[0] is not threading.current_thread()
    assert "AKIAFUNCTION" in server.requests[1].headers["authorization"]
    assert server.requests[1].headers["x-amz-security-token"] == "t"


@pytest.mark.parametrize("lasting", [timedelta(hours=1), timedelta(seconds=40)])
async def test_credentials_are_asked_for_again_before_they_expire(monkeypatch, lasting):
    count = 0

    async def ask() -> Credentials:
        nonlocal count
        count += 1
        await asyncio.sleep(0)
        expires = datetime.now(UTC) + lasting * count
        return Credentials(f"AKIA{count}", "s", expires_at=expires)

    async with Scripted(*[response(204)] * 4) as server:
        backend = to(server, credentials=ask)
        await backend.delete_object(URL)
        await backend.delete_object(URL)
        assert count == 1
        later = datetime.now(UTC) + lasting * 0.9
        backend._credential_cache._clock = later.timestamp
        await backend.delete_object(URL)
        await backend.delete_object(URL)
        await backend.aclose()
    signed = [request.headers["authorization"] for request in server.requests]
    assert ["AKIA1/" in each for each in signed] == [True, True, True, False]
    assert "AKIA2/" in signed[3]


async def test_a_function_that_returns_an_awaitable_is_awaited():
    async def fetch() -> Credentials:
        return Credentials("AKIALATER", "s")

    async with Scripted(response(204)) as server:
        assert "AKIALATER" in await sent_with(server, Config(endpoint_url=server.url, credentials=lambda: fetch()))  # noqa: PLW0108


@pytest.mark.parametrize(("style", "target"), [("auto", "/bucket/key"), ("path", "/bucket/key"), ("virtual", "/key")])
async def test_the_bucket_is_addressed_as_configured(style, target):
    async with Scripted(response(204)) as server:
        named = server.url.replace("127.0.0.1", "localhost")
        backend = BotoBackend(
            Config(endpoint_url=named, credentials=KEYS, addressing_style=style, max_attempts=1),
            None,
            asyncio.Semaphore(1),
        )
        if style == "virtual":
            await response_names_of_localhost(backend)
        await backend.delete_object(URL)
        await backend.aclose()
    assert server.requests[0].target == target
    assert server.requests[0].headers["host"].startswith("bucket." if style == "virtual" else "localhost")


async def response_names_of_localhost(backend: BotoBackend) -> None:
    """Let the names below ``localhost`` be found, which not every machine's resolver does."""
    client: Any = await backend._client.get()
    client._endpoint.http_session._connector_args["resolver"] = _Loopback()


class _Loopback:
    async def resolve(self, host: str, port: int = 0, family: int = 0) -> list[dict[str, Any]]:
        return [{"hostname": host, "host": "127.0.0.1", "port": port, "family": family or 2, "proto": 0, "flags": 0}]

    async def close(self) -> None:
        pass


def test_amazon_s_domains_are_those_of_botocore():
    partitions = create_loader().load_data("partitions")["partitions"]
    outputs = [partition["outputs"] for partition in partitions]
    known = {f".{each[name]}" for each in outputs for name in ("dnsSuffix", "dualStackDnsSuffix")}
    assert set(AMAZON_DOMAINS) >= known


@pytest.mark.parametrize(
    ("endpoint", "is_aws"),
    [
        (None, True),
        ("https://s3.cn-north-1.amazonaws.com.cn", True),
        ("https://s3.dualstack.eu-west-1.api.aws", True),
        ("https://amazonaws.com.example.org", False),
        ("https://notamazonaws.com", False),
        ("http://127.0.0.1:1", False),
    ],
)
async def test_amazon_is_known_by_its_domains(endpoint, is_aws):
    backend = BotoBackend(Config(endpoint_url=endpoint, credentials=KEYS), None, asyncio.Semaphore(1))
    assert backend.is_aws is is_aws
    assert await backend._client.is_aws() is is_aws
    await backend.aclose()
