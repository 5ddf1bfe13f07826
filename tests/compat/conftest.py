"""Fixtures of the tests of drop-in modules: a server that is found in the environment, as a script finds it."""

from __future__ import annotations

import pytest

from aios3.compat import _sessions
from aios3.compat.megfile import settings


@pytest.fixture
def environment(aios3_server, monkeypatch) -> None:
    """The embedded server as a script finds a real one: in the environment."""
    credentials = aios3_server.config["credentials"]
    monkeypatch.setenv("AWS_ENDPOINT_URL", aios3_server.endpoint_url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", credentials.access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", credentials.secret_key)
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    yield
    for known in (settings._sessions, _sessions._by_settings):
        while known:
            known.popitem()[1].close()
    while _sessions._by_client:
        _sessions._by_client.popitem()[1][1].close()


@pytest.fixture
def bucket(aios3_bucket, environment) -> str:
    return aios3_bucket
