"""The rate of a run: shared by its workers, within what a real server allows, and only where it can be shared."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from multiprocessing.pool import ThreadPool
from typing import TYPE_CHECKING

import pytest

import aios3
import aios3.sync as s3
from aios3.distributed import Checksum, Copy, KeyRange, Measure, Report, run
from aios3.distributed.range_task import RangeTask
from aios3.distributed.request_shares import make_shares
from aios3.errors import ConfigError
from aios3.testing import FaultyServer

if TYPE_CHECKING:
    from collections.abc import Iterator

WORKERS = 8
KEYS_OF_RANGE = 12
ALLOWED = 50
RANGES = [KeyRange("s3://bucket", f"{each}/", f"{each}/~", KEYS_OF_RANGE) for each in range(WORKERS)]


@pytest.fixture
def faulty() -> Iterator[FaultyServer]:
    """A server with the keys of the ranges."""
    with FaultyServer() as started:
        with s3.Session(**started.config) as session:
            names = [f"s3://bucket/{each}/{number:02}" for each in range(WORKERS) for number in range(KEYS_OF_RANGE)]
            assert len(list(s3.write_many([(name, b"data") for name in names], session=session))) == len(names)
        yield started


@pytest.mark.parametrize("way", ["executor", "map"])
def test_less_than_a_twentieth_is_rejected_by_a_server_that_allows_a_number_of_requests_a_second(faulty, way):
    faulty.limit(ALLOWED, burst=ALLOWED // 2)
    job = Checksum(config=aios3.Config(**faulty.config))
    with ThreadPoolExecutor(WORKERS) as executor, ThreadPool(WORKERS) as pool:
        given = {"executor": executor} if way == "executor" else {"map": pool.imap_unordered}
        work = run(job, RANGES, window=WORKERS, requests_per_second=ALLOWED, **given)
        for report in work:
            report.raise_if_failed()
    counts = work.summary.counts
    assert counts.checked == WORKERS * KEYS_OF_RANGE
    assert counts.requests > 4 * ALLOWED // 2  # the burst alone would not have been enough
    assert work.summary.throttled_fraction < 0.05


class Asked(Measure):
    """Measures nothing; its report has the rate of its session."""

    async def work(self, session, key_range, counters):
        counters.output = str(session.config.max_requests_per_second)


def rates(ranges=RANGES, own: float | None = None, **how) -> set[float]:
    config = aios3.Config(max_requests_per_second=own)
    with ThreadPoolExecutor(2) as executor:
        how = {"executor": executor} | how
        return {float(each.output) for each in run(Asked(config=config), ranges, **how)}


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ({"window": 4}, 25),
        ({"window": 4, "own": 30}, 25),
        ({"window": 4, "own": 3}, 3),
        ({"window": 4, "ranges": RANGES[:2]}, 50),
        ({"window": 100}, 12.5),
        ({"window": 4, "executor": None, "map": map}, 25),
    ],
    ids=["window", "own rate is higher", "own rate is lower", "few ranges", "few ranges of a wide window", "map"],
)
def test_the_share_is_the_rate_over_the_workers_that_have_work(how, expected):
    assert rates(requests_per_second=100, **how) == {expected}


@pytest.mark.parametrize(("window", "expected"), [(None, 50), (8, 50), (1, 100)])
def test_processes_share_by_their_number_and_not_by_the_window(window, expected):
    work = run(Measure(), RANGES, 2, window=window, requests_per_second=100)
    assert work._shares.dealt(work._task, len(RANGES)).config.max_requests_per_second == expected
    work.close()


def test_a_share_is_in_the_settings_of_the_job_and_of_its_reports_and_nothing_else_changes():
    config = aios3.Config(endpoint_url="http://127.0.0.1:1", max_concurrency=7)
    job = Copy("s3://other/to", config=config, overwrite=False)
    task = make_shares(job, 100, 4).dealt(RangeTask(job, None, config), 9)
    assert task == RangeTask(
        Copy("s3://other/to", config=config.with_options(max_requests_per_second=25.0), overwrite=False),
        None,
        config.with_options(max_requests_per_second=25.0),
    )
    assert task.job.describe() == job.describe()  # a run goes on with another rate


def is_done(key_range: KeyRange) -> Report:
    return Report(key_range)


@pytest.mark.parametrize(
    ("job", "how", "text"),
    [
        (Measure(), {"window": 2, "requests_per_second": 0}, "between 0.01"),
        (Measure(), {"window": 2, "requests_per_second": "7"}, "must be a number"),
        (Measure(), {"window": 2, "requests_per_second": True}, "must be a number"),
        (Measure(), {"window": 100, "requests_per_second": 0.5}, "between 0.01"),
        (Measure(), {"requests_per_second": 5}, "number as window="),
        (Measure(), {"map": map, "executor": None, "requests_per_second": 5}, "number as window="),
        (is_done, {"window": 2, "requests_per_second": 5}, "jobs such as Copy"),
    ],
    ids=["none", "text", "bool", "too small a share", "executor", "map", "function"],
)
def test_a_rate_that_cannot_be_shared_is_an_error_at_once(job, how, text):
    with ThreadPoolExecutor(1) as executor, pytest.raises(ConfigError, match=text):
        run(job, RANGES, **{"executor": executor} | how)
