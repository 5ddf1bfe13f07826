"""Each backend in turn, in front of a server that writes down what arrives."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import aios3
from aios3.testing import FaultyServer

if TYPE_CHECKING:
    from collections.abc import Iterator

    import servers


@pytest.fixture(params=["auto", "aiobotocore"])
def transport(request: pytest.FixtureRequest) -> str:
    """Each backend in turn."""
    return request.param


@pytest.fixture(scope="session")
def running(server: servers.Server) -> Iterator[FaultyServer]:
    with FaultyServer(upstream=server.endpoint_url) as opened:
        yield opened


@pytest.fixture
def faulty(running: FaultyServer) -> FaultyServer:
    """The server in between, without a fault."""
    running.reset()
    return running


@pytest.fixture
def config(server: servers.Server, faulty: FaultyServer, transport: str) -> aios3.Config:
    """The settings of a session that goes through it."""
    return aios3.Config(**server.config | faulty.config | {"transport": transport, "max_attempts": 1})
