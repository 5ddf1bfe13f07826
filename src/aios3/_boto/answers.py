"""S3's answers, as botocore parses them, made into the values of the backend. No I/O."""

from __future__ import annotations

import re
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from aios3 import _answers
from aios3._answers import KEPT_HEADERS, Stats, continuation, decoded, names_link, nonsense, not_copied
from aios3._backend import ListPage
from aios3._entries import StatResult
from aios3._observe import answered

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aios3._answers import Span
    from aios3._backend import Checksum
    from aios3._entries import WriteResult
    from aios3._paths import S3Url

Answer = dict[str, Any]
"""An answer as botocore parses it: the members of the operation's output shape, by name."""

_CHECKSUM = re.compile(r"Checksum([A-Z0-9]+)")
_KEPT_MEMBERS = (
    "ContentEncoding",
    "ContentDisposition",
    "ContentLanguage",
    "CacheControl",
    "ExpiresString",
    "ServerSideEncryption",
    "SSEKMSKeyId",
    "BucketKeyEnabled",
    "WebsiteRedirectLocation",
)
"""The members of the output shapes for KEPT_HEADERS."""


RAW_BODY = "RawBody"
"""The body as it came, beside what botocore has made of it, which is nothing for many operations."""


def note(answer: Answer) -> None:
    """Tell whoever watches the request what was answered."""
    answered(answer["ResponseMetadata"]["HTTPStatusCode"], headers_of(answer))


def headers_of(answer: Answer) -> Mapping[str, str]:
    """Return the headers of an answer by their names in lower case."""
    headers: Mapping[str, str] = answer["ResponseMetadata"].get("HTTPHeaders", {})
    return headers


def keep_body(response_dict: dict[str, Any], customized_response_dict: dict[str, Any], **_kwargs: object) -> None:
    """Keep the body of a response beside what botocore will make of it."""
    if isinstance(response_dict["body"], bytes):
        customized_response_dict[RAW_BODY] = response_dict["body"]


def span_of(answer: Answer, start: int, path: S3Url | str) -> Span:
    """Work out what the body of a GET from ``start`` on brings; see :func:`aios3._answers.span_of`."""
    status: int = answer["ResponseMetadata"]["HTTPStatusCode"]
    content_range, length = answer.get("ContentRange"), answer.get("ContentLength")
    return _answers.span_of(status, content_range, length, start=start, path=path)


def is_unsized(answer: Answer) -> bool:
    """Tell whether only the last chunk of a body says how long the whole object is."""
    meta = answer["ResponseMetadata"]
    return _answers.is_unsized(meta["HTTPStatusCode"], meta.get("HTTPHeaders", {}))


def stat_of(answer: Answer, size: int, checksums: Mapping[str, str]) -> StatResult:
    """Describe the object that a HEAD or GET was answered for."""
    metadata = {name.lower(): value for name, value in answer.get("Metadata", {}).items()}
    modified = answer.get("LastModified")
    kept = zip(KEPT_HEADERS, _KEPT_MEMBERS, strict=True)
    return StatResult(
        size=size,
        mtime=modified.timestamp() if modified else 0.0,
        islnk=names_link(size, metadata),
        etag=bare_etag(answer),
        version_id=answer.get("VersionId"),
        storage_class=answer.get("StorageClass"),
        content_type=answer.get("ContentType"),
        metadata=metadata,
        headers={name: _as_header(answer[member]) for name, member in kept if answer.get(member) not in (None, "")},
        checksums=checksums,
        tag_count=answer.get("TagCount", 0),
        as_of=_date_of(answer),
    )


def _as_header(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _date_of(answer: Answer) -> float:
    """Return the time at the server when it answered; 0.0 where it does not say, and for entries of a listing."""
    date = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date", "")
    try:
        return parsedate_to_datetime(date).timestamp() if date else 0.0
    except ValueError:
        return 0.0


def bare_etag(answer: Answer) -> str | None:
    """Return the ETag without its quotes; None where there is none, or an empty one."""
    return _answers.bare(answer.get("ETag"))


def checksums_of(answer: Answer) -> dict[str, str]:
    """Return the checksums in the answer that are over the whole object, by algorithm."""
    matches = ((_CHECKSUM.fullmatch(name), value) for name, value in answer.items())
    named = ((match[1], value) for match, value in matches if match)
    return _answers.whole_checksums(named, answer.get("ChecksumType"))


def checksums_of_span(answer: Answer, span: Span, *, ranged: bool) -> dict[str, str]:
    """Return the checksums in the answer to a GET that are certainly over the whole object."""
    certain = _answers.tells_whole(span, answer.get("ETag"), answer.get("ChecksumType"), ranged=ranged)
    return checksums_of(answer) if certain else {}


def checksum_of(answer: Answer) -> Checksum | None:
    """Return the checksum that the answer to a write confirms."""
    return _answers.first_checksum(checksums_of(answer))


def write_result(answer: Answer, size: int) -> WriteResult:
    """Say what a write of ``size`` bytes has left behind."""
    return _answers.write_result(size, answer.get("ETag"), answer.get("VersionId"), checksums_of(answer))


def page_of(answer: Answer, token: str | None, path: str) -> ListPage:
    """Make a page of the answer to ListObjectsV2 that was asked to continue at ``token``.

    Raises ServerError if the listing has more pages and no way to them.
    """
    if not {"IsTruncated", "Name", "Contents", "CommonPrefixes"} & answer.keys():
        raise nonsense(path, "this is no list of objects", "ListObjectsV2")
    contents, prefixes = answer.get("Contents", []), answer.get("CommonPrefixes", [])
    truncated = bool(answer.get("IsTruncated"))
    decode = decoded if answer.get("EncodingType") == "url" else str
    return ListPage(
        keys=[decode(_field(entry, "Key", path)) for entry in contents],
        stats=Stats(range(len(contents)), lambda index: stat_of(contents[index], contents[index].get("Size", 0), {})),
        prefixes=[decode(entry["Prefix"]) for entry in prefixes if entry.get("Prefix") is not None],
        token=continuation(answer.get("NextContinuationToken"), token, path, truncated=truncated),
    )


def _field(entry: Answer, name: str, path: str) -> str:
    value: str | None = entry.get(name)
    if value is None:
        raise nonsense(path, f"there is an entry without {name}", "ListObjectsV2")
    return value


def copied(result: Answer, url: S3Url, operation: str) -> tuple[Answer, str]:
    """Return the result of a copy and its ETag; raise UnsupportedError if nothing was copied."""
    etag = bare_etag(result)
    if etag is None:
        raise not_copied(operation, str(url))
    return result, etag
