"""Empty a bucket, and delete it: every key's response is looked at, and what is left is said by name."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING

from aios3._buckets.configuration import call_operation
from aios3._buckets.creating import bucket_exists
from aios3._buckets.versions import version_pages
from aios3._trees import abort_uploads
from aios3._trees.delete_keys import REQUESTS_AT_ONCE, delete_versions
from aios3._trees.removing import remove_below
from aios3._trees.runner import for_each
from aios3._trees.transfer_counters import TransferCounters
from aios3.errors import BucketNotEmptyError, BucketNotFoundError, UnsupportedError, from_response

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from aios3._backend import ObjectVersion
    from aios3._paths import S3Url
    from aios3._session import Session


async def clear(session: Session, url: S3Url, *, versions: bool) -> int:
    """Delete all objects of the bucket, or all versions and delete markers; return how many that were."""
    return await (_remove_versions(session, url) if versions else remove_below(session, url))


async def delete_bucket(session: Session, url: S3Url, *, force: bool) -> None:
    """Delete the bucket; with ``force``, first all that is in it."""
    if force:
        try:
            await clear(session, url, versions=True)
        except UnsupportedError:  # a server that keeps no versions
            await clear(session, url, versions=False)
        await _abort_all(session, url)
    if not await bucket_exists(session, url, unknown=True):
        raise from_response(operation="HeadBucket", path=str(url), code="NoSuchBucket", status=404)
    try:
        await call_operation(session, url, "DeleteBucket")
    except BucketNotFoundError:
        return  # it was there: the response to a request that deleted it was lost, and another one was sent
    except BucketNotEmptyError as error:
        error.add_note(
            "Somebody writes into it while it is being deleted"
            if force
            else "delete(force=True) deletes what is in it as well: objects, versions, delete markers, open uploads"
        )
        raise


async def _abort_all(session: Session, url: S3Url) -> None:
    try:
        await abort_uploads(url, 0, session=session)
    except UnsupportedError:
        return  # a server that lists no uploads: if they are in the way, it will say so


async def _remove_versions(session: Session, url: S3Url) -> int:
    """Delete page after page, while the next ones are listed, until a listing has one page at most.

    Some servers find the start of the next page by a version, and end the listing when that one is gone already.
    """
    counters = TransferCounters()
    while await _remove_listed(session, url, counters) > 1 and not counters.failures:
        pass
    counters.raise_if_failed(f"Deleting all versions in {url}", str(url))
    return counters.deleted


async def _remove_listed(session: Session, url: S3Url, counters: TransferCounters) -> int:
    """Delete what one listing shows, and return how many pages that were."""
    count = 0

    async def batches() -> AsyncGenerator[list[ObjectVersion], None]:
        nonlocal count
        async with aclosing(version_pages(session, url)) as pages:
            async for page in pages:
                if counters.has_too_many_failures:
                    return
                count += 1
                if page:
                    yield page

    async def delete(page: list[ObjectVersion]) -> None:
        errors = await delete_versions(session, url, page)
        counters.deleted += len(page) - len(errors)
        for version, error in errors.items():
            counters.failures[f"{url.with_key(version.key)} (version {version.version_id})"] = error

    await for_each(batches(), delete, REQUESTS_AT_ONCE)
    return count
