"""Work whose event loop is gone, on a loop of its own in a thread; the end of the interpreter waits for it a while."""

from __future__ import annotations

import asyncio
import atexit
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from aios3._logs import get_logger
from aios3._threads import call_now

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from concurrent.futures import Future

P = ParamSpec("P")
T = TypeVar("T")

MAX_CALLER_WAIT_SECONDS = 1.0
"""How long :func:`run_in_cleanup_thread` waits: its caller is a garbage collector, which may hold up any thread."""
MAX_EXIT_WAIT_SECONDS = 15.0
"""How long the end of the interpreter waits, in all, for sessions and for work that is under way."""

_exit_began_at: list[float] = []
_threads: set[threading.Thread] = set()
_log = get_logger("aios3.session")


def run_in_cleanup_thread(work: Callable[[], Coroutine[object, object, None]], name: str, *, wait: bool = True) -> None:
    """Run ``work()`` in a thread, and ``wait`` up to ``MAX_CALLER_WAIT_SECONDS`` for it; it goes on after that."""
    if sys.is_finalizing():  # a thread would never begin, and CPython 3.11 would wait for it for ever
        _warn_too_late(name)
        return
    thread = threading.Thread(target=_run, args=(work,), name=name, daemon=True)
    try:
        _threads.add(thread)
        thread.start()
    except RuntimeError:
        _threads.discard(thread)
        _warn_too_late(name)
        return
    if wait:
        thread.join(MAX_CALLER_WAIT_SECONDS)


def _warn_too_late(name: str) -> None:
    _log.warning("The interpreter is ending, too late for this: %s. It may still be open and cost space", name)


class _InPlace(ThreadPoolExecutor):
    """Calls at once what is to be called in a thread: other pools take no work while the interpreter is ending."""

    def submit(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Call ``function``, and return a future that is done."""
        return call_now(function, *args, **kwargs)


def _run(work: Callable[[], Coroutine[object, object, None]]) -> None:
    try:
        with asyncio.Runner() as runner:
            runner.get_loop().set_default_executor(_InPlace())
            runner.run(work())
    finally:
        _threads.discard(threading.current_thread())


def exit_seconds_left() -> float:
    """Return how much of ``MAX_EXIT_WAIT_SECONDS`` is left; the first call begins them."""
    if not _exit_began_at:
        _exit_began_at.append(time.monotonic())
    return max(_exit_began_at[0] + MAX_EXIT_WAIT_SECONDS - time.monotonic(), 0)


def _join() -> None:
    for thread in list(_threads):
        thread.join(exit_seconds_left())
        if thread.is_alive():
            _log.warning("No response in time for this: %s. It may still be open and cost space", thread.name)


atexit.register(_join)
