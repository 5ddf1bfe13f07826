"""Mirror a directory into S3 and back, and copy only what differs, with a progress bar on a terminal.

    python mirror_tree.py up DIRECTORY s3://bucket/prefix [--delete] [--dry-run] [--exclude GLOB]...
    python mirror_tree.py down DIRECTORY s3://bucket/prefix
    python mirror_tree.py               # a demonstration on a server in this process

Endpoint and credentials come from the environment, as for every program that uses aios3.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from contextlib import nullcontext
from pathlib import Path

import aios3
from aios3.progress import rich_progress
from aios3.testing import LocalServer


async def mirror(source: str, target: str, options: argparse.Namespace, session: aios3.Session | None = None) -> None:
    """Sync one way, and say what was done."""
    bar = rich_progress(f"{source} -> {target}") if sys.stderr.isatty() else nullcontext(None)
    with bar as progress:
        done = await aios3.sync_tree(
            source,
            target,
            delete=options.delete,
            dry_run=options.dry_run,
            exclude=options.exclude,
            progress=progress,
            session=session,
        )
    for action in done.actions:
        print(f"would {action.kind} {action.target}")
    print(f"{target}: {done.copied} copied ({done.bytes:,} bytes), {done.skipped} unchanged, {done.deleted} deleted")


async def demonstrate(options: argparse.Namespace) -> None:
    """Mirror a small directory up, change it, mirror it again, and mirror it down elsewhere."""
    with tempfile.TemporaryDirectory() as folder:
        here, there = Path(folder) / "here", Path(folder) / "there"
        await asyncio.to_thread(make_files, here)
        async with LocalServer(buckets=["mirror"]) as server, aios3.Session(**server.config) as session:
            await mirror(str(here), "s3://mirror/tree", options, session)
            await asyncio.to_thread((here / "pages" / "3.html").write_text, "changed, and longer")
            await mirror(str(here), "s3://mirror/tree", options, session)
            await mirror("s3://mirror/tree", str(there), options, session)
            same = await asyncio.to_thread(read_files, here) == await asyncio.to_thread(read_files, there)
            print("the same files came back" if same else "the files that came back differ")


def make_files(root: Path) -> None:
    """Write a few small files."""
    for number in range(20):
        path = root / "pages" / f"{number}.html"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"page {number}\n" * 100)


def read_files(root: Path) -> dict[str, bytes]:
    """Return the content of every file below a directory."""
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Mirror a directory into S3 and back.")
    parser.add_argument("direction", nargs="?", choices=["up", "down"])
    parser.add_argument("directory", nargs="?")
    parser.add_argument("path", nargs="?", help="s3://bucket/prefix")
    parser.add_argument("--delete", action="store_true", help="remove what only the target has")
    parser.add_argument("--dry-run", action="store_true", help="say what would be done")
    parser.add_argument("--exclude", action="append", default=[], metavar="GLOB")
    options = parser.parse_args(arguments)
    if options.direction and not options.path:
        parser.error("a direction needs a directory and an S3 path")
    return options


def main() -> int:
    """Run the program; return its exit status."""
    options = parse()
    source, target = options.directory, options.path
    if options.direction == "down":
        source, target = target, source
    try:
        if options.direction is None:
            asyncio.run(demonstrate(options))
        else:
            asyncio.run(mirror(source, target, options))
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
