"""Explains a path without an object: nothing, only a directory, or a missing bucket."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aios3.errors import BucketNotFoundError, PathIsDirectoryError, S3Error, from_response

if TYPE_CHECKING:
    from aios3._paths import S3Url
    from aios3._session import Session
    from aios3.errors import ObjectNotFoundError


async def explain_missing(session: Session, url: S3Url, error: ObjectNotFoundError) -> None:
    """Raise PathIsDirectoryError if there are objects below ``url``, BucketNotFoundError if the bucket is missing.

    The response to a HEAD has no body, so that it cannot say that it is the bucket that is missing.
    """
    if isinstance(error, BucketNotFoundError):
        return
    backend = await session.backend(url)
    try:
        page = await backend.list_objects(url.with_key(url.prefix), max_keys=1)
    except BucketNotFoundError as missing:
        raise from_response(
            operation="ListObjectsV2",
            path=str(url),
            code=missing.code,
            status=missing.status,
            request_id=missing.request_id,
        ) from error
    except S3Error:
        return  # the first error is what the caller asked about
    if page.keys:
        message = f"{url} is a directory, and an object is needed here: there are objects below it, but none at it"
        raise PathIsDirectoryError(message, path=str(url)) from error
