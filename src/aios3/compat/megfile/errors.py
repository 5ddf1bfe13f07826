"""megfile's names of errors, as those of aios3; and the few that aios3 has no class for."""

from __future__ import annotations

import contextlib
import shutil
from typing import TYPE_CHECKING

from aios3.errors import (
    AccessDeniedError,
    BucketNotFoundError,
    ChecksumMismatchError,
    ConnectionFailedError,
    CredentialsError,
    InvalidPathError,
    InvalidRangeError,
    NotALinkError,
    ObjectChangedError,
    ObjectExistsError,
    ObjectNotFoundError,
    PathIsDirectoryError,
    PathNotDirectoryError,
    RequestError,
    RequestTimeoutError,
    S3Error,
    ServerError,
    UnsupportedError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "S3BucketNotFoundError",
    "S3ConfigError",
    "S3Exception",
    "S3FileChangedError",
    "S3FileExistsError",
    "S3FileNotFoundError",
    "S3InvalidRangeError",
    "S3IsADirectoryError",
    "S3NameTooLongError",
    "S3NotADirectoryError",
    "S3NotALinkError",
    "S3PermissionError",
    "S3UnknownError",
    "SameFileError",
    "UnsupportedError",
    "unknown_errors",
]

S3Exception = S3Error
S3FileNotFoundError = ObjectNotFoundError
S3BucketNotFoundError = BucketNotFoundError
S3FileExistsError = ObjectExistsError
S3IsADirectoryError = PathIsDirectoryError
S3NotADirectoryError = PathNotDirectoryError
S3PermissionError = AccessDeniedError
S3ConfigError = CredentialsError
S3FileChangedError = ObjectChangedError
S3InvalidRangeError = InvalidRangeError
S3NotALinkError = NotALinkError


class S3NameTooLongError(InvalidPathError):
    """Raised when a symbolic link is to lead to a path of more than 1,024 bytes."""


class S3UnknownError(S3Error, OSError):
    """Raised when S3 or the connection to it failed for a reason that megfile has no class for; see its cause."""


class SameFileError(InvalidPathError, shutil.SameFileError):
    """Raised when an object is to be copied onto itself."""


_UNKNOWN = (RequestError, ServerError, ConnectionFailedError, RequestTimeoutError, ChecksumMismatchError)


@contextlib.contextmanager
def unknown_errors() -> Iterator[None]:
    """Raise what megfile has no class for as S3UnknownError."""
    try:
        yield
    except _UNKNOWN as error:
        raise S3UnknownError(
            error.message,
            path=error.path,
            operation=error.operation,
            code=error.code,
            status=error.status,
            request_id=error.request_id,
        ) from error
