"""Listings as fsspec's entries: one directory, several levels, or all that is below a path, as they come."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING

from aios3._namespace.lookup import is_denied, object_or_none
from aios3._namespace.pages import ListingTasks, first_page, pages
from aios3.errors import AccessDeniedError, ObjectNotFoundError
from aios3.fsspec.entries import directory_info, file_info, head_info

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from aios3._backend import GetOptions, ListPage
    from aios3._paths import S3Url
    from aios3._session import Session
    from aios3.fsspec.entries import Info


async def directory(session: Session, url: S3Url, stem: str = "") -> AsyncGenerator[list[Info], None]:
    """Yield the entries of the directory ``url`` whose names begin with ``stem``, a page at a time.

    Markers of directories are left out; a directory that has only one yields nothing, and is there nevertheless.
    """
    start = f"{url.bucket}/"
    async with (
        ListingTasks(session) as tasks,
        aclosing(pages(tasks, url.with_key(url.prefix + stem), "/")) as listing,
    ):
        async for page in listing:
            directories = [directory_info(start + prefix[:-1]) for prefix in page.prefixes]
            files = zip(page.keys, page.stats, strict=True)
            yield directories + [file_info(start + key, stat) for key, stat in files if not key.endswith("/")]


async def below(session: Session, url: S3Url, stem: str = "") -> AsyncGenerator[list[Info], None]:
    """Yield the objects below ``url`` whose keys go on with ``stem``, several pages at once, in key order."""
    start = f"{url.bucket}/"
    async with aclosing(_pages_below(session, url, stem)) as listing:
        async for page in listing:
            files = zip(page.keys, page.stats, strict=True)
            yield [file_info(start + key, stat) for key, stat in files if not key.endswith("/")]


async def names_below(session: Session, url: S3Url, stem: str = "") -> list[str]:
    """Return the sorted names of the objects that :func:`below` yields, and read nothing else of the listing."""
    start = f"{url.bucket}/"
    names: list[str] = []
    async with aclosing(_pages_below(session, url, stem)) as listing:
        async for page in listing:
            names += [start + key for key in page.keys if not key.endswith("/")]
    return sorted(dict.fromkeys(names))


async def _pages_below(session: Session, url: S3Url, stem: str) -> AsyncGenerator[ListPage, None]:
    async with (
        ListingTasks(session) as tasks,
        aclosing(pages(tasks, url.with_key(url.prefix + stem))) as listing,
    ):
        async for page in listing:
            yield page


async def entries(session: Session, url: S3Url, stem: str = "") -> list[Info]:
    """Return the entries of one directory, sorted by name."""
    infos: list[Info] = []
    async with aclosing(directory(session, url, stem)) as batches:
        async for batch in batches:
            infos += batch
    return sorted(infos, key=_name)


async def levels(session: Session, url: S3Url, depth: int, stem: str = "") -> list[Info]:
    """Return all entries down to ``depth`` levels below ``url``; the directories of a level are listed side by side."""
    level = await entries(session, url, stem)
    infos = list(level)
    for _ in range(depth - 1):
        keys = [info["name"].partition("/")[2] for info in level if info["type"] == "directory"]
        if not keys:
            break
        level = [info for each in await _listed(session, url, keys) for info in each]
        infos += level
    return infos


async def _listed(session: Session, url: S3Url, keys: list[str]) -> list[list[Info]]:
    width = asyncio.Semaphore(session.config.max_concurrency)

    async def listed(key: str) -> list[Info]:
        async with width:
            return await entries(session, url.with_key(key))

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(listed(key)) for key in keys]
    except BaseExceptionGroup as failures:
        raise failures.exceptions[0] from None
    return [task.result() for task in tasks]


def directories_of(files: list[Info], root: str) -> list[Info]:
    """Return the directories between ``root`` and ``files``, which lie below it."""
    names: set[str] = set()
    for info in files:
        name = info["name"].rpartition("/")[0]
        while len(name) > len(root) and name not in names:
            names.add(name)
            name = name.rpartition("/")[0]
    return [directory_info(name) for name in names]


async def describe(session: Session, url: S3Url, options: GetOptions) -> Info:
    """Describe the object or directory at ``url``; an object goes before a directory of the same name.

    ``options`` are those of the HEAD. Raises ObjectNotFoundError, and AccessDeniedError where neither may be looked at.
    """
    name = f"{url.bucket}/{url.key}"
    rejection: AccessDeniedError | None = None
    if not url.names_directory:
        try:
            stat = await object_or_none(session, url, options)
        except AccessDeniedError as error:
            if not is_denied(error):
                raise
            rejection = error
        else:
            if stat is not None:
                return head_info(name, stat)
    if await is_directory(session, url):
        return directory_info(name.rstrip("/"))
    message = f"There is neither an object nor a directory at {url}"
    raise rejection or ObjectNotFoundError(message, path=str(url))


async def is_directory(session: Session, url: S3Url) -> bool:
    """Return True if anything is stored below ``url``. Costs one listing of one key."""
    return bool((await first_page(session, url.with_key(url.prefix))).keys)


def _name(info: Info) -> str:
    name: str = info["name"]
    return name
