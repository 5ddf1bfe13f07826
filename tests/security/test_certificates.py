"""Certificates and the names in them are checked unless somebody says otherwise, by whichever backend."""

from __future__ import annotations

import asyncio
import datetime as dt
import ipaddress
import ssl
from contextlib import asynccontextmanager

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

import aios3

RESPONSE = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
HERE = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
ELSEWHERE = x509.DNSName("elsewhere.test")


def certificate(folder, names, days: int) -> str:
    """Write a certificate for ``names`` that is its own authority and good for ``days`` from yesterday on."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    begin = dt.datetime.now(dt.UTC) - dt.timedelta(days=1 if days > 0 else 3)
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(begin + dt.timedelta(days=abs(days)))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file = folder / "server.pem"
    file.write_bytes(secret + signed.public_bytes(serialization.Encoding.PEM))
    return str(file)


@asynccontextmanager
async def serving(file: str):
    """Serve over TLS with this certificate; yield the URL, and what was heard over connections that were accepted."""
    heard: list[bytes] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(RESPONSE)
        await writer.drain()
        writer.close()

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    server = await asyncio.start_server(handle, "127.0.0.1", 0, ssl=context)
    try:
        yield f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}", heard
    finally:
        server.close()
        await server.wait_closed()


def session_for(url: str, transport: str, **options) -> aios3.Session:
    credentials = aios3.Credentials("AKIA", "secret")
    return aios3.Session(endpoint_url=url, credentials=credentials, region="us-east-1", transport=transport, **options)


@pytest.mark.parametrize(
    ("names", "days", "trusted"),
    [([HERE], 3, False), ([ELSEWHERE], 3, True), ([HERE], -1, True)],
    ids=["signed by itself", "for another host", "expired"],
)
async def test_an_unverified_server_gets_no_request(tmp_path, transport, names, days, trusted):
    asyncio.get_running_loop().set_exception_handler(lambda *_: None)  # the server's side reports the alert
    file = certificate(tmp_path, names, days)
    async with serving(file) as (url, heard):
        async with session_for(url, transport, **({"verify": file} if trusted else {})) as session:
            with pytest.raises(aios3.TLSError, match="no trusted connection"):
                await aios3.read_bytes("s3://bucket/key", session=session)
            assert session.stats().operations["GetObject"].requests == 1  # it is not tried again
        assert heard == []


@pytest.mark.parametrize("how", ["trusted", "verification switched off"])
async def test_a_server_that_is_trusted_is_spoken_to(tmp_path, transport, how):
    """Else the test above would pass with anything."""
    asyncio.get_running_loop().set_exception_handler(lambda *_: None)
    file = certificate(tmp_path, [HERE] if how == "trusted" else [ELSEWHERE], 3)
    async with serving(file) as (url, heard):
        async with session_for(url, transport, verify=file if how == "trusted" else False) as session:
            assert not await aios3.exists("s3://bucket/key", session=session)
        assert heard
