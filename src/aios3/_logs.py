"""The loggers of aios3, and the logging of threads that a blocking call waits for.

A caller of the blocking face may hold a lock of logging: it may be a handler, or run while logging is configured. The
caller waits for the background loop, so that loop's threads must not wait for the same lock. They put their records
into a queue, as :class:`logging.handlers.QueueHandler` does, and a thread of its own hands them to the handlers.
"""

from __future__ import annotations

import contextvars
import logging
import sys
import threading
import traceback
import warnings
from functools import partial
from queue import SimpleQueue
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    Job = Callable[[], object]

MAX_WAITING = 100_000
"""Records that wait for slow handlers at most. More of them are counted and dropped."""

_NAMES = (
    "checksums",
    "conditions",
    "credentials",
    "deletes",
    "distributed",
    "listing",
    "request",
    "session",
    "settings",
    "sync",
    "transport",
)
_OWN = tuple(f"aios3.{name}" for name in _NAMES)
_OTHERS = ("asyncio", "concurrent.futures", "py.warnings")
_LIBRARIES = ("botocore", "aiobotocore", "aiohttp")

_here = threading.local()
_telling = contextvars.ContextVar("aios3 hands a record to its handlers", default=False)


class Relay:
    """A thread that hands records to their handlers, for threads that must not wait for those.

    ``with relay:`` makes the records of the running thread go that way, and :meth:`enter` does so for good.
    """

    def __init__(self) -> None:
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._dropped = 0
        self._handled = 0
        self._ended = False
        self._thread = threading.Thread(target=self._serve, name="aios3.sync log", daemon=True)
        self._thread.start()

    def __enter__(self) -> None:
        _here.relays = (*getattr(_here, "relays", ()), self)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        _here.relays = _here.relays[:-1]

    def enter(self) -> None:
        """Take the records of the running thread from now on."""
        _here.relays = (self,)

    def take(self, job: Job) -> None:
        """Have ``job`` called soon, in the thread; never waits."""
        if self._jobs.qsize() >= MAX_WAITING:
            self._dropped += 1
        else:
            self._jobs.put(job)

    def pause(self, seconds: float) -> Callable[[], None]:
        """Handle what was taken so far, and nothing more until the result is called.

        Stops waiting when a handler has taken ``seconds`` for one record.
        """
        handled, resumed = threading.Event(), threading.Event()

        def rest() -> None:
            handled.set()
            resumed.wait()

        self._jobs.put(rest)
        self._wait_while_handling(handled.wait, handled.is_set, seconds)
        return resumed.set

    def close(self, seconds: float) -> None:
        """Handle what was taken, and end the thread; stop waiting as :meth:`pause` does. Safe to repeat."""
        if not self._ended:
            self._ended = True
            self._jobs.put(None)
        self._wait_while_handling(self._thread.join, lambda: not self._thread.is_alive(), seconds)

    def _wait_while_handling(
        self, wait: Callable[[float], object], is_over: Callable[[], bool], seconds: float
    ) -> None:
        """Wait until it is over, or no record has been handled for ``seconds``."""
        handled = -1
        while not is_over() and handled != self._handled:
            handled = self._handled
            wait(seconds)

    def _serve(self) -> None:
        _telling.set(True)
        while (job := self._jobs.get()) is not None:
            _do(job)
            self._handled += 1
            if self._jobs.empty():
                self._say_dropped()
        self._say_dropped()

    def _say_dropped(self) -> None:
        dropped, self._dropped = self._dropped, 0
        if dropped:
            _do(partial(_say, "%d records were dropped, because their handlers were too slow", dropped))


def get_logger(name: str) -> logging.Logger:
    """Return one of the loggers of aios3. Takes no lock, unlike :func:`logging.getLogger`."""
    return _loggers[name]


def divert_libraries() -> None:
    """Have the loggers of the libraries below aios3 heed relays, as far as these have been imported."""
    for name, logger in list(logging.root.manager.loggerDict.items()):
        if name.partition(".")[0] in _LIBRARIES and isinstance(logger, logging.Logger):
            _divert(logger)


def logging_as_here(work: Job) -> Job:
    """Return ``work`` for another thread, which shall log as this one does, because this one waits for it."""
    relays: tuple[Relay, ...] = getattr(_here, "relays", ())

    def run() -> None:
        _here.relays = relays
        work()

    return run


def is_telling() -> bool:
    """Return whether a record is being handed to its handlers here."""
    return _telling.get()


def warn(message: str, category: type[Warning], source: object) -> None:
    """Warn of ``source`` on behalf of the caller's caller; :func:`logging.captureWarnings` makes that a record."""
    relays: tuple[Relay, ...] = getattr(_here, "relays", ())
    if relays:
        relays[-1].take(partial(warnings.warn, message, category, stacklevel=2))
    else:
        warnings.warn(message, category, stacklevel=3, source=source)


def _divert(logger: logging.Logger) -> logging.Logger:
    """Have the records that ``logger`` makes on a thread with a relay go there, and no lock be taken for them.

    Records made while a record is being handled are left out. A handler that writes to S3 makes requests, and logging
    these would never end.
    """
    handle, is_enabled = logger.handle, logger.isEnabledFor

    def handle_or_relay(record: logging.LogRecord) -> None:
        relays: tuple[Relay, ...] = getattr(_here, "relays", ())
        if relays:
            relays[-1].take(partial(handle, record))
        else:
            handle(record)

    def is_enabled_here(level: int) -> bool:
        if _telling.get():
            return False
        if not getattr(_here, "relays", ()):
            return is_enabled(level)
        # As in the standard library, but for the memory of earlier responses, which it guards with a lock.
        return not logger.disabled and logger.manager.disable < level and level >= logger.getEffectiveLevel()

    if "isEnabledFor" not in vars(logger):
        vars(logger).update(handle=handle_or_relay, isEnabledFor=is_enabled_here)
    return logger


def _say(message: str, count: int) -> None:
    record = logging.LogRecord("aios3.sync", logging.WARNING, __file__, 0, message, (count,), None)
    logging.getLogger("aios3.sync").handle(record)


def _do(job: Job) -> None:
    try:
        job()
    except Exception:  # noqa: BLE001 - a filter's or a handler's; logging shows such errors, and goes on
        if logging.raiseExceptions and sys.stderr is not None:
            traceback.print_exc()


_loggers = {name: _divert(logging.getLogger(name)) for name in _OWN}
for _other in _OTHERS:
    _divert(logging.getLogger(_other))
