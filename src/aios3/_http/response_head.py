"""Read the head of a response: its status, its headers, and what they say about the body and the connection.

llhttp checks, and is strict: header names, control characters, folded lines, lengths that are doubled or no number.
What it lets through and we do not want is rejected here.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import httptools

from aios3._http.exceptions import ProtocolError

MAX_HEAD_BYTES = 64 * 1024
MAX_HEADERS = 200
CHUNKED = -1
UNTIL_CLOSE = -2
_SWITCHING = 101
_MAX_CACHED_HEAD_BYTES = 4 * 1024
"""Bytes of a head up to which its lines are remembered."""
_OK = 200
_EMPTY = (204, 304)
_VERSIONS = (b"HTTP/1.1 ", b"HTTP/1.0 ")


@dataclass(slots=True)
class ResponseHead:
    """The head of a response."""

    status: int
    headers: dict[str, str]
    """Names in lower case, values as UTF-8 with other bytes kept apart (``surrogateescape``); those of a repeated name
    are joined by ``", "``."""


def parse_head(data: bytes) -> tuple[ResponseHead, bool]:
    """Parse a whole head with its empty line; return it, and whether the connection may be kept after the response."""
    if not is_head_prefix(data) or data.find(b"\n") != data.find(b"\r") + 1:  # llhttp takes a bare LF after the status
        raise _not_http(data)
    lines = data.decode("utf-8", "surrogateescape").split("\r\n")[1:-2]
    if len(lines) > MAX_HEADERS:
        message = f"a response has more than {MAX_HEADERS} headers"
        raise ProtocolError(message)
    status = _check(data)
    headers = dict(map(_cached_field if len(data) <= _MAX_CACHED_HEAD_BYTES else _field, lines))
    if len(headers) < len(lines):
        headers = _join_repeated(lines)
    return ResponseHead(status, headers), _keeps_alive(data.startswith(_VERSIONS[0]), headers.get("connection"))


def _field(line: str) -> tuple[str, str]:
    name, _, text = line.partition(":")
    return name.lower(), text.strip(" \t")


_cached_field = functools.lru_cache(maxsize=256)(_field)  # most lines of a server's responses are the same each time


def _join_repeated(lines: list[str]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for name, text in map(_field, lines):
        headers[name] = f"{headers[name]}, {text}" if name in headers else text
    return headers


def _check(data: bytes) -> int:
    """Let llhttp check every byte of a head, and return the status."""
    parser = httptools.HttpResponseParser(None)  # to be called back for each header would cost more than to cut them
    try:
        parser.feed_data(data)
    except httptools.HttpParserError as error:
        message = f"the head of a response is not HTTP/1.1: {error}"
        raise ProtocolError(message) from error
    except httptools.HttpParserUpgrade:
        pass  # the status says it
    status: int = parser.get_status_code()
    if status < 100 or status == _SWITCHING:  # noqa: PLR2004 - the first status of RFC 9110
        message = f"a response has the status {status}, which nobody asked for"
        raise ProtocolError(message)
    return status


def is_head_prefix(start: bytes) -> bool:
    """Return whether ``start`` can be the start of a response."""
    return start.startswith(_VERSIONS) if len(start) >= len(_VERSIONS[0]) else _VERSIONS[0].startswith(start[:7])


def body_length(head: ResponseHead, *, bodyless: bool) -> int:
    """Return the length of the body that follows a head, or ``CHUNKED``, or ``UNTIL_CLOSE``.

    ``bodyless``: this is the response to a HEAD. The order of the rules is that of RFC 9112, 6.3.
    """
    if bodyless or head.status < _OK or head.status in _EMPTY:
        return 0
    coding = head.headers.get("transfer-encoding")
    if coding is not None:
        if coding.lower() != "chunked":
            message = f"a response has the transfer coding {coding!r}; only chunked is understood"
            raise ProtocolError(message)
        return CHUNKED
    length = head.headers.get("content-length")
    return UNTIL_CLOSE if length is None else int(length)


def _keeps_alive(is_new: bool, connection: str | None) -> bool:
    if connection is None:
        return is_new
    if connection == "keep-alive":
        return True
    tokens = {token.strip() for token in connection.lower().split(",")}
    return "close" not in tokens and (is_new or "keep-alive" in tokens)


def _not_http(data: bytes) -> ProtocolError:
    return ProtocolError(f"the server does not speak HTTP/1.1; its response begins with {data[:32]!r}")


def check_prefix(start: bytes) -> None:
    """Raise ``ProtocolError`` as soon as what has come can no longer become a head."""
    if not is_head_prefix(start):
        raise _not_http(start)
