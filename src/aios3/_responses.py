"""Meanings of S3's responses: the rules that both transports share. No I/O."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple, overload
from urllib.parse import unquote_plus

from aios3._backend import Checksum, DeleteFailure
from aios3._entries import LINK_NAMES, StatResult, WriteResult
from aios3._secrets import scrubbed
from aios3.errors import ObjectExistsError, ObjectNotFoundError, ServerError, UnsupportedError, from_response

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Mapping

    from aios3._backend import ObjectVersion
    from aios3._paths import S3Url
    from aios3.errors import S3Error

_WHOLE = 200
_PARTIAL = 206
_NOT_ALLOWED = 405
_PRECONDITION_FAILED = 412
_CONTENT_RANGE = re.compile(r"bytes ([0-9]+)-([0-9]+)/([0-9]+)")
_NOT_ASCII = re.compile(r"(?:%[89A-Fa-f][0-9A-Fa-f]){2,}")

ENCRYPTION = "x-amz-server-side-encryption"
KMS_KEY = f"{ENCRYPTION}-aws-kms-key-id"
BUCKET_KEY = f"{ENCRYPTION}-bucket-key-enabled"
REDIRECT = "x-amz-website-redirect-location"
STORED_HEADERS = (
    "content-encoding",
    "content-disposition",
    "content-language",
    "cache-control",
    "expires",
    ENCRYPTION,
    KMS_KEY,
    BUCKET_KEY,
    REDIRECT,
)
"""Headers that S3 keeps with an object besides its content type; the keys of ``StatResult.headers``."""


class ContentRange(NamedTuple):
    """The bytes ``[start, stop)`` that a body brings, and the size of the whole object."""

    start: int
    stop: int
    size: int

    @property
    def is_whole(self) -> bool:
        """Return whether the body brings the whole object."""
        return self.stop - self.start == self.size


def parse_content_range(
    status: int, content_range: str | None, length: int | None, *, start: int, path: S3Url | str
) -> ContentRange:
    """Work out what the body of a GET from ``start`` on brings; some servers send all instead of the range.

    A negative ``start`` counts from the end of the object.

    Raises ServerError if the heads contradict each other, and for a status that has no body of an object.
    """
    if status not in {_WHOLE, _PARTIAL}:
        raise invalid_response(str(path), f"the status {status}", "GetObject")
    if content_range is None and length is not None and status != _PARTIAL:
        return ContentRange(0, length, length)
    match = _CONTENT_RANGE.fullmatch(content_range or "")
    first, last, size = map(int, match.groups()) if match else (0, 0, 0)  # zeros are an invalid range
    if not first <= last < size or first != (start if start >= 0 else max(size + start, 0)):
        raise invalid_response(str(path), f"Content-Range {content_range!r} for bytes from {start} on", "GetObject")
    if length is not None and length != last + 1 - first:
        raise invalid_response(str(path), f"Content-Range {content_range!r} and Content-Length {length}", "GetObject")
    return ContentRange(first, last + 1, size)


def is_unsized(status: int, headers: Mapping[str, str]) -> bool:
    """Return whether a body is the whole object, and only its last chunk says how long that is (RFC 9112, 7.1).

    A body that ends with its connection is rejected: its end would look like a broken connection.
    """
    is_chunked = headers.get("transfer-encoding", "").lower() == "chunked"
    return is_chunked and status == _WHOLE and "content-length" not in headers and "content-range" not in headers


def invalid_response(path: str, what: str, operation: str) -> ServerError:
    """Build the error for a response that contradicts itself or the request."""
    return ServerError(
        f"{operation} {path}: the server sent an invalid response: {what}", path=path, operation=operation
    )


def error_response(
    operation: str, path: str, *, code: str | None, status: int | None, detail: str = "", request_id: str | None = None
) -> S3Error:
    """Build the error for a response that rejects ``operation``; the response to a HEAD has no code, only a status."""
    if operation == "HeadBucket" and code == "404":
        code = "NoSuchBucket"
    detail = scrubbed(detail)  # R2 repeats headers that it does not know, with their values
    return from_response(operation=operation, path=path, code=code, status=status, detail=detail, request_id=request_id)


EMBEDDED_ERROR_STATUS = 500
"""The status that an error has which comes in a response of success: it happened after the head was sent."""
_EXPIRED_TOKEN_CODES = frozenset({"ExpiredToken", "ExpiredTokenException", "InvalidToken"})
_EXPIRED_IF_TEMPORARY_CODES = frozenset({"InvalidAccessKeyId", "InvalidTokenId", "TokenRefreshRequired"})


def is_expired_token(code: str | None, *, temporary: bool) -> bool:
    """Return whether S3's ``code`` says that a session token has ended, so that other credentials may do.

    Some servers forget the access key of ``temporary`` credentials with them, and call it unknown.
    """
    return code in _EXPIRED_TOKEN_CODES or (temporary and code in _EXPIRED_IF_TEMPORARY_CODES)


def parse_retry_after(retry_after: str | None) -> float | None:
    """Return how many seconds a ``Retry-After`` asks for: a number, or the time until a date. None without one."""
    text = (retry_after or "").strip()
    if text.isascii() and text.isdigit():
        return float(text)
    if not text:
        return None
    from email.utils import parsedate_to_datetime  # noqa: PLC0415 - slow to import, and hardly ever needed

    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except ValueError:
        return None


def creation_error(error: S3Error) -> S3Error:
    """Return what ``error`` means for a write that must create its object: a failed precondition says it is there."""
    return object_exists_error(error) if error.status == _PRECONDITION_FAILED else error


def object_exists_error(rejection: S3Error) -> ObjectExistsError:
    """Build the error for a write that must create its object and was rejected, because there is one."""
    return ObjectExistsError(
        f"{rejection.operation} {rejection.path}: the object exists already, and it was to be created "
        f"(S3 responded with {rejection.status})",
        path=rejection.path,
        operation=rejection.operation,
        code=rejection.code,
        status=rejection.status,
        request_id=rejection.request_id,
    )


def delete_marker_error(error: S3Error, headers: Mapping[str, str]) -> S3Error:
    """Return the meaning of ``error`` for a version that is a delete marker, to which S3 responds with 405."""
    if error.status != _NOT_ALLOWED or headers.get("x-amz-delete-marker", "").lower() != "true":
        return error
    explanation = "this version is a delete marker: the object was deleted then"
    return ObjectNotFoundError(
        f"{error.operation} {error.path}: {explanation} (S3 responded with 405)",
        path=error.path,
        operation=error.operation,
        code=error.code,
        status=error.status,
        request_id=error.request_id,
    )


def not_copied_error(operation: str, path: str) -> UnsupportedError:
    """Build the error for a copy without an ETag: a server that does not know copies stores an empty body instead."""
    message = f"{operation} {path}: this server does not copy; read and write the bytes instead"
    return UnsupportedError(message, path=path, operation=operation)


def unquote_etag(etag: str | None) -> str | None:
    """Return an ETag without its quotes; None where there is none, or an empty one."""
    return (etag or "").strip('"') or None


def quote_etag(etag: str) -> str:
    """Return an ETag as HTTP writes it, with quotes."""
    return etag if etag.startswith(('"', "W/")) else f'"{etag}"'


def is_symlink(size: int, metadata: Mapping[str, str]) -> bool:
    """Return whether an object of that size and user metadata is a symbolic link."""
    return size == 0 and any(name in metadata for name in LINK_NAMES)


def full_object_checksums(checksums: Iterable[tuple[str, str]], kind: str | None) -> dict[str, str]:
    """Return those of the checksums, by algorithm, that are over the whole object; ``kind`` is their ChecksumType.

    Those of parts' checksums cannot be compared with bytes. S3 marks them by the type or by a ``-`` with the number of
    parts.
    """
    return {} if kind == "COMPOSITE" else {name: value for name, value in checksums if "-" not in value}


def covers_object(span: ContentRange, etag: str | None, kind: str | None, *, ranged: bool) -> bool:
    """Return whether the checksum beside a body is certainly the object's.

    For a range S3 may send the checksum of a part, or one of parts' checksums without its mark.
    """
    single = kind == "FULL_OBJECT" or "-" not in (unquote_etag(etag) or "-")
    return not ranged or (span.is_whole and single)


def first_checksum(checksums: Mapping[str, str]) -> Checksum | None:
    """Return the checksum that the response to a write confirms."""
    return next((Checksum(algorithm, value) for algorithm, value in checksums.items()), None)


def write_result(size: int, etag: str | None, version_id: str | None, checksums: Mapping[str, str]) -> WriteResult:
    """Build the result of a write."""
    checksum = first_checksum(checksums)
    return WriteResult(size, unquote_etag(etag), version_id, str(checksum) if checksum else None)


class LazyStats(Sequence[StatResult]):
    """Descriptions of a page's keys, each built when it is asked for: a scan of names never asks."""

    def __init__(self, indices: range, build: Callable[[int], StatResult]) -> None:
        self._indices = indices
        self._build = build

    def __len__(self) -> int:
        return len(self._indices)

    @overload
    def __getitem__(self, index: int) -> StatResult: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[StatResult]: ...
    def __getitem__(self, index: int | slice) -> StatResult | Sequence[StatResult]:
        if isinstance(index, slice):
            return LazyStats(self._indices[index], self._build)
        return self._build(self._indices[index])


def next_token(following: str | None, token: str | None, path: str, *, truncated: bool) -> str | None:
    """Return the token of the next page of a listing that was asked to continue at ``token``; None after the last.

    ``""`` says that there are more pages, and that the server has not said how to get them. Raises ServerError for a
    token that leads back to the same page.
    """
    if not truncated:
        return None
    if following and following == token:
        raise invalid_response(path, f"the list is truncated, and continues at {following!r}", "ListObjectsV2")
    return following or ""


_NOT_IN_XML = r"[\x00-\x1f\x7f\ud800-\udfff\ufffe\uffff]"
"""Characters that XML 1.0 cannot hold, or that its parsers may change."""


def split_xml_safe(keys: Iterable[str]) -> tuple[list[str], list[str]]:
    """Part ``keys`` into those that XML carries unchanged, and the others, which need requests of their own."""
    plain: list[str] = []
    others: list[str] = []
    misfit = re.compile(_NOT_IN_XML).search  # here, because a large set of characters takes long to compile
    for key in keys:
        (others if misfit(key) else plain).append(key)
    return plain, others


def failed_deletes(
    failed: Sequence[DeleteFailure], deleted: Container[str], keys: Sequence[str], path: str
) -> list[DeleteFailure]:
    """Return which of ``keys`` DeleteObjects has not deleted, by its errors and the keys that it names as deleted.

    Missing keys are not errors; a key that the response omits is one.

    Raises ServerError for an error about a key that is not among ``keys``, or if the response names none of them.
    """
    _check_asked(failed, keys, path)
    named = {each.key for each in failed}
    unnamed = [key for key in keys if key not in named and key not in deleted]
    _check_named(unnamed, keys, path)
    failures = [_plain_code(each) for each in failed if each.code != "NoSuchKey"]
    return failures + [DeleteFailure(key, "", _UNNAMED) for key in unnamed]


_UNNAMED = "the response names it neither among what was deleted nor among what was not"


def _check_asked(failed: Sequence[DeleteFailure], keys: Iterable[str], path: str) -> None:
    requested_keys = set(keys)
    for each in failed:
        if each.key not in requested_keys:
            raise invalid_response(path, f"it is about {each.key!r}, which nobody asked to delete", "DeleteObjects")


def _check_named(unnamed: Sequence[object], targets: Sequence[object], path: str) -> None:
    if targets and len(unnamed) == len(targets):
        raise invalid_response(
            path, f"it names none of the {len(targets):,} keys that were to be deleted", "DeleteObjects"
        )


def _plain_code(failure: DeleteFailure) -> DeleteFailure:
    """Return the failure with S3's code; directory buckets write the status before it."""
    code = failure.code
    is_precondition = code.startswith(f"{_PRECONDITION_FAILED} ")
    return replace(failure, code="PreconditionFailed") if is_precondition else failure


def failed_versions(
    failed: Sequence[DeleteFailure],
    deleted: Container[tuple[str, str | None]],
    versions: Sequence[ObjectVersion],
    path: str,
) -> list[DeleteFailure]:
    """Return which of ``versions`` DeleteObjects has not deleted, like :func:`failed_deletes`.

    ``deleted`` has keys with version ids. A server that names the key only says it of every version of that key.
    Raises ServerError if the response is about what is not among ``versions``, or about none of them.
    """
    _check_asked(failed, (version.key for version in versions), path)
    failures: list[DeleteFailure] = []
    for each in failed:
        version_ids = {version.version_id for version in versions if version.key == each.key}
        if each.version_id and each.version_id not in version_ids:
            what = f"it is about version {each.version_id!r} of {each.key!r}, which nobody asked to delete"
            raise invalid_response(path, what, "DeleteObjects")
        failed_ids = (each.version_id,) if each.version_id else sorted(version_ids)
        failures += [DeleteFailure(each.key, each.code, each.message, version_id) for version_id in failed_ids]
    failed_pairs = {(each.key, each.version_id) for each in failures}
    unnamed = [version for version in versions if not _is_named(version, failed_pairs, deleted)]
    _check_named(unnamed, versions, path)
    silent = [DeleteFailure(version.key, "", _UNNAMED, version.version_id) for version in unnamed]
    return [each for each in failures if each.code not in {"NoSuchKey", "NoSuchVersion"}] + silent


def _is_named(
    version: ObjectVersion,
    failed_pairs: Container[tuple[str, str | None]],
    deleted: Container[tuple[str, str | None]],
) -> bool:
    by_version = (version.key, version.version_id)
    return by_version in failed_pairs or by_version in deleted or (version.key, None) in deleted


def url_decode(name: str) -> str:
    """Undo ``encoding-type=url``; bytes that are not UTF-8 stay distinguishable, and cannot be addressed."""
    if "%" in name:
        name = _NOT_ASCII.sub(_unescaped, name)  # unquote_plus needs thrice as long for these
    return unquote_plus(name, errors="surrogateescape")


def key_decoder(encoding_type: object) -> Callable[[str], str]:
    """Return what makes names of a listing's texts; ``encoding_type`` is that of the response."""
    return url_decode if encoding_type == "url" else str


def _unescaped(match: re.Match[str]) -> str:
    return bytes.fromhex(match[0].replace("%", "")).decode("utf-8", "surrogateescape")


_UPLOAD_ID = re.compile(rb"<UploadId>[^<>]+</UploadId>")


def only_upload_id(document: bytes) -> bytes:
    """Return the response to CreateMultipartUpload without anything but the id: nothing else must keep us from it.

    An upload whose id is not read stays open. A document without an id is returned as it is.
    """
    named = _UPLOAD_ID.search(document)
    result = b"InitiateMultipartUploadResult"
    return document if named is None else b"<%b>%b</%b>" % (result, named[0], result)


_INVALID_XML = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f]|&#(?:x0*([0-9A-Fa-f]{1,6})|0*([0-9]{1,7}));")
_LAST_CONTROL = 0x1F
_WHITE = frozenset({0x9, 0xA, 0xD})
_NO_CHARACTERS = frozenset({0xFFFE, 0xFFFF})


def replace_invalid_xml(document: bytes) -> bytes:
    """Replace control characters, and references to them, by U+FFFD: servers repeat keys that XML 1.0 cannot hold."""
    if b"&#" not in document and not _INVALID_XML.search(document):
        return document
    return _INVALID_XML.sub(_replace_invalid, document)


def _replace_invalid(match: re.Match[bytes]) -> bytes:
    hexadecimal, decimal = match.groups()
    number = int(hexadecimal, 16) if hexadecimal else int(decimal) if decimal else 0
    is_fit = number > _LAST_CONTROL and number not in _NO_CHARACTERS and not 0xD800 <= number <= 0xDFFF  # noqa: PLR2004
    return match[0] if number in _WHITE or is_fit else "\ufffd".encode()
