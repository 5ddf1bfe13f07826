"""Delete many keys: in requests for 1,000, with the answer for each key looked at, and what is worth it tried again."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

from aios3._engine.backoff import retry_delay
from aios3._trees.runner import each, for_each
from aios3._trees.tally import is_fatal
from aios3.errors import S3Error, UnsupportedError, from_answer, worth_retrying

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from aios3._backend import DeleteFailure, ObjectVersion
    from aios3._paths import S3Url
    from aios3._session import Session

T = TypeVar("T")

KEYS_AT_ONCE = 1000
"""S3's limit for one DeleteObjects."""
REQUESTS_AT_ONCE = 8
"""S3 counts every key in them as a request, and begins to refuse at some thousands a second."""


async def delete_keys(session: Session, url: S3Url, keys: Sequence[str]) -> dict[str, S3Error]:
    """Delete up to 1,000 keys of the bucket of ``url``; return the errors of those that are still there, by key.

    Raises what would meet every other key as well.
    """
    backend = await session.backend(url)

    async def delete(some: Sequence[str]) -> dict[str, S3Error]:
        return {failure.key: _error(url, failure) for failure in await backend.delete_objects(url, some)}

    async def delete_one(key: str) -> None:
        await backend.delete_object(url.with_key(key))

    return await _until_deleted(session, url, keys, delete, delete_one)


async def delete_versions(
    session: Session, url: S3Url, versions: Sequence[ObjectVersion]
) -> dict[ObjectVersion, S3Error]:
    """Delete up to 1,000 versions and delete markers for good, like :func:`delete_keys`."""
    backend = await session.backend(url)
    named = {(version.key, version.version_id): version for version in versions}

    async def delete(some: Sequence[ObjectVersion]) -> dict[ObjectVersion, S3Error]:
        failed = await backend.delete_versions(url, some)
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
    except UnsupportedError:
        return await _delete_singly(session, items, delete_one)
    except S3Error as error:
        if is_fatal(error):
            raise
        return dict.fromkeys(items, error)


def _error(url: S3Url, failure: DeleteFailure) -> S3Error:
    return from_answer(
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
        except S3Error as error:
            if is_fatal(error):
                raise
            failed[item] = error

    await for_each(each(items), delete, session.config.max_concurrency)
    return failed
