"""Back up a volume into another one, keep the last few backups, and restore one of them.

    python volume_backup.py backup s3://bucket/prefix s3://backups/mine [--keep N]
    python volume_backup.py restore s3://backups/mine NAME
    python volume_backup.py             # a demonstration on a server in this process

A backup is a directory with the files and, written last, a document that says of which volume they are: a backup
without it was interrupted, counts for nothing, and goes with the next one. So let one run at a time. Endpoint and
credentials come from the environment, as for every program that uses aios3.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from datetime import UTC, datetime

import aios3
from aios3.testing import LocalServer

DOCUMENT = "volume.json"


def volume_at(path: str, session: aios3.Session | None = None) -> aios3.Volume:
    """Return the volume at a path."""
    url = aios3.S3Url.parse(path).require_bucket()
    return aios3.Volume(url.bucket, url.key or None, session=session)


async def back_up(source: aios3.Volume, store: aios3.Volume, keep: int) -> str:
    """Copy a volume into a new directory of ``store``, drop backups but for the last ``keep``, and return its name."""
    name = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%f")
    backup = store.get_store_for_folder(name)
    copied = await source.copy(None, backup, "files")
    if not copied:  # an empty backup would push out the good ones
        message = f"There is nothing to back up in {source.url}"
        raise aios3.ObjectNotFoundError(message, path=str(source.url))
    await backup.store(json.dumps(source.to_dict()).encode(), DOCUMENT)
    print(f"{name}: {len(copied)} files of {source.describe()}")
    whole = await backups_in(store)
    for old in await directories_in(store):
        if old not in whole[-keep:]:
            await store.delete(old)
            print(f"{old}: deleted")
    return name


async def directories_in(store: aios3.Volume) -> list[str]:
    """Return the names of all backups, also of those that were interrupted, the oldest first."""
    try:
        return [entry.name async for entry in aios3.scandir(store, session=store.session) if entry.is_dir()]
    except aios3.ObjectNotFoundError:
        return []


async def backups_in(store: aios3.Volume) -> list[str]:
    """Return the names of the backups that are whole, the oldest first."""
    names = await directories_in(store)
    return [name for name in names if await aios3.isfile(store.load(f"{name}/{DOCUMENT}"), session=store.session)]


async def restore(store: aios3.Volume, name: str) -> int:
    """Copy a backup to where it came from, and return how many files that were; other files there stay."""
    backup = store.get_store_for_folder(name)
    async with backup.load(DOCUMENT).open() as file:
        target = aios3.Volume.from_dict(json.loads(await file.read()), session=store.session)
    restored = await backup.copy("files", target)
    print(f"{name}: restored {len(restored)} files to {target.describe()}")
    return len(restored)


async def demonstrate() -> None:
    """Back up a small volume twice, lose it, and restore it."""
    async with LocalServer(buckets=["work", "backups"]) as server, aios3.Session(**server.config) as session:
        source, store = volume_at("s3://work/run", session), volume_at("s3://backups/run", session)
        for number in range(20):
            await source.store(f"page {number}\n".encode() * 100, f"pages/{number}.txt")
        await back_up(source, store, keep=1)
        await source.store(b"changed", "pages/3.txt")
        name = await back_up(source, store, keep=1)
        before = {key: await file.size() async for key, file in source.walk()}
        await source.erase()
        await restore(store, name)
        same = before == {key: await file.size() async for key, file in source.walk()}
        print("the same files came back" if same else "the files that came back differ")


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Back up a volume, or restore a backup.")
    commands = parser.add_subparsers(dest="command")
    backup = commands.add_parser("backup", help="copy a volume into a new backup")
    backup.add_argument("volume", help="s3://bucket/prefix")
    backup.add_argument("store", help="where the backups are, s3://bucket/prefix")
    backup.add_argument("--keep", type=int, default=3, metavar="N", help="how many backups stay (3)")
    back = commands.add_parser("restore", help="copy a backup to where it came from")
    back.add_argument("store")
    back.add_argument("name")
    options = parser.parse_args(arguments)
    if options.command == "backup" and options.keep < 1:
        parser.error("--keep must be at least 1")
    return options


async def run(options: argparse.Namespace) -> None:
    """Do what the command line says."""
    if options.command == "backup":
        await back_up(volume_at(options.volume), volume_at(options.store), options.keep)
    elif options.command == "restore":
        await restore(volume_at(options.store), options.name)
    else:
        await demonstrate()


def main() -> int:
    """Run the program; return its exit status."""
    try:
        asyncio.run(run(parse()))
    except aios3.PartialFailureError as error:
        for path, reason in error.failures.items():
            print(f"error: {path}: {reason}", file=sys.stderr)
        return 1
    except (aios3.S3Error, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
