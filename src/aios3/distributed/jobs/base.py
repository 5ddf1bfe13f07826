"""The frame of every job: a session of the worker process, counts, and the report."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from aios3._config import Config
from aios3._trees.transfer_counters import TransferCounters
from aios3.distributed.reports import Counts, Failure, Report
from aios3.distributed.worker_sessions import lent_session
from aios3.errors import ConfigError, UnsupportedError
from aios3.sync import _loop_thread

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aios3._paths import S3Url
    from aios3._session import Session
    from aios3.distributed.ranges import KeyRange

_DIGEST_CHARACTERS = 32
"""Hexadecimal characters: 128 bits of a SHA-256."""


@dataclass(slots=True)
class RangeCounters:
    """Counts and errors of one range so far."""

    transfer: TransferCounters = field(default_factory=TransferCounters)
    """Objects copied, skipped and deleted, their bytes, and errors by path."""
    checked: int = 0
    unchecked: int = 0
    extra: int = 0
    processed: int = 0
    output: str | None = None
    versions: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Path and version of what errors are noted by, where rows of a manifest name versions."""

    def failures(self) -> tuple[Failure, ...]:
        """Return each key, or version of one, that has failed."""
        listed: list[Failure] = []
        for noted, error in self.transfer.failures.items():
            path, version_id = self.versions.get(noted, (noted, None))
            listed.append(Failure.of(path, error, version_id))
        return tuple(listed)

    def counts(self, requests: int, throttled: int) -> Counts:
        """Return the counts of the range."""
        done = self.transfer
        return Counts(
            copied=done.copied,
            skipped=done.skipped,
            deleted=done.deleted,
            checked=self.checked,
            unchecked=self.unchecked,
            extra=self.extra,
            processed=self.processed,
            bytes=done.bytes,
            requests=requests,
            throttled=throttled,
        )


@dataclass(frozen=True)
class Job:
    """The work on each key range: a value that is pickled, and called with a range in a worker.

    ``config`` has the settings of the sessions that workers make; None: those of each worker's environment. It is
    pickled with the job. Signing credentials are in it only if they were given as :class:`aios3.Credentials`; a
    profile or a function is found again by the worker.

    A job may be called from any thread that runs no event loop. Its work runs on the background loop of
    :mod:`aios3.sync`, and its sessions are kept for further ranges.
    """

    takes_versions: ClassVar[bool] = False
    """True if the job works on the versions that rows of a manifest name."""

    config: Config | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        config: object = self.config
        if config is not None and not isinstance(config, Config):
            message = f"config must be an aios3.Config or None, not {type(config).__name__}"
            raise ConfigError(message)

    def __call__(self, key_range: KeyRange) -> Report:
        """Do the job for one range, in this thread, and return its report, which names each key that failed.

        What makes the whole range fail, such as a missing bucket or rejected credentials, is the report's ``error``.
        Raises what :meth:`check` raises.
        """
        self.check(key_range)
        started = time.monotonic()
        counters = RangeCounters()
        error: Failure | None = None
        with lent_session(self.config) as lent:
            try:
                _loop_thread.call(self.work, lent.session, key_range, counters)
            except Exception as raised:  # noqa: BLE001 - the report has it, beside what was done before
                error = Failure.of(key_range.url, raised)
            counts = counters.counts(*lent.take_counts())
        if counters.transfer.has_too_many_failures and error is None:
            message = f"{len(counters.transfer.failures):,} keys failed, so the rest of the range was left alone"
            error = Failure(key_range.url, "TooManyFailures", message)
        return Report(key_range, counts, counters.failures(), error, time.monotonic() - started, counters.output)

    async def work(self, session: Session, key_range: KeyRange, counters: RangeCounters) -> None:
        """Do the job for one range, and count in ``counters`` what is done."""
        raise NotImplementedError

    def targets(self) -> tuple[S3Url, ...]:
        """Return the trees that the job reads or writes, besides the range's own."""
        return ()

    def check(self, key_range: KeyRange) -> None:
        """Raise ConfigError, or another error of aios3, for a range that the job cannot be done with."""
        if key_range.rows is not None and key_range.rows.has_versions and not self.takes_versions:
            message = f"{key_range.rows.url} names versions, and {type(self).__name__} works on the latest ones only"
            raise UnsupportedError(message, path=key_range.rows.url)

    def describe(self) -> str:
        """Return what the job does, as a text that two runs of one job share; it has no credentials."""
        endpoint = self.config.endpoint_url if self.config is not None else None
        values = {each.name: _shown(getattr(self, each.name)) for each in dataclasses.fields(self)}
        return json.dumps({**values, "config": endpoint, "job": type(self).__name__}, sort_keys=True)


def describe_function(function: object) -> str:
    """Return the name of a function, or of the class of what can be called like one.

    A ``partial`` and a dataclass have a digest of their arguments as well, which may be secrets.
    """
    if isinstance(function, functools.partial):
        arguments = [*function.args, *sorted(function.keywords.items())]
        return f"{describe_function(function.func)} with {_digest(arguments)}"
    name = f"{getattr(function, '__module__', '')}.{getattr(function, '__qualname__', type(function).__qualname__)}"
    if dataclasses.is_dataclass(function) and not isinstance(function, type):
        return f"{name} with {_digest([getattr(function, each.name) for each in dataclasses.fields(function)])}"
    return name


def _digest(values: Sequence[object]) -> str:
    """Return a text that differs for other values, and is the same in the next process."""
    return hashlib.sha256(repr([_stable(each) for each in values]).encode()).hexdigest()[:_DIGEST_CHARACTERS]


def _stable(value: object) -> object:
    """Return what has the same ``repr`` in every process: of objects that show their address in memory, their class."""
    if isinstance(value, (str, bytes, bool, int, float, type(None))):
        return value
    if isinstance(value, (tuple, list)):
        return [_stable(each) for each in value]
    return describe_function(value)


def _shown(value: object) -> object:
    """Return a value of JSON for a field of a job."""
    if callable(value):
        return describe_function(value)
    return list(value) if isinstance(value, tuple) else value if isinstance(value, (bool, int)) else str(value)
