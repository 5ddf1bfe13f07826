"""HTTP/1.1 as it lies on the wire: heads that keep their bytes, and bodies in raw chunks.

No library stands between, because one would repair what a fault server is there to break.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

Framing = int | Literal["chunked", "close"]
"""Length of a body: a number of bytes, as its chunks say, or until the connection is closed."""

HEAD_LIMIT = 1 << 20
"""The longest head that is read, in bytes, and what a stream buffers."""
_CHUNK_BYTES = 256 * 1024
_NO_BODY = {204, 304}
_FINAL_FROM = 200


class HangUp(Exception):  # noqa: N818 - it is what happens next, not what went wrong
    """Raised to end a connection: reset, or closed in good order."""

    def __init__(self, *, reset: bool) -> None:
        super().__init__("reset" if reset else "closed")
        self.reset = reset


@dataclass(frozen=True, slots=True)
class Head:
    """A first line and the lines of the headers, without their ends; what is not edited stays as it was sent."""

    first: bytes
    lines: tuple[bytes, ...]

    def __bytes__(self) -> bytes:
        return b"\r\n".join([self.first, *self.lines, b"", b""])

    def get(self, name: bytes) -> bytes | None:
        """Return the value of the header ``name``, which is in lower case; None where there is none."""
        return next((_value(line) for line in self.lines if _name(line) == name), None)

    def without(self, *names: bytes) -> Head:
        """Return a copy without the headers ``names``."""
        return replace(self, lines=tuple(line for line in self.lines if _name(line) not in names))

    def adding(self, *lines: bytes) -> Head:
        """Return a copy with ``lines`` at its end."""
        return replace(self, lines=self.lines + lines)

    @property
    def headers(self) -> dict[str, str]:
        """All headers, their names in lower case."""
        return {_name(line).decode("latin-1"): _value(line).decode("latin-1") for line in self.lines}

    @property
    def status(self) -> int:
        """The status of a response."""
        return int(self.first.split(b" ", 2)[1])

    @property
    def request_line(self) -> tuple[str, str]:
        """Method and target of a request, as they were sent."""
        method, target, _version = self.first.decode("latin-1").split(" ", 2)
        return method, target

    @property
    def keeps_alive(self) -> bool:
        """Return whether the sender is ready for another exchange on the connection."""
        connection = (self.get(b"connection") or b"").lower()
        return b"close" not in connection and b"HTTP/1.1" in self.first


def _name(line: bytes) -> bytes:
    return line.partition(b":")[0].strip().lower()


def _value(line: bytes) -> bytes:
    return line.partition(b":")[2].strip()


async def read_head(reader: asyncio.StreamReader) -> Head | None:
    """Read up to the empty line; return None if the connection ends before it."""
    try:
        raw = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    first, *lines = raw[:-4].split(b"\r\n")
    return Head(first, tuple(lines))


def request_framing(head: Head) -> Framing:
    """Return how long the body of a request is."""
    return _announced(head, otherwise=0)


def response_framing(head: Head, method: str) -> Framing:
    """Return how long the body of a response to ``method`` is."""
    if method == "HEAD" or head.status < _FINAL_FROM or head.status in _NO_BODY:
        return 0
    return _announced(head, otherwise="close")


def _announced(head: Head, otherwise: Framing) -> Framing:
    if b"chunked" in (head.get(b"transfer-encoding") or b"").lower():
        return "chunked"
    length = head.get(b"content-length")
    return otherwise if length is None else int(length)


async def body_chunks(reader: asyncio.StreamReader, framing: Framing) -> AsyncIterator[bytes]:
    """Yield a body as it arrives, chunks with their sizes around them; raise HangUp if it ends too early."""
    if framing == "chunked":
        async for chunk in _chunks(reader):
            yield chunk
    elif framing == "close":
        while chunk := await reader.read(_CHUNK_BYTES):
            yield chunk
    else:
        async for chunk in _counted(reader, framing):
            yield chunk


async def _counted(reader: asyncio.StreamReader, remaining: int) -> AsyncIterator[bytes]:
    while remaining:
        chunk = await reader.read(min(remaining, _CHUNK_BYTES))
        if not chunk:
            raise HangUp(reset=False)
        remaining -= len(chunk)
        yield chunk


async def _chunks(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    while size := int((line := await _line(reader)).partition(b";")[0], 16):
        yield line
        async for data in _counted(reader, size + 2):
            yield data
    yield line
    while (line := await _line(reader)) != b"\r\n":
        yield line
    yield line


async def _line(reader: asyncio.StreamReader) -> bytes:
    line = await reader.readline()
    if not line.endswith(b"\n"):
        raise HangUp(reset=False)
    return line
