"""S3's answers made into the values of the backend: heads, and documents where the value needs both.

A head is its status and its headers: a dict by lower-case names, in which the values of repeated ones are joined by
``", "``. Texts are taken as they came: S3's encoding of metadata that is not ASCII (RFC 2047) is left to the caller.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from aios3 import _answers
from aios3._answers import (
    KEPT_HEADERS,
    bare,
    names_link,
    nonsense,
    not_copied,
    refused,
    refused_creation,
    refused_marker,
)
from aios3._backend import Part
from aios3._entries import StatResult
from aios3._regions import region_named
from aios3._wire.dates import seconds_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aios3._answers import Span
    from aios3._entries import WriteResult
    from aios3._paths import S3Url
    from aios3._wire.messages import ErrorDocument
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
        raise nonsense(str(path), f"Content-Length {text!r}", operation)
    return int(text)


def span_of(status: int, headers: Headers, *, start: int, path: S3Url | str) -> Span:
    """Work out what the body of a GET from ``start`` on brings; some servers send all instead of the range.

    Raises ServerError if the heads contradict each other.
    """
    length = content_length(headers, "GetObject", path)
    return _answers.span_of(status, headers.get("content-range"), length, start=start, path=path)


def stat_of(headers: Headers, size: int, checksums: Mapping[str, str], *, path: str, as_of: float = 0.0) -> StatResult:
    """Describe the object that a HEAD or GET was answered for. Raises ServerError for a time that is none."""
    prefix = len(_METADATA)
    metadata = {name[prefix:]: value for name, value in headers.items() if name.startswith(_METADATA)}
    modified = headers.get("last-modified")
    try:
        mtime = 0.0 if modified is None else seconds_of(modified)
    except ValueError as error:
        raise nonsense(path, f"Last-Modified {modified!r}", "HeadObject") from error
    return StatResult(
        size=size,
        mtime=mtime,
        islnk=names_link(size, metadata),
        etag=bare(headers.get("etag")),
        version_id=headers.get("x-amz-version-id"),
        storage_class=headers.get("x-amz-storage-class"),
        content_type=headers.get("content-type"),
        metadata=metadata,
        headers={name: headers[name] for name in KEPT_HEADERS if headers.get(name)},
        checksums=checksums,
        tag_count=_count(headers.get("x-amz-tagging-count")),
        as_of=as_of,
    )


def _count(text: str | None) -> int:
    return int(text) if text and _DIGITS.fullmatch(text) else 0


def described(headers: Headers, path: str) -> StatResult:
    """Describe the object that a HEAD was answered for. Raises ServerError if its length is not said."""
    size = content_length(headers, "HeadObject", path)
    if size is None:
        raise nonsense(path, "it does not say how long the object is", "HeadObject")
    return stat_of(headers, size, checksums_of(headers), path=path, as_of=_moment(headers.get("date")))


def _moment(date: str | None) -> float:
    """Return the time of a ``Date`` header; 0.0 where there is none that can be read."""
    try:
        return seconds_of(date) if date else 0.0
    except ValueError:
        return 0.0


def checksums_of(headers: Headers) -> dict[str, str]:
    """Return the checksums in a head that are over the whole object, by algorithm."""
    if "x-amz-checksum-" not in " ".join(headers):  # most often there is none, and each answer is asked
        return {}
    matches = ((_CHECKSUM.fullmatch(name), value) for name, value in headers.items() if name.startswith("x-amz-c"))
    named = ((match[1].upper(), value) for match, value in matches if match)
    kind = headers.get(_CHECKSUM_TYPE)
    return _answers.whole_checksums((each for each in named if each[0] not in _NO_ALGORITHMS), kind)


def checksums_of_span(headers: Headers, span: Span, *, ranged: bool) -> dict[str, str]:
    """Return the checksums in the answer to a GET that are certainly over the whole object."""
    checksums = checksums_of(headers)
    if checksums and _answers.tells_whole(span, headers.get("etag"), headers.get(_CHECKSUM_TYPE), ranged=ranged):
        return checksums
    return {}


def write_result(headers: Headers, size: int) -> WriteResult:
    """Say what a PutObject of ``size`` bytes has left behind."""
    version_id = headers.get("x-amz-version-id")
    return _answers.write_result(size, headers.get("etag"), version_id, checksums_of(headers))


def part_of(headers: Headers, number: int) -> Part:
    """Say what UploadPart has stored."""
    return Part(number, headers["etag"].strip('"'), _answers.first_checksum(checksums_of(headers)))


def _result(body: bytes, operation: str, path: str) -> dict[str, str]:
    from aios3._wire.messages import result  # noqa: PLC0415 - slow to import, and a file that is read has no documents

    return result(body, operation, path)


def _error_document(body: bytes) -> ErrorDocument | None:
    from aios3._wire.messages import error_document  # noqa: PLC0415 - likewise

    return error_document(body) if body else None


def upload_id_of(body: bytes, path: str) -> str:
    """Return the id that CreateMultipartUpload has given. Raises ServerError if there is none."""
    upload_id = _result(_answers.only_upload_id(body), "CreateMultipartUpload", path).get("UploadId")
    if not upload_id:
        raise nonsense(path, "no upload id", "CreateMultipartUpload")
    return upload_id


def completed(headers: Headers, body: bytes, path: str) -> WriteResult:
    """Say what CompleteMultipartUpload has made; the size is not known here: 0.

    Raises the error that may come with a status of success, and ServerError for what is no result.
    """
    said = _result(body, "CompleteMultipartUpload", path)
    if not {"ETag", "Location", "Key"} & said.keys():
        raise nonsense(path, "this is no result of an upload", "CompleteMultipartUpload")
    version_id = headers.get("x-amz-version-id")
    return _answers.write_result(0, said.get("ETag"), version_id, _checksums_in(said))


def copied(headers: Headers, body: bytes, path: str) -> WriteResult:
    """Say what CopyObject has made; the size is not known here: 0.

    Raises the error that may come with a status of success, and UnsupportedError if nothing was copied.
    """
    said = _copied(body, "CopyObject", path)
    return _answers.write_result(0, said["ETag"], headers.get("x-amz-version-id"), _checksums_in(said))


def copied_part(body: bytes, number: int, path: str) -> Part:
    """Say what UploadPartCopy has stored. Raises as :func:`copied` does."""
    said = _copied(body, "UploadPartCopy", path)
    return Part(number, said["ETag"].strip('"'), _answers.first_checksum(_checksums_in(said)))


def _copied(body: bytes, operation: str, path: str) -> dict[str, str]:
    said = _result(body, operation, path)
    if bare(said.get("ETag")) is None:
        raise not_copied(operation, path)
    return said


def _checksums_in(said: dict[str, str]) -> dict[str, str]:
    matches = ((_CHECKSUM_MEMBER.fullmatch(name), value) for name, value in said.items())
    return _answers.whole_checksums(((match[1], value) for match, value in matches if match), said.get("ChecksumType"))


def error_of(
    operation: str, url: S3Url, status: int, headers: Headers, body: bytes, *, if_absent: bool = False
) -> S3Error:
    """Build the error for an answer that refuses ``operation``; that to a HEAD has no body, so no code either.

    ``if_absent`` says that a failed precondition means that the object is there already.
    """
    said = _error_document(body)
    request_id = headers.get("x-amzn-requestid") or headers.get("x-amz-request-id")
    error = refused(
        operation,
        str(url),
        code=(said.code or None) if said else str(status),
        status=status,
        detail=said.message if said else _phrase(status),
        request_id=request_id or (said.request_id if said else None) or None,
    )
    error.retry_after = _answers.seconds_to_wait(headers.get("retry-after"))
    named = (said.region, said.endpoint) if said else (None, None)
    error.bucket_region = region_named(headers.get("x-amz-bucket-region"), *named)
    error = refused_marker(error, headers)
    return refused_creation(error) if if_absent else error


def _phrase(status: int) -> str:
    from http import HTTPStatus  # noqa: PLC0415 - only a refusal without a document needs it

    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""
