"""pytest fixtures for tests of programs that use aios3; installed with it, and free until a test asks for one.

Imports of aios3 and moto wait for the first use, because pytest loads this module in every run.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aios3 import Session
    from aios3.testing import LocalServer

_BUCKETS = itertools.count(1)


@pytest.fixture(scope="session")
def aios3_server() -> Iterator[LocalServer]:
    """Yield one embedded S3 server (:class:`aios3.testing.LocalServer`) for the whole run, without buckets."""
    from aios3.testing import LocalServer  # noqa: PLC0415 - only when a test asks for it

    with LocalServer(buckets=()) as server:
        yield server


@pytest.fixture
def aios3_bucket(aios3_server: LocalServer) -> str:
    """Return the path (``s3://name``) of a new, empty bucket on the embedded server."""
    return aios3_server.create_bucket(f"test-{next(_BUCKETS)}")


@pytest.fixture
def aios3_session(aios3_server: LocalServer) -> Iterator[Session]:
    """Yield an :class:`aios3.Session` on the embedded server, for the loop of the test; closed with that loop."""
    from aios3.testing._session import session_of_loop  # noqa: PLC0415 - only when a test asks for it

    with session_of_loop(aios3_server.config) as session:
        yield session
