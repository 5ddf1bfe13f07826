"""Delete many keys: in requests for 1,000, with each key's response looked at, and what is worth it tried again."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

from aios3._engine.backoff import retry_delay
from aios3._handles.follow_links import head_or_none
from aios3._responses import invalid_response
from aios3._trees.runner import as_async, for_each
from aios3._trees.transfer_counters import is_fatal
from aios3.errors import (
    AccessDeniedError,
    BucketNotFoundError,
    CredentialsError,
    ObjectChangedError,
    ObjectNotFoundError,
    S3Error,
    UnsupportedError,
    from_response,
    worth_retrying,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from aios3._backend import DeleteFailure, ObjectVersion
    from aios3._paths import S3Url
    from aios3._session import Session

T = TypeVar("T")

REQUESTS_AT_ONCE = 8
"""S3 counts every key in them as a request, and begins to reject at some thousands a second."""


async def delete_keys(
    session: Session, url: S3Url, keys: Sequence[str], etags: Mapping[str, str] | None = None
) -> dict[str, S3Error]:
    """Delete up to 1,000 keys of the bucket of ``url``; return the errors of those that are still there, by key.

    ``etags`` has the ETags that objects must have: another version stays, with ObjectChangedError. Most servers ignore
    this condition, so callers compare the ETags just before. Amazon S3 requires the permission to read for it; without
    that, the keys are deleted in any case.

    Raises errors that every other key would cause as well.
    """
    failed = await _delete_keys(session, url, keys, etags or {})
    if not etags:
        return failed
    rejected = [key for key, error in failed.items() if _is_of_condition(error)]
    if rejected:
        failed = {key: error for key, error in failed.items() if not _is_of_condition(error)}
        failed |= await _delete_keys(session, url, rejected, {})
    return await _without_gone(session, url, failed)


async def _delete_keys(
    session: Session, url: S3Url, keys: Sequence[str], etags: Mapping[str, str]
) -> dict[str, S3Error]:
    backend = await session.backend(url)

    async def delete(some: Sequence[str]) -> dict[str, S3Error]:
        conditions = {key: etags[key] for key in some if key in etags} or None
        failures = await backend.delete_objects(url, some, if_match=conditions)
        return {failure.key: _error(url, failure) for failure in failures}

    async def delete_one(key: str) -> None:
        await backend.delete_object(url.with_key(key), if_match=etags.get(key))

    return await _until_deleted(session, url, keys, delete, delete_one)


def _is_of_condition(error: S3Error) -> bool:
    """Return whether a deletion may have been rejected for its condition, and not for what it deletes."""
    return isinstance(error, (AccessDeniedError, UnsupportedError)) and not isinstance(error, CredentialsError)


async def _without_gone(session: Session, url: S3Url, failed: dict[str, S3Error]) -> dict[str, S3Error]:
    """Leave out what is not the expected version because it is gone: the response to its deletion was lost."""
    changed = [key for key, error in failed.items() if isinstance(error, ObjectChangedError)]
    gone: set[str] = set()

    async def look(key: str) -> None:
        if await head_or_none(session, url.with_key(key)) is None:
            gone.add(key)

    await for_each(as_async(changed), look, session.config.max_concurrency)
    return {key: error for key, error in failed.items() if key not in gone}


async def delete_versions(
    session: Session, url: S3Url, versions: Sequence[ObjectVersion]
) -> dict[ObjectVersion, S3Error]:
    """Delete up to 1,000 versions and delete markers for good, like :func:`delete_keys`."""
    backend, admin = await session.backend(url), await session.admin(url)
    named = {(version.key, version.version_id): version for version in versions}

    async def delete(some: Sequence[ObjectVersion]) -> dict[ObjectVersion, S3Error]:
        failed = await admin.delete_versions(url, some)
        return {named[failure.key, failure.version_id or ""]: _error(url, failure) for failure in failed}

    async def delete_one(version: ObjectVersion) -> None:
        await backend.delete_object(url.with_key(version.key), version.version_id)

    return await _until_deleted(session, url, versions, delete, delete_one)


async def _until_deleted(
    session: Session,
    url: S3Url,
    items: Sequence[T],
    delete: Callable[[Sequence[T]], Awaitable[dict[T, S3Error]]],
    delete_one: Callable[[T], Awaitable[None]],
) -> dict[T, S3Error]:
    """Delete ``items``, try again what may succeed then, and return what is left with its errors."""
    final: dict[T, S3Error] = {}
    attempt = 1
    while True:
        failed = await _delete_once(session, items, delete, delete_one)
        again = [item for item, error in failed.items() if worth_retrying(error) and not error.is_final]
        if not again or attempt >= session.policy_at(url).max_attempts:
            return final | failed
        final |= {item: error for item, error in failed.items() if item not in again}
        await asyncio.sleep(retry_delay(attempt))
        items = again
        attempt += 1


async def _delete_once(
    session: Session,
    items: Sequence[T],
    delete: Callable[[Sequence[T]], Awaitable[dict[T, S3Error]]],
    delete_one: Callable[[T], Awaitable[None]],
) -> dict[T, S3Error]:
    try:
        return await delete(items)
    except S3Error as error:
        if is_fatal(error):
            raise
        if isinstance(error, UnsupportedError):
            return await _delete_singly(session, items, delete_one)
        return dict.fromkeys(items, error)


def _error(url: S3Url, failure: DeleteFailure) -> S3Error:
    if not failure.code:
        what = failure.message or "it names an error without a code"
        return invalid_response(str(url.with_key(failure.key)), what, "DeleteObjects")
    return from_response(
        operation="DeleteObjects",
        path=str(url.with_key(failure.key)),
        code=failure.code,
        status=None,
        detail=failure.message,
    )


async def _delete_singly(
    session: Session, items: Sequence[T], delete_one: Callable[[T], Awaitable[None]]
) -> dict[T, S3Error]:
    """Delete where the server does not know DeleteObjects."""
    failed: dict[T, S3Error] = {}

    async def delete(item: T) -> None:
        try:
            await delete_one(item)
        except BucketNotFoundError:
            raise
        except ObjectNotFoundError:
            return  # servers say so of a deletion with a condition, and of a version
        except S3Error as error:
            if is_fatal(error):
                raise
            failed[item] = error

    await for_each(as_async(items), delete, session.config.max_concurrency)
    return failed
