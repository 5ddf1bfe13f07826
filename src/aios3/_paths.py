"""Paths of S3 as values: parse, format, join. No I/O, and no byte of a key is ever changed.

``s3://bucket/key`` or ``s3+profile://bucket/key``. Everything after the first ``/`` that follows the bucket is the key,
as it stands. Keys have no percent-decoding, query, fragment, or collapsing of ``//`` or ``..``. In the place of the
bucket there may be the ARN of an access point: ``s3://arn:aws:s3:region:account:accesspoint:name/key``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Protocol

from aios3._secrets import scrubbed
from aios3.errors import InvalidPathError, PathIsDirectoryError

MAX_KEY_BYTES = 1024
"""S3's limit for a key, in bytes of its UTF-8 form (Amazon S3 user guide, "Naming Amazon S3 objects")."""

_SCHEME = re.compile(r"s3(?:\+(?P<profile>[^/:]+))?://")
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_ARN = "arn:"
_ACCESS_POINT = re.compile(
    r"(arn:aws[a-z-]*:(?:s3|s3-object-lambda):[a-z0-9-]*:[0-9]{12}:accesspoint)[/:]([A-Za-z0-9.-]{1,63})(?:/(.*))?",
    re.DOTALL,
)
_OUTPOST = re.compile(
    r"(arn:aws[a-z-]*:s3-outposts:[a-z0-9-]+:[0-9]{12}:outpost)[/:]([A-Za-z0-9-]{1,63})[/:]accesspoint[/:]"
    r"([A-Za-z0-9-]{1,63})(?:/(.*))?",
    re.DOTALL,
)
_ORDINARY = re.compile(r"s3://([A-Za-z0-9][A-Za-z0-9._-]*)/(.*)", re.DOTALL)
"""A path that needs no further look if its key is short and ASCII; most are, and each request parses one."""


@dataclass(frozen=True, slots=True)
class S3Url:
    """One location in S3: a bucket, a key in it (or a prefix), and the profile that reaches it.

    ``key`` is empty for the bucket itself; ``bucket`` is empty for ``s3://``, the list of buckets. The ARN of an
    access point is a bucket too; it is kept with ``:`` before the name, also where it was written with ``/``.
    """

    bucket: str
    key: str = ""
    profile: str | None = None

    def __str__(self) -> str:
        scheme = f"s3+{self.profile}" if self.profile else "s3"
        if not self.bucket:
            return f"{scheme}://" + (f"/{self.key}" if self.key else "")
        return f"{scheme}://{self.bucket}" + (f"/{self.key}" if self.key else "")

    @classmethod
    def parse(cls, path: AnyPath) -> S3Url:
        """Take ``path`` apart.

        Raises InvalidPathError for a text that is not an S3 path, and for a bucket name that no server accepts. Also
        for a key that is not UTF-8 or is longer than 1,024 bytes.
        """
        if isinstance(path, S3Url):
            return path
        if not isinstance(path, str):
            url = getattr(path, "url", None)
            if isinstance(url, S3Url):
                return url
            message = f"An S3 path is a str such as 's3://bucket/key' or an S3Url, not {type(path).__name__}"
            raise InvalidPathError(message)
        ordinary = _ORDINARY.fullmatch(path)
        if ordinary is not None and len(path) <= MAX_KEY_BYTES and path.isascii():
            return cls(*ordinary.groups())
        scheme = _SCHEME.match(path)
        if scheme is None:
            shown = scrubbed(path)  # it may be a presigned URL
            message = f"Not an S3 path: {shown!r}; it must look like 's3://bucket/key' or 's3+profile://bucket/key'"
            raise InvalidPathError(message, path=shown)
        bucket, key = split_bucket(path[scheme.end() :], path)
        _check_key(key, path)
        return cls(bucket, key, scheme["profile"])

    def with_key(self, key: str) -> S3Url:
        """Return the same bucket and profile with another key."""
        return replace(self, key=key)

    @property
    def prefix(self) -> str:
        """The prefix that all keys below this path share: the key with one ``/`` after it, or nothing."""
        return self.key if not self.key or self.key.endswith("/") else self.key + "/"

    @property
    def name(self) -> str:
        """The part of the key after its last ``/``."""
        return self.key.rpartition("/")[2]

    @property
    def names_directory(self) -> bool:
        """Return whether the path alone excludes an object: without a key, or with a key that ends in ``/``."""
        return not self.key or self.key.endswith("/")

    def require_bucket(self) -> S3Url:
        """Return self; raise InvalidPathError if the bucket is missing."""
        if not self.bucket:
            message = f"{str(self)!r} has no bucket; write 's3://bucket' or 's3://bucket/key'"
            raise InvalidPathError(message, path=str(self))
        return self

    def require_object(self) -> S3Url:
        """Return self; raise InvalidPathError without a bucket, PathIsDirectoryError if no object can be there."""
        if self.bucket and self.key and not self.key.endswith("/"):
            return self
        self.require_bucket()
        if self.names_directory:
            why = "ends in '/'" if self.key else "has no key"
            message = f"{str(self)!r} {why}, so it is a directory; an object is needed here"
            raise PathIsDirectoryError(message, path=str(self))
        return self


class HasUrl(Protocol):
    """Something that is at one location in S3, such as an :class:`aios3.S3Path`."""

    @property
    def url(self) -> S3Url:
        """Where it is."""


AnyPath = str | S3Url | HasUrl
"""The types that every verb takes as a path: the text, the value it parses to, or an :class:`aios3.S3Path`."""


def is_arn(bucket: str) -> bool:
    """Return whether a bucket is the ARN of an access point."""
    return bucket.startswith(_ARN)


def split_bucket(rest: str, path: str) -> tuple[str, str]:
    """Take what follows ``s3://`` in ``path`` apart: the bucket, or an access point's ARN, and the key.

    Raises InvalidPathError for a name that no bucket has, and for the ARN of anything else.
    """
    if is_arn(rest):
        return _split_arn(rest, path)
    bucket, _, key = rest.partition("/")
    if bucket and not _BUCKET.fullmatch(bucket):
        message = f"No bucket can be named {bucket!r} (in {path!r}): letters, digits, '.', '-' and '_' only"
        raise InvalidPathError(message, path=path)
    return bucket, key


def _split_arn(rest: str, path: str) -> tuple[str, str]:
    point = _ACCESS_POINT.fullmatch(rest)
    if point is not None:
        return f"{point[1]}:{point[2]}", point[3] or ""
    outpost = _OUTPOST.fullmatch(rest)
    if outpost is not None:
        return f"{outpost[1]}:{outpost[2]}:accesspoint:{outpost[3]}", outpost[4] or ""
    _, _, service, region, account, resource, *_ = [*rest.split(":", 5), "", "", "", "", ""]
    if service == "s3" and not region and not account and resource:
        message = f"{path!r} names a bucket by its ARN; write 's3://{resource}'"
    else:
        message = (
            f"{path!r} is no ARN of an access point; those look like "
            "'s3://arn:aws:s3:us-west-2:123456789012:accesspoint:name/key', with 's3-object-lambda' in the place of "
            "'s3', without a region for a multi-region access point, or "
            "'s3://arn:aws:s3-outposts:us-west-2:123456789012:outpost:op-1:accesspoint:name/key'"
        )
    raise InvalidPathError(message, path=path)


def _check_key(key: str, path: str) -> None:
    try:
        size_bytes = len(key.encode())
    except UnicodeEncodeError as error:
        message = f"The key in {path!r} is not valid Unicode, so it has no UTF-8 form: {error.reason}"
        raise InvalidPathError(message, path=path) from error
    if size_bytes > MAX_KEY_BYTES:
        message = f"The key in {path!r} has {size_bytes} bytes; S3 allows {MAX_KEY_BYTES}"
        raise InvalidPathError(message, path=path)


def is_s3(path: object) -> bool:
    """Return whether ``path`` is an :class:`S3Url`, or a text that begins with ``s3://`` or ``s3+profile://``."""
    if isinstance(path, str):
        return _SCHEME.match(path) is not None
    return isinstance(path, S3Url) or isinstance(getattr(path, "url", None), S3Url)


def path_join(path: AnyPath, *others: str) -> str:
    """Join ``others`` to ``path`` with one ``/`` between each pair.

    A ``/`` on either side of a joint is used instead of adding another; every further one belongs to the key and
    stays. A part that begins with ``/`` does not start again at the root, unlike in :func:`os.path.join`.
    """
    joined = path if isinstance(path, str) else str(S3Url.parse(path))
    S3Url.parse(joined)
    for other in others:
        joined = f"{joined.removesuffix('/')}/{other.removeprefix('/')}"
    return joined
