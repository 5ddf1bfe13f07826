"""Keys deleted by a request each: those that XML cannot hold, and all where a server knows no DeleteObjects."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

from aios3 import _error_responses
from aios3._backend import DeleteFailure
from aios3.errors import BucketNotFoundError, CredentialsError, S3Error

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aios3._paths import S3Url

    class DeleteOne(Protocol):
        """Deletes one object, or one version of it."""

        async def __call__(self, url: S3Url, version_id: str | None = None) -> None:
            """Return if it is gone, or was not there."""


Named = tuple[str, str | None]
"""A key and the id of a version; None for the object itself."""

_MAX_IN_FLIGHT = 16
"""Requests of one call in flight; the session's limit counts too."""


async def delete_singly(delete: DeleteOne, url: S3Url, named: Sequence[Named]) -> list[DeleteFailure]:
    """Delete each of ``named`` in the bucket of ``url``; return what was not deleted, in their order.

    Raises BucketNotFoundError and CredentialsError, which are about all of them.
    """
    turns = iter(enumerate(named))
    failed: list[list[DeleteFailure]] = [[] for _ in named]

    async def work() -> None:
        for index, one in turns:
            failed[index] = await _delete_alone(delete, url, one)

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(min(_MAX_IN_FLIGHT, len(named))):
                group.create_task(work(), name="aios3 delete singly")
    except ExceptionGroup as group_of_errors:
        raise group_of_errors.exceptions[0] from None
    return [each for one in failed for each in one]


async def delete_after_rejection(
    delete: DeleteOne, url: S3Url, named: Sequence[Named], rejection: S3Error
) -> list[DeleteFailure]:
    """Do the same after DeleteObjects was rejected; the first one shows whether the server deletes single keys.

    Raises ``rejection`` if it says the same to that.
    """
    first: list[DeleteFailure] = []
    key, version_id = named[0]
    try:
        await delete(url.with_key(key), version_id)
    except S3Error as error:
        if isinstance(error, BucketNotFoundError) or not _error_responses.is_conclusive(error):
            raise (rejection if _error_responses.is_same_error(error, rejection) else error) from None
        first = [_failure(error, named[0])]
    return first + await delete_singly(delete, url, named[1:])


async def _delete_alone(delete: DeleteOne, url: S3Url, one: Named) -> list[DeleteFailure]:
    key, version_id = one
    try:
        await delete(url.with_key(key), version_id)
    except (BucketNotFoundError, CredentialsError):
        raise
    except S3Error as error:
        return [_failure(error, one)]
    return []


def _failure(error: S3Error, one: Named) -> DeleteFailure:
    return DeleteFailure(one[0], error.code or type(error).__name__, error.message, one[1])
