"""A server for each module, and a bucket and a directory for each test."""

from __future__ import annotations

import pytest
from cli_program import environ_of, forked_programs
from writing_state import make_state

import aios3.sync as s3
from aios3.testing import FaultyServer, LocalServer


@pytest.fixture(scope="session", autouse=True)
def forked():
    with forked_programs():
        yield


@pytest.fixture(scope="module")
def server():
    with LocalServer() as server:
        yield server


@pytest.fixture(scope="module")
def session(server):
    with s3.Session(**server.config) as session:
        yield session


@pytest.fixture
def state(server, session, tmp_path):
    return make_state(environ_of(server), session, tmp_path)


@pytest.fixture
def faulty(server, state):
    """Return a fault server on the way of the programs that ``state`` runs."""
    with FaultyServer(upstream=server.endpoint_url) as faulty:
        state.environ["AWS_ENDPOINT_URL"] = faulty.endpoint_url
        yield faulty
