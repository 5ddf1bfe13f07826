"""Make a bucket."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aios3._buckets.access import allow_public_access
from aios3._buckets.bucket_names import check_new_name
from aios3._buckets.configuration import call_operation
from aios3._buckets.lifecycle import set_lifetime
from aios3._namespace import hasbucket
from aios3.errors import AccessDeniedError, BucketExistsError, CredentialsError, S3Error

if TYPE_CHECKING:
    from aios3._paths import S3Url
    from aios3._session import Session


async def create(
    session: Session, url: S3Url, lifetime_in_days: int | None, *, is_public: bool, exist_ok: bool
) -> None:
    """Make the bucket and configure it; one that cannot be configured as asked stays, and the error says so."""
    check_new_name(url)
    if not await bucket_exists(session, url, unknown=False):  # some servers let an account make its own bucket again
        await _make(session, url)
    elif not exist_ok:
        message = f"CreateBucket {url}: the bucket exists already"
        raise BucketExistsError(message, path=str(url), operation="CreateBucket")
    try:
        if lifetime_in_days is not None:
            await set_lifetime(session, url, lifetime_in_days)
        if is_public:
            await allow_public_access(session, url, listing=False, unblock=False)
    except S3Error as error:
        error.add_note(f"The bucket {url} itself is there")
        raise


async def bucket_exists(session: Session, url: S3Url, *, unknown: bool) -> bool:
    """Return whether there is such a bucket; ``unknown`` where we may not look."""
    try:
        return await hasbucket(url, session=session)
    except CredentialsError:
        raise
    except AccessDeniedError:
        return unknown


async def _make(session: Session, url: S3Url) -> None:
    try:
        await call_operation(session, url, "CreateBucket")
    except BucketExistsError as error:
        # It was not there a moment ago: the response to a request that made it was lost, and another one was sent.
        if error.code != "BucketAlreadyOwnedByYou":
            raise
