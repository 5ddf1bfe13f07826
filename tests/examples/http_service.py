"""An application behind a real HTTP server in a thread, watched: what came in, what ended, what is left."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from typing import TYPE_CHECKING

import uvicorn

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Iterator

PATIENCE_SECONDS = 30.0
"""After this long a test fails instead of waiting on."""


class Watched:
    """An ASGI application around another one that counts bytes and requests."""

    def __init__(self, app) -> None:
        self.app = app
        self.received = self.sent = self.started = self.ended = 0
        self.session = None
        self.changed = asyncio.Condition()

    async def __call__(self, scope, receive, send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        self.session = scope["state"]["session"]
        self.started += 1

        async def counted_receive():
            message = await receive()
            await self.note(received=len(message.get("body", b"")))
            return message

        async def counted_send(message) -> None:
            await send(message)
            await self.note(sent=len(message.get("body", b"")))

        try:
            await self.app(scope, counted_receive, counted_send)
        finally:
            await self.note(ended=1)

    async def note(self, *, received: int = 0, sent: int = 0, ended: int = 0) -> None:
        async with self.changed:
            self.received += received
            self.sent += sent
            self.ended += ended
            self.changed.notify_all()

    async def until(self, condition: Callable[[], bool]) -> None:
        async with self.changed:
            await self.changed.wait_for(condition)


class Server(uvicorn.Server):
    """A server that says when it is ready, and on which loop."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = threading.Event()
        self.loop: asyncio.AbstractEventLoop | None = None

    async def startup(self, sockets=None) -> None:
        await super().startup(sockets)
        self.loop = asyncio.get_running_loop()
        self.ready.set()


class Service:
    """A running service."""

    def __init__(self, server: Server, watched: Watched, port: int) -> None:
        self.server = server
        self.watched = watched
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self.idle: set[asyncio.Task] = set()
        self.begin()

    def begin(self) -> None:
        """Wait until all requests have ended, and count from here."""
        self.until(lambda watched: watched.started == watched.ended)
        self.watched.received = self.watched.sent = self.watched.started = self.watched.ended = 0
        self.idle = self.call(self._tasks())

    def call(self, work: Coroutine):
        """Run a coroutine on the service's loop and return its result."""
        return asyncio.run_coroutine_threadsafe(work, self.server.loop).result(PATIENCE_SECONDS)

    def until(self, condition: Callable[[Watched], bool]) -> None:
        """Wait until ``condition`` holds."""
        self.call(self.watched.until(lambda: condition(self.watched)))

    def connect(self) -> socket.socket:
        """Open a connection that a test can break as it likes."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE_SECONDS)

    def stray_tasks(self) -> list[str]:
        """Return what still runs after the requests have ended; a task that is about to end gets the time to."""

        async def strays() -> list[str]:
            extra = await self._tasks() - self.idle
            if extra:
                await asyncio.wait(extra, timeout=PATIENCE_SECONDS / 2)
            return [repr(task) for task in extra if not task.done()]

        return self.call(strays())

    async def _tasks(self) -> set[asyncio.Task]:
        return asyncio.all_tasks() - {asyncio.current_task()}


@contextlib.contextmanager
def serve(app: Callable[..., Awaitable[None]]) -> Iterator[Service]:
    """Serve ``app`` on a free port of this machine."""
    watched = Watched(app)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = uvicorn.Config(watched, log_level="warning", lifespan="on", timeout_graceful_shutdown=10)
        server = Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="web service")
        thread.start()
        try:
            assert server.ready.wait(PATIENCE_SECONDS), "the service did not start"
            yield Service(server, watched, listener.getsockname()[1])
        finally:
            server.should_exit = True
            thread.join(PATIENCE_SECONDS)
            assert not thread.is_alive(), "the service did not stop"
