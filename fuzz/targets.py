"""What is fuzzed: each target takes any bytes, and fails by an exception that nobody has promised.

They need nothing but aios3, so that the test suite runs them too, on the seeds and on what hypothesis finds.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, TypeVar

from aios3._paths import S3Url
from aios3._wire import answers, messages
from aios3._wire.chunks import ChunkedBody
from aios3._wire.documents import NotXMLError
from aios3._wire.failures import ProtocolError
from aios3._wire.heads import CHUNKED, MAX_HEAD, MAX_HEADERS, UNTIL_CLOSE, body_of, can_be_head, parse_head
from aios3.errors import S3Error

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from aios3._backend import ListPage
    from aios3._wire.heads import Head

PATH = "s3://bucket/prefix"
URL = S3Url("bucket", "prefix")
T = TypeVar("T")
END = b"\r\n\r\n"


def heads(data: bytes) -> None:
    """Check that a head is refused by name, or is one that can be believed and read."""
    data = data.partition(END)[0][: MAX_HEAD - len(END)] + END
    try:
        head, _ = parse_head(data)
        length = body_of(head, bodyless=False)
    except ProtocolError:
        return
    assert can_be_head(data)
    assert 100 <= head.status <= 999
    assert len(head.headers) <= MAX_HEADERS
    assert length >= 0 or length in {CHUNKED, UNTIL_CLOSE}
    for name, value in head.headers.items():
        assert name.isascii()
        assert not name[:1].isspace()
        assert not {"\r", "\n", "\0"} & {*name, *value}
    _values_of(head)


def _values_of(head: Head) -> None:
    """Read a head as each call does."""
    headers = head.headers
    _only_ours(lambda: answers.described(headers, PATH))
    _only_ours(lambda: answers.span_of(head.status, headers, start=3, path=PATH))
    _only_ours(lambda: answers.part_of(headers, 1, PATH))
    answers.write_result(headers, 5)
    region = answers.error_of("GetObject", URL, head.status, headers, b"").bucket_region
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
    """Return whether the body has come to its end, and what came before that or before it was refused."""
    body = ChunkedBody()
    found = bytearray()
    view = memoryview(bytearray(1 << 16))
    for piece in pieces:
        try:
            body.feed(memoryview(piece))
        except ProtocolError:
            found += b"".join(body.pieces)
            assert not body.done
            return False, bytes(found)
        assert sum(map(len, body.pieces)) <= len(piece)
        while body.pieces:
            found += view[: body.take(view)]
        if body.done:
            break
    return body.done, bytes(found)


def documents(data: bytes) -> None:
    """Check that a document is one of S3's or nonsense, and that a page is the same cut and walked through."""
    _only_ours(lambda: messages.result(data, "CopyObject", PATH))
    _only_ours(lambda: answers.completed({}, data, PATH))
    _only_ours(lambda: answers.copied_part(data, 1, PATH))
    _only_ours(lambda: answers.upload_id_of(data, PATH))
    _only_ours(lambda: messages.delete_failures(data, ["a", "b"], PATH))
    refusal = answers.error_of("GetObject", URL, 500, {}, data)
    assert isinstance(refusal, S3Error)
    region = refusal.bucket_region
    assert region is None or region.replace("-", "").isalnum()
    page = _only_ours(lambda: messages.list_page(data, None, PATH))
    if page is not None:
        for number in range(len(page.stats)):
            _only_ours(lambda number=number: page.stats[number])  # type: ignore[misc]  # the number of this turn
    _cut_is_walked(data)


def _cut_is_walked(data: bytes) -> None:
    regular = messages._regular(data)  # noqa: SLF001 - the short way must be the long one
    if regular is None:
        return
    cut = _page_or_none(lambda: messages._cut(regular, None, PATH))  # noqa: SLF001
    walked = _page_or_none(lambda: messages._walked(data, None, PATH))  # noqa: SLF001
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
