"""messageflux's object: properties that are read when they are asked for."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import aios3.sync
from aios3 import S3Url
from aios3.compat.messageflux.errors import translated
from aios3.compat.messageflux.resources import session_behind

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, BinaryIO, Protocol

    class ObjectSummary(Protocol):
        """boto3's ``ObjectSummary``."""

        bucket_name: str
        key: str
        meta: Any


class S3Object:
    """An object of a bucket; what is not known of it is asked for, once.

    ``object_summery`` is an :class:`aios3.sync.S3Object` or boto3's ``ObjectSummary``; ``object_cache`` is boto3's
    response to a GET of it, if there is one already.
    """

    def __init__(
        self, object_summery: aios3.sync.S3Object | ObjectSummary, object_cache: Mapping[str, Any] | None = None
    ) -> None:
        self._object = _ours(object_summery)
        self._cache = object_cache
        self._body: io.BytesIO | None = None
        self._stream: BinaryIO | None = None

    @property
    def key(self) -> str:
        """The key in the bucket."""
        return self._object.key

    @property
    def body_stream(self) -> BinaryIO:
        """The object as a binary file, the same one each time; :attr:`body` once that was read."""
        if self._body is not None:
            return self._body
        if self._stream is None:
            self._stream = self._open()
        return self._stream

    @property
    def body(self) -> io.BytesIO:
        """The whole object in memory, the same file each time."""
        if self._body is None:
            with translated(reading=True):
                data = self._object.body() if self._cache is None else self._cache["Body"].read()
            self._body = io.BytesIO(data)
        return self._body

    @property
    def metadata(self) -> dict[str, str]:
        """The user metadata."""
        if self._cache is not None:
            return dict(self._cache.get("Metadata", {}))
        with translated(reading=True):
            return self._object.metadata()

    @property
    def last_modified(self) -> datetime:
        """When the object was written, with UTC as the time zone."""
        if self._object.listed is not None:  # without a way to the background loop, which costs more than the response
            return datetime.fromtimestamp(self._object.listed.mtime, UTC)
        with translated(reading=True):
            return self._object.last_modified()

    @property
    def size(self) -> int:
        """The size in bytes."""
        if self._object.listed is not None:
            return self._object.listed.size
        with translated(reading=True):
            return self._object.size()

    def _open(self) -> BinaryIO:
        if self._cache is not None:
            stream: BinaryIO = self._cache["Body"]
            return stream
        with translated(reading=True):
            return self._object.stream()


def _ours(summary: aios3.sync.S3Object | ObjectSummary) -> aios3.sync.S3Object:
    if isinstance(summary, aios3.sync.S3Object):
        return summary
    return aios3.sync.S3Object(S3Url(summary.bucket_name, summary.key), session=session_behind(summary))
