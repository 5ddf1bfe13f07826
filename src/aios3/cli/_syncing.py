"""The command ``sync``: make a directory have what another has, and copy only what differs."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import aios3
from aios3 import S3Url
from aios3._threads import in_thread
from aios3.cli._actions import ActionPrinter
from aios3.cli._app import UsageError
from aios3.cli._bar import open_bar
from aios3.cli._names import add_filters, add_raw, globs_of, is_pattern
from aios3.cli._object_options import add_object_options, object_words, options_for
from aios3.cli._on_options import add_on, done_on_engine
from aios3.cli._paths import add_ends, end_words, open_ends, parse_path, reject_streams, target_words
from aios3.cli._preserving import add_preserve, preserved
from aios3.cli._words import repeated_words
from aios3.errors import ObjectNotFoundError, PathNotDirectoryError

if TYPE_CHECKING:
    import argparse

    from aios3.cli._app import App


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("source", metavar="SRC", help="a directory, local or in S3")
    parser.add_argument("target", metavar="DST", help="the directory that is to have the same")
    parser.add_argument("--delete", action="store_true", help="delete what only the target has, after all was copied")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--checksum", action="store_true", help="compare contents by ETag, not times")
    how.add_argument("--size-only", action="store_true", help="compare sizes only, not times")
    how.add_argument(
        "--exact-timestamps",
        action="store_true",
        help="copy also what is newer at the target, or has another kept time",
    )
    parser.add_argument("--follow-symlinks", action="store_true", help="enter linked directories of the disk, too")
    add_preserve(parser)
    add_filters(parser)
    add_raw(parser)
    add_object_options(parser)
    add_ends(parser)
    add_on(parser)


async def _sync(app: App, options: argparse.Namespace) -> None:
    if await done_on_engine(app, "sync"):
        return
    reject_streams([options.source, options.target], "sync")
    for path in (options.source, options.target):
        if is_pattern(path, raw=options.raw):
            message = (
                f"{path} has wildcards; sync takes directories: choose files with --include, or take it with --raw"
            )
            raise UsageError(message)
    source, target = parse_path(options.source), parse_path(options.target)
    if isinstance(source, str) and isinstance(target, str):
        message = f"neither {source} nor {target} is in S3; rsync works between local directories"
        raise UsageError(message)
    if isinstance(source, str) and await in_thread(os.path.isfile, source):
        raise _is_no_directory(source)
    stored, (include, exclude) = options_for(target, options), globs_of(options)
    words = [*repeated_words(options, "preserve", "no_preserve_mtime"), *object_words(stored), *end_words(options)]
    session, target_session = await open_ends(app, options)
    bar = open_bar(app, "sync")
    try:
        await aios3.sync_tree(
            _directory(source),
            target,
            options.follow_symlinks,
            checksum=options.checksum,
            size_only=options.size_only,
            # A file that got its former time back is older than its object: without a HEAD it would be copied again.
            exact_times=options.exact_timestamps or (options.preserve and not (options.checksum or options.size_only)),
            delete=options.delete,
            dry_run=options.dry_run,
            include=include,
            exclude=exclude,
            preserve=preserved(target, options),
            on_action=ActionPrinter(app, "cp", words, target_words(options)),
            progress=bar,
            target_session=target_session,
            session=session,
            **stored,
        )
    except ObjectNotFoundError as error:
        if error.path == str(_directory(source)) and await _is_object(source, session):
            raise _is_no_directory(source) from error
        raise
    finally:
        if bar is not None:
            bar.finish()


async def _is_object(path: S3Url | str, session: aios3.Session) -> bool:
    return isinstance(path, S3Url) and not path.names_directory and await aios3.isfile(path, session=session)


def _is_no_directory(path: S3Url | str) -> PathNotDirectoryError:
    message = f"{path} is no directory, and sync takes directories; cp copies a file or an object"
    return PathNotDirectoryError(message, path=str(path))


def _directory(path: S3Url | str) -> S3Url | str:
    """Return the path as a directory: an object of its name is not meant."""
    return path.with_key(path.prefix) if isinstance(path, S3Url) else path


ARGUMENTS = {"sync": _arguments}
RUN = {"sync": _sync}
