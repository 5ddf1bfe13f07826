"""The backend on aiobotocore: what can go wrong on the way to the server and back."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING

import pytest
from boto_calls import KEYS, MIB, URL, free
from boto_failures import failing, get, hang_up, rejection

from aios3 import errors
from aios3._boto import BotoBackend
from aios3._boto.upload_stream import UploadStream
from aios3._config import Config
from scripted import Scripted, response

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def nobody() -> Iterator[str]:
    """An address on which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


@pytest.mark.parametrize("call", ["get", "put", "list"])
async def test_a_port_without_a_server_is_a_connection_error(slots, nobody, call):
    error = await failing(slots, call, endpoint_url=nobody)
    assert type(error) is errors.ConnectionFailedError
    assert nobody in str(error)
    assert isinstance(error, ConnectionError)


async def test_a_host_that_has_no_address(slots):
    error = await failing(slots, endpoint_url="http://host.invalid:9")
    assert type(error) is errors.ConnectionFailedError
    assert "http://host.invalid:9" in str(error)


async def test_a_proxy_that_is_not_there(slots, nobody, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", nobody.replace("http://", "http://user:SECRETKEY@"))
    error = await failing(slots, endpoint_url="http://s3.example.org")
    assert type(error) is errors.ConnectionFailedError


async def cut_short(_request, _reader, writer):
    writer.write(response(body=b"abc", content_length="10"))
    await writer.drain()


async def reset_in_the_middle(request, _reader, writer):
    await cut_short(request, None, writer)
    writer.transport.abort()


async def silence(_request, reader, _writer):
    await reader.read()


@pytest.mark.parametrize("call", ["get", "put", "head", "put big"])
async def test_a_connection_that_breaks(slots, call):
    async with Scripted(hang_up) as server:
        error = await failing(slots, call, endpoint_url=server.url)
    assert type(error) is errors.ConnectionFailedError
    assert "broke" in str(error)


@pytest.mark.loop_variants
async def test_all_attempts_break(slots, no_backoff):
    async with Scripted(hang_up, hang_up, hang_up) as server:
        error = await failing(slots, "put big", endpoint_url=server.url, max_attempts=3)
        assert len(server.requests) == 3
    assert type(error) is errors.ConnectionFailedError


@pytest.mark.loop_variants
@pytest.mark.parametrize("act", [cut_short, reset_in_the_middle])
async def test_a_body_that_breaks_off(slots, act):
    async with Scripted(act) as server:
        backend = BotoBackend(Config(endpoint_url=server.url, credentials=KEYS), None, slots)
        body = await get(backend, URL)
        view = memoryview(bytearray(10))
        with pytest.raises(errors.ConnectionFailedError):
            while await body.readinto(view):
                pass
        assert free(slots) == 3
        body.close()
        await backend.aclose()


async def test_a_body_that_ends_before_its_announced_length(slots):
    head = response(206, content_length="", content_range="bytes 0-9/10", transfer_encoding="chunked")
    async with Scripted(head + b"3\r\nabc\r\n0\r\n\r\n") as server:
        backend = BotoBackend(Config(endpoint_url=server.url, credentials=KEYS), None, slots)
        body = await get(backend, URL, 0, 10)
        view = memoryview(bytearray(10))
        assert await body.readinto(view) == 3
        with pytest.raises(errors.TruncatedBodyError, match="7 bytes before"):
            await body.readinto(view)
        body.close()
        await backend.aclose()


async def test_a_list_that_breaks_off(slots):
    async with Scripted(cut_short) as server:
        error = await failing(slots, "list", endpoint_url=server.url)
    assert type(error) is errors.TruncatedBodyError


@pytest.mark.parametrize("call", ["get", "put", "head"])
async def test_no_response(slots, call):
    async with Scripted(silence) as server:
        error = await failing(slots, call, endpoint_url=server.url, read_timeout=0.1)
    assert type(error) is errors.RequestTimeoutError
    assert isinstance(error, TimeoutError)
    assert server.url in str(error)


async def test_no_next_byte(slots):
    async def first_byte(_request, reader, writer):
        writer.write(response(body=b"a", content_length="9"))
        await reader.read()

    async with Scripted(first_byte) as server:
        backend = BotoBackend(Config(endpoint_url=server.url, credentials=KEYS, read_timeout=0.1), None, slots)
        body = await get(backend, URL)
        view = memoryview(bytearray(10))
        assert await body.readinto(view) == 1
        with pytest.raises(errors.RequestTimeoutError):
            await body.readinto(view)
        body.close()
        await backend.aclose()


async def stop_reading(_request, _reader, writer):
    writer.transport.pause_reading()
    await writer.wait_closed()


@pytest.mark.loop_variants
async def test_an_upload_that_the_server_stops_reading(slots):
    async with Scripted(stop_reading, reading=False) as server:
        error = await failing(slots, "put big", endpoint_url=server.url, read_timeout=0.1, connect_timeout=0.1)
    assert type(error) is errors.RequestTimeoutError
    assert "took no byte" in str(error)


async def test_every_chunk_that_is_taken_puts_the_deadline_of_an_upload_off():
    """So a slow upload is not a stalled one, and an upload that is all sent waits for its response only."""
    stream = UploadStream([bytes(MIB), memoryview(bytes(10))])
    seen = []
    stream.on_progress, stream.on_idle = lambda: seen.append("moved"), lambda: seen.append("rests")
    chunks = [len(chunk) async for chunk in stream]
    assert sum(chunks) == MIB + 10
    assert seen == ["moved"] * (len(chunks) + 1) + ["rests"]


@pytest.mark.loop_variants
async def test_an_early_rejection_of_an_upload_is_heard(slots):
    async def reject(_request, reader, writer):
        writer.write(rejection(412, "PreconditionFailed").replace(b"\r\n", b"\r\nconnection: close\r\n", 1))
        await writer.drain()
        while await reader.read(MIB):
            pass

    async with Scripted(reject, reading=False) as server:
        assert type(await failing(slots, "put big", endpoint_url=server.url)) is errors.ObjectChangedError


async def test_an_untrusted_certificate_is_not_retried(slots, certificate):
    async with Scripted(tls=certificate.server) as server:
        for call in ("head", "put"):
            error = await failing(slots, call, endpoint_url=server.url, max_attempts=5)
            assert type(error) is errors.TLSError
            assert server.url in str(error)
            assert "certificate" in str(error)
        assert server.requests == []


async def test_a_certificate_for_another_name(slots, certificate):
    async with Scripted(tls=certificate.server) as server:
        named = server.url.replace("127.0.0.1", "localhost")
        error = await failing(slots, endpoint_url=named, verify=certificate.authority)
    assert type(error) is errors.TLSError


async def test_tls_towards_a_server_without(slots):
    async def plain(_reader, writer):
        writer.write(b"HTTP/1.1 400 Speak plainly\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(plain, "127.0.0.1", 0)
    error = await failing(slots, endpoint_url=f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    server.close()
    await server.wait_closed()
    assert type(error) is errors.TLSError


@pytest.mark.parametrize("verify", ["authority", False])
async def test_trust_can_be_given(slots, certificate, verify):
    trust = certificate.authority if verify else False
    async with Scripted(response(204), tls=certificate.server) as server:
        config = Config(endpoint_url=server.url, credentials=KEYS, verify=trust)
        backend = BotoBackend(config, None, slots)
        await backend.delete_object(URL)
        await backend.aclose()
    assert len(server.requests) == 1
