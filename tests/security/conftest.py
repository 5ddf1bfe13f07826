"""Each backend in turn, in front of a server that writes down what arrives."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import aios3
from faulty_server import faulty, plain, transport

if TYPE_CHECKING:
    import servers
    from aios3.testing import FaultyServer

__all__ = ["faulty", "plain", "transport"]


@pytest.fixture
def config(server: servers.Server, faulty: FaultyServer, transport: str) -> aios3.Config:
    """The settings of a session that goes through it."""
    return aios3.Config(**server.config | faulty.config | {"transport": transport, "max_attempts": 1})
