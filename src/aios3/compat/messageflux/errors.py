"""messageflux's errors, raised for those of aios3, which are their causes."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from aios3.errors import BucketNotFoundError, ObjectNotFoundError, PathIsDirectoryError, S3Error

if TYPE_CHECKING:
    from collections.abc import Iterator


class S3BucketException(Exception):  # noqa: N818 - messageflux's name
    """Raised when anything about a bucket fails; its cause says what."""


class S3NoSuchItem(S3BucketException):
    """Raised for an object that is missing from the bucket."""


class S3NoSuchBucket(S3BucketException):
    """Raised for a missing bucket."""


@contextlib.contextmanager
def translated(*, reading: bool = False) -> Iterator[None]:
    """Raise errors of aios3 as messageflux's; with ``reading``, a directory counts as a missing object."""
    try:
        yield
    except BucketNotFoundError as error:
        raise S3NoSuchBucket(error.message) from error
    except ObjectNotFoundError as error:
        raise S3NoSuchItem(error.message) from error
    except PathIsDirectoryError as error:
        raise (S3NoSuchItem if reading else S3BucketException)(error.message) from error
    except S3Error as error:
        raise S3BucketException(error.message) from error
