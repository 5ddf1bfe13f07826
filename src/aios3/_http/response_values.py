"""S3's responses made into the values of the backend: heads, and documents where the value needs both.

A head is its status and its headers: a dict by lower-case names, in which the values of repeated ones are joined by
``", "``. Texts are taken as they came: S3's encoding of metadata that is not ASCII (RFC 2047) is left to the caller.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from aios3 import _responses
from aios3._backend import Part
from aios3._entries import StatResult
from aios3._http.http_dates import parse_time
from aios3._regions import parse_region
from aios3._responses import (
    STORED_HEADERS,
    creation_error,
    delete_marker_error,
    error_response,
    invalid_response,
    is_symlink,
    not_copied_error,
    unquote_etag,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aios3._entries import WriteResult
    from aios3._http.s3_xml import ErrorDocument
    from aios3._paths import S3Url
    from aios3._responses import ContentRange
    from aios3.errors import S3Error

Headers = dict[str, str]

_METADATA = "x-amz-meta-"
_CHECKSUM = re.compile(r"x-amz-checksum-([a-z0-9]+)")
_NO_ALGORITHMS = frozenset({"TYPE", "MODE", "ALGORITHM"})
_CHECKSUM_MEMBER = re.compile(r"Checksum([A-Z0-9]+)")
_CHECKSUM_TYPE = "x-amz-checksum-type"
_DIGITS = re.compile(r"[0-9]{1,18}")


def content_length(headers: Headers, operation: str, path: S3Url | str) -> int | None:
    """Return the length that a head announces, in bytes; None where it announces none. Raises ServerError."""
    text = headers.get("content-length")
    if text is None:
        return None
    if not _DIGITS.fullmatch(text):
        raise invalid_response(str(path), f"Content-Length {text!r}", operation)
    return int(text)


def parse_content_range(status: int, headers: Headers, *, start: int, path: S3Url | str) -> ContentRange:
    """Work out what the body of a GET from ``start`` on brings; some servers send all instead of the range.

    Raises ServerError if the heads contradict each other.
    """
    length = content_length(headers, "GetObject", path)
    return _responses.parse_content_range(status, headers.get("content-range"), length, start=start, path=path)


def stat_of(headers: Headers, size: int, checksums: Mapping[str, str], *, path: str, as_of: float = 0.0) -> StatResult:
    """Describe the object that a HEAD or GET was for. Raises ServerError for a time that is none."""
    prefix = len(_METADATA)
    metadata = {name[prefix:]: value for name, value in headers.items() if name.startswith(_METADATA)}
    modified = headers.get("last-modified")
    try:
        mtime = 0.0 if modified is None else parse_time(modified)
    except ValueError as error:
        raise invalid_response(path, f"Last-Modified {modified!r}", "HeadObject") from error
    return StatResult(
        size=size,
        mtime=mtime,
        islnk=is_symlink(size, metadata),
        etag=unquote_etag(headers.get("etag")),
        version_id=headers.get("x-amz-version-id"),
        storage_class=headers.get("x-amz-storage-class"),
        content_type=headers.get("content-type"),
        metadata=metadata,
        headers={name: headers[name] for name in STORED_HEADERS if headers.get(name)},
        checksums=checksums,
        tag_count=_count(headers.get("x-amz-tagging-count")),
        as_of=as_of,
    )


def _count(text: str | None) -> int:
    return int(text) if text and _DIGITS.fullmatch(text) else 0


def described(headers: Headers, path: str) -> StatResult:
    """Describe the object that a HEAD was for. Raises ServerError if its length is not said."""
    size = content_length(headers, "HeadObject", path)
    if size is None:
        raise invalid_response(path, "it does not say how long the object is", "HeadObject")
    return stat_of(headers, size, checksums_of(headers), path=path, as_of=_moment(headers.get("date")))


def _moment(date: str | None) -> float:
    """Return the time of a ``Date`` header; 0.0 where there is none that can be read."""
    try:
        return parse_time(date) if date else 0.0
    except ValueError:
        return 0.0


def checksums_of(headers: Headers) -> dict[str, str]:
    """Return the checksums in a head that are over the whole object, by algorithm."""
    if "x-amz-checksum-" not in " ".join(headers):  # most often there is none, and each response is asked
        return {}
    matches = ((_CHECKSUM.fullmatch(name), value) for name, value in headers.items() if name.startswith("x-amz-c"))
    checksums = ((match[1].upper(), value) for match, value in matches if match)
    kind = headers.get(_CHECKSUM_TYPE)
    return _responses.full_object_checksums((each for each in checksums if each[0] not in _NO_ALGORITHMS), kind)


def checksums_of_span(headers: Headers, span: ContentRange, *, ranged: bool) -> dict[str, str]:
    """Return the checksums in the response to a GET that are certainly over the whole object."""
    checksums = checksums_of(headers)
    if checksums and _responses.covers_object(span, headers.get("etag"), headers.get(_CHECKSUM_TYPE), ranged=ranged):
        return checksums
    return {}


def write_result(headers: Headers, size: int) -> WriteResult:
    """Build the result of a PutObject of ``size`` bytes."""
    version_id = headers.get("x-amz-version-id")
    return _responses.write_result(size, headers.get("etag"), version_id, checksums_of(headers))


def part_of(headers: Headers, number: int) -> Part:
    """Say what UploadPart has stored."""
    return Part(number, headers["etag"].strip('"'), _responses.first_checksum(checksums_of(headers)))


def _result(body: bytes, operation: str, path: str) -> dict[str, str]:
    from aios3._http.s3_xml import result  # noqa: PLC0415 - slow to import, and a file that is read has no documents

    return result(body, operation, path)


def _error_document(body: bytes) -> ErrorDocument | None:
    from aios3._http.s3_xml import error_document  # noqa: PLC0415 - slow to import, and rarely needed

    return error_document(body) if body else None


def upload_id_of(body: bytes, path: str) -> str:
    """Return the id that CreateMultipartUpload has given. Raises ServerError if there is none."""
    upload_id = _result(_responses.only_upload_id(body), "CreateMultipartUpload", path).get("UploadId")
    if not upload_id:
        raise invalid_response(path, "no upload id", "CreateMultipartUpload")
    return upload_id


def completed(headers: Headers, body: bytes, path: str) -> WriteResult:
    """Say what CompleteMultipartUpload has made; the size is not known here: 0.

    Raises the error that may come with a status of success, and ServerError for an invalid result.
    """
    fields = _result(body, "CompleteMultipartUpload", path)
    if not {"ETag", "Location", "Key"} & fields.keys():
        raise invalid_response(path, "this is no result of an upload", "CompleteMultipartUpload")
    version_id = headers.get("x-amz-version-id")
    return _responses.write_result(0, fields.get("ETag"), version_id, _checksums_in(fields))


def copied(headers: Headers, body: bytes, path: str) -> WriteResult:
    """Say what CopyObject has made; the size is not known here: 0.

    Raises the error that may come with a status of success, and UnsupportedError if nothing was copied.
    """
    fields = _copied(body, "CopyObject", path)
    return _responses.write_result(0, fields["ETag"], headers.get("x-amz-version-id"), _checksums_in(fields))


def copied_part(body: bytes, number: int, path: str) -> Part:
    """Say what UploadPartCopy has stored. Raises as :func:`copied` does."""
    fields = _copied(body, "UploadPartCopy", path)
    return Part(number, fields["ETag"].strip('"'), _responses.first_checksum(_checksums_in(fields)))


def _copied(body: bytes, operation: str, path: str) -> dict[str, str]:
    fields = _result(body, operation, path)
    if unquote_etag(fields.get("ETag")) is None:
        raise not_copied_error(operation, path)
    return fields


def _checksums_in(fields: dict[str, str]) -> dict[str, str]:
    matches = ((_CHECKSUM_MEMBER.fullmatch(name), value) for name, value in fields.items())
    return _responses.full_object_checksums(
        ((match[1], value) for match, value in matches if match), fields.get("ChecksumType")
    )


def error_of(
    operation: str, url: S3Url, status: int, headers: Headers, body: bytes, *, if_absent: bool = False
) -> S3Error:
    """Build the error for a response that rejects ``operation``; that to a HEAD has no body, so no code either.

    ``if_absent`` says that a failed precondition means that the object is there already.
    """
    fields = _error_document(body)
    request_id = headers.get("x-amzn-requestid") or headers.get("x-amz-request-id")
    error = error_response(
        operation,
        str(url),
        code=(fields.code or None) if fields else str(status),
        status=status,
        detail=fields.message if fields else _phrase(status),
        request_id=request_id or (fields.request_id if fields else None) or None,
    )
    error.retry_after = _responses.parse_retry_after(headers.get("retry-after"))
    named = (fields.region, fields.endpoint) if fields else (None, None)
    error.bucket_region = parse_region(headers.get("x-amz-bucket-region"), *named)
    error = delete_marker_error(error, headers)
    return creation_error(error) if if_absent else error


def _phrase(status: int) -> str:
    from http import HTTPStatus  # noqa: PLC0415 - only a rejection without a document needs it

    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""
