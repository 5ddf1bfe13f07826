"""Fixtures of the tests of distributed runs: buckets beside the usual one, settings to pickle, and no session left."""

from __future__ import annotations

import itertools
import os
from typing import TYPE_CHECKING

import pytest

import aios3
from aios3.distributed.worker_sessions import close_idle_sessions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

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


@pytest.fixture(autouse=True)
def no_session_is_left() -> Iterator[None]:
    """Close what this process has kept for further ranges."""
    yield
    close_idle_sessions()
