"""The end of the interpreter for sessions that were not closed, while threads still begin.

A session whose loop runs in another thread is closed there. Uploads of a loop that has stopped are aborted on another
one. All of it together takes ``MAX_EXIT_WAIT_SECONDS`` at most; what the server has not confirmed by then is logged.
"""

from __future__ import annotations

import atexit
from concurrent.futures import wait
from typing import TYPE_CHECKING, Protocol
from weakref import WeakSet, WeakValueDictionary

from aios3._engine.cleanup_thread import exit_seconds_left
from aios3._logs import get_logger

if TYPE_CHECKING:
    import asyncio
    from concurrent.futures import Future

_LOOPS_SHARE = 2 / 3
"""The part of that time in which loops in other threads close their sessions; the rest is for aborts on another."""

_log = get_logger("aios3.session")


class BoundSession(Protocol):
    """A session that belongs to a loop."""

    @property
    def closed(self) -> bool:
        """Return whether it is closed, or about to be."""
        raise NotImplementedError

    @property
    def loop(self) -> asyncio.AbstractEventLoop | None:
        """Return its loop."""
        raise NotImplementedError

    def close_from_thread(self) -> Future[None] | None:
        """Have its loop close it, and return the future of that; None where the loop runs no more."""
        raise NotImplementedError

    def abort_at_exit(self) -> None:
        """Have its open uploads aborted on another loop, without waiting for that."""
        raise NotImplementedError


_bound: WeakValueDictionary[int, BoundSession] = WeakValueDictionary()
"""The sessions that belong to a loop, by their ids: a WeakSet cannot be copied while other threads add to it."""

loops_with_end: WeakSet[asyncio.AbstractEventLoop] = WeakSet()
"""Loops that close their sessions by themselves when the interpreter ends, within a time that they state."""


def end_at_exit(session: BoundSession) -> None:
    """Have ``session`` ended with the interpreter, if it is still open then."""
    _bound[id(session)] = session


def _end_sessions() -> None:
    """End all sessions; a writer that is collected later cannot abort its upload any more."""
    bound = [session for reference in _bound.valuerefs() if (session := reference()) is not None]
    sessions = [session for session in bound if not session.closed and session.loop not in loops_with_end]
    closing = [(session, session.close_from_thread()) for session in sessions]
    for session, future in closing:
        if future is None:
            session.abort_at_exit()
    futures = [future for _, future in closing if future is not None]
    for future in wait(futures, timeout=exit_seconds_left() * _LOOPS_SHARE).done:
        if not future.cancelled() and (error := future.exception()) is not None:
            _log.warning("A session that the end of the interpreter closed has failed: %s", error)
    for session, future in closing:
        if future is not None:
            session.abort_at_exit()


atexit.register(_end_sessions)
