"""The values that go into S3's operations and come out of them; :mod:`aios3._operations` has the operations."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from aios3._entries import StatResult
    from aios3._paths import S3Url


Document = dict[str, Any]
"""Parameters of one of S3's administrative operations, or its response, by S3's names."""


@dataclass(frozen=True, slots=True)
class GetOptions:
    """How an object is read."""

    version_id: str | None = None
    """Which version, in a bucket that keeps them; None is the latest."""
    if_match: str | None = None
    """The ETag that the object must have; another one raises ObjectChangedError."""
    sse_customer_key: bytes | None = field(default=None, repr=False)
    """The 32 bytes of the key that the object was encrypted with (SSE-C)."""
    with_checksum: bool = True
    """True if the server is asked for the object's checksum."""


@dataclass(frozen=True, slots=True)
class PutOptions:
    """How an object is stored; a field that is None is left to S3."""

    content_type: str | None = None
    content_encoding: str | None = None
    content_disposition: str | None = None
    content_language: str | None = None
    cache_control: str | None = None
    expires: str | None = None
    """As the header says it: S3 keeps any text."""
    metadata: Mapping[str, str] = field(default_factory=dict)
    """User metadata: names in lower case, at most 2 KiB in all."""
    metadata_as_stored: bool = False
    """True if the metadata are those of an object, and are sent as its server has given them; else they are ASCII."""
    storage_class: str | None = None
    acl: str | None = None
    """A canned ACL, such as ``"public-read"``."""
    tags: Mapping[str, str] = field(default_factory=dict)
    sse: str | None = None
    """Encryption by the server: ``"AES256"``, ``"aws:kms"`` or ``"aws:kms:dsse"``."""
    sse_kms_key_id: str | None = None
    sse_bucket_key: str | None = None
    """``"true"`` or ``"false"``: whether a key of the bucket is used between the object's and that of KMS."""
    sse_customer_key: bytes | None = field(default=None, repr=False)
    """The 32 bytes of a key of the caller's to encrypt with (SSE-C)."""
    website_redirect: str | None = None
    """Where a bucket that is a website sends who asks for this object."""


@dataclass(frozen=True, slots=True)
class Precondition:
    """Conditions on the object at the moment a write becomes visible; S3 checks them."""

    if_match: str | None = None
    """The ETag that it must have now; with another, ObjectChangedError is raised."""
    if_absent: bool = False
    """True if there must be none; where there is one, ObjectExistsError is raised."""


UNCONDITIONAL = Precondition()
"""No precondition: the write is done whatever is there."""


@dataclass(frozen=True, slots=True)
class CopyOptions:
    """Conditions of a copy inside S3, and the attributes that S3 would not carry over by itself."""

    if_match: str | None = None
    """The ETag that the source must have; with another, ObjectChangedError is raised."""
    storage_class: str | None = None
    """The storage class of the copy; None is the bucket's standard."""
    condition: Precondition = field(default_factory=Precondition)
    """Conditions on the object that is there when the copy becomes visible."""
    version_id: str | None = None
    """The version of the source; None is the latest."""


MD5 = "MD5"
"""The algorithm of the header Content-MD5 (RFC 1864), which is not one of S3's checksums."""


@dataclass(frozen=True, slots=True)
class Checksum:
    """A checksum as S3 writes it: the algorithm in capitals, the big-endian value in base64."""

    algorithm: str
    value: str

    def __str__(self) -> str:
        return f"{self.algorithm}:{self.value}"


@dataclass(frozen=True, slots=True)
class Part:
    """One part that S3 has acknowledged."""

    number: int
    etag: str
    checksum: Checksum | None = None


@dataclass(frozen=True, slots=True)
class PartSource:
    """The bytes ``[start, stop)`` of an object, which become a part of another one inside S3."""

    url: S3Url
    start: int
    stop: int
    if_match: str | None = None
    """The ETag that the object must have; with another, ObjectChangedError is raised."""
    sse_customer_key: bytes | None = field(default=None, repr=False)
    """The key of both objects (SSE-C)."""


@dataclass(frozen=True, slots=True)
class ListPage:
    """One page of a listing: keys and common prefixes, each in order of their UTF-8 bytes.

    ``stats[i]`` belongs to ``keys[i]`` and may be built only when it is asked for. ``token`` continues the listing;
    None ends it, and ``""`` says that there is more and that the server has not said how to get it.
    """

    keys: Sequence[str]
    stats: Sequence[StatResult]
    prefixes: Sequence[str]
    token: str | None


@dataclass(frozen=True, slots=True)
class BucketEntry:
    """One bucket of the list of buckets; ``created`` is in seconds since the epoch."""

    name: str
    created: float


@dataclass(frozen=True, slots=True)
class BucketPage:
    """One page of the list of buckets; ``token`` continues it, and None ends it."""

    buckets: Sequence[BucketEntry]
    token: str | None


@dataclass(frozen=True, slots=True)
class BucketAddress:
    """Where the requests for one bucket go, and how they are signed."""

    url: str
    """The bucket's own URL: its name is part of the host, or the last part of the path."""
    region: str
    algorithm: str | None
    """The name of the signature, as requests carry it; None for requests that are not signed."""
    service: str = "s3"
    """The service that is signed for."""


@dataclass(frozen=True, slots=True)
class DeleteFailure:
    """One key that S3 did not delete, and why: S3's error code and text; ``version_id`` where one was named.

    The code is empty where S3 has not said what became of the key.
    """

    key: str
    code: str
    message: str
    version_id: str | None = None


@dataclass(frozen=True, slots=True)
class ObjectVersion:
    """One version of an object, or a delete marker, which hides the versions before it.

    ``size`` is in bytes and ``mtime`` in seconds since the epoch. ``version_id`` is ``"null"`` for what was written
    while the bucket kept no versions.
    """

    key: str
    version_id: str
    mtime: float
    size: int = 0
    etag: str | None = None
    storage_class: str | None = None
    is_latest: bool = False
    is_delete_marker: bool = False


@dataclass(frozen=True, slots=True)
class StoredPart:
    """One part of an unfinished upload, as S3 holds it; ``size`` is in bytes."""

    number: int
    etag: str
    size: int


@dataclass(frozen=True, slots=True)
class OpenUpload:
    """One multipart upload that is neither completed nor aborted; ``initiated`` is in seconds since the epoch."""

    key: str
    upload_id: str
    initiated: float


class ObjectBody(Protocol):
    """A response to a GET whose head has come and whose body is still to be read.

    It holds a connection until it is closed; a body read to its end gives the connection back, one closed early drops
    it.
    """

    @property
    def stat(self) -> StatResult:
        """The whole object's description, however little of it was asked for."""

    @property
    def etag(self) -> str | None:
        """The object's ETag, without quotes."""

    @property
    def size(self) -> int:
        """The whole object's size in bytes."""

    def on_end(self, ended: Callable[[int, BaseException | None], None]) -> None:
        """Call ``ended(received, failure)`` once this is read to its end or closed; at once if it is already.

        ``received`` counts the bytes that came; ``failure`` is what broke it, if something did.
        """

    @property
    def start(self) -> int:
        """The offset in the object of the body's first byte: what was asked for, or 0 if the server ignores ranges."""

    @property
    def stop(self) -> int:
        """The offset after the body's last byte."""

    @property
    def checksums(self) -> Mapping[str, str]:
        """The checksums in the response that are certainly over the whole object, by algorithm."""

    async def readinto(self, view: memoryview) -> int:
        """Receive at least one byte into ``view`` and return how many; 0 only where the body ends.

        A body that ends before ``stop`` returns 0 or raises; the reader must count.
        """

    async def receive(
        self, size: int, get_buffer: Callable[[], memoryview], buffer_updated: Callable[[int], None]
    ) -> None:
        """Receive the next ``size`` bytes into the views of ``get_buffer()``, calling ``buffer_updated`` each time.

        Both are called without awaiting, in turn; a view is never empty nor longer than what is still to come. Returns
        early, or raises, where the body ends before; the reader must count.
        """

    async def read(self) -> bytes:
        """Return all that is still to come; shorter, or raises, where the body ends before."""

    def close(self) -> None:
        """Release the connection, without awaiting. Safe to repeat."""


class Limiter(Protocol):
    """Room for requests in flight, acquired and released as a semaphore's; waiters are admitted in FIFO order."""

    async def __aenter__(self) -> None:
        """Take the room of one request."""

    async def __aexit__(self, *_exception: object) -> None:
        """Give it back."""

    def try_acquire(self) -> bool:
        """Take the room of one request if that needs no waiting; return whether it did."""

    async def acquire(self) -> object:
        """Take the room of one request."""

    def release(self) -> None:
        """Give the room of one request back."""
