"""The payer of requests, and the owner that buckets must have: their headers, and the meaning of a rejection."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aios3.errors import AccessDeniedError, CredentialsError

if TYPE_CHECKING:
    from aios3._config import Config
    from aios3.errors import S3Error

PAYER = "x-amz-request-payer"
OWNER = "x-amz-expected-bucket-owner"
SOURCE_OWNER = "x-amz-source-expected-bucket-owner"

_OF_BUCKET = frozenset({"GetBucketLocation", "HeadBucket"})
"""Operations without a payer."""
_COPIES = frozenset({"CopyObject", "UploadPartCopy"})


@dataclass(frozen=True, slots=True)
class Ownership:
    """A session's settings about the owners of its buckets."""

    request_payer: str | None = None
    expected_bucket_owner: str | None = None

    def headers(self, operation: str) -> tuple[tuple[str, str], ...]:
        """Return the headers of S3's ``operation``, in lower case; one about the account has none."""
        if operation == "ListBuckets":
            return ()
        headers = []
        if self.request_payer is not None and operation not in _OF_BUCKET:
            headers.append((PAYER, self.request_payer))
        if self.expected_bucket_owner is not None:
            headers.append((OWNER, self.expected_bucket_owner))
            if operation in _COPIES:
                headers.append((SOURCE_OWNER, self.expected_bucket_owner))
        return tuple(headers)

    def explained(self, error: S3Error) -> S3Error:
        """Return ``error``; a denial by Amazon with what it may mean for this session."""
        if not isinstance(error, AccessDeniedError) or isinstance(error, CredentialsError):
            return error
        hints = []
        if self.expected_bucket_owner is not None:
            hints.append(f"that the bucket belongs to expected_bucket_owner={self.expected_bucket_owner!r}")
        if self.request_payer is None:
            hints.append("whether the requester pays there: that needs request_payer='requester'")
        if not hints:
            return error
        return error.explained(f"access was rejected; check the policy of bucket and user, and {', and '.join(hints)}")


def ownership_of(config: Config) -> Ownership | None:
    """Return what ``config`` says of owners; None if it says nothing."""
    if config.request_payer is None and config.expected_bucket_owner is None:
        return None
    return Ownership(config.request_payer, config.expected_bucket_owner)


NO_OWNERSHIP = Ownership()
