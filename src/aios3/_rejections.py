"""Meanings of a rejection: the server does not accept something added to a request, or the request failed.

A server that does not take headers about checksums says so in many ways. Backblaze B2 responds with 400
InvalidArgument, Cloudflare R2 with 501 NotImplemented, and both with a mere status to a HEAD. The same statuses mean
other things too. So a rejection is only the beginning. The request must succeed without the headers, and there must be
no other explanation for its failure with them. No I/O here.
"""

from __future__ import annotations

from aios3 import errors

_UNSUPPORTED_STATUSES = frozenset({400, 405, 501})
"""How servers reject headers and operations that they do not know."""
_BAD_REQUEST = 400
_EXPLAINED_CODES = frozenset(
    {
        "EntityTooLarge",
        "EntityTooSmall",
        "IllegalLocationConstraintException",
        "InvalidBucketState",
        "InvalidEncryptionAlgorithmError",
        "InvalidLocationConstraint",
        "InvalidRegionName",
        "InvalidStorageClass",
        "InvalidTag",
        "InvalidTargetBucketForLogging",
        "InvalidURI",
        "MalformedPOSTRequest",
        "MalformedXML",
        "MaxMessageLengthExceeded",
        "MetadataTooLarge",
        "MissingContentLength",
        "PermanentRedirect",
    }
)
"""S3's codes that say what else was wrong."""
_CONCLUSIVE_ERRORS = (
    errors.ObjectNotFoundError,
    errors.ObjectExistsError,
    errors.ObjectChangedError,
    errors.InvalidRangeError,
    errors.AccessDeniedError,
)
_UNKNOWN_OPERATION = frozenset({"InvalidArgument", "NotImplemented"})


def may_reject_checksums(error: errors.S3Error) -> bool:
    """Return whether a rejection may be of the headers about checksums: nothing else explains it."""
    return error.status in _UNSUPPORTED_STATUSES and error.code not in _EXPLAINED_CODES


def has_no_code(error: errors.S3Error) -> bool:
    """Return whether a rejection has a status and no code, as to a HEAD or with a torn document."""
    return error.status is not None and error.code in {None, "", str(error.status)}


def is_unexplained(error: errors.S3Error) -> bool:
    """Return whether a rejection is a mere 400: a HEAD gets that for an expired token, a wrong region, a header."""
    return error.status == _BAD_REQUEST and has_no_code(error)


def is_conclusive(error: errors.S3Error) -> bool:
    """Return whether an error is a response to the request itself: not there, changed, not allowed.

    Bad credentials are none, nor is 403 without a code, which is all that a HEAD gets for them.
    """
    if isinstance(error, errors.CredentialsError):
        return False
    if isinstance(error, errors.AccessDeniedError):
        return not has_no_code(error)
    return isinstance(error, _CONCLUSIVE_ERRORS)


def is_same_error(one: errors.S3Error, other: errors.S3Error) -> bool:
    """Return whether two rejections say the same."""
    return (one.status, one.code) == (other.status, other.code)


def with_advice(error: errors.S3Error) -> errors.S3Error:
    """Return the rejection of a request that had to speak of checksums, with what to set if it was about them."""
    advice = (
        "if the server takes no checksums, set checksums='auto', which does without them after the first rejection, "
        "or 'off'"
    )
    return errors.reworded(error, f"{error.message}; {advice}")


def wants_digest(error: errors.S3Error) -> bool:
    """Return True if a body must come with its MD5, or a checksum: its bucket has Object Lock.

    Servers respond with 400 InvalidRequest and name the header ("PutObject", Amazon S3 API reference).
    """
    return error.status == _BAD_REQUEST and (
        error.code == "MissingContentMD5" or (error.code == "InvalidRequest" and "content-md5" in error.message.lower())
    )


def may_reject_bulk_deletes(error: errors.S3Error) -> bool:
    """Return whether DeleteObjects may have been rejected as such, and not for what it was to delete.

    Google Cloud Storage responds with 400 InvalidArgument ("Cannot create buckets using a POST"), or NotImplemented.
    """
    return isinstance(error, errors.UnsupportedError) or (
        error.status in _UNSUPPORTED_STATUSES and error.code in _UNKNOWN_OPERATION
    )


def may_reject_delete_conditions(error: errors.S3Error) -> bool:
    """Return whether a deletion may have been rejected for its If-Match, or for the ETags in its document.

    Amazon S3 itself responded with 501 until September 2025, and LocalStack does still.
    """
    return error.status in _UNSUPPORTED_STATUSES
