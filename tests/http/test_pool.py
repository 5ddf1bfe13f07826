"""The pool: never over its limit, nobody forgotten in line, stale connections replaced unseen, all sockets closed."""

import asyncio
import contextlib

import pytest
from http_server import REQUEST, free_port, responding, serving, with_length

from aios3._http.exceptions import ServerClosedError
from aios3._http.pool import Pool

pytestmark = pytest.mark.loop_variants

OK = with_length(b"ok")


@contextlib.asynccontextmanager
async def pooled(port, **options):
    """A pool; afterwards nothing of it is left."""
    before = asyncio.all_tasks()
    pool = Pool("127.0.0.1", port, **options)
    try:
        yield pool
    finally:
        await pool.aclose()
        assert (pool.open, pool.idle, pool.waiting) == (0, 0, 0)
        assert pool._timer is None
        assert {task for task in asyncio.all_tasks() - before if "run()" not in repr(task)} == set()


async def spin(rounds=20):
    for _ in range(rounds):
        await asyncio.sleep(0)


async def get(pool, **options):
    connection, head = await pool.exchange(REQUEST, **options)
    body = await connection.read(100)
    pool.release(connection)
    return head.status, body


def forever(response=OK):
    async def handle(server, reader, writer):
        while True:
            await server.request(reader)
            writer.write(response)

    return handle


async def test_the_connection_used_last_is_used_next():
    async with serving(forever()) as server, pooled(server.port) as pool:
        first, second = await pool.acquire(), await pool.acquire()
        pool.release(first)
        pool.release(second)
        assert (pool.open, pool.idle) == (2, 2)
        assert await pool.acquire() is second
        pool.release(second)
        for _ in range(5):
            assert await get(pool) == (200, b"ok")
        assert server.connections == 2


async def test_no_more_than_the_limit_are_open_and_the_line_is_served_in_order():
    async with serving(forever()) as server, pooled(server.port, limit=2) as pool:
        held = [await pool.acquire() for _ in range(2)]
        order = []

        async def use(number):
            connection = await pool.acquire()
            order.append(number)
            await spin()
            pool.release(connection)

        users = []
        for number in range(5):
            users.append(asyncio.create_task(use(number)))
            await spin()
        assert (pool.open, pool.waiting) == (2, 5)
        pool.release(held[0])
        await asyncio.gather(*users)
        assert order == [0, 1, 2, 3, 4]
        pool.release(held[1])
        assert server.connections == 2


async def test_a_connection_that_is_dropped_gives_its_place_to_the_next_in_line():
    async with serving(forever()) as server, pooled(server.port, limit=1) as pool:
        held = await pool.acquire()
        waiting = asyncio.create_task(pool.acquire())
        await spin()
        held.abort()
        pool.release(held)
        connection = await waiting
        assert connection is not held
        pool.release(connection)
        assert await get(pool) == (200, b"ok")


@pytest.mark.parametrize("moment", ["in line", "connection given", "slot given"])
async def test_a_cancelled_waiter_acquires_no_slot(moment):
    async with serving(forever()) as server, pooled(server.port, limit=1) as pool:
        held = await pool.acquire()
        cancelled = asyncio.create_task(pool.acquire())
        await spin()
        waiting = asyncio.create_task(pool.acquire())
        await spin()
        if moment == "in line":
            cancelled.cancel()
        if moment == "slot given":
            held.abort()
        pool.release(held)
        cancelled.cancel()
        with pytest.raises(asyncio.CancelledError):
            await cancelled
        pool.release(await waiting)
        assert pool.waiting == 0
        assert await get(pool) == (200, b"ok")
        assert pool._leased == 1


@pytest.mark.parametrize("turns", range(10))
async def test_a_pool_closes_whatever_the_moment_in_which_a_connecting_was_cancelled(turns):
    async with serving(responding(b"")) as server:
        pool = Pool("127.0.0.1", server.port)
        connecting = asyncio.create_task(pool.acquire())
        for _ in range(turns):
            await asyncio.sleep(0)
        connecting.cancel()
        await asyncio.wait([connecting])
        await asyncio.wait_for(pool.aclose(), 10)
        assert pool.open == 0


async def test_a_request_cancelled_while_connecting_releases_its_permit():
    class Never:
        async def ordered(self):
            asked.set()
            await asyncio.Event().wait()

    asked = asyncio.Event()
    async with pooled(1, limit=1, addresses=Never()) as pool:
        connecting = asyncio.create_task(pool.acquire())
        await asked.wait()
        waiting = asyncio.create_task(pool.acquire())
        await spin()
        asked.clear()
        connecting.cancel()
        await asked.wait()
        waiting.cancel()
        await asyncio.gather(connecting, waiting, return_exceptions=True)
        assert pool._leased == 0


async def test_a_server_that_is_not_there_leaves_the_place():
    async with pooled(free_port(), limit=1) as pool:
        for _ in range(3):
            with pytest.raises(ConnectionRefusedError):
                await pool.acquire()
        assert pool._leased == 0


async def test_a_look_up_that_hangs_ends_in_time():
    class Never:
        async def ordered(self):
            await asyncio.Event().wait()

    async with pooled(1, connect_seconds=0.01, addresses=Never()) as pool:
        with pytest.raises(TimeoutError, match=r"127\.0\.0\.1:1 within 0\.01 s"):
            await pool.acquire()
        assert pool._leased == 0


def closing_after(responses):
    """Respond to some requests on each connection, and close without a response at the next."""

    async def handle(server, reader, writer):
        for _ in range(responses):
            await server.request(reader)
            writer.write(OK)
        await server.request(reader)

    return handle


async def test_a_stale_connection_is_replaced_without_the_caller_noticing():
    async with serving(closing_after(1)) as server, pooled(server.port) as pool:
        for _ in range(3):
            assert await get(pool) == (200, b"ok")
        assert server.connections == 3
        assert len(server.requests) == 5
        assert pool._leased == 1


async def test_a_request_that_must_not_be_repeated_is_not():
    async with serving(closing_after(1)) as server, pooled(server.port) as pool:
        await get(pool)
        with pytest.raises(ServerClosedError):
            await get(pool, replayable=False)
        assert len(server.requests) == 2
        assert pool._leased == 0


async def test_a_request_is_repeated_once_and_never_on_a_first_connection():
    async with serving(closing_after(0)) as server, pooled(server.port) as pool:
        with pytest.raises(ServerClosedError):
            await get(pool)
        assert len(server.requests) == 1

    async def handle(server, reader, writer):
        await server.request(reader)
        if server.connections == 1:
            writer.write(OK)
            await server.request(reader)

    async with serving(handle) as server, pooled(server.port) as pool:
        await get(pool)
        with pytest.raises(ServerClosedError):
            await get(pool)
        assert len(server.requests) == 3


async def test_a_response_that_has_started_is_not_asked_for_again():
    async with serving(responding(OK, b"HTTP/1.1 200", close=True)) as server, pooled(server.port) as pool:
        await get(pool)
        with pytest.raises(ServerClosedError):
            await get(pool)
        assert len(server.requests) == 2


async def test_an_upload_on_a_stale_connection_is_sent_again_whole():
    async def handle(server, reader, writer):
        head = await server.request(reader)
        if head == REQUEST:
            writer.write(OK)
            await server.request(reader)
            return
        got.append(await reader.readexactly(8 << 20))
        writer.write(OK)

    got = []
    body = [bytes([number]) * (1 << 20) for number in range(8)]
    head = b"PUT / HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % (8 << 20)
    async with serving(handle, limit=1 << 23) as server, pooled(server.port) as pool:
        await get(pool)
        connection, response = await pool.exchange(head, body)
        assert response.status == 200
        connection.abort()
        pool.release(connection)
    assert got == [b"".join(body)]


async def test_idle_connections_are_closed_after_a_while():
    async with serving(forever()) as server, pooled(server.port, idle_seconds=0.01) as pool:
        held = [await pool.acquire() for _ in range(3)]
        for connection in held:
            pool.release(connection)
        while pool.open:
            await asyncio.sleep(0)
        assert (pool.idle, pool._leased, pool._timer) == (0, 0, None)


async def test_a_connection_that_the_server_closes_while_idle_is_forgotten():
    async with serving(responding(OK, close=True)) as server, pooled(server.port) as pool:
        await get(pool)
        while pool.open:
            await asyncio.sleep(0)
        assert (pool.idle, pool._leased) == (0, 0)


async def test_closing_the_pool_wakes_all_waiters():
    async with serving(responding(b"")) as server, pooled(server.port, limit=1) as pool:
        asking = asyncio.create_task(get(pool))
        while not server.requests:
            await asyncio.sleep(0)
        waiting = asyncio.create_task(get(pool))
        await spin()
        await pool.aclose()
        for task in (asking, waiting):
            with pytest.raises(ConnectionAbortedError):
                await task
        with pytest.raises(ConnectionAbortedError):
            await pool.acquire()
        assert pool._leased == 0


@pytest.mark.parametrize("state", ["sending", "waiting", "receiving", "chunk", "reading"])
async def test_a_request_cancelled_during_the_exchange_closes_its_connection(state):
    async def handle(server, reader, writer):
        await server.request(reader)
        if state == "chunk":
            writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab")
        elif state in {"receiving", "reading"}:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")
        reached.set()
        await asyncio.Event().wait()

    async def use():
        connection, _ = await pool.exchange(REQUEST, [bytes(32 << 20)] if state == "sending" else ())
        try:
            if state == "receiving":
                view = memoryview(bytearray(10))
                await connection.receive(10, lambda: view, lambda _: None)
            else:
                await connection.read(100)
        finally:
            pool.release(connection)

    reached = asyncio.Event()
    async with serving(handle) as server, pooled(server.port) as pool:
        using = asyncio.create_task(use())
        await reached.wait()
        await spin(50)
        assert not using.done()
        using.cancel()
        with pytest.raises(asyncio.CancelledError):
            await using
        assert pool._leased == 0
        while pool.open:
            await asyncio.sleep(0)


async def test_a_request_cancelled_after_its_response_leaves_a_usable_connection():
    async with serving(forever(with_length(b""))) as server, pooled(server.port) as pool:
        connection = await pool.acquire()
        sending = asyncio.create_task(connection.send(REQUEST))
        while connection._waiter is not None and not connection._waiter.done():
            await asyncio.sleep(0)
        if not sending.done():
            sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
        pool.release(connection)
        assert pool.idle == 1
        assert await get(pool) == (200, b"")
        assert server.connections == 1


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 200", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc"])
async def test_a_server_that_stops_sending_is_a_timeout(said):
    times = {"first_byte_seconds": 0.02, "stall_seconds": 0.01}
    async with serving(responding(said)) as server, pooled(server.port, **times) as pool:
        with pytest.raises(TimeoutError, match="nothing moved"):
            await get(pool)
        assert pool._leased == (1 if b"abc" in said else 0)


async def test_a_server_that_stops_receiving_is_a_timeout():
    async def handle(server, reader, writer):
        await server.request(reader)
        await asyncio.Event().wait()

    async with serving(handle) as server, pooled(server.port, stall_seconds=0.01) as pool:
        with pytest.raises(TimeoutError, match="nothing moved"):
            await pool.exchange(REQUEST, [bytes(64 << 20)])
        assert pool._leased == 0


async def test_a_slow_body_is_waited_for_as_long_as_it_moves():
    sending, arrived, passed = asyncio.Queue(), asyncio.Queue(), 0

    async def handle(server, reader, writer):
        await server.request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n")
        while True:
            writer.write(await sending.get())

    def let_pass(seconds):
        nonlocal passed
        passed += seconds
        connection._timer._timer.cancel()
        connection._timer._check()  # as the timer does

    async with serving(handle) as server, pooled(server.port, stall_seconds=60) as pool:
        connection, _ = await pool.exchange(REQUEST)
        real = connection._timer._clock
        connection._timer._clock = lambda: real() + passed
        view = memoryview(bytearray(20))
        receiving = asyncio.create_task(connection.receive(20, lambda: view, arrived.put_nowait))
        for _ in range(19):
            sending.put_nowait(b"x")
            assert await arrived.get() == 1
            let_pass(59)
            await spin(3)
            assert not receiving.done()
        let_pass(1)
        with pytest.raises(TimeoutError, match="nothing moved"):
            await receiving
        pool.release(connection)
