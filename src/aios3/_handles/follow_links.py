"""Symbolic links: empty objects whose metadata name another object's path (megfile's convention)."""

from __future__ import annotations

import contextlib
import errno
from dataclasses import replace
from typing import TYPE_CHECKING

from aios3._backend import GetOptions
from aios3._entries import link_target
from aios3._paths import S3Url
from aios3.errors import (
    AccessDeniedError,
    CredentialsError,
    InvalidPathError,
    ObjectNotFoundError,
    PathIsDirectoryError,
    S3Error,
)

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from aios3._entries import StatResult
    from aios3._session import Session


_PLAIN = GetOptions()


def head(session: Session, url: S3Url, options: GetOptions = _PLAIN) -> Coroutine[None, None, StatResult]:
    """Describe one object; a link itself, not what it leads to."""
    backend = session.cached_backend(url)
    return _first_head(session, url, options) if backend is None else backend.head_object(url, options)


async def _first_head(session: Session, url: S3Url, options: GetOptions) -> StatResult:
    backend = await session.backend(url)
    return await backend.head_object(url, options)


async def head_or_none(session: Session, url: S3Url, options: GetOptions = _PLAIN) -> StatResult | None:
    """Describe one object if there is one.

    Where a policy allows listing for some prefixes only, S3 responds with 403 to a HEAD of a missing object; then a
    listing decides.
    """
    try:
        return await head(session, url, options)
    except ObjectNotFoundError:
        return None
    except AccessDeniedError as error:
        if isinstance(error, CredentialsError) or not await is_listed_missing(session, url):
            raise
        return None


async def is_listed_missing(session: Session, url: S3Url) -> bool:
    """Return whether a permitted listing shows no object at ``url``, or at least a directory of its name.

    The directory is listed where a policy allows listing below ``url/`` only; an object that no request may ask about
    counts as missing then.
    """
    if not url.key or url.names_directory:
        return False
    backend = await session.backend(url)
    with contextlib.suppress(S3Error):
        page = await backend.list_objects(url, max_keys=1)
        if page.keys or page.token is None:
            return url.key not in page.keys
    with contextlib.suppress(S3Error):
        return bool((await backend.list_objects(url.with_key(url.prefix), max_keys=1)).keys)
    return False


async def follow(session: Session, url: S3Url, stat: StatResult) -> tuple[S3Url, StatResult]:
    """Return the object at the end of a chain of links, and its description; ``url`` itself if it is not a link.

    Raises ObjectNotFoundError if the chain leads nowhere, with ``errno.ELOOP`` if it leads back to itself.
    """
    visited = {url}
    while stat.islnk:
        link, url = url, _parse_target(url, stat)
        if url in visited:
            raise _symlink_loop_error(link)
        visited.add(url)
        try:
            stat = await head(session, url)
        except ObjectNotFoundError as error:
            error.add_note(f"{url} is what the symbolic link {link} leads to")
            raise
    return url, stat


def _parse_target(link: S3Url, stat: StatResult) -> S3Url:
    """Parse what a link leads to; like the rest of a path, its profile is the link's unless it says otherwise."""
    text = link_target(stat.metadata)
    try:
        target = S3Url.parse(text).require_object()
    except (InvalidPathError, PathIsDirectoryError) as error:
        message = f"The symbolic link {link} leads to {text!r}, where no object can be"
        raise ObjectNotFoundError(message, path=str(link)) from error
    return target if target.profile else replace(target, profile=link.profile)


def _symlink_loop_error(link: S3Url) -> ObjectNotFoundError:
    error = ObjectNotFoundError(f"The symbolic link {link} leads back to itself, to no object", path=str(link))
    error.errno = errno.ELOOP
    return error


async def resolve_write_target(session: Session, url: S3Url) -> S3Url:
    """Return where a write to ``url`` goes if links are followed: a link that leads nowhere says where to create.

    Raises ObjectNotFoundError if the chain leads back to itself.
    """
    visited = {url}
    while (stat := await head_or_none(session, url)) is not None and stat.islnk:
        link, url = url, _parse_target(url, stat)
        if url in visited:
            raise _symlink_loop_error(link)
        visited.add(url)
    return url
