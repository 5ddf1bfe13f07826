"""The versions of objects that a bucket keeps: listed page by page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aios3._backend import ObjectVersion
from aios3._buckets.configuration import call_operation
from aios3._responses import invalid_response, key_decoder, unquote_etag

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from aios3._backend import Document
    from aios3._paths import S3Url
    from aios3._session import Session

_OPERATION = "ListObjectVersions"


async def version_pages(session: Session, url: S3Url) -> AsyncGenerator[list[ObjectVersion], None]:
    """Yield the versions and delete markers of all keys that begin with ``url.key``, in key order, newest first.

    A page may be empty.
    """
    marker: Document = {}
    while True:
        parameters = {"Prefix": url.key, "EncodingType": "url", **marker}
        response = await call_operation(session, url, _OPERATION, parameters)
        yield versions_of(response, str(url))
        following = _next_page(response, str(url))
        if not following:
            return
        if following == marker:
            raise invalid_response(str(url), f"the list continues at {following} again", _OPERATION)
        marker = following


def versions_of(response: Document, path: str) -> list[ObjectVersion]:
    """Return the versions and delete markers of one page, which come apart, as one list.

    Raises ServerError for any other document: a page in HTML would read as an empty list.
    """
    if not {"IsTruncated", "Name", "Versions", "DeleteMarkers"} & response.keys():
        raise invalid_response(path, "this is no list of versions", _OPERATION)
    decode = key_decoder(response.get("EncodingType"))
    versions = [_version(each, decode(_key_of(each, path)), is_marker=False) for each in response.get("Versions", ())]
    versions += [
        _version(each, decode(_key_of(each, path)), is_marker=True) for each in response.get("DeleteMarkers", ())
    ]
    return sorted(versions, key=lambda each: (_in_bytes(each.key), not each.is_latest, -each.mtime))


def _key_of(entry: Document, path: str) -> str:
    key: str | None = entry.get("Key")
    if key is None:
        raise invalid_response(path, "there is a version without a key", _OPERATION)
    return key


def _version(entry: Document, key: str, *, is_marker: bool) -> ObjectVersion:
    modified = entry.get("LastModified")
    return ObjectVersion(
        key,
        entry.get("VersionId") or "null",
        modified.timestamp() if modified else 0.0,
        entry.get("Size", 0),
        unquote_etag(entry.get("ETag")),
        entry.get("StorageClass"),
        is_latest=bool(entry.get("IsLatest")),
        is_delete_marker=is_marker,
    )


def _next_page(response: Document, path: str) -> Document:
    """Return how the list continues, as parameters; nothing where it has ended."""
    if not response.get("IsTruncated"):
        return {}
    key = key_decoder(response.get("EncodingType"))(response.get("NextKeyMarker") or "")
    if not key:
        raise invalid_response(path, "the list is truncated, and says not where it continues", _OPERATION)
    version = response.get("NextVersionIdMarker")
    return {"KeyMarker": key} | ({"VersionIdMarker": version} if version else {})


def _in_bytes(key: str) -> bytes:
    return key.encode("utf-8", "surrogateescape")
