"""The connections of one origin: reused, limited, spread over its addresses, replaced when they have gone stale."""

from __future__ import annotations

import asyncio
from collections import deque
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from aios3._http.connection import Connection
from aios3._http.dns import Addresses, dial
from aios3._http.exceptions import ServerClosedError
from aios3._http.tls import save_session
from aios3._observe import record_sent

if TYPE_CHECKING:
    import socket
    import ssl
    from collections.abc import Awaitable, Callable, Sequence

    from aios3._http.response_head import ResponseHead

    Secure = Callable[[socket.socket, ssl.SSLContext, str, Connection], Awaitable[None]]

T = TypeVar("T")


class Pool:
    """Connections to ``host`` and ``port``, over TLS if there is an ``ssl_context``.

    ``limit``: how many may be open; further requests wait in FIFO order. ``idle_seconds``: how long an unused one is
    kept; S3 closes its side after about 20. ``connect_seconds``: for the look-up and the connection. ``tls_seconds``:
    for the handshake of TLS, None for as long again. The other times are those of ``Connection``.
    """

    def __init__(  # noqa: PLR0913 - each has its default, and one line above
        self,
        host: str,
        port: int,
        ssl_context: ssl.SSLContext | None = None,
        *,
        limit: int = 64,
        idle_seconds: float = 15,
        connect_seconds: float = 10,
        tls_seconds: float | None = None,
        first_byte_seconds: float = 60,
        stall_seconds: float = 30,
        addresses: Addresses | None = None,
    ) -> None:
        self.host = host
        self.port = port
        self._ssl_context = ssl_context
        self._limit = limit
        self._idle_seconds = idle_seconds
        self._connect_seconds = connect_seconds
        self._tls_seconds = connect_seconds if tls_seconds is None else tls_seconds
        self._times = {"first_byte_seconds": first_byte_seconds, "stall_seconds": stall_seconds}
        self._addresses = addresses or Addresses(host, port)
        self._loop = asyncio.get_running_loop()
        self._start_tls = _secure(self._loop) if ssl_context is not None else None
        self._leased = 0  # permits in use: one per leased, idle or connecting connection
        self._idle: list[Connection] = []  # the one used last is the last
        self._waiters: deque[asyncio.Future[Connection | None]] = deque()  # None: a permit, and no connection
        self._alive: set[Connection] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False
        self._all_closed: asyncio.Future[None] | None = None

    @property
    def open(self) -> int:
        """How many connections stand."""
        return len(self._alive)

    @property
    def idle(self) -> int:
        """The number of unused ones."""
        return len(self._idle)

    @property
    def waiting(self) -> int:
        """How many callers are in line."""
        return len(self._waiters)

    async def acquire(self) -> Connection:
        """Return a connection for one exchange, an idle one if there is one; give it back with ``release``.

        Raise ``OSError`` or ``ssl.SSLError`` as they come, ``TimeoutError`` after ``connect_seconds``, and
        ``ConnectionAbortedError`` once the pool is closed.
        """
        connection = self._take_idle()
        if connection is not None:
            return connection
        self._check_open()
        if self._leased < self._limit:
            self._leased += 1
        else:
            connection = await self._wait_for_connection()
            if connection is not None:
                return connection
        return await self._connect_leased()

    def release(self, connection: Connection) -> None:
        """Take a connection back: keep it if it can be used again, close it otherwise."""
        if self._closed or not connection.is_reusable:
            connection.abort()
            self._release_permit()
            return
        if self._ssl_context is not None and connection.exchanges == 1 and connection.transport is not None:
            save_session(connection.transport.get_extra_info("ssl_object"), self.host)
        if waiter := self._next_waiter():
            waiter.set_result(connection)
            return
        connection.idle_since = self._loop.time()
        self._idle.append(connection)
        if self._timer is None:
            self._timer = self._loop.call_at(connection.idle_since + self._idle_seconds, self._expire)

    async def exchange(
        self,
        head: bytes,
        body: Sequence[bytes | memoryview] = (),
        *,
        bodyless: bool = False,
        replayable: bool = True,
    ) -> tuple[Connection, ResponseHead]:
        """Send a request; return the connection that has the response's body, to be released after that, and the head.

        A server may close a kept connection in the moment in which we use it. If the connection was kept and no byte of
        a response has come, the request is sent once more, on a new connection. That is safe for what is idempotent
        (RFC 9110, 9.2.2): all GET, HEAD, PUT and DELETE of S3, and its POST that only ask. The server may have seen the
        first one, so for anything else say ``replayable=False``, and find out. Raises what ``acquire`` and
        ``Connection.send`` raise.
        """
        connection = self._take_idle() or await self.acquire()
        is_kept = connection.exchanges > 0
        try:
            return connection, await connection.send(head, body, bodyless=bodyless)
        except ServerClosedError as error:
            if error.has_response_bytes or not is_kept or not replayable:
                self.release(connection)
                raise
            connection.abort()
        except BaseException:
            self.release(connection)
            raise
        connection = await self._connect_leased()
        record_sent("native")
        try:
            return connection, await connection.send(head, body, bodyless=bodyless)
        except BaseException:
            self.release(connection)
            raise

    async def aclose(self) -> None:
        """Close all connections, also those that are lent, and return when their sockets are closed."""
        self._closed = True
        self._cancel_timer()
        while waiter := self._next_waiter():
            waiter.set_exception(_closed())
        for connection in list(self._alive):
            connection.abort()
        while self._alive:
            self._all_closed = self._all_closed or self._loop.create_future()
            await asyncio.shield(self._all_closed)

    # Connections.

    async def _connect_leased(self) -> Connection:
        """Make a connection with the caller's permit, which is released if that fails."""
        try:
            self._check_open()
            connection = await self._open_connection()
        except BaseException:
            self._release_permit()
            raise
        return connection

    def _check_open(self) -> None:
        if self._closed:
            raise _closed()

    async def _open_connection(self) -> Connection:
        sock = await self._with_timeout(self._dial(), self._connect_seconds, "connection")
        if self._ssl_context is None:
            return await self._connect(sock)
        return await self._with_timeout(self._connect(sock), self._tls_seconds, "handshake of TLS")

    async def _with_timeout(self, work: Awaitable[T], seconds: float, what: str) -> T:
        scope = asyncio.timeout(seconds)
        try:
            async with scope:
                done = await work
        except TimeoutError as error:
            if not scope.expired():
                raise  # the system's own
            message = f"no {what} with {self.host}:{self.port} within {seconds:g} s"
            raise TimeoutError(message) from error
        return done

    async def _dial(self) -> socket.socket:
        addresses = await self._addresses.ordered()
        sock, address = await dial(addresses, self._addresses.failed)
        self._addresses.succeeded(address)
        return sock

    async def _connect(self, sock: socket.socket) -> Connection:
        connection = Connection(**self._times, on_made=self._alive.add, on_lost=self._on_connection_lost)
        try:
            if self._ssl_context is not None and self._start_tls is not None:
                await self._start_tls(sock, self._ssl_context, self.host, connection)
            else:
                await self._loop.create_connection(
                    lambda: connection,
                    sock=sock,
                    ssl=self._ssl_context,
                    server_hostname=self.host if self._ssl_context else None,
                )
            self._check_open()
        except BaseException:
            connection.abort()
            # uvloop does not report it, if a cancellation comes before it has returned.
            self._on_connection_lost(connection)
            raise
        return connection

    def _on_connection_lost(self, connection: Connection) -> None:
        """Take note of a connection whose socket is closed."""
        self._alive.discard(connection)
        if connection in self._idle:
            self._idle.remove(connection)
            self._release_permit()
        if not self._alive and self._all_closed is not None:
            self._all_closed.set_result(None)
            self._all_closed = None

    # Permits.

    def _take_idle(self) -> Connection | None:
        while self._idle:
            connection = self._idle.pop()
            if connection.is_open and connection.idle_since + self._idle_seconds > self._loop.time():
                return connection
            connection.abort()
            self._release_permit()
        return None

    async def _wait_for_connection(self) -> Connection | None:
        """Return a connection, or None for a permit to make one in."""
        waiter: asyncio.Future[Connection | None] = self._loop.create_future()
        self._waiters.append(waiter)
        try:
            connection = await waiter
        except asyncio.CancelledError:
            if waiter.cancelled():
                self._waiters.remove(waiter)
            elif waiter.exception() is None:
                self._put_back(waiter.result())
            raise
        if connection is not None and not connection.is_reusable:
            connection.abort()
            connection = None
        return connection

    def _next_waiter(self) -> asyncio.Future[Connection | None] | None:
        """Take the first from the line. One that was cancelled and has not run yet leaves by itself."""
        for waiter in self._waiters:
            if not waiter.done():
                self._waiters.remove(waiter)
                return waiter
        return None

    def _put_back(self, connection: Connection | None) -> None:
        if connection is None:
            self._release_permit()
        else:
            self.release(connection)

    def _release_permit(self) -> None:
        if waiter := self._next_waiter():
            waiter.set_result(None)
        else:
            self._leased -= 1

    # Time.

    def _expire(self) -> None:
        """Close what has been idle for too long, and look again when the next will have been."""
        self._timer = None
        now = self._loop.time()
        old = [connection for connection in self._idle if connection.idle_since + self._idle_seconds <= now]
        for connection in old:
            self._idle.remove(connection)
            connection.abort()
            self._release_permit()
        if self._idle:
            self._timer = self._loop.call_at(self._idle[0].idle_since + self._idle_seconds, self._expire)

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def _secure(loop: asyncio.AbstractEventLoop) -> Secure | None:
    """Return what makes a transport over TLS of a socket; None where the loop has to do that itself."""
    from aios3._http import tls_transport  # noqa: PLC0415 - plain HTTP has no need of it

    return (
        partial(tls_transport.connect, memory=tls_transport.receive_buffer()) if tls_transport.supports(loop) else None
    )


def _closed() -> ConnectionAbortedError:
    return ConnectionAbortedError("the pool of connections is closed")
