"""Runs on Dask: a cluster of processes on this machine, workers of which are killed."""

from __future__ import annotations

import argparse
import json
import os
import runpy
import shlex
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import aios3.sync as s3
from aios3.cli._engines import Connected, parse_engine
from aios3.distributed import Copy, KeyRange, Remove, run
from distribution.engine_checks import JOBS, NAMES, check_death
from distribution.test_runs import ranges_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import aios3
    from admin import Admin

dask = pytest.importorskip("dask", reason="Dask is not installed")
distributed = pytest.importorskip("distributed", reason="Dask is not installed")
pytestmark = pytest.mark.filterwarnings("default")  # Dask's own are not ours to repair


@pytest.fixture(scope="module")
def client() -> Iterator[distributed.Client]:
    os.environ["PYTHONPATH"] = os.pathsep.join(each for each in sys.path if each)
    with (
        # Dask starts a killed worker again, and closes for good one that is not back by then: 15 s, unless it is told.
        dask.config.set({"distributed.deploy.lost-worker-timeout": "60s"}),
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, host="127.0.0.1"
        ) as cluster,
        distributed.Client(cluster) as connected,
    ):
        yield connected


@pytest.mark.parametrize("job", JOBS)
def test_a_dask_worker_that_is_killed_loses_nothing(job, client, bucket, more_buckets, config, admin, tmp_path):
    executor = client.get_executor(pure=False, retries=2)
    target, report = more_buckets(), f"{more_buckets()}/run"
    check_death(job, executor, bucket, target, report, config, admin, tmp_path / "died")


def test_the_same_job_is_done_again_where_dask_would_know_its_result(
    client, bucket: str, more_buckets: Callable[[], str], config: aios3.Config, admin: Admin
):
    for name in NAMES:
        admin.put(f"{bucket}/data/{name}", b"x")
    target = more_buckets()
    executor = client.get_executor(pure=False, retries=2)
    for _ in range(2):
        assert sum(each.counts.copied for each in run(Copy(target, config=config), ranges_of(bucket), executor)) == 10
        assert admin.keys(target) == NAMES
        list(run(Remove(config=config), [KeyRange(target)], executor))
        assert admin.keys(target) == []


def test_the_command_line_works_on_dask(client, bucket, more_buckets, server, admin):
    for name in NAMES:
        admin.put(f"{bucket}/data/{name}", b"x")
    target, credentials = more_buckets(), server.config["credentials"]
    place = client.scheduler.address.replace("tcp://", "dask://")
    words = ["cp", "-r", f"{bucket}/data", f"{target}/copy/", "--on", place, "--range-keys", "3", "--json"]
    words += ["--limit-requests", "1000"]
    environ = os.environ | {"AWS_ACCESS_KEY_ID": credentials.access_key, "AWS_REGION": "us-east-1"}
    environ |= {"AWS_SECRET_ACCESS_KEY": credentials.secret_key, "AWS_ENDPOINT_URL": server.config["endpoint_url"]}
    client.wait_for_workers(2, timeout=60)  # one of them may have been killed by the test before
    # Workers of a cluster do not have the environment of the program that uses them; they have their own.
    own = {name: environ[name] for name in environ if name.startswith("AWS_")}
    client.run(_set_environment, own)
    try:
        program = subprocess.run(
            [sys.executable, "-m", "aios3", *words], env=environ, capture_output=True, text=True, check=False
        )
    finally:
        client.run(_set_environment, dict.fromkeys(own, ""))
    assert program.stderr == ""
    assert program.returncode == 0
    records = [json.loads(line) for line in program.stdout.splitlines()]
    assert [len(records) - 1, records[-1]["summary"]["counts"]["copied"]] == [3, 10]
    assert admin.keys(target) == [f"copy/{name}" for name in NAMES]


def test_a_rate_on_dask_is_shared_by_the_threads_of_its_workers(client):
    client.wait_for_workers(2, timeout=60)
    engine = Connected(parse_engine(client.scheduler.address.replace("tcp://", "dask://")))
    try:
        assert engine.slots == sum(client.nthreads().values())
    finally:
        engine.leave()


def _set_environment(values: dict[str, str]) -> None:
    """Set variables of a worker, as its own environment has them; an empty value takes one away."""
    for name, value in values.items():
        os.environ[name] = value
        if not value:
            del os.environ[name]


def test_a_backup_is_compared_on_dask(client, bucket, more_buckets, config, admin):
    backup = more_buckets()
    for name in NAMES:
        admin.put(f"{bucket}/{name}", b"right")
        if name != "7":
            admin.put(f"{backup}/{name}", b"wrong" if name == "3" else b"right")
    program = runpy.run_path(str(Path(__file__).parents[2] / "examples/verify_backup.py"))
    arguments = argparse.Namespace(
        data=bucket, backup=backup, keys=3, dask=client.scheduler.address, processes=None, report=None
    )
    failures = [each.path for report in program["compare"](arguments, config) for each in report.failures]
    assert sorted(failures) == [f"{bucket}/3", f"{bucket}/7"]


def test_dask_reads_parquet_through_our_filesystem_on_its_workers(client, bucket, server, admin):
    pandas = pytest.importorskip("pandas")
    dataframe = pytest.importorskip("dask.dataframe")
    credentials = server.config["credentials"]
    options = {
        "key": credentials.access_key,
        "secret": credentials.secret_key,
        "endpoint_url": server.config["endpoint_url"],
    }
    frame = pandas.DataFrame({"number": range(1000)})
    path = bucket.replace("s3://", "aios3://") + "/table"
    dataframe.from_pandas(frame, npartitions=4).to_parquet(path, storage_options=options)
    assert len([key for key in admin.keys(bucket) if key.endswith(".parquet")]) == 4
    read = dataframe.read_parquet(path, storage_options=options)
    assert int(read.number.sum().compute()) == sum(range(1000))


def test_dask_workers_renew_the_credentials_of_our_filesystem(
    client, amazon_server, amazon_config, tmp_path, monkeypatch
):
    """A read that begins after the end of the first credentials uses new ones, which each worker asks for itself."""
    pandas = pytest.importorskip("pandas")
    dataframe = pytest.importorskip("dask.dataframe")
    printed, asked = tmp_path / "printed", tmp_path / "asked"
    program = tmp_path / "program.py"
    program.write_text(f"print(open({str(printed)!r}).read())\nopen({str(asked)!r}, 'a').write('x')\n")
    command = f"{shlex.quote(sys.executable)} {shlex.quote(str(program))}"
    (tmp_path / "config").write_text(f"[profile renewed]\ncredential_process = {command}\n")

    def give(access_key: str) -> None:
        keys = {"AccessKeyId": access_key, "SecretAccessKey": f"secret of {access_key}", "SessionToken": "token"}
        printed.write_text(json.dumps({"Version": 1, **keys, "Expiration": "2999-01-01T00:00:00Z"}))
        amazon_server.add_key(access_key, keys["SecretAccessKey"], keys["SessionToken"])

    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    client.run(_set_environment, {"AWS_CONFIG_FILE": str(tmp_path / "config")})
    try:
        give("FIRST")
        parts = [pandas.DataFrame({"number": range(start, start + 250)}) for start in range(0, 1000, 250)]
        with s3.Session(amazon_config) as session:
            for number, part in enumerate(parts):
                s3.write_bytes(f"s3://bucket/table/{number}.parquet", part.to_parquet(None), session=session)
        options = {"profile": "renewed", "endpoint_url": amazon_server.url}
        read = dataframe.read_parquet("aios3://bucket/table", storage_options=options)
        assert int(read.number.sum().compute(scheduler=client)) == sum(range(1000))
        amazon_server.add_key("FIRST", "secret of FIRST", "token", expires_at=0.0)
        give("SECOND")
        before = len(amazon_server.requests)
        assert int(read.number.max().compute(scheduler=client)) == 999  # another result than the one Dask knows
    finally:
        client.run(_set_environment, {"AWS_CONFIG_FILE": os.devnull})
    later = amazon_server.requests[before:]
    assert {each.access_key for each in later if each.status < 300} == {"SECOND"}
    assert {each.code for each in later if each.access_key == "FIRST"} <= {"ExpiredToken"}
    assert len(asked.read_text()) >= 2
