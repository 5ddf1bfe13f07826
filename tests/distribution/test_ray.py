"""Runs on Ray, by the executor of ours: two workers on this machine, of which one is killed."""

from __future__ import annotations

import os
import sys
from concurrent.futures import wait
from typing import TYPE_CHECKING

import pytest

from aios3.distributed import ray_executor
from aios3.errors import ConfigError
from distribution.engine_checks import JOBS, check_death

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.filterwarnings("default")  # Ray's own are not ours to repair


@pytest.fixture(scope="module")
def cluster() -> Iterator[None]:
    # Where Ray may not make a cluster, it listens on loopback only; it reads this when it is imported.
    os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
    ray = pytest.importorskip("ray", reason="Ray is not installed")
    environment = {"PYTHONPATH": os.pathsep.join(each for each in sys.path if each)}
    ray.init(
        num_cpus=2,
        include_dashboard=False,
        log_to_driver=False,
        runtime_env={"env_vars": environment},
    )
    yield
    ray.shutdown()


@pytest.mark.parametrize("job", JOBS)
def test_a_ray_worker_that_is_killed_loses_nothing(job, cluster, bucket, more_buckets, config, admin, tmp_path):
    executor = ray_executor(num_cpus=1, max_retries=2)
    target, report = more_buckets(), f"{more_buckets()}/run"
    check_death(job, executor, bucket, target, report, config, admin, tmp_path / "died")


def double(number: int) -> int:
    if number == 3:
        message = "three"
        raise ValueError(message)
    return 2 * number


def test_the_executor_has_the_results_and_the_errors_of_its_tasks(cluster):
    executor = ray_executor()
    futures = [executor.submit(double, number) for number in range(5)]
    wait(futures)
    assert [future.result() for future in futures if future.exception() is None] == [0, 2, 4, 8]
    with pytest.raises(ValueError, match="three"):
        futures[3].result()


def test_without_ray_an_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ConfigError, match="pip install ray"):
        ray_executor()


def test_ray_data_reads_parquet_through_our_filesystem(cluster, bucket, server):
    pandas, data = pytest.importorskip("pandas"), pytest.importorskip("ray.data")
    credentials = server.config["credentials"]
    options = {
        "key": credentials.access_key,
        "secret": credentials.secret_key,
        "endpoint_url": server.config["endpoint_url"],
    }
    from aios3.fsspec import S3FileSystem  # noqa: PLC0415 - needs the extra, as Ray does

    filesystem = S3FileSystem(**options)
    place = bucket.removeprefix("s3://")
    for number in range(3):
        with filesystem.open(f"{place}/table/{number}.parquet", "wb") as file:
            pandas.DataFrame({"number": range(number * 10, number * 10 + 10)}).to_parquet(file)
    read = data.read_parquet(f"{place}/table", filesystem=filesystem)
    assert read.sum("number") == sum(range(30))
