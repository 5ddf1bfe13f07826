"""flowserv's handle on a file in S3."""

from __future__ import annotations

import contextlib
import functools
from typing import TYPE_CHECKING

import aios3.sync
from aios3 import Config
from aios3.compat._sessions import session_for, session_of
from aios3.compat.flowserv.library import error_alias, find
from aios3.errors import BucketNotFoundError, ObjectNotFoundError, PathIsDirectoryError

if TYPE_CHECKING:
    import io
    from collections.abc import Iterator
    from typing import Any, Protocol, Self

    class BotoBucket(Protocol):
        """The attributes of a boto3 bucket that are used."""

        name: str

        @property
        def meta(self) -> Any:  # noqa: ANN401 - boto3 has no types
            """Its client."""

    AnyBucket = aios3.sync.Volume | BotoBucket | str


class UnknownFileError(ObjectNotFoundError):
    """Raised for a missing file; also for a directory. It is flowserv's too, where that is installed."""


@functools.cache
def _error_class() -> type[UnknownFileError]:
    library_error = find("flowserv.error", "UnknownFileError")
    if library_error is None:
        return UnknownFileError
    return type("UnknownFileError", (UnknownFileError, library_error), {"__doc__": UnknownFileError.__doc__})


@contextlib.contextmanager
def finding(key: str) -> Iterator[None]:
    """Raise flowserv's error for a file that is not there; a missing bucket stays what it is."""
    try:
        yield
    except BucketNotFoundError:
        raise
    except (ObjectNotFoundError, PathIsDirectoryError) as error:
        message = f"unknown file '{key}'"
        raise _error_class()(message, path=error.path) from error


class S3File:
    """A file in a bucket, by its whole key; nothing is fetched before it is used.

    ``bucket`` is a boto3 bucket, whose server, region and credentials are used, the name of one, or what
    ``S3Volume.bucket`` is.
    """

    def __init__(self, bucket: AnyBucket, key: str) -> None:
        self.bucket: aios3.sync.Volume = volume_of(bucket)
        self.key = key
        self.file: aios3.sync.VolumeFile = self.bucket.load(key)

    @classmethod
    def over(cls, bucket: aios3.sync.Volume, file: aios3.sync.VolumeFile) -> Self:
        """Make one of a file that a listing has described."""
        file_of_s3 = cls(bucket, file.url.key)
        file_of_s3.file = file
        return file_of_s3

    def open(self) -> io.BytesIO:
        """Return the whole file in memory; raise UnknownFileError if it is not there."""
        with finding(self.key):
            return aios3.sync.load_from(self.file.url, session=self.file.session)

    def size(self) -> int:
        """Return the size in bytes, without downloading the file; raise UnknownFileError if it is not there."""
        with finding(self.key):
            return self.file.size()


def volume_of(bucket: AnyBucket) -> aios3.sync.Volume:
    """Return a whole bucket as a volume."""
    if isinstance(bucket, aios3.sync.Volume):
        return bucket
    if isinstance(bucket, str):
        return aios3.sync.Volume(bucket, session=session_for(Config()))
    return aios3.sync.Volume(bucket.name, session=session_of(bucket.meta.client))


error_alias("IOHandle", S3File)
