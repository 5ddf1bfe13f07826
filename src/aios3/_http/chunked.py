"""Take chunked bodies apart, with a bound on all that is not body."""

from __future__ import annotations

from collections import deque

import httptools

from aios3._http.exceptions import ProtocolError
from aios3._http.response_head import MAX_HEAD_BYTES, MAX_HEADERS

_HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


class ChunkedDecoder:
    """One chunked body.

    ``feed`` it all that comes, and take ``chunks``. ``done``: the last chunk and the trailers have come.
    ``excess``: something came after them.
    """

    __slots__ = ("_overhead", "_parser", "_trailers", "chunks", "done", "excess")

    def __init__(self) -> None:
        self.chunks: deque[memoryview] = deque()
        self.done = False
        self.excess = False
        self._overhead = 0
        self._trailers = -1  # the head below has one header
        self._parser = httptools.HttpResponseParser(self)
        self._parser.feed_data(_HEAD)

    def feed(self, data: memoryview) -> None:
        """Take ``data`` apart; raise ``ProtocolError`` for what is not chunked coding, or too much that is not body."""
        had = len(self.chunks)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            if self.done:
                self.excess = True
                return
            message = f"a chunked body is broken: {error}"
            raise ProtocolError(message) from error
        self._overhead = 0 if len(self.chunks) > had else self._overhead + len(data)
        if not self.done and self._overhead > MAX_HEAD_BYTES:
            message = f"a chunked body has more than {MAX_HEAD_BYTES} bytes between two chunks of data"
            raise ProtocolError(message)
        if self._trailers > MAX_HEADERS:
            message = f"a chunked body has more than {MAX_HEADERS} trailers"
            raise ProtocolError(message)

    def take(self, view: memoryview) -> int:
        """Move as much of the chunks into ``view`` as it holds, and return how much that is."""
        filled = 0
        while self.chunks and filled < len(view):
            chunk = self.chunks.popleft()
            count = min(len(chunk), len(view) - filled)
            view[filled : filled + count] = chunk[:count]
            filled += count
            if count < len(chunk):
                self.chunks.appendleft(chunk[count:])
        return filled

    def on_body(self, data: bytes) -> None:
        """Take the data of a chunk, from the parser."""
        self.chunks.append(memoryview(data))

    def on_header(self, name: bytes, value: bytes) -> None:  # noqa: ARG002 - the parser's arguments
        """Count a trailer; its value is not used."""
        self._trailers += 1

    def on_message_complete(self) -> None:
        """Take note of the end."""
        self.done = True

    def on_message_begin(self) -> None:
        """Take note of a response that begins: the expected head, or a response without a request."""
        self.excess = self.done
