"""List a zip archive in S3, or take one member out of it, without downloading the archive.

    python examples/zip_browser.py [s3://bucket/archive.zip] [MEMBER] [--to DIRECTORY | --to s3://bucket/prefix]

Without a path it makes an archive on the server that comes with aios3, lists it and prints one of its members. A
member goes to the standard output, or is extracted below ``--to``.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import aios3
from aios3.testing import LocalServer

if TYPE_CHECKING:
    from collections.abc import Sequence


def print_listing(archive: aios3.AsyncZipArchive) -> None:
    """Print a line for each member: its size, its share in the archive, its time and its name."""
    for info in archive.infolist():
        when = datetime.fromtimestamp(archive.stat(info.filename).mtime, UTC).astimezone()
        share = info.compress_size / info.file_size if info.file_size else 1
        print(f"{info.file_size:14,} {share:5.0%}  {when:%Y-%m-%d %H:%M}  {info.filename}")
    print(f"{len(archive)} members in {archive.size:,} bytes of {archive.path}")


async def print_member(archive: aios3.AsyncZipArchive, member: str) -> None:
    """Pass a member on to the standard output as it comes in."""
    async with archive.open(member) as file:
        async for chunk in file.chunks():
            await asyncio.to_thread(sys.stdout.buffer.write, chunk)
    sys.stdout.flush()


async def browse(path: str, member: str | None, to: str | None, session: aios3.Session) -> None:
    """List the archive, or take one member out of it."""
    async with aios3.open_zip(path, session=session) as archive:
        if member is None:
            print_listing(archive)
        elif to is None:
            await print_member(archive, member)
        else:
            print(await archive.extract(member, to))


async def make(path: str, session: aios3.Session) -> None:
    """Make an archive to look into."""
    async with aios3.create_zip(path, session=session) as archive:
        await archive.write("readme.txt", b"An archive that was never on a disk.\n")
        await archive.write("numbers.csv", (b"%d,%d\n" % (n, n * n) for n in range(100_000)))
        await archive.write("pictures/noise.bin", bytes(range(256)) * 1000, compression="stored")


async def run(path: str | None, member: str | None, to: str | None, config: aios3.Config) -> None:
    """Browse the archive at ``path``, or the example's own."""
    async with aios3.Session(config) as session:
        if path is not None:
            await browse(path, member, to, session)
            return
        own = "s3://archives/example.zip"
        await make(own, session)
        await browse(own, None, None, session)
        await browse(own, "readme.txt", None, session)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the example and return its exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path", nargs="?", help="the archive, s3://bucket/archive.zip; default: one of the example's")
    parser.add_argument("member", nargs="?", help="what to take out of it; default: list all")
    parser.add_argument("--to", help="a directory, or s3://bucket/prefix; default: the standard output")
    options = parser.parse_args(arguments)
    try:
        if options.path is not None:
            asyncio.run(run(options.path, options.member, options.to, aios3.Config()))
        else:
            with LocalServer(buckets=["archives"]) as server:
                asyncio.run(run(None, None, None, aios3.Config(**server.config)))
    except aios3.S3Error as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
