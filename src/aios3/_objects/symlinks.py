"""Symbolic links: make them, read them, follow them.

A link is an empty object whose metadata ``symlink_to`` are the path that it leads to; megfile reads and writes the
same. A path without a profile means the profile of the reader.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from aios3._arguments import check_arguments
from aios3._backend import PutOptions
from aios3._entries import link_metadata, link_target
from aios3._namespace.link_targets import follow, head_or_none
from aios3._objects.object_lookup import exists_error, head_or_raise
from aios3._paths import S3Url
from aios3._session import current_session
from aios3._storing.store_object import store_object
from aios3._storing.write_plan import replacing_plan, with_checksum
from aios3.errors import InvalidPathError, NotALinkError, ObjectExistsError

if TYPE_CHECKING:
    from aios3._entries import StatResult
    from aios3._paths import AnyPath
    from aios3._session import Session


async def symlink(source: AnyPath, link: AnyPath, overwrite: bool = True, *, session: Session | None = None) -> None:
    """Make ``link`` a symbolic link to the object ``source``, replacing what is there unless ``overwrite`` is False.

    ``source`` need not exist. If it is a link itself, the new one leads to where that one leads, so no chains grow. The
    profile of ``source`` is kept. Any path that S3 can hold can be linked to; one that is not plain ASCII is stored
    encoded (RFC 2047), which megfile cannot follow. Costs a HEAD of ``source`` and a PUT.

    Raises InvalidPathError if the link would lead back to itself, or names a profile and ``source`` names none. Raises
    PathIsDirectoryError for a directory on either side, and ObjectExistsError if ``link`` exists and not ``overwrite``.
    """
    check_arguments(overwrite=overwrite)
    current = current_session(session)
    target, url = S3Url.parse(source).require_object(), S3Url.parse(link).require_object()
    target = await _resolve_for_link(current, _with_profile(current, target, url))
    if target == replace(url, profile=target.profile):
        message = f"A symbolic link at {url} to {source} would lead back to itself"
        raise InvalidPathError(message, path=str(url))
    if not overwrite and await head_or_none(current, url) is not None:
        raise exists_error(url)
    options = PutOptions(metadata=link_metadata(str(target)))
    plan = replace(replacing_plan(current, url, if_absent=not overwrite), options=options)
    try:
        await store_object(current, await with_checksum(current, plan), ())
    except ObjectExistsError as error:
        raise exists_error(url) from error


async def readlink(path: AnyPath, *, session: Session | None = None) -> str:
    """Return the path that a symbolic link names. Costs a HEAD.

    Raises NotALinkError for another object, ObjectNotFoundError, PathIsDirectoryError.
    """
    current, url = current_session(session), S3Url.parse(path).require_object()
    stat = await head_or_raise(current, url)
    if not stat.islnk:
        message = f"{url} is an object, not a symbolic link"
        raise NotALinkError(message, path=str(url))
    return target_path(url, stat)


async def islink(path: AnyPath, *, session: Session | None = None) -> bool:
    """Return whether there is a symbolic link, wherever it leads. Costs a HEAD."""
    current, url = current_session(session), S3Url.parse(path)
    if not url.bucket or url.names_directory:
        return False
    stat = await head_or_none(current, url)
    return stat is not None and stat.islnk


async def realpath(path: AnyPath, *, session: Session | None = None) -> str:
    """Return the path of the object that links lead to, and the path itself of any other object.

    Costs a HEAD for the path and each link. Raises ObjectNotFoundError if a link leads nowhere (``errno.ELOOP``: to
    itself), PathIsDirectoryError.
    """
    current, url = current_session(session), S3Url.parse(path).require_object()
    end, _ = await follow(current, url, await head_or_raise(current, url))
    return str(end)


def _with_profile(session: Session, target: S3Url, link: S3Url) -> S3Url:
    """Say by which profile ``target`` is reached, where a reader of ``link`` would take the link's."""
    if target.profile or not link.profile:
        return target
    if session.config.profile:
        return replace(target, profile=session.config.profile)
    message = f"A symbolic link at {link} would reach {target} by the profile {link.profile!r}; name one in both paths"
    raise InvalidPathError(message, path=str(link))


async def _resolve_for_link(session: Session, url: S3Url) -> S3Url:
    stat = await head_or_none(session, url)
    visited = {url}
    while stat is not None and stat.islnk:
        url = S3Url.parse(target_path(url, stat)).require_object()
        if url in visited:
            break
        visited.add(url)
        stat = await head_or_none(session, url)
    return url


def target_path(link: S3Url, stat: StatResult) -> str:
    """Return what a link names, with the link's profile where it names none."""
    text = link_target(stat.metadata)
    if not link.profile:
        return text
    target = S3Url.parse(text)
    return text if target.profile else str(replace(target, profile=link.profile))
