"""Reports of key ranges and of runs: values, and their forms in JSON and CSV. No I/O."""

from __future__ import annotations

import csv
import io
from dataclasses import asdict, dataclass, field, fields, replace
from typing import TYPE_CHECKING
from urllib.parse import quote

from aios3._namespace.split_points import sort_key
from aios3._paths import S3Url, is_s3
from aios3._secrets import scrubbed
from aios3.distributed.ranges import range_from_json, range_to_json
from aios3.errors import InvalidPathError, PartialFailureError, S3Error

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from aios3.distributed.ranges import KeyRange

CSV_COLUMNS = ("Bucket", "Key", "VersionId", "TaskStatus", "ErrorCode", "HTTPStatusCode", "ResultMessage")
"""The columns of S3 Batch Operations' completion reports, which tools for those can read."""
_SLOWEST = 10
_MAX_MESSAGE = 2000
"""Characters of a failure's message that are kept."""


@dataclass(frozen=True, slots=True)
class Failure:
    """One key that failed: its path, S3's error code and HTTP status where S3 said so, and the message."""

    path: str
    code: str
    message: str
    status: int | None = None
    version_id: str | None = None
    """The version that a row of a manifest names; None is the latest."""

    @classmethod
    def of(cls, path: str, error: BaseException, version_id: str | None = None) -> Failure:
        """Return the failure of ``path`` with ``error``; secrets are left out of the message."""
        code, status = (error.code, error.status) if isinstance(error, S3Error) else (None, None)
        text = scrubbed(str(error))[:_MAX_MESSAGE]
        return cls(path, code or type(error).__name__, text, status, version_id)


@dataclass(frozen=True, slots=True)
class Counts:
    """Counts of what was done. All are objects, but for ``bytes``, ``requests`` and ``throttled``."""

    copied: int = 0
    skipped: int = 0
    """Objects that needed nothing: the target has them already, or another attempt has done them."""
    deleted: int = 0
    checked: int = 0
    """Objects whose bytes were compared with a checksum, or with the other tree."""
    unchecked: int = 0
    """Objects of which the server keeps nothing to compare with."""
    extra: int = 0
    """Objects that only the other tree has."""
    processed: int = 0
    """Objects that a :class:`Map` has called its function with, or that an :class:`Inventory` lists."""
    bytes: int = 0
    """Bytes of object data that were copied, read or listed."""
    requests: int = 0
    throttled: int = 0
    """Requests that the server rejected because there were too many (503 SlowDown, 429)."""

    def __add__(self, other: Counts) -> Counts:
        return Counts(*(getattr(self, each.name) + getattr(other, each.name) for each in fields(self)))


@dataclass(frozen=True, slots=True)
class Report:
    """The result of one key range.

    Each key that failed is in ``failures``, up to the first 1,000. Where the range was not worked on to its end,
    ``error`` says why; its counts are of what was done nevertheless. With ``is_earlier`` the range was finished by an
    earlier run, or by another coordinator.
    """

    range: KeyRange
    counts: Counts = field(default_factory=Counts)
    failures: tuple[Failure, ...] = ()
    error: Failure | None = None
    seconds: float = 0.0
    output: str | None = None
    """The object that the job wrote for the range, if it writes one."""
    is_earlier: bool = False

    @property
    def ok(self) -> bool:
        """Return whether everything in the range was done."""
        return self.error is None and not self.failures

    def raise_if_failed(self) -> None:
        """Raise PartialFailureError if a key or the range itself failed."""
        if self.ok:
            return
        what = [*self.failures, *((self.error,) if self.error else ())]
        message = (
            f"{len(what):,} failed in a key range of {self.range.url}; the first, {what[0].path}: {what[0].message}"
        )
        raise PartialFailureError(message, path=self.range.url)


def failed_report(key_range: KeyRange, error: BaseException, seconds: float = 0.0) -> Report:
    """Return the report of a range that ended with ``error``."""
    return Report(key_range, error=Failure.of(key_range.url, error), seconds=seconds)


def report_to_json(report: Report) -> dict[str, object]:
    """Return ``report`` as a value of JSON."""
    value = asdict(replace(report, is_earlier=False))
    return {**value, "range": range_to_json(report.range)}


def report_from_json(value: Mapping[str, object]) -> Report:
    """Return the report that :func:`report_to_json` has written, as one of an earlier run."""
    values = dict(value)
    values["range"] = range_from_json(values["range"])  # type: ignore[arg-type]  # an object of JSON
    values["counts"] = Counts(**values["counts"])  # type: ignore[arg-type]  # an object of JSON
    values["failures"] = tuple(Failure(**each) for each in values["failures"])  # type: ignore[attr-defined]  # an object of JSON
    values["error"] = None if values["error"] is None else Failure(**values["error"])  # type: ignore[arg-type]  # an object of JSON
    return Report(**{**values, "is_earlier": True})  # type: ignore[arg-type]  # an object of JSON


def failures_csv(failures: Iterable[Failure]) -> str:
    """Return failures as rows with the columns of S3 Batch Operations, without a heading, as S3 writes them.

    Keys are percent-encoded, as in the manifests of S3 Batch Operations, so the columns ``Bucket,Key`` are a manifest.
    """
    text = io.StringIO(newline="")
    rows = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n")
    for each in failures:
        bucket, key = _bucket_and_key(each.path)
        status = "" if each.status is None else each.status
        message = each.message.encode(errors="backslashreplace").decode()
        rows.writerow(
            [bucket, quote(sort_key(key), safe="/"), each.version_id or "", "failed", each.code, status, message]
        )
    return text.getvalue()


def _bucket_and_key(path: str) -> tuple[str, str]:
    """Return bucket and key of a path, also of one that S3 could not be asked about: a listing may have any bytes."""
    if not is_s3(path):
        return "", path
    try:
        url = S3Url.parse(path)
    except InvalidPathError:
        bucket, _, key = path.partition("://")[2].partition("/")
        return bucket, key
    return url.bucket, url.key


@dataclass(slots=True)
class Summary:
    """Totals of a run so far. ``seconds`` is how long the run has taken, not the sum over its ranges."""

    ranges: int = 0
    """Ranges with a report, those of earlier runs included."""
    failed_ranges: int = 0
    """Ranges in which a key failed, or that have not been gone through to their end."""
    failed_keys: int = 0
    counts: Counts = field(default_factory=Counts)
    seconds: float = 0.0
    slowest: tuple[tuple[float, str], ...] = ()
    """The slowest ranges, at most 10: their seconds, and the key that each begins after."""

    def add(self, report: Report) -> None:
        """Count one report more."""
        self.ranges += 1
        self.failed_ranges += not report.ok
        self.failed_keys += len(report.failures)
        self.counts += report.counts
        entry = report.seconds, f"{report.range.url} after {report.range.after!r}"
        self.slowest = tuple(sorted([*self.slowest, entry], reverse=True)[:_SLOWEST])

    @property
    def throttled_fraction(self) -> float:
        """The share of the requests that the server rejected because there were too many."""
        return self.counts.throttled / max(1, self.counts.requests)

    @property
    def bytes_per_second(self) -> float:
        """Bytes of object data a second over the run."""
        return self.counts.bytes / self.seconds if self.seconds else 0.0

    def to_json(self) -> dict[str, object]:
        """Return the totals as a value of JSON."""
        return {
            **asdict(self),
            "bytes_per_second": self.bytes_per_second,
            "throttled_fraction": self.throttled_fraction,
        }
