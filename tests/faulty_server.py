"""Fixtures of tests that go through a fault server: each backend in turn, and the server without a fault."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from aios3.testing import FaultyServer

if TYPE_CHECKING:
    from collections.abc import Iterator

    import servers


@pytest.fixture(params=["auto", "aiobotocore"])
def transport(request: pytest.FixtureRequest) -> str:
    """Each backend in turn."""
    return request.param


@pytest.fixture(scope="session")
def plain(server: servers.Server) -> Iterator[FaultyServer]:
    with FaultyServer(upstream=server.endpoint_url) as running:
        yield running


@pytest.fixture
def faulty(plain: FaultyServer) -> FaultyServer:
    """The fault server without a fault."""
    plain.reset()
    return plain
