"""``run``: a job on many key ranges, by any executor, with reports that let it go on where it was."""

from __future__ import annotations

import os
import pickle
import threading
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import Future, wait
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar

from aios3._config import Config
from aios3._paths import S3Url
from aios3.distributed import report_store
from aios3.distributed.dealing import raise_if_closed
from aios3.distributed.engines import ExecutorEngine, MapEngine, ProcessEngine
from aios3.distributed.jobs.base import Job, describe_function
from aios3.distributed.range_task import RangeTask
from aios3.distributed.ranges import KeyRange
from aios3.distributed.report_store import ReportStore
from aios3.distributed.reports import Report, Summary
from aios3.distributed.request_shares import limited, make_shares
from aios3.distributed.splitting import check_number
from aios3.distributed.worker_sessions import lent_session
from aios3.errors import ConfigError
from aios3.sync import _loop_thread

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Generator, Iterable
    from concurrent.futures import Executor
    from types import TracebackType
    from typing import Self

    from aios3._paths import AnyPath
    from aios3._session import Session
    from aios3.distributed.dealing import Submitter
    from aios3.distributed.engines import Engine, MapFunction
    from aios3.distributed.request_shares import RequestShares

P = ParamSpec("P")
T = TypeVar("T")

DEFAULT_LEASE_SECONDS = 60.0
_WINDOW_OF_EXECUTOR = 256
_REPORTS_AT_ONCE = 256
_POLL_SECONDS = 5.0
"""How long a coordinator waits before it looks again at ranges that another one works on; less for short leases."""


def run(  # noqa: PLR0913 - one value each
    job: Callable[[KeyRange], Report],
    ranges: Iterable[KeyRange],
    executor: Executor | int | None = None,
    *,
    window: int | None = None,
    report: AnyPath | None = None,
    map: MapFunction | None = None,  # noqa: A002 - the word for it
    lease_seconds: float = DEFAULT_LEASE_SECONDS,
    requests_per_second: float | None = None,
) -> Run:
    """Do ``job`` for every range, and return an iterator of the ranges' reports, as they are ready.

    ``executor`` is anything with the ``submit`` of :class:`concurrent.futures.Executor`. Dask's is
    ``client.get_executor(pure=False, retries=2)``, and Ray's :func:`ray_executor`. None makes worker processes on this
    machine, one for each processor, and a number makes that many. One that dies is replaced. Engines without ``submit``
    give ``map``, such as ``multiprocessing.Pool.imap_unordered``. At most ``window`` ranges are in the
    executor's hands: by default twice as many as there are processes, and 256 with another executor. Ranges that are
    neighbours are not worked on side by side.

    ``report`` is a path in S3 for the run's reports. A run that has died is called again with the same path. It
    uses the ranges that it began with, yields the reports of those that are done, and does the others. Several
    coordinators may share the path, if the server heeds ``If-None-Match``: each range is claimed by one of them. A
    claim of a worker that has died is free after ``lease_seconds``. The settings that reach the path are the job's
    ``config``. Ranges in which something failed are done again by
    the next run. Their failures are in CSV files below ``failed/``, with the columns of S3 Batch Operations.

    ``requests_per_second`` is the most that all workers together start, second attempts included. Each gets an equal
    share, which rejections by the server make smaller for up to a minute. With ``executor`` or ``map``,
    ``window`` is then the number of workers, and must be given. Without it, each worker begins with 8 requests in
    flight, and learns alone how many the server accepts.

    What a job raises for a range is the ``error`` of that range's report; the run goes on. Closing the iterator, an
    exception, or Ctrl-C cancels what is under way. Raises ConfigError for invalid arguments, for a
    report inside of a tree that the job reads or writes, and for a report of another run. Raises it also for
    ``requests_per_second`` where ``job`` is a function and not a :class:`Job`.
    """
    if not callable(job):
        message = f"job must be a job such as Copy(...), or a function of a KeyRange, not {type(job).__name__}"
        raise ConfigError(message)
    if map is not None and executor is not None:
        message = "Give an executor or map=, not both"
        raise ConfigError(message)
    listed = _checked_ranges(job, ranges, report)
    count = executor if isinstance(executor, int) else (os.cpu_count() or 1)
    is_local = map is None and (executor is None or isinstance(executor, int))
    _check_numbers(count, window, lease_seconds)
    if is_local:
        _check_pickles(job)
    shares = make_shares(job, requests_per_second, min(count, window or count) if is_local else window)
    store = None if report is None else ReportStore(str(S3Url.parse(report)), uuid.uuid4().hex, lease_seconds)
    closing: Future[None] = Future()
    engine: Engine
    if map is not None:
        engine = MapEngine(map, window or _WINDOW_OF_EXECUTOR)
    elif is_local:
        engine = ProcessEngine(count, window or 2 * count, closing)
    else:
        engine = ExecutorEngine(_as_submitter(executor), window or _WINDOW_OF_EXECUTOR, closing)
    return Run(_task_of(job, store, shares), listed, engine, closing, shares)


def _task_of(job: Callable[[KeyRange], Report], store: ReportStore | None, shares: RequestShares | None) -> RangeTask:
    """Return the task of the whole run; this process reaches the reports with its settings."""
    job_config: object = getattr(job, "config", None)
    config = job_config if isinstance(job_config, Config) else None
    return RangeTask(job, store, config if shares is None else limited(config, shares.requests_per_second))


def _checked_ranges(
    job: Callable[[KeyRange], Report], ranges: Iterable[KeyRange], report: AnyPath | None
) -> list[KeyRange]:
    if isinstance(ranges, KeyRange):
        ranges = [ranges]
    listed = list(ranges)
    for each in listed:
        if not isinstance(each, KeyRange):
            message = f"ranges are KeyRange objects, as split() returns them, not {type(each).__name__}"
            raise ConfigError(message)
        if isinstance(job, Job):
            job.check(each)
    if report is not None:
        report_url = S3Url.parse(report).require_bucket()
        targets = job.targets() if isinstance(job, Job) else ()
        for tree in {*(each.root for each in listed), *targets}:
            if report_url.bucket == tree.bucket and _shares_keys(report_url, tree):
                message = (
                    f"Objects of the report {report_url} lie in {tree}, which the job reads or writes; put it elsewhere"
                )
                raise ConfigError(message, path=str(report_url))
    return listed


def _shares_keys(report: S3Url, tree: S3Url) -> bool:
    """Return whether some objects of a report would lie in a tree of the same bucket."""
    written = tuple(f"{report.prefix}{name}/" for name in report_store.DIRECTORIES)
    return report.prefix.startswith(tree.prefix) or tree.prefix.startswith(written)


def _check_numbers(count: int, window: int | None, lease_seconds: float) -> None:
    check_number("executor", count)
    check_number("window", 1 if window is None else window)
    if not lease_seconds > 0:
        message = f"lease_seconds must be more than 0, not {lease_seconds!r}"
        raise ConfigError(message)


def _check_pickles(job: Callable[[KeyRange], Report]) -> None:
    try:
        pickle.dumps(job)
    except Exception as error:
        message = (
            f"The job cannot be sent to worker processes ({error}); its functions must be those of a module, "
            "not lambdas or functions in functions"
        )
        raise ConfigError(message) from error


def _as_submitter(executor: object) -> Submitter:
    if not callable(getattr(executor, "submit", None)):
        message = f"executor needs the method submit of concurrent.futures.Executor; {type(executor).__name__} has none"
        raise ConfigError(message)
    return executor  # type: ignore[return-value]  # checked just before


class Run(Iterator[Report]):
    """A run: an iterator of reports, and the totals so far. Also a context manager, which stops the run at its end."""

    def __init__(
        self,
        task: RangeTask,
        ranges: list[KeyRange],
        engine: Engine,
        closing: Future[None],
        shares: RequestShares | None,
    ) -> None:
        self._shares = shares
        self._summary = Summary()
        self._task = task
        self._ranges = tuple(ranges)
        self._engine = engine
        self._closing = closing
        self._is_closing = threading.Lock()
        self._iterating = threading.RLock()
        self._started = time.monotonic()
        self._reports = self._go()

    def __repr__(self) -> str:
        return f"<aios3.distributed.Run {self._summary.ranges:,} of {len(self._ranges):,} ranges>"

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Report:
        with self._iterating:
            report = next(self._reports)
            self._summary.add(report)
            self._summary.seconds = time.monotonic() - self._started
            return report

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    @property
    def ranges(self) -> tuple[KeyRange, ...]:
        """The ranges of the run: once it has a report, those that its first run began with."""
        return self._ranges

    @property
    def summary(self) -> Summary:
        """The totals of the reports so far."""
        return self._summary

    def close(self) -> None:
        """Cancel what is under way, and end the worker processes that the run has started. Safe to repeat.

        Any thread may call it. One that waits for the next report meanwhile gets CancelledError of
        :mod:`concurrent.futures`.
        """
        with self._is_closing:
            if not self._closing.done():
                self._closing.set_result(None)
        with self._iterating:
            self._reports.close()

    def _go(self) -> Generator[Report, None, None]:
        try:
            remaining = list(self._ranges)
            if self._task.store is not None:
                remaining = yield from self._resume(self._task.store)
            yield from self._work(remaining)
        except BaseException:
            self._engine.stop()
            raise
        self._engine.close()
        if self._task.store is not None:
            self._call(report_store.finish, self._task.store, self._summary)

    def _resume(self, store: ReportStore) -> Generator[Report, None, list[KeyRange]]:
        """Yield the reports of earlier runs, and return the ranges that are left."""
        job = self._task.job
        text = job.describe() if isinstance(job, Job) else describe_function(job)
        self._ranges = tuple(self._call(report_store.open_run, store, text, list(self._ranges)))
        done = self._call(report_store.list_done, store)
        finished = [each for each in self._ranges if each.id in done]
        remaining = [each for each in self._ranges if each.id not in done]
        for start in range(0, len(finished), _REPORTS_AT_ONCE):
            some = finished[start : start + _REPORTS_AT_ONCE]
            yield from self._call(report_store.read_reports, store, some)
        return remaining

    def _work(self, remaining: list[KeyRange]) -> Generator[Report, None, None]:
        store = self._task.store
        while remaining:
            elsewhere: list[KeyRange] = []
            task = self._task if self._shares is None else self._shares.dealt(self._task, len(remaining))
            for key_range, report in self._engine.outcomes(task, remaining):
                if report is None:
                    elsewhere.append(key_range)
                    continue
                if store is not None and report.error is not None:
                    self._call(report_store.save, store, report)  # its worker may have died before it could
                yield report
            remaining = elsewhere
            if remaining and store is not None:
                wait([self._closing], min(_POLL_SECONDS, store.lease_seconds / 4))  # another machine sends no event
                raise_if_closed(self._closing)

    def _call(self, function: Callable[Concatenate[Session, P], Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call one of the functions of the report store, with a session of this process."""
        with lent_session(self._task.config) as lent:
            return _loop_thread.call(function, lent.session, *args, **kwargs)
