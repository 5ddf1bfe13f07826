"""Compare a tree in S3 with its backup, byte by byte, on many workers; name each object that is missing or different.

    python examples/verify_backup.py [s3://bucket/data s3://backup/data] [--report s3://reports/run] [--dask ADDRESS]

Workers are processes of this machine, or those of the Dask cluster whose scheduler is at ADDRESS. With ``--report``, a
run that is called again goes on where it was. Without paths it fills two buckets of the server that comes with aios3,
and damages the second. The exit status is 1 if anything is missing or different.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import sys
from typing import TYPE_CHECKING

import aios3
import aios3.sync as s3
from aios3.distributed import Checksum, run, split
from aios3.testing import LocalServer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Executor

    from aios3.distributed import KeyRange, Run


def compare(arguments: argparse.Namespace, config: aios3.Config) -> Run:
    """Begin to compare the two trees, and return the reports of the key ranges as they are ready."""
    ranges = asyncio.run(cut(arguments.data, arguments.keys, config))
    print(f"{sum(each.keys or 0 for each in ranges):,} objects in {len(ranges):,} key ranges")
    job = Checksum(arguments.backup, config=config)
    return run(job, ranges, executor_at(arguments.dask) or arguments.processes, report=arguments.report)


async def cut(data: str, keys: int, config: aios3.Config) -> list[KeyRange]:
    """Cut a tree into key ranges, by a listing."""
    async with aios3.Session(config) as session:
        return await split(data, keys=keys, session=session)


def executor_at(address: str | None) -> Executor | None:
    """Return the executor of a Dask cluster; None without an address."""
    if address is None:
        return None
    from distributed import Client  # noqa: PLC0415 - Dask is only needed where it is used

    client = Client(address, set_as_default=False)  # what else this process computes stays where it is
    executor: Executor = client.get_executor(pure=False, retries=2)  # pure: the same call is made again
    return executor


@contextlib.contextmanager
def damaged_backup(arguments: argparse.Namespace) -> Iterator[aios3.Config]:
    """Start a server with 500 objects, and a backup in which one is missing, one is changed and one is too many."""
    with LocalServer(buckets=["data", "backup"]) as server, s3.Session(**server.config) as session:
        objects = {f"{number:03}": f"object {number}".encode() * 10 for number in range(500)}
        backup = {**objects, "123": b"damaged   " * 10, "too-many": b""}
        del backup["321"]
        for bucket, stored in (("data", objects), ("backup", backup)):
            items = [(f"s3://{bucket}/{name}", data) for name, data in stored.items()]
            print(f"wrote {sum(1 for _ in s3.write_many(items, session=session))} objects to s3://{bucket}")
        arguments.data, arguments.backup, arguments.keys = "s3://data", "s3://backup", 100
        yield aios3.Config(**server.config)


def main() -> int:
    """Compare what the command line names."""
    parser = argparse.ArgumentParser(description="Compare a tree in S3 with its backup, byte by byte.")
    parser.add_argument("data", nargs="?", help="the tree, such as s3://bucket/data")
    parser.add_argument("backup", nargs="?", help="its backup, such as s3://backup/data")
    parser.add_argument("--report", help="where the run keeps its reports, such as s3://reports/run")
    parser.add_argument("--dask", help="the address of a Dask scheduler, such as tcp://10.0.0.1:8786")
    parser.add_argument("--processes", type=int, help="worker processes on this machine (one for each processor)")
    parser.add_argument("--keys", type=int, default=10_000, help="objects of a key range (10,000)")
    arguments = parser.parse_args()
    if (arguments.data is None) != (arguments.backup is None):
        parser.error("give both the tree and its backup, or neither")
    place = contextlib.nullcontext(aios3.Config()) if arguments.data else damaged_backup(arguments)
    with place as config, compare(arguments, config) as reports:
        for report in reports:
            for failure in (*report.failures, *((report.error,) if report.error else ())):
                print(f"{failure.path}: {failure.message}", file=sys.stderr)
        done = reports.summary
        print(
            f"{done.counts.checked:,} compared, {done.failed_keys:,} failed, {done.counts.extra:,} only in the backup"
        )
    return 1 if done.failed_ranges else 0


if __name__ == "__main__":
    sys.exit(main())
