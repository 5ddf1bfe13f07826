"""Sessions for objects that any event loop may use: one for each loop, in each process.

They are used by threads, through the background loop of :mod:`aios3.sync`, and by coroutines of any other loop.
Connections belong to a loop and a process; the settings do not.
"""

from __future__ import annotations

import asyncio
import os
import threading
from typing import TYPE_CHECKING

from aios3.sync import Session

if TYPE_CHECKING:
    from aios3._config import Config

_forked: list[dict[tuple[int, Config], Session]] = []
"""Sessions of parent processes: to finalize them in a child would touch sockets that the parent uses."""


class LoopSessions:
    """Makes a session for a loop when the loop first asks, and returns the same one from then on."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pid = os.getpid()
        self._by_loop: dict[tuple[int, Config], Session] = {}

    def get(self, config: Config) -> Session:
        """Return the session of the running loop for ``config``."""
        loop = asyncio.get_running_loop()
        if self._pid != os.getpid():
            self._begin_anew()
        session = self._by_loop.get((id(loop), config))
        if session is not None and session.loop is loop and not session.closed:
            return session
        session = Session(config)
        session.bind()
        self._keep((id(loop), config), session)
        return session

    def here(self) -> list[Session]:
        """Return the open sessions of the running loop."""
        if self._pid != os.getpid():
            self._begin_anew()
        loop = asyncio.get_running_loop()
        return [session for session in list(self._by_loop.values()) if session.loop is loop and not session.closed]

    def _begin_anew(self) -> None:
        _forked.append(self._by_loop)
        self._lock = threading.Lock()  # another thread of the parent may have held it
        self._by_loop = {}
        self._pid = os.getpid()

    def _keep(self, key: tuple[int, Config], session: Session) -> None:
        with self._lock:
            for old_key, old in list(self._by_loop.items()):
                if old.closed or old.loop is None or old.loop.is_closed():
                    del self._by_loop[old_key]
            self._by_loop[key] = session


SESSIONS = LoopSessions()
"""Stores of equal settings share the connections of a loop."""
