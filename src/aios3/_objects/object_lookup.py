"""Lookups of a path before a verb acts on it, and the errors for a path without an object."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aios3._handles.missing import explain_missing
from aios3._namespace.link_targets import follow, head
from aios3.errors import ObjectExistsError, ObjectNotFoundError

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


def exists_error(url: S3Url) -> ObjectExistsError:
    """Build the error for an object that is in the way."""
    message = f"{url} exists already, and overwrite=False replaces nothing"
    return ObjectExistsError(message, path=str(url))
