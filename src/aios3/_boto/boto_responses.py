"""S3's responses, as botocore parses them, made into the values of the backend. No I/O."""

from __future__ import annotations

import re
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from aios3 import _responses
from aios3._backend import ListPage
from aios3._entries import StatResult
from aios3._observe import record_response
from aios3._responses import (
    STORED_HEADERS,
    LazyStats,
    invalid_response,
    is_symlink,
    next_token,
    not_copied_error,
    url_decode,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aios3._backend import Checksum
    from aios3._entries import WriteResult
    from aios3._paths import S3Url
    from aios3._responses import ContentRange

BotoResponse = dict[str, Any]
"""A response as botocore parses it: the members of the operation's output shape, by name."""

_CHECKSUM = re.compile(r"Checksum([A-Z0-9]+)")
_STORED_MEMBERS = (
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
"""The members of the output shapes for STORED_HEADERS."""


RAW_BODY = "RawBody"
"""The body as it came, beside what botocore has made of it, which is nothing for many operations."""


def report_response(response: BotoResponse) -> None:
    """Report the response to the observer of the request."""
    record_response(response["ResponseMetadata"]["HTTPStatusCode"], headers_of(response))


def headers_of(response: BotoResponse) -> Mapping[str, str]:
    """Return the headers of a response by their names in lower case."""
    headers: Mapping[str, str] = response["ResponseMetadata"].get("HTTPHeaders", {})
    return headers


def keep_body(response_dict: dict[str, Any], customized_response_dict: dict[str, Any], **_kwargs: object) -> None:
    """Keep the body of a response beside what botocore will make of it."""
    if isinstance(response_dict["body"], bytes):
        customized_response_dict[RAW_BODY] = response_dict["body"]


def parse_content_range(response: BotoResponse, start: int, path: S3Url | str) -> ContentRange:
    """Work out what the body of a GET from ``start`` on brings; see :func:`aios3._responses.parse_content_range`.

    Raises ServerError also for a transfer coding other than chunked, which aiohttp takes for bytes of the object.
    """
    coding = headers_of(response).get("transfer-encoding", "chunked")
    if coding.lower() != "chunked":
        raise _responses.invalid_response(str(path), f"the transfer coding {coding!r}", "GetObject")
    status: int = response["ResponseMetadata"]["HTTPStatusCode"]
    content_range, length = response.get("ContentRange"), response.get("ContentLength")
    return _responses.parse_content_range(status, content_range, length, start=start, path=path)


def is_unsized(response: BotoResponse) -> bool:
    """Return whether only the last chunk of a body says how long the whole object is."""
    meta = response["ResponseMetadata"]
    return _responses.is_unsized(meta["HTTPStatusCode"], meta.get("HTTPHeaders", {}))


def stat_of(response: BotoResponse, size: int, checksums: Mapping[str, str]) -> StatResult:
    """Describe the object that a HEAD or GET was for."""
    metadata = {name.lower(): value for name, value in response.get("Metadata", {}).items()}
    modified = response.get("LastModified")
    members = zip(STORED_HEADERS, _STORED_MEMBERS, strict=True)
    return StatResult(
        size=size,
        mtime=modified.timestamp() if modified else 0.0,
        islnk=is_symlink(size, metadata),
        etag=unquoted_etag(response),
        version_id=response.get("VersionId"),
        storage_class=response.get("StorageClass"),
        content_type=response.get("ContentType"),
        metadata=metadata,
        headers={
            name: _as_header(response[member]) for name, member in members if response.get(member) not in (None, "")
        },
        checksums=checksums,
        tag_count=response.get("TagCount", 0),
        as_of=_date_of(response),
    )


def _as_header(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _date_of(response: BotoResponse) -> float:
    """Return the time at the server when it responded; 0.0 where it does not say, and for entries of a listing."""
    date = response.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date", "")
    try:
        return parsedate_to_datetime(date).timestamp() if date else 0.0
    except ValueError:
        return 0.0


def unquoted_etag(response: BotoResponse) -> str | None:
    """Return the ETag without its quotes; None where there is none, or an empty one."""
    return _responses.unquote_etag(response.get("ETag"))


def checksums_of(response: BotoResponse) -> dict[str, str]:
    """Return the checksums in the response that are over the whole object, by algorithm."""
    matches = ((_CHECKSUM.fullmatch(name), value) for name, value in response.items())
    checksums = ((match[1], value) for match, value in matches if match)
    return _responses.full_object_checksums(checksums, response.get("ChecksumType"))


def checksums_of_span(response: BotoResponse, span: ContentRange, *, ranged: bool) -> dict[str, str]:
    """Return the checksums in the response to a GET that are certainly over the whole object."""
    certain = _responses.covers_object(span, response.get("ETag"), response.get("ChecksumType"), ranged=ranged)
    return checksums_of(response) if certain else {}


def checksum_of(response: BotoResponse) -> Checksum | None:
    """Return the checksum that the response to a write confirms."""
    return _responses.first_checksum(checksums_of(response))


def write_result(response: BotoResponse, size: int) -> WriteResult:
    """Build the result of a write of ``size`` bytes."""
    return _responses.write_result(size, response.get("ETag"), response.get("VersionId"), checksums_of(response))


def page_of(response: BotoResponse, token: str | None, path: str) -> ListPage:
    """Make a page of the response to ListObjectsV2 that was asked to continue at ``token``.

    Raises ServerError if the listing has more pages and no way to them.
    """
    if not {"IsTruncated", "Name", "Contents", "CommonPrefixes"} & response.keys():
        raise invalid_response(path, "this is no list of objects", "ListObjectsV2")
    contents, prefixes = response.get("Contents", []), response.get("CommonPrefixes", [])
    truncated = bool(response.get("IsTruncated"))
    decode = url_decode if response.get("EncodingType") == "url" else str
    return ListPage(
        keys=[decode(_field(entry, "Key", path)) for entry in contents],
        stats=LazyStats(
            range(len(contents)), lambda index: stat_of(contents[index], contents[index].get("Size", 0), {})
        ),
        prefixes=[decode(entry["Prefix"]) for entry in prefixes if entry.get("Prefix") is not None],
        token=next_token(response.get("NextContinuationToken"), token, path, truncated=truncated),
    )


def _field(entry: BotoResponse, name: str, path: str) -> str:
    value: str | None = entry.get(name)
    if value is None:
        raise invalid_response(path, f"there is an entry without {name}", "ListObjectsV2")
    return value


def copied(result: BotoResponse, url: S3Url, operation: str) -> tuple[BotoResponse, str]:
    """Return the result of a copy and its ETag; raise UnsupportedError if nothing was copied."""
    etag = unquoted_etag(result)
    if etag is None:
        raise not_copied_error(operation, str(url))
    return result, etag
