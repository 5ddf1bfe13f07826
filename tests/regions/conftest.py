"""An Amazon on loopback, and who asks it: boto3 as the oracle, and aios3 over both transports and on both surfaces."""

from __future__ import annotations

from typing import TYPE_CHECKING

import boto3
import botocore.config
import pytest

import aios3
from servers.amazon import running
from surfaces import AsyncSurface, SyncSurface

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from servers.amazon import Amazon

KEYS = aios3.Credentials("AKID", "nobody-may-see-this")


@pytest.fixture(scope="session")
def amazon_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Amazon]:
    """The server of the whole run; its names are led to it only while a test asks for ``amazon``."""
    with running(tmp_path_factory.mktemp("amazon"), leading=False) as amazon:
        yield amazon


@pytest.fixture
def amazon(amazon_server: Amazon) -> Iterator[Amazon]:
    """Amazon, empty, with one key."""
    amazon_server.reset()
    amazon_server.add_key()
    with amazon_server.leading():
        yield amazon_server


@pytest.fixture
def boto(amazon: Amazon) -> Iterator[Callable[..., object]]:
    """Make a client of boto3 that sends everything once."""
    made = []

    def make(region: str = "eu-west-1", keys: aios3.Credentials | None = KEYS, *, s3: dict | None = None, **options):
        signing = {"signature_version": "s3v4" if keys else botocore.UNSIGNED}
        said = {"retries": {"total_max_attempts": 1}, **signing, **({"s3": s3} if s3 else {})}
        if keys:
            options |= {"aws_access_key_id": keys.access_key, "aws_secret_access_key": keys.secret_key}
            options["aws_session_token"] = keys.session_token
        config = botocore.config.Config(**said)
        client = boto3.client("s3", region_name=region, config=config, verify=amazon.authority, **options)
        made.append(client)
        return client

    yield make
    for client in made:
        client.close()


@pytest.fixture(params=["async-auto", "async-aiobotocore", "sync-auto", "sync-aiobotocore"])
async def face(request: pytest.FixtureRequest, amazon: Amazon) -> AsyncIterator[Callable[..., AsyncSurface]]:
    """Make a surface on Amazon's own endpoints, each surface over each transport; everything is sent once."""
    name, _, transport = request.param.partition("-")
    opened = []

    def make(region: str | None = "eu-west-1", **options):
        options = {"credentials": KEYS, "verify": amazon.authority, "max_attempts": 1, **options}
        surface = {"async": AsyncSurface, "sync": SyncSurface}[name](region=region, transport=transport, **options)
        opened.append(surface)
        return surface

    yield make
    for surface in opened:
        await surface.aclose()
