"""The ways to have ranges worked on: processes of this machine, an executor, or a function like ``map``."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Protocol

from aios3.distributed.dealing import WindowedWork, dealt
from aios3.distributed.processes import WorkerProcesses

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from concurrent.futures import Future

    from aios3.distributed.dealing import Submitter
    from aios3.distributed.ranges import KeyRange
    from aios3.distributed.reports import Report

    Task = Callable[[KeyRange], Report | None]
    Outcome = tuple[KeyRange, Report | None]


class MapFunction(Protocol):
    """A function such as ``multiprocessing.Pool.imap_unordered``, or ``map`` itself."""

    def __call__(self, function: Callable[[KeyRange], Outcome], ranges: Iterable[KeyRange], /) -> Iterable[Outcome]:
        """Call ``function`` with each of ``ranges`` somewhere, and yield the results in any order."""


class Engine(Protocol):
    """A way to have ranges worked on."""

    def outcomes(self, task: Task, ranges: Sequence[KeyRange]) -> Iterator[Outcome]:
        """Yield each range with what ``task`` has returned for it, as it is ready."""

    def close(self) -> None:
        """Give back what was started, when all is done."""

    def stop(self) -> None:
        """Cancel what is under way, and give back what was started."""


class ProcessEngine:
    """Worker processes of this machine, started when they are needed."""

    def __init__(self, count: int, window: int, closing: Future[None]) -> None:
        self._count = count
        self._window = window
        self._closing = closing
        self._workers: WorkerProcesses | None = None

    def outcomes(self, task: Task, ranges: Sequence[KeyRange]) -> Iterator[Outcome]:
        """Yield each range with what ``task`` has returned for it, as it is ready."""
        if self._workers is None:
            self._workers = WorkerProcesses(self._count)
        restart = self._workers.restart
        work = WindowedWork(self._workers, task, self._window, closing=self._closing, restart=restart)
        return work.reports(dealt(ranges, self._window))

    def close(self) -> None:
        """End the workers when they have finished what they do now."""
        workers, self._workers = self._workers, None
        if workers is not None:
            workers.close()

    def stop(self) -> None:
        """End the workers now."""
        workers, self._workers = self._workers, None
        if workers is not None:
            workers.stop()


class ExecutorEngine:
    """An executor that belongs to the caller."""

    def __init__(self, executor: Submitter, window: int, closing: Future[None]) -> None:
        self._executor = executor
        self._window = window
        self._closing = closing
        self._work: WindowedWork | None = None

    def outcomes(self, task: Task, ranges: Sequence[KeyRange]) -> Iterator[Outcome]:
        """Yield each range with what ``task`` has returned for it, as it is ready."""
        self._work = WindowedWork(self._executor, task, self._window, closing=self._closing)
        return self._work.reports(dealt(ranges, self._window))

    def close(self) -> None:
        """Do nothing: the executor is the caller's."""

    def stop(self) -> None:
        """Take back what has not started."""
        if self._work is not None:
            self._work.cancel()


class MapEngine:
    """A function like ``map``."""

    def __init__(self, function: MapFunction, window: int) -> None:
        self._function = function
        self._window = window

    def outcomes(self, task: Task, ranges: Sequence[KeyRange]) -> Iterator[Outcome]:
        """Yield each range with what ``task`` has returned for it, as it is ready."""
        return iter(self._function(partial(_with_range, task), dealt(ranges, self._window)))

    def close(self) -> None:
        """Do nothing: the function belongs to the caller."""

    def stop(self) -> None:
        """Do nothing: the function belongs to the caller."""


def _with_range(task: Task, key_range: KeyRange) -> Outcome:
    return key_range, task(key_range)
