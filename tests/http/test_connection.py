"""One connection: every kind of response is read whole or rejected by name; a connection in doubt is not used again."""

import asyncio

import pytest
from http_server import REQUEST, Target, connected, responding, serving, with_length

from aios3._http.connection import BrokenBodyError, ProtocolError, ServerClosedError

pytestmark = pytest.mark.loop_variants

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


async def test_one_connection_serves_many_small_requests():
    responses = [with_length(b"body %d" % number) for number in range(3)]
    async with serving(responding(*responses)) as server, connected(server.port) as connection:
        for number in range(3):
            head = await connection.send(REQUEST)
            assert head.status == 200
            assert head.headers == {"content-length": "6"}
            assert connection.length == 6
            assert not connection.is_reusable
            assert await connection.read(100) == b"body %d" % number
            assert connection.is_reusable
        assert connection.exchanges == 3


async def test_headers_are_lower_case_utf_8_and_joined_where_repeated():
    response = (
        b"HTTP/1.1 200 OK\r\nX-A: one \r\nx-a:\ttwo\r\nX-B: caf\xc3\xa9 \xe9\r\nEmpty:\r\nContent-Length: 0\r\n\r\n"
    )
    async with serving(responding(response)) as server, connected(server.port) as connection:
        head = await connection.send(REQUEST)
    assert head.headers == {"x-a": "one, two", "x-b": "caf\xe9 \udce9", "empty": "", "content-length": "0"}


@pytest.mark.parametrize("block", [1, 1000, 1 << 20])
async def test_a_body_lands_in_the_blocks_of_the_caller(block):
    body = bytes(range(256)) * (4 if block == 1 else 4000)
    target = Target(block)
    async with serving(responding(with_length(body))) as server, connected(server.port) as connection:
        await connection.send(REQUEST)
        await connection.receive(10, target.get_buffer, target.buffer_updated)
        assert connection.length == len(body) - 10
        assert not connection.is_reusable
        await connection.receive(len(body) - 10, target.get_buffer, target.buffer_updated)
        assert connection.length == 0
        assert connection.is_reusable
    assert target.data == body


async def test_a_small_response_is_read_in_the_same_cycle_of_the_loop():
    responses = [with_length(b"x" * 4096), with_length(b"y" * 4096)]
    async with serving(responding(*responses)) as server, connected(server.port) as connection:
        await connection.send(REQUEST)
        reading = connection.read(4096)
        with pytest.raises(StopIteration) as finished:
            reading.send(None)
        assert finished.value.value == b"x" * 4096
        await connection.send(REQUEST)
        target = Target(4096)
        receiving = connection.receive(4096, target.get_buffer, target.buffer_updated)
        with pytest.raises(StopIteration):
            receiving.send(None)
        assert target.data == b"y" * 4096


@pytest.mark.parametrize("status", [b"204 No Content", b"304 Not Modified"])
async def test_responses_without_a_body_are_not_waited_for(status):
    response = b"HTTP/1.1 %b\r\nETag: x\r\n\r\n" % status
    async with serving(responding(response, with_length(b""))) as server, connected(server.port) as connection:
        await connection.send(REQUEST)
        assert connection.length == 0
        assert await connection.read(0) == b""
        assert await connection.readinto(memoryview(bytearray(5))) == 0
        assert (await connection.send(REQUEST)).status == 200


@pytest.mark.parametrize("header", [b"Content-Length: 1000", b"Transfer-Encoding: chunked", b"X: y"])
async def test_the_response_to_head_has_no_body_whatever_it_says(header):
    response = b"HTTP/1.1 200 OK\r\n%b\r\n\r\n" % header
    async with serving(responding(response, response)) as server, connected(server.port) as connection:
        for _ in range(2):
            await connection.send(REQUEST, bodyless=True)
            assert connection.length == 0
            assert connection.is_reusable


async def test_interim_responses_are_passed_over():
    interim = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
    async with serving(responding(interim + with_length(b"yes"))) as server, connected(server.port) as connection:
        head = await connection.send(REQUEST)
        assert head.status == 200
        assert await connection.read(10) == b"yes"
        assert connection.is_reusable


@pytest.mark.parametrize(
    ("response", "kept"),
    [
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nab", False),
        (b"HTTP/1.1 200 OK\r\nConnection: x, Close\r\nContent-Length: 2\r\n\r\nab", False),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nab", False),
        (b"HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 2\r\n\r\nab", True),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nabc", False),
        (b"HTTP/1.1 204 OK\r\nContent-Length: 2\r\n\r\nab", False),
        (CHUNKED + b"2\r\nab\r\n0\r\n\r\n", True),
        (CHUNKED + b"2\r\nab\r\n0\r\n\r\nHTTP/1.1 200 OK", False),
        (CHUNKED + b"2\r\nab\r\n0\r\n\r\njunk", False),
    ],
)
async def test_a_connection_is_kept_only_where_both_sides_agree_where_the_response_ended(response, kept):
    async with serving(responding(response)) as server, connected(server.port) as connection:
        await connection.send(REQUEST)
        assert await connection.read(10) in {b"ab", b""}
        assert connection.is_reusable is kept


async def test_chunks_with_extensions_and_trailers():
    body = CHUNKED + b'5;name="value"\r\nhello\r\n1\r\n \r\n5\r\nworld\r\n0;last\r\nChecksum: x\r\n\r\n'
    async with serving(responding(body, body)) as server, connected(server.port) as connection:
        for _ in range(2):
            await connection.send(REQUEST)
            assert connection.length is None
            assert await connection.read(100) == b"hello world"
            assert connection.is_reusable


async def test_readinto_fills_what_it_is_given_for_every_kind_of_body():
    body = bytes(range(256)) * 2000
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (body[:100_000], body[100_000:]))
    responses = [with_length(body), CHUNKED + chunks + b"0\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n" + body]
    async with serving(responding(*responses, close=True)) as server, connected(server.port) as connection:
        for kept in (True, True, False):
            await connection.send(REQUEST)
            got = bytearray()
            view = memoryview(bytearray(1000))
            while count := await connection.readinto(view):
                got += view[:count]
            assert got == body
            assert connection.is_reusable is kept


async def test_a_body_beyond_the_limit_is_not_read():
    endless = b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 100_000
    for response in (with_length(b"x" * 101), endless, CHUNKED + b"65\r\n" + b"x" * 101 + b"\r\n0\r\n\r\n"):
        async with serving(responding(response)) as server, connected(server.port) as connection:
            await connection.send(REQUEST)
            with pytest.raises(ProtocolError, match="longer than 100 bytes"):
                await connection.read(100)
            assert not connection.is_reusable


@pytest.mark.parametrize(
    "response",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"\r\n",
        b"HTTP/2.0 200 OK\r\n\r\n",
        b"HTTP/1.1 two hundred\r\n\r\n",
        b"HTTP/1.1 099 Low\r\n\r\n",
        b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
        b"HTTP/1.1 200 OK\nContent-Length: 3\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nContent-Length: 3, 4\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nContent-Length: -3\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nA: b\r\n c\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nA: b\0c\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nA b: c\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nA: " + b"x" * 70_000,
        b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 201 + b"\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n" * 17,
    ],
    ids=lambda response: repr(response[:60]),
)
async def test_what_is_not_http_as_allowed_is_rejected_at_once(response):
    async with serving(responding(response)) as server, connected(server.port) as connection:
        with pytest.raises(ProtocolError):
            await connection.send(REQUEST)
        assert not connection.is_reusable


@pytest.mark.parametrize(
    "body",
    [
        b"x\r\n",
        b"3\r\nabcd\r\n",
        b"-1\r\n",
        b"ffffffffffffffffff\r\n",
        b"1;" + b"x" * 200_000,
        b"0\r\n" + b"T: x\r\n" * 201 + b"\r\n",
        b"0\r\nT: " + b"x" * 200_000,
    ],
    ids=lambda body: repr(body[:20]),
)
async def test_a_broken_or_endless_chunk_is_rejected(body):
    async with serving(responding(CHUNKED + body)) as server, connected(server.port) as connection:
        await connection.send(REQUEST)
        with pytest.raises(ProtocolError):
            await connection.read(1000)
        assert not connection.is_reusable


@pytest.mark.parametrize("came", [b"", b"HTTP/1.1 200", b"HTTP/1.1 100 Continue\r\n\r\n"])
async def test_the_end_of_a_connection_before_the_head_says_whether_anything_had_come(came):
    async with serving(responding(came, close=True)) as server, connected(server.port) as connection:
        with pytest.raises(ServerClosedError) as caught:
            await connection.send(REQUEST)
        assert caught.value.has_response_bytes is bool(came)
        with pytest.raises(ServerClosedError):
            await connection.send(REQUEST)


@pytest.mark.parametrize("came", [b"", b"abc"])
@pytest.mark.parametrize("by", ["read", "readinto", "receive"])
async def test_a_body_cut_short_is_never_passed_off_as_whole(came, by):
    response = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n" + came
    target = Target(100)

    async def take(connection):
        if by == "read":
            await connection.read(100)
        elif by == "receive":
            await connection.receive(10, target.get_buffer, target.buffer_updated)
        else:
            while await connection.readinto(memoryview(bytearray(100))):
                pass

    async with serving(responding(response, close=True)) as server, connected(server.port) as connection:
        await connection.send(REQUEST)
        with pytest.raises(BrokenBodyError, match=f"{10 - len(came)} bytes"):
            await take(connection)
        assert connection.length == 10 - len(came)
    assert target.data == (came if by == "receive" else b"")


async def test_a_chunked_body_cut_short_is_never_passed_off_as_whole():
    for came in (b"", b"3\r\nabc\r\n", b"5\r\nab", b"3\r\nabc\r\n0\r\n"):
        async with serving(responding(CHUNKED + came, close=True)) as server, connected(server.port) as connection:
            await connection.send(REQUEST)
            with pytest.raises(BrokenBodyError):
                await connection.read(100)


@pytest.mark.parametrize("junk", [b"HTTP/1.1 408 Request Timeout\r\n\r\n", b""])
async def test_an_idle_connection_notices_what_the_server_does(junk):
    async def handle(server, reader, writer):
        await server.request(reader)
        writer.write(with_length(b"ok"))
        await go.wait()
        writer.write(junk)
        writer.write_eof()
        await reader.read()

    go = asyncio.Event()
    async with serving(handle) as server, connected(server.port) as connection:
        await connection.send(REQUEST)
        await connection.read(10)
        assert connection.is_reusable
        go.set()
        while connection.is_reusable:
            await asyncio.sleep(0)
        with pytest.raises(ServerClosedError) as caught:
            await connection.send(REQUEST)
        assert not caught.value.has_response_bytes


async def test_an_unread_body_makes_the_server_wait():
    total = 64 << 20
    sent = 0
    block = bytes(64 * 1024)

    async def handle(server, reader, writer):
        nonlocal sent
        await server.request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % total)
        while sent < total:
            writer.write(block)
            sent += len(block)
            if writer.transport.get_write_buffer_size() > len(block):
                stuck.set()
            await writer.drain()
        await reader.read()

    stuck = asyncio.Event()
    async with serving(handle) as server, connected(server.port) as connection:
        await connection.send(REQUEST)
        await stuck.wait()
        for _ in range(100):
            await asyncio.sleep(0)
        assert sent < total
        target = Target(1 << 20)
        counted = 0

        def buffer_updated(count):
            nonlocal counted
            counted += count

        await connection.receive(total, lambda: target._view, buffer_updated)
        assert counted == total
        assert connection.is_reusable


@pytest.mark.parametrize("which", ["get_buffer", "buffer_updated"])
async def test_an_error_of_the_callers_own_function_reaches_the_caller(which):
    body = bytes(300_000)
    failing = False
    target = Target(1 << 20)

    def fail(function):
        def call(*arguments):
            if failing:
                raise LookupError(which)
            return function(*arguments)

        return call

    functions = {"get_buffer": target.get_buffer, "buffer_updated": target.buffer_updated}
    functions[which] = fail(functions[which])
    reported = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context))
    async with serving(responding(with_length(body))) as server, connected(server.port) as connection:
        await connection.send(REQUEST)
        await connection.receive(5, functions["get_buffer"], functions["buffer_updated"])
        failing = True
        with pytest.raises(LookupError):
            await connection.receive(len(body) - 5, functions["get_buffer"], functions["buffer_updated"])
        assert not connection.is_reusable
