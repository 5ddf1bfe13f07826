"""One fault server for all tests here, in front of the server under test; sessions with small sizes and no pauses."""

from __future__ import annotations

import tempfile
from typing import TYPE_CHECKING

import pytest
from fault_common import PATIENT, SIZES

from aios3._engine import backoff
from aios3.testing import FaultyServer
from faulty_server import faulty, plain, transport

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import servers

__all__ = ["faulty", "plain", "transport"]


@pytest.fixture(scope="session")
def secured(server: servers.Server) -> Iterator[FaultyServer]:
    with FaultyServer(upstream=server.endpoint_url, tls=True) as running:
        yield running


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the next attempt follow at once: what is tested is that there is one."""
    from botocore.retries.standard import ExponentialBackoff  # noqa: PLC0415 - slow to import

    monkeypatch.setattr(ExponentialBackoff, "delay_amount", lambda _self, _context: 0)
    monkeypatch.setattr(backoff, "_INITIAL_DELAY_SECONDS", 0.0005)


@pytest.fixture
def options(server: servers.Server, transport: str) -> Callable[..., dict]:
    """The settings of a session that goes through a fault server."""

    def of(faulty: FaultyServer, **more: object) -> dict:
        return server.config | {"transport": transport} | SIZES | PATIENT | faulty.config | more

    return of


@pytest.fixture
def temporary_directory(tmp_path, monkeypatch) -> Path:
    """Where temporary files are made during a test; only they are."""
    directory = tmp_path / "temporary"
    directory.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(directory))
    return directory
