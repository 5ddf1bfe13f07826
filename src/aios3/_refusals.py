"""What a refusal says: that the server does not take something that was added to a request, or that the request failed.

A server that does not take headers about checksums says so in many ways: Backblaze B2 answers 400 InvalidArgument,
Cloudflare R2 501 NotImplemented, and each of them nothing but the status to a HEAD. The same statuses mean other things
too. So a refusal is only the beginning: the request must be answered without the headers, and nothing else may explain
that it was not with them. No I/O here.
"""

from __future__ import annotations

from aios3 import errors

_NOT_TAKEN = frozenset({400, 405, 501})
"""How servers refuse headers and operations that they do not know."""
_BAD_REQUEST = 400
_EXPLAINED = frozenset(
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
_ANSWERS = (
    errors.ObjectNotFoundError,
    errors.ObjectExistsError,
    errors.ObjectChangedError,
    errors.InvalidRangeError,
    errors.AccessDeniedError,
)
_UNKNOWN_OPERATION = frozenset({"InvalidArgument", "NotImplemented"})


def may_be_of_checksums(refusal: errors.S3Error) -> bool:
    """Tell whether a refusal may be of the headers about checksums: nothing else explains it."""
    return refusal.status in _NOT_TAKEN and refusal.code not in _EXPLAINED


def is_bare(refusal: errors.S3Error) -> bool:
    """Tell whether a refusal has a status and no code: S3 answers a HEAD without a document, and others torn ones."""
    return refusal.status is not None and refusal.code in {None, "", str(refusal.status)}


def says_nothing(refusal: errors.S3Error) -> bool:
    """Tell whether a refusal says no more than 400: a HEAD gets that for a token's end, a wrong region, a header."""
    return refusal.status == _BAD_REQUEST and is_bare(refusal)


def is_answer(error: errors.S3Error) -> bool:
    """Tell whether an error is an answer to the request itself: not there, changed, not allowed.

    Bad credentials are none, nor is 403 without a code, which is all that a HEAD gets for them.
    """
    if isinstance(error, errors.CredentialsError):
        return False
    if isinstance(error, errors.AccessDeniedError):
        return not is_bare(error)
    return isinstance(error, _ANSWERS)


def is_same(one: errors.S3Error, other: errors.S3Error) -> bool:
    """Tell whether two refusals say the same."""
    return (one.status, one.code) == (other.status, other.code)


def with_advice(refusal: errors.S3Error) -> errors.S3Error:
    """Return the refusal of a request that had to speak of checksums, with what to set if it was about them."""
    advice = (
        "if the server takes no checksums, set checksums='auto', which does without them after the first refusal, "
        "or 'off'"
    )
    return errors.reworded(refusal, f"{refusal.message}; {advice}")


def wants_digest(refusal: errors.S3Error) -> bool:
    """Return True if a body must come with its MD5, or a checksum: its bucket has Object Lock.

    Servers answer 400 InvalidRequest and name the header ("PutObject", Amazon S3 API reference).
    """
    return refusal.status == _BAD_REQUEST and (
        refusal.code == "MissingContentMD5"
        or (refusal.code == "InvalidRequest" and "content-md5" in refusal.message.lower())
    )


def may_be_of_bulk_deletes(refusal: errors.S3Error) -> bool:
    """Tell whether DeleteObjects may have been refused as such, and not for what it was to delete.

    Google Cloud Storage answers 400 InvalidArgument ("Cannot create buckets using a POST"), or NotImplemented.
    """
    return isinstance(refusal, errors.UnsupportedError) or (
        refusal.status in _NOT_TAKEN and refusal.code in _UNKNOWN_OPERATION
    )


def may_be_of_delete_conditions(refusal: errors.S3Error) -> bool:
    """Tell whether a deletion may have been refused for its If-Match, or for the ETags in its document.

    Amazon S3 itself answered 501 until September 2025, and LocalStack does still.
    """
    return refusal.status in _NOT_TAKEN
