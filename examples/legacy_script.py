"""An ordinary script without asyncio: csv, gzip, json and zipfile work on files in S3 as they do on local ones.

    python examples/legacy_script.py [s3://bucket/prefix]

It writes a month of made-up sales, one day a file, packs them, reads them back, sums them up and lists what is there.
Without a path it runs on the server that comes with aios3.
"""

from __future__ import annotations

import argparse
import calendar
import csv
import gzip
import json
import sys
import zipfile
from contextlib import contextmanager
from typing import TYPE_CHECKING

import aios3
import aios3.sync as s3
from aios3.testing import LocalServer

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

YEAR, MONTH = 2024, 2
ARTICLES = ("apples", "pears", "plums")


def write_days(root: str, session: aios3.Session) -> list[str]:
    """Write one CSV file a day and return their paths."""
    paths = []
    for day in range(1, calendar.monthrange(YEAR, MONTH)[1] + 1):
        path = aios3.path_join(root, "days", f"{YEAR}-{MONTH:02}-{day:02}.csv")
        with s3.open(path, "w", encoding="utf-8", newline="", session=session) as file:
            table = csv.writer(file)
            table.writerow(["article", "sold"])
            table.writerows([article, day * (number + 1)] for number, article in enumerate(ARTICLES))
        paths.append(path)
    return paths


def pack(root: str, paths: Sequence[str], session: aios3.Session) -> str:
    """Put the files into one ZIP archive, written straight to S3, and return its path."""
    archive = aios3.path_join(root, "days.zip")
    with s3.open(archive, "wb", session=session) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
        for path in paths:
            packed.writestr(aios3.S3Url.parse(path).name, s3.read_bytes(path, session=session))
    return archive


def sum_up(archive: str, session: aios3.Session) -> dict[str, int]:
    """Add up what was sold, from the archive; only the members that are read are fetched."""
    totals = dict.fromkeys(ARTICLES, 0)
    with s3.open(archive, session=session) as file, zipfile.ZipFile(file) as packed:
        for name in packed.namelist():
            for row in csv.DictReader(packed.read(name).decode().splitlines()):
                totals[row["article"]] += int(row["sold"])
    return totals


def save_totals(root: str, totals: dict[str, int], session: aios3.Session) -> str:
    """Write the sums as compressed JSON and return the path."""
    path = aios3.path_join(root, "totals.json.gz")
    with s3.open(path, "wb", session=session) as file, gzip.open(file, "wt", encoding="utf-8") as text:
        json.dump(totals, text)
    return path


def load_totals(path: str, session: aios3.Session) -> dict[str, int]:
    """Read the sums back."""
    with s3.open(path, session=session) as file, gzip.open(file, "rt", encoding="utf-8") as text:
        loaded: dict[str, int] = json.load(text)
    return loaded


def run(root: str, session: aios3.Session) -> None:
    """Do it all and print what happened."""
    paths = write_days(root, session)
    print(f"wrote {len(paths)} files below {root}/days")
    archive = pack(root, paths, session)
    print(f"packed them into {archive}, {s3.getsize(archive, session=session):,} bytes")
    totals = sum_up(archive, session)
    saved = save_totals(root, totals, session)
    assert load_totals(saved, session) == totals
    for article, sold in totals.items():
        print(f"  {article:<8}{sold:>6}")
    below = list(s3.scan(root, session=session))
    print(f"{len(below)} objects below {root}, the first {below[0]}, the last {below[-1]}")


@contextmanager
def place(root: str | None) -> Iterator[tuple[str, aios3.Session]]:
    """Yield where to work and the session to use: the path that was given, or a server of our own."""
    if root is not None:
        with s3.Session() as session:
            yield root.rstrip("/"), session
        return
    with LocalServer(buckets=["legacy"]) as server, s3.Session(**server.config) as session:
        yield "s3://legacy/sales", session


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the example and return its exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root", nargs="?", help="where to work, s3://bucket/prefix; default: an embedded server")
    root = parser.parse_args(arguments).root
    try:
        with place(root) as (root, session):
            run(root, session)
    except aios3.S3Error as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
