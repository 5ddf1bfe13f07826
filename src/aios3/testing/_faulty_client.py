"""One client of a fault server: its streams, and the rough ways to treat it."""

from __future__ import annotations

import asyncio
import contextlib
import select
import socket
import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aios3.testing._faulty_counts import FaultCounters

_LOOK_SECONDS = 0.01
"""Seconds between two looks at a held connection, which show that its client has given up."""
_GONE = getattr(select, "POLLRDHUP", 0) | select.POLLHUP | select.POLLERR


class Gate:
    """Holds stalled requests; :meth:`open` releases those that it holds now."""

    def __init__(self) -> None:
        self.opened = asyncio.Event()

    def open(self) -> None:
        """Release all waiters; later ones wait again."""
        self.opened.set()
        self.opened = asyncio.Event()


async def hold(connection: socket.socket, gate: Gate, counters: FaultCounters) -> None:
    """Wait until the gate opens; raise ConnectionResetError if the client goes away before."""
    opened = gate.opened
    counters.stalled += 1
    counters.changed()
    try:
        while not await released(opened, _LOOK_SECONDS):
            if is_gone(connection):
                raise ConnectionResetError
    finally:
        counters.stalled -= 1
        counters.changed()


async def released(event: asyncio.Event, seconds: float) -> bool:
    """Wait for ``seconds``, or for the event if that comes before; return whether it has come."""
    if not event.is_set():
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(event.wait(), seconds)
    return event.is_set()


def is_gone(connection: socket.socket) -> bool:
    """Return whether the other side has closed or reset the connection, also where bytes are still unread."""
    if connection.fileno() < 0:
        return True
    poll = select.poll()
    poll.register(connection.fileno(), _GONE)
    return bool(poll.poll(0))


def disable_linger(connection: socket.socket) -> None:
    """Have the closing of a socket reset the connection."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


class Client:
    """A connection to a client, past its handshake."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        connection: socket.socket,
        counters: FaultCounters,
    ) -> None:
        self.reader = reader
        self.counters = counters
        self._writer = writer
        self._connection = connection
        if writer.get_extra_info("sslcontext") is None:  # TLS never says that a buffer of nothing is empty again
            writer.transport.set_write_buffer_limits(0)

    async def send(self, data: bytes, *, body: bool = False) -> None:
        """Send all of ``data``."""
        self._writer.write(data)
        await self._writer.drain()
        if body:
            self.counters.add("sent", len(data))

    async def hold(self, gate: Gate) -> None:
        """Keep the client waiting until the gate opens."""
        await hold(self._connection, gate, self.counters)

    async def reset(self) -> None:
        """End the connection with a reset, after what was sent has left this process."""
        # a transport has no event for an empty buffer
        while self._writer.transport.get_write_buffer_size() and not is_gone(self._connection):  # noqa: ASYNC110
            await asyncio.sleep(_LOOK_SECONDS)
        with contextlib.suppress(OSError):  # gone already
            disable_linger(self._connection)
        self._writer.transport.abort()

    async def close(self) -> None:
        """Close the connection in good order."""
        self._writer.close()
        with contextlib.suppress(OSError):  # the other side was quicker
            await self._writer.wait_closed()
