"""Paths of fsspec (``bucket/key``, with ``?versionId=`` where versions are known) and paths of aios3."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aios3._paths import S3Url, split_bucket
from aios3.errors import InvalidPathError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_VERSION = "?versionId="


@dataclass(frozen=True, slots=True)
class ObjectRef:
    """A URL, and perhaps one version of the object there."""

    url: S3Url
    version_id: str | None = None

    @property
    def name(self) -> str:
        """The path as fsspec writes it: ``bucket/key``."""
        return name_of(self.url)


def parse_ref(path: str, protocols: Sequence[str], *, version_aware: bool) -> ObjectRef:
    """Take a path of fsspec apart, with or without its protocol; a ``/`` at the end of a key is kept.

    ``?versionId=`` names a version where the filesystem is aware of versions, and is part of the key elsewhere.
    """
    for protocol in protocols:
        for start in (f"{protocol}://", f"{protocol}::"):
            path = path.removeprefix(start)
    path = path.lstrip("/")
    version_id = None
    if version_aware and _VERSION in path:
        path, _, version_id = path.partition(_VERSION)
    bucket, key = split_bucket(path, f"s3://{path}")
    return ObjectRef(S3Url.parse(S3Url(bucket, key)), version_id or None)


def require_key(ref: ObjectRef) -> ObjectRef:
    """Return ``ref``; raise InvalidPathError, which is a ValueError, for a path without bucket or key."""
    if not (ref.url.bucket and ref.url.key):
        message = f"{ref.name!r} names no object; write 'bucket/key'"
        raise InvalidPathError(message, path=str(ref.url))
    return ref


def name_of(url: S3Url) -> str:
    """Write a URL as fsspec does."""
    return f"{url.bucket}/{url.key}" if url.key else url.bucket


def topmost(paths: Iterable[str]) -> list[str]:
    """Return the paths that lie below no other of them, sorted; ``a/``, a directory, lies below ``a``."""
    distinct = set(paths)
    return sorted(path for path in distinct if distinct.isdisjoint(_above(path)))


def _above(path: str) -> Iterator[str]:
    while "/" in path:
        parent = path.rpartition("/")[0]
        if path != f"{parent}/":
            yield f"{parent}/"
        yield parent
        path = parent
