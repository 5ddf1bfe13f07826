"""Servers that say exactly what a test tells them, and connections to them."""

from __future__ import annotations

import asyncio
import contextlib
import socket

from aios3._http.connection import Connection

REQUEST = b"GET / HTTP/1.1\r\nHost: test\r\n\r\n"


class Server:
    """What a test sees of its server: the port, how many connections came, and the requests without bodies."""

    def __init__(self):
        self.port = 0
        self.connections = 0
        self.requests = []

    async def request(self, reader):
        """Read the head of a request; raise ``IncompleteReadError`` when the client has gone."""
        head = await reader.readuntil(b"\r\n\r\n")
        self.requests.append(head)
        return head


@contextlib.asynccontextmanager
async def serving(handler, **options):
    """Run ``handler(server, reader, writer)`` for each connection; what it leaves open is closed."""
    server = Server()
    running = set()

    async def run(reader, writer):
        server.connections += 1
        running.add(asyncio.current_task())
        try:
            await handler(server, reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the client has gone, which is what many tests are about
        finally:
            running.discard(asyncio.current_task())
            writer.transport.abort()

    listening = await asyncio.start_server(run, "127.0.0.1", 0, **options)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        await listening.wait_closed()


def responding(*responses, close=False):
    """Return a handler that gives one response a request, and then waits for the client, or closes."""

    async def handle(server, reader, writer):
        for response in responses:
            await server.request(reader)
            writer.write(response)
            await writer.drain()
        if close:
            writer.write_eof()
        await reader.read()

    return handle


@contextlib.asynccontextmanager
async def connected(port, **times):
    """A connection to a port of this machine; afterwards its socket is closed, and nobody waits."""
    gone = asyncio.get_running_loop().create_future()
    connection = Connection(on_lost=lambda _: gone.set_result(None), **times)
    await asyncio.get_running_loop().create_connection(lambda: connection, "127.0.0.1", port)
    try:
        yield connection
    finally:
        connection.abort()
        await gone
        assert connection._waiter is None
        assert connection._timer._timer is None


class Target:
    """Memory to receive into, in blocks of one size."""

    def __init__(self, block=7):
        self.block = block
        self.data = bytearray()
        self.arrivals = 0
        self._view = memoryview(bytearray(block))
        self._filled = 0

    def get_buffer(self):
        return self._view[self._filled :]

    def buffer_updated(self, count):
        self.arrivals += 1
        self.data += self._view[self._filled : self._filled + count]
        self._filled = (self._filled + count) % self.block


def free_port():
    """Return a port on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return listening.getsockname()[1]


def with_length(body, status=b"200 OK", extra=b""):
    return b"HTTP/1.1 %b\r\nContent-Length: %d\r\n%b\r\n%b" % (status, len(body), extra, body)
