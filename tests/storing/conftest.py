"""Fixtures of the tests of storing: the fault server in front of the server under test, and attempts without pauses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from aios3._engine import backoff
from faulty_server import faulty, plain, transport

if TYPE_CHECKING:
    from collections.abc import Callable

    import servers
    from aios3.testing import FaultyServer

__all__ = ["faulty", "plain", "transport"]


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the next attempt follow at once: what is tested is that there is one."""
    monkeypatch.setattr(backoff, "_INITIAL_DELAY_SECONDS", 0.0005)


@pytest.fixture
def config(server: servers.Server, transport: str, faulty: FaultyServer) -> Callable[..., dict]:
    """The settings of a session that goes through the fault server."""

    def of(**more: object) -> dict:
        return server.config | {"transport": transport, "part_size": 5 << 20} | faulty.config | more

    return of
