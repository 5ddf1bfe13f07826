"""An HTTP server on loopback that responds as a test tells it to, and remembers what it was asked.

For responses that no S3 server gives on purpose: bodies cut short, wrong heads, silence.
"""

from __future__ import annotations

import asyncio
import ipaddress
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    Act = Callable[["Request", asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass(frozen=True)
class Request:
    """What arrived: the target is as it was sent, the names of headers are in lower case."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


def response(status: int = 200, body: bytes = b"", **headers: str) -> bytes:
    """Build a response, which has an id as each of S3's has; ``""`` leaves a header out, ``_`` in names is ``-``."""
    always = {"content-length": str(len(body)), "x-amz-id-2": "scripted"}
    fields = always | {name.replace("_", "-"): value for name, value in headers.items()}
    lines = [f"HTTP/1.1 {status} Said", *(f"{name}: {value}" for name, value in fields.items() if value)]
    return "\r\n".join([*lines, "", ""]).encode() + body


def xml(root: str, **fields: object) -> bytes:
    """Build a flat XML document."""
    inner = "".join(f"<{name}>{value}</{name}>" for name, value in fields.items())
    return f'<?xml version="1.0" encoding="UTF-8"?><{root}>{inner}</{root}>'.encode()


class Scripted:
    """Use with ``async with``. Each request takes the next response: bytes, or a coroutine function that acts itself;
    after the last one the server hangs up.

    ``reading=False`` leaves bodies in the socket."""

    def __init__(self, *script: bytes | Act, reading: bool = True, tls: ssl.SSLContext | None = None) -> None:
        self._script = list(script)
        self._reading = reading
        self._tls = tls
        self._streams: set[asyncio.StreamWriter] = set()
        self._one_ended = asyncio.Event()
        self.requests: list[Request] = []
        self.asked = asyncio.Event()
        self.url = ""

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._tls)
        port = self._server.sockets[0].getsockname()[1]
        self.url = f"{'https' if self._tls else 'http'}://127.0.0.1:{port}"
        return self

    async def __aexit__(self, *_exc: object) -> None:
        self._server.close()
        for stream in list(self._streams):
            stream.transport.abort()
        await self._server.wait_closed()

    async def closed_by_client(self) -> None:
        """Return when no connection is open any more."""
        while self._streams:
            self._one_ended.clear()
            await self._one_ended.wait()

    @property
    def connections(self) -> int:
        """How many connections are open now."""
        return len(self._streams)

    def then(self, *script: bytes | Act) -> None:
        """Add responses to the script."""
        self._script.extend(script)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._streams.add(writer)
        try:
            while (request := await self._receive(reader)) is not None:
                self.requests.append(request)
                self.asked.set()
                if not self._script:
                    return
                act = self._script.pop(0)
                if not isinstance(act, bytes):
                    await act(request, reader, writer)
                    return
                writer.write(act)
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            return
        finally:
            writer.close()
            self._streams.discard(writer)
            self._one_ended.set()

    async def _receive(self, reader: asyncio.StreamReader) -> Request | None:
        head = await reader.readuntil(b"\r\n\r\n")
        first, *lines = head.decode().strip().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        method, target, _version = first.split(" ")
        length = int(headers.get("content-length", "0")) if self._reading else 0
        return Request(method, target, headers, await reader.readexactly(length))


@dataclass(frozen=True)
class Certificate:
    """A certificate for 127.0.0.1: the server's side of it, and the file that a client has to trust."""

    server: ssl.SSLContext
    authority: str


def make_certificate(folder: Path) -> Certificate:
    """Make a certificate that signs itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "aios3 test")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    authority = folder / "authority.pem"
    authority.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    private = folder / "private.pem"
    plain = serialization.NoEncryption()
    private.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(authority, private)
    return Certificate(server, str(authority))
