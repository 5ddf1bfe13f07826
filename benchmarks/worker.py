"""Run one workload of one library in this process, and print what it took as one line of JSON."""

from __future__ import annotations

import argparse
import asyncio
import importlib
import importlib.metadata
import inspect
import json
import os
import resource
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rows
from job import Job, WrongResultError

if TYPE_CHECKING:
    from types import ModuleType

FIRST_BYTE = b"first byte"


def main() -> None:
    """Measure what the arguments say."""
    options = _options()
    os.sched_setaffinity(0, {options.processor})
    library = importlib.import_module(f"libraries.{options.library}")
    if options.describe:
        print(json.dumps(_describe(library)))
        return
    job = _job(options)
    before = _received(options.counter)
    if options.workload == "cold":
        _run_cold(library, job)
    else:
        _run(getattr(library, options.workload), job)
        _check(options.workload, job, _received(options.counter) - before)
    print(json.dumps(_result(job)))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("library")
    parser.add_argument("workload", nargs="?")
    parser.add_argument("--describe", action="store_true", help="print versions and what the library cannot do")
    parser.add_argument("--processor", type=int, default=0)
    parser.add_argument("--endpoint")
    parser.add_argument("--counter", help="URL of the plain server, which says how many bytes were written to it")
    parser.add_argument("--ca")
    parser.add_argument("--originals", help="folder of the objects, to compare with what is read")
    parser.add_argument("--medium", action="store_true", help="the medium object instead of the large one")
    parser.add_argument("--divide", type=int, default=1, help="do a part of the workload only")
    parser.add_argument("--limit-seconds", type=float, default=600)
    return parser.parse_args()


def _describe(library: ModuleType) -> dict[str, Any]:
    return {
        "versions": {name: importlib.metadata.version(name) for name in library.DISTRIBUTIONS},
        "absent": library.ABSENT | getattr(library, "ABSENT_SHAPES", {}),
        "workloads": [name for name in rows.WORKLOADS if hasattr(library, name) or (name == "cold" and library.COLD)],
        "note": library.NOTE,
    }


def _job(options: argparse.Namespace) -> Job:
    workload = rows.WORKLOADS[options.workload]
    key, size = rows.MEDIUM_OBJECT if options.medium and workload.size > rows.MIB else (workload.key, workload.size)
    if size > rows.MIB and options.divide > 1 and options.workload.startswith("write"):
        size //= options.divide
    return Job(
        endpoint=options.endpoint,
        ca=options.ca,
        key=key,
        size=size,
        piece=workload.piece,
        count=workload.count if options.workload in {"list", "cold", "fs_find"} else workload.count // options.divide,
        in_flight=workload.in_flight,
        limit_seconds=options.limit_seconds,
        originals=options.originals,
    )


def _run(workload: Any, job: Job) -> None:
    if inspect.iscoroutinefunction(workload):
        asyncio.run(workload(job))
    else:
        workload(job)


def _run_cold(library: ModuleType, job: Job) -> None:
    """Start the program several times; the first time fills caches and is not counted."""
    times = []
    for _ in range(job.count + 1):
        with job.clock, subprocess.Popen([sys.executable, "-c", library.COLD], stdout=subprocess.PIPE) as process:
            started = time.perf_counter()
            line = process.stdout.readline() if process.stdout else b""
            times.append(time.perf_counter() - started)
        if line.strip() != FIRST_BYTE or process.returncode:
            message = f"the program printed {line!r} and ended with {process.returncode}"
            raise WrongResultError(message)
    job.clock.wall = sorted(times[1:])[job.count // 2]
    job.units = 1


def _received(counter: str) -> int:
    with urllib.request.urlopen(f"{counter}/_received", timeout=30) as response:
        return int(response.read())


def _check(workload: str, job: Job, received: int) -> None:
    """Compare amounts with what was asked for; contents were compared on the way, where ``originals`` were given."""
    if job.clock.cut_short:
        return
    expected = job.size if job.size > rows.MIB and not job.count else job.size * job.count
    if workload in {"list", "fs_find"}:
        wanted, had = job.count, job.units
    elif workload in {"random", "fs_ranges"}:
        wanted, had = job.count * job.piece, job.bytes
    elif workload.startswith(("write", "small_put", "fs_pipe")):
        wanted, had = expected, received
    else:
        wanted, had = expected, job.bytes
    if wanted != had:
        message = f"{workload}: {had:,} instead of {wanted:,}"
        raise WrongResultError(message)


def _result(job: Job) -> dict[str, Any]:
    return {
        "wall": job.clock.wall,
        "user": job.clock.user,
        "system": job.clock.system,
        "bytes": job.bytes,
        "units": job.units,
        "peak_rss": max(_own_peak(), resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024),
        "cut_short": job.clock.cut_short,
    }


def _own_peak() -> int:
    """Return the highest resident size, in bytes; getrusage would have that of the process that started us."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    message = "this system does not tell VmHWM"
    raise OSError(message)


if __name__ == "__main__":
    main()
    sys.stdout.flush()
    os._exit(0)  # the threads of the Rust libraries may abort an interpreter that ends in the ordinary way
