"""How long ``sync`` of many small files and ``remove`` of many keys take, beside other tools.

``python benchmarks/trees.py --peers VENV`` measures aios3, and of megfile, s5cmd and rclone what VENV has. Each run is
a fresh process, its start included, against ``rclone serve s3`` over a folder on the same machine; what is on the
server afterwards is looked at in that folder. Rows go to ``results/trees.json``.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "tests"))

from servers.processes import Processes, free_port  # noqa: E402 - found by the line above
from servers.rclone import USER, start  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable

FILE_BYTES = 4096


@dataclass(frozen=True)
class Row:
    """One run."""

    tool: str
    work: str
    count: int
    seconds: float
    cpu_seconds: float
    """Of the tool alone: on a machine that others use as well, the steadier figure."""
    correct: bool


@dataclass(frozen=True)
class Tool:
    """How a tool is told to sync a folder to a path, and to remove what is below a path."""

    name: str
    sync: Callable[[str, str], list[str]]
    remove: Callable[[str], list[str]]


def python(executable: str, code: str) -> Callable[..., list[str]]:
    return lambda *arguments: [executable, "-c", code, *arguments]


def tools(peers: Path | None, endpoint: str) -> list[Tool]:
    header = "import sys, asyncio, aios3; "
    found = [
        Tool(
            "aios3",
            python(sys.executable, header + "asyncio.run(aios3.sync_tree(sys.argv[1], sys.argv[2]))"),
            python(sys.executable, header + "asyncio.run(aios3.remove(sys.argv[1]))"),
        )
    ]
    if peers is None:
        return found
    other = str(peers / "bin" / "python")
    if subprocess.run([other, "-c", "import megfile"], capture_output=True, check=False).returncode == 0:
        sync = "import sys; from megfile.smart import smart_sync; smart_sync(sys.argv[1], sys.argv[2])"
        remove = "import sys; from megfile.smart import smart_remove; smart_remove(sys.argv[1])"
        found.append(Tool("megfile", python(other, sync), python(other, remove)))
    s5cmd, rclone = str(peers / "bin" / "s5cmd"), str(peers / "bin" / "rclone")
    if shutil.which(s5cmd):
        call = [s5cmd, "--endpoint-url", endpoint, "--log", "error"]
        found.append(Tool("s5cmd", lambda a, b: [*call, "sync", f"{a}/", f"{b}/"], lambda a: [*call, "rm", f"{a}/*"]))
    if shutil.which(rclone):
        remote = f":s3,provider=Other,env_auth=true,endpoint='{endpoint}':"
        quiet = ["--config", os.devnull, "--log-level", "ERROR"]

        def at(path: str) -> str:
            return remote + path.removeprefix("s3://")

        found.append(
            Tool("rclone", lambda a, b: [rclone, "sync", a, at(b), *quiet], lambda a: [rclone, "delete", at(a), *quiet])
        )
    return found


def cpu_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def fill(folder: Path, count: int) -> None:
    for number in range(count):
        path = folder / f"{number % 20:02}" / f"{number:05}.bin"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(number.to_bytes(4, "big") * (FILE_BYTES // 4))


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@dataclass(frozen=True)
class Place:
    """Where the tools work: the folder to sync, and the folder that the server serves."""

    source: Path
    store: Path
    environment: dict[str, str]


def run(tool: Tool, work: str, count: int, place: Place, number: int) -> Row:
    source, environment = place.source, place.environment
    bucket = place.store / f"{tool.name}-{work}-{number}"
    path = f"s3://{bucket.name}/tree"
    if work == "remove":
        fill(bucket / "tree", count)
    command = tool.sync(str(source), path) if work == "sync" else tool.remove(path)
    started, before = time.perf_counter(), cpu_of_children()
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    seconds, cpu = time.perf_counter() - started, cpu_of_children() - before
    found = contents(bucket / "tree")
    correct = done.returncode == 0 and found == (contents(source) if work == "sync" else {})
    if not correct:
        print(f"{tool.name} {work}: status {done.returncode}, {len(found)} files\n{done.stderr[-2000:]}")
    shutil.rmtree(bucket / "tree", ignore_errors=True)
    return Row(tool.name, work, count, round(seconds, 3), round(cpu, 3), correct)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peers", type=Path, help="a virtual environment with megfile, s5cmd and rclone")
    parser.add_argument("--files", type=int, default=2000)
    parser.add_argument("--keys", type=int, default=10_000)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--remark", default="", help="what a reader of the rows should know, such as other load")
    options = parser.parse_args()
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as directory, Processes(Path(directory)) as processes:
        place = Place(Path(directory) / "source", Path(directory) / "store", dict(os.environ))
        fill(place.source, options.files)
        port = free_port()
        endpoint = f"http://127.0.0.1:{port}"
        place.environment.update(zip(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), USER, strict=True))
        place.environment.update(AWS_ENDPOINT_URL=endpoint, OSS_ENDPOINT=endpoint, AWS_REGION="us-east-1")
        measured = tools(options.peers, endpoint)
        start(processes, port)
        for tool in measured:  # before the server looks: it remembers which buckets there are
            for work in ("sync", "remove"):
                for number in range(options.repeat):
                    (place.store / f"{tool.name}-{work}-{number}").mkdir()
        for number in range(options.repeat):
            for work, count in (("sync", options.files), ("remove", options.keys)):
                for tool in measured:
                    row = run(tool, work, count, place, number)
                    print(
                        f"{row.tool:10} {row.work:8} {row.count:7,} {row.seconds:8.2f} s {row.cpu_seconds:8.2f} s CPU",
                        "" if row.correct else "WRONG",
                    )
                    rows.append(row)
    machine = {"python": platform.python_version(), "machine": platform.machine(), "cores": os.cpu_count()}
    result = {
        "machine": machine,
        "server": "rclone serve s3",
        "remark": options.remark,
        "rows": [asdict(row) for row in rows],
    }
    (HERE / "results" / "trees.json").write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
