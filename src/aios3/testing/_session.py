"""A session that closes with whichever loop a test turns out to run on."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from aios3._session import Session

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aios3._config import ConfigOptions


@contextlib.contextmanager
def session_of_loop(config: ConfigOptions) -> Iterator[Session]:
    """Make a session for the loop that uses it first, and close it if that loop is still there afterwards.

    A fixture cannot close it. Before its teardown, pytest-asyncio and anyio have ended the test's loop, and the session
    has closed with it.
    """
    session = Session(**config)
    yield session
    loop = session.loop
    if loop is not None and not loop.is_closed() and not loop.is_running():
        loop.run_until_complete(session.aclose())
