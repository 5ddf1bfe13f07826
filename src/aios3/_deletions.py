"""Deletions, in as many requests as it takes: one for all keys, one for each where a server knows no DeleteObjects.

Keys that XML cannot hold are deleted by a request each. So are all where the server rejects deletions in bulk, and an
object with a condition is looked at before where it rejects conditions.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from aios3 import _rejections
from aios3._backend import DeleteFailure, GetOptions
from aios3._operations import DeleteObject, DeleteObjects, DeleteVersions, HeadObject
from aios3._responses import split_xml_safe, unquote_etag
from aios3.errors import (
    BucketNotFoundError,
    CredentialsError,
    ObjectChangedError,
    ObjectNotFoundError,
    RequestError,
    S3Error,
    UnsupportedError,
)

if TYPE_CHECKING:
    from collections.abc import Coroutine, Mapping, Sequence

    from aios3._engine.quirks import ServerQuirks
    from aios3._operations import Operation
    from aios3._paths import S3Url
    from aios3._request_attempts import RequestAttempts

    class DeleteOne(Protocol):
        """Deletes one object, or one version of it."""

        async def __call__(self, url: S3Url, version_id: str | None = None) -> None:
            """Return if it is gone, or was not there."""


T = TypeVar("T")

KeyAndVersion = tuple[str, str | None]
"""A key and the id of a version; None for the object itself."""

_MAX_IN_FLIGHT = 16
"""Requests of one call in flight; the session's limit counts too."""


@dataclass(frozen=True, slots=True)
class Deletions:
    """Deletes through ``attempts``; ``quirks`` keeps what the server rejects."""

    attempts: RequestAttempts
    quirks: ServerQuirks

    def send(self, operation: Operation[T]) -> Coroutine[Any, Any, T]:
        """Send one of S3's deletions."""
        match operation:
            case DeleteObject(if_match=None):
                return self.attempts.send(operation)
            case DeleteObject():
                deleting: Coroutine[Any, Any, Any] = self._delete_expected(operation)
            case DeleteObjects():
                deleting = self._delete_objects(operation)
            case DeleteVersions():
                deleting = self._delete_versions(operation)
            case _:
                message = f"{operation.name} deletes nothing"
                raise TypeError(message)
        return deleting

    async def _delete_one(self, url: S3Url, version_id: str | None = None) -> None:
        await self.attempts.send(DeleteObject(url, version_id))

    async def _delete_expected(self, operation: DeleteObject) -> None:
        """Delete an object that must have an ETag; look at it directly before where the server rejects conditions."""
        assert operation.if_match is not None
        if self.quirks.supports_conditional_deletes and await self._delete_if(operation):
            return
        if operation.requires_condition:
            message = (
                f"DeleteObject {operation.url}: the server takes no If-Match with deletions, so if_match= cannot be "
                "honoured; nothing was deleted"
            )
            raise UnsupportedError(message, path=str(operation.url), operation="DeleteObject")
        await self._check_etag(operation.url, operation.if_match)
        await self.attempts.send(replace(operation, if_match=None))

    async def _delete_if(self, operation: DeleteObject) -> bool:
        """Delete the object if it has the ETag; False if the server rejects conditions."""
        try:
            await self.attempts.send(operation)
        except (UnsupportedError, RequestError) as error:
            if not _rejections.may_reject_delete_conditions(error):
                raise
            self.quirks.note_unsupported_conditional_deletes(str(operation.url.with_key("")), error)
            return False
        return True

    async def _check_etag(self, url: S3Url, etag: str) -> None:
        """Raise ObjectChangedError unless the object has the ETag now, ObjectNotFoundError if there is none."""
        stat = await self.attempts.send(HeadObject(url, GetOptions(with_checksum=False)))
        if stat.etag != unquote_etag(etag):
            message = f"DeleteObject {url}: the object is not the version that was expected"
            raise ObjectChangedError(message, path=str(url), operation="DeleteObject", code="PreconditionFailed")

    async def _delete_objects(self, operation: DeleteObjects) -> Sequence[DeleteFailure]:
        """Delete objects: one request, and one more for each key that XML cannot hold.

        Most servers ignore ``if_match``, and it is withheld from those that reject it in bulk; callers that need it
        have compared the ETag as well.
        """
        etags = operation.if_match
        plain, others = split_xml_safe(operation.keys)
        delete_one = partial(self._delete_seen, etags) if etags else self._delete_one
        failed: Sequence[DeleteFailure] = ()
        if plain:
            failed = await self._delete_plain(replace(operation, keys=plain), delete_one)
        return [*failed, *await delete_singly(delete_one, operation.url, [(key, None) for key in others])]

    async def _delete_plain(self, operation: DeleteObjects, delete_one: DeleteOne) -> Sequence[DeleteFailure]:
        without, targets = replace(operation, if_match=None), [(key, None) for key in operation.keys]
        if not (operation.if_match and self.quirks.supports_conditional_deletes and self.quirks.supports_bulk_deletes):
            return await self._delete_in_bulk(without, targets, delete_one)
        try:
            return await self.attempts.send(operation)
        except (UnsupportedError, RequestError) as error:
            if not _rejections.may_reject_delete_conditions(error):
                raise
            failed = await self._delete_in_bulk(without, targets, delete_one)
            if self.quirks.supports_bulk_deletes:  # else it was not the conditions
                self.quirks.note_unsupported_conditional_deletes(str(operation.url.with_key("")), error)
            return failed

    async def _delete_seen(self, etags: Mapping[str, str], url: S3Url, version_id: str | None = None) -> None:
        """Delete one object if it has the ETag of its key; a missing object is not an error."""
        try:
            await self.send(DeleteObject(url, version_id, etags.get(url.key)))
        except BucketNotFoundError:
            raise
        except ObjectNotFoundError:
            return

    async def _delete_versions(self, operation: DeleteVersions) -> Sequence[DeleteFailure]:
        """Delete versions: one request, and one more for each key that XML cannot hold."""
        url, versions = operation.url, operation.versions
        others = set(split_xml_safe(each.key for each in versions)[1])
        plain = [each for each in versions if each.key not in others]
        alone = [(each.key, each.version_id) for each in versions if each.key in others]
        failed: Sequence[DeleteFailure] = ()
        if plain:
            targets = [(each.key, each.version_id) for each in plain]
            failed = await self._delete_in_bulk(replace(operation, versions=plain), targets, self._delete_one)
        return [*failed, *await delete_singly(self._delete_one, url, alone)]

    async def _delete_in_bulk(
        self,
        operation: DeleteObjects | DeleteVersions,
        targets: Sequence[tuple[str, str | None]],
        delete_one: DeleteOne,
    ) -> Sequence[DeleteFailure]:
        """Send the operation; delete the same, ``targets``, singly where the server rejects that as such."""
        url = operation.url
        if not self.quirks.supports_bulk_deletes:
            return await delete_singly(delete_one, url, targets)
        try:
            return await self.attempts.send(operation)
        except (UnsupportedError, RequestError) as error:
            if not _rejections.may_reject_bulk_deletes(error):
                raise
            failed = await delete_after_rejection(delete_one, url, targets, error)
            self.quirks.note_unsupported_bulk_deletes(str(url.with_key("")), error)
            return failed


async def delete_singly(delete: DeleteOne, url: S3Url, targets: Sequence[KeyAndVersion]) -> list[DeleteFailure]:
    """Delete each of ``targets`` in the bucket of ``url``; return what was not deleted, in their order.

    Raises BucketNotFoundError and CredentialsError, which are about all of them.
    """
    turns = iter(enumerate(targets))
    failed: list[list[DeleteFailure]] = [[] for _ in targets]

    async def work() -> None:
        for index, one in turns:
            failed[index] = await _delete_alone(delete, url, one)

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(min(_MAX_IN_FLIGHT, len(targets))):
                group.create_task(work(), name="aios3 delete singly")
    except ExceptionGroup as group_of_errors:
        raise group_of_errors.exceptions[0] from None
    return [each for one in failed for each in one]


async def delete_after_rejection(
    delete: DeleteOne, url: S3Url, targets: Sequence[KeyAndVersion], rejection: S3Error
) -> list[DeleteFailure]:
    """Do the same after DeleteObjects was rejected; the first one shows whether the server deletes single keys.

    Raises ``rejection`` if it says the same to that.
    """
    first: list[DeleteFailure] = []
    key, version_id = targets[0]
    try:
        await delete(url.with_key(key), version_id)
    except S3Error as error:
        if isinstance(error, BucketNotFoundError) or not _rejections.is_conclusive(error):
            raise (rejection if _rejections.is_same_error(error, rejection) else error) from None
        first = [_failure(error, targets[0])]
    return first + await delete_singly(delete, url, targets[1:])


async def _delete_alone(delete: DeleteOne, url: S3Url, one: KeyAndVersion) -> list[DeleteFailure]:
    key, version_id = one
    try:
        await delete(url.with_key(key), version_id)
    except (BucketNotFoundError, CredentialsError):
        raise
    except S3Error as error:
        return [_failure(error, one)]
    return []


def _failure(error: S3Error, one: KeyAndVersion) -> DeleteFailure:
    return DeleteFailure(one[0], error.code or type(error).__name__, error.message, one[1])
