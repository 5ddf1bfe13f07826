"""How much memory a sequential write and read of a large object takes: ``python benchmarks/memory.py``.

Each direction runs in a fresh process against a server in another one. The highest resident size of the process must
not exceed the session's memory budget by more than 80 MB, which is what Python, aiobotocore and the sockets take.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import subprocess
import sys
import time
import zlib
from dataclasses import asdict, dataclass
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "tests"))

MIB = 1 << 20
ALLOWANCE_BYTES = 80_000_000
PATH = "s3://memory/object"


@dataclass(frozen=True)
class Measurement:
    """One direction, measured in a process of its own; sizes in bytes."""

    direction: str
    size: int
    seconds: float
    budget: int
    baseline: int
    """Resident after imports and one request, before the object is opened."""
    peak: int
    crc32: int

    @property
    def within(self) -> bool:
        """Whether the peak stayed within budget and allowance."""
        return self.peak <= self.budget + ALLOWANCE_BYTES


def main() -> int:
    """Measure both directions, print a table, and return 1 if one took too much memory."""
    options = _options()
    if options.child:
        print(json.dumps(asdict(asyncio.run(_measure(options)))))
        return 0
    measurements = _measure_all(options)
    print(f"{'':6} {'MB':>6} {'MB/s':>6} {'baseline':>9} {'peak':>7} {'budget + 80':>12}")
    for one in measurements:
        numbers = (one.size, one.size / one.seconds, one.baseline, one.peak, one.budget + ALLOWANCE_BYTES)
        size, speed, baseline, peak, limit = (number / 1e6 for number in numbers)
        verdict = "ok" if one.within else "TOO MUCH"
        print(f"{one.direction:6} {size:6.0f} {speed:6.0f} {baseline:9.1f} {peak:7.1f} {limit:12.1f} {verdict}")
    if len({one.crc32 for one in measurements}) != 1:
        print("what was read is not what was written")
        return 1
    if options.write_results:
        _write_results(options, measurements)
    return 0 if all(one.within for one in measurements) else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", default="rclone", help="a name of tests/servers (default: %(default)s)")
    parser.add_argument("--mib", type=int, default=2048, help="size of the object (default: %(default)s)")
    parser.add_argument(
        "--budget-mib", type=int, default=256, help="memory_budget (default: %(default)s, as in Config)"
    )
    parser.add_argument("--write-results", action="store_true", help="write results/memory.json")
    parser.add_argument("--child", choices=["write", "read"], help=argparse.SUPPRESS)
    return parser.parse_args()


def _measure_all(options: argparse.Namespace) -> list[Measurement]:
    import servers  # noqa: PLC0415 - not in the processes that are measured
    from admin import Admin  # noqa: PLC0415

    with servers.running(options.server) as server:
        client = Admin(server)
        client.create_bucket("memory")
        client.close()
        environment = os.environ | {
            "AWS_ENDPOINT_URL_S3": server.endpoint_url,
            "AWS_ACCESS_KEY_ID": server.access_key,
            "AWS_SECRET_ACCESS_KEY": server.secret_key,
            "AWS_DEFAULT_REGION": server.region,
        }
        return [_measure_in_process(options, direction, environment) for direction in ("write", "read")]


def _measure_in_process(options: argparse.Namespace, direction: str, environment: dict[str, str]) -> Measurement:
    sizes = ["--mib", str(options.mib), "--budget-mib", str(options.budget_mib)]
    command = [sys.executable, __file__, "--child", direction, *sizes]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True)
    return Measurement(**json.loads(done.stdout))


async def _measure(options: argparse.Namespace) -> Measurement:
    import aios3  # noqa: PLC0415 - part of what is measured

    budget = options.budget_mib * MIB
    transfer = {"write": _write, "read": _read}[options.child]
    async with aios3.Session(memory_budget=budget) as session:
        try:
            await aios3.read_bytes(f"{PATH}-none", session=session)
        except aios3.ObjectNotFoundError:
            baseline = _resident("VmRSS")
        start = time.perf_counter()
        size, crc = await transfer(session, options)
        seconds = time.perf_counter() - start
    return Measurement(options.child, size, seconds, budget, baseline, _resident("VmHWM"), crc)


async def _write(session, options: argparse.Namespace) -> tuple[int, int]:
    import aios3  # noqa: PLC0415

    block = bytearray(os.urandom(1) * MIB)
    crc = 0
    async with aios3.aopen(PATH, "wb", session=session) as f:
        for number in range(options.mib):
            block[:8] = number.to_bytes(8, "little")
            crc = zlib.crc32(block, crc)
            await f.write(block)
    return options.mib * MIB, crc


async def _read(session, _options: argparse.Namespace) -> tuple[int, int]:
    import aios3  # noqa: PLC0415

    size = crc = 0
    async with aios3.aopen(PATH, session=session) as f:
        while data := await f.read(MIB):
            size += len(data)
            crc = zlib.crc32(data, crc)
    return size, crc


def _resident(field: str) -> int:
    """Bytes of a field of Linux's /proc/self/status: VmRSS now, VmHWM at the highest."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) * 1024
    message = f"this system does not tell {field}"
    raise OSError(message)


def _write_results(options: argparse.Namespace, measurements: list[Measurement]) -> None:
    results = HERE / "results"
    results.mkdir(exist_ok=True)
    record = {
        "what": "sequential write, then read, of one object",
        "server": options.server,
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} processors",
        "date": time.strftime("%Y-%m-%d"),
        "measurements": [asdict(one) | {"within": one.within} for one in measurements],
    }
    (results / "memory.json").write_text(json.dumps(record, indent=2) + "\n")


if __name__ == "__main__":
    sys.exit(main())
