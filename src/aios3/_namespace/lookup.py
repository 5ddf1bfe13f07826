"""Checks for an object at a path, which work with few permissions and in any order of listing.

S3 rejects a HEAD of a missing key with 403 unless the key may be listed. A policy often allows to list one directory
only, and its condition sees the prefix that is asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aios3._backend import GetOptions, ListPage
from aios3._handles.follow_links import is_listed_missing
from aios3._namespace.key_order import lists_in_key_order, note_key_order
from aios3._namespace.link_targets import head, head_or_none
from aios3._namespace.pages import first_page
from aios3._namespace.split_points import in_key_order
from aios3._s3_constants import MAX_KEYS
from aios3.errors import AccessDeniedError, CredentialsError, ObjectNotFoundError

if TYPE_CHECKING:
    from aios3._entries import StatResult
    from aios3._paths import S3Url
    from aios3._session import Session
    from aios3.errors import S3Error


_PLAIN = GetOptions()


def is_denied(error: S3Error) -> bool:
    """Return whether S3 knows who is asking, and a policy rejects this one request."""
    return isinstance(error, AccessDeniedError) and not isinstance(error, CredentialsError)


async def object_or_none(session: Session, url: S3Url, options: GetOptions = _PLAIN) -> StatResult | None:
    """Describe the object at ``url``; None if there is none.

    Raises AccessDeniedError if neither a HEAD nor a listing of the key is permitted, and for an object that may not be
    read.
    """
    try:
        return await head(session, url, options)
    except (ObjectNotFoundError, AccessDeniedError) as error:
        await check_absent(session, url, error)
        return None


async def check_absent(session: Session, url: S3Url, error: ObjectNotFoundError | AccessDeniedError) -> None:
    """Raise ``error``, the error of a HEAD of ``url``, unless it says that the object is missing."""
    if isinstance(error, ObjectNotFoundError):
        return
    if not is_denied(error) or not (await is_listed_missing(session, url) or not await _is_listed(session, url, error)):
        raise error


async def is_object(session: Session, url: S3Url) -> bool:
    """Return whether there is an object at ``url``, also one that may be listed and not read.

    Raises AccessDeniedError where neither a HEAD nor a listing of the key may say so.
    """
    try:
        return await head_or_none(session, url) is not None
    except AccessDeniedError as rejection:
        if not is_denied(rejection):
            raise
        return await _is_listed(session, url, rejection)


async def _is_listed(session: Session, url: S3Url, rejection: AccessDeniedError) -> bool:
    """Return whether a listing shows an object at ``url``; raise ``rejection`` if not, or if not permitted."""
    if lists_in_key_order(session, url) is not False:
        try:
            page = await first_page(session, url, MAX_KEYS)
        except AccessDeniedError:
            raise rejection from None
        note_key_order(session, url, in_order=in_key_order(page.keys), names=len(page.keys))
        if url.key in page.keys or page.token is None or lists_in_key_order(session, url):
            return url.key in page.keys
    raise rejection


async def listed(session: Session, url: S3Url, max_keys: int = 1) -> ListPage:
    """Return the first keys that begin with ``url.key``; if that is the key of an object, it is the first.

    One request if the server lists in key order; otherwise, or if the order is unknown, a HEAD may follow.
    """
    page = await first_keys_in_one_request(session, url, max_keys)
    if is_conclusive(page, url) or lists_in_key_order(session, url) or (await session.backend(url)).is_aws:
        return page
    stat = await head_or_none(session, url)
    return page if stat is None else ListPage([url.key, *page.keys], [stat, *page.stats], page.prefixes, page.token)


async def first_keys_in_one_request(session: Session, url: S3Url, max_keys: int = 1) -> ListPage:
    """Return like :func:`listed`, in one request; :func:`is_conclusive` says whether the page can be relied on."""
    if lists_in_key_order(session, url) is False:
        return await _first_key_by_head(session, url)
    page = await first_page(session, url, max_keys)
    return _moved_to_front(page, page.keys.index(url.key)) if url.key in page.keys[1:] else page


def is_conclusive(page: ListPage, url: S3Url) -> bool:
    """Return whether a page of the keys that begin with ``url.key`` says if that one is there, in any order."""
    return page.keys[:1] == [url.key] or not page.keys or page.token is None


async def _first_key_by_head(session: Session, url: S3Url) -> ListPage:
    """Return a page with the object at ``url`` alone, if there is one; others may follow."""
    stat = await head_or_none(session, url)
    return ListPage([], [], [], "") if stat is None else ListPage([url.key], [stat], [], "")


def _moved_to_front(page: ListPage, position: int) -> ListPage:
    """Return a page with the key at ``position`` moved to its front."""
    positions = [position, *(each for each in range(len(page.keys)) if each != position)]
    keys, stats = [page.keys[index] for index in positions], [page.stats[index] for index in positions]
    return ListPage(keys, stats, page.prefixes, page.token)
