"""Lookups of a path before a verb acts on it, and the errors for a path without an object."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aios3._handles.missing import explain_missing
from aios3._namespace.link_targets import follow, head
from aios3.errors import ObjectChangedError, ObjectExistsError, ObjectNotFoundError

if TYPE_CHECKING:
    from aios3._entries import StatResult
    from aios3._paths import S3Url
    from aios3._session import Session


async def head_or_raise(session: Session, url: S3Url) -> StatResult:
    """Describe the object at ``url``; raise ObjectNotFoundError, or PathIsDirectoryError, or BucketNotFoundError."""
    try:
        return await head(session, url)
    except ObjectNotFoundError as error:
        await explain_missing(session, url, error)
        raise


async def head_following_links(session: Session, url: S3Url, *, followlinks: bool) -> tuple[S3Url, StatResult]:
    """Describe the object at ``url``; with ``followlinks`` the one at the end of its links, and where that is."""
    stat = await head_or_raise(session, url)
    return await follow(session, url, stat) if followlinks else (url, stat)


def check_etag(url: S3Url, stat: StatResult | None, if_match: str) -> None:
    """Raise ObjectNotFoundError without an object, ObjectChangedError unless it has the ETag ``if_match``."""
    if stat is None:
        message = (
            f"There is no object at {str(url)!r}, so none has the ETag {if_match} of if_match; nothing was changed"
        )
        raise ObjectNotFoundError(message, path=str(url))
    if stat.etag != if_match:
        message = f"{url} has the ETag {stat.etag}, not {if_match} as if_match says; nothing was changed"
        raise ObjectChangedError(message, path=str(url))


def exists_error(url: S3Url) -> ObjectExistsError:
    """Build the error for an object that is in the way."""
    message = f"{url} exists already, and overwrite=False replaces nothing"
    return ObjectExistsError(message, path=str(url))
