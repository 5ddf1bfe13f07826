"""Fixtures of the tests of the backend on aiobotocore."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from boto_calls import free

from aios3._boto import BotoBackend
from aios3._config import Config
from aios3._engine import retry_policy
from aios3.testing import LocalServer
from scripted import make_certificate

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from scripted import Certificate


@pytest.fixture(scope="module")
def local() -> Iterator[LocalServer]:
    """Moto's server, with one bucket."""
    with LocalServer() as server:
        yield server


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """A certificate that no authority has signed."""
    return make_certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture
def slots() -> Iterator[asyncio.Semaphore]:
    """Four places for requests; all must be free again at the end."""
    places = asyncio.Semaphore(4)
    yield places
    assert free(places) == 4


@pytest.fixture
async def moto(local: LocalServer, slots: asyncio.Semaphore) -> AsyncIterator[BotoBackend]:
    """A backend on moto's server."""
    backend = BotoBackend(Config(**local.config), None, slots)
    yield backend
    await backend.aclose()


@pytest.fixture
def no_backoff(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the next attempt follow at once."""
    monkeypatch.setattr(retry_policy, "retry_delay", lambda _failures: 0)
