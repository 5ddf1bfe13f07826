"""The commands ``zip ls``, ``cat``, ``extract`` and ``create``: archives in S3, read and written in place."""

from __future__ import annotations

import os
import stat as stat_bits
import zipfile
from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import aios3
from aios3._patterns import has_magic
from aios3._threads import in_thread
from aios3._trees.file_trees import LocalTree
from aios3.cli._app import UsageError
from aios3.cli._names import add_raw, fixed_part, is_pattern, require_s3
from aios3.cli._units import format_size, format_time, parse_size
from aios3.cli._words import repeated_words

if TYPE_CHECKING:
    import argparse
    from collections.abc import AsyncGenerator
    from contextlib import AbstractAsyncContextManager

    from aios3.cli._app import App

_COMPRESSIONS = ("deflate", "stored", "bzip2", "lzma")
_ZSTANDARD = 93
_METHODS = {
    zipfile.ZIP_STORED: "stored",
    zipfile.ZIP_DEFLATED: "deflate",
    zipfile.ZIP_BZIP2: "bzip2",
    zipfile.ZIP_LZMA: "lzma",
    _ZSTANDARD: "zstd",
}


def _add_archive(parser: argparse.ArgumentParser, *, members: str) -> None:
    parser.add_argument("archive", metavar="ARCHIVE", help="a zip archive, s3://bucket/key")
    parser.add_argument("members", nargs=members, metavar="MEMBER", help="names in the archive, or patterns of names")
    parser.add_argument("--encoding", metavar="NAME", help="encoding of names that are not marked as UTF-8 (cp437)")
    parser.add_argument("--version-id", metavar="ID", help="an older version of the archive")
    parser.add_argument(
        "--no-limits", action="store_true", help="trust the archive: any number of members, any compression ratio"
    )
    add_raw(parser)


def _add_no_clobber(parser: argparse.ArgumentParser, text: str) -> None:
    parser.add_argument("-n", "--no-clobber", "--no-overwrite", action="store_true", help=text)


def _opened(
    session: aios3.Session, options: argparse.Namespace, max_total_bytes: int | None = None
) -> AbstractAsyncContextManager[aios3.AsyncZipArchive]:
    limits = aios3.ZipLimits(max_total_bytes=max_total_bytes)
    if options.no_limits:
        limits = replace(limits, max_members=None, max_ratio=None)
    path = require_s3(options.archive)
    return aios3.open_zip(
        path, limits=limits, encoding=options.encoding, version_id=options.version_id, session=session
    )


def _chosen(archive: aios3.AsyncZipArchive, options: argparse.Namespace) -> list[str]:
    """Return the names that are asked for, each once; raise ObjectNotFoundError for one that is not there."""
    if not options.members:
        return archive.names()
    chosen: dict[str, None] = {}
    for member in options.members:
        if options.raw or member in archive or not has_magic(member):
            chosen[archive.getinfo(member).filename] = None
            continue
        names = archive.glob(member)
        if not names:
            message = f"No member of {archive.path} matches {member!r}"
            raise aios3.ObjectNotFoundError(message, path=str(archive.path))
        chosen.update(dict.fromkeys(names))
    return list(chosen)


def _ls_arguments(parser: argparse.ArgumentParser) -> None:
    _add_archive(parser, members="*")
    parser.add_argument("-l", "--long", action="store_true", help="with size, packed size, time and compression")
    parser.add_argument("--bytes", action="store_true", help="sizes in bytes, not in KiB, MiB ...")


async def _ls(app: App, options: argparse.Namespace) -> None:
    async with _opened(await app.session(), options) as archive:
        infos = [archive.getinfo(name) for name in _chosen(archive, options)]
        records = [
            {"path": str(archive.path), "member": info.filename, **_record_of(info, archive.stat(info.filename).mtime)}
            for info in infos
        ]
    if options.long:
        rows = [_row(info, record, options) for info, record in zip(infos, records, strict=True)]
        app.output.table(records, rows, right=(0, 1))
        return
    for record in records:
        app.output.result(record, str(record["member"]))


def _record_of(info: zipfile.ZipInfo, mtime: float) -> dict[str, object]:
    if info.is_dir():
        return {"type": "directory"}
    return {
        "type": "file",
        "size": info.file_size,
        "compressed_size": info.compress_size,
        "mtime": format_time(mtime),
        "compression": _METHODS.get(info.compress_type, str(info.compress_type)),
        "crc32": f"{info.CRC:08x}",
    }


def _row(info: zipfile.ZipInfo, record: dict[str, object], options: argparse.Namespace) -> tuple[str, ...]:
    if info.is_dir():
        return ("-", "-", "", "", info.filename)
    sizes = (info.file_size, info.compress_size)
    shown = map(str, sizes) if options.bytes else map(format_size, sizes)
    return (*shown, str(record["mtime"]), str(record["compression"]), info.filename)


def _cat_arguments(parser: argparse.ArgumentParser) -> None:
    _add_archive(parser, members="+")


async def _cat(app: App, options: argparse.Namespace) -> None:
    async with _opened(await app.session(), options) as archive:
        for name in _chosen(archive, options):
            async with archive.open(name) as member:
                async for chunk in member.chunks():
                    await app.output.stream.write_bytes(chunk)


def _extract_arguments(parser: argparse.ArgumentParser) -> None:
    _add_archive(parser, members="*")
    parser.add_argument(
        "-d",
        "--to",
        metavar="DIRECTORY",
        default=".",
        help="where members go: a local directory, or s3://bucket/prefix/",
    )
    _add_no_clobber(parser, "replace nothing: fail where something is there")
    parser.add_argument(
        "--resume", action="store_true", help="go on after an extraction that ended early: leave alone what is there"
    )
    parser.add_argument("--max-size", type=parse_size, metavar="SIZE", help="the most bytes to extract")


async def _extract(app: App, options: argparse.Namespace) -> None:
    def show(path: str) -> None:
        app.output.result({"command": "zip extract", "source": options.archive, "target": path}, path)

    async with _opened(await app.session(), options, options.max_size) as archive:
        members = _chosen(archive, options)
        if not options.dry_run:
            await archive.extract_all(
                options.to, members, overwrite=not options.no_clobber, resume=options.resume, on_extracted=show
            )
            return
        targets = await archive.extract_all(options.to, members, dry_run=True)
    for member, target in zip(members, targets, strict=True):
        record = {"command": "zip extract", "source": options.archive, "member": member, "target": target}
        words = repeated_words(options, "encoding", "version_id", "no_limits", "no_clobber", "resume", "to")
        raw = ["--raw"] if has_magic(member) else []
        end = ["--"] if member.startswith("-") else []
        app.output.dry_run(record, ["zip", "extract", *words, *raw, *end, options.archive, member])


def _create_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("archive", metavar="ARCHIVE", help="the zip archive to write, s3://bucket/key")
    parser.add_argument(
        "sources", nargs="+", metavar="SOURCE", help="files, directories, objects, or patterns of objects"
    )
    parser.add_argument("--compression", choices=_COMPRESSIONS, default="deflate", help="of every member (deflate)")
    parser.add_argument("--level", type=int, metavar="N", help="1 is fast, 9 is small; of deflate and bzip2")
    _add_no_clobber(parser, "fail if there is an archive already")
    add_raw(parser)


class _Member(NamedTuple):
    """A file or object, and its name in the archive."""

    path: str
    name: str


async def _create(app: App, options: argparse.Namespace) -> None:
    session = await app.session()
    path = str(aios3.S3Url.parse(require_s3(options.archive)))
    sources = [await _checked(source, session, raw=options.raw) for source in options.sources]
    if options.dry_run:
        words = repeated_words(options, "raw", "compression", "level", "no_clobber")
        record = {"command": "zip create", "sources": sources, "target": path}
        end = ["--"] if any(source.startswith("-") for source in sources) else []
        app.output.dry_run(record, ["zip", "create", *words, *end, path, *sources])
        return
    async with aios3.create_zip(
        path,
        "x" if options.no_clobber else "w",
        compression=options.compression,
        compresslevel=options.level,
        session=session,
    ) as archive:
        for source in sources:
            async with aclosing(_members(source, session, raw=options.raw)) as members:
                async for member in members:
                    if member.path == path:  # the archive of an earlier run, which lies among its sources
                        continue
                    size = await archive.add(member.path, member.name)
                    app.output.result({"archive": path, "member": member.name, "size": size}, member.name)


async def _checked(source: str, session: aios3.Session, *, raw: bool) -> str:
    """Return a source that is there, a directory with a ``/`` at its end; raise what says that it is not."""
    if not aios3.is_s3(source):
        if "://" in source:
            require_s3(source)
        status = await in_thread(os.stat, source)
        is_directory = stat_bits.S_ISDIR(status.st_mode)
        if not is_directory and not stat_bits.S_ISREG(status.st_mode):
            message = f"{source}: is neither a file nor a directory"
            raise UsageError(message)
        return _directory(source) if is_directory else source
    if is_pattern(source, raw=raw) or source.endswith("/"):
        return source
    return _directory(source) if (await aios3.stat(source, session=session)).is_dir() else source


def _directory(path: str) -> str:
    return path if path.endswith("/") else f"{path}/"


async def _members(source: str, session: aios3.Session, *, raw: bool) -> AsyncGenerator[_Member, None]:
    """Yield what a source has; names begin below a directory, or below what stands before the first wildcard."""
    if not source.endswith("/") and not is_pattern(source, raw=raw):
        yield _Member(source, source[source.rindex("/") + 1 :] if "/" in source else source)
        return
    listing = _in_s3(source, session, raw=raw) if aios3.is_s3(source) else _on_disk(source)
    async with aclosing(listing) as members:
        async for member in members:
            yield member


async def _in_s3(source: str, session: aios3.Session, *, raw: bool) -> AsyncGenerator[_Member, None]:
    pattern = is_pattern(source, raw=raw)
    root = fixed_part(source) if pattern else source
    entries = (aios3.glob_stat if pattern else aios3.scan_stat)(source, missing_ok=False, session=session)
    async with aclosing(entries) as listed:
        async for entry in listed:
            if not entry.is_dir():
                yield _Member(entry.path, entry.path.removeprefix(root))


async def _on_disk(source: str) -> AsyncGenerator[_Member, None]:
    tree = LocalTree(source)
    async with aclosing(tree.batches()) as batches:
        async for batch in batches:
            for entry in batch:
                if entry.error is not None:
                    raise entry.error
                yield _Member(tree.path(entry.name), entry.name)


ARGUMENTS = {
    "zip ls": _ls_arguments,
    "zip cat": _cat_arguments,
    "zip extract": _extract_arguments,
    "zip create": _create_arguments,
}
RUN = {"zip ls": _ls, "zip cat": _cat, "zip extract": _extract, "zip create": _create}
