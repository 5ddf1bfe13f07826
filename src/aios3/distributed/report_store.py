"""The objects of a run in S3: its job, its ranges, claims of ranges, and the report of each that is finished.

Everything is created with ``If-None-Match`` where two could create it, so S3 decides who was first. A range that is
worked on has a claim, which the worker renews. Any coordinator may take a claim that was not renewed for
``lease_seconds`` by the server's clock. So a worker that dies blocks its range for that long, and only for other
coordinators.
"""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aios3._backend import Precondition, PutOptions
from aios3._engine.backoff import retry_delay
from aios3._logs import get_logger
from aios3._namespace import scan
from aios3._namespace.link_targets import head, head_or_none
from aios3._namespace.split_points import sort_key
from aios3._objects import read_bytes, write_bytes
from aios3._paths import S3Url
from aios3._s3_constants import MAX_KEYS
from aios3._storing.store_object import store_object
from aios3._storing.write_plan import replacing_plan, with_checksum
from aios3._trees.delete_keys import delete_keys
from aios3._trees.runner import as_async, for_each
from aios3.distributed.ranges import range_from_json, range_to_json
from aios3.distributed.reports import failures_csv, report_from_json, report_to_json
from aios3.errors import ConfigError, ObjectChangedError, ObjectExistsError, ObjectNotFoundError, S3Error

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from aios3._session import Session
    from aios3.distributed.ranges import KeyRange
    from aios3.distributed.reports import Report, Summary

_log = get_logger("aios3.distributed")

DIRECTORIES = ("claims", "done", "failed")
"""The directories of a report; the objects of the run itself lie beside them."""
_RENEWALS_PER_LEASE = 3
_POSITION_BYTES = 8
_Interval = tuple[tuple[bool, bytes], tuple[bool, bytes]]
"""Two bounds that can be compared, each after the information whether it is the end of everything."""


@dataclass(frozen=True, slots=True)
class ReportStore:
    """Where a run keeps what it has done, and on whose behalf."""

    url: str
    owner: str
    """The coordinator; it may take its own claims over, because it knows when a worker has died."""
    lease_seconds: float

    def at(self, *names: str) -> S3Url:
        """Return the URL of one of the objects."""
        root = S3Url.parse(self.url)
        return root.with_key(root.prefix + "/".join(names))

    def done(self, key_range: KeyRange) -> S3Url:
        """Return the URL of the report of a range that was done."""
        return self.at("done", f"{key_range.id}.json")


@dataclass(slots=True)
class Claim:
    """The right to work on a range, as long as it is renewed."""

    url: S3Url
    etag: str | None
    renewing: asyncio.Task[None] | None = None
    is_lost: bool = False
    """True if another coordinator has it now."""
    writing: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held during a renewal, which changes the ETag."""


async def open_run(session: Session, store: ReportStore, job: str, ranges: Sequence[KeyRange]) -> list[KeyRange]:
    """Begin a run, or go on with it, and return its ranges: those it began with.

    Raises ConfigError if the place belongs to the run of another job, or over other keys.
    """
    run_url = store.at("run.json")
    document = _document({"job": job})
    if (
        await _create(session, run_url, document) is None
        and (theirs := await _read(session, run_url)).get("job") != job
    ):
        message = f"{store.url} belongs to the run of another job; give this run another place\n  {theirs.get('job')}"
        raise ConfigError(message, path=store.url)
    if not await _heeds_conditions(session, run_url, document):
        _log.warning(
            "The server of %s ignores If-None-Match, so two coordinators of one run may do a range twice", store.url
        )
    listed = store.at("ranges.json")
    if await _create(session, listed, _document({"ranges": [range_to_json(each) for each in ranges]})) is not None:
        return list(ranges)
    stored = await _read(session, listed)
    first_ranges = [range_from_json(each) for each in stored["ranges"]]  # type: ignore[attr-defined]  # a list in JSON
    if _coverage(first_ranges) != _coverage(ranges):
        message = f"{store.url} belongs to a run over other keys; give this run another place"
        raise ConfigError(message, path=store.url)
    return first_ranges


def _coverage(ranges: Sequence[KeyRange]) -> object:
    """Return a value that two lists of ranges share if they mean the same keys, or the same rows of manifests."""
    parts: dict[tuple[str, str, str], list[_Interval]] = {}
    for each in ranges:
        if each.rows is None:
            source, interval = ("", ""), ((False, sort_key(each.after)), (each.upto is None, sort_key(each.upto or "")))
        else:
            source = each.rows.url, each.rows.etag
            interval = (False, _position(each.rows.start)), (False, _position(each.rows.stop))
        parts.setdefault((str(each.root), *source), []).append(interval)
    return {source: _joined(intervals) for source, intervals in parts.items()}


def _position(number: int) -> bytes:
    return number.to_bytes(_POSITION_BYTES)


def _joined(intervals: Iterable[_Interval]) -> list[_Interval]:
    """Return the intervals without those that begin where another one ends, or before: these are one."""
    joined: list[_Interval] = []
    for start, stop in sorted(intervals):
        if joined and start <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(joined[-1][1], stop)
        else:
            joined.append((start, stop))
    return joined


async def list_done(session: Session, store: ReportStore) -> set[str]:
    """Return the ids of the ranges that were done."""
    return await _listed_ids(session, store, "done")


async def _listed_ids(session: Session, store: ReportStore, directory: str) -> set[str]:
    names = [path.rpartition("/")[2] async for path in scan(store.at(directory), session=session)]
    return {name.removesuffix(".json") for name in names if name.endswith(".json")}


async def read_reports(session: Session, store: ReportStore, ranges: Sequence[KeyRange]) -> list[Report]:
    """Return the reports of ranges that were done."""
    reports: dict[str, Report | None] = {}

    async def read(key_range: KeyRange) -> None:
        reports[key_range.id] = await read_done(session, store, key_range)

    await for_each(as_async(ranges), read, session.config.max_concurrency)
    return [report for each in ranges if (report := reports[each.id]) is not None]


async def read_done(session: Session, store: ReportStore, key_range: KeyRange) -> Report | None:
    """Return the report of a range that was done; None if there is none."""
    try:
        return report_from_json(await _read(session, store.done(key_range)))
    except ObjectNotFoundError:
        return None


async def claim(session: Session, store: ReportStore, key_range: KeyRange) -> Claim | None:
    """Claim a range for this coordinator, and renew that until it is released; None if another one works on it."""
    url = store.at("claims", f"{key_range.id}.json")
    etag = await _create(session, url, _claim_of(store))
    claimed = await _take_over(session, store, url) if etag is None else Claim(url, etag)
    if claimed is None:
        return None
    claimed.renewing = asyncio.create_task(_renew(session, store, claimed), name=f"aios3 claim {url}")
    return claimed


def _claim_of(store: ReportStore) -> bytes:
    return _document({"owner": store.owner, "nonce": uuid.uuid4().hex})  # each has an ETag of its own


async def _take_over(session: Session, store: ReportStore, url: S3Url) -> Claim | None:
    """Take a claim that is this coordinator's, or that was not renewed in time."""
    try:
        stat = await head(session, url)
        theirs = await _read(session, url)
        age = (stat.as_of or time.time()) - stat.mtime
        if theirs.get("owner") != store.owner and age < store.lease_seconds:
            return None
        written = await write_bytes(url, _claim_of(store), session=session, if_match=stat.etag or "")
    except (ObjectNotFoundError, ObjectChangedError):
        return None  # its owner has just renewed or released it
    return Claim(url, written.etag)


async def _renew(session: Session, store: ReportStore, claimed: Claim) -> None:
    while True:
        await asyncio.sleep(store.lease_seconds / _RENEWALS_PER_LEASE)
        try:
            async with claimed.writing:
                written = await write_bytes(claimed.url, _claim_of(store), session=session, if_match=claimed.etag or "")
                claimed.etag = written.etag
        except (ObjectNotFoundError, ObjectChangedError) as error:
            _log.warning("Another coordinator has taken a range over: %s", error)
            claimed.is_lost = True
            return
        except S3Error as error:
            _log.warning("A claim could not be renewed; another coordinator may do its range as well: %s", error)


async def release(session: Session, claimed: Claim) -> None:
    """Give a claim back, unless another coordinator has taken it over."""
    if claimed.renewing is not None:
        async with claimed.writing:  # S3 may do a renewal that is cancelled, and the ETag would be unknown
            claimed.renewing.cancel()
        await asyncio.wait({claimed.renewing})
    if claimed.is_lost:
        return
    try:
        await (await session.backend(claimed.url)).delete_object(claimed.url, if_match=claimed.etag)
    except (ObjectNotFoundError, ObjectChangedError) as error:
        _log.warning("Another coordinator has taken a range over: %s", error)
    except S3Error as error:
        _log.warning("A claim could not be deleted, and holds its range for the length of the lease: %s", error)


async def save(session: Session, store: ReportStore, report: Report) -> Report:
    """Keep ``report``, and return it; where another one was faster to do the range, return that one's.

    A report with failures is kept below ``failed/``, with a CSV of them. The next run does its range again.
    """
    document = _document(report_to_json(report))
    if report.ok:
        if await _create(session, store.done(report.range), document) is not None:
            return report
        return await read_done(session, store, report.range) or report
    failures = [*report.failures, *((report.error,) if report.error else ())]
    await write_bytes(store.at("failed", f"{report.range.id}.csv"), failures_csv(failures).encode(), session=session)
    await write_bytes(store.at("failed", f"{report.range.id}.json"), document, session=session)
    return report


async def finish(session: Session, store: ReportStore, summary: Summary) -> None:
    """Keep the totals of the run, and forget the failures of ranges that were done since."""
    failed = await _listed_ids(session, store, "failed")
    repaired = failed & await list_done(session, store) if failed else set()
    keys = [store.at("failed", f"{each}{suffix}").key for each in sorted(repaired) for suffix in (".csv", ".json")]
    for start in range(0, len(keys), MAX_KEYS):
        for key, error in (await delete_keys(session, store.at(), keys[start : start + MAX_KEYS])).items():
            _log.warning("The failures in %s are no longer true, and could not be deleted: %s", key, error)
    await write_bytes(store.at("summary.json"), _document(summary.to_json()), session=session)


async def _create(session: Session, url: S3Url, data: bytes) -> str | None:
    """Create an object and return its ETag, or an empty text without one; return None if there is one already.

    A HEAD looks for it first, for servers that ignore the condition of the request that creates it. S3 rejects one of
    two requests at the same moment with 409, and then neither says whether there is one; so it is sent again.
    """
    plan = await with_checksum(session, replacing_plan(session, url, if_absent=True))
    attempt = 1
    while True:
        if await head_or_none(session, url) is not None:
            return None
        try:
            return (await store_object(session, plan, (data,))).etag or ""
        except ObjectExistsError:
            return None
        except ObjectChangedError:
            if attempt >= session.policy_at(url).max_attempts:
                raise
        await asyncio.sleep(retry_delay(attempt))
        attempt += 1


async def _heeds_conditions(session: Session, url: S3Url, data: bytes) -> bool:
    """Return whether the server rejects to create the object ``url``, which is there and has ``data``."""
    backend = await session.backend(url)
    condition = Precondition(if_absent=True)
    try:
        await backend.put_object(url, (data,), options=PutOptions(), condition=condition, checksum=None)
    except (ObjectExistsError, ObjectChangedError):
        return True
    return False


async def _read(session: Session, url: S3Url) -> dict[str, object]:
    data = await read_bytes(url, session=session)
    try:
        value = json.loads(data)
    except ValueError as error:
        message = f"{url} is not the JSON that a run has written there: {error}"
        raise ConfigError(message, path=str(url)) from error
    if not isinstance(value, dict):
        message = f"{url} is not the JSON that a run has written there"
        raise ConfigError(message, path=str(url))
    return value


def _document(value: object) -> bytes:
    return json.dumps(value, sort_keys=True).encode()
