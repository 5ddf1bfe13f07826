"""Work whose event loop is gone, on a loop of its own in a thread; the end of the interpreter waits for it a while."""

from __future__ import annotations

import asyncio
import atexit
import threading
import time
from typing import TYPE_CHECKING

from aios3._logs import get_logger

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

MAX_CALLER_WAIT_SECONDS = 1.0
"""How long :func:`run_in_cleanup_thread` waits: its caller is a garbage collector, which may hold up any thread."""
MAX_EXIT_WAIT_SECONDS = 15.0
"""How long the end of the interpreter waits for all that is under way."""

_threads: set[threading.Thread] = set()
_log = get_logger("aios3.session")


def run_in_cleanup_thread(work: Callable[[], Coroutine[object, object, None]], name: str) -> None:
    """Run ``work()`` in a thread, and wait ``MAX_CALLER_WAIT_SECONDS`` for it; it goes on after that."""
    thread = threading.Thread(target=_run, args=(work,), name=name, daemon=True)
    try:
        _threads.add(thread)
        thread.start()
    except RuntimeError:
        _threads.discard(thread)
        _log.warning("The interpreter is ending, too late for this: %s. It may still be open and cost space", name)
        return
    thread.join(MAX_CALLER_WAIT_SECONDS)


def _run(work: Callable[[], Coroutine[object, object, None]]) -> None:
    try:
        asyncio.run(work())
    finally:
        _threads.discard(threading.current_thread())


def _join() -> None:
    end = time.monotonic() + MAX_EXIT_WAIT_SECONDS
    for thread in list(_threads):
        thread.join(max(end - time.monotonic(), 0))


atexit.register(_join)
