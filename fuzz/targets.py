"""What is fuzzed: each target takes any bytes, and fails by an exception that nobody has promised.

They need nothing but aios3, so that the test suite runs them too, on the seeds and on what hypothesis finds.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, TypeVar

from aios3._http import response_values, s3_xml
from aios3._http.chunked import ChunkedDecoder
from aios3._http.exceptions import ProtocolError
from aios3._http.response_head import (
    CHUNKED,
    MAX_HEAD_BYTES,
    MAX_HEADERS,
    UNTIL_CLOSE,
    body_length,
    is_head_prefix,
    parse_head,
)
from aios3._http.xml import NotXMLError
from aios3._paths import S3Url
from aios3.errors import S3Error

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from aios3._backend import ListPage
    from aios3._http.response_head import ResponseHead

PATH = "s3://bucket/prefix"
URL = S3Url("bucket", "prefix")
T = TypeVar("T")
END = b"\r\n\r\n"


def heads(data: bytes) -> None:
    """Check that a head is rejected by name, or is one that can be believed and read."""
    data = data.partition(END)[0][: MAX_HEAD_BYTES - len(END)] + END
    try:
        head, _ = parse_head(data)
        length = body_length(head, bodyless=False)
    except ProtocolError:
        return
    assert is_head_prefix(data)
    assert 100 <= head.status <= 999
    assert len(head.headers) <= MAX_HEADERS
    assert length >= 0 or length in {CHUNKED, UNTIL_CLOSE}
    for name, value in head.headers.items():
        assert name.isascii()
        assert not name[:1].isspace()
        assert not {"\r", "\n", "\0"} & {*name, *value}
    _values_of(head)


def _values_of(head: ResponseHead) -> None:
    """Read a head as each call does."""
    headers = head.headers
    _only_ours(lambda: response_values.described(headers, PATH))
    _only_ours(lambda: response_values.parse_content_range(head.status, headers, start=3, path=PATH))
    if "etag" in headers:
        response_values.part_of(headers, 1)
    response_values.write_result(headers, 5)
    region = response_values.error_of("GetObject", URL, head.status, headers, b"").bucket_region
    assert region is None or region.replace("-", "").isalnum()


def chunks(data: bytes) -> None:
    """Check that a chunked body is the same however it is cut, and that nothing else fills the memory.

    The first bytes say where to cut.
    """
    points, data = data[:8], data[8:]
    bounds = sorted({0, len(data), *(point * len(data) // 256 for point in points)})
    pieces = [data[start:stop] for start, stop in itertools.pairwise(bounds)]
    whole, cut = _dechunked([data] if data else []), _dechunked(pieces)
    assert whole[:2] == cut[:2]
    if whole[0]:  # what comes behind the end: in one piece it is seen at once, and in two by whoever reads on
        assert whole[1] == cut[1]


def _dechunked(pieces: Sequence[bytes]) -> tuple[bool, bytes]:
    """Return whether the body has come to its end, and what came before that or before it was rejected."""
    body = ChunkedDecoder()
    found = bytearray()
    view = memoryview(bytearray(1 << 16))
    for piece in pieces:
        try:
            body.feed(memoryview(piece))
        except ProtocolError:
            found += b"".join(body.chunks)
            assert not body.done
            return False, bytes(found)
        assert sum(map(len, body.chunks)) <= len(piece)
        while body.chunks:
            found += view[: body.take(view)]
        if body.done:
            break
    return body.done, bytes(found)


def documents(data: bytes) -> None:
    """Check that a document is one of S3's or invalid, and that a page is the same cut and walked through."""
    _only_ours(lambda: s3_xml.result(data, "CopyObject", PATH))
    _only_ours(lambda: response_values.completed({}, data, PATH))
    _only_ours(lambda: response_values.copied_part(data, 1, PATH))
    _only_ours(lambda: response_values.upload_id_of(data, PATH))
    _only_ours(lambda: s3_xml.delete_failures(data, ["a", "b"], PATH))
    rejection = response_values.error_of("GetObject", URL, 500, {}, data)
    assert isinstance(rejection, S3Error)
    region = rejection.bucket_region
    assert region is None or region.replace("-", "").isalnum()
    page = _only_ours(lambda: s3_xml.list_page(data, None, PATH))
    if page is not None:
        for number in range(len(page.stats)):
            _only_ours(lambda number=number: page.stats[number])  # type: ignore[misc]  # the number of this turn
    _cut_is_walked(data)


def _cut_is_walked(data: bytes) -> None:
    regular = s3_xml._match_flat(data)  # noqa: SLF001 - the short way must be the long one
    if regular is None:
        return
    cut = _page_or_none(lambda: s3_xml._parse_flat(regular, None, PATH))  # noqa: SLF001
    walked = _page_or_none(lambda: s3_xml._parse_tree(data, None, PATH))  # noqa: SLF001
    if cut is not None and walked is not None:
        assert (list(cut.keys), list(cut.prefixes), cut.token) == (
            list(walked.keys),
            list(walked.prefixes),
            walked.token,
        )
        assert len(cut.stats) == len(walked.stats)


def _page_or_none(read: Callable[[], ListPage | None]) -> ListPage | None:
    try:
        return read()
    except (NotXMLError, S3Error):
        return None


def _only_ours(read: Callable[[], T]) -> T | None:
    """Let nothing out but what is promised."""
    try:
        return read()
    except S3Error:
        return None


TARGETS: dict[str, Callable[[bytes], None]] = {"heads": heads, "chunks": chunks, "documents": documents}
