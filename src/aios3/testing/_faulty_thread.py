"""A thread with an event loop in it that accepts connections on one port, and can stop accepting and begin again."""

from __future__ import annotations

import asyncio
import socket
import threading
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine
    from typing import Any

T = TypeVar("T")

HOST = "127.0.0.1"
_BACKLOG = 256


class AcceptingThread:
    """Calls ``make()`` on its loop for a server's work, and the ``serve`` of that for every connection."""

    def __init__(self, port: int) -> None:
        self._listener = _bound(port)
        self.port: int = self._listener.getsockname()[1]
        self._serving: set[asyncio.Task[None]] = set()
        self._listening = False
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="aios3 FaultyServer", daemon=True)

    def start(self, serve: Callable[[socket.socket], Awaitable[None]]) -> None:
        """Begin to serve."""
        self._serve = serve
        self._thread.start()
        self.call(self._listen())

    def call(self, work: Coroutine[Any, Any, T]) -> T:
        """Run ``work`` on the thread's loop, and wait for its result."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def reject(self) -> None:
        """Have the system reject new connections, and reset those that are open."""
        self.call(self._reject())

    def accept(self) -> None:
        """Accept connections again, on the same port."""
        self.call(self._listen())

    def hang_up(self) -> None:
        """End all connections that are open now."""
        self.call(self._end_connections())

    def stop(self) -> None:
        """End all connections and the thread."""
        self.call(self._reject())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._listener.close()

    def _run(self) -> None:
        self._loop.run_forever()
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()

    async def _listen(self) -> None:
        if not self._listening:
            self._listener.listen(_BACKLOG)
            self._loop.add_reader(self._listener, self._accept)
            self._listening = True

    async def _reject(self) -> None:
        if self._listening:
            self._loop.remove_reader(self._listener)
            # A socket that has listened cannot stop to, so another one that does not takes its place on the port.
            listener, self._listener = self._listener, _bound(self.port)
            listener.close()
            self._listening = False
        await self._end_connections()

    async def _end_connections(self) -> None:
        for task in self._serving:
            task.cancel()
        if self._serving:
            await asyncio.wait(self._serving)

    def _accept(self) -> None:
        """Take one connection; not ``loop.sock_accept``, which loses one if it is cancelled in that moment."""
        try:
            connection, _ = self._listener.accept()
        except OSError:  # gone before it was looked at
            return
        connection.settimeout(0)
        task = asyncio.ensure_future(self._serve(connection))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)
        task.add_done_callback(lambda _task: connection.close())  # also if it was cancelled before it began


def _bound(port: int) -> socket.socket:
    """Bind a socket that does not listen yet; the port may be shared with the one that it is to replace."""
    bound = socket.socket()
    try:
        bound.settimeout(0)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        bound.bind((HOST, port))
    except OSError:
        bound.close()
        raise
    return bound


class DeadAddress:
    """An address of this machine that stays silent: it neither accepts a connection on ``port`` nor rejects it.

    A queue that one connection fills, and from which none is taken: the system then ignores who knocks. Raises
    OSError where the system has no second loopback address.
    """

    HOST = "127.0.0.2"

    def __init__(self, port: int) -> None:
        self._listener = socket.socket()
        self._filler = socket.socket()
        try:
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._listener.bind((self.HOST, port))
            self._listener.listen(0)
            self._filler.settimeout(0)
            self._filler.connect_ex((self.HOST, port))  # in the queue at once, without an accept
        except OSError:
            self.close()
            raise

    def close(self) -> None:
        """Give the address free."""
        self._filler.close()
        self._listener.close()
