"""S3's documents made into values: pages of keys, errors, and the responses to multipart uploads, copies and deletions.

Nothing that a server sends raises anything but the classes of :mod:`aios3.errors`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING

from aios3._backend import BucketEntry, BucketPage, DeleteFailure, ListPage
from aios3._entries import StatResult
from aios3._http.http_dates import parse_time
from aios3._http.xml import NotXMLError, child_texts, children, local, parse_xml, unescape
from aios3._responses import (
    EMBEDDED_ERROR_STATUS,
    LazyStats,
    error_response,
    failed_deletes,
    invalid_response,
    next_token,
    replace_invalid_xml,
    unquote_etag,
    url_decode,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from xml.etree.ElementTree import Element

    from aios3.errors import S3Error

_LIST = "ListObjectsV2"


@dataclass(frozen=True, slots=True)
class ErrorDocument:
    """The explanation of a rejection by S3. A text is empty where S3 does not say."""

    code: str
    message: str
    request_id: str
    region: str
    """Where the bucket is, in a response from where it is not."""
    endpoint: str
    """The host that the bucket has there."""


def error_document(body: bytes) -> ErrorDocument | None:
    """Read the body of a rejection; None for one that is none of S3's, such as a proxy's page."""
    try:
        root = parse_xml(replace_invalid_xml(body))
    except NotXMLError:
        return None
    return _error_in(root)


def _error_in(root: Element) -> ErrorDocument | None:
    outer: dict[str, str] = {}
    if local(root) == "ErrorResponse":
        outer = child_texts(root)
        root = next(iter(children(root, "Error")), root)
    if local(root) != "Error":
        return None
    fields = outer | child_texts(root)
    code, message, request_id = fields.get("Code", ""), fields.get("Message", ""), fields.get("RequestId", "")
    return ErrorDocument(code, message, request_id, fields.get("Region", ""), fields.get("Endpoint", ""))


def _embedded_error(error: ErrorDocument, operation: str, path: str) -> S3Error:
    """Build the error for one that came with a status of success: it happened after the head was sent."""
    return error_response(
        operation,
        path,
        code=error.code or None,
        status=EMBEDDED_ERROR_STATUS,
        detail=error.message,
        request_id=error.request_id or None,
    )


def _root(body: bytes, operation: str, path: str) -> Element:
    """Return the root of a response of success; raise the error in it, or ServerError if it is not a document."""
    try:
        root = parse_xml(body)
    except NotXMLError as error:
        raise invalid_response(path, str(error), operation) from error
    inside = _error_in(root)
    if inside is not None:
        raise _embedded_error(inside, operation, path)
    return root


def result(body: bytes, operation: str, path: str) -> dict[str, str]:
    """Return the texts of a flat document by their names; an empty body has none.

    CreateMultipartUpload, CompleteMultipartUpload, CopyObject and UploadPartCopy have such responses. Raises the error
    that S3 puts into a response of success, and ServerError for an invalid document.
    """
    return child_texts(_root(replace_invalid_xml(body), operation, path)) if body else {}


def delete_failures(body: bytes, keys: Sequence[str], path: str) -> Sequence[DeleteFailure]:
    """Return which of ``keys`` DeleteObjects could not delete, and why."""
    root = _root(body, "DeleteObjects", path)
    if local(root) != "DeleteResult":
        raise invalid_response(path, "this is no result of deletions", "DeleteObjects")
    fields = [child_texts(child) for child in children(root, "Error")]
    failed = [DeleteFailure(each.get("Key", ""), each.get("Code", ""), each.get("Message", "")) for each in fields]
    deleted = {child_texts(child).get("Key", "") for child in children(root, "Deleted")}
    return failed_deletes(failed, deleted, keys, path)


def bucket_page(body: bytes, path: str) -> BucketPage:
    """Make a page of the response to ListBuckets. Raises ServerError for any other document."""
    root = _root(body, "ListBuckets", path)
    fields = child_texts(root)
    if not {"Buckets", "Owner"} & fields.keys():
        raise invalid_response(path, "it has none of Buckets, Owner", "ListBuckets")
    listed = [each for group in children(root, "Buckets") for each in children(group, "Bucket")]
    return BucketPage([_bucket_of(child_texts(each), path) for each in listed], fields.get("ContinuationToken") or None)


def _bucket_of(fields: dict[str, str], path: str) -> BucketEntry:
    for name in ("Name", "CreationDate"):
        if not fields.get(name):
            raise invalid_response(path, f"an entry has no {name}", "ListBuckets")
    try:
        created = parse_time(fields["CreationDate"])
    except ValueError as error:
        raise invalid_response(path, f"the time of a bucket ({error})", "ListBuckets") from error
    return BucketEntry(fields["Name"], created)


def list_page(body: bytes, token: str | None, path: str) -> ListPage:
    """Make a page of the response to ListObjectsV2 that was asked to continue at ``token``.

    Raises ServerError for an invalid page, and if the listing has more pages and no way to them.
    """
    flat = _match_flat(body)
    try:
        page = _parse_flat(flat, token, path) if flat else None
        return _parse_tree(body, token, path) if page is None else page
    except NotXMLError as error:
        raise invalid_response(path, str(error), _LIST) from error


# Cutting. In XML without comments, CDATA and instructions, "<Contents>" can only be a tag. If each one is followed by
# "<Key>" and, but for the first, follows "</Contents>", they are children of one element side by side, and the key of
# each is the text up to the next tag. That is what a document of S3's looks like; all others are walked through.

_OPENING = re.compile(r"<Contents>\s*<Key>")
_JOINT = re.compile(r"</Contents>\s*<Contents>\s*<Key>")


@dataclass(frozen=True, slots=True)
class _FlatListing:
    """A page of which all ``Contents`` stand in a row: what is around them, and each from its key on."""

    around: str
    blocks: list[str]
    keys: str
    """The texts of all keys as they stand, with NUL between them."""


def _match_flat(body: bytes) -> _FlatListing | None:
    """Cut a page; None if it is not one that can be cut."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return None
    opening = _OPENING.search(text)
    if opening is None or not _is_plain(text):
        return None
    start, joint = opening.start(), _JOINT.search(text, opening.end())
    content = text[opening.end() :]
    blocks = content.split(joint[0]) if joint else [content]
    blocks[-1], closing, tail = blocks[-1].partition("</Contents>")
    keys = "\0".join([block.partition("</Key>")[0] for block in blocks])
    head = text[:start]
    whole = closing and text.count("<Contents") == len(blocks) and "<" not in keys and "xmlns:" not in head
    return _FlatListing(f"{head}<Contents/>{tail}", blocks, keys) if whole else None


def _is_plain(text: str) -> bool:
    """Return whether the text is free of comments, CDATA, DTD, instructions, line breaks to normalise, and NUL."""
    few = ("!" not in text or "<!" not in text) and "\r" not in text and "\0" not in text
    return few and (text.count("?") <= _MARKS_OF_DECLARATION or "<?" not in text[1:])


_MARKS_OF_DECLARATION = 2


def _parse_flat(page: _FlatListing, token: str | None, path: str) -> ListPage | None:
    """Make a page of one that was cut; None if the row of objects is not what the root holds."""
    root = parse_xml(page.around.encode())
    if len(children(root, "Contents")) != 1:
        return None
    keys = unescape(page.keys)
    count = len(page.blocks)
    names = _all_decoded(keys, count) if _is_encoded(root) else keys.split("\0")
    stats = LazyStats(range(count), lambda index: _stat_of(_fields_of_block(page.blocks[index], path), path))
    return _page(root, names, stats, (token, path))


_USUAL_FIELDS = re.compile(
    r"<LastModified>(?P<LastModified>[^<&]*)</LastModified><ETag>(?P<ETag>[^<]*)</ETag>"
    r"(?:<ChecksumAlgorithm>[^<&]*</ChecksumAlgorithm>)*(?:<ChecksumType>[^<&]*</ChecksumType>)?"
    r"<Size>(?P<Size>[0-9]+)</Size><StorageClass>(?P<StorageClass>[^<&]*)</StorageClass>"
)
"""The elements that S3 sends of an object after its key: read in one step, they cost half as much."""


def _fields_of_block(block: str, path: str) -> dict[str, str]:
    """Return the texts of one ``Contents`` that begins after its ``<Key>``."""
    text = block.partition("</Key>")[2]
    try:
        match = _USUAL_FIELDS.fullmatch(text)
        if match is not None:
            texts = match.groupdict()
            texts["ETag"] = unescape(texts["ETag"])
            return texts
        fields = _flat_fields(text)
        return child_texts(parse_xml(f"<Contents><Key>{block}</Contents>".encode())) if fields is None else fields
    except NotXMLError as error:
        raise invalid_response(path, str(error), _LIST) from error


def _flat_fields(text: str) -> dict[str, str] | None:
    """Return the texts of elements in a row by their names; None if there is anything else."""
    _, *tags = text.split("<")
    texts: dict[str, str] = {}
    for opening, closing in zip_longest(tags[::2], tags[1::2], fillvalue=""):
        name, _, value = opening.partition(">")
        if closing.rstrip() != f"/{name}>":
            return None
        texts.setdefault(name, unescape(value))
    return texts


def _all_decoded(keys: str, count: int) -> list[str]:
    """Undo ``encoding-type=url`` in all keys at once, which is much faster than in each.

    ``/`` is what nearly all escapes are where there are any, and decoding it first changes nothing else.
    """
    if "%00" in keys:  # a NUL in a key would look like one between two
        return [url_decode(key) for key in keys.split("\0")]
    if "%" in keys or "+" in keys:
        keys = url_decode(keys.replace("%2F", "/"))
    names = keys.split("\0")
    assert len(names) == count
    return names


def _parse_tree(body: bytes, token: str | None, path: str) -> ListPage:
    if not body:
        message = "it is empty"
        raise NotXMLError(message)
    root = parse_xml(body)
    contents, decode = children(root, "Contents"), _decoder(root)
    stats = LazyStats(range(len(contents)), lambda index: _stat_of(child_texts(contents[index]), path))
    return _page(root, [decode(_key_of(each)) for each in contents], stats, (token, path))


def _key_of(content: Element) -> str:
    for child in content:
        if local(child) == "Key":
            return child.text or ""
    message = "there is an object without a key"
    raise NotXMLError(message)


def _page(root: Element, keys: Sequence[str], stats: Sequence[StatResult], request: tuple[str | None, str]) -> ListPage:
    token, path = request
    error = _error_in(root)
    if error is not None:
        raise _embedded_error(error, _LIST, path)
    fields = child_texts(root)
    if not {"IsTruncated", "Name", "Contents", "CommonPrefixes"} & fields.keys():
        message = "this is no list of objects"
        raise NotXMLError(message)
    decode = _decoder(root)
    prefixes = [child_texts(each).get("Prefix") for each in children(root, "CommonPrefixes")]
    truncated = _is_true(fields.get("IsTruncated", ""))
    return ListPage(
        keys=keys,
        stats=stats,
        prefixes=[decode(prefix) for prefix in prefixes if prefix is not None],
        token=next_token(fields.get("NextContinuationToken"), token, path, truncated=truncated),
    )


def _is_encoded(root: Element) -> bool:
    return child_texts(root).get("EncodingType") == "url"


def _decoder(root: Element) -> Callable[[str], str]:
    return url_decode if _is_encoded(root) else str


def _is_true(text: str) -> bool:
    """Read a boolean; one that is neither would end a listing too early."""
    word = text.strip().lower()
    if word not in {"true", "false", "1", "0", ""}:
        message = f"the list is neither truncated nor not: {text!r}"
        raise NotXMLError(message)
    return word in {"true", "1"}


def _stat_of(fields: dict[str, str], path: str) -> StatResult:
    modified = fields.get("LastModified")
    try:
        size, mtime = int(fields.get("Size") or 0), parse_time(modified) if modified else 0.0
    except ValueError as error:
        raise invalid_response(path, f"an object's size or time ({error})", _LIST) from error
    return StatResult(
        size=size, mtime=mtime, etag=unquote_etag(fields.get("ETag")), storage_class=fields.get("StorageClass")
    )
