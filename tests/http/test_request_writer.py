"""Bodies that are sent arrive byte for byte, are not gathered in memory, and stop where the server rejects them."""

import asyncio
import random

import pytest
from http_server import connected, serving, with_length
from hypothesis import given
from hypothesis import strategies as st

from aios3._http.connection import ServerClosedError
from aios3._http.request_writer import _MAX_JOINED_BYTES, _SLICE_BYTES, slices

pytestmark = pytest.mark.loop_variants


def head_for(size):
    return b"PUT /key HTTP/1.1\r\nHost: test\r\nContent-Length: %d\r\n\r\n" % size


def swallowing(got):
    async def handle(server, reader, writer):
        while True:
            head = await server.request(reader)
            size = int(head.split(b"Content-Length: ")[1].split(b"\r\n")[0])
            got.append(await reader.readexactly(size))
            writer.write(with_length(b""))

    return handle


@pytest.mark.parametrize(
    "sizes", [[], [0], [10], [4096, 10], [65_537], [1000] * 1000, [5 << 20], [100, 3 << 20, 0, 70_000, 200, 300_000]]
)
async def test_what_is_sent_arrives(sizes):
    chance = random.Random(1)
    body = [chance.randbytes(size) for size in sizes]
    views = [memoryview(part) if number % 2 else part for number, part in enumerate(body)]
    got = []
    async with serving(swallowing(got), limit=1 << 22) as server, connected(server.port) as connection:
        for _ in range(2):
            head = await connection.send(head_for(sum(sizes)), views)
            assert head.status == 200
            assert connection.is_reusable
    assert got == [b"".join(body)] * 2


@given(st.binary(min_size=1), st.lists(st.sampled_from([0, 1, 100, 65_536, 65_537, 524_288, 524_289, 1_200_000])))
def test_slices_are_the_request_and_large_parts_are_not_copied(head, sizes):
    body = [bytes([number % 256]) * size for number, size in enumerate(sizes)]
    cut = list(slices(head, body))
    assert b"".join(cut) == head + b"".join(body)
    assert all(cut)
    assert max(map(len, cut)) <= _SLICE_BYTES + _MAX_JOINED_BYTES + len(head)
    copied = sum(len(piece) for piece in cut if not isinstance(piece, memoryview))
    assert copied == len(head) + sum(size for size in sizes if size <= 65_536)


async def test_a_slow_server_makes_the_sender_wait():
    async def handle(server, reader, writer):
        await server.request(reader)
        await go.wait()
        await reader.readexactly(size)
        writer.write(with_length(b"thanks"))
        await reader.read()

    size = 64 << 20
    go = asyncio.Event()
    part = memoryview(bytes(1 << 20))
    async with serving(handle) as server, connected(server.port) as connection:
        sending = asyncio.create_task(connection.send(head_for(size), [part] * 64))
        while not connection._request_writer or not connection._request_writer.paused:
            await asyncio.sleep(0)
        for _ in range(100):
            await asyncio.sleep(0)
        assert connection.transport.get_write_buffer_size() <= _SLICE_BYTES
        assert not sending.done()
        go.set()
        await sending
        assert await connection.read(10) == b"thanks"
        assert connection.is_reusable


async def test_a_rejection_before_the_body_is_sent_is_the_response():
    async def handle(server, reader, writer):
        await server.request(reader)
        writer.write(with_length(b"<Error/>", b"403 Forbidden"))
        await reader.read()

    async with serving(handle) as server, connected(server.port) as connection:
        head = await connection.send(head_for(64 << 20), [bytes(64 << 20)])
        assert head.status == 403
        assert await connection.read(100) == b"<Error/>"
        assert not connection.is_reusable


async def test_an_interim_response_does_not_stop_the_sending():
    async def handle(server, reader, writer):
        await server.request(reader)
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        got.append(len(await reader.readexactly(size)))
        writer.write(with_length(b""))
        await reader.read()

    got = []
    size = 16 << 20
    async with serving(handle, limit=1 << 25) as server, connected(server.port) as connection:
        await connection.send(head_for(size), [bytes(size)])
        assert connection.is_reusable
    assert got == [size]


async def test_a_server_that_goes_away_in_the_middle_of_a_body_is_an_error():
    async def handle(server, reader, writer):
        await server.request(reader)
        await reader.readexactly(1000)

    async with serving(handle) as server, connected(server.port) as connection:
        with pytest.raises(ServerClosedError) as caught:
            await connection.send(head_for(64 << 20), [bytes(64 << 20)])
        assert not caught.value.has_response_bytes
