"""A session that closes with whichever loop a test turns out to run on."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from aios3._session import Session, _close_with_loop

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator

    from aios3._config import ConfigOptions


class _LoopSession(Session):
    """A session that is closed when its loop shuts down.

    A fixture cannot close it: by the time of its teardown, pytest-asyncio and anyio have ended the test's loop.
    """

    _closer: AsyncGenerator[None, None] | None = None

    def bind(self) -> None:
        """Bind to the running loop, and ask to be closed with it."""
        super().bind()
        if self._closer is None:
            self._closer = _close_with_loop(self)
            with contextlib.suppress(StopIteration):
                self._closer.__anext__().send(None)


@contextlib.contextmanager
def session_of_loop(config: ConfigOptions) -> Iterator[Session]:
    """Make a session for the loop that uses it first, and close it if that loop is still there afterwards."""
    session = _LoopSession(**config)
    yield session
    loop = session.loop
    if loop is not None and not loop.is_closed() and not loop.is_running():
        loop.run_until_complete(session.aclose())
