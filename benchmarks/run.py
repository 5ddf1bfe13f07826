"""Measure every workload of every library, in turn, and write the results: ``python benchmarks/run.py --help``.

The libraries are measured in fresh processes on one processor, against nginx on another. Before anything is timed,
each does each workload once, and what it read, listed or wrote is compared with what is there.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import report
import rows
from libraries import NAMES
from rows import Row
from server import nginx
from workers import FailedError, Workers

if TYPE_CHECKING:
    from collections.abc import Callable

RESULTS = Path(__file__).parent / "results"
ROUNDS = 3
QUICK_DIVIDE = 4
LIMIT_SECONDS = 8.0
"""Of one run on the slow server, where a rate is measured: what was transferred until then counts."""
NO_LIMIT_SECONDS = 600.0

Contest = list[tuple[Row, list[str]]]
Results = dict[str, Any]


def main() -> int:
    """Verify, measure, write, print; return 1 if a library failed."""
    options = _options()
    started = time.monotonic()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))  # so that the server is stopped as well
    chosen = [row for row in rows.ROWS if not row.of and (not options.rows or row.name in options.rows)]
    processors = _processors()
    folder = _folder(options)
    results: Results = {
        "date": time.strftime("%Y-%m-%d"),
        "machine": _machine(processors, options.own_python),
        "rounds": options.rounds,
    }
    results |= {"quick": options.quick, "failures": {}, "runs": []}
    with nginx.running(processors[0]) as servers:
        workers = Workers(servers, options.own_python, options.peers_python, processors[1])
        results["libraries"] = {name: _describe(workers, name) for name in options.libraries}
        contest = _contest(chosen, results["libraries"])
        if not options.no_verify:
            _verify(workers, contest, results["failures"], _divide(options))
        for row, names in contest:
            _measure(workers, row, names, results, options)
            results["minutes"] = round((time.monotonic() - started) / 60, 1)
            (folder / "bench.json").write_text(_compact(results))
    print(report.write(folder, results))
    print(f"written to {folder}", file=sys.stderr)
    return 1 if results["failures"] else 0


def _options() -> argparse.Namespace:
    names = [row.name for row in rows.ROWS if not row.of]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", nargs="+", metavar="ROW", choices=names, help=f"of: {'; '.join(names)}")
    parser.add_argument(
        "--libraries", nargs="+", metavar="LIBRARY", choices=NAMES, default=NAMES, help=", ".join(NAMES)
    )
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="the median counts (default: %(default)s)")
    parser.add_argument("--quick", action="store_true", help="one round, of fewer objects: a first look")
    parser.add_argument("--no-verify", action="store_true", help="skip the comparison that comes first")
    parser.add_argument("--own-python", default=sys.executable, help="has aios3 (default: this one)")
    parser.add_argument("--peers-python", default=sys.executable, help="has the other libraries (default: this one)")
    parser.add_argument("--output", type=Path, help="default: benchmarks/results, for a run of everything")
    options = parser.parse_args()
    if options.quick:
        options.rounds = 1
    return options


def _divide(options: argparse.Namespace) -> int:
    return QUICK_DIVIDE if options.quick else 1


def _folder(options: argparse.Namespace) -> Path:
    """Return where results go; a part of them does not replace those of everything."""
    whole = not options.rows and not options.quick and tuple(options.libraries) == NAMES
    folder = options.output or (RESULTS if whole else Path(tempfile.mkdtemp(prefix="aios3-bench-results-")))
    folder.mkdir(parents=True, exist_ok=True)
    return Path(folder)


def _processors() -> tuple[int, int]:
    """Return one processor for the server and one for the libraries; the same where there is only one."""
    available = sorted(os.sched_getaffinity(0))
    return available[0], available[-1]


def _describe(workers: Workers, name: str) -> dict[str, Any]:
    try:
        return workers.describe(name)
    except FailedError as error:
        return {"versions": {}, "absent": {}, "workloads": [], "note": f"could not be loaded: {error}"}


def _contest(chosen: list[Row], described: dict[str, dict[str, Any]]) -> Contest:
    """Return who takes part in which row."""

    def takes_part(name: str, row: Row) -> bool:
        one = described[name]
        return row.workload in one["workloads"] and row.shape not in one["absent"]

    return [(row, [name for name in described if takes_part(name, row)]) for row in chosen]


def _verify(workers: Workers, contest: Contest, failures: dict[str, str], divide: int) -> None:
    def verify(row: Row, name: str) -> str:
        workers.verify(name, row, divide)
        return "as it should be"

    for row, names in contest:
        for name in names:
            _say(f"check: {row.name}", name, failures, row, verify)


def _measure(workers: Workers, row: Row, names: list[str], results: Results, options: argparse.Namespace) -> None:
    """Let each library do the row once, in turn, for each round."""
    limit = LIMIT_SECONDS if row.shape == "s3like" and not row.workload.startswith("write") else NO_LIMIT_SECONDS

    def measure(row: Row, name: str) -> str:
        run = workers.measure(name, row, _divide(options), limit)
        results["runs"].append({"row": row.name, "library": name, **run})
        return f"{report.figure_of(row.metric, run):.4g} {rows.UNITS[row.metric]}"

    for number in range(options.rounds):
        for name in names:
            if f"{row.name}: {name}" not in results["failures"]:
                _say(f"{row.name} {number + 1}", name, results["failures"], row, measure)


def _say(what: str, name: str, failures: dict[str, str], row: Row, do: Callable[[Row, str], str]) -> None:
    """Do one thing and print how it went, on one line."""
    try:
        outcome = do(row, name)
    except FailedError as error:
        failures[f"{row.name}: {name}"] = str(error)
        outcome = f"FAILED: {error}"
    print(f"{what:28} {name:12} {outcome}", file=sys.stderr, flush=True)


def _machine(processors: tuple[int, int], own_python: str) -> dict[str, Any]:
    """Describe the machine, and the Python that has aios3."""
    model = "unknown"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    versions = "import platform, ssl; print(platform.python_version(), ssl.OPENSSL_VERSION, sep='\\n')"
    told = subprocess.run([own_python, "-c", versions], stdout=subprocess.PIPE, text=True, check=True).stdout
    python, openssl = told.splitlines()
    return {
        "processor": model,
        "processors": os.cpu_count(),
        "pinned_to": list(processors),
        "kernel": platform.release(),
        "system": platform.machine(),
        "python": python,
        "openssl": openssl,
    }


def _compact(results: Results) -> str:
    """Return JSON with one run a line."""
    runs = ",\n    ".join(json.dumps(run) for run in results["runs"])
    head = json.dumps(results | {"runs": []}, indent=2)
    return head.replace('"runs": []', f'"runs": [\n    {runs}\n  ]') + "\n"


if __name__ == "__main__":
    sys.exit(main())
