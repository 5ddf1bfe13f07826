"""A backend whose calls are sent again where that may help: one policy, whoever sends the requests."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, ParamSpec, Protocol, TypeVar

from aios3 import _error_responses
from aios3._backend import MD5, CopyOptions, GetOptions, Precondition
from aios3._engine.checksums import content_md5
from aios3._engine.quirks import ServerQuirks
from aios3._observe import Observer
from aios3._request_attempts import RequestAttempts
from aios3._responses import object_exists_error, split_xml_safe, unquote_etag
from aios3._s3_constants import MAX_KEYS
from aios3._single_deletes import delete_after_rejection, delete_singly
from aios3.errors import (
    BucketNotFoundError,
    ObjectChangedError,
    ObjectNotFoundError,
    RequestError,
    S3Error,
    UnsupportedError,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence

    from aios3._backend import (
        AdminBackend,
        BucketEntry,
        Checksum,
        DeleteFailure,
        Document,
        ListPage,
        ObjectBackend,
        ObjectBody,
        ObjectVersion,
        OpenUpload,
        Part,
        PartSource,
        PutOptions,
        StoredPart,
    )
    from aios3._engine.quirks import ChecksumUse
    from aios3._engine.retry_policy import RetryPolicy
    from aios3._entries import PresignedPost, StatResult, WriteResult
    from aios3._paths import S3Url
    from aios3._single_deletes import DeleteOne

    class _Both(ObjectBackend, AdminBackend, Protocol):
        """All of S3's calls."""


P = ParamSpec("P")
T = TypeVar("T")


_DEFAULT_COPY_OPTIONS = CopyOptions()
_UNCONDITIONAL = Precondition()


async def _close_body(body: ObjectBody) -> None:
    await body.aclose()


class RetryingBackend:
    """``backend`` with as many attempts a call as ``policy`` grants.

    What may have happened although its response was lost is not sent again: the beginning and the completion of an
    upload, and a write under a condition, which would meet its own result. Whoever asked for these (``_storing``) finds
    out first. ``observer`` watches every attempt.
    """

    def __init__(
        self,
        backend: ObjectBackend,
        policy: RetryPolicy,
        quirks: ServerQuirks | None = None,
        observer: Observer | None = None,
    ) -> None:
        self._backend = backend
        self._policy = policy
        self._quirks = quirks or ServerQuirks()
        self._request_attempts = RequestAttempts(policy, observer or Observer())

    async def is_aws(self) -> bool:
        """Tell whether requests go to an endpoint of Amazon's, as opposed to another vendor's server."""
        return await self._request_attempts.send(self._backend.is_aws)

    async def get_object(self, url: S3Url, *, start: int, stop: int | None, options: GetOptions) -> ObjectBody:
        """Ask for the bytes ``[start, stop)``; with ``stop=None`` and ``start=0`` for all, without a range."""
        if options.with_checksum and not self._quirks.supports_checksums("reads"):
            options = replace(options, with_checksum=False)
        try:
            return await self._get(url, start, stop, options)
        except (UnsupportedError, RequestError) as error:
            if not options.with_checksum:
                raise
            unchecked = partial(self._get, url, start, stop, replace(options, with_checksum=False))
            return await self._without_checksums("reads", url, error, unchecked)

    def _get(self, url: S3Url, start: int, stop: int | None, options: GetOptions) -> Coroutine[None, None, ObjectBody]:
        """Send attempts, and beside one that is slow a second request; each is watched by itself."""
        send = partial(self._backend.get_object, url, start=start, stop=stop, options=options)
        observed, hedger = (
            partial(self._request_attempts.observed, "GetObject", args=(url,), send=send),
            self._policy.hedger,
        )
        if hedger is None or stop is None:
            return self._request_attempts.with_retries(observed)
        return self._request_attempts.with_retries(lambda number: hedger.run(partial(observed, number), _close_body))

    async def _without_checksums(
        self,
        use: ChecksumUse,
        url: S3Url,
        rejection: S3Error,
        unchecked: Callable[[], Awaitable[T]],
        as_before: Callable[[], Awaitable[T]] | None = None,
    ) -> T:
        """Await ``unchecked()``, the rejected request without checksums; remember that if it succeeds.

        A rejection that says nothing may have had another reason, such as a token that has been renewed in between.
        Then ``as_before()``, the request as it was rejected, must be rejected once more before anything is remembered.
        """
        if not _error_responses.may_reject_checksums(rejection):
            raise rejection
        if self._quirks.requires_checksums:
            raise _error_responses.with_advice(rejection) from None
        try:
            result = await unchecked()
        except S3Error as error:
            if not _error_responses.is_conclusive(error):
                raise (rejection if _error_responses.is_same_error(error, rejection) else error) from None
            await self._learn(use, url, rejection, as_before)
            raise
        await self._learn(use, url, rejection, as_before)
        return result

    async def _learn(
        self, use: ChecksumUse, url: S3Url, rejection: S3Error, as_before: Callable[[], Awaitable[object]] | None
    ) -> None:
        """Note that the server rejects checksums, if that is certain."""
        is_certain = not _error_responses.is_unexplained(rejection)
        if not is_certain and as_before is not None and self._quirks.supports_checksums(use):
            try:
                await as_before()
            except S3Error as error:
                is_certain = _error_responses.is_same_error(error, rejection)
        if is_certain:
            self._quirks.note_unsupported_checksums(use, str(url.with_key("")), rejection)

    async def head_object(self, url: S3Url, options: GetOptions) -> StatResult:
        """Describe one object."""
        head = self._backend.head_object
        if options.with_checksum and not self._quirks.supports_checksums("reads"):
            options = replace(options, with_checksum=False)
        try:
            return await self._request_attempts.send(head, url, options)
        except (UnsupportedError, RequestError) as error:
            if not options.with_checksum:
                raise
            unchecked = partial(self._request_attempts.send, head, url, replace(options, with_checksum=False))
            return await self._without_checksums(
                "reads", url, error, unchecked, partial(self._request_attempts.send, head, url, options)
            )

    async def put_object(
        self,
        url: S3Url,
        body: Sequence[bytes | memoryview],
        *,
        options: PutOptions,
        condition: Precondition,
        checksum: Checksum | None,
    ) -> WriteResult:
        """Store a whole object in one request."""
        put, send = self._backend.put_object, self._request_attempts.send
        if condition.if_absent or condition.if_match is not None:
            send = self._request_attempts.once
        checksum = checksum if self._quirks.supports_checksums("writes") else None
        if checksum is None and url.bucket in self._quirks.buckets_with_digests:
            checksum = await content_md5(body)

        def attempt(checksum: Checksum | None) -> Coroutine[None, None, WriteResult]:
            return send(put, url, body, options=options, condition=condition, checksum=checksum)

        try:
            return await attempt(checksum)
        except (UnsupportedError, RequestError) as error:
            if checksum is not None and checksum.algorithm != MD5:
                return await self._without_checksums(
                    "writes", url, error, partial(self._without_checksum, url, body, attempt)
                )
            if condition.if_absent and isinstance(error, UnsupportedError):
                return await self._create_unconditionally(url, error, lambda: self._put_anyhow(url, body, options))
            if checksum is not None or not _error_responses.wants_digest(error):
                raise
        self._quirks.buckets_with_digests.add(url.bucket)
        return await self.put_object(url, body, options=options, condition=condition, checksum=None)

    async def _put_anyhow(self, url: S3Url, body: Sequence[bytes | memoryview], options: PutOptions) -> WriteResult:
        """Store an object without a condition, and without a checksum."""

        def attempt(checksum: Checksum | None) -> Coroutine[None, None, WriteResult]:
            put = self._backend.put_object
            return self._request_attempts.send(
                put, url, body, options=options, condition=_UNCONDITIONAL, checksum=checksum
            )

        return await self._without_checksum(url, body, attempt)

    async def _without_checksum(
        self, url: S3Url, body: Sequence[bytes | memoryview], attempt: Callable[[Checksum | None], Awaitable[T]]
    ) -> T:
        """Await ``attempt`` without a checksum; with the body's MD5 where the server insists on that.

        With Object Lock and a default retention a bucket takes no body without; some servers know no other checksum.
        """
        if url.bucket not in self._quirks.buckets_with_digests:
            try:
                return await attempt(None)
            except RequestError as error:
                if not _error_responses.wants_digest(error):
                    raise
            self._quirks.buckets_with_digests.add(url.bucket)
        return await attempt(await content_md5(body))

    async def create_multipart_upload(self, url: S3Url, options: PutOptions, algorithm: str | None) -> str:
        """Begin a multipart upload and return its upload id; sent once."""
        self._policy.calls.check()
        create = self._backend.create_multipart_upload
        algorithm = algorithm if self._quirks.supports_checksums("multipart uploads") else None
        try:
            return await self._request_attempts.once_shielded(create, url, options, algorithm)
        except (UnsupportedError, RequestError) as error:
            if algorithm is None:
                raise
            unchecked = partial(self._request_attempts.once_shielded, create, url, options, None)
            return await self._without_checksums("multipart uploads", url, error, unchecked)

    async def upload_part(
        self,
        url: S3Url,
        upload_id: str,
        number: int,
        body: Sequence[bytes | memoryview],
        *,
        options: PutOptions,
        checksum: Checksum | None,
    ) -> Part:
        """Send one part; ``number`` is 1 to 10,000."""
        upload = self._backend.upload_part
        checksum = checksum if self._quirks.supports_checksums("multipart uploads") else None
        if checksum is None and url.bucket in self._quirks.buckets_with_digests:
            checksum = await content_md5(body)

        def attempt(checksum: Checksum | None) -> Coroutine[None, None, Part]:
            return self._request_attempts.send(upload, url, upload_id, number, body, options=options, checksum=checksum)

        try:
            return await attempt(checksum)
        except (UnsupportedError, RequestError) as error:
            if checksum is not None and checksum.algorithm != MD5:
                unchecked = partial(self._without_checksum, url, body, attempt)
                return await self._without_checksums("multipart uploads", url, error, unchecked)
            if checksum is not None or not _error_responses.wants_digest(error):
                raise
        self._quirks.buckets_with_digests.add(url.bucket)
        return await self.upload_part(url, upload_id, number, body, options=options, checksum=None)

    async def upload_part_copy(self, url: S3Url, upload_id: str, number: int, source: PartSource) -> Part:
        """Make one part of the bytes of another object, inside S3."""
        return await self._request_attempts.send(self._backend.upload_part_copy, url, upload_id, number, source)

    async def complete_multipart_upload(
        self,
        url: S3Url,
        upload_id: str,
        parts: Sequence[Part],
        *,
        options: PutOptions,
        condition: Precondition,
        checksum: Checksum | None,
    ) -> WriteResult:
        """Make one object of the parts, in the order of their numbers; sent once."""
        complete = self._backend.complete_multipart_upload
        checksum = checksum if self._quirks.supports_checksums("multipart uploads") else None

        def send(condition: Precondition) -> Coroutine[None, None, WriteResult]:
            return self._request_attempts.once(
                complete, url, upload_id, parts, options=options, condition=condition, checksum=checksum
            )

        try:
            return await send(condition)
        except UnsupportedError as error:
            if not condition.if_absent:
                raise
            return await self._create_unconditionally(url, error, partial(send, _UNCONDITIONAL))

    async def _create_unconditionally(
        self, url: S3Url, rejection: S3Error, send: Callable[[], Awaitable[WriteResult]]
    ) -> WriteResult:
        """Look, then write: what is left where a server takes no condition with a write, as Backblaze B2.

        Raises ObjectExistsError if something is there, and ``rejection`` if the condition was not the reason for it.
        """
        try:
            await self.head_object(url, GetOptions())
        except ObjectNotFoundError:
            try:
                result = await send()
            except UnsupportedError:
                raise rejection from None
            self._quirks.note_unsupported_conditional_writes(str(url.with_key("")), rejection)
            return result
        raise object_exists_error(rejection)

    async def abort_multipart_upload(self, url: S3Url, upload_id: str) -> None:
        """Forget an upload and its parts; one that does not exist (any more) is no error."""
        await self._request_attempts.send_shielded(self._backend.abort_multipart_upload, url, upload_id)

    async def list_objects(
        self,
        url: S3Url,
        *,
        delimiter: str = "",
        token: str | None = None,
        start_after: str = "",
        max_keys: int = MAX_KEYS,
    ) -> ListPage:
        """Return one page of the keys that begin with ``url.key``."""
        ask = self._backend.list_objects
        return await self._request_attempts.send(
            ask, url, delimiter=delimiter, token=token, start_after=start_after, max_keys=max_keys
        )

    async def head_bucket(self, url: S3Url) -> None:
        """Return if the bucket is there and may be used; raise what is wrong otherwise."""
        await self._request_attempts.send(self._backend.head_bucket, url)

    async def delete_object(self, url: S3Url, version_id: str | None = None, *, if_match: str | None = None) -> None:
        """Delete one object; one that does not exist is no error in S3, unless it must have the ETag ``if_match``.

        Where the server rejects the condition, it is looked whether the object has that ETag, directly before.
        """
        if if_match is not None:
            if self._quirks.supports_conditional_deletes and await self._delete_if(url, if_match):
                return
            await self._check_etag(url, if_match)
        await self._request_attempts.send(self._backend.delete_object, url, version_id)

    async def _delete_if(self, url: S3Url, etag: str) -> bool:
        """Delete the object if it has the ETag; False if the server rejects conditions."""
        try:
            await self._request_attempts.send(self._backend.delete_object, url, if_match=etag)
        except (UnsupportedError, RequestError) as error:
            if not _error_responses.may_reject_delete_conditions(error):
                raise
            self._quirks.note_unsupported_conditional_deletes(str(url.with_key("")), error)
            return False
        return True

    async def _check_etag(self, url: S3Url, etag: str) -> None:
        """Raise ObjectChangedError unless the object has the ETag now, ObjectNotFoundError if there is none."""
        found = await self.head_object(url, GetOptions(with_checksum=False))
        if found.etag != unquote_etag(etag):
            message = f"DeleteObject {url}: the object is not the version that was expected"
            raise ObjectChangedError(message, path=str(url), operation="DeleteObject", code="PreconditionFailed")

    async def delete_objects(
        self, url: S3Url, keys: Sequence[str], *, if_match: Mapping[str, str] | None = None
    ) -> Sequence[DeleteFailure]:
        """Delete up to 1,000 objects of the bucket of ``url`` and return those that were not deleted.

        One request, and one more for each key that XML cannot hold; one for each key where the server knows no others.
        A key that does not exist is no failure. Most servers ignore ``if_match``, and from those that reject it in
        bulk it is kept: whoever needs it has looked as well.
        """
        unchecked, others = split_xml_safe(keys)
        delete_one = partial(self._delete_seen, if_match) if if_match else self.delete_object
        failed: Sequence[DeleteFailure] = ()
        if unchecked:
            failed = await self._delete_plain(url, unchecked, if_match, delete_one)
        return [*failed, *await delete_singly(delete_one, url, [(key, None) for key in others])]

    async def _delete_plain(
        self, url: S3Url, keys: Sequence[str], if_match: Mapping[str, str] | None, delete_one: DeleteOne
    ) -> Sequence[DeleteFailure]:
        delete, named = self._backend.delete_objects, [(key, None) for key in keys]
        if not (if_match and self._quirks.supports_conditional_deletes and self._quirks.supports_bulk_deletes):
            return await self._delete_in_bulk(url, delete, keys, named, delete_one)
        try:
            return await self._request_attempts.send(delete, url, keys, if_match=if_match)
        except (UnsupportedError, RequestError) as error:
            if not _error_responses.may_reject_delete_conditions(error):
                raise
            failed = await self._delete_in_bulk(url, delete, keys, named, delete_one)
            if self._quirks.supports_bulk_deletes:  # else it was not the conditions
                self._quirks.note_unsupported_conditional_deletes(str(url.with_key("")), error)
            return failed

    async def _delete_seen(self, if_match: Mapping[str, str], url: S3Url, version_id: str | None = None) -> None:
        """Delete one object if it has the ETag of its key; one that is gone is no error."""
        try:
            await self.delete_object(url, version_id, if_match=if_match.get(url.key))
        except BucketNotFoundError:
            raise
        except ObjectNotFoundError:
            return

    async def _delete_in_bulk(
        self,
        url: S3Url,
        delete: Callable[[S3Url, Sequence[T]], Awaitable[Sequence[DeleteFailure]]],
        items: Sequence[T],
        named: Sequence[tuple[str, str | None]],
        delete_one: DeleteOne,
    ) -> Sequence[DeleteFailure]:
        """Await ``delete(url, items)``; delete the same, ``named``, singly where the server rejects that as such."""
        if not self._quirks.supports_bulk_deletes:
            return await delete_singly(delete_one, url, named)
        try:
            return await self._request_attempts.send(delete, url, items)
        except (UnsupportedError, RequestError) as error:
            if not _error_responses.may_reject_bulk_deletes(error):
                raise
            failed = await delete_after_rejection(delete_one, url, named, error)
            self._quirks.note_unsupported_bulk_deletes(str(url.with_key("")), error)
            return failed

    async def copy_object(
        self, source: S3Url, target: S3Url, *, options: PutOptions | None, terms: CopyOptions = _DEFAULT_COPY_OPTIONS
    ) -> WriteResult:
        """Copy an object of up to 5 GiB inside S3; ``options`` replaces its metadata, and tags if any are given."""
        if terms.condition != _DEFAULT_COPY_OPTIONS.condition:
            return await self._request_attempts.once(
                self._backend.copy_object, source, target, options=options, terms=terms
            )
        return await self._request_attempts.send(
            self._backend.copy_object, source, target, options=options, terms=terms
        )

    async def aclose(self) -> None:
        """Close all connections. Safe to repeat."""
        await self._backend.aclose()


class RetryingAdmin(RetryingBackend):
    """The same for ``admin``, which has the calls about objects, too."""

    def __init__(
        self, admin: _Both, policy: RetryPolicy, quirks: ServerQuirks | None = None, observer: Observer | None = None
    ) -> None:
        super().__init__(admin, policy, quirks, observer)
        self._admin: AdminBackend = admin

    async def list_buckets(self) -> Sequence[BucketEntry]:
        """Return all buckets of the account, in order of their names."""
        return await self._request_attempts.send(self._admin.list_buckets)

    async def delete_versions(self, url: S3Url, versions: Sequence[ObjectVersion]) -> Sequence[DeleteFailure]:
        """Delete up to 1,000 versions and delete markers of the bucket of ``url``; return what was not deleted.

        One request, and one more for each key that XML cannot hold; one for each where the server knows no others.
        """
        others = set(split_xml_safe(each.key for each in versions)[1])
        unchecked = [each for each in versions if each.key not in others]
        alone = [(each.key, each.version_id) for each in versions if each.key in others]
        failed: Sequence[DeleteFailure] = ()
        if unchecked:
            named = [(each.key, each.version_id) for each in unchecked]
            failed = await self._delete_in_bulk(url, self._admin.delete_versions, unchecked, named, self.delete_object)
        return [*failed, *await delete_singly(self.delete_object, url, alone)]

    async def call_operation(self, operation: str, url: S3Url, parameters: Document) -> Document:
        """Send S3's ``operation`` about the bucket of ``url``, with its own parameters beside ``Bucket``."""
        return await self._request_attempts.send(self._admin.call_operation, operation, url, parameters)

    async def list_parts(self, url: S3Url, upload_id: str) -> Sequence[StoredPart]:
        """Return the parts of an open upload, in order of their numbers."""
        return await self._request_attempts.send(self._admin.list_parts, url, upload_id)

    async def list_multipart_uploads(self, url: S3Url) -> Sequence[OpenUpload]:
        """Return the open uploads of all keys that begin with ``url.key``."""
        return await self._request_attempts.send(self._admin.list_multipart_uploads, url)

    async def get_tags(self, url: S3Url) -> Mapping[str, str]:
        """Return the tags of one object."""
        return await self._request_attempts.send(self._admin.get_tags, url)

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
