"""Sessions whose requests are watched, on each backend, in front of a server that fails where a test says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import aios3
from aios3._engine import backoff
from faulty_server import faulty, plain, transport

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import servers
    from aios3.testing import FaultyServer

__all__ = ["faulty", "plain", "transport"]


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the next attempt follow at once."""
    monkeypatch.setattr(backoff, "_INITIAL_DELAY_SECONDS", 0.0005)


@pytest.fixture
def config(server: servers.Server, faulty: FaultyServer, transport: str) -> aios3.Config:
    """The settings of a session that goes through the fault server."""
    sizes = {"block_size": 64 * 1024, "request_size": 256 * 1024, "part_size": 5 << 20, "memory_budget": 16 << 20}
    return aios3.Config(**server.config | sizes | faulty.config | {"transport": transport})


@pytest.fixture
def events() -> list[aios3.RequestEvent]:
    """What the session below has told."""
    return []


@pytest.fixture
async def watched(config: aios3.Config, events: list[aios3.RequestEvent]) -> AsyncIterator[aios3.Session]:
    """A session that tells ``events`` of its requests."""
    async with aios3.Session(config, on_request=events.append) as opened:
        yield opened
