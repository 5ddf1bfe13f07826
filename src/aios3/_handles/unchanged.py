"""Whether an object is still the version that somebody has seen; and its deletion only if it is.

Some servers ignore the conditions of requests (If-Match of a deletion, ``x-amz-copy-source-if-match``), and do not say
so. A look tells: after the last byte has been copied, and before something is deleted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aios3._backend import ReadOptions
from aios3._handles.links import head_or_none
from aios3.errors import BucketNotFoundError, ObjectChangedError, ObjectNotFoundError

if TYPE_CHECKING:
    from aios3._entries import StatResult
    from aios3._paths import S3Url
    from aios3._session import Session

_SAME_TIME_SECONDS = 1.0
"""How far two times of one version may lie apart: a HEAD has whole seconds, rounded up or down, and a listing less."""


def has_same_content(known: StatResult, now: StatResult) -> bool:
    """Tell whether two descriptions are of the same bytes: by the ETag, or by size and time where one has none."""
    if known.size != now.size:
        return False
    return known.etag == now.etag if known.etag and now.etag else _is_same_time(known, now)


def is_same_version(known: StatResult, now: StatResult) -> bool:
    """Tell whether two descriptions are of one version: the same bytes, written at the same time."""
    if known.version_id and now.version_id and known.version_id != now.version_id:
        return False
    return has_same_content(known, now) and _is_same_time(known, now)


def _is_same_time(known: StatResult, now: StatResult) -> bool:
    return abs(known.mtime - now.mtime) < _SAME_TIME_SECONDS


async def check_unchanged(
    session: Session, url: S3Url, known: StatResult, *, sse_customer_key: bytes | None = None
) -> None:
    """Raise ObjectChangedError unless the object at ``url`` still has the bytes that ``known`` describes. One HEAD.

    For the source of a copy in parts: after the last part, and before the copy is published.
    """
    backend = await session.backend(url)
    try:
        now = await backend.head_object(url, ReadOptions(sse_customer_key=sse_customer_key, with_checksum=False))
    except BucketNotFoundError:
        raise
    except ObjectNotFoundError as error:
        raise _changed(url, "it is gone") from error
    if not has_same_content(known, now):
        raise _changed(url, f"its ETag was {known.etag} and is {now.etag}")


async def delete_unchanged(session: Session, url: S3Url, known: StatResult) -> None:
    """Delete the object at ``url`` if it is still the version that ``known`` describes; one that is gone is no error.

    The request has an If-Match, by which Amazon S3 decides. Other servers may ignore it, so they are asked by a HEAD
    directly before; what is written between the two is lost there.

    Raises ObjectChangedError, and deletes nothing, if another version is there.
    """
    backend = await session.backend(url)
    if known.etag is None or not await backend.at_amazon():
        now = await head_or_none(session, url)
        if now is None:
            return
        if not is_same_version(known, now):
            raise _newer(url)
    try:
        await backend.delete_object(url, if_match=known.etag)
    except BucketNotFoundError:
        raise
    except ObjectNotFoundError:
        return  # S3 says so of a deletion with a condition only
    except ObjectChangedError as error:
        # An earlier attempt may have deleted it, its response lost; not all servers answer 404 then.
        if await head_or_none(session, url) is not None:
            raise _newer(url) from error


def _newer(url: S3Url) -> ObjectChangedError:
    message = f"DeleteObject {url}: somebody has written to it meanwhile; the newer version stays there"
    return ObjectChangedError(message, path=str(url), operation="DeleteObject")


def _changed(url: S3Url, how: str) -> ObjectChangedError:
    message = f"{url} changed while it was being copied ({how}); nothing was published"
    return ObjectChangedError(message, path=str(url), operation="HeadObject")
