"""The commands ``cp`` and ``mv``: files, directories and patterns, from the disk to S3, back, and inside S3."""

from __future__ import annotations

import errno
import os
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import aios3
from aios3 import S3Url, is_s3
from aios3._backend import GetOptions
from aios3._handles.options import parse_upload_options
from aios3._namespace.link_targets import head, head_or_none
from aios3._objects.copy_object import CopyEnd
from aios3._patterns import has_magic
from aios3._threads import in_thread
from aios3._trees.copy_listed import may_overlap, see_same_object
from aios3._trees.file_trees import TreeEntry
from aios3._trees.filters import make_filter
from aios3._trees.moving_files import describe_source, removing_sources
from aios3._trees.progress_reporter import ProgressReporter
from aios3._trees.runner import for_each
from aios3._trees.syncing import SyncRule, sync_sides
from aios3._trees.transfer import FileCopier
from aios3._trees.transfer_counters import TransferCounters, is_fatal, partial_failure
from aios3._trees.uploading import copy_single
from aios3.cli._actions import ActionPrinter
from aios3.cli._app import UsageError
from aios3.cli._bar import open_bar
from aios3.cli._matching import matches, require_unambiguous
from aios3.cli._names import STANDARD_STREAM, add_filters, add_raw, fixed_part, globs_of, is_pattern
from aios3.cli._object_options import add_object_options, object_words, options_for
from aios3.cli._on_options import add_on, done_on_engine
from aios3.cli._paths import add_ends, end_words, open_ends, parse_path, parse_target, reject_streams
from aios3.cli._preserving import add_preserve, preserved
from aios3.cli._putting import put_standard_input
from aios3.cli._words import option_words, repeated_words
from aios3.errors import BucketNotFoundError, InvalidPathError, PartialFailureError, PathIsDirectoryError, S3Error

if TYPE_CHECKING:
    import argparse
    from collections.abc import AsyncGenerator

    from aios3._trees.filters import Filter
    from aios3.cli._app import App
    from aios3.cli._paths import Side, Target


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("sources", nargs="+", metavar="SRC", help="a file, an object, a directory or a pattern")
    parser.add_argument("target", metavar="DST", help="a file, an object, or a directory; a directory ends in /")
    parser.add_argument("-r", "-R", "--recursive", action="store_true", help="also directories, with all below them")
    parser.add_argument(
        "-n", "--no-clobber", "--no-overwrite", action="store_true", help="leave alone what the target has already"
    )
    parser.add_argument("--flatten", action="store_true", help="of what a pattern matches, only the last name")
    parser.add_argument("--follow-symlinks", action="store_true", help="enter linked directories of the disk, too")
    parser.add_argument("--resume", action="store_true", help="keep the parts of a file that failed, and use them")
    add_preserve(parser)
    add_filters(parser)
    add_raw(parser)
    add_object_options(parser)
    add_ends(parser)


def _cp_arguments(parser: argparse.ArgumentParser) -> None:
    _arguments(parser)
    parser.add_argument("--version-id", metavar="ID", help="an older version of the one object, to a file or to -")
    add_on(parser)


async def _cp(app: App, options: argparse.Namespace) -> None:
    if await done_on_engine(app, "cp"):
        return
    if options.target == STANDARD_STREAM:
        await _write_out(app, options)
    elif options.sources == [STANDARD_STREAM]:
        await put_standard_input(app, options, options.target)
    else:
        await _copy_all(app, options, "cp")


async def _mv(app: App, options: argparse.Namespace) -> None:
    await _copy_all(app, options, "mv")


async def _write_out(app: App, options: argparse.Namespace) -> None:
    """Write objects to standard output, one after the other."""
    session, _ = await open_ends(app, options)
    _check_version(options)
    more: aios3.ReaderOptions = {} if options.version_id is None else {"version_id": options.version_id}
    for path in options.sources:
        if not isinstance(parse_path(path), S3Url):
            message = f"{path} is not in S3; cat writes local files to standard output"
            raise UsageError(message)
        async with aios3.aopen(path, session=session, **more) as file:
            async for chunk in file.chunks():
                await app.output.stream.write_bytes(chunk)


async def _copy_all(app: App, options: argparse.Namespace, command: str) -> None:
    reject_streams([*options.sources, options.target], command)
    target = parse_target(options.target, raw=options.raw)
    sources = [(path, parse_path(path)) for path in options.sources]
    _check_sides(sources, target, options)
    version_id = None
    if command == "cp":
        _check_version(options)
        version_id = options.version_id
    upload_options = options_for(target.path, options)
    stored = parse_upload_options(upload_options)
    session, target_session = await open_ends(app, options)
    words = [
        *repeated_words(options, "no_clobber", "resume", "preserve", "no_preserve_mtime"),
        *object_words(upload_options),
        *end_words(options),
        *option_words({"version_id": version_id}),
    ]
    printer = ActionPrinter(app, command, words)
    bar = open_bar(app, command)
    copier = FileCopier(
        session,
        ProgressReporter(None, bar),
        TransferCounters(printer),
        overwrite=not options.no_clobber,
        resume=options.resume,
        target_session=None if target_session is session else target_session,
        options=stored,
        preserve=frozenset(preserved(target.path, options)),
        version_id=version_id,
    )
    globs = make_filter(*globs_of(options))
    try:
        named = frozenset(str(side) for _, side in sources)
        await Copying(app, command, printer, copier, target, globs, named).run(sources)
    finally:
        if bar is not None:
            bar.finish()


def _check_sides(sources: list[tuple[str, Side]], target: Target, options: argparse.Namespace) -> None:
    """Raise UsageError for sources that do not fit the target."""
    local = next((path for path, side in sources if isinstance(side, str)), None)
    if local is not None and isinstance(target.path, str):
        message = f"neither {local} nor {target.path} is in S3; use the cp and mv of the system"
        raise UsageError(message)
    is_many = len(sources) > 1 or is_pattern(sources[0][0], raw=options.raw)
    if is_many and not target.is_directory:
        message = f"{options.target} is no directory, and there is more than one source; end it in '/'"
        raise UsageError(message)


def _check_version(options: argparse.Namespace) -> None:
    """Raise UsageError for a version of anything but one object, or for a copy of it inside S3."""
    if options.version_id is None:
        return
    source = options.sources[0]
    if len(options.sources) > 1 or options.recursive or not is_s3(source) or is_pattern(source, raw=options.raw):
        message = "--version-id is of one object; leave out -r, patterns and other sources"
        raise UsageError(message)
    if is_s3(options.target):
        message = "--version-id copies to a file; cat --version-id ID PATH | aios3 put PATH stores a version again"
        raise UsageError(message)


@dataclass(frozen=True, slots=True)
class Source:
    """A source: as it was typed, or as a pattern has found it."""

    path: Side
    name: str | None = None
    """Its name below the target; None: its own."""
    item: TreeEntry | None = None
    """Its description, of an object that a pattern has found."""
    is_directory: bool | None = None
    """None where nothing has looked yet."""
    is_only: bool = False
    """True for the only source: what is in a directory then goes into the target itself."""


@dataclass(frozen=True, slots=True)
class Copying:
    """One ``cp`` or ``mv``."""

    app: App
    command: str
    printer: ActionPrinter
    copier: FileCopier
    target: Target
    globs: Filter
    named: frozenset[str]
    """The sources as they were typed."""
    claimed: dict[str, str] = field(default_factory=dict)
    """By target, the source that is copied there."""

    async def run(self, sources: list[tuple[str, Side]]) -> None:
        """Copy all sources; failures are printed, and the others go on."""
        await for_each(self._expand(sources), self._copy, self.copier.session.config.max_concurrency)

    async def _expand(self, sources: list[tuple[str, Side]]) -> AsyncGenerator[Source, None]:
        for path, side in sources:
            if not is_pattern(path, raw=self.app.options.raw):
                yield Source(side, is_only=len(sources) == 1)
                continue
            try:
                async with aclosing(self._matches(path)) as matching:
                    async for source in matching:
                        yield source
            except (S3Error, OSError) as error:
                self._failed(path, error)

    async def _matches(self, pattern: str) -> AsyncGenerator[Source, None]:
        """Yield what a pattern matches; where copies could match as well, all of it is read before."""
        session, root = self.copier.session, fixed_part(pattern)
        await require_unambiguous(pattern, session)
        target = self.target.path
        sources = self._described(pattern, root)
        if isinstance(target, S3Url) and may_overlap(S3Url.parse(root), target):
            for each in [each async for each in sources]:
                yield each
            return
        async with aclosing(sources):
            async for each in sources:
                yield each

    async def _described(self, pattern: str, root: str) -> AsyncGenerator[Source, None]:
        listed = matches(self.app, pattern, self.copier.session, directories=self.app.options.recursive)
        async with aclosing(listed):
            async for entry in listed:
                url, name = S3Url.parse(entry.path), entry.path.removeprefix(root)
                if not self.globs.wants(name):
                    continue
                if self.app.options.flatten:
                    name = name.rpartition("/")[2]
                stat = entry.stat
                item = TreeEntry(name, stat.size, stat.mtime, stat.etag, storage_class=stat.storage_class)
                yield Source(url, name, item, entry.is_dir())

    async def _copy(self, source: Source) -> None:
        try:
            if source.is_directory is None:
                source = await self._look(source)
            if source.is_directory:
                await self._copy_directory(source)
            else:
                await self._copy_file(source)
        except FileNotFoundError as error:  # ObjectNotFoundError is one, too
            self._failed(str(source.path), await self._explained(source.path, error))
        except (S3Error, OSError) as error:
            self._failed(str(source.path), error)

    async def _explained(self, path: Side, error: S3Error | OSError) -> S3Error | OSError:
        """Return the error for a source that is not there, or one that says what was meant."""
        if isinstance(path, str):
            if not has_magic(path) or getattr(error, "filename", None) != path:
                return error
            message = f"{path}: no such file; the shell expands wildcards of local paths, unless they are quoted"
            return InvalidPathError(message, path=path)
        try:
            is_directory = getattr(error, "path", None) == str(path) and await aios3.isdir(
                path, session=self.copier.session
            )
        except S3Error:
            return error
        return self._directory_error(path) if is_directory else error

    def _directory_error(self, path: Side) -> PathIsDirectoryError:
        message = f"{path} is a directory; -r takes it with all that is below"
        return PathIsDirectoryError(message, path=str(path))

    def _failed(self, path: str, error: S3Error | OSError) -> None:
        """Print an error, and the source that has it; raise one that all other sources would have as well."""
        has_no_reader = isinstance(error, BrokenPipeError)  # it is of standard output, not of the source
        if has_no_reader or (is_fatal(error) and not isinstance(error, BucketNotFoundError)):
            raise error
        if not isinstance(error, PartialFailureError):
            error = partial_failure(self.command, path, {path: error}, {})
        self.app.output.error(self.command, error)

    async def _look(self, source: Source) -> Source:
        """Find out whether a source is a directory."""
        path = source.path
        if isinstance(path, str):
            return replace(source, is_directory=await in_thread(os.path.isdir, path))
        if path.names_directory or not path.key:
            return replace(source, is_directory=True)
        if not self.app.options.recursive:
            return replace(source, is_directory=False)
        return replace(source, is_directory=await head_or_none(self.copier.session, path) is None)

    async def _copy_file(self, source: Source) -> None:
        path, name = source.path, source.name or _name_of(source.path)
        if source.name is None and not self.globs.wants(name):
            return
        target = self.target.below(name) if self.target.is_directory else self.target.path
        await self._claim(path, target)
        copier, item = self.copier, source.item
        if self.target.root is not None:
            copier = copier.confined_to(self.target.root)
        if item is None and (isinstance(path, str) or self.command == "mv" or self.app.options.dry_run):
            item = await self._describe(path)
        if self.app.options.dry_run:
            assert item is not None
            if copier.overwrite or not await self._exists(target):
                copier.counters.plan_copy(path, target, item.size)
            return
        if self.command == "mv":
            copier = replace(copier, after=removing_sources(copier.session))
        await copy_single(copier, path, target, item)

    async def _describe(self, source: Side) -> TreeEntry:
        session, version_id = self.copier.session, self.copier.version_id
        if isinstance(source, str) or version_id is None:
            return await describe_source(session, source)
        stat = await head(session, source, GetOptions(version_id))
        return TreeEntry("", stat.size, stat.mtime, stat.etag)

    async def _exists(self, target: Side) -> bool:
        if isinstance(target, str):
            return await in_thread(os.path.lexists, target)
        return await head_or_none(self.copier.writing_session, target) is not None

    async def _claim(self, source: Side, target: Side) -> None:
        """Raise InvalidPathError if another source is copied to the same path, or the source itself is there."""
        options = self.app.options
        may_collide = len(options.sources) > 1 or options.flatten  # matches of one pattern have names of their own
        other = self.claimed.setdefault(str(target), str(source)) if may_collide else str(source)
        if other != str(source):
            message = f"{source} was not copied: {target} is the copy of {other}, which it would replace"
            raise InvalidPathError(message, path=str(source))
        if str(target) in self.named and str(target) != str(source):
            message = f"{source} was not copied: {target} is a source as well, which it would replace"
            raise InvalidPathError(message, path=str(source))
        if isinstance(source, S3Url) and isinstance(target, S3Url) and source.key == target.key:
            old, new = CopyEnd(self.copier.session, source), CopyEnd(self.copier.writing_session, target)
            if source.bucket == target.bucket and (old.shares_server_with(new) or await see_same_object(old, new)):
                message = f"{source} and {target} are the same object"
                raise InvalidPathError(message, path=str(source))

    async def _copy_directory(self, source: Source) -> None:
        path = source.path
        if not self.app.options.recursive:
            raise self._directory_error(path)
        target = self.target.path if source.is_only else self.target.below(source.name or _name_of(path))
        if not source.is_only:
            await self._claim(path, target)
        if isinstance(target, str) and await in_thread(os.path.isfile, target):
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), target)
        if isinstance(path, S3Url):
            path = path.with_key(path.prefix)
        counters = TransferCounters(self.printer)
        copier = replace(self.copier, counters=counters, followlinks=self.app.options.follow_symlinks)
        if self.command == "mv":
            root = path if isinstance(path, str) else None
            copier = replace(copier, after=removing_sources(copier.session, root))
        overwrite = not self.app.options.no_clobber
        rule = SyncRule(force=overwrite, overwrite=overwrite, dry_run=self.app.options.dry_run)
        await sync_sides(copier, path, target, rule, self.globs)


def _name_of(path: Side) -> str:
    """Return the last name of a path; of a whole bucket, the bucket's."""
    if isinstance(path, S3Url):
        return path.key.rstrip("/").rpartition("/")[2] or path.bucket
    return os.path.basename(os.path.abspath(path))  # noqa: PTH100, PTH119 - resolve() would follow links


ARGUMENTS = {"cp": _cp_arguments, "mv": _arguments}
RUN = {"cp": _cp, "mv": _mv}
