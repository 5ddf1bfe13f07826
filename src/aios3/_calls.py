"""S3's calls by name, over one ``send``: everything above is built on them.

A backend sends one request an operation and knows nothing of files. It raises the classes of :mod:`aios3.errors` only,
and leaves nothing open when it is cancelled. Paths are whole :class:`S3Url` values; the profile in them has already
chosen the backend. Each call here is a plain method that returns the coroutine of ``send``: one less for every request.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from aios3 import _operations as operations
from aios3._backend import CopyOptions
from aios3._s3_constants import MAX_KEYS

if TYPE_CHECKING:
    from collections.abc import Coroutine, Mapping, Sequence

    from aios3._backend import (
        BucketPage,
        Checksum,
        DeleteFailure,
        Document,
        GetOptions,
        ListPage,
        ObjectBody,
        ObjectVersion,
        OpenUpload,
        Part,
        PartSource,
        Precondition,
        PutOptions,
        StoredPart,
    )
    from aios3._entries import PresignedPost, StatResult, WriteResult
    from aios3._operations import Operation
    from aios3._paths import S3Url

T = TypeVar("T")

_NO_TERMS = CopyOptions()


class OperationSender(Protocol):
    """A sender of operations."""

    def send(self, operation: Operation[T]) -> Coroutine[Any, Any, T]:
        """Send an operation and return its result."""
        raise NotImplementedError


class ObjectBackend(OperationSender, Protocol):
    """S3's calls about objects, one request each: both transports have them."""

    @property
    def is_aws(self) -> bool:
        """Return True if requests go to an endpoint of Amazon's, False for another vendor's server."""
        raise NotImplementedError

    async def aclose(self) -> None:
        """Close all connections. Safe to repeat."""
        raise NotImplementedError

    def get_object(
        self, url: S3Url, *, start: int, stop: int | None, options: GetOptions
    ) -> Coroutine[Any, Any, ObjectBody]:
        """Send :class:`~aios3._operations.GetObject`."""
        return self.send(operations.GetObject(url, start, stop, options))

    def head_object(self, url: S3Url, options: GetOptions) -> Coroutine[Any, Any, StatResult]:
        """Send :class:`~aios3._operations.HeadObject`."""
        return self.send(operations.HeadObject(url, options))

    def put_object(
        self,
        url: S3Url,
        body: Sequence[bytes | memoryview],
        *,
        options: PutOptions,
        condition: Precondition,
        checksum: Checksum | None,
    ) -> Coroutine[Any, Any, WriteResult]:
        """Send :class:`~aios3._operations.PutObject`."""
        return self.send(operations.PutObject(url, body, options, condition, checksum))

    def create_multipart_upload(
        self, url: S3Url, options: PutOptions, algorithm: str | None
    ) -> Coroutine[Any, Any, str]:
        """Send :class:`~aios3._operations.CreateMultipartUpload`."""
        return self.send(operations.CreateMultipartUpload(url, options, algorithm))

    def upload_part(
        self,
        url: S3Url,
        upload_id: str,
        number: int,
        body: Sequence[bytes | memoryview],
        *,
        options: PutOptions,
        checksum: Checksum | None,
    ) -> Coroutine[Any, Any, Part]:
        """Send :class:`~aios3._operations.UploadPart`."""
        return self.send(operations.UploadPart(url, upload_id, number, body, options, checksum))

    def upload_part_copy(
        self, url: S3Url, upload_id: str, number: int, source: PartSource
    ) -> Coroutine[Any, Any, Part]:
        """Send :class:`~aios3._operations.UploadPartCopy`."""
        return self.send(operations.UploadPartCopy(url, upload_id, number, source))

    def complete_multipart_upload(
        self,
        url: S3Url,
        upload_id: str,
        parts: Sequence[Part],
        *,
        options: PutOptions,
        condition: Precondition,
        checksum: Checksum | None,
    ) -> Coroutine[Any, Any, WriteResult]:
        """Send :class:`~aios3._operations.CompleteMultipartUpload`."""
        return self.send(operations.CompleteMultipartUpload(url, upload_id, parts, options, condition, checksum))

    def abort_multipart_upload(self, url: S3Url, upload_id: str) -> Coroutine[Any, Any, None]:
        """Send :class:`~aios3._operations.AbortMultipartUpload`."""
        return self.send(operations.AbortMultipartUpload(url, upload_id))

    def list_objects(
        self,
        url: S3Url,
        *,
        delimiter: str = "",
        token: str | None = None,
        start_after: str = "",
        max_keys: int = MAX_KEYS,
    ) -> Coroutine[Any, Any, ListPage]:
        """Send :class:`~aios3._operations.ListObjects`."""
        return self.send(operations.ListObjects(url, delimiter, token, start_after, max_keys))

    def list_buckets(self, token: str | None = None) -> Coroutine[Any, Any, BucketPage]:
        """Send :class:`~aios3._operations.ListBuckets`."""
        return self.send(operations.ListBuckets(token=token))

    def head_bucket(self, url: S3Url) -> Coroutine[Any, Any, None]:
        """Send :class:`~aios3._operations.HeadBucket`."""
        return self.send(operations.HeadBucket(url))

    def delete_object(
        self,
        url: S3Url,
        version_id: str | None = None,
        *,
        if_match: str | None = None,
        requires_condition: bool = False,
    ) -> Coroutine[Any, Any, None]:
        """Send :class:`~aios3._operations.DeleteObject`."""
        return self.send(operations.DeleteObject(url, version_id, if_match, requires_condition))

    def delete_objects(
        self, url: S3Url, keys: Sequence[str], *, if_match: Mapping[str, str] | None = None
    ) -> Coroutine[Any, Any, Sequence[DeleteFailure]]:
        """Send :class:`~aios3._operations.DeleteObjects`."""
        return self.send(operations.DeleteObjects(url, keys, if_match))

    def copy_object(
        self, source: S3Url, target: S3Url, *, options: PutOptions | None, terms: CopyOptions = _NO_TERMS
    ) -> Coroutine[Any, Any, WriteResult]:
        """Send :class:`~aios3._operations.CopyObject`."""
        return self.send(operations.CopyObject(source, target, options, terms))


class AdminBackend(OperationSender, Protocol):
    """S3's calls about buckets, versions and unfinished uploads, and signatures for others: aiobotocore has them."""

    def list_parts(self, url: S3Url, upload_id: str) -> Coroutine[Any, Any, Sequence[StoredPart]]:
        """Send :class:`~aios3._operations.ListParts`."""
        return self.send(operations.ListParts(url, upload_id))

    def list_multipart_uploads(self, url: S3Url) -> Coroutine[Any, Any, Sequence[OpenUpload]]:
        """Send :class:`~aios3._operations.ListMultipartUploads`."""
        return self.send(operations.ListMultipartUploads(url))

    def delete_versions(
        self, url: S3Url, versions: Sequence[ObjectVersion]
    ) -> Coroutine[Any, Any, Sequence[DeleteFailure]]:
        """Send :class:`~aios3._operations.DeleteVersions`."""
        return self.send(operations.DeleteVersions(url, versions))

    def call_operation(self, operation: str, url: S3Url, parameters: Document) -> Coroutine[Any, Any, Document]:
        """Send :class:`~aios3._operations.Administer`."""
        return self.send(operations.Administer(operation, url, parameters))

    def get_tags(self, url: S3Url) -> Coroutine[Any, Any, Mapping[str, str]]:
        """Send :class:`~aios3._operations.GetObjectTagging`."""
        return self.send(operations.GetObjectTagging(url))

    async def presign(self, operation: str, parameters: Mapping[str, str], expires_in: int) -> str:
        """Sign a URL for S3's ``operation`` that is good for ``expires_in`` seconds; sends nothing.

        ``parameters`` are S3's own, ``Bucket`` and ``Key`` among them.
        """
        raise NotImplementedError

    async def presign_post(
        self, url: S3Url, fields: Mapping[str, str], conditions: Sequence[object], expires_in: int
    ) -> PresignedPost:
        """Sign a form that may upload ``url`` for ``expires_in`` seconds; sends nothing.

        A key that ends in ``${filename}`` takes the name of the sender's file. ``fields`` become part of the form, and
        ``conditions`` of the policy that S3 checks it against.
        """
        raise NotImplementedError

    async def endpoint_url(self) -> str:
        """Return the address that requests go to, without the bucket."""
        raise NotImplementedError

    async def raw_client(self) -> object:
        """Return the aiobotocore client of this configuration and profile."""
        raise NotImplementedError
