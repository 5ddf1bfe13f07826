"""A fault server's work on its own event loop: connections, one request after the other, and the script."""

from __future__ import annotations

import asyncio
import logging
import socket
from typing import TYPE_CHECKING

from aios3.testing import faults
from aios3.testing._faulty_client import Client, Gate, disable_linger, hold
from aios3.testing._faulty_counts import FaultCounters
from aios3.testing._faulty_exchange import Exchange
from aios3.testing._faulty_http import HEAD_LIMIT, HangUp, read_head
from aios3.testing._faulty_operations import named
from aios3.testing._faulty_rules import decide
from aios3.testing.faults import SeenRequest

if TYPE_CHECKING:
    import ssl

    from aios3.testing._faulty_http import Head
    from aios3.testing._faulty_rules import RateLimit, Rule
    from aios3.testing.faults import Fault

_UNREAD_BYTES = 1 << 16
_log = logging.getLogger("aios3.testing.faulty")


class Core:
    """Serves connections to the server at ``upstream`` as ``rules`` say."""

    def __init__(self, upstream: tuple[str, int], tls: ssl.SSLContext | None) -> None:
        self.counters = FaultCounters()
        self.gate = Gate()
        self.rules: list[Rule | RateLimit] = []
        self._upstream = upstream
        self._tls = tls

    async def serve(self, connection: socket.socket) -> None:
        """Serve one connection to its end, and close it."""
        self.counters.open_connections += 1
        self.counters.add("connections")
        try:
            with connection:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                await self._serve(connection)
        except (OSError, asyncio.LimitOverrunError):
            return  # the client has gone, or speaks no HTTP
        except HangUp as end:
            if end.reset:
                disable_linger(connection)
        except Exception:  # noqa: BLE001 - one connection's failure is logged, and the others go on
            _log.exception("The fault server failed")
        finally:
            self.counters.open_connections -= 1
            self.counters.changed()

    async def _serve(self, connection: socket.socket) -> None:
        fault = self._match_fault(SeenRequest("Connect"))
        match fault:
            case faults.Reset():
                disable_linger(connection)
                return
            case faults.Garbage(data):
                await _send_and_close(connection, data)
                return
            case faults.Stall():
                await hold(connection, self.gate, self.counters)
        client = await self._accept_tls(connection)
        try:
            while await self._serve_one(client):
                pass
        except HangUp as end:
            if end.reset:
                await client.reset()
        finally:
            await client.close()

    async def _accept_tls(self, connection: socket.socket) -> Client:
        """Do the handshake, if there is one."""
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(limit=HEAD_LIMIT)
        protocol = asyncio.StreamReaderProtocol(reader)
        transport, _ = await loop.connect_accepted_socket(lambda: protocol, connection, ssl=self._tls)
        return Client(reader, asyncio.StreamWriter(transport, protocol, reader, loop), connection, self.counters)

    async def _serve_one(self, client: Client) -> bool:
        head = await read_head(client.reader)
        if head is None:
            return False
        seen = self._seen(head)
        fault = self._match_fault(seen)
        return await Exchange(client, head, seen, fault, self._upstream, self.gate).run()

    def _seen(self, head: Head) -> SeenRequest:
        method, target = head.request_line
        headers = head.headers
        operation, bucket, key = named(method, target, headers)
        return SeenRequest(operation, bucket, key, method, target, headers)

    def _match_fault(self, request: SeenRequest) -> Fault | None:
        fault = decide(self.rules, request)
        if request.operation != "Connect" or fault is not None:
            self.counters.saw(request, fault)
        return fault


async def _send_and_close(connection: socket.socket, data: bytes) -> None:
    """Send ``data`` and close, but not before the client does: what it has sent unread would make that a reset."""
    loop = asyncio.get_running_loop()
    await loop.sock_sendall(connection, data)
    connection.shutdown(socket.SHUT_WR)
    while await loop.sock_recv(connection, _UNREAD_BYTES):
        pass
