"""Listings of a directory, and of everything below it."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING

from aios3._arguments import check_arguments
from aios3._entries import FileEntry, StatResult
from aios3._namespace.account import buckets_of
from aios3._namespace.key_order import lists_in_key_order
from aios3._namespace.link_targets import head_or_none, replace_by_targets
from aios3._namespace.lookup import first_keys_in_one_request, is_conclusive, is_denied
from aios3._namespace.pages import (
    MAX_PREFETCHED,
    ListingTasks,
    directory_path,
    merge_page,
    pages,
    parse_inside_bucket,
    prefetch_batches,
)
from aios3._paths import S3Url
from aios3._session import current_session
from aios3.errors import AccessDeniedError, BucketNotFoundError, ObjectNotFoundError, PathNotDirectoryError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from aios3._backend import ListPage
    from aios3._namespace.pages import Prefetched
    from aios3._paths import AnyPath
    from aios3._session import Session
    from aios3.errors import S3Error


async def listdir(path: AnyPath, followlinks: bool = False, *, session: Session | None = None) -> list[str]:
    """Return the names in a directory, sorted; a file and a directory of the same name are two. ``s3://``: buckets.

    An empty name stands for a directory that has none (``a//b`` is ``b`` in it, in ``a``). ``followlinks`` replaces a
    symbolic link's name by the name of what it leads to.

    Raises like :func:`scandir`.
    """
    check_arguments(followlinks=followlinks)
    session, url = current_session(session), S3Url.parse(path)
    names: list[str] = []
    async with ListingTasks(session) as tasks, aclosing(_directory(tasks, url, followlinks=followlinks)) as source:
        async for entries in source:
            names += [entry.name for entry in entries]
    return sorted(names)


async def scandir(
    path: AnyPath, followlinks: bool = False, *, session: Session | None = None
) -> AsyncGenerator[FileEntry, None]:
    """Yield the entries of a directory in key order; ``s3://``: the buckets.

    The path of a directory in it ends in ``/``. ``followlinks`` replaces a symbolic link by what it leads to, at the
    cost of one request for each empty object.

    Raises PathNotDirectoryError for an object (unless a directory has the same name), ObjectNotFoundError if there is
    nothing, BucketNotFoundError without a bucket.
    """
    check_arguments(followlinks=followlinks)
    session, url = current_session(session), S3Url.parse(path)
    async with ListingTasks(session) as tasks:
        async for entries in tasks.prefetch(_directory(tasks, url, followlinks=followlinks)):
            for entry in entries:
                yield entry


async def scan(
    path: AnyPath,
    missing_ok: bool = True,
    followlinks: bool = False,
    *,
    parallel: bool = True,
    session: Session | None = None,
) -> AsyncGenerator[str, None]:
    """Yield the path of every object below this one, in key order; first an object at this very path.

    Directories and their markers are left out. ``followlinks`` replaces a symbolic link by the path of what it leads
    to, at the cost of one request for each empty object. ``parallel=False`` lists page after page, and never several
    at once.

    Raises ObjectNotFoundError if there is none and not ``missing_ok``; UnsupportedError for ``s3://``.
    """
    check_arguments(missing_ok=missing_ok, followlinks=followlinks, parallel=parallel)
    session, url = current_session(session), parse_inside_bucket(path, "scan")
    async with ListingTasks(session) as tasks:
        source = _scanned_paths(tasks, url, followlinks=followlinks, parallel=parallel)
        async with aclosing(
            prefetch_batches(tasks, source, str(url), missing_ok=missing_ok, ahead=followlinks)
        ) as batches:
            async for paths in batches:
                for item in paths:
                    yield item


async def scan_stat(
    path: AnyPath,
    missing_ok: bool = True,
    followlinks: bool = False,
    *,
    parallel: bool = True,
    session: Session | None = None,
) -> AsyncGenerator[FileEntry, None]:
    """Yield like :func:`scan`, with what a listing knows of each object; with ``followlinks``, of a link's target."""
    check_arguments(missing_ok=missing_ok, followlinks=followlinks, parallel=parallel)
    session, url = current_session(session), parse_inside_bucket(path, "scan_stat")
    async with ListingTasks(session) as tasks:
        source = _scanned_entries(tasks, url, followlinks=followlinks, parallel=parallel)
        async with aclosing(
            prefetch_batches(tasks, source, str(url), missing_ok=missing_ok, ahead=followlinks)
        ) as batches:
            async for entries in batches:
                for entry in entries:
                    yield entry


async def walk(
    path: AnyPath,
    followlinks: bool = False,
    *,
    parallel: bool = True,
    session: Session | None = None,
) -> AsyncGenerator[tuple[str, list[str], list[str]], None]:
    """Yield ``(root, dirs, files)`` for a directory and every directory below it, from the top down.

    Names are sorted. ``root`` has no ``/`` at its end, except that of a directory without a name;
    ``aios3.path_join(root, name)`` is an entry's path. Changing ``dirs`` changes nothing: the next directory is being
    listed already. An object's path yields nothing; an empty bucket yields itself. ``parallel=False`` lists the pages
    of one directory one after the other.

    Raises UnsupportedError for ``s3://``.
    """
    check_arguments(followlinks=followlinks, parallel=parallel)
    session, url = current_session(session), parse_inside_bucket(path, "walk")
    async with (
        ListingTasks(session) as tasks,
        aclosing(prefetch_batches(tasks, _walked(tasks, url, parallel=parallel), str(url), missing_ok=True)) as steps,
    ):
        async for step in steps:
            yield step


async def _directory(tasks: ListingTasks, url: S3Url, *, followlinks: bool) -> AsyncGenerator[list[FileEntry], None]:
    if not url.bucket:
        yield await _buckets(tasks.session, url)
        return
    root = url.with_key(url.prefix)
    seen_any = not url.key
    async with aclosing(pages(tasks, root, "/")) as listing:
        async for page in listing:
            seen_any = seen_any or bool(page.keys or page.prefixes)
            entries = _entries_in(root, page)
            yield await replace_by_targets(tasks.session, entries) if followlinks else entries
    if not seen_any:
        raise await _no_directory(tasks.session, url)


async def _buckets(session: Session, url: S3Url) -> list[FileEntry]:
    if url.key:
        message = f"{str(url)!r} has no bucket"
        raise BucketNotFoundError(message, path=str(url))
    roots = [S3Url(bucket.name, "", url.profile) for bucket in await buckets_of(session, url)]
    return [FileEntry(root.bucket, str(root), StatResult(isdir=True)) for root in roots]


def _entries_in(root: S3Url, page: ListPage) -> list[FileEntry]:
    start = f"{root.with_key('')}/"
    cut = len(root.key)
    return [
        FileEntry(key[cut:-1], start + key, StatResult(isdir=True))
        if position is None
        else FileEntry(key[cut:], start + key, page.stats[position])
        for key, position in merge_page(page)
    ]


async def _no_directory(session: Session, url: S3Url) -> S3Error:
    if not url.names_directory and await head_or_none(session, url) is not None:
        return PathNotDirectoryError(f"{str(url)!r} is an object, not a directory", path=str(url))
    return ObjectNotFoundError(f"There is no directory at {str(url)!r}: nothing is stored below it", path=str(url))


async def _file_pages(
    tasks: ListingTasks, url: S3Url, *, parallel: bool
) -> AsyncGenerator[tuple[Sequence[str], Sequence[StatResult]], None]:
    """Yield the keys and descriptions of an object at ``url``, then of everything below ``url``; asked for at once."""
    listing = tasks.prefetch(pages(tasks, url.with_key(url.prefix), parallel=parallel))
    first_keys, rejection, seen_any = None, None, False
    if not url.names_directory:
        try:
            first_keys = await first_keys_in_one_request(tasks.session, url)
        except AccessDeniedError as error:
            if not is_denied(error):
                raise
            rejection = error  # a policy may allow to list the directory alone
        else:
            if first_keys.keys[:1] == [url.key]:
                yield first_keys.keys[:1], first_keys.stats[:1]
    async for page in listing:
        seen_any = seen_any or bool(page.keys)
        yield page.keys, page.stats
    if rejection is not None and not seen_any:
        raise rejection
    if (
        first_keys is not None
        and not is_conclusive(first_keys, url)
        and lists_in_key_order(tasks.session, url) is False
    ):
        stat = await head_or_none(tasks.session, url)
        if stat is not None:
            yield [url.key], [stat]


async def _scanned_paths(
    tasks: ListingTasks, url: S3Url, *, followlinks: bool, parallel: bool
) -> AsyncGenerator[list[str], None]:
    if followlinks:
        async with aclosing(_scanned_entries(tasks, url, followlinks=True, parallel=parallel)) as source:
            async for entries in source:
                yield [entry.path for entry in entries]
        return
    start = f"{url.with_key('')}/"
    async with aclosing(_file_pages(tasks, url, parallel=parallel)) as source:
        async for keys, _ in source:
            if paths := [start + key for key in keys if key[-1:] != "/"]:
                yield paths


async def _scanned_entries(
    tasks: ListingTasks, url: S3Url, *, followlinks: bool, parallel: bool
) -> AsyncGenerator[list[FileEntry], None]:
    start = f"{url.with_key('')}/"
    async with aclosing(_file_pages(tasks, url, parallel=parallel)) as source:
        async for keys, stats in source:
            files = [(key, stat) for key, stat in zip(keys, stats, strict=True) if not key.endswith("/")]
            entries = [FileEntry(key.rpartition("/")[2], start + key, stat) for key, stat in files]
            if entries:
                yield await replace_by_targets(tasks.session, entries) if followlinks else entries


async def _walked(
    tasks: ListingTasks, url: S3Url, *, parallel: bool
) -> AsyncGenerator[tuple[str, list[str], list[str]], None]:
    """Walk from the top down; the first pages of the next directories are on their way, of more of them each time."""
    pending = [url.prefix]  # the next one is the last
    listings: dict[str, Prefetched[ListPage]] = {}
    width = 1
    while pending:
        for prefix in reversed(pending[-width:]):
            if prefix not in listings:
                listings[prefix] = tasks.prefetch(pages(tasks, url.with_key(prefix), "/", parallel=parallel))
        prefix = pending.pop()
        dirs, files, seen_any = await _names(listings.pop(prefix), len(prefix))
        if seen_any or not url.key:
            pending += [f"{prefix}{name}/" for name in reversed(dirs)]
            yield directory_path(url, prefix), dirs, files
        width = min(2 * width, MAX_PREFETCHED)


async def _names(listing: Prefetched[ListPage], cut: int) -> tuple[list[str], list[str], bool]:
    """Return the names of directories and files in a listing, sorted, and whether there is any entry at all."""
    dirs: list[str] = []
    files: list[str] = []
    seen_any = False
    async for page in listing:
        seen_any = seen_any or bool(page.keys or page.prefixes)
        dirs += [name[cut:-1] for name in page.prefixes]
        files += [name[cut:] for name in page.keys if not name.endswith("/")]
    return sorted(dirs), sorted(files), seen_any
