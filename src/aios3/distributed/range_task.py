"""One range in a worker: look whether it is done, claim it, do the job, and keep the report."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aios3.distributed import report_store
from aios3.distributed.reports import Report, failed_report
from aios3.distributed.worker_sessions import lent_session
from aios3.errors import WrongTypeError
from aios3.sync import _loop_thread

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from aios3._config import Config
    from aios3._session import Session
    from aios3.distributed.ranges import KeyRange
    from aios3.distributed.report_store import Claim, ReportStore


@dataclass(frozen=True, slots=True)
class RangeTask:
    """One job with the path of its reports: a picklable value that is called with each range."""

    job: Callable[[KeyRange], Report]
    store: ReportStore | None = None
    config: Config | None = None

    def __call__(self, key_range: KeyRange) -> Report | None:
        """Do the job for one range and return its report; None if another coordinator works on it now.

        What the job raises becomes the ``error`` of the report.
        """
        if self.store is None:
            return self._do(key_range)
        with lent_session(self.config) as lent:
            report = _loop_thread.call(report_store.read_done, lent.session, self.store, key_range)
            if report is not None:
                return report
            with self._claimed(lent.session, self.store, key_range) as claim:
                if claim is None:
                    return None
                report = _loop_thread.call(report_store.read_done, lent.session, self.store, key_range)
                if report is not None:
                    return report  # it was finished between the two requests
                return _loop_thread.call(report_store.save, lent.session, self.store, self._do(key_range))

    @contextlib.contextmanager
    def _claimed(self, session: Session, store: ReportStore, key_range: KeyRange) -> Iterator[Claim | None]:
        claim = _loop_thread.call(report_store.claim, session, store, key_range)
        try:
            yield claim
        finally:
            if claim is not None:
                _loop_thread.call(report_store.release, session, claim)

    def _do(self, key_range: KeyRange) -> Report:
        started = time.monotonic()
        try:
            report: object = self.job(key_range)
        except Exception as error:  # noqa: BLE001 - it becomes the range's report, and the run goes on
            return failed_report(key_range, error, time.monotonic() - started)
        if isinstance(report, Report):
            return report
        message = f"A job returns a Report of its range, not {type(report).__name__}"
        return failed_report(key_range, WrongTypeError(message))
