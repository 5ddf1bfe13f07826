"""Questions about one path: what it is, whether it is there, whether it may be used."""

from __future__ import annotations

import secrets
from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING

from aios3._arguments import check_arguments
from aios3._entries import Access, StatResult
from aios3._namespace.account import buckets_of
from aios3._namespace.link_targets import follow, head, head_or_none
from aios3._namespace.lookup import check_absent, is_denied, is_object, object_or_none
from aios3._namespace.pages import ListingTasks, first_page, pages
from aios3._paths import S3Url
from aios3._session import current_session
from aios3._storing.multipart import MultipartUpload
from aios3._storing.write_plan import replacing_plan
from aios3.errors import (
    AccessDeniedError,
    BucketNotFoundError,
    ConfigError,
    CredentialsError,
    ObjectNotFoundError,
)

if TYPE_CHECKING:
    from aios3._paths import AnyPath
    from aios3._session import Session


async def stat(path: AnyPath, follow_symlinks: bool = True, *, session: Session | None = None) -> StatResult:
    """Describe an object, or a directory by the sum of its sizes and the latest of its times.

    An object goes before a directory of the same name, unless a policy hides it. A symbolic link is described by what
    it leads to, and ``islnk`` stays True. A directory costs as many requests as it takes to list everything below it.

    Raises ObjectNotFoundError if there is nothing, or if a link leads nowhere (``errno.ELOOP``: to itself). Raises
    BucketNotFoundError for a missing bucket.
    """
    check_arguments(follow_symlinks=follow_symlinks)
    return await _stat(current_session(session), S3Url.parse(path), follow_symlinks=follow_symlinks)


async def lstat(path: AnyPath, *, session: Session | None = None) -> StatResult:
    """Describe like :func:`stat`, but a symbolic link by itself."""
    return await _stat(current_session(session), S3Url.parse(path), follow_symlinks=False)


async def getsize(path: AnyPath, follow_symlinks: bool = False, *, session: Session | None = None) -> int:
    """Return the size of an object, or of everything below a directory, in bytes; raise like :func:`stat`."""
    check_arguments(follow_symlinks=follow_symlinks)
    return (await stat(path, follow_symlinks, session=session)).size


async def getmtime(path: AnyPath, follow_symlinks: bool = False, *, session: Session | None = None) -> float:
    """Return when an object was written, or the latest one below a directory, in seconds since the epoch.

    Raises like :func:`stat`.
    """
    check_arguments(follow_symlinks=follow_symlinks)
    return (await stat(path, follow_symlinks, session=session)).mtime


async def exists(path: AnyPath, followlinks: bool = False, *, session: Session | None = None) -> bool:
    """Return whether there is an object or a directory; with ``followlinks``, whether a link leads to an object.

    A missing bucket is False. Rejected access is raised, because it says neither yes nor no.
    """
    check_arguments(followlinks=followlinks)
    return await _exists(current_session(session), S3Url.parse(path), followlinks=followlinks)


async def isfile(path: AnyPath, followlinks: bool = False, *, session: Session | None = None) -> bool:
    """Return whether there is an object; with ``followlinks``, whether a link leads to one. Never for ``.../``."""
    check_arguments(followlinks=followlinks)
    return await _is_file(current_session(session), S3Url.parse(path), followlinks=followlinks)


async def isdir(
    path: AnyPath,
    followlinks: bool = False,
    *,
    session: Session | None = None,
) -> bool:
    """Return whether anything is stored below this path; a bucket, also an empty one, and ``s3://`` are directories."""
    check_arguments(followlinks=followlinks)
    return await _is_directory(current_session(session), S3Url.parse(path))


async def hasbucket(path: AnyPath, *, session: Session | None = None) -> bool:
    """Return whether the bucket of this path exists.

    Raises AccessDeniedError if the server says neither yes nor no, because we may not even list it.
    """
    session, url = current_session(session), S3Url.parse(path)
    if not url.bucket:
        return False
    backend = await session.backend(url)
    try:
        try:
            await backend.head_bucket(url)
        except AccessDeniedError:
            await backend.list_objects(url.with_key(""), max_keys=1)  # asks for another permission than HEAD
    except ObjectNotFoundError:
        return False
    return True


async def access(
    path: AnyPath, mode: Access = Access.READ, followlinks: bool = False, *, session: Session | None = None
) -> bool:
    """Return whether this path is there and may be read, or whether an object may be written there.

    Nothing is written to find out: an upload is started and abandoned, also if the call is cancelled meanwhile.
    Rejected access and a missing bucket are False; credentials that S3 does not accept are raised.
    """
    check_arguments(followlinks=followlinks)
    if not isinstance(mode, Access):
        message = f"mode must be aios3.Access.READ or aios3.Access.WRITE, not {mode!r}"
        raise ConfigError(message)
    session, url = current_session(session), S3Url.parse(path)
    check = _check_readable if mode is Access.READ else _check_writable
    try:
        await check(session, url, followlinks=followlinks)
    except CredentialsError:
        raise
    except (AccessDeniedError, ObjectNotFoundError):
        return False
    return True


async def _stat(session: Session, url: S3Url, *, follow_symlinks: bool) -> StatResult:
    if not url.bucket:
        message = f"{str(url)!r} has no bucket, so there is nothing to describe"
        raise BucketNotFoundError(message, path=str(url))
    if url.names_directory:
        return await _directory_stat(session, url)
    try:
        object_stat = await head(session, url)
    except (ObjectNotFoundError, AccessDeniedError) as error:
        return await _directory_beside(error, session, url)
    if not (follow_symlinks and object_stat.islnk):
        return object_stat
    _, target = await follow(session, url, object_stat)
    return replace(target, islnk=True)


async def _directory_beside(error: ObjectNotFoundError | AccessDeniedError, session: Session, url: S3Url) -> StatResult:
    """Describe the directory at ``url``, after the ``error`` of a HEAD; raise that unless no object is there."""
    try:
        await check_absent(session, url, error)
    except AccessDeniedError as rejection:
        if not is_denied(rejection):
            raise
        try:
            return await _directory_stat(session, url)
        except ObjectNotFoundError:
            raise rejection from None
    return await _directory_stat(session, url)


async def _directory_stat(session: Session, url: S3Url) -> StatResult:
    size, mtime, seen_any = 0, 0.0, not url.key
    async with ListingTasks(session) as tasks, aclosing(pages(tasks, url.with_key(url.prefix))) as listing:
        async for page in listing:
            seen_any = seen_any or bool(page.keys)
            size += sum(entry.size for entry in page.stats)
            mtime = max(mtime, max((entry.mtime for entry in page.stats), default=0.0))
    if not seen_any:
        message = f"There is neither an object nor a directory at {str(url)!r}"
        raise ObjectNotFoundError(message, path=str(url))
    return StatResult(size=size, mtime=mtime, isdir=True)


async def _exists(session: Session, url: S3Url, *, followlinks: bool) -> bool:
    """Return whether there is an object or a directory; what is permitted suffices."""
    try:
        if await _is_file(session, url, followlinks=followlinks):
            return True
    except AccessDeniedError as rejection:
        if is_denied(rejection) and await _is_directory(session, url):
            return True
        raise
    return await _is_directory(session, url)


async def _is_file(session: Session, url: S3Url, *, followlinks: bool) -> bool:
    if not url.bucket or url.names_directory:
        return False
    if not followlinks:
        return await is_object(session, url)
    try:
        await follow(session, url, await head(session, url))
    except ObjectNotFoundError:
        return False
    return True


async def _is_directory(session: Session, url: S3Url) -> bool:
    if not url.bucket:
        return not url.key
    try:
        page = await first_page(session, url.with_key(url.prefix))
    except ObjectNotFoundError:
        return False
    return bool(page.keys) or not url.key


async def _check_readable(session: Session, url: S3Url, *, followlinks: bool) -> None:
    if not url.bucket and not url.key:
        await buckets_of(session, url)
    elif not (await _is_readable_file(session, url, followlinks=followlinks) or await _is_directory(session, url)):
        message = f"There is nothing at {str(url)!r}"
        raise ObjectNotFoundError(message, path=str(url))


async def _is_readable_file(session: Session, url: S3Url, *, followlinks: bool) -> bool:
    """Return whether there is an object that may be read; False for one that is hidden beside a directory."""
    if not url.bucket or url.names_directory:
        return False
    try:
        object_stat = await object_or_none(session, url)
        if object_stat is not None and followlinks:
            await follow(session, url, object_stat)
    except AccessDeniedError as rejection:
        if is_denied(rejection) and await _is_directory(session, url):
            return False
        raise
    return object_stat is not None


async def _check_writable(session: Session, url: S3Url, *, followlinks: bool) -> None:
    if not url.bucket:
        message = f"{str(url)!r} has no bucket to write to"
        raise BucketNotFoundError(message, path=str(url))
    if url.names_directory:
        url = url.with_key(f"{url.key}.aios3-access-{secrets.token_hex(8)}")
    elif followlinks and (object_stat := await head_or_none(session, url)) is not None:
        url, _ = await follow(session, url, object_stat)
    upload = MultipartUpload(session, replacing_plan(session, url))
    try:
        await upload.wait_open()
    finally:
        await upload.abort()
