"""Deletes an object only if it is still the version that the caller has seen.

Some servers ignore the condition of a deletion (If-Match), and do not say so. So a HEAD is sent directly before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aios3._backend import GetOptions
from aios3._handles.follow_links import head_or_none
from aios3.errors import BucketNotFoundError, ObjectChangedError, ObjectNotFoundError

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from aios3._entries import StatResult
    from aios3._paths import S3Url
    from aios3._session import Session

_NO_OPTIONS = GetOptions()
_SAME_TIME_SECONDS = 1.0
"""How far two times of one version may lie apart: a HEAD has whole seconds, rounded up or down, and a listing less."""


def is_same_version(old: StatResult, new: StatResult) -> bool:
    """Return whether two descriptions are of one version: as far as both say it the same id, bytes and time."""
    for before, after in ((old.version_id, new.version_id), (old.etag, new.etag)):
        if before and after and before != after:
            return False
    return old.size == new.size and abs(old.mtime - new.mtime) < _SAME_TIME_SECONDS


async def delete_unchanged(
    session: Session, url: S3Url, old: StatResult, *, sse_customer_key: bytes | None = None
) -> None:
    """Delete the object at ``url`` if it is still the version ``old``; a missing object is not an error.

    The request has an If-Match, by which Amazon S3 decides. Other servers may ignore it, so they are asked by a HEAD
    directly before; what is written between the two is lost there.

    ``sse_customer_key`` is the key that it is encrypted with (SSE-C), without which S3 does not describe it. Raises
    ObjectChangedError, and deletes nothing, if another version is there.
    """
    backend = await session.backend(url)
    options = GetOptions(sse_customer_key=sse_customer_key)
    if old.etag is None or not backend.is_aws:
        stat = await head_or_none(session, url, options)
        if stat is None:
            return
        if not is_same_version(old, stat):
            raise newer_version(url)
    await _delete(session, url, backend.delete_object(url, if_match=old.etag), options)


async def delete_if_match(session: Session, url: S3Url, if_match: str) -> None:
    """Delete the object at ``url``, which a HEAD has just shown with the ETag ``if_match``, if it still has that.

    Raises ObjectChangedError, and deletes nothing, for another one, and UnsupportedError where the server rejects the
    condition. Where it ignores the condition, what is written after the HEAD is lost.
    """
    backend = await session.backend(url)
    await _delete(session, url, backend.delete_object(url, if_match=if_match, requires_condition=True))


async def _delete(session: Session, url: S3Url, deletion: Awaitable[None], options: GetOptions = _NO_OPTIONS) -> None:
    """Await a deletion with a condition; a missing object is not an error."""
    try:
        await deletion
    except BucketNotFoundError:
        raise
    except ObjectNotFoundError:
        return  # S3 says so of a deletion with a condition only
    except ObjectChangedError as error:
        # An earlier attempt may have deleted it, its response lost; not all servers respond with 404 then.
        if await head_or_none(session, url, options) is not None:
            raise newer_version(url) from error


def newer_version(url: S3Url) -> ObjectChangedError:
    """Build the error for an object that was to be deleted, and is another version by now."""
    message = f"DeleteObject {url}: somebody has written to it meanwhile; the newer version stays there"
    return ObjectChangedError(message, path=str(url), operation="DeleteObject")
