"""Report what lies below a path of S3: objects and bytes by extension and by storage class, and the largest objects.

    python examples/scan_report.py [s3://bucket/prefix] [--top 10]

One pass over one listing; memory does not grow with the number of objects. Without a path it fills a bucket of the
server that comes with aios3 and reports on that.
"""

from __future__ import annotations

import argparse
import asyncio
import heapq
import posixpath
import sys
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

import aios3
from aios3.testing import LocalServer

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(slots=True)
class Group:
    """Objects and bytes by some property."""

    objects: Counter[str] = field(default_factory=Counter)
    size: Counter[str] = field(default_factory=Counter)

    def add(self, name: str, size: int) -> None:
        """Count one object."""
        self.objects[name] += 1
        self.size[name] += size


@dataclass(slots=True)
class Report:
    """The running totals of one listing; ``largest`` is a heap of at most ``top`` objects."""

    top: int
    extensions: Group = field(default_factory=Group)
    storage_classes: Group = field(default_factory=Group)
    largest: list[tuple[int, str]] = field(default_factory=list)

    def add(self, entry: aios3.FileEntry) -> None:
        """Count one object."""
        size = entry.stat.size
        self.extensions.add(posixpath.splitext(entry.name)[1].lower() or "(none)", size)
        self.storage_classes.add(entry.stat.storage_class or "STANDARD", size)
        heapq.heappush(self.largest, (size, entry.path))
        if len(self.largest) > self.top:
            heapq.heappop(self.largest)


async def scan(path: str, top: int, session: aios3.Session) -> Report:
    """Go through the listing once."""
    report = Report(top)
    async for entry in aios3.scan_stat(path, missing_ok=False, session=session):
        report.add(entry)
    return report


def table_of_group(title: str, group: Group) -> Table:
    """Draw one group, the most bytes first, with the sum below."""
    table = Table(title, show_footer=True)
    table.columns[0].footer = "all"
    table.add_column("objects", f"{group.objects.total():,}", justify="right")
    table.add_column("bytes", f"{group.size.total():,}", justify="right")
    for name, size in sorted(group.size.items(), key=lambda item: (-item[1], item[0])):
        table.add_row(Text(name), f"{group.objects[name]:,}", f"{size:,}")
    return table


def table_of_largest(report: Report) -> Table:
    """Draw the largest objects."""
    table = Table("largest objects")
    table.add_column("bytes", justify="right")
    for size, path in sorted(report.largest, key=lambda item: (-item[0], item[1])):
        table.add_row(Text(path, overflow="fold"), f"{size:,}")
    return table


def print_report(console: Console, report: Report) -> None:
    """Print the three tables."""
    console.print(table_of_group("extension", report.extensions))
    console.print(table_of_group("storage class", report.storage_classes))
    console.print(table_of_largest(report))


async def fill(session: aios3.Session) -> str:
    """Put some objects into the embedded server, and return where they are."""
    root = "s3://report/data"
    for number in range(40):
        suffix = (".csv", ".json", ".JPG", "")[number % 4]
        options = aios3.WriterOptions(storage_class="STANDARD_IA") if number % 5 == 0 else aios3.WriterOptions()
        await aios3.write_bytes(f"{root}/{number:02}{suffix}", bytes(number * 100), session=session, **options)
    return root


async def run(path: str | None, top: int, config: aios3.Config) -> Report:
    """Scan the path, or the example's own objects."""
    async with aios3.Session(config) as session:
        return await scan(path or await fill(session), top, session)


def report_on(path: str | None, top: int) -> Report:
    """Scan a path of S3, or objects on an embedded server where there is none."""
    if path is not None:
        return asyncio.run(run(path, top, aios3.Config()))
    with LocalServer(buckets=["report"]) as server:
        return asyncio.run(run(None, top, aios3.Config(**server.config)))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the example and return its exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path", nargs="?", help="what to look at, s3://bucket/prefix; default: an embedded server")
    parser.add_argument("--top", type=int, default=10, help="how many of the largest objects to show")
    options = parser.parse_args(arguments)
    try:
        report = report_on(options.path, options.top)
    except aios3.S3Error as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print_report(Console(), report)
    return 0


if __name__ == "__main__":
    sys.exit(main())
