"""The commands ``ls``, ``find``, ``du`` and ``stat``: names, sizes and times."""

from __future__ import annotations

import argparse
from contextlib import aclosing
from typing import TYPE_CHECKING

import aios3
from aios3._backend import GetOptions
from aios3._namespace.link_targets import head
from aios3._patterns import has_magic
from aios3.cli._names import add_raw, fixed_part, is_pattern, require_s3
from aios3.cli._on_options import add_on, done_on_engine
from aios3.cli._output import DirectoryName
from aios3.cli._units import format_size, format_time, parse_number, parse_size, parse_time
from aios3.cli._words import quote
from aios3.errors import BucketNotFoundError, ObjectNotFoundError, S3Error

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator, Mapping

    from aios3.cli._app import App

TABLE_ROWS = 1000
"""Rows that share the widths of their columns; a longer listing is printed in tables of this size, as it comes."""


def _ls_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "paths", nargs="*", metavar="PATH", default=["s3://"], help="s3://bucket/directory/ or a pattern"
    )
    parser.add_argument(
        *("-l", "--long", "-h", "-H", "--human-readable", "--humanize"),
        action="store_true",
        help="with size, time and storage class",
    )
    parser.add_argument("-r", "-R", "--recursive", action="store_true", help="also what is below directories")
    parser.add_argument("--bytes", action="store_true", help="sizes in bytes, not in KiB, MiB ...")
    parser.add_argument("--summarize", action="store_true", help="at the end the number of objects and their size")
    add_raw(parser)


async def _ls(app: App, options: argparse.Namespace) -> None:
    total = [0, 0]
    for path in options.paths:
        try:
            await _list(app, options, require_s3(path), total)
        except S3Error as error:
            app.output.error("ls", _with_pattern(error, path))
    if options.summarize:
        count, size = total
        shown = str(size) if options.bytes else format_size(size)
        app.output.result({"objects": count, "bytes": size}, f"Total Objects: {count}", f"Total Size: {shown}")


def _with_pattern(error: S3Error, path: str) -> S3Error:
    """Return an error; that of a path with nothing at it with the pattern for names that begin so."""
    is_missing = isinstance(error, ObjectNotFoundError) and not isinstance(error, BucketNotFoundError)
    if not is_missing or path.endswith("/") or has_magic(path):
        return error
    message = f"{error}; {quote(f'{path}*')} lists names that begin so"
    return ObjectNotFoundError(message, path=path)


async def _list(app: App, options: argparse.Namespace, path: str, total: list[int]) -> None:
    session = await app.session()
    if is_pattern(path, raw=options.raw):
        root = fixed_part(path)
        entries = aios3.glob_stat(path, missing_ok=False, session=session)
    elif options.recursive:
        root = await _root_of(path, session)
        entries = _entries_below(path, session, raw=True)
    else:
        root = await _root_of(path, session)
        if root != _directory(path):
            entries = _only(path, await aios3.lstat(path, session=session))
        else:
            entries = aios3.scandir(path, session=session)
    rows: list[aios3.FileEntry] = []
    async with aclosing(entries) as source:
        async for entry in source:
            if not entry.is_dir():
                total[0] += 1
                total[1] += entry.stat.size
            if not options.long:
                _print_entry(app, entry, root)
                continue
            rows.append(entry)
            if len(rows) == TABLE_ROWS:
                _print_table(app, options, rows, root)
                rows.clear()
    if rows:
        _print_table(app, options, rows, root)


async def _root_of(path: str, session: aios3.Session) -> str:
    """Return the directory that names are printed relative to: the path itself, or that of the object it names."""
    if path.endswith("/") or aios3.S3Url.parse(path).key == "" or not await aios3.isfile(path, session=session):
        return _directory(path)
    return path[: path.rindex("/") + 1]


def _directory(path: str) -> str:
    return path if path.endswith("/") else f"{path}/"


async def _only(path: str, stat: aios3.StatResult) -> AsyncGenerator[aios3.FileEntry, None]:
    yield aios3.FileEntry(path[path.rindex("/") + 1 :], path, stat)


def record_of(entry: aios3.FileEntry) -> Mapping[str, object]:
    """Return the description of one object or directory in a listing, for ``--json``."""
    if entry.is_dir():
        return {"path": entry.path, "type": "directory"}
    stat = entry.stat
    return {
        "path": entry.path,
        "type": "link" if stat.is_symlink() else "file",
        "size": stat.size,
        "mtime": format_time(stat.mtime),
        "etag": stat.etag,
        "storage_class": stat.storage_class,
    }


def _name(entry: aios3.FileEntry, root: str) -> str:
    name = entry.path.removeprefix(root)
    return DirectoryName(_directory(name)) if entry.is_dir() else name


def _print_entry(app: App, entry: aios3.FileEntry, root: str) -> None:
    app.output.result(record_of(entry), _name(entry, root))


def _print_table(app: App, options: argparse.Namespace, entries: list[aios3.FileEntry], root: str) -> None:
    app.output.table(map(record_of, entries), (_row(entry, root, options) for entry in entries), right=(0,))


def _row(entry: aios3.FileEntry, root: str, options: argparse.Namespace) -> tuple[str, ...]:
    if entry.is_dir():
        return ("-", "", "", _name(entry, root))
    size = str(entry.stat.size) if options.bytes else format_size(entry.stat.size)
    return (size, format_time(entry.stat.mtime), entry.stat.storage_class or "", _name(entry, root))


def _find_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "paths", nargs="+", metavar="PATTERN", help="a directory, or a pattern such as s3://bucket/**/*.gz"
    )
    parser.add_argument(
        "--newer", metavar="TIME", type=parse_time, help="changed after a date, or within an age such as 7d"
    )
    parser.add_argument(
        "--older", metavar="TIME", type=parse_time, help="changed before a date, or longer ago than an age"
    )
    parser.add_argument("--larger", metavar="SIZE", type=parse_size, help="of more bytes")
    parser.add_argument("--smaller", metavar="SIZE", type=parse_size, help="of fewer bytes")
    parser.add_argument("--type", choices=["f", "l"], help="f: files, l: symbolic links")
    add_raw(parser)


async def _find(app: App, options: argparse.Namespace) -> None:
    session = await app.session()
    for path in options.paths:
        try:
            async with aclosing(_entries_below(require_s3(path), session, raw=options.raw)) as entries:
                async for entry in entries:
                    if not entry.is_dir() and _passes(entry.stat, options):
                        app.output.result(record_of(entry), entry.path)
        except S3Error as error:
            app.output.error("find", error)


async def _entries_below(path: str, session: aios3.Session, *, raw: bool) -> AsyncGenerator[aios3.FileEntry, None]:
    """Yield what a pattern matches, or what is below a directory, which may be empty."""
    is_glob = is_pattern(path, raw=raw)
    search = aios3.glob_stat if is_glob else aios3.scan_stat
    async with aclosing(search(path, missing_ok=False, session=session)) as entries:
        try:
            async for entry in entries:
                yield entry
        except ObjectNotFoundError:
            if is_glob or not await aios3.isdir(path, session=session):
                raise


def _passes(stat: aios3.StatResult, options: argparse.Namespace) -> bool:
    if options.newer is not None and stat.mtime <= options.newer:
        return False
    if options.older is not None and stat.mtime >= options.older:
        return False
    if options.larger is not None and stat.size <= options.larger:
        return False
    if options.smaller is not None and stat.size >= options.smaller:
        return False
    return options.type is None or stat.is_symlink() == (options.type == "l")


def _du_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("paths", nargs="+", metavar="PATH", help="a directory, a bucket or a pattern")
    parser.add_argument(
        "-d", "--max-depth", type=parse_number, default=0, metavar="N", help="also directories N levels below (0)"
    )
    parser.add_argument("--bytes", action="store_true", help="sizes in bytes, not in KiB, MiB ...")
    parser.add_argument(
        *("-s", "-h", "-H", "--summarize", "--human-readable", "--humanize"),
        dest="without_effect",
        action="store_true",
        help=argparse.SUPPRESS,
    )
    add_raw(parser)
    add_on(parser)


async def _du(app: App, options: argparse.Namespace) -> None:
    if await done_on_engine(app, "du"):
        return
    session = await app.session()
    records: list[Mapping[str, object]] = []
    for path in options.paths:
        root = fixed_part(path) if is_pattern(path, raw=options.raw) else path
        sums: dict[str, list[int]] = {root: [0, 0]}
        try:
            async with aclosing(_entries_below(require_s3(path), session, raw=options.raw)) as entries:
                async for entry in entries:
                    if entry.is_dir():  # matched by a pattern; what is below has to match it, too
                        continue
                    for directory in _directories(root, entry.path, options.max_depth):
                        total = sums.setdefault(directory, [0, 0])
                        total[0] += entry.stat.size
                        total[1] += 1
        except S3Error as error:
            app.output.error("du", error)
            continue
        records += [{"path": name, "bytes": size, "objects": count} for name, (size, count) in sums.items()]
    rows = [_sum_row(record, options) for record in records]
    app.output.table(records, rows, right=(0, 1))


def _directories(root: str, path: str, depth: int) -> Iterator[str]:
    """Yield the directories from ``root`` down that hold ``path``, at most ``depth`` levels below."""
    yield root
    below = path[len(_directory(root)) :].split("/")[:-1]
    for level in range(1, min(depth, len(below)) + 1):
        yield _directory(root) + "/".join(below[:level]) + "/"


def _sum_row(record: Mapping[str, object], options: argparse.Namespace) -> tuple[str, str, str]:
    size, count = record["bytes"], record["objects"]
    assert isinstance(size, int)
    assert isinstance(count, int)
    return (str(size) if options.bytes else format_size(size), f"{count:,}", str(record["path"]))


def _stat_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("paths", nargs="+", metavar="PATH", help="an object, a directory or a bucket")
    parser.add_argument("--version-id", metavar="ID", help="an older version of the object")


async def _stat(app: App, options: argparse.Namespace) -> None:
    session = await app.session()
    for path in options.paths:
        try:
            stat = await _described(require_s3(path), options.version_id, session)
        except S3Error as error:
            app.output.error("stat", error)
            continue
        record = _stat_record(path, stat)
        width = max(map(len, record)) + 1
        lines = (f"{name + ':':{width}} {value}" for name, value in record.items() if value is not None)
        app.output.result(record, *lines)


async def _described(path: str, version_id: str | None, session: aios3.Session) -> aios3.StatResult:
    if version_id is None:
        return await aios3.lstat(path, session=session)
    return await head(session, aios3.S3Url.parse(path).require_object(), GetOptions(version_id))


def _stat_record(path: str, stat: aios3.StatResult) -> Mapping[str, object]:
    if stat.is_dir():
        return {"path": path, "type": "directory"}
    return {
        "path": path,
        "type": "link" if stat.is_symlink() else "file",
        "size": stat.size,
        "mtime": format_time(stat.mtime),
        "etag": stat.etag,
        "version_id": stat.version_id,
        "storage_class": stat.storage_class,
        "content_type": stat.content_type,
        "metadata": dict(stat.metadata) or None,
        "checksums": dict(stat.checksums) or None,
    }


ARGUMENTS = {"ls": _ls_arguments, "find": _find_arguments, "du": _du_arguments, "stat": _stat_arguments}
RUN = {"ls": _ls, "find": _find, "du": _du, "stat": _stat}
