"""A whole object in chunks without a Content-Length, as gateways send it: its last chunk says where it ends."""

from __future__ import annotations

import gzip
import zlib
from base64 import b64encode

import pytest

import aios3
from aios3 import _buffered_body
from aios3._backend import GetOptions
from aios3._engine.limiter import AdaptiveLimiter
from aios3._engine.retry_policy import RetryPolicy
from aios3._paths import S3Url
from aios3._transport import Transport
from scripted import Scripted, response

TRANSPORTS = ["auto", "aiobotocore"]
DATA = bytes(range(256)) * 40
WHOLE = {
    "transfer_encoding": "chunked",
    "content_length": "",
    "etag": '"e"',
    "last_modified": "Wed, 21 Oct 2015 07:28:00 GMT",
}


def chunked(data: bytes, *, ends: bool = True) -> bytes:
    pieces = [data[start : start + 1000] for start in range(0, len(data), 1000)]
    body = b"".join(f"{len(piece):x}\r\n".encode() + piece + b"\r\n" for piece in pieces)
    return body + b"0\r\n\r\n" if ends else body


def session(server: Scripted, transport: str, **options: object) -> aios3.Session:
    keys = aios3.Credentials("a", "b")
    return aios3.Session(endpoint_url=server.url, region="us-east-1", credentials=keys, transport=transport, **options)


READS = {
    "read_bytes": lambda s3: aios3.read_bytes("s3://b/k", session=s3),
    "aopen": lambda s3: _read(s3, {}),
    "pipe": lambda s3: _read(s3, {"buffering": "pipe"}),
    "memory": lambda s3: _read(s3, {"buffering": "memory"}),
}


async def _read(s3: aios3.Session, options: dict[str, str]) -> bytes:
    async with aios3.aopen("s3://b/k", "rb", session=s3, **options) as file:
        return await file.read()


@pytest.mark.parametrize("read", READS)
@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_an_object_without_an_announced_length_is_read_to_its_last_chunk(transport, read):
    async with (
        Scripted(*3 * [response(200, chunked(DATA), **WHOLE)]) as server,
        session(server, transport, checksums="off") as s3,
    ):
        assert await READS[read](s3) == DATA


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_an_empty_object_without_an_announced_length_is_empty(transport):
    async with Scripted(response(200, b"0\r\n\r\n", **WHOLE)) as server, session(server, transport) as s3:
        assert await aios3.read_bytes("s3://b/k", session=s3) == b""


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_a_body_whose_last_chunk_is_missing_is_asked_for_again(transport):
    script = [
        response(200, chunked(DATA, ends=False), connection="close", **WHOLE),
        response(200, chunked(DATA), **WHOLE),
    ]

    async def hang_up(_request, _reader, writer):
        writer.write(script[0])
        await writer.drain()

    async with Scripted(hang_up, script[1]) as server, session(server, transport) as s3:
        assert await aios3.read_bytes("s3://b/k", session=s3) == DATA
        assert len(server.requests) == 2


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_a_body_that_is_too_long_to_keep_is_rejected_with_its_limit(transport, monkeypatch):
    for module in ("aios3._http.http_backend", "aios3._boto.boto_body", "aios3._buffered_body"):
        monkeypatch.setattr(f"{module}.MAX_UNSIZED_BYTES", 5000)
    async with (
        Scripted(response(200, chunked(DATA), **WHOLE)) as server,
        session(server, transport, max_attempts=1) as s3,
    ):
        with pytest.raises(aios3.ServerError, match=r"5,?000 bytes"):
            await aios3.read_bytes("s3://b/k", session=s3)
        assert s3.stats().in_flight == 0


async def test_a_response_that_cannot_be_described_gives_its_slot_back_once():
    slots = AdaptiveLimiter(4)
    head = {**WHOLE, "last_modified": "never"}
    async with Scripted(response(200, chunked(b""), **head)) as server:
        config = aios3.Config(endpoint_url=server.url, credentials=aios3.Credentials("a", "b"), max_attempts=1)
        transport = Transport(config, None, RetryPolicy(1, slots))
        backend = await transport.backend("b")
        with pytest.raises(aios3.ServerError, match="Last-Modified"):
            await backend.get_object(S3Url("b", "k"), start=0, stop=None, options=GetOptions())
        await transport.aclose()
    assert slots.in_use == 0


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_a_body_that_ends_with_its_connection_is_rejected(transport):
    """Nobody could tell its end from a connection that broke."""

    async def until_close(_request, _reader, writer):
        writer.write(b'HTTP/1.1 200 OK\r\nETag: "e"\r\nConnection: close\r\n\r\n' + DATA)
        await writer.drain()

    async with Scripted(until_close) as server, session(server, transport, max_attempts=1) as s3:
        with pytest.raises(aios3.S3Error):
            await aios3.read_bytes("s3://b/k", session=s3)


@pytest.mark.parametrize("announced", [{}, {"content_range": "bytes 0-4/5"}, {"content_length": ""}])
@pytest.mark.parametrize("status", [201, 202, 203, 204, 205, 226])
@pytest.mark.parametrize("read", READS)
@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_a_status_of_success_that_has_no_body_of_an_object_is_rejected(transport, read, status, announced):
    heads = response(status, b"" if status == 204 else b"12345", **{"content_length": "5", "etag": '"e"'} | announced)

    async def respond(_request, _reader, writer):
        writer.write(heads)
        await writer.drain()

    async with Scripted(*9 * [respond]) as server, session(server, transport, max_attempts=1) as s3:
        with pytest.raises(aios3.ServerError, match=f"status {status}"):
            await READS[read](s3)
        assert s3.stats().in_flight == 0


@pytest.mark.parametrize("coding", ["gzip, chunked", "deflate, chunked", "identity, chunked", "gzip,chunked"])
@pytest.mark.parametrize("read", READS)
@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_bytes_under_another_transfer_coding_are_not_taken_for_the_objects(transport, read, coding):
    head = WHOLE | {"transfer_encoding": coding}
    async with (
        Scripted(*9 * [response(200, chunked(gzip.compress(DATA)), **head)]) as server,
        session(server, transport, max_attempts=1) as s3,
    ):
        with pytest.raises(aios3.S3Error, match="transfer coding"):
            await READS[read](s3)


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_wrong_bytes_without_an_announced_length_are_found_by_their_checksum(transport):
    crc = b64encode(zlib.crc32(DATA).to_bytes(4, "big")).decode()
    wrong = response(200, chunked(DATA[:-1] + b"?"), x_amz_checksum_crc32=crc, **WHOLE)
    async with Scripted(*5 * [wrong]) as server, session(server, transport) as s3:
        with pytest.raises(aios3.ChecksumMismatchError):
            await aios3.read_bytes("s3://b/k", session=s3)


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_an_object_that_shrinks_while_it_is_read_has_changed(transport):
    """Where If-Match is ignored, the response is 416: the range lies outside the object."""
    gone = response(
        416, b"<Error><Code>InvalidRange</Code></Error>", content_type="application/xml", connection="close"
    )

    async def respond(request, _reader, writer):
        first, last = map(int, request.headers["range"].removeprefix("bytes=").split("-"))
        size = last + 1 - first
        part = response(206, bytes(size), content_range=f"bytes {first}-{last}/1000000", etag='"e"', connection="close")
        writer.write(gone if first else part)
        await writer.drain()

    async with (
        Scripted(*200 * [respond]) as server,
        session(server, transport) as s3,
        aios3.aopen("s3://b/k", "rb", session=s3, block_size=8192, request_size=8192) as file,
    ):
        with pytest.raises(aios3.ObjectChangedError, match="open it again"):
            await file.read()


def test_the_limit_is_what_the_docs_say():
    assert _buffered_body.MAX_UNSIZED_BYTES == 16 * 1024 * 1024
