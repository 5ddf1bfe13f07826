"""HTTP proxies of loopback: they tunnel (CONNECT) and forward, ask for a password, reject, or keep still."""

from __future__ import annotations

import asyncio
import base64
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self
from urllib.parse import quote, urlsplit

from aios3.testing._faulty_http import HEAD_LIMIT, Head, read_head
from aios3.testing._faulty_thread import HOST, AcceptingThread

if TYPE_CHECKING:
    import socket
    from types import TracebackType

_PIECE = 1 << 16


@dataclass
class Proxy:
    """A proxy in a thread of its own; ``with Proxy() as proxy:`` runs it, and ``proxy.url`` names it.

    With ``user`` and ``password`` it lets nobody else through (407). ``status`` rejects everybody with it. A ``silent``
    one takes connections and says nothing.
    """

    user: str | None = None
    password: str = ""
    status: int | None = None
    silent: bool = False
    requests: list[tuple[str, int]] = field(default_factory=list)
    """The first line of each request, without the protocol, and the status of its response."""

    def __enter__(self) -> Self:
        self._thread = AcceptingThread(0)
        self._thread.start(self._serve)
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._thread.stop()

    @property
    def address(self) -> str:
        """Host and port."""
        return f"{HOST}:{self._thread.port}"

    def url(self, user: str | None = None, password: str = "") -> str:
        """The address as the environment has it."""
        login = f"{quote(user, safe='')}:{quote(password, safe='')}@" if user is not None else ""
        return f"http://{login}{self.address}"

    async def _serve(self, connection: socket.socket) -> None:
        reader, writer = await asyncio.open_connection(sock=connection, limit=HEAD_LIMIT)
        try:
            head = await read_head(reader)
            if head is None:
                return
            if self.silent:
                await reader.read()
                return
            rejection = self._rejection(head)
            method, target = head.request_line
            self.requests.append((f"{method} {target}", rejection or 200))
            if rejection is not None:
                await _reject(reader, writer, rejection)
            elif method == "CONNECT":
                await _tunnel(reader, writer, target)
            else:
                await _forward(reader, writer, head)
        except OSError:
            return  # either side has gone
        finally:
            writer.transport.abort()

    def _rejection(self, head: Head) -> int | None:
        if self.status is not None:
            return self.status
        login = base64.b64encode(f"{self.user}:{self.password}".encode())
        is_known = self.user is None or head.get(b"proxy-authorization") == b"Basic " + login
        return None if is_known else 407


async def _reject(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, status: int) -> None:
    body = b"<html><body>The proxy says no</body></html>"
    writer.write(
        b"HTTP/1.1 %d No\r\nProxy-Authenticate: Basic realm=x\r\nContent-Type: text/html\r\n" % status
        + b"Content-Length: %d\r\nConnection: close\r\n\r\n" % len(body)
        + body
    )
    await writer.drain()
    writer.write_eof()
    await reader.read()  # a body that nobody reads would make the end a reset


async def _tunnel(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, target: str) -> None:
    host, _, port = target.rpartition(":")
    behind, to_it = await asyncio.open_connection(host, int(port))
    writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
    await _join((reader, writer), (behind, to_it))


async def _forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, head: Head) -> None:
    """Pass one request on, and end the connection after its response."""
    method, target = head.request_line
    parts = urlsplit(target)
    behind, to_it = await asyncio.open_connection(parts.hostname, parts.port or 80)
    path = target.partition("://")[2].partition("/")[2]
    first = f"{method} /{path} HTTP/1.1".encode("latin-1")
    kept = head.without(b"proxy-authorization", b"proxy-connection", b"connection").adding(b"Connection: close")
    to_it.write(bytes(Head(first, kept.lines)))
    await _join((reader, writer), (behind, to_it))


async def _join(
    one: tuple[asyncio.StreamReader, asyncio.StreamWriter], other: tuple[asyncio.StreamReader, asyncio.StreamWriter]
) -> None:
    """Pass bytes both ways until one side has ended."""
    ways = [asyncio.create_task(_pass(one[0], other[1])), asyncio.create_task(_pass(other[0], one[1]))]
    try:
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for way in ways:
            way.cancel()
        await asyncio.wait(ways)
        for way in ways:
            if not way.cancelled():
                way.exception()  # retrieved: a side that has gone ends both
        other[1].transport.abort()


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while piece := await reader.read(_PIECE):
        writer.write(piece)
        await writer.drain()
