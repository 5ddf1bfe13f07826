"""Fixtures of the tests of verbs on one object."""

from __future__ import annotations

import pytest

from aios3.testing._moto import _AccountApp


@pytest.fixture
def requests(monkeypatch) -> list[str]:
    """What arrives at the server from now on: methods, with the keys."""
    arrived: list[str] = []
    whole_call = _AccountApp.__call__

    def counting_call(app, environ, start_response):
        key, query = environ["PATH_INFO"].split("/", 2)[2:], environ["QUERY_STRING"]
        arrived.append(f"{environ['REQUEST_METHOD']} {''.join(key)}{'?' if query else ''}{query}")
        return whole_call(app, environ, start_response)

    monkeypatch.setattr(_AccountApp, "__call__", counting_call)
    return arrived


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
