"""The backend on aiobotocore: what it holds while it works, and gives back however that ends."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import blockbuster
import pytest
from boto_calls import MIB, URL, content, free, get, put, to

from aios3._backend import GetOptions
from aios3._boto import BotoBackend
from aios3._config import Config, Credentials
from imported import imported_by
from scripted import Scripted, response

if TYPE_CHECKING:
    from pathlib import Path


def test_importing_loads_nothing_of_botocore():
    assert not {"botocore", "aiobotocore", "aiohttp"} & imported_by("import aios3._boto")


async def test_opening_the_client_and_asking_never_block_the_loop(monkeypatch, tmp_path: Path):
    async with Scripted(response(204), response(204)) as server:
        (tmp_path / "config").write_text(f"[default]\nregion=eu-north-1\nendpoint_url={server.url}\n")
        (tmp_path / "credentials").write_text("[default]\naws_access_key_id=AKIA\naws_secret_access_key=s\n")
        monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
        monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
        backend = BotoBackend(Config(), None, asyncio.Semaphore(1))
        with blockbuster.blockbuster_ctx() as guard:
            for function in guard.functions.values():
                function.can_block_in("aios3/_boto/private_loop.py", {"run"})
            await backend.delete_object(URL)
            await backend.delete_object(URL)
            await backend.aclose()


async def test_many_first_callers_share_one_client_and_survive_a_cancelled_one(monkeypatch):
    import aiobotocore.session  # noqa: PLC0415 - slow to import

    made = 0
    original = aiobotocore.session.AioSession._create_client

    async def counting(self, *args, **kwargs):
        nonlocal made
        made += 1
        return await original(self, *args, **kwargs)

    monkeypatch.setattr(aiobotocore.session.AioSession, "_create_client", counting)
    async with Scripted() as server:
        server.then(*[response(204)] * 5)
        backend = to(server)
        first, *others = [asyncio.create_task(backend.delete_object(URL)) for _ in range(6)]
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.gather(*others)
        with pytest.raises(asyncio.CancelledError):
            await first
        await backend.aclose()
    assert made == 1
    assert len(server.requests) == 5


async def test_a_source_that_failed_is_asked_again_a_second_later():
    responses = [ValueError("not yet"), Credentials("AKIA", "s")]

    async def ask() -> Credentials:
        said = responses.pop(0)
        if isinstance(said, Exception):
            raise said
        return said

    async with Scripted(response(204)) as server:
        backend = to(server, credentials=ask)
        for _ in range(2):
            with pytest.raises(PermissionError, match="not yet"):
                await backend.delete_object(URL)
        backend._credential_cache._clock = lambda: time.time() + 1
        await backend.delete_object(URL)
        await backend.aclose()


@pytest.mark.loop_variants
async def test_closing_while_the_client_opens_ends_the_callers():
    asked = asyncio.Event()

    async def never() -> Credentials:
        asked.set()
        await asyncio.Event().wait()
        raise AssertionError

    backend = BotoBackend(Config(credentials=never), None, asyncio.Semaphore(1))
    waiting = asyncio.create_task(backend.delete_object(URL))
    await asked.wait()
    await backend.aclose()
    with pytest.raises(ValueError, match="closed"):
        await waiting


@pytest.mark.loop_variants
async def test_closing_leaves_no_connection_and_is_repeatable(slots):
    async with Scripted(
        response(204), response(body=b"x" * 10), response(206, b"a", content_range="bytes 0-0/9")
    ) as server:
        backend = to(server, slots)
        await backend.delete_object(URL)
        unread = await get(backend, URL)
        other = await get(backend, URL, 0, 1)
        assert free(slots) == 2
        await backend.aclose()
        await backend.aclose()
        await server.closed_by_client()
        assert free(slots) == 4
        for body in (unread, other):
            body.close()
            with pytest.raises(ValueError, match="closed before it was read"):
                await body.readinto(memoryview(bytearray(1)))
        assert free(slots) == 4
    with pytest.raises(ValueError, match="closed"):
        await backend.delete_object(URL)


async def test_a_backend_that_was_never_used_closes():
    backend = BotoBackend(Config(), None, asyncio.Semaphore(1))
    await backend.aclose()


@pytest.mark.loop_variants
async def test_a_body_that_was_read_gives_its_connection_back(slots):
    async with Scripted(response(body=b"abc"), response(204)) as server:
        backend = to(server, slots)
        body = await get(backend, URL)
        assert free(slots) == 3
        view = memoryview(bytearray(3))
        assert await body.readinto(view) == 3
        assert free(slots) == 4
        assert await body.readinto(view) == 0
        body.close()
        await backend.delete_object(URL)
        assert server.connections == 1
        assert free(slots) == 4
        await backend.aclose()


@pytest.mark.loop_variants
async def test_a_body_closed_early_drops_its_connection(slots):
    async with Scripted(response(body=b"a", content_length="1000000")) as server:
        backend = to(server, slots)
        body = await get(backend, URL)
        assert await body.readinto(memoryview(bytearray(1))) == 1
        body.close()
        await server.closed_by_client()
        assert free(slots) == 4
        await backend.aclose()


async def test_an_empty_body_holds_nothing(slots):
    async with Scripted(response(body=b"")) as server:
        backend = to(server, slots)
        body = await get(backend, URL)
        assert free(slots) == 4
        assert await body.readinto(memoryview(bytearray(1))) == 0
        body.close()
        assert free(slots) == 4
        await backend.aclose()


async def test_requests_wait_for_a_place(slots):
    async with Scripted(response(body=b"abc"), response(204)) as server:
        backend = to(server, one := asyncio.Semaphore(1))
        body = await get(backend, URL)
        waiting = asyncio.create_task(backend.delete_object(URL))
        for _ in range(5):
            await asyncio.sleep(0)
        assert len(server.requests) == 1
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert await content(body) == b"abc"
        await backend.delete_object(URL)
        assert free(one) == 1
        await backend.aclose()


async def silence(_request, reader, _writer):
    await reader.read()


async def one_byte_and_silence(_request, reader, writer):
    writer.write(response(body=b"a", content_length="100"))
    await reader.read()


@pytest.mark.loop_variants
@pytest.mark.parametrize("call", ["get", "put", "head"])
async def test_cancelling_a_request_that_waits_gives_all_back(call, slots):
    async with Scripted(silence) as server:
        backend = to(server, slots)
        calls = {
            "get": lambda: get(backend, URL),
            "put": lambda: put(backend, URL, b"x" * MIB),
            "head": lambda: backend.head_object(URL, GetOptions()),
        }
        task = asyncio.create_task(calls[call]())
        await server.asked.wait()
        assert free(slots) == 3
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert free(slots) == 4
        await server.closed_by_client()
        await backend.aclose()


@pytest.mark.loop_variants
async def test_cancelling_an_upload_under_way_gives_all_back(slots):
    async def stop_reading(_request, _reader, writer):
        writer.transport.pause_reading()
        await writer.wait_closed()

    async with Scripted(stop_reading, reading=False) as server:
        backend = to(server, slots)
        task = asyncio.create_task(put(backend, URL, b"x" * (64 * MIB)))
        await server.asked.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert free(slots) == 4
        await backend.aclose()


@pytest.mark.loop_variants
async def test_cancelling_a_read_loses_no_byte_and_keeps_the_body(slots):
    async with Scripted(one_byte_and_silence) as server:
        backend = to(server, slots)
        body = await get(backend, URL)
        view = memoryview(bytearray(10))
        assert await body.readinto(view) == 1
        task = asyncio.create_task(body.readinto(view))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert free(slots) == 3
        body.close()
        await server.closed_by_client()
        assert free(slots) == 4
        await backend.aclose()
