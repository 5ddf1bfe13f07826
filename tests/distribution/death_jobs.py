"""Jobs that die once, or always, at a range: values that worker processes import."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import aios3.sync as s3
from aios3 import Credentials
from aios3.distributed import Counts, Report, processes

if TYPE_CHECKING:
    from aios3.distributed import Job, KeyRange


def die(how: str) -> None:
    if how == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    elif how == "terminate":
        os.kill(os.getpid(), signal.SIGTERM)
    elif how == "exit":
        os._exit(1)
    elif how == "raise":
        message = "the worker has had enough"
        raise MemoryError(message)
    elif how == "leave":
        raise SystemExit(3)


@dataclass(frozen=True)
class DiesAt:
    """Do ``job``, but die first, or after it, at the range after ``after``; only if ``marker`` can be made."""

    job: Job
    after: str
    how: str
    marker: str | None
    """A file that is made at the first death, so that there is no second one; None dies each time."""
    late: bool = False

    @property
    def config(self):
        return self.job.config

    def __call__(self, key_range: KeyRange) -> Report:
        if self.late:
            report = self.job(key_range)
            self._die(key_range)
            return report
        self._die(key_range)
        return self.job(key_range)

    def _die(self, key_range: KeyRange) -> None:
        if key_range.after != self.after:
            return
        if self.marker is not None:
            try:
                Path(self.marker).open("x", encoding="utf-8").close()
            except FileExistsError:
                return
        die(self.how)


def renewed() -> Credentials:
    """Return credentials that are about to expire, and note which process has asked for them."""
    with Path(os.environ["ASKED_FOR_CREDENTIALS"]).open("a", encoding="utf-8") as file:
        file.write(f"{os.getpid()}\n")
    soon = datetime.now(UTC) + timedelta(milliseconds=100)
    return Credentials(os.environ["TEST_ACCESS_KEY"], os.environ["TEST_SECRET_KEY"], expires_at=soon)


def writes_beside(path: str) -> None:
    """Write more and more to an object beside ``path``."""
    with s3.open(f"{path}.beside", "wb") as file:
        while True:
            file.write(bytes(2**20))


def counts_one(key_range: KeyRange) -> Report:
    return Report(key_range, Counts(processed=1))


def stays(_key_range: KeyRange) -> Report:
    """Say which process this is, and go on whatever happens."""
    processes._SECONDS_TO_LEAVE = 0.1  # in this worker only
    os.write(1, f"{os.getpid()}\n".encode())
    while True:
        with contextlib.suppress(BaseException):
            threading.Event().wait()
