"""The marks of S3 in a successful response: a page of a portal or a proxy with status 200 is an error.

Most responses carry values that their reader checks. The others are checked here. S3 responds to a write with an ETag,
and to deletions and most requests about a bucket with an empty body.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from aios3._responses import EMBEDDED_ERROR_STATUS, error_response, invalid_response, unquote_etag

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aios3._paths import S3Url

_WORD = re.compile(rb"\s*\w{0,20}\s*")
"""This counts as no body: moto responds to PutBucketPolicy with ``True``."""
_VERSIONING = re.compile(rb"\s*(?:<\?xml[^>]*>\s*)?<(?:\w+:)?\w*Versioning\w*[\s/>]")
"""How the document begins that GetBucketVersioning wants; it is empty where no versions were ever kept."""


_ERROR = re.compile(
    rb"\s*(?:<\?xml[^>]*>\s*)?<Error[\s>].*?<Code>([^<]{1,100})</Code>(?:.*?<Message>([^<]{1,1000})</Message>)?",
    re.DOTALL,
)
"""An error document, with its code and message: the request failed after the head of its response was sent."""

_STORED = frozenset({"PutObject", "UploadPart"})
_EMPTY = frozenset(
    {
        "AbortMultipartUpload",
        "CreateBucket",
        "DeleteBucket",
        "DeleteBucketCors",
        "DeleteBucketLifecycle",
        "DeleteBucketPolicy",
        "DeleteBucketTagging",
        "DeleteObject",
        "DeletePublicAccessBlock",
        "PutBucketCors",
        "PutBucketLifecycleConfiguration",
        "PutBucketPolicy",
        "PutBucketTagging",
        "PutBucketVersioning",
        "PutPublicAccessBlock",
    }
)
"""Operations that S3 responds to with an empty body."""


def check(operation: str, url: S3Url, headers: Mapping[str, str], body: bytes) -> None:
    """Raise ServerError if a response of success does not show what that to ``operation`` has to show."""
    if operation in _STORED:
        check_stored(operation, url, headers, body)
    elif operation in _EMPTY:
        check_empty(operation, url, body)
    elif operation == "HeadBucket":
        check_bucket(url, headers)
    elif operation in {"GetObject", "HeadObject"}:
        check_object(operation, url, headers)
    elif operation == "GetBucketVersioning":
        _check_versioning(url, body)


def check_stored(operation: str, url: S3Url, headers: Mapping[str, str], body: bytes) -> None:
    """Raise ServerError unless a response says what was stored, by an ETag, and nothing else."""
    check_empty(operation, url, body)
    if unquote_etag(headers.get("etag")) is None:
        what = "no ETag for the part" if operation == "UploadPart" else "no ETag for the object"
        raise invalid_response(str(url), what, operation)


def check_empty(operation: str, url: S3Url, body: bytes) -> None:
    """Raise the error that a body holds, and ServerError for any other body: S3 sends none."""
    if _WORD.fullmatch(body) is not None:
        return
    if (error := _ERROR.match(body)) is None:
        raise invalid_response(str(url), f"a body of {len(body):,} bytes where S3 sends none", operation)
    code, detail = (text.decode(errors="replace") for text in error.groups(b""))
    raise error_response(operation, str(url), code=code, status=EMBEDDED_ERROR_STATUS, detail=detail)


def check_bucket(url: S3Url, headers: Mapping[str, str]) -> None:
    """Raise ServerError if the head of a page in HTML came for HeadBucket: without any header of S3's."""
    if headers.get("content-type", "").startswith("text/html") and not _is_of_s3(headers):
        raise invalid_response(str(url), "the head of a page in HTML", "HeadBucket")


def check_object(operation: str, url: S3Url, headers: Mapping[str, str]) -> None:
    """Raise ServerError if nothing in the head of an object is what S3 has there."""
    if "etag" not in headers and "last-modified" not in headers and not _is_of_s3(headers):
        raise invalid_response(str(url), "neither ETag nor Last-Modified, so this is no object", operation)


def _check_versioning(url: S3Url, body: bytes) -> None:
    """Raise ServerError if the response to GetBucketVersioning is not its document."""
    if _VERSIONING.match(body) is None:
        raise invalid_response(str(url), "this does not say whether versions are kept", "GetBucketVersioning")


def _is_of_s3(headers: Mapping[str, str]) -> bool:
    return any(name.startswith("x-amz-") for name in headers)
