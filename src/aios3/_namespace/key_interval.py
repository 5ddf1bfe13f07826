"""The pages of one interval of keys: after one key, up to another, in key order.

A server that ignores ``start-after`` begins at the start of the prefix. The names before the interval are dropped then,
so the result is right, and costs more. A bucket that is not listed in key order has no intervals.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

from aios3._namespace.key_order import is_directory_bucket
from aios3._namespace.listing_plan import invalid_listing, no_continuation, trim_page
from aios3._namespace.pagination import Pagination, RepetitionError, without
from aios3._namespace.split_points import sort_key
from aios3._paths import MAX_KEY_BYTES
from aios3.errors import UnsupportedError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from aios3._backend import ListPage
    from aios3._namespace.pages import ListingTasks
    from aios3._paths import S3Url


async def interval_pages(
    tasks: ListingTasks, url: S3Url, after: str, upto: str | None
) -> AsyncGenerator[ListPage, None]:
    """Yield the pages of the keys that begin with ``url.key``, after ``after`` and up to ``upto``; None is the end.

    Pages are requested one after the other, each while the one before is worked on. Raises UnsupportedError for a
    bucket that is not listed in key order.
    """
    if is_directory_bucket(url):
        raise not_in_key_order(url)
    backend = await tasks.session.backend(url)
    pagination = Pagination("")
    request = tasks.start(backend.list_objects(url, start_after=sendable_bound(after)))
    try:
        while True:
            response = await request
            tasks.check_open()
            page = _accepted(pagination, url, response)
            inside = trim_page(_after(page, after), upto)
            is_last = page.token is None or len(trim_page(page, upto).keys) < len(page.keys)
            if not is_last:
                request = tasks.start(backend.list_objects(url, token=page.token))
            if inside.keys:
                yield inside
            if is_last:
                return
    finally:
        request.cancel()  # the scope waits for it


def _accepted(pagination: Pagination, url: S3Url, page: ListPage) -> ListPage:
    try:
        page = pagination.accept(page)
    except RepetitionError as error:
        raise invalid_listing(url, str(error)) from error
    if not pagination.in_key_order:
        raise not_in_key_order(url)
    if page.token is not None and not page.token:
        raise no_continuation(url)
    return page


def not_in_key_order(url: S3Url) -> UnsupportedError:
    """Build the error for a bucket that cannot be cut into intervals of keys."""
    message = f"The bucket of {url} is not listed in the order of its keys, so it cannot be cut into key ranges"
    return UnsupportedError(message, path=str(url), operation="ListObjectsV2")


def sendable_bound(key: str) -> str:
    """Return ``key``, or as much of its start as S3 takes: a listing then begins earlier, and never later."""
    if len(sort_key(key)) <= MAX_KEY_BYTES:
        return key
    return key.encode(errors="surrogatepass")[:MAX_KEY_BYTES].decode(errors="ignore")


def _after(page: ListPage, lower: str) -> ListPage:
    """Return a page without the names up to ``lower``."""
    bound = sort_key(lower)
    if not page.keys or sort_key(page.keys[0]) > bound:
        return page
    return without(page, keys=bisect_right(page.keys, bound, key=sort_key), prefixes=0)
