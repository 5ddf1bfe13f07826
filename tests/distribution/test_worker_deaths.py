"""Workers that die, in every job and in every way: the right keys and bytes, and every failure named."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import select
import signal
import subprocess
import sys
import textwrap
from concurrent.futures import BrokenExecutor, CancelledError, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import aios3
import aios3.sync as s3
from aios3.distributed import Checksum, Copy, Inventory, KeyRange, Map, Remove, Sync, processes, run
from aios3.distributed.processes import WorkerProcesses
from aios3.testing import FaultyServer, faults
from distribution.death_jobs import DiesAt, counts_one, renewed, writes_beside
from distribution.test_runs import ranges_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from admin import Admin

NAMES = [str(number) for number in range(10)]


@pytest.fixture(autouse=True)
def workers_find_the_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(each for each in sys.path if each))


@pytest.fixture
def tree(bucket: str, admin: Admin) -> str:
    for name in NAMES:
        admin.put(f"{bucket}/data/{name}", name.encode() * 20)
    return bucket


@pytest.fixture
def target(more_buckets: Callable[[], str], admin: Admin) -> str:
    """A bucket with what a sync would delete and replace, in each range."""
    path = more_buckets()
    for name in ("0", "3a", "5", "5a", "zz"):
        admin.put(f"{path}/to/{name}", b"theirs")
    return path


def check_copied(tree: str, target: str, admin: Admin, summary) -> None:
    assert {key: admin.get(f"{target}/{key}") for key in admin.keys(target) if key[3:] in NAMES} == {
        f"to/{name}": name.encode() * 20 for name in NAMES
    }
    assert "to/5a" in admin.keys(target)


def check_synced(tree: str, target: str, admin: Admin, summary) -> None:
    assert admin.keys(target) == [f"to/{name}" for name in NAMES]
    assert all(admin.get(f"{target}/to/{name}") == name.encode() * 20 for name in NAMES)


def check_removed(tree: str, target: str, admin: Admin, summary) -> None:
    assert admin.keys(tree) == []


def check_read(tree: str, target: str, admin: Admin, summary) -> None:
    assert summary.counts.checked + summary.counts.unchecked == 10


def check_listed(tree: str, target: str, admin: Admin, summary) -> None:
    assert len([key for key in admin.keys(target) if key.startswith("inventory/")]) == 5
    assert summary.counts.processed == 10


def check_called(tree: str, target: str, admin: Admin, summary) -> None:
    assert summary.counts.processed == 10


def touch_nothing(path: str) -> None:
    assert path.startswith("s3://")


JOBS = {
    "copy": (lambda target, config: Copy(f"{target}/to", config=config), check_copied),
    "sync": (lambda target, config: Sync(f"{target}/to", delete=True, config=config), check_synced),
    "remove": (lambda target, config: Remove(config=config), check_removed),
    "checksum": (lambda target, config: Checksum(config=config), check_read),
    "inventory": (lambda target, config: Inventory(f"{target}/inventory", config=config), check_listed),
    "map": (lambda target, config: Map(touch_nothing, config=config), check_called),
}
WRITING = ("copy", "sync", "remove")
CASES = [(job, way) for job in JOBS for way in ("kill", "kill late", "terminate") if job in WRITING or way == "kill"]


@pytest.mark.parametrize(("job", "way"), CASES)
def test_a_worker_that_dies_loses_nothing_and_does_nothing_twice_that_shows(
    job, way, tree, target, more_buckets, config, admin, tmp_path
):
    make, check = JOBS[job]
    how, _, late = way.partition(" ")
    dying = DiesAt(make(target, config), "data/3", how, str(tmp_path / "died"), late=bool(late))
    report = f"{more_buckets()}/run"
    work = run(dying, ranges_of(tree), 2, report=report)
    reports = list(work)
    assert sorted(each.range.id for each in reports) == sorted(each.id for each in ranges_of(tree))
    assert [each.error for each in reports if not each.ok] == []
    assert (tmp_path / "died").exists()
    check(tree, target, admin, work.summary)
    assert [each.is_earlier for each in run(dying, ranges_of(tree), 2, report=report)] == [True] * 5


@pytest.mark.parametrize("how", ["kill", "raise", "exit"])
def test_a_range_that_kills_each_worker_is_a_failed_range_and_the_others_are_done(how, tree, target, config, admin):
    dying = DiesAt(Copy(f"{target}/to", config=config), "data/3", how, None)
    work = run(dying, ranges_of(tree), 2)
    failed = [each for each in work if not each.ok]
    assert [(each.range.after, each.error.code) for each in failed] == [
        ("data/3", "MemoryError" if how == "raise" else "WorkerDied")
    ]
    assert work.summary.ranges == 5
    copied = [name for name in NAMES if name not in {"4", "5"}]
    assert all(admin.get(f"{target}/to/{name}") == name.encode() * 20 for name in copied)
    assert admin.get(f"{target}/to/5") == b"theirs"


def test_workers_that_all_die_end_the_run_with_an_error(monkeypatch):
    monkeypatch.setattr("aios3.distributed.dealing._MAX_DEATHS_IN_A_ROW", 4)
    ranges = [KeyRange("s3://b", f"{n:02}", f"{n:02}a") for n in range(40)]
    with pytest.raises(BrokenExecutor, match="times in a row"):
        list(run(DiesEverywhere(), ranges, 2))


class DiesEverywhere:
    def __call__(self, key_range):
        os._exit(1)


def test_a_run_that_is_left_early_leaves_no_process():
    ranges = [KeyRange("s3://b", f"{n:02}", f"{n:02}a") for n in range(40)]
    with run(counts_one, ranges, 2) as work:
        assert next(work).ok
    assert multiprocessing.active_children() == []


def test_workers_that_are_still_starting_are_ended_too():
    workers = WorkerProcesses(3)
    for number in range(6):
        workers.submit(counts_one, KeyRange("s3://b", f"{number:02}"))
    workers.stop()
    assert multiprocessing.active_children() == []


def test_workers_find_and_renew_credentials_by_themselves(tree, target, server, admin, tmp_path, monkeypatch):
    """The settings name a function; the credentials that it returns never leave the process that asks."""
    asked = tmp_path / "asked"
    credentials = server.config["credentials"]
    monkeypatch.setenv("ASKED_FOR_CREDENTIALS", str(asked))
    monkeypatch.setenv("TEST_ACCESS_KEY", credentials.access_key)
    monkeypatch.setenv("TEST_SECRET_KEY", credentials.secret_key)
    job = Copy(f"{target}/to", config=aios3.Config(**server.config | {"credentials": renewed}))
    assert credentials.secret_key.encode() not in pickle.dumps(job)
    assert all(each.ok for each in run(job, ranges_of(tree), 1))
    pids = asked.read_text(encoding="utf-8").split()
    assert str(os.getpid()) not in pids
    assert len(pids) > 1, "they were asked for once, and would have expired"
    assert admin.get(f"{target}/to/9") == b"9" * 20


COORDINATOR = """
import sys, aios3
from aios3.distributed import Copy, run
from distribution.test_runs import ranges_of

def main():
    endpoint, key, secret, tree, target, report = sys.argv[1:]
    config = aios3.Config(endpoint_url=endpoint, region="us-east-1", credentials=aios3.Credentials(key, secret))
    for each in run(Copy(target, config=config), ranges_of(tree), 2, window=1, report=report, lease_seconds=2):
        print(each.range.id, each.is_earlier, flush=True)

if __name__ == "__main__":
    main()
"""


def wait_for_end(pid: int) -> None:
    """Wait until a process has ended that is not this one's child; fail after 30 seconds."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        ended, _, _ = select.select([descriptor], [], [], 30)
    finally:
        os.close(descriptor)
    assert ended, "a worker outlives its coordinator"


def children_of(pid: int) -> list[int]:
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="utf-8")
    return [int(each) for each in text.split()]


@pytest.mark.skipif(sys.platform != "linux", reason="children are found in /proc")
@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGINT], ids=["killed", "ctrl-c"])
def test_a_coordinator_that_dies_leaves_no_worker_and_the_next_one_goes_on(sent, tmp_path):
    """The second range is copied as slowly as it takes to kill the coordinator in the middle of it."""
    with FaultyServer() as server:
        for name in ("target", "reports"):
            server.storage.create_bucket(name)
        with s3.Session(**server.config) as session:
            for name in NAMES:
                s3.write_bytes(f"s3://bucket/data/{name}", name.encode() * 20, session=session)
        program = tmp_path / "coordinator.py"
        program.write_text(textwrap.dedent(COORDINATOR))
        credentials = server.config["credentials"]
        keys = [credentials.access_key, credentials.secret_key]
        command = [sys.executable, str(program), server.config["endpoint_url"], *keys]
        command += ["s3://bucket", "s3://target", "s3://reports/run"]
        server.fail("CopyObject", faults.Stall(), nth=3, times=None)
        first = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            done = first.stdout.readline().split()
            server.wait(lambda counts: counts.stalled >= 1)
            workers = children_of(first.pid)
            first.send_signal(sent)
            first.communicate(timeout=60)
        finally:
            first.kill()
            first.wait()
        assert done[1] == "False"
        assert workers
        for worker in workers:
            wait_for_end(worker)
        server.reset()
        second = subprocess.run(command, capture_output=True, text=True, check=True, timeout=100)
        lines = [line.split() for line in second.stdout.splitlines()]
        assert sorted(line[0] for line in lines) == sorted(each.id for each in ranges_of("s3://bucket"))
        assert [line[0] for line in lines if line[1] == "True"] == [done[0]]
        with s3.Session(**server.config) as session:
            assert {path: s3.read_bytes(path, session=session) for path in s3.scan("s3://target", session=session)} == {
                f"s3://target/{name}": name.encode() * 20 for name in NAMES
            }


STAYING = """
from aios3.distributed import KeyRange, run
from distribution.death_jobs import stays

if __name__ == "__main__":
    list(run(stays, [KeyRange("s3://bucket")], 1))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the end of a process of another one is seen by its descriptor")
def test_a_worker_whose_work_heeds_no_cancellation_ends_after_its_coordinator(tmp_path):
    program = tmp_path / "coordinator.py"
    program.write_text(STAYING)
    command = [sys.executable, str(program)]
    coordinator = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    with coordinator:
        try:
            worker = int(coordinator.stdout.readline())
        finally:
            coordinator.kill()
    try:
        wait_for_end(worker)
    except AssertionError:
        os.kill(worker, signal.SIGKILL)
        raise


def test_a_worker_that_ends_aborts_what_a_function_writes_in_its_thread(monkeypatch):
    with FaultyServer() as server:
        credentials = server.config["credentials"]
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.config["endpoint_url"])
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", credentials.access_key)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", credentials.secret_key)
        with s3.Session(**server.config) as session:
            s3.write_bytes("s3://bucket/data", b"data", session=session)
        server.fail("UploadPart", faults.Stall(), times=None)
        job = Map(writes_beside, config=aios3.Config(**server.config))
        with ThreadPoolExecutor(1) as waiting, run(job, [KeyRange("s3://bucket")], 1) as work:
            waits = waiting.submit(next, work)
            server.wait(lambda counts: counts.stalled >= 1)
            work.close()
            with pytest.raises(CancelledError):
                waits.result()
        operations = [each.operation for each in server.requests]
        assert operations.count("CreateMultipartUpload") == 1
        assert "AbortMultipartUpload" in operations
        assert "CompleteMultipartUpload" not in operations


class Exited(BaseException):
    """The end of a worker, in a test."""


FIRST_LINE = processes._work.__code__.co_firstlineno
LINES_OF_WORK = sorted({line for _, _, line in processes._work.__code__.co_lines() if line and line > FIRST_LINE})


@pytest.mark.parametrize("at", LINES_OF_WORK, ids=lambda at: f"line {at - FIRST_LINE}")
def test_a_worker_that_is_told_to_end_ends_at_whichever_line_it_is(at, monkeypatch):
    """Otherwise it would wait for work until it is killed."""

    def leave(frame, event, _argument):
        if event == "line" and frame.f_lineno == at:
            processes._leave(signal.SIGTERM, frame)
        return leave

    def exit_now(_status):
        raise Exited

    def starts(frame, _event, _argument):
        return leave if frame.f_code is processes._work.__code__ else None

    monkeypatch.setattr(processes._State, "is_working", False)
    monkeypatch.setattr(processes._State, "is_leaving", at == max(LINES_OF_WORK))
    monkeypatch.setattr(processes.os, "_exit", exit_now)
    monkeypatch.setattr(processes._loop_thread, "stop", lambda: None)
    traced_before = sys.gettrace()
    sys.settrace(starts)
    try:
        with pytest.raises(Exited):
            processes._work(counts_one, KeyRange("s3://b"))
    finally:
        sys.settrace(traced_before)
