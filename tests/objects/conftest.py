"""Fixtures of the tests of verbs on one object."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import aios3

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture
async def requests(aios3_session: aios3.Session, aios3_bucket: str) -> AsyncIterator[list[str]]:
    """What is sent from now on: methods, with the keys."""
    sent: list[str] = []

    def record(request, **_kwargs) -> None:
        sent.append(f"{request.method} {request.url.partition('//')[2].partition('/')[2].partition('/')[2]}")

    backend = await aios3_session.backend(aios3.S3Url.parse(aios3_bucket))
    client = await backend._client.get()
    client.meta.events.register("before-send.s3", record)
    return sent


@pytest.fixture
def other_profile(tmp_path, monkeypatch, aios3_server) -> str:
    """The start of paths of another profile, which reaches the same server."""
    config = tmp_path / "config"
    credentials = aios3_server.config["credentials"]
    config.write_text(
        "[profile other]\nregion = us-east-1\n"
        f"aws_access_key_id = {credentials.access_key}\naws_secret_access_key = {credentials.secret_key}\n"
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    return "s3+other://"
