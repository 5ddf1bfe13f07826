"""What whole commands cost: ``aios3`` beside ``s5cmd``, ``rclone`` and ``aws s3``, from their start to their end.

``python benchmarks/commands.py --peers VENV [VENV...]`` runs of these programs what the virtual environments have. Each
run is a fresh process; its wall time, CPU and largest memory are those that the kernel counts for it and its children.
Large objects and listings come from nginx, plain and with S3's latency; trees that are read again, and deletions, from
``rclone serve s3`` over a folder. Rows go to ``results/commands.json``, and a table of medians to the terminal.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "tests"))

from server import nginx, objects  # noqa: E402 - after the path, as what follows
from servers.processes import Processes, free_port  # noqa: E402
from servers.rclone import USER, start  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MIB = 1 << 20
FILE_BYTES = 4096
Commands = dict[str, list[str]]
"""By program, the arguments that make it do the same."""


@dataclass(frozen=True)
class Sizes:
    """How much a run does."""

    large: str = objects.LARGE
    large_bytes: int = objects.LARGE_SIZE
    files: int = 5000
    unchanged: int = 20_000
    removed: int = 10_000


QUICK = Sizes(objects.MEDIUM, 64 * MIB, 100, 200, 200)


@dataclass(frozen=True)
class Run:
    """One run of one program."""

    row: str
    server: str
    program: str
    seconds: float
    cpu_seconds: float
    peak_mb: float
    correct: bool


@dataclass(frozen=True)
class Work:
    """One row: the commands, and what shows that one has done its work."""

    row: str
    commands: Commands
    is_done: Callable[[int], bool] = lambda _printed: True
    """Given the bytes that were printed."""
    prepare: Callable[[], object] = lambda: None


def programs(peers: list[Path]) -> dict[str, list[str]]:
    """Return how each program that is there is started."""
    found = {"aios3": [sys.executable, "-m", "aios3"]}
    for name in ("s5cmd", "rclone", "aws"):
        path = next((venv / "bin" / name for venv in peers if (venv / "bin" / name).exists()), None)
        if path is not None:
            found[name] = [str(path), "s3"] if name == "aws" else [str(path)]
    return found


def remote(endpoint: str, path: str) -> str:
    """Return a path as rclone has it."""
    return f":s3,provider=Other,env_auth=true,region=us-east-1,endpoint='{endpoint}',force_path_style:{path}"


def large_and_listed(endpoint: str, sizes: Sizes, folder: Path) -> Iterator[Work]:
    """Yield the rows of nginx, which drops what is written to it."""
    large, down, up, tree = f"s3://bench/{sizes.large}", folder / "down", folder / "large", folder / "tree"
    size = objects.LARGE_OBJECTS[sizes.large]
    at = remote(endpoint, "bench")

    def has_come(_printed: int) -> bool:
        return down.stat().st_size == size

    def remove_copy() -> None:
        down.unlink(missing_ok=True)

    yield Work(
        f"cp of {size // MIB} MiB down",
        {
            "aios3": ["cp", large, str(down)],
            "s5cmd": ["cp", large, str(down)],
            "rclone": ["copyto", f"{at}/{sizes.large}", str(down)],
            "aws": ["cp", "--no-progress", large, str(down)],
        },
        has_come,
        remove_copy,
    )
    yield Work(
        f"cp of {sizes.large_bytes // MIB} MiB up",
        {
            "aios3": ["cp", str(up), "s3://bench/up"],
            "s5cmd": ["cp", str(up), "s3://bench/up"],
            "rclone": ["copyto", "--ignore-checksum", str(up), f"{at}/up"],  # the server has no ETags of parts
            "aws": ["cp", "--no-progress", str(up), "s3://bench/up"],
        },
        prepare=remove_copy,
    )
    yield Work(
        f"cp of {sizes.files:,} files up",
        {
            "aios3": ["cp", "-q", "-r", str(tree), "s3://bench/tree/"],
            "s5cmd": ["cp", f"{tree}/", "s3://bench/tree/"],
            "rclone": ["copy", "--no-check-dest", "--ignore-checksum", str(tree), f"{at}/tree"],
            "aws": ["cp", "--recursive", "--quiet", str(tree), "s3://bench/tree/"],
        },
    )
    yield Work(
        f"cat of {size // MIB} MiB",
        {
            "aios3": ["cat", large],
            "s5cmd": ["cat", large],
            "rclone": ["cat", f"{at}/{sizes.large}"],
            "aws": ["cp", large, "-"],
        },
        lambda printed: printed == size,
    )
    listed = len(objects.listed_key(0)) * objects.KEYS
    yield Work(
        f"ls of {objects.KEYS:,}",
        {
            "aios3": ["ls", "-r", "s3://bench/data/"],
            "s5cmd": ["ls", "s3://bench/data/*"],
            "rclone": ["lsf", "-R", "--files-only", "--fast-list", f"{at}/data"],
            "aws": ["ls", "--recursive", "s3://bench/data/"],
        },
        lambda printed: printed > listed // 2,
    )
    yield Work(
        f"du of {objects.KEYS:,}",
        {
            "aios3": ["du", "s3://bench/data/"],
            "s5cmd": ["du", "s3://bench/data/*"],
            "rclone": ["size", "--fast-list", f"{at}/data"],
            "aws": ["ls", "--recursive", "--summarize", "s3://bench/data/"],
        },
        lambda printed: printed > 0,
    )


def stored(endpoint: str, sizes: Sizes, folder: Path, store: Path, number: int) -> Iterator[Work]:
    """Yield the rows of round ``number`` on a server that stores: what is there is looked at in its folder."""
    down, many = folder / "back", folder / "many"
    at = remote(endpoint, "trees")

    def has(place: Path, count: int) -> Callable[[int], bool]:
        return lambda _printed: sum(path.is_file() for path in place.rglob("*")) == count

    yield Work(
        f"cp of {sizes.files:,} files down",
        {
            "aios3": ["cp", "-q", "-r", "s3://trees/tree/", str(down)],
            "s5cmd": ["cp", "s3://trees/tree/*", f"{down}/"],
            "rclone": ["copy", f"{at}/tree", str(down)],
            "aws": ["cp", "--recursive", "--quiet", "s3://trees/tree/", str(down)],
        },
        has(down, sizes.files),
        lambda: shutil.rmtree(down, ignore_errors=True),
    )
    yield Work(
        f"sync of {sizes.unchanged:,} with nothing to do",
        {
            "aios3": ["sync", str(many), "s3://trees/many/"],
            "s5cmd": ["sync", f"{many}/", "s3://trees/many/"],
            "rclone": ["sync", "--fast-list", "--update", "--use-server-modtime", str(many), f"{at}/many"],
            "aws": ["sync", "--no-progress", str(many), "s3://trees/many/"],
        },
        has(store / "trees" / "many", sizes.unchanged),
    )
    for program, command in {
        "aios3": ["rm", "-q", "-r", "s3://{}/"],
        "s5cmd": ["--log", "error", "rm", "s3://{}/*"],
        "rclone": ["delete", "--fast-list", remote(endpoint, "{}")],
        "aws": ["rm", "--recursive", "--quiet", "s3://{}/"],
    }.items():
        gone = store / "trees" / _gone(program, number)
        words = [word.format(f"trees/{gone.name}") for word in command]
        yield Work(f"rm of {sizes.removed:,}", {program: words}, has(gone, 0))


def _gone(program: str, number: int) -> str:
    """Name the directory that a program removes in a round; the server does not see what is written to it later."""
    return f"gone-{program}-{number}"


def fill(folder: Path, count: int) -> None:
    """Write small files that are older than whatever is uploaded after them."""
    for number in range(count):
        path = folder / f"{number % 20:02}" / f"{number:05}.bin"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(number.to_bytes(4, "big") * (FILE_BYTES // 4))
        os.utime(path, (1_600_000_000, 1_600_000_000))


def run(work: Work, server: str, program: str, start_of_command: list[str], environment: dict[str, str]) -> Run:
    """Run one program once."""
    work.prepare()
    command = [*start_of_command, *work.commands[program]]
    launcher = [sys.executable, "-I", "-S", str(HERE / "launch.py")]
    with tempfile.TemporaryFile() as errors, tempfile.NamedTemporaryFile() as counted:
        full = [*launcher, counted.name, *command]
        with subprocess.Popen(full, env=environment, stdout=subprocess.PIPE, stderr=errors, bufsize=0) as process:
            assert process.stdout is not None
            printed = 0
            while data := process.stdout.read(MIB):
                printed += len(data)
        status, seconds, cpu, peak = json.load(counted)
        correct = status == 0 and work.is_done(printed)
        if not correct:
            errors.seek(0)
            print(f"{program}, {work.row}: status {status}\n{errors.read()[-1000:].decode(errors='replace')}")
    return Run(work.row, server, program, round(seconds, 3), round(cpu, 3), round(peak, 1), correct)


def measure(options: argparse.Namespace, sizes: Sizes, folder: Path) -> Iterator[Run]:
    """Yield all runs."""
    measured = programs(options.peers)
    plain = dict(os.environ) | {"AWS_EC2_METADATA_DISABLED": "true", "AWS_REGION": "us-east-1"}
    plain |= {"RCLONE_CONFIG": os.devnull, "AWS_DEFAULT_REGION": "us-east-1"}
    fill(folder / "tree", sizes.files)
    with (folder / "large").open("wb") as file:  # in pieces: a child counts the memory that its parent had
        for _ in range(sizes.large_bytes // MIB):
            file.write(os.urandom(MIB))

    def rounds(works: Callable[[int], Iterator[Work]], server: str, environment: dict[str, str]) -> Iterator[Run]:
        for number in range(options.repeat):
            for work in works(number):
                for program in (each for each in measured if each in work.commands):
                    if not options.only or any(word in work.row for word in options.only):
                        yield run(work, server, program, measured[program], environment)

    credentials = {"AWS_ACCESS_KEY_ID": "AKIATEST", "AWS_SECRET_ACCESS_KEY": "secrettest"}
    with nginx.running(0) as servers:
        for shape in options.shapes:
            url = servers.endpoint(shape)
            environment = plain | credentials | {"AWS_ENDPOINT_URL": url, "S3_ENDPOINT_URL": url}
            yield from rounds(lambda _, url=url: large_and_listed(url, sizes, folder), shape, environment)
    with Processes(folder) as processes:
        port = free_port()
        url = f"http://127.0.0.1:{port}"
        start(processes, port)
        store = processes.directory / "store"
        fill(store / "trees" / "tree", sizes.files)
        fill(folder / "many", sizes.unchanged)
        shutil.copytree(folder / "many", store / "trees" / "many", copy_function=shutil.copyfile)
        for name in (_gone(program, number) for program in measured for number in range(options.repeat)):
            fill(store / "trees" / name, sizes.removed)
        environment = plain | {"AWS_ACCESS_KEY_ID": USER[0], "AWS_SECRET_ACCESS_KEY": USER[1]}
        environment |= {"AWS_ENDPOINT_URL": url, "S3_ENDPOINT_URL": url}
        yield from rounds(lambda number: stored(url, sizes, folder, store, number), "rclone", environment)


def table(runs: list[Run]) -> str:
    """Return the medians as a table in Markdown: wall seconds, CPU seconds, MB."""
    names = list(dict.fromkeys(each.program for each in runs))
    lines = [f"| command | server | {' | '.join(names)} |", f"|---|---|{'---|' * len(names)}"]
    for row, server in dict.fromkeys((each.row, each.server) for each in runs):
        cells = []
        for name in names:
            mine = [one for one in runs if (one.row, one.server, one.program) == (row, server, name) and one.correct]
            figures = [statistics.median(values) for values in zip(*map(_figures, mine), strict=True)]
            cells.append("{:.2f} s, {:.2f} s CPU, {:.0f} MB".format(*figures) if figures else "failed")
        lines.append(f"| {row} | {server} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _figures(one: Run) -> tuple[float, float, float]:
    return one.seconds, one.cpu_seconds, one.peak_mb


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peers", type=Path, nargs="*", default=[], help="virtual environments with the programs")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="little of everything, once; writes no results")
    parser.add_argument("--shapes", nargs="*", default=["plain", "s3like"], choices=["plain", "s3like"])
    parser.add_argument("--only", nargs="*", default=[], help="rows that have one of these words")
    parser.add_argument("--remark", default="", help="what a reader of the rows should know, such as other load")
    options = parser.parse_args()
    options.repeat = 1 if options.quick else options.repeat
    runs: list[Run] = []
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as directory:
        for each in measure(options, QUICK if options.quick else Sizes(), Path(directory)):
            figures = f"{each.seconds:8.2f} s {each.cpu_seconds:8.2f} s CPU {each.peak_mb:7.0f} MB"
            print(
                f"{each.server:7} {each.row:35} {each.program:8} {figures}", "" if each.correct else "WRONG", flush=True
            )
            runs.append(each)
    print(table(runs))
    if not options.quick:
        machine = {"python": platform.python_version(), "machine": platform.machine(), "cores": os.cpu_count()}
        result = {"machine": machine, "remark": options.remark, "runs": [asdict(each) for each in runs]}
        (HERE / "results" / "commands.json").write_text(json.dumps(result, indent=1) + "\n")
        (HERE / "results" / "commands.md").write_text(table(runs))


if __name__ == "__main__":
    main()
