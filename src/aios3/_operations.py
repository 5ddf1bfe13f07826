"""S3's operations as values: their arguments, and how each may be sent.

A backend takes all of them by one method, ``send``; :mod:`aios3._calls` has a method for each. An operation says itself
whether it may be sent twice and how much data it carries. So the code that retries, counts or logs knows none by name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Generic, Literal, TypeVar

from aios3._backend import (
    MD5,
    UNCONDITIONAL,
    BucketPage,
    DeleteFailure,
    Document,
    ListPage,
    ObjectBody,
    OpenUpload,
    Part,
    StoredPart,
)
from aios3._entries import StatResult, WriteResult
from aios3._paths import S3Url
from aios3._s3_constants import MAX_KEYS

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Self

    from aios3._backend import Checksum, CopyOptions, GetOptions, ObjectVersion, PartSource, Precondition, PutOptions

ChecksumUse = Literal["reads", "writes", "multipart uploads"]
"""The kinds of requests that speak of checksums: a server may take that in one, and reject it in another."""

T_co = TypeVar("T_co", covariant=True)

_ACCOUNT = S3Url("")


def body_length(body: Iterable[bytes | memoryview]) -> int:
    """Return how many bytes the buffers of a body have."""
    # A list: a generator would be called once more for every buffer.
    return sum([buffer.nbytes if isinstance(buffer, memoryview) else len(buffer) for buffer in body])


class Operation(Generic[T_co]):
    """One call of S3, with a result of the type ``T_co``."""

    __slots__ = ()

    name: str
    """S3's name of the operation."""
    url: S3Url
    """The object or bucket that it is about; of a copy the target."""
    names_object: bool = False
    """True if ``url`` is an object's. Without a key the same request would be about the bucket: a DELETE deletes it."""
    checksum_use: ChecksumUse | None = None
    """The kind of request, of those that may speak of checksums."""
    starts_while_closing: bool = False
    """True for an operation that is also sent while its session closes."""
    outlives_closing: bool = False
    """True for an operation that a closing session waits for: only its response says what to undo."""

    # Attributes where they are constant, and properties in some classes: a call less for most requests.

    idempotent: bool = True
    """True if it may be sent again when its response was lost: a second time changes nothing more."""
    if_absent: bool = False
    """True if it stores an object only where none exists yet."""
    may_be_hedged: bool = False
    """True if a second request may be sent while the first one is slow."""
    body_size: int = 0
    """The bytes of objects that it sends."""
    has_checksum: bool = False
    """True if it sends or requests a checksum."""

    def without_checksum(self) -> Self:
        """Return the same operation without a checksum."""
        return self


class _Writing(Operation[T_co]):
    """An operation that sends the checksum of its data. Content-MD5 is none of S3's checksums."""

    __slots__ = ()

    checksum: Checksum | None

    @property
    def has_checksum(self) -> bool:  # type: ignore[override]  # read-only, as all of it
        """Return True if it sends or requests a checksum."""
        return self.checksum is not None and self.checksum.algorithm != MD5

    def without_checksum(self) -> Self:
        """Return the same operation without a checksum."""
        return replace(self, checksum=None)  # type: ignore[type-var]  # a dataclass


@dataclass(frozen=True, slots=True)
class GetObject(Operation[ObjectBody]):
    """Ask for the bytes ``[start, stop)``; with ``stop=None`` and ``start=0`` for all, without a range.

    A negative ``start`` requests that number of bytes from the end, and takes no ``stop``.
    """

    name = "GetObject"
    names_object = True
    checksum_use = "reads"
    url: S3Url
    start: int
    stop: int | None
    options: GetOptions

    @property
    def may_be_hedged(self) -> bool:  # type: ignore[override]  # read-only, as all of it
        """Return True if a second request may be sent while the first one is slow."""
        return self.stop is not None

    @property
    def has_checksum(self) -> bool:  # type: ignore[override]  # read-only, as all of it
        """Return True if it sends or requests a checksum."""
        return self.options.with_checksum

    def without_checksum(self) -> GetObject:
        """Return the same operation without a checksum."""
        return GetObject(self.url, self.start, self.stop, replace(self.options, with_checksum=False))


@dataclass(frozen=True, slots=True)
class HeadObject(Operation[StatResult]):
    """Describe one object."""

    name = "HeadObject"
    names_object = True
    checksum_use = "reads"
    url: S3Url
    options: GetOptions

    @property
    def has_checksum(self) -> bool:  # type: ignore[override]  # read-only, as all of it
        """Return True if it sends or requests a checksum."""
        return self.options.with_checksum

    def without_checksum(self) -> HeadObject:
        """Return the same operation without a checksum."""
        return HeadObject(self.url, replace(self.options, with_checksum=False))


@dataclass(frozen=True, slots=True)
class PutObject(_Writing[WriteResult]):
    """Store a whole object in one request."""

    name = "PutObject"
    names_object = True
    checksum_use = "writes"
    url: S3Url
    body: Sequence[bytes | memoryview] = field(repr=False)
    options: PutOptions
    condition: Precondition
    checksum: Checksum | None

    @property
    def idempotent(self) -> bool:  # type: ignore[override]  # read-only, as all of it
        """Return False under a condition: sent again, it would find its own result."""
        return self.condition == UNCONDITIONAL

    @property
    def if_absent(self) -> bool:  # type: ignore[override]  # read-only, as all of it
        """Return True if it stores an object only where none exists yet."""
        return self.condition.if_absent

    @property
    def body_size(self) -> int:  # type: ignore[override]  # read-only, as all of it
        """Count the bytes of objects that it sends."""
        return body_length(self.body)


@dataclass(frozen=True, slots=True)
class CreateMultipartUpload(Operation[str]):
    """Begin a multipart upload; the result is its id. ``algorithm`` announces a whole-object checksum."""

    name = "CreateMultipartUpload"
    names_object = True
    idempotent = False  # a second upload would stay open
    checksum_use = "multipart uploads"
    outlives_closing = True
    url: S3Url
    options: PutOptions
    algorithm: str | None

    @property
    def has_checksum(self) -> bool:  # type: ignore[override]  # read-only, as all of it
        """Return True if it sends or requests a checksum."""
        return self.algorithm is not None

    def without_checksum(self) -> Self:
        """Return the same operation without a checksum."""
        return replace(self, algorithm=None)


@dataclass(frozen=True, slots=True)
class UploadPart(_Writing[Part]):
    """Send one part; ``number`` is 1 to 10,000."""

    name = "UploadPart"
    names_object = True
    checksum_use = "multipart uploads"
    url: S3Url
    upload_id: str
    number: int
    body: Sequence[bytes | memoryview] = field(repr=False)
    options: PutOptions
    checksum: Checksum | None

    @property
    def body_size(self) -> int:  # type: ignore[override]  # read-only, as all of it
        """Count the bytes of objects that it sends."""
        return body_length(self.body)


@dataclass(frozen=True, slots=True)
class UploadPartCopy(Operation[Part]):
    """Make one part of the bytes of another object, inside S3."""

    name = "UploadPartCopy"
    names_object = True
    url: S3Url
    upload_id: str
    number: int
    source: PartSource


@dataclass(frozen=True, slots=True)
class CompleteMultipartUpload(_Writing[WriteResult]):
    """Make one object of the parts, in the order of their numbers. The result's size is not known here: 0."""

    name = "CompleteMultipartUpload"
    names_object = True
    idempotent = False  # the upload is gone once it was completed
    checksum_use = "multipart uploads"
    url: S3Url
    upload_id: str
    parts: Sequence[Part]
    options: PutOptions
    condition: Precondition
    checksum: Checksum | None

    @property
    def if_absent(self) -> bool:  # type: ignore[override]  # read-only, as all of it
        """Return True if it stores an object only where none exists yet."""
        return self.condition.if_absent


@dataclass(frozen=True, slots=True)
class AbortMultipartUpload(Operation[None]):
    """Abort an upload and delete its parts; a missing upload is not an error."""

    name = "AbortMultipartUpload"
    names_object = True
    starts_while_closing = outlives_closing = True
    url: S3Url
    upload_id: str


@dataclass(frozen=True, slots=True)
class ListObjects(Operation[ListPage]):
    """Return one page of the keys that begin with ``url.key``."""

    name = "ListObjectsV2"
    url: S3Url
    delimiter: str = ""
    token: str | None = None
    start_after: str = ""
    max_keys: int = MAX_KEYS


@dataclass(frozen=True, slots=True)
class HeadBucket(Operation[None]):
    """Return if the bucket is there and may be used; raise an error otherwise."""

    name = "HeadBucket"
    url: S3Url


@dataclass(frozen=True, slots=True)
class DeleteObject(Operation[None]):
    """Delete one object; for S3 a missing object is not an error.

    ``if_match`` is the ETag that it must have: with another, ObjectChangedError is raised, and ObjectNotFoundError
    without any. Many servers ignore it. It is not for ``version_id``, where Amazon S3 responds with 501. Where the
    server rejects it, the object is looked at directly before and then deleted; with ``requires_condition``
    UnsupportedError is raised instead.
    """

    name = "DeleteObject"
    names_object = True
    url: S3Url
    version_id: str | None = None
    if_match: str | None = None
    requires_condition: bool = False


@dataclass(frozen=True, slots=True)
class DeleteObjects(Operation[Sequence[DeleteFailure]]):
    """Delete up to 1,000 objects of the bucket of ``url`` and return those that were not deleted.

    Missing keys are not errors; a key that the response omits is one, without a code. ``if_match`` has the ETag that
    the object of a key must have; with another, its failure is PreconditionFailed. A transport takes keys that XML can
    hold (:func:`aios3._responses.split_xml_safe`).
    """

    name = "DeleteObjects"
    url: S3Url
    keys: Sequence[str]
    if_match: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class CopyObject(Operation[WriteResult]):
    """Copy an object of up to 5 GiB inside S3; ``options`` replaces its metadata, and tags if any are given.

    The result's size is not known here: 0.
    """

    name = "CopyObject"
    names_object = True
    source: S3Url
    url: S3Url
    options: PutOptions | None
    terms: CopyOptions

    @property
    def idempotent(self) -> bool:  # type: ignore[override]  # read-only, as all of it
        """Return False under a condition: sent again, it would find its own result."""
        return self.terms.condition == UNCONDITIONAL

    @property
    def if_absent(self) -> bool:  # type: ignore[override]  # read-only, as all of it
        """Return True if it stores an object only where none exists yet."""
        return self.terms.condition.if_absent


@dataclass(frozen=True, slots=True)
class DeleteVersions(Operation[Sequence[DeleteFailure]]):
    """Delete up to 1,000 versions and delete markers of the bucket of ``url`` for good; return what was not.

    Missing versions are not errors; a version that the response omits is one, without a code. A transport takes keys
    that XML can hold.
    """

    name = "DeleteObjects"
    url: S3Url
    versions: Sequence[ObjectVersion]


@dataclass(frozen=True, slots=True)
class ListParts(Operation[Sequence[StoredPart]]):
    """Return all parts of an unfinished upload, in order of their numbers."""

    name = "ListParts"
    names_object = True
    url: S3Url
    upload_id: str


@dataclass(frozen=True, slots=True)
class ListMultipartUploads(Operation[Sequence[OpenUpload]]):
    """Return all unfinished uploads of keys that begin with ``url.key``."""

    name = "ListMultipartUploads"
    url: S3Url


@dataclass(frozen=True, slots=True)
class ListBuckets(Operation[BucketPage]):
    """Return one page of the account's buckets; ``token`` continues it."""

    name = "ListBuckets"
    url: S3Url = _ACCOUNT
    token: str | None = None


@dataclass(frozen=True, slots=True)
class GetObjectTagging(Operation[Mapping[str, str]]):
    """Return the tags of one object."""

    name = "GetObjectTagging"
    names_object = True
    url: S3Url


@dataclass(frozen=True, slots=True)
class Administer(Operation[Document]):
    """Send S3's operation ``name`` about the bucket of ``url``, with its own parameters beside ``Bucket``.

    For what is configured and listed rarely: there is one call for all of it.
    """

    name: str
    url: S3Url
    parameters: Document
