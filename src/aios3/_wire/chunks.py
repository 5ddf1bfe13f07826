"""Take chunked bodies apart, with a bound on all that is not body."""

from __future__ import annotations

from collections import deque

import httptools

from aios3._wire.failures import ProtocolError
from aios3._wire.heads import MAX_HEAD, MAX_HEADERS

_HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


class ChunkedBody:
    """One chunked body.

    ``feed`` it all that comes, and take ``pieces``. ``done``: the last chunk and the trailers have come.
    ``excess``: something came after them.
    """

    __slots__ = ("_overhead", "_parser", "_trailers", "done", "excess", "pieces")

    def __init__(self) -> None:
        self.pieces: deque[memoryview] = deque()
        self.done = False
        self.excess = False
        self._overhead = 0
        self._trailers = -1  # the head below has one header
        self._parser = httptools.HttpResponseParser(self)
        self._parser.feed_data(_HEAD)

    def feed(self, data: memoryview) -> None:
        """Take ``data`` apart; raise ``ProtocolError`` for what is not chunked coding, or too much that is not body."""
        had = len(self.pieces)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            if self.done:
                self.excess = True
                return
            message = f"a chunked body is broken: {error}"
            raise ProtocolError(message) from error
        self._overhead = 0 if len(self.pieces) > had else self._overhead + len(data)
        if not self.done and self._overhead > MAX_HEAD:
            message = f"a chunked body has more than {MAX_HEAD} bytes between two pieces of data"
            raise ProtocolError(message)
        if self._trailers > MAX_HEADERS:
            message = f"a chunked body has more than {MAX_HEADERS} trailers"
            raise ProtocolError(message)

    def take(self, view: memoryview) -> int:
        """Move as much of the pieces into ``view`` as it holds, and return how much that is."""
        filled = 0
        while self.pieces and filled < len(view):
            piece = self.pieces.popleft()
            count = min(len(piece), len(view) - filled)
            view[filled : filled + count] = piece[:count]
            filled += count
            if count < len(piece):
                self.pieces.appendleft(piece[count:])
        return filled

    def on_body(self, data: bytes) -> None:
        """Take the data of a chunk, from the parser."""
        self.pieces.append(memoryview(data))

    def on_header(self, name: bytes, value: bytes) -> None:  # noqa: ARG002 - the parser's arguments
        """Count a trailer; nobody reads them."""
        self._trailers += 1

    def on_message_complete(self) -> None:
        """Take note of the end."""
        self.done = True

    def on_message_begin(self) -> None:
        """Take note of an answer that begins: our own head, or one that nobody asked for."""
        self.excess = self.done
