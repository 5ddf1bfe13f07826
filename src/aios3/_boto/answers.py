"""S3's answers, as botocore parses them, made into the values of the backend. No I/O."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, overload
from urllib.parse import unquote_plus

from aios3._backend import Checksum, ListPage
from aios3._entries import SYMLINK_METADATA, StatResult
from aios3.errors import ServerError

if TYPE_CHECKING:
    from collections.abc import Mapping

Answer = dict[str, Any]
"""An answer as botocore parses it: the members of the operation's output shape, by name."""

_CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)")
_CHECKSUM = re.compile(r"Checksum([A-Z0-9]+)")


_KEPT_HEADERS = {
    "content-encoding": "ContentEncoding",
    "content-disposition": "ContentDisposition",
    "content-language": "ContentLanguage",
    "cache-control": "CacheControl",
    "expires": "ExpiresString",
}


class Span(NamedTuple):
    """The bytes ``[start, stop)`` that a body brings, and the size of the whole object."""

    start: int
    stop: int
    size: int


def span_of(answer: Answer, start: int, path: str) -> Span:
    """Work out what the body of a GET from ``start`` on brings; some servers send all instead of the range.

    Raises ServerError if the heads contradict each other.
    """
    length, content_range = answer.get("ContentLength"), answer.get("ContentRange")
    if content_range is None and length is not None and _status(answer) != _PARTIAL:
        return Span(0, length, length)
    match = _CONTENT_RANGE.fullmatch(content_range or "")
    span = Span(int(match[1]), int(match[2]) + 1, int(match[3])) if match else None
    if span is None or span.start != start or not start < span.stop <= span.size:
        raise nonsense(path, f"Content-Range {content_range!r} for bytes from {start} on", "GetObject")
    if length is not None and length != span.stop - span.start:
        raise nonsense(path, f"Content-Range {content_range!r} and Content-Length {length}", "GetObject")
    return span


_PARTIAL = 206


def _status(answer: Answer) -> int:
    status: int = answer["ResponseMetadata"]["HTTPStatusCode"]
    return status


def nonsense(path: str, what: str, operation: str) -> ServerError:
    """Build the error for an answer that contradicts itself or the request."""
    return ServerError(
        f"{operation} {path}: the server's answer makes no sense: {what}", path=path, operation=operation
    )


def stat_of(answer: Answer, size: int, checksums: Mapping[str, str]) -> StatResult:
    """Describe the object that a HEAD or GET was answered for."""
    metadata = {name.lower(): value for name, value in answer.get("Metadata", {}).items()}
    modified = answer.get("LastModified")
    return StatResult(
        size=size,
        mtime=modified.timestamp() if modified else 0.0,
        islnk=size == 0 and SYMLINK_METADATA in metadata,
        etag=bare_etag(answer),
        version_id=answer.get("VersionId"),
        storage_class=answer.get("StorageClass"),
        content_type=answer.get("ContentType"),
        metadata=metadata,
        headers={name: str(answer[member]) for name, member in _KEPT_HEADERS.items() if answer.get(member)},
        checksums=checksums,
    )


def bare_etag(answer: Answer) -> str | None:
    """Return the ETag without its quotes; None where there is none, or an empty one."""
    return str(answer.get("ETag") or "").strip('"') or None


def quoted(etag: str) -> str:
    """Return an ETag as HTTP writes it, with quotes."""
    return etag if etag.startswith(('"', "W/")) else f'"{etag}"'


def checksums_of(answer: Answer) -> dict[str, str]:
    """Return the checksums in the answer that are over the whole object, by algorithm.

    Those of parts' checksums cannot be compared with bytes. S3 marks them by ``ChecksumType`` or by a ``-`` with the
    number of parts.
    """
    if answer.get("ChecksumType") == "COMPOSITE":
        return {}
    names = ((_CHECKSUM.fullmatch(name), value) for name, value in answer.items())
    return {match[1]: value for match, value in names if match and "-" not in value}


def checksums_of_span(answer: Answer, span: Span, *, ranged: bool) -> dict[str, str]:
    """Return the checksums in the answer to a GET that are certainly over the whole object.

    For a range S3 may send the checksum of a part, or one of parts' checksums without its mark.
    """
    single = answer.get("ChecksumType") == "FULL_OBJECT" or "-" not in (bare_etag(answer) or "-")
    whole = span.stop - span.start == span.size
    return checksums_of(answer) if not ranged or (whole and single) else {}


def checksum_of(answer: Answer) -> Checksum | None:
    """Return the checksum that the answer to a write confirms."""
    return next((Checksum(algorithm, value) for algorithm, value in checksums_of(answer).items()), None)


class _Stats(Sequence[StatResult]):
    """Descriptions of a page's keys, each built when it is asked for: a scan of names never asks."""

    def __init__(self, contents: Sequence[Answer]) -> None:
        self._contents = contents

    def __len__(self) -> int:
        return len(self._contents)

    @overload
    def __getitem__(self, index: int) -> StatResult: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[StatResult]: ...
    def __getitem__(self, index: int | slice) -> StatResult | Sequence[StatResult]:
        if isinstance(index, slice):
            return _Stats(self._contents[index])
        entry = self._contents[index]
        return stat_of(entry, entry.get("Size", 0), {})


def page_of(answer: Answer, token: str | None, path: str) -> ListPage:
    """Make a page of the answer to ListObjectsV2 that was asked to continue at ``token``.

    Raises ServerError if the listing has more pages and no way to them.
    """
    if not {"IsTruncated", "Name", "Contents", "CommonPrefixes"} & answer.keys():
        raise nonsense(path, "this is no list of objects", "ListObjectsV2")
    contents, prefixes = answer.get("Contents", []), answer.get("CommonPrefixes", [])
    following = answer.get("NextContinuationToken") if answer.get("IsTruncated") else None
    if answer.get("IsTruncated") and following in (None, "", token):
        raise nonsense(path, f"the list is truncated, and continues at {following!r}", "ListObjectsV2")
    decode = decoded if answer.get("EncodingType") == "url" else str
    return ListPage(
        keys=[decode(entry["Key"]) for entry in contents],
        stats=_Stats(contents),
        prefixes=[decode(entry["Prefix"]) for entry in prefixes],
        token=following,
    )


def decoded(name: str) -> str:
    """Undo ``encoding-type=url``; bytes that are not UTF-8 stay distinguishable, and cannot be addressed."""
    return unquote_plus(name, errors="surrogateescape")
