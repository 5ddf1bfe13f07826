"""Measure several sessions in threads and in processes: ``python benchmarks/cores.py``.

Each of 1, 2 and 4 workers has a session of its own, and reads its share of one object of 1 GiB into memory that all of
them share: pinned to one processor, and on all of them. nginx serves from the first one.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import multiprocessing
import os
import platform
import queue
import signal
import ssl
import statistics
import sys
import threading
import time
from multiprocessing import shared_memory
from pathlib import Path
from typing import TYPE_CHECKING, Any

from job import ACCESS_KEY, BUCKET, REGION, SECRET_KEY
from server import nginx
from server.objects import LARGE, LARGE_SIZE

if TYPE_CHECKING:
    from collections.abc import Callable

RESULTS = Path(__file__).parent / "results"
MIB, GIB = 1 << 20, 1 << 30
PIECE_BYTES = 8 * MIB
WORKERS = (1, 2, 4)
SHAPES = ("plain", "tls")
WAYS = ("threads", "processes")

Settings = dict[str, Any]
Share = tuple[int, int]
Figures = tuple[float, float]
"""Seconds of the processor, and of the clock."""


def main() -> int:
    """Measure each way in turn, print a table, and write the results."""
    options = _options()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))  # so that the server is stopped as well
    available = sorted(os.sched_getaffinity(0))
    runs: list[dict[str, Any]] = []
    with nginx.running(available[0]) as servers:
        for _ in range(options.rounds):
            for processors in ({available[-1]}, set(available)):
                for shape in SHAPES:
                    settings = {
                        "endpoint_url": servers.endpoint(shape),
                        "verify": servers.ca if shape == "tls" else True,
                    }
                    for way in WAYS:
                        for count in WORKERS:
                            what = {"shape": shape, "way": way, "workers": count, "processors": len(processors)}
                            runs.append(what | _measure_in_process(way, count, settings, processors))
                            print(runs[-1], file=sys.stderr, flush=True)
    results = _machine() | {"rounds": options.rounds, "runs": runs}
    text = f"{_table(runs)}\n\n{_caption(results)}\n"
    print(text)
    if options.write_results:
        (RESULTS / "cores.json").write_text(json.dumps(results, indent=1) + "\n")
        (RESULTS / "cores.md").write_text(text)
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3, help="the median counts (default: %(default)s)")
    parser.add_argument("--write-results", action="store_true", help="write results/cores.json and cores.md")
    return parser.parse_args()


def _measure_in_process(way: str, count: int, settings: Settings, processors: set[int]) -> dict[str, float]:
    """Measure in a fresh process, whose children are counted as well."""
    receiver, sender = multiprocessing.get_context("spawn").Pipe(duplex=False)
    process = multiprocessing.get_context("spawn").Process(
        target=_measure, args=(sender, way, count, settings, processors)
    )
    process.start()
    sender.close()
    try:
        figures: dict[str, float] = receiver.recv()
    finally:
        process.join()
    return figures


def _measure(sender: Any, way: str, count: int, settings: Settings, processors: set[int]) -> None:
    os.sched_setaffinity(0, processors)
    memory = shared_memory.SharedMemory(create=True, size=LARGE_SIZE)
    try:
        memory.buf[:] = bytes(LARGE_SIZE)  # the pages are there before the clock starts
        cpu, wall = {"threads": _in_threads, "processes": _in_processes}[way](count, memory, settings)
        sender.send({"mib_rate": LARGE_SIZE / MIB / wall, "cpu_gib": cpu * GIB / LARGE_SIZE})
    finally:
        memory.close()
        memory.unlink()


def _in_threads(count: int, memory: Any, settings: Settings) -> Figures:
    """Return the processor's seconds and those of the clock, from the moment in which all sessions are open."""
    ready, ended = threading.Barrier(count + 1), queue.SimpleQueue[Figures]()
    threads = [
        threading.Thread(target=_work, args=(memory.buf, share, settings, ready, ended)) for share in _shares(count)
    ]
    for thread in threads:
        thread.start()
    ready.wait()
    cpu, started = time.process_time(), time.perf_counter()
    for thread in threads:
        thread.join()
    return time.process_time() - cpu, max(ended.get()[1] for _ in threads) - started


def _in_processes(count: int, memory: Any, settings: Settings) -> Figures:
    """Return what :func:`_in_threads` does."""
    context = multiprocessing.get_context("spawn")
    ready, ended = context.Barrier(count + 1), context.SimpleQueue()
    processes = [
        context.Process(target=_work_in_process, args=(memory.name, share, settings, ready, ended))
        for share in _shares(count)
    ]
    for process in processes:
        process.start()
    ready.wait()
    started = time.perf_counter()
    for process in processes:
        process.join()
    figures: list[Figures] = [ended.get() for _ in processes]
    return sum(cpu for cpu, _ in figures), max(end for _, end in figures) - started


def _shares(count: int) -> list[Share]:
    size = LARGE_SIZE // count
    return [(number * size, (number + 1) * size) for number in range(count)]


def _work_in_process(name: str, share: Share, settings: Settings, ready: Any, ended: Any) -> None:
    memory = shared_memory.SharedMemory(name)
    try:
        _work(memory.buf, share, settings, ready, ended)
    finally:
        memory.close()


def _work(memory: memoryview, share: Share, settings: Settings, ready: Any, ended: Any) -> None:
    """Read a share in one thread, with a loop and a session of its own; report this process's CPU, and the end."""
    try:
        cpu = asyncio.run(_read(memory, share, settings, ready.wait))
        ended.put((time.process_time() - cpu, time.perf_counter()))
    except BaseException:
        ended.put((math.nan, math.nan))
        ready.abort()  # nobody waits for this share
        raise


async def _read(memory: memoryview, share: Share, settings: Settings, wait: Callable[[], object]) -> float:
    """Return the CPU that the process had taken when all sessions were open."""
    import aios3  # noqa: PLC0415 - in the processes that read

    start, stop = share
    credentials = aios3.Credentials(ACCESS_KEY, SECRET_KEY)
    async with (
        aios3.Session(region=REGION, credentials=credentials, **settings) as session,
        aios3.aopen(f"s3://{BUCKET}/{LARGE}", session=session) as file,
    ):
        await file.read_at(start, MIB)
        await asyncio.to_thread(wait)
        cpu = time.process_time()
        await file.seek(start)
        while start < stop:
            start += await file.readinto(memory[start : min(start + PIECE_BYTES, stop)])
    return cpu


def _table(runs: list[dict[str, Any]]) -> str:
    lines = [
        "| shape | sessions in | processors | " + " | ".join(f"{count}" for count in WORKERS) + " |",
        "|---|---|--:|" + "--:|" * len(WORKERS),
    ]
    for key in dict.fromkeys((run["shape"], run["way"], run["processors"]) for run in runs):
        cells = [_cell([run for run in runs if (*key, count) == _key(run)]) for count in WORKERS]
        lines.append(f"| {' | '.join(map(str, key))} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _key(run: dict[str, Any]) -> tuple[Any, ...]:
    return (run["shape"], run["way"], run["processors"], run["workers"])


def _cell(runs: list[dict[str, Any]]) -> str:
    rate, cpu = (statistics.median(run[name] for run in runs) for name in ("mib_rate", "cpu_gib"))
    return f"{rate:,.0f} MiB/s, {cpu:.2f} s/GiB"


def _caption(results: dict[str, Any]) -> str:
    machine = f"{results['processors']} processors, Linux {results['kernel']}, Python {results['python']}"
    how = f"{results['openssl']}; medians of {results['rounds']}"
    return f"MiB/s of the clock, and seconds of CPU per GiB. Measured {results['date']}: {machine}, {how}."


def _machine() -> dict[str, Any]:
    return {
        "what": "1 GiB read by several sessions, each its share, into one piece of memory",
        "date": time.strftime("%Y-%m-%d"),
        "python": platform.python_version(),
        "openssl": ssl.OPENSSL_VERSION,
        "kernel": platform.release(),
        "processors": os.cpu_count(),
    }


if __name__ == "__main__":
    sys.exit(main())
