"""Copy a directory to S3, list it in three ways, read it back in two, and prove that no byte has changed.

    python examples/quickstart.py [DIRECTORY]

Without a directory it takes the interpreter's own standard library: a few thousand real files. It runs on the server
that comes with aios3, which listens on this machine only and keeps everything in memory.

Exit status: 0 if all is equal, 1 if anything differs or fails, 2 if the directory cannot be used.
"""

from __future__ import annotations

import argparse
import asyncio
import collections
import hashlib
import os
import stat
import sys
import sysconfig
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import anyio
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

import aios3
import aios3.sync as s3
from aios3.testing import LocalServer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence

T = TypeVar("T")

BUCKET = "quickstart"
ROOT = f"s3://{BUCKET}/files"

IN_FLIGHT = 32
"""Files that are copied at the same time."""

NOT_THE_LIBRARY = {"site-packages", "dist-packages", "__pycache__"}
"""Directories inside the standard library's that hold something else."""

SYNC_EVERY = 10
"""One file in so many is also read through aios3.sync."""

SHOWN = 20
"""Lines of one kind that are printed before the rest is only counted."""


class DirectoryError(Exception):
    """The directory cannot be used; the text says why."""


@dataclass(frozen=True, slots=True)
class LocalFile:
    """One file of the directory and the S3 path that it is copied to."""

    path: Path
    url: str
    size: int


@dataclass(slots=True)
class Tree:
    """What a directory holds: the files that can be copied, and what cannot with the reason."""

    root: Path
    files: list[LocalFile] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    empty_directories: int = 0

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)


@dataclass(slots=True)
class Step:
    """What one step did; ``size`` stays None where no bytes are moved."""

    name: str
    count: int = 0
    size: int | None = None
    seconds: float = 0.0


@dataclass(slots=True)
class Report:
    """All steps, and every difference that was found."""

    console: Console
    steps: list[Step] = field(default_factory=list)
    differences: list[str] = field(default_factory=list)

    @contextmanager
    def step(self, name: str) -> Iterator[Step]:
        """Time one step and keep it."""
        step = Step(name)
        started = time.perf_counter()
        yield step
        step.seconds = time.perf_counter() - started
        self.steps.append(step)

    def compare(self, step: str, expected: set[str], found: set[str]) -> None:
        """Note what ``found`` lacks and what it has too much."""
        self.differences += [f"{step}: {path!r} is missing" for path in sorted(expected - found)]
        self.differences += [f"{step}: {path!r} should not be there" for path in sorted(found - expected)]


# What is in the directory


def find_files(root: Path, exclude: set[str] | None = None) -> Tree:
    """List ``root`` and everything below it.

    A link to a file is copied as that file. A link to a directory is left out (it may lead in circles), and so is
    what cannot be opened, what is no regular file, and a name that S3 cannot hold.
    """
    if not root.is_dir():
        reason = "it is not a directory" if root.exists() else "there is no such directory"
        message = f"{str(root)!r}: {reason}"
        raise DirectoryError(message)
    tree = Tree(root)
    for directory, directories, names in os.walk(root, onerror=lambda error: note_directory(tree, error)):
        directories[:] = sorted(set(directories) - (exclude or set()))
        tree.empty_directories += not directories and not names
        for name in (*sorted(names), *(name for name in directories if Path(directory, name).is_symlink())):
            add_entry(tree, Path(directory, name))
    if not tree.files:
        message = f"{str(root)!r}: there is no file in it that can be read"
        raise DirectoryError(message)
    return tree


def note_directory(tree: Tree, error: OSError) -> None:
    """Note a directory that cannot be listed; the one that was asked for must be."""
    if Path(error.filename) == tree.root:
        message = f"{str(tree.root)!r}: {error.strerror}"
        raise DirectoryError(message) from error
    tree.skipped.append(f"{error.filename!r}: {error.strerror}")


def add_entry(tree: Tree, path: Path) -> None:
    """Add one entry of a directory to ``tree``, or the reason why it is left out."""
    try:
        tree.files.append(LocalFile(path, url_of(tree, path), size_of_readable(path)))
    except (DirectoryError, aios3.InvalidPathError) as error:
        tree.skipped.append(f"{str(path)!r}: {error}")
    except OSError as error:
        tree.skipped.append(f"{str(path)!r}: {error.strerror}")


def url_of(tree: Tree, path: Path) -> str:
    """Return where a file goes; raise an error for a name that cannot be a key."""
    url = aios3.path_join(ROOT, path.relative_to(tree.root).as_posix())
    if "\n" in url:
        message = "a line break in the name, which the embedded server does not take"
        raise DirectoryError(message)
    return str(aios3.S3Url.parse(url))


def size_of_readable(path: Path) -> int:
    """Return the size of a regular file that can be opened."""
    found = path.stat()
    if stat.S_ISDIR(found.st_mode):
        message = "a link to a directory"
        raise DirectoryError(message)
    if not stat.S_ISREG(found.st_mode):
        message = "not a regular file"
        raise DirectoryError(message)
    with path.open("rb"):
        return found.st_size


def digest_of(path: Path) -> str:
    """Return the SHA-256 of a local file."""
    with path.open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()


# How far it is


def say(console: Console, line: str) -> None:
    """Print a line as it is: names of files are not markup, and are not broken."""
    console.print(line, markup=False, highlight=False, soft_wrap=True)


@contextmanager
def progress(console: Console, name: str, total: int) -> Iterator[Callable[[], None]]:
    """Yield a function to call after each file: a bar on a terminal, a line every tenth of the way elsewhere."""
    if not console.is_terminal:
        yield progress_lines(console, name, total)
        return
    columns = (TextColumn("{task.description:<12}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as bar:
        task = bar.add_task(name, total=total)
        yield lambda: bar.advance(task)


def progress_lines(console: Console, name: str, total: int) -> Callable[[], None]:
    """Return a function that counts its calls and prints a line after every tenth of ``total``."""
    done = 0

    def advance() -> None:
        nonlocal done
        done += 1
        if done * 10 // total > (done - 1) * 10 // total:
            say(console, f"{name}: {done:,} of {total:,} files")

    return advance


async def for_each(items: Iterable[T], work: Callable[[T], Awaitable[None]]) -> None:
    """Call ``work`` for every item, ``IN_FLIGHT`` at a time; the first failure stops all."""
    waiting = iter(items)

    async def worker() -> None:
        for item in waiting:
            await work(item)

    async with anyio.create_task_group() as workers:
        for _ in range(IN_FLIGHT):
            workers.start_soon(worker)


# The steps


async def upload(report: Report, tree: Tree, session: aios3.Session) -> None:
    """Copy every file to S3."""
    with report.step("upload") as step, progress(report.console, step.name, len(tree.files)) as advance:
        step.size = 0

        async def copy(file: LocalFile) -> None:
            async with (
                await anyio.open_file(file.path, "rb") as source,
                aios3.aopen(file.url, "wb", session=session) as target,
            ):
                await target.write_from(source)
            step.count += 1
            step.size = (step.size or 0) + target.result.size
            advance()

        await for_each(tree.files, copy)


async def scan(report: Report, tree: Tree, session: aios3.Session) -> None:
    """List every object below the root, and compare the sizes."""
    with report.step("scan") as step:
        sizes = {entry.path: entry.stat.size async for entry in aios3.scan_stat(ROOT, session=session)}
        step.count = len(sizes)
    report.compare("scan", {file.url for file in tree.files}, set(sizes))
    for file in tree.files:
        if sizes.get(file.url, file.size) != file.size:
            report.differences.append(f"scan: {file.url!r} has {sizes[file.url]:,} bytes, the file {file.size:,}")


async def glob(report: Report, tree: Tree, session: aios3.Session) -> None:
    """Find all files of the most frequent kind by a pattern."""
    suffix = frequent_suffix(tree)
    pattern = f"{ROOT}/**/*{suffix}"
    with report.step(f"glob **/*{suffix}") as step:
        found = {entry.path async for entry in aios3.glob_stat(pattern, session=session) if entry.is_file()}
        step.count = len(found)
    report.compare("glob", {file.url for file in tree.files if file.url.endswith(suffix)}, found)


def frequent_suffix(tree: Tree) -> str:
    """Return the suffix that most files have, among those that mean nothing else in a pattern."""
    suffixes = collections.Counter(file.path.suffix for file in tree.files if file.path.suffix[1:].isalnum())
    return suffixes.most_common(1)[0][0] if suffixes else ""


async def walk(report: Report, tree: Tree, session: aios3.Session) -> None:
    """Visit directory after directory, as os.walk does."""
    with report.step("walk") as step:
        found = set[str]()
        async for root, _directories, names in aios3.walk(ROOT, session=session):
            found.update(aios3.path_join(root, name) for name in names)
        step.count = len(found)
    report.compare("walk", {file.url for file in tree.files}, found)


async def read_back(report: Report, tree: Tree, session: aios3.Session) -> None:
    """Read every object and compare its SHA-256 with the file's."""
    with report.step("read") as step, progress(report.console, step.name, len(tree.files)) as advance:
        step.size = 0

        async def check(file: LocalFile) -> None:
            digest = hashlib.sha256()
            async with aios3.aopen(file.url, session=session) as source:
                async for chunk in source.chunks():
                    digest.update(chunk)
            if digest.hexdigest() != await asyncio.to_thread(digest_of, file.path):
                report.differences.append(f"read: {file.url!r} has another SHA-256 than the file")
            step.count += 1
            step.size = (step.size or 0) + source.size
            advance()

        await for_each(tree.files, check)


async def run_async(report: Report, tree: Tree, config: aios3.Config) -> None:
    """Do every step that runs on an event loop, in one session."""
    async with aios3.Session(config) as session:
        for step in (upload, scan, glob, walk, read_back):
            await step(report, tree, session)


def run_sync(report: Report, tree: Tree, config: aios3.Config) -> None:
    """Read a part of the files again as a script without asyncio does."""
    files = tree.files[::SYNC_EVERY]
    with (
        s3.Session(config) as session,
        report.step("read (sync)") as step,
        progress(report.console, step.name, len(files)) as advance,
    ):
        step.size = 0
        for file in files:
            with s3.open(file.url, session=session) as source:
                digest = hashlib.file_digest(source, "sha256").hexdigest()
            if digest != digest_of(file.path):
                report.differences.append(f"read (sync): {file.url!r} has another SHA-256 than the file")
            step.count += 1
            step.size += file.size
            advance()


# What is printed


def table_of(steps: Sequence[Step]) -> Table:
    """Draw the steps as a table."""
    table = Table("step")
    for title in ("files", "MB", "seconds", "files/s", "MB/s"):
        table.add_column(title, justify="right")
    for step in steps:
        megabytes = None if step.size is None else step.size / 1e6
        rate = "" if megabytes is None else f"{megabytes / step.seconds:,.1f}"
        size = "" if megabytes is None else f"{megabytes:,.1f}"
        table.add_row(
            step.name, f"{step.count:,}", size, f"{step.seconds:,.2f}", f"{step.count / step.seconds:,.0f}", rate
        )
    return table


def print_some(console: Console, title: str, lines: Sequence[str]) -> None:
    """Print the first of ``lines`` under a title, and how many more there are."""
    if not lines:
        return
    say(console, f"{title}:")
    for line in lines[:SHOWN]:
        say(console, f"  {line}")
    if len(lines) > SHOWN:
        say(console, f"  and {len(lines) - SHOWN:,} more")


def print_report(report: Report, tree: Tree) -> None:
    """Print what was left out, what was done, and what differs."""
    console = report.console
    print_some(console, f"Left out ({len(tree.skipped):,})", tree.skipped)
    if tree.empty_directories:
        say(console, f"Empty directories, which S3 does not have: {tree.empty_directories:,}")
    console.print(table_of(report.steps))
    print_some(console, f"Differences ({len(report.differences):,})", report.differences)
    if not report.differences:
        say(console, f"All {len(tree.files):,} files are equal.")


def print_errors(error: BaseException) -> None:
    """Print the text of an error, or of each error in a group, without a traceback."""
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            print_errors(inner)
    else:
        print(f"error: {error}", file=sys.stderr)


def copy_and_check(tree: Tree, console: Console) -> bool:
    """Do all steps on a server of their own; tell whether everything was equal."""
    say(console, f"{tree.root}: {len(tree.files):,} files, {tree.size / 1e6:,.1f} MB")
    report = Report(console)
    with LocalServer(buckets=[BUCKET]) as server:
        config = aios3.Config(**server.config)
        asyncio.run(run_async(report, tree, config))
        run_sync(report, tree, config)
    print_report(report, tree)
    return not report.differences


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the example and return its exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory", nargs="?", type=Path, help="what to copy; default: the standard library")
    directory = parser.parse_args(arguments).directory
    equal = False
    try:
        library = directory is None
        root = Path(sysconfig.get_path("stdlib")) if library else directory
        tree = find_files(root, NOT_THE_LIBRARY if library else None)
    except DirectoryError as error:
        print_errors(error)
        return 2
    try:
        equal = copy_and_check(tree, Console())
    except* (aios3.S3Error, OSError) as errors:
        print_errors(errors)
    return 0 if equal else 1


if __name__ == "__main__":
    sys.exit(main())
