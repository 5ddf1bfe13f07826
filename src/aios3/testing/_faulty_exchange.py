"""One request and its response, between a client and the upstream server, with at most one fault in it."""

from __future__ import annotations

import asyncio
import contextlib
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from aios3.testing import _faulty_bodies as bodies
from aios3.testing import faults
from aios3.testing._faulty_client import released
from aios3.testing._faulty_http import (
    HEAD_LIMIT,
    HangUp,
    Head,
    body_chunks,
    read_head,
    request_framing,
    response_framing,
)
from aios3.testing._faulty_responses import render_response, response_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from aios3.testing._faulty_client import Client, Gate
    from aios3.testing._faulty_http import Framing
    from aios3.testing.faults import Fault, Respond, SeenRequest

_FINAL_FROM = 200
_UNREACHABLE = faults.Respond(502, "BadGateway", "the server behind the fault server cannot be reached")


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request that has arrived: its client, its head, and its fault."""

    client: Client
    head: Head
    seen: SeenRequest
    fault: Fault | None
    upstream: tuple[str, int]
    gate: Gate

    async def run(self) -> bool:
        """Respond to the request; return whether the connection may be used again, or raise HangUp."""
        canned = response_of(self.fault)
        if canned is not None:
            return await self._reject(canned)
        await self._fail_before_upstream()
        return await self._pass_on(await self._prepared())

    async def _reject(self, response: Respond) -> bool:
        message = render_response(response, with_body=self.seen.method != "HEAD", close=response.early)
        if response.early:
            await self.client.send(message)
            await self._read_whole_request()
            return False
        await self._read_whole_request()
        await self.client.send(message)
        return self.head.keeps_alive

    async def _fail_before_upstream(self) -> None:
        """Do the faults that end the connection before the upstream server is asked."""
        match self.fault:
            case faults.Reset():
                await self._read_whole_request()
                raise HangUp(reset=True)
            case faults.ResetUpload(after):
                async for _chunk in bodies.cut(self._request_body(), after, reset=True):
                    pass
            case faults.Garbage(data):
                await self._read_whole_request()
                await self.client.send(data)
                raise HangUp(reset=False)
            case faults.EndlessHeaders():
                await self._read_whole_request()
                await self._send_headers_for_ever()

    async def _prepared(self) -> Head:
        """Do what comes before the request is passed on, and return its head as it is to be."""
        match self.fault:
            case faults.Before(action):
                await asyncio.to_thread(action, self.seen)
            case faults.ReplaceObject(data):
                await self._store(data)
            case faults.IgnoreRange():
                return self.head.without(b"range")
            case faults.SmallPages(keys):
                first = re.sub(rb"(?<=[?&])max-keys=\d+", b"max-keys=%d" % keys, self.head.first)
                return replace(self.head, first=first)
        return self.head

    async def _pass_on(self, head: Head) -> bool:
        try:
            reader, writer = await asyncio.open_connection(*self.upstream, limit=HEAD_LIMIT)
        except OSError:
            return await self._reject(_UNREACHABLE)
        writer.write(bytes(head))
        sending = asyncio.create_task(self._send_up(writer))
        try:
            return await self._send_response(reader, sending)
        finally:
            writer.transport.abort()
            sending.cancel()
            await asyncio.wait([sending])
            if not sending.cancelled():
                sending.exception()  # retrieved: it has broken the connection, which ended the response

    async def _send_up(self, writer: asyncio.StreamWriter) -> None:
        """Pass the request's body on; if it ends too early, so does the connection to the upstream server."""
        try:
            async for chunk in self._request_body():
                writer.write(chunk)
                await writer.drain()
        except BaseException:
            writer.transport.abort()
            raise

    async def _request_body(self) -> AsyncIterator[bytes]:
        body = body_chunks(self.client.reader, request_framing(self.head))
        match self.fault:
            case faults.StallUpload(after):
                body = bodies.interrupted(body, after, lambda: self.client.hold(self.gate))
            case faults.FlipUploadByte(at):
                body = bodies.flipped(body, at)
        async for chunk in body:
            self.client.counters.add("received", len(chunk))
            yield chunk

    async def _read_whole_request(self) -> None:
        """Take the whole request, as a server does before it responds."""
        if self.head.get(b"expect"):
            await self.client.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        async for _chunk in self._request_body():
            pass

    async def _send_response(self, reader: asyncio.StreamReader, sending: asyncio.Task[None]) -> bool:
        response = await read_head(reader)
        while response is not None and response.status < _FINAL_FROM:
            await self.client.send(bytes(response))
            response = await read_head(reader)
        if response is None:
            raise HangUp(reset=True)
        framing = response_framing(response, self.seen.method)
        if framing != "close":
            response = response.without(b"connection", b"keep-alive")  # they are about the upstream connection
        if self.fault == faults.Stall(None):
            await self.client.hold(self.gate)
        head, body = self._apply_fault(response, body_chunks(reader, framing), framing)
        await self._send_response_parts(head, body)
        return self.head.keeps_alive and framing != "close" and sending.done()

    def _apply_fault(  # noqa: PLR0911 - one line a fault
        self, head: Head, body: AsyncIterator[bytes], framing: Framing
    ) -> tuple[Head, AsyncIterator[bytes]]:
        """Apply what a fault does to a response on its way."""
        match self.fault:
            case faults.ResetAfter(at):
                return head, bodies.cut(body, at, reset=True)
            case faults.CutShort(at):
                return head, bodies.cut(body, at, reset=False)
            case faults.Stall(int(after)):
                return head, bodies.interrupted(body, after, lambda: self.client.hold(self.gate))
            case faults.SlowBody(size, seconds):
                opened = self.gate.opened
                return head, bodies.slowed(body, size, lambda: released(opened, seconds))
            case faults.FlipByte(at):
                return head, bodies.flipped(body, at)
            case faults.WrongLength(by) if isinstance(framing, int):
                announced = b"Content-Length: %d" % max(0, framing + by)
                return head.without(b"content-length").adding(announced), bodies.closing(body) if by > 0 else body
            case faults.Chunked(size) if framing not in ("chunked", 0):
                head = head.without(b"content-length").adding(b"Transfer-Encoding: chunked")
                return head, bodies.chunked(body, size)
            case faults.HugeHeader(size):
                return head.adding(b"x-amz-meta-huge: " + b"h" * size), body
            case faults.FoldedHeader():
                return head.adding(b"x-amz-meta-folded: one\r\n two"), body
        return head, body

    async def _send_response_parts(self, head: Head, body: AsyncIterator[bytes]) -> None:
        if isinstance(self.fault, (faults.DropResponse, faults.LateError)):
            async for _chunk in body:
                pass
            if isinstance(self.fault, faults.DropResponse):
                raise HangUp(reset=True)
            late = faults.Respond(self.fault.status, self.fault.code, "We encountered an internal error.")
            await self.client.send(render_response(late, with_body=self.seen.method != "HEAD", close=False))
            return
        await self.client.send(bytes(head))
        async for chunk in body:
            await self.client.send(chunk, body=True)

    async def _send_headers_for_ever(self) -> None:
        await self.client.send(b"HTTP/1.1 200 OK\r\n")
        lines = b"".join(b"x-amz-meta-%d: again\r\n" % number for number in range(1000))
        while True:  # until the client hangs up, which raises
            await self.client.send(lines)
            await asyncio.sleep(0)

    async def _store(self, data: bytes) -> None:
        reader, writer = await asyncio.open_connection(*self.upstream)
        with contextlib.closing(writer):
            path = self.seen.target.partition("?")[0].encode("latin-1")
            signed = self.head.get(b"authorization") or b"none"
            fields = (b"Host: fault", b"Authorization: " + signed, b"Content-Length: %d" % len(data))
            writer.write(bytes(Head(b"PUT %b HTTP/1.1" % path, fields)) + data)
            response = await read_head(reader)
        if response is None or response.status != _FINAL_FROM:
            message = f"the server behind checks signatures: {self.seen.key!r} cannot be replaced; use faults.Before"
            raise RuntimeError(message)
