"""Symbolic links: empty objects whose metadata name another object's path (megfile's convention)."""

from __future__ import annotations

import errno
from dataclasses import replace
from typing import TYPE_CHECKING

from aios3._backend import ReadOptions
from aios3._entries import FileEntry, link_target
from aios3._namespace.pages import together
from aios3._paths import S3Url
from aios3.errors import InvalidPathError, ObjectNotFoundError, PathIsDirectoryError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aios3._entries import StatResult
    from aios3._session import Session


async def head(session: Session, url: S3Url) -> StatResult:
    """Describe one object; a link itself, not what it leads to."""
    backend = await session.backend(url)
    return await backend.head_object(url, ReadOptions())


async def head_or_none(session: Session, url: S3Url) -> StatResult | None:
    """Describe one object if there is one."""
    try:
        return await head(session, url)
    except ObjectNotFoundError:
        return None


async def follow(session: Session, url: S3Url, stat: StatResult) -> tuple[S3Url, StatResult]:
    """Return the object at the end of a chain of links, and its description; ``url`` itself if it is no link.

    Raises ObjectNotFoundError if the chain leads nowhere, with ``errno.ELOOP`` if it leads back to itself.
    """
    passed = {url}
    while stat.islnk:
        link, url = url, _target(url, stat)
        if url in passed:
            raise _loop(link)
        passed.add(url)
        try:
            stat = await head(session, url)
        except ObjectNotFoundError as error:
            error.add_note(f"{url} is what the symbolic link {link} leads to")
            raise
    return url, stat


def _target(link: S3Url, stat: StatResult) -> S3Url:
    """Parse what a link leads to; like the rest of a path, its profile is the link's unless it says otherwise."""
    text = link_target(stat.metadata)
    try:
        target = S3Url.parse(text).require_object()
    except (InvalidPathError, PathIsDirectoryError) as error:
        message = f"The symbolic link {link} leads to {text!r}, where no object can be"
        raise ObjectNotFoundError(message, path=str(link)) from error
    return target if target.profile else replace(target, profile=link.profile)


def _loop(link: S3Url) -> ObjectNotFoundError:
    error = ObjectNotFoundError(f"The symbolic link {link} leads back to itself, to no object", path=str(link))
    error.errno = errno.ELOOP
    return error


async def targets(session: Session, entries: Sequence[FileEntry]) -> list[FileEntry]:
    """Replace each link by the object that it leads to: its name, its path, its description."""
    return await together(_followed(session, entry, rename=True) for entry in entries)


async def described(session: Session, entries: Sequence[FileEntry]) -> list[FileEntry]:
    """Keep each link's name and path, and describe the object that it leads to."""
    return await together(_followed(session, entry, rename=False) for entry in entries)


async def _followed(session: Session, entry: FileEntry, *, rename: bool) -> FileEntry:
    if entry.stat.isdir or entry.stat.size:
        return entry  # a link is empty: the listing says enough
    url = S3Url.parse(entry.path)
    stat = await head_or_none(session, url)
    if stat is None or not stat.islnk:  # None: removed since it was listed
        return entry
    target, found = await follow(session, url, stat)
    if rename:
        return FileEntry(target.name, str(target), found)
    return replace(entry, stat=replace(found, islnk=True))
