"""Fixtures of the tests of distributed runs: buckets beside the usual one, settings to pickle, and no session left."""

from __future__ import annotations

import itertools
import os
from typing import TYPE_CHECKING

import pytest

import aios3
from aios3.distributed.worker_sessions import close_idle_sessions
from servers import amazon

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import servers
    from admin import Admin

_BUCKETS = itertools.count(1)


@pytest.fixture
def more_buckets(admin: Admin) -> Iterator[Callable[[], str]]:
    """A function that creates one bucket more, which is deleted after the test."""
    made: list[str] = []

    def create() -> str:
        made.append(admin.create_bucket(f"dist-{os.getpid()}-{next(_BUCKETS)}"))
        return made[-1]

    yield create
    for path in made:
        admin.drop_bucket(path)


@pytest.fixture
def config(server: servers.Server) -> aios3.Config:
    """Settings that reach the server from other processes too."""
    return aios3.Config(**server.config)


@pytest.fixture
def amazon_server(tmp_path: Path) -> Iterator[amazon.Amazon]:
    """A server of Amazon's kind with two buckets; it sends the checksums that it was given, as moto does not."""
    with amazon.running(tmp_path, tls=False, leading=False) as running:
        running.add_key()
        for name in ("bucket", "target"):
            running.add_bucket(name, "us-east-1")
        yield running


@pytest.fixture
def amazon_config(amazon_server: amazon.Amazon) -> aios3.Config:
    """Settings that reach it."""
    credentials = aios3.Credentials("AKID", amazon_server.keys["AKID"].secret_key)
    return aios3.Config(endpoint_url=amazon_server.url, region="us-east-1", credentials=credentials)


@pytest.fixture(autouse=True)
def no_session_is_left() -> Iterator[None]:
    """Close what this process has kept for further ranges."""
    yield
    close_idle_sessions()
