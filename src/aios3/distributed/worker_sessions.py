"""The sessions of a worker process: lent to one range at a time, and kept for the next.

A session that is used again keeps its connections, its credentials, and what it has learnt of how many requests the
server takes.
"""

from __future__ import annotations

import contextlib
import os
import threading
from typing import TYPE_CHECKING

from aios3._config import Config
from aios3.sync import Session

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aios3._events import RequestEvent, RequestHook

_THROTTLED_STATUSES = {429, 503}

_MAX_KEPT_CONFIGS = 4
"""Different settings whose sessions are kept: a function that is unpickled for each range is a new one each time."""

_Key = tuple[int, Config | None]

_lock = threading.Lock()
_idle: dict[_Key, list[WorkerSession]] = {}


class WorkerSession:
    """One session on the background loop, which one range at a time uses, and counts of its requests."""

    def __init__(self, config: Config | None) -> None:
        config = config or Config()
        self._user_hook: RequestHook | None = config.on_request
        self._requests = 0
        self._throttled = 0
        self.session: Session = Session(config.with_options(on_request=self._count))

    def _count(self, event: RequestEvent) -> object:
        self._requests += 1
        self._throttled += event.status in _THROTTLED_STATUSES or event.error == "ThrottledError"
        return None if self._user_hook is None else self._user_hook(event)

    def take_counts(self) -> tuple[int, int]:
        """Return how many requests were sent since the last call, and how many of them were throttled."""
        counts = self._requests, self._throttled
        self._requests = self._throttled = 0
        return counts


@contextlib.contextmanager
def lent_session(config: Config | None) -> Iterator[WorkerSession]:
    """Lend a session with ``config`` that nothing else uses meanwhile; it is kept open for the next range.

    Settings that cannot be hashed, because they have a function that cannot be, get a session each time.
    """
    key = _key(config)
    with _lock:
        idle = _idle.get(key) if key else None
        session = idle.pop() if idle else None
    if session is None or session.session.closed:
        session = WorkerSession(config)
    session.take_counts()
    try:
        yield session
    finally:
        for unwanted in _give_back(key, session):
            unwanted.session.close()


def _key(config: Config | None) -> _Key | None:
    try:
        hash(config)
    except TypeError:
        return None
    return os.getpid(), config


def _give_back(key: _Key | None, session: WorkerSession) -> list[WorkerSession]:
    """Keep ``session``, and return the sessions that are not to be kept any more."""
    if session.session.closed:
        return []
    if key is None:
        return [session]
    with _lock:
        _idle[key] = [*_idle.pop(key, []), session]
        for other in [other for other in _idle if other[0] != key[0]]:
            del _idle[other]  # the parent's, which is not this process's to close
        oldest = list(_idle)[:-_MAX_KEPT_CONFIGS]
        return [each for other in oldest for each in _idle.pop(other)]


def close_idle_sessions() -> None:
    """Close the sessions of this process that no range uses now."""
    with _lock:
        sessions = [session for key, idle in _idle.items() if key[0] == os.getpid() for session in idle]
        _idle.clear()
    for session in sessions:
        session.session.close()
