"""The rows of the table: what is done, on which shape of the server, what is measured, and what must be reached."""

from __future__ import annotations

import operator
from dataclasses import dataclass
from typing import Literal

from server.objects import KEYS, LARGE, LARGE_SIZE, MEDIUM, MEDIUM_SIZE, SMALL_SIZE

KIB, MIB = 1 << 10, 1 << 20

Shape = Literal["plain", "tls", "s3like"]
Metric = Literal["cpu_gib", "cpu_unit", "mib_rate", "unit_rate", "wall", "rss"]

UNITS: dict[Metric, str] = {
    "cpu_gib": "s CPU per GiB",
    "cpu_unit": "us CPU",
    "mib_rate": "MiB/s",
    "unit_rate": "keys/s",
    "wall": "s",
    "rss": "MB",
}
MORE_IS_BETTER: frozenset[Metric] = frozenset({"mib_rate", "unit_rate"})


@dataclass(frozen=True)
class Workload:
    """How much one process does; sizes in bytes."""

    key: str = ""
    size: int = 0
    piece: int = 0
    count: int = 0
    in_flight: int = 1


_LARGE_READ = Workload(LARGE, LARGE_SIZE, MIB)
_WRITE = Workload("", LARGE_SIZE, MIB)
_SMALL = Workload("small", SMALL_SIZE, SMALL_SIZE, 4000, 64)
_MANY = Workload("small", SMALL_SIZE, SMALL_SIZE, 1000)
WORKLOADS = {
    "read": _LARGE_READ,
    "read_chunks": _LARGE_READ,
    "read_pipe": _LARGE_READ,
    "read_into": _LARGE_READ,
    "ranges": Workload(LARGE, LARGE_SIZE, 8 * MIB, in_flight=8),
    "random": Workload(LARGE, LARGE_SIZE, 64 * KIB, 4000, 16),
    "write": _WRITE,
    "write_unsigned": _WRITE,
    "small_get": _SMALL,
    "small_get_bulk": _SMALL,
    "small_get_open": _SMALL,
    "small_put": _SMALL,
    "small_put_bulk": _SMALL,
    "list": Workload(count=KEYS),
    "sync": Workload(LARGE, LARGE_SIZE, 64 * KIB),
    "cold": Workload("small", count=5),
    "fs_open": _LARGE_READ,
    "fs_cat": _MANY,
    "fs_pipe": _MANY,
    "fs_find": Workload(count=KEYS),
    "fs_ranges": Workload(LARGE, LARGE_SIZE, 64 * KIB, 1000),
}
MEDIUM_OBJECT = (MEDIUM, MEDIUM_SIZE)
"""What is read and written where the server is slow."""


@dataclass(frozen=True)
class Target:
    """What aios3 must reach: a figure, or ``factor`` times the figure of ``peer`` (in ``peer_row``, if another)."""

    limit: float | None = None
    peer: str = ""
    factor: float = 1.0
    peer_row: str = ""


@dataclass(frozen=True)
class Row:
    """One row. ``peers_from`` is the row whose measurements are the peers'; ``of`` the row this is another view of."""

    name: str
    workload: str
    shape: Shape
    metric: Metric
    what: str
    targets: tuple[Target, ...] = ()
    peers_from: str = ""
    of: str = ""


def _up_to(limit: float, *more: Target) -> tuple[Target, ...]:
    return (Target(limit), *more)


def _times(factor: float, peer: str, peer_row: str = "") -> tuple[Target, ...]:
    return (Target(peer=peer, factor=factor, peer_row=peer_row),)


_AS_SINGLE_GET = _times(1.0, "aios3", "small get")
_OBSTORE = _times(1.0, "obstore")
_CHEAPER = (*_times(0.5, "s3fs"), *_OBSTORE)
_FASTER = (*_times(3.0, "s3fs"), *_OBSTORE)

ROWS = (
    Row("read", "read", "plain", "cpu_gib", "1 GiB, 1 MiB reads", _times(0.85, "obstore")),
    Row("read, chunks", "read_chunks", "plain", "cpu_gib", "1 GiB, `chunks()`", _times(0.75, "obstore"), "read"),
    Row(
        "read, pipe",
        "read_pipe",
        "plain",
        "cpu_gib",
        '1 GiB, `buffering="pipe"`, 1 MiB reads',
        _times(1.0, "aios3", "read, chunks"),
        "read",
    ),
    Row(
        "read, readinto",
        "read_into",
        "plain",
        "cpu_gib",
        "1 GiB into one buffer of 1 MiB",
        _times(0.75, "obstore"),
        "read",
    ),
    Row("read, TLS", "read", "tls", "cpu_gib", "1 GiB, 1 MiB reads", _times(0.8, "obstore")),
    Row("read, S3-like", "read", "s3like", "mib_rate", "512 MiB, 1 MiB reads", _up_to(1000)),
    Row("ranges", "ranges", "plain", "cpu_gib", "8 MiB ranges, 8 in flight", _times(0.7, "obstore")),
    Row("ranges, TLS", "ranges", "tls", "cpu_gib", "8 MiB ranges, 8 in flight", _times(0.9, "obstore")),
    Row("random", "random", "plain", "cpu_unit", "64 KiB at random, 16 in flight", _times(0.7, "obstore")),
    Row("write", "write", "plain", "cpu_gib", "1 GiB in 1 MiB pieces, signed payload", _times(0.95, "obstore")),
    Row("write, unsigned", "write_unsigned", "plain", "cpu_gib", "the same, unsigned payload", _times(1.1, "obstore")),
    Row("write, TLS", "write", "tls", "cpu_gib", "1 GiB in 1 MiB pieces", _times(1.0, "opendal")),
    Row("write, S3-like", "write", "s3like", "mib_rate", "512 MiB in 1 MiB pieces", _times(1.05, "obstore")),
    Row("small get", "small_get", "plain", "cpu_unit", "4 KiB, 64 in flight", _times(0.35, "obstore")),
    Row("small get, bulk", "small_get_bulk", "plain", "cpu_unit", "4 KiB, `read_many`", _AS_SINGLE_GET, "small get"),
    Row(
        "small get, aopen",
        "small_get_open",
        "plain",
        "cpu_unit",
        "4 KiB through `aopen`, 64 in flight",
        _times(2.0, "aios3", "small get"),
    ),
    Row("small put", "small_put", "plain", "cpu_unit", "4 KiB, 64 in flight", _times(0.6, "opendal")),
    Row(
        "small put, bulk",
        "small_put_bulk",
        "plain",
        "cpu_unit",
        "4 KiB, `write_many`",
        _times(0.6, "opendal"),
        "small put",
    ),
    Row("list", "list", "plain", "cpu_unit", "200,000 keys; a key", _times(1.0, "obstore")),
    Row("list, S3-like", "list", "s3like", "unit_rate", "200,000 keys", _up_to(200_000)),
    Row(
        "sync",
        "sync",
        "plain",
        "cpu_gib",
        "1 GiB through a blocking file, 64 KiB reads",
        (*_times(0.8, "obstore"), *_times(1.1, "boto3")),
    ),
    Row("sync, S3-like", "sync", "s3like", "mib_rate", "512 MiB through a blocking file, 64 KiB reads", _up_to(900)),
    Row("cold", "cold", "plain", "wall", "start of Python to the first byte of 4 KiB", _up_to(0.12)),
    Row("fsspec open", "fs_open", "plain", "cpu_gib", "1 GiB through `fs.open`, 1 MiB reads", _CHEAPER),
    Row("fsspec open, S3-like", "fs_open", "s3like", "mib_rate", "512 MiB through `fs.open`, 1 MiB reads", _FASTER),
    Row("fsspec cat", "fs_cat", "plain", "cpu_unit", "1,000 objects of 4 KiB by one `fs.cat`", _CHEAPER),
    Row("fsspec cat, S3-like", "fs_cat", "s3like", "unit_rate", "1,000 objects of 4 KiB by one `fs.cat`", _FASTER),
    Row("fsspec pipe", "fs_pipe", "plain", "cpu_unit", "1,000 objects of 4 KiB by one `fs.pipe`", _CHEAPER),
    Row("fsspec pipe, S3-like", "fs_pipe", "s3like", "unit_rate", "1,000 objects of 4 KiB by one `fs.pipe`", _FASTER),
    Row("fsspec find", "fs_find", "plain", "cpu_unit", "200,000 keys by `fs.find`; a key", _CHEAPER),
    Row("fsspec find, S3-like", "fs_find", "s3like", "unit_rate", "200,000 keys by `fs.find`", _FASTER),
    Row("fsspec ranges", "fs_ranges", "plain", "cpu_unit", "1,000 of 64 KiB by one `fs.cat_ranges`", _CHEAPER),
    Row(
        "fsspec ranges, S3-like", "fs_ranges", "s3like", "unit_rate", "1,000 of 64 KiB by one `fs.cat_ranges`", _FASTER
    ),
    Row("memory, read", "read", "plain", "rss", "peak RSS of read", _up_to(100), of="read"),
    Row("memory, write", "write", "plain", "rss", "peak RSS of write", _up_to(100), of="write"),
    Row("memory, read, S3-like", "read", "s3like", "rss", "peak RSS of read", _up_to(220), of="read, S3-like"),
    Row("memory, write, S3-like", "write", "s3like", "rss", "peak RSS of write", _up_to(220), of="write, S3-like"),
)
BY_NAME = {row.name: row for row in ROWS}


def reaches(metric: Metric, figure: float, bound: float) -> bool:
    """Say whether ``figure`` is as good as ``bound``."""
    compare = operator.ge if metric in MORE_IS_BETTER else operator.le
    return bool(compare(figure, bound))


def measured_row(row: Row) -> Row:
    """Return the row whose measurements this one shows."""
    return BY_NAME[row.of] if row.of else row
