"""Runs: every range once, a bounded window, failures in the report, and a second run that goes on."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import pickle
import threading
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from multiprocessing.pool import ThreadPool
from typing import TYPE_CHECKING

import pytest

import aios3
import aios3.sync as s3
from aios3.distributed import Checksum, Copy, Counts, Failure, KeyRange, Map, Remove, Report, Sync, report_store, run
from aios3.distributed.ranges import ManifestRows
from aios3.distributed.report_store import ReportStore
from aios3.distributed.reports import failures_csv, report_from_json, report_to_json
from aios3.errors import ConfigError
from aios3.testing import FaultyServer, faults

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from admin import Admin

RANGES = [KeyRange("s3://b", f"{n:02}", f"{n + 1:02}", 1) for n in range(20)]


class Counting:
    """An executor that does what it is given at once, when asked; knows how much it holds."""

    def __init__(self, break_at: int | None = None) -> None:
        self.held = 0
        self.most = 0
        self.submitted: list[KeyRange] = []
        self.break_at = break_at
        self._futures: list[tuple[Future, Callable[[], object]]] = []

    def submit(self, function, key_range):
        if len(self.submitted) == self.break_at:
            raise BrokenProcessPool
        self.submitted.append(key_range)
        self.held += 1
        self.most = max(self.most, self.held)
        future: Future = Future()
        threading.Thread(target=self._do, args=(future, function, key_range)).start()
        return future

    def _do(self, future, function, key_range):
        result = function(key_range)
        self.held -= 1
        future.set_result(result)


def done(key_range: KeyRange) -> Report:
    return Report(key_range, Counts(copied=1, bytes=10), seconds=1.0)


def fails_at_three(key_range: KeyRange) -> Report:
    if key_range.after == "03":
        message = "the third password=hunter2 is wrong"
        raise RuntimeError(message)
    return done(key_range)


@contextmanager
def pool() -> Iterator[dict]:
    with ThreadPool(3) as workers:
        yield {"map": workers.imap_unordered}


@contextmanager
def executor() -> Iterator[dict]:
    with ThreadPoolExecutor(3) as workers:
        yield {"executor": workers}


ENGINES = {
    "threads": executor,
    "map": lambda: nullcontext({"map": map}),
    "pool": pool,
    "anything": lambda: nullcontext({"executor": Counting()}),
}


@pytest.mark.parametrize("engine", ENGINES)
def test_every_range_is_done_once_and_summed(engine):
    with ENGINES[engine]() as options:
        work = run(done, RANGES, **options)
        reports = list(work)
    assert sorted(each.range.after for each in reports) == [each.after for each in RANGES]
    assert (work.summary.ranges, work.summary.counts.copied, work.summary.counts.bytes) == (20, 20, 200)
    assert len(work.summary.slowest) == 10


@pytest.mark.parametrize("engine", ENGINES)
def test_a_range_that_fails_for_good_is_in_the_report_and_the_run_goes_on(engine):
    with ENGINES[engine]() as options:
        work = run(fails_at_three, RANGES, **options)
        failed = [each for each in work if not each.ok]
    assert [(each.range.after, each.error.code) for each in failed] == [("03", "RuntimeError")]
    assert "hunter2" not in failed[0].error.message
    assert (work.summary.ranges, work.summary.failed_ranges) == (20, 1)


def test_no_more_than_the_window_is_in_the_hands_of_the_executor():
    executor = Counting()
    assert len(list(run(done, RANGES, executor, window=3))) == 20
    assert executor.most <= 3


def test_neighbours_are_not_handed_out_together():
    executor = Counting()
    list(run(done, RANGES, executor, window=4))
    assert [each.after for each in executor.submitted[:4]] == ["00", "05", "10", "15"]


def test_an_executor_of_the_caller_that_breaks_is_the_callers_error():
    with pytest.raises(BrokenProcessPool):
        list(run(done, RANGES, Counting(break_at=5)))


def returns_nothing(_key_range: KeyRange) -> None:
    return None


def test_a_job_that_returns_no_report_is_a_failed_range():
    report = next(run(returns_nothing, RANGES[:1], Counting()))
    assert report.error.code == "WrongTypeError"


class Cancelling(Counting):
    def submit(self, function, key_range):
        future: Future = Future()
        if key_range.after == "01":
            future.cancel()
            future.set_running_or_notify_cancel()
        else:
            future.set_result(function(key_range))
        return future


def test_a_future_that_the_engine_cancels_is_a_failed_range():
    work = run(done, RANGES[:3], Cancelling())
    assert [each.range.after for each in work if not each.ok] == ["01"]


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("job", RANGES), "job must be"),
        ((done, ["s3://b"]), "ranges are KeyRange"),
        ((done, RANGES, 0), "at least 1"),
        ((done, RANGES, "dask"), "method submit"),
        ((lambda _: None, RANGES), "functions must be those of a module"),
    ],
    ids=["job", "ranges", "number", "executor", "lambda"],
)
def test_arguments_that_make_no_sense_are_an_error_at_once(arguments, text):
    with pytest.raises(ConfigError, match=text):
        run(*arguments)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"window": 0}, "window must be"),
        ({"lease_seconds": 0}, "lease_seconds must be"),
        ({"executor": 2, "map": map}, "not both"),
        ({"report": "s3://b/report"}, "lie in s3://b"),
    ],
    ids=["window", "lease", "both", "report"],
)
def test_options_that_make_no_sense_are_an_error_at_once(options, text):
    with pytest.raises(ConfigError, match=text):
        run(done, RANGES, **options)


def test_a_report_in_the_target_would_be_deleted_by_the_sync_and_is_rejected():
    with pytest.raises(ConfigError, match="lie in s3://target"):
        run(Sync("s3://target", delete=True), RANGES, report="s3://target/run")


def test_a_report_in_the_tree_that_is_compared_would_count_as_a_difference_and_is_rejected():
    with pytest.raises(ConfigError, match="lie in s3://other"):
        run(Checksum("s3://other"), RANGES, report="s3://other/run")


@pytest.mark.parametrize("name", ["done", "claims/x", "failed"])
@pytest.mark.parametrize("report", ["s3://b", "s3://b/run"])
def test_a_tree_in_a_report_would_be_removed_with_it_and_is_rejected(report, name):
    with pytest.raises(ConfigError, match="which the job reads or writes"):
        run(Remove(), [KeyRange(f"{report}/{name}")], report=report)
    run(Remove(), [KeyRange(f"{report}/not-{name}")], report=report).close()


# With reports


@pytest.fixture
def tree(bucket: str, admin: Admin) -> str:
    for number in range(10):
        admin.put(f"{bucket}/data/{number}", b"x" * number)
    return bucket


@pytest.fixture
def places(more_buckets: Callable[[], str]) -> tuple[str, str]:
    """A target, and a place for reports."""
    return more_buckets(), f"{more_buckets()}/run"


def ranges_of(bucket: str) -> list[KeyRange]:
    bounds = ["", *(f"data/{n}" for n in (1, 3, 5, 7)), None]
    return [KeyRange(f"{bucket}/data", one or "", other) for one, other in pairwise(bounds)]


def threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(2)


def test_a_run_that_was_left_goes_on_where_it_was(tree, places, config, admin):
    target, report = places
    ranges = ranges_of(tree)
    with run(Copy(target, config=config), ranges, threads(), window=1, report=report) as work:
        first = [next(work), next(work)]
    finished = {key for key in admin.keys(report.rpartition("/")[0]) if key.startswith("run/done/")}
    assert {f"run/done/{each.range.id}.json" for each in first} <= finished
    with threads() as executor:
        work = run(Copy(target, config=config), ranges, executor, report=report)
        reports = list(work)
    assert sum(each.is_earlier for each in reports) == len(finished) >= 2
    assert len(reports) == len(ranges)
    assert work.summary.counts.copied == 10
    assert admin.keys(target) == [str(number) for number in range(10)]
    assert not [key for key in admin.keys(report.rpartition("/")[0]) if key.startswith("run/claims/")]
    summary = json.loads(admin.get(f"{report}/summary.json"))
    assert (summary["ranges"], summary["counts"]["copied"]) == (5, 10)


def test_a_run_goes_on_with_the_ranges_that_it_began_with_though_the_tree_is_cut_otherwise_now(
    tree, places, config, admin
):
    target, report = places
    list(run(Copy(target, config=config), ranges_of(tree), threads(), report=report))
    others = [KeyRange(f"{tree}/data", "", "data/4"), KeyRange(f"{tree}/data", "data/4")]
    work = run(Copy(target, config=config), others, threads(), report=report)
    assert [each.is_earlier for each in work] == [True] * 5


@pytest.mark.parametrize(
    ("job", "ranges", "text"),
    [
        (lambda target, config: Copy(f"{target}/other", config=config), ranges_of, "another job"),
        (lambda target, config: Copy(target, config=config), lambda tree: ranges_of(tree)[1:], "other keys"),
        (lambda target, config: Copy(target, config=config), lambda tree: ranges_of(tree)[::4], "other keys"),
        (lambda target, config: Copy(target, config=config), lambda tree: [KeyRange(f"{tree}/x")], "other keys"),
    ],
    ids=["job", "less", "a gap", "elsewhere"],
)
def test_a_report_of_another_run_is_not_taken_for_this_one(job, ranges, text, tree, places, config):
    target, report = places
    list(run(Copy(target, config=config), ranges_of(tree), threads(), report=report))
    with pytest.raises(ConfigError, match=text):
        next(run(job(target, config), ranges(tree), threads(), report=report))


@pytest.mark.parametrize("first", ["a gap", "rows"])
def test_keys_that_the_first_run_left_out_are_not_taken_for_done(first, tree, places, config, admin):
    target, report = places
    admin.put(f"{target}/manifest.csv", rows := b"".join(b"%s,data/%d\n" % (tree[5:].encode(), n) for n in range(4)))
    etag = admin.head(f"{target}/manifest.csv")["ETag"].strip('"')
    manifest = [
        KeyRange(tree, rows=ManifestRows(f"{target}/manifest.csv", etag, start, stop))
        for start, stop in ((0, len(rows) // 2), (len(rows) // 2, len(rows)))
    ]
    some, everything = (ranges_of(tree)[::2], ranges_of(tree)) if first == "a gap" else (manifest[:1], manifest)
    CALLS.clear()
    list(run(Map(note, config=config), some, threads(), report=report))
    with pytest.raises(ConfigError, match="other keys"):
        next(run(Map(note, config=config), everything, threads(), report=report))
    assert len(CALLS) == (6 if first == "a gap" else 2)


def test_a_range_with_a_failure_is_done_again_by_the_next_run_and_its_failures_are_forgotten(config):
    with FaultyServer() as server:
        for name in ("target", "reports"):
            server.storage.create_bucket(name)
        config = aios3.Config(**server.config)
        with s3.Session(config) as session:
            for number in range(4):
                s3.write_bytes(f"s3://bucket/data/{number} \xe9", b"x", session=session)
            server.fail("CopyObject", faults.Respond(403, "AccessDenied"), key="2*", times=None)
            ranges = [KeyRange("s3://bucket/data", "", "data/1 \xe9"), KeyRange("s3://bucket/data", "data/1 \xe9")]
            work = run(Copy("s3://target", config=config), ranges, threads(), report="s3://reports/run")
            assert [each.ok for each in work].count(False) == 1
            assert (work.summary.failed_ranges, work.summary.failed_keys) == (1, 1)
            names = [path.rpartition("/")[2] for path in s3.scan("s3://reports/run/failed", session=session)]
            assert names == [f"{ranges[1].id}.csv", f"{ranges[1].id}.json"]
            text = s3.read_text(f"s3://reports/run/failed/{ranges[1].id}.csv", session=session)
            assert next(csv.reader(io.StringIO(text)))[:6] == [
                "bucket", "data/2%20%C3%A9", "", "failed", "AccessDenied", "403",
            ]  # fmt: skip
            server.reset()
            again = list(run(Copy("s3://target", config=config), ranges, threads(), report="s3://reports/run"))
            assert [each.ok for each in again] == [True, True]
            assert list(s3.scan("s3://reports/run/failed", session=session)) == []


def in_a_thread(work: Iterator[Report], found: list[Report]) -> threading.Thread:
    thread = threading.Thread(target=lambda: found.extend(work))
    thread.start()
    return thread


CALLS: list[str] = []


def note(path: str) -> None:
    CALLS.append(path)


@dataclass(frozen=True)
class Noting:
    """A function with a setting, as an object."""

    setting: str

    def __call__(self, path: str) -> None:
        note(f"{self.setting} {path}")


def note_with(setting: object, path: str) -> None:
    note(f"{setting} {path}")


def note_more(path: str, setting: str) -> None:
    note_with(setting, path)


@pytest.mark.parametrize(
    ("first", "other"),
    [
        (partial(note_with, "one"), partial(note_with, "other")),
        (partial(note_with, ("one", note)), partial(note_with, ("one", note_with))),
        (partial(note_more, setting="one"), partial(note_more, setting="other")),
        (Noting("one"), Noting("other")),
        (partial(note_with, Noting("one")), partial(note_with, Noting("other"))),
    ],
    ids=["argument", "nested", "keyword", "object", "object as argument"],
)
def test_a_run_with_another_setting_of_the_function_is_not_taken_for_this_one(
    first, other, tree, places, config, admin
):
    _, report = places
    again = pickle.loads(pickle.dumps(first))
    list(run(Map(first, config=config), ranges_of(tree), threads(), report=report))
    assert all(each.is_earlier for each in run(Map(again, config=config), ranges_of(tree), threads(), report=report))
    with pytest.raises(ConfigError, match="another job"):
        next(run(Map(other, config=config), ranges_of(tree), threads(), report=report))
    assert b"one" not in admin.get(f"{report}/run.json")


@pytest.mark.needs("create_once")
def test_two_coordinators_at_once_do_no_range_twice(tree, places, config):
    _, report = places
    CALLS.clear()
    found: tuple[list[Report], list[Report]] = ([], [])
    coordinators = [
        in_a_thread(run(Map(note, config=config), ranges_of(tree), threads(), report=report, lease_seconds=30), reports)
        for reports in found
    ]
    for thread in coordinators:
        thread.join()
    assert sorted(CALLS) == [f"{tree}/data/{number}" for number in range(10)]
    assert [sorted(each.range.id for each in reports) for reports in found] == [
        sorted(each.id for each in ranges_of(tree))
    ] * 2


@pytest.mark.parametrize("key", ["run/run.json", "run/ranges.json", "run/claims/*", "run/done/*"])
@pytest.mark.parametrize("conflicts", [1, 2])
def test_a_conflict_with_another_coordinator_at_the_same_moment_fails_no_range(key, conflicts, monkeypatch):
    monkeypatch.setattr("aios3.distributed.report_store.retry_delay", lambda _attempt: 0)
    with FaultyServer() as server:
        for name in ("target", "reports"):
            server.storage.create_bucket(name)
        config = aios3.Config(**server.config)
        with s3.Session(config) as session:
            for name in "ab":
                s3.write_bytes(f"s3://bucket/data/{name}", b"x", session=session)
            server.fail("PutObject", faults.Respond(409, "ConditionalRequestConflict"), key=key, times=conflicts)
            ranges = [KeyRange("s3://bucket/data", "", "data/a"), KeyRange("s3://bucket/data", "data/a")]
            work = run(Copy("s3://target", config=config), ranges, threads(), report="s3://reports/run")
            assert [(each.ok, each.counts.copied) for each in work] == [(True, 1)] * 2
            assert len(list(s3.scan("s3://reports/run/done", session=session))) == 2
            assert list(s3.scan("s3://reports/run/claims", session=session)) == []


def test_a_claim_of_a_worker_that_has_died_is_taken_over_after_the_lease(tree, places, config, admin):
    target, report = places
    ranges = ranges_of(tree)
    dead = ReportStore(report, "a coordinator that is gone", 60)
    admin.put(f"{report}/claims/{ranges[2].id}.json", json.dumps({"owner": dead.owner}).encode())
    with run(Copy(target, config=config), ranges, threads(), report=report, lease_seconds=1) as work:
        assert sorted(each.range.id for each in work) == sorted(each.id for each in ranges)
    assert admin.keys(target) == [str(number) for number in range(10)]


def test_a_claim_that_another_coordinator_has_taken_over_stays_its_own(tree, places, config, admin):
    _, report = places
    [key_range] = ranges_of(tree)[:1]
    claim = f"{report}/claims/{key_range.id}.json"

    def take_over(_path: str) -> None:
        admin.put(claim, b'{"owner": "another coordinator"}')

    [done] = run(Map(take_over, config=config), [key_range], threads(), report=report, lease_seconds=600)
    assert done.ok
    assert json.loads(admin.get(claim)) == {"owner": "another coordinator"}


async def test_a_claim_that_another_coordinator_has_taken_over_is_left_to_it(places, session, admin):
    _, report = places
    key_range = KeyRange("s3://b/data")
    late, other = ReportStore(report, "late", 0.3), ReportStore(report, "other", 0.3)
    mine = await report_store.claim(session, late, key_range)
    assert await report_store.claim(session, other, key_range) is None
    admin.put(f"{report}/claims/{key_range.id}.json", json.dumps({"owner": "other"}).encode())
    await mine.renewing
    await report_store.release(session, mine)
    assert admin.exists(f"{report}/claims/{key_range.id}.json")
    again = await report_store.claim(session, other, key_range)
    await report_store.release(session, again)
    assert not admin.exists(f"{report}/claims/{key_range.id}.json")


async def test_a_claim_that_is_released_while_it_is_renewed_does_not_stay_for_the_next_run(
    amazon_server, amazon_config
):
    renewing, go_on = threading.Event(), threading.Event()

    def hold(asked) -> None:
        if asked.method == "PUT" and "if-match" in asked.headers:
            renewing.set()
            assert go_on.wait(30)

    amazon_server.on_request = hold
    async with aios3.Session(amazon_config) as session:
        mine = await report_store.claim(session, ReportStore("s3://target/run", "me", 0.3), KeyRange("s3://bucket"))
        assert await asyncio.to_thread(renewing.wait, 30)
        releasing = asyncio.create_task(report_store.release(session, mine))
        for _ in range(10):
            await asyncio.sleep(0)
        go_on.set()
        await releasing
    assert amazon_server.buckets["target"].objects == {}


def test_a_server_that_ignores_conditions_is_named_in_the_log(amazon_server, amazon_config, caplog):
    amazon_server.on_request = lambda asked: asked.headers.pop("if-none-match", None) and None
    job = Copy("s3://target/to", config=amazon_config)
    list(run(job, [KeyRange("s3://bucket/data", "", "data/b")], threads(), report="s3://target/run"))
    assert "ignores If-None-Match" in caplog.text


@pytest.mark.needs("create_once")
def test_a_server_that_heeds_conditions_is_not(tree, places, config, caplog):
    target, report = places
    list(run(Copy(target, config=config), ranges_of(tree), threads(), report=report))
    assert "If-None-Match" not in caplog.text


def test_a_removal_that_is_done_again_deletes_nothing_that_came_since(tree, places, config, admin):
    _, report = places
    list(run(Remove(config=config), ranges_of(tree), threads(), report=report))
    admin.put(f"{tree}/data/2", b"new")
    again = list(run(Remove(config=config), ranges_of(tree), threads(), report=report))
    assert all(each.is_earlier for each in again)
    assert admin.keys(tree) == ["data/2"]


def test_a_report_survives_being_written_down():
    report = Report(
        RANGES[0],
        Counts(copied=1, throttled=2),
        (Failure("s3://b/k", "SlowDown", "slow", 503),),
        Failure("s3://b", "X", "y"),
        1.5,
        "s3://o/x",
    )
    again = report_from_json(json.loads(json.dumps(report_to_json(report))))
    assert again.is_earlier
    assert report_to_json(again) == report_to_json(report)


@pytest.mark.parametrize(
    ("name", "row"), [("x\udc80", "x%80"), ("x\ud800", "x%ED%A0%80"), ("//x?y#z%20", "//x%3Fy%23z%2520")]
)
def test_a_failure_of_any_name_that_a_listing_has_can_be_written_down(name, row):
    text = failures_csv([Failure(f"s3://b/{name}", "InvalidPathError", f"{name} has no UTF-8 form")])
    assert next(csv.reader(io.StringIO(text.encode().decode())))[:2] == ["b", row]


def test_failures_are_rows_that_batch_operations_would_take():
    text = failures_csv([Failure('s3://b/a,b \n"c"', "NoSuchKey", 'it said "no"', 404), Failure("s3://b", "X", "y")])
    rows = list(csv.reader(io.StringIO(text)))
    assert rows == [
        ["b", "a%2Cb%20%0A%22c%22", "", "failed", "NoSuchKey", "404", 'it said "no"'],
        ["b", "", "", "failed", "X", "", "y"],
    ]


def test_a_run_that_another_thread_closes_ends_the_wait_for_a_report():
    """A program with an event loop waits in a thread, and must be able to end that wait."""
    started, may_end = threading.Event(), threading.Event()

    def waits(key_range: KeyRange) -> Report:
        started.set()
        may_end.wait()
        return done(key_range)

    with ThreadPoolExecutor(1) as executor, ThreadPoolExecutor(1) as waiting:
        work = run(waits, RANGES, executor, window=1)
        report = waiting.submit(next, work, None)
        started.wait()
        work.close()
        with pytest.raises(CancelledError):
            report.result()
        may_end.set()
    assert next(work, None) is None


def test_a_run_tells_its_ranges():
    with ThreadPoolExecutor(1) as executor:
        assert run(done, RANGES, executor).ranges == tuple(RANGES)
