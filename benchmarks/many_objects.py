"""What a copy and a comparison of many small objects cost with worker processes, beside ``s5cmd`` and ``rclone``.

``python benchmarks/many_objects.py --peers VENV [VENV...]`` copies 50,000 objects inside of ``rclone serve s3``, and
compares the bytes of both trees: ``aios3`` as one process, ``aios3 --on processes:1`` and ``processes:2``, and of the
other programs what the virtual environments have. Those use all cores by themselves; s5cmd does not compare. Each run
is a fresh process, and counts as in ``commands.py``. Rows go to ``results/many_objects.md``.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from commands import HERE, Work, fill, programs, remote, run, table
from servers.processes import Processes, free_port
from servers.rclone import USER, start

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from commands import Commands

_OBJECTS = 50_000
_QUICK_OBJECTS = 200
_SOURCE, _SAME = "s3://many/data/", "s3://many/same/"
_ENGINES = (1, 2)
_SEVERAL = ("--checkers", "64", "--transfers", "64")


def _on(number: int) -> list[str]:
    return ["--on", f"processes:{number}", "--range-keys", "2500"]


def works(endpoint: str, store: Path, count: int, number: int) -> Iterator[Work]:
    """Yield the copy of each program, each to a place of its own, and the comparison with all programs.

    The server remembers what it has listed, so a place whose files were deleted would not look empty.
    """
    copies: Commands = {
        "aios3": ["cp", "-q", "-r", _SOURCE],
        **{f"aios3 processes:{each}": ["cp", "-q", "-r", *_on(each), _SOURCE] for each in _ENGINES},
        "s5cmd": ["--log", "error", "cp", f"{_SOURCE}*"],
        "rclone": ["copy", *_SEVERAL, remote(endpoint, "many/data")],
    }
    for program, words in copies.items():
        name = f"{program.replace(' ', '-').replace(':', '-')}-{number}"
        place = remote(endpoint, f"copied/{name}") if program == "rclone" else f"s3://copied/{name}/"
        yield Work(f"cp of {count:,} inside S3", {program: [*words, place]}, _has(store / "copied" / name, count))
    compare = ["cmp", "--checksum", _SOURCE, _SAME]
    yield Work(
        f"comparison of {count:,} by contents",
        {
            "aios3": compare,
            **{f"aios3 processes:{each}": [*compare, *_on(each)] for each in _ENGINES},
            "rclone": [
                "check",
                "--download",
                *_SEVERAL,
                *(remote(endpoint, f"many/{name}") for name in ("data", "same")),
            ],
        },
    )


def _has(place: Path, count: int) -> Callable[[int], bool]:
    return lambda _printed: sum(path.is_file() for path in place.rglob("*")) == count


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peers", type=Path, nargs="*", default=[], help="virtual environments with the programs")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="few objects, once; writes no results")
    options = parser.parse_args()
    count, rounds = (_QUICK_OBJECTS, 1) if options.quick else (_OBJECTS, options.repeat)
    measured = {name: words for name, words in programs(options.peers).items() if name != "aws"}
    measured |= {f"aios3 processes:{number}": measured["aios3"] for number in _ENGINES}
    runs = []
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as directory, Processes(Path(directory)) as processes:
        port = free_port()
        url = f"http://127.0.0.1:{port}"
        start(processes, port)
        store = processes.directory / "store"
        for name in ("data", "same"):
            fill(store / "many" / name, count)
        (store / "copied").mkdir()
        environment = dict(os.environ) | {"AWS_ACCESS_KEY_ID": USER[0], "AWS_SECRET_ACCESS_KEY": USER[1]}
        environment |= {"AWS_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true", "RCLONE_CONFIG": os.devnull}
        environment |= {"AWS_ENDPOINT_URL": url, "S3_ENDPOINT_URL": url}
        for number in range(rounds):
            for work in works(url, store, count, number):
                for program in [name for name in work.commands if name in measured]:
                    runs.append(run(work, "rclone", program, measured[program], environment))
                    print(runs[-1], flush=True)
    print(table(runs))
    if not options.quick:
        (HERE / "results" / "many_objects.md").write_text(table(runs))


if __name__ == "__main__":
    sys.exit(main())
