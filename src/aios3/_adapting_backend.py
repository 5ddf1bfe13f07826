"""A backend that sends an operation in another form where the server rejects it; `_request_attempts` retries it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast

from aios3 import _rejections
from aios3._backend import UNCONDITIONAL, GetOptions
from aios3._calls import AdminBackend, ObjectBackend
from aios3._deletions import Deletions
from aios3._engine.checksums import content_md5
from aios3._engine.quirks import ServerQuirks
from aios3._observe import Observer
from aios3._operations import (
    CompleteMultipartUpload,
    DeleteObject,
    DeleteObjects,
    DeleteVersions,
    HeadObject,
    PutObject,
    UploadPart,
)
from aios3._request_attempts import RequestAttempts
from aios3._responses import object_exists_error
from aios3.errors import ObjectNotFoundError, RequestError, S3Error, UnsupportedError

if TYPE_CHECKING:
    from collections.abc import Coroutine, Mapping, Sequence

    from aios3._engine.retry_policy import RetryPolicy
    from aios3._entries import PresignedPost, WriteResult
    from aios3._operations import Operation
    from aios3._paths import S3Url
    from aios3._request_attempts import Adapt

    class _Both(ObjectBackend, AdminBackend, Protocol):
        """All of S3's calls."""


T = TypeVar("T")

_CREATING = (PutObject, CompleteMultipartUpload)
_WITH_BODY = (PutObject, UploadPart)
_DELETIONS = {DeleteObject, DeleteObjects, DeleteVersions}
"""Operations that may be sent as several requests, or as one request an object."""


class AdaptingBackend(ObjectBackend):
    """``backend``, in another form where the server rejects one, with as many attempts as ``policy`` grants.

    An operation that is not idempotent is sent once: it may have happened although its response was lost. The caller
    (``_storing``) looks first. ``observer`` watches every attempt, and ``quirks`` keeps what the server does not take.
    """

    def __init__(
        self,
        backend: ObjectBackend,
        policy: RetryPolicy,
        quirks: ServerQuirks | None = None,
        observer: Observer | None = None,
    ) -> None:
        self._backend = backend
        self._quirks = quirks or ServerQuirks()
        self._request_attempts = RequestAttempts(backend, policy, observer or Observer())
        self._deletions = Deletions(self._request_attempts, self._quirks)

    @property
    def is_aws(self) -> bool:
        """Return True if requests go to an endpoint of Amazon's, False for another vendor's server."""
        return self._backend.is_aws

    def send(self, operation: Operation[T]) -> Coroutine[Any, Any, T]:
        """Send an operation, and after failures that allow it once more.

        Raises PathIsDirectoryError, and sends nothing, for an operation on an object whose ``url`` has no key, and
        InvalidPathError for one without a bucket.
        """
        if operation.names_object and not (operation.url.key and operation.url.bucket):
            operation.url.require_object()
        if type(operation) in _DELETIONS:
            return self._deletions.send(operation)
        use = operation.checksum_use
        if use is not None and operation.has_checksum and not self._quirks.supports_checksums(use):
            operation = operation.without_checksum()
        if self._quirks.buckets_with_digests and self._wants_digest(operation):
            return self._with_digest(operation, self._adapt)
        return self._request_attempts.send(operation, self._adapt)

    async def _adapt(self, operation: Operation[T], rejection: S3Error) -> T:
        """Send in another form what was rejected; raise ``rejection`` where that would not help."""
        is_completion = isinstance(operation, CompleteMultipartUpload)
        if operation.has_checksum and not is_completion:  # the checksums of an upload's parts have been sent before
            return await self._retry_without_checksum(operation, rejection)
        if operation.if_absent and isinstance(rejection, UnsupportedError) and isinstance(operation, _CREATING):
            return cast("T", await self._create_unconditionally(operation, rejection))
        if not isinstance(operation, _WITH_BODY) or operation.checksum is not None:
            raise rejection
        if not _rejections.wants_digest(rejection):
            raise rejection
        self._quirks.buckets_with_digests.add(operation.url.bucket)
        return cast("T", await self.send(operation))

    async def _retry_without_checksum(self, operation: Operation[T], rejection: S3Error) -> T:
        """Send an operation that was rejected with checksums without them; remember it if that succeeds."""
        if not _rejections.may_reject_checksums(rejection):
            raise rejection
        if self._quirks.requires_checksums:
            raise _rejections.with_advice(rejection) from None
        try:
            result = await self._send_without_checksum(operation.without_checksum())
        except S3Error as error:
            if not _rejections.is_conclusive(error):
                raise (rejection if _rejections.is_same_error(error, rejection) else error) from None
            await self._learn(operation, rejection)
            raise
        await self._learn(operation, rejection)
        return result

    async def _send_without_checksum(self, operation: Operation[T]) -> T:
        """Send an operation without a checksum; with the body's MD5 where the server insists on that.

        With Object Lock and a default retention a bucket takes no body without; some servers know no other checksum.
        """
        if not self._wants_digest(operation):
            try:
                return await self._request_attempts.send(operation)
            except RequestError as error:
                if not isinstance(operation, _WITH_BODY) or not _rejections.wants_digest(error):
                    raise
            self._quirks.buckets_with_digests.add(operation.url.bucket)
        return await self._with_digest(operation)

    def _wants_digest(self, operation: Operation[T]) -> bool:
        """Return whether the bucket takes the body of an operation with its MD5 only."""
        if not isinstance(operation, _WITH_BODY) or operation.checksum is not None:
            return False
        return operation.url.bucket in self._quirks.buckets_with_digests

    async def _with_digest(self, operation: Operation[T], adapt: Adapt[T] | None = None) -> T:
        """Send an operation with the MD5 of its body."""
        body = cast("PutObject", operation).body
        with_digest: Any = replace(cast("PutObject", operation), checksum=await content_md5(body))
        return await self._request_attempts.send(with_digest, adapt)

    async def _learn(self, operation: Operation[T], rejection: S3Error) -> None:
        """Note that the server rejects checksums, if that is certain.

        A rejection of a HEAD that says nothing may have had another reason, such as a token that has been renewed in
        between. Then the operation, as it was rejected, must be rejected once more before anything is remembered.
        """
        use = operation.checksum_use
        assert use is not None
        is_certain = not _rejections.is_unexplained(rejection)
        if not is_certain and isinstance(operation, HeadObject) and self._quirks.supports_checksums(use):
            try:
                await self._request_attempts.send(operation)
            except S3Error as error:
                is_certain = _rejections.is_same_error(error, rejection)
        if is_certain:
            self._quirks.note_unsupported_checksums(use, str(operation.url.with_key("")), rejection)

    async def _create_unconditionally(
        self, operation: PutObject | CompleteMultipartUpload, rejection: S3Error
    ) -> WriteResult:
        """Look, then write: what is left where a server takes no condition with a write, as Backblaze B2.

        Raises ObjectExistsError if something is there, and ``rejection`` if the condition was not the reason for it.
        """
        try:
            await self.head_object(operation.url, GetOptions())
        except ObjectNotFoundError:
            try:
                result = await self._send_without_checksum(replace(operation, condition=UNCONDITIONAL))
            except UnsupportedError:
                raise rejection from None
            self._quirks.note_unsupported_conditional_writes(str(operation.url.with_key("")), rejection)
            return result
        raise object_exists_error(rejection)

    async def aclose(self) -> None:
        """Close all connections. Safe to repeat."""
        await self._backend.aclose()


class AdaptingAdmin(AdaptingBackend, AdminBackend):
    """The same for ``admin``, which has the calls about objects, too."""

    def __init__(
        self, admin: _Both, policy: RetryPolicy, quirks: ServerQuirks | None = None, observer: Observer | None = None
    ) -> None:
        super().__init__(admin, policy, quirks, observer)
        self._admin: AdminBackend = admin

    async def presign(self, operation: str, parameters: Mapping[str, str], expires_in: int) -> str:
        """Sign a URL for S3's ``operation`` that is good for ``expires_in`` seconds; sends nothing."""
        return await self._admin.presign(operation, parameters, expires_in)

    async def presign_post(
        self, url: S3Url, fields: Mapping[str, str], conditions: Sequence[object], expires_in: int
    ) -> PresignedPost:
        """Sign a form that may upload ``url`` for ``expires_in`` seconds; sends nothing."""
        return await self._admin.presign_post(url, fields, conditions, expires_in)

    async def endpoint_url(self) -> str:
        """Return the address that requests go to, without the bucket."""
        return await self._admin.endpoint_url()

    async def raw_client(self) -> object:
        """Return the aiobotocore client of this configuration and profile."""
        return await self._admin.raw_client()
