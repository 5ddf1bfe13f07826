"""How long one member out of a large zip archive takes, beside ``zipfile`` over other libraries' files.

``python benchmarks/zip_member.py --peers VENV`` reads a deflated and a stored member of 200 MiB out of an archive of
2 GiB, from the S3-like server of the other benchmarks (30 ms to the first byte, 90 MiB/s a connection): with
``open_zip``, with ``zipfile`` over the files of aios3, s3fs, smart_open and megfile, and by downloading the archive
first. Each run is a fresh process, its start included; the member's CRC-32 is compared. Rows go to
``results/zip_member.json``.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import resource
import subprocess
import sys
import tempfile
import time
import zipfile
import zlib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from job import ACCESS_KEY, BUCKET, REGION, SECRET_KEY
from server import nginx, objects

HERE = Path(__file__).parent
MIB = 1 << 20
KEY = "zip/archive.zip"
MEMBERS = {"deflated": zipfile.ZIP_DEFLATED, "stored": zipfile.ZIP_STORED}

_COUNT = """
import re, sys, zlib, zipfile
def count(file, crc=0, size=0):
    while data := file.read(1 << 20):
        crc, size = zlib.crc32(data, crc), size + len(data)
    return crc, size
def tell(crc, size):
    peak = re.search(r"VmHWM:\\s+(\\d+) kB", open("/proc/self/status").read())  # getrusage would have the parent's
    print(crc, size, peak[1])
path, member, endpoint, folder = sys.argv[1:]
"""
_MEMBER = """
with file, zipfile.ZipFile(file) as archive, archive.open(member) as opened:
    tell(*count(opened))
"""
CODES = {
    "aios3 open_zip": """
import asyncio, aios3
async def main():
    crc = size = 0
    async with aios3.open_zip(path) as archive, archive.open(member) as file:
        async for piece in file.chunks():
            crc, size = zlib.crc32(piece, crc), size + len(piece)
    tell(crc, size)
asyncio.run(main())
""",
    "aios3 + zipfile": f"import aios3.sync\nfile = aios3.sync.open(path)\n{_MEMBER}",
    "aios3, all downloaded": f"import aios3.sync\naios3.sync.download(path, folder + '/a.zip')\n"
    f"file = open(folder + '/a.zip', 'rb')\n{_MEMBER}",
}
PEERS = {
    "s3fs + zipfile": f"import s3fs\nfile = s3fs.S3FileSystem(endpoint_url=endpoint).open(path)\n{_MEMBER}",
    "smart_open + zipfile": f"import smart_open\nfile = smart_open.open(path, 'rb')\n{_MEMBER}",
    "megfile + zipfile": f"import megfile\nfile = megfile.smart_open(path, 'rb')\n{_MEMBER}",
    "boto3, all downloaded": "import boto3\nbucket, _, key = path[5:].partition('/')\n"
    "boto3.client('s3').download_file(bucket, key, folder + '/a.zip')\n"
    f"file = open(folder + '/a.zip', 'rb')\n{_MEMBER}",
}


@dataclass(frozen=True)
class Row:
    """One run."""

    tool: str
    member: str
    size: int
    archive_size: int
    seconds: float
    cpu_seconds: float
    peak_bytes: int
    correct: bool


def write_archive(path: Path, member_size: int, archive_size: int) -> dict[str, int]:
    """Write the two members in the middle of others, and return their CRCs; the same bytes each time."""
    path.parent.mkdir(parents=True, exist_ok=True)
    source = random.Random(1)
    around = max(archive_size - 2 * member_size, 0) // 2
    crcs = {}
    with zipfile.ZipFile(path, "w", compresslevel=1) as archive:
        _write(archive, "before", zipfile.ZIP_STORED, source, around)
        for name, method in MEMBERS.items():
            crcs[name] = _write(archive, name, method, source, member_size)
        _write(archive, "behind", zipfile.ZIP_STORED, source, around)
    return crcs


def _write(archive: zipfile.ZipFile, name: str, method: int, source: random.Random, size: int) -> int:
    info = zipfile.ZipInfo(name)
    info.compress_type = method
    info.file_size = size
    with archive.open(info, "w") as file:
        return _fill(file, source, size)


def _fill(file: IO[bytes], source: random.Random, size: int) -> int:
    """Write bytes of which half can be compressed away, as in text."""
    crc = 0
    for start in range(0, size, MIB):
        data = source.randbytes(MIB // 2).hex().encode()[: size - start]
        file.write(data)
        crc = zlib.crc32(data, crc)
    return crc


def tools(peers: Path | None) -> dict[str, tuple[str, str]]:
    """Return the Python and the code of each tool."""
    found = {name: (sys.executable, code) for name, code in CODES.items()}
    if peers is not None:
        found |= {name: (str(peers / "bin" / "python"), code) for name, code in PEERS.items()}
    return found


@dataclass(frozen=True)
class Bench:
    """The server and the archive on it."""

    endpoint: str
    archive_size: int
    member_size: int
    crcs: dict[str, int]

    def run(self, tool: str, executable: str, code: str, member: str) -> Row:
        """Read one member in a process of its own."""
        settings = {"AWS_ACCESS_KEY_ID": ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": SECRET_KEY, "AWS_REGION": REGION}
        settings |= {"AWS_DEFAULT_REGION": REGION, "AWS_ENDPOINT_URL": self.endpoint, "OSS_ENDPOINT": self.endpoint}
        with tempfile.TemporaryDirectory() as folder:
            command = [executable, "-c", _COUNT + code, f"s3://{BUCKET}/{KEY}", member, self.endpoint, folder]
            started, before = time.perf_counter(), _cpu_of_children()
            done = subprocess.run(command, env=os.environ | settings, capture_output=True, text=True, check=False)
            seconds, cpu = time.perf_counter() - started, _cpu_of_children() - before
        crc, size, peak = map(int, done.stdout.split()) if done.returncode == 0 else (0, 0, 0)
        correct = (crc, size) == (self.crcs[member], self.member_size)
        if not correct:
            print(f"{tool}, {member}: status {done.returncode}, {size:,} bytes\n{done.stderr[-2000:]}")
        figures = round(seconds, 3), round(cpu, 3), peak * 1024
        return Row(tool, member, self.member_size, self.archive_size, *figures, correct)


def _cpu_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    """Measure, print and store the rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peers", type=Path, help="a virtual environment with s3fs, smart_open, megfile and boto3")
    parser.add_argument("--member-mib", type=int, default=200)
    parser.add_argument("--archive-mib", type=int, default=2048)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--processor", type=int, default=0, help="the one that the server runs on")
    parser.add_argument("--remark", default="", help="what a reader of the rows should know, such as other load")
    parser.add_argument("--output", type=Path, default=HERE / "results" / "zip_member.json")
    options = parser.parse_args()
    objects.LARGE_OBJECTS.update(dict.fromkeys(objects.LARGE_OBJECTS, MIB))  # nobody reads them here
    rows: list[Row] = []
    with nginx.running(options.processor) as servers:
        path = Path(servers.folder) / "objects" / BUCKET / KEY
        size = options.member_mib * MIB
        crcs = write_archive(path, size, options.archive_mib * MIB)
        bench = Bench(servers.s3like, path.stat().st_size, size, crcs)
        for _ in range(options.repeat):
            for member in MEMBERS:
                for tool, (executable, code) in tools(options.peers).items():
                    row = bench.run(tool, executable, code, member)
                    print(
                        f"{row.tool:24} {row.member:9} {row.seconds:8.2f} s {row.cpu_seconds:8.2f} s CPU "
                        f"{row.peak_bytes / MIB:7.0f} MiB",
                        "" if row.correct else "WRONG",
                    )
                    rows.append(row)
    machine = {"python": platform.python_version(), "machine": platform.machine(), "cores": os.cpu_count()}
    result = {"machine": machine, "server": "S3-like", "remark": options.remark, "rows": [asdict(row) for row in rows]}
    options.output.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
