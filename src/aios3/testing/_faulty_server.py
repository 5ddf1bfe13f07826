"""The fault server, as users start it, script it and ask it."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from aios3.testing._faulty_core import Core
from aios3.testing._faulty_counts import matches
from aios3.testing._faulty_rules import RateLimit, Rule
from aios3.testing._faulty_thread import HOST, AcceptingThread, DeadAddress
from aios3.testing._faulty_tls import Certificate
from aios3.testing._local import LocalServer
from aios3.testing._server_context import ServerContext

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from aios3._config import ConfigOptions
    from aios3.testing._faulty_counts import Counts
    from aios3.testing.faults import Fault, SeenRequest

PATIENCE_SECONDS = 30.0


class FaultyServer(ServerContext):
    """A server between a program and S3 that fails as instructed, on a free port of 127.0.0.1.

    ``aios3.Session(**server.config)`` reaches it, and so does any other client. Everything else is passed on byte for
    byte, to ``upstream``. By default that is a :class:`LocalServer` of its own with ``buckets``. It may be another
    running one, or the address of any server, such as ``"http://127.0.0.1:9000"``. ``tls=True`` serves TLS with a
    certificate made on the spot, which ``config`` trusts.

    Use it with ``with`` or ``async with``. It runs in a thread of its own; its methods may be called from any thread.

    ::

        with FaultyServer() as server, aios3.sync.Session(**server.config) as session:
            server.fail("GetObject", key="data/*", nth=2, fault=faults.ResetAfter(bytes=1000))
    """

    def __init__(
        self,
        buckets: Iterable[str] = ("bucket",),
        *,
        upstream: LocalServer | str | None = None,
        tls: bool = False,
        port: int = 0,
    ) -> None:
        self._owned = LocalServer(buckets) if upstream is None else None
        self._upstream: LocalServer | str = upstream if self._owned is None and upstream is not None else self._local()
        self._tls = tls
        self._port = port
        self._certificate: Certificate | None = None
        self._started: tuple[Core, AcceptingThread] | None = None
        self._dead: DeadAddress | None = None

    def _local(self) -> LocalServer:
        assert self._owned is not None
        return self._owned

    def __repr__(self) -> str:
        return f"<aios3.testing.FaultyServer {self.endpoint_url if self._started else 'stopped'}>"

    def start(self) -> None:
        """Start serving; does nothing if the server runs already.

        Raises OSError if the port is taken, ModuleNotFoundError without the extra ``testing``.
        """
        if self._started is not None:
            return
        with contextlib.ExitStack() as undo:
            if self._owned is not None:
                self._owned.start()
                undo.callback(self._owned.stop)
            if self._tls:
                self._certificate = Certificate()
                undo.callback(self._certificate.remove)
            core = Core(self._address(), self._certificate.context if self._certificate else None)
            thread = AcceptingThread(self._port)
            thread.start(core.serve)
            self._started = core, thread
            undo.pop_all()

    def stop(self) -> None:
        """Stop serving, reset every connection, and stop the upstream server if it is this one's own.

        Safe to repeat.
        """
        started, self._started = self._started, None
        if started is None:
            return
        started[1].stop()
        if self._dead is not None:
            self._dead.close()
            self._dead = None
        if self._certificate is not None:
            self._certificate.remove()
            self._certificate = None
        if self._owned is not None:
            self._owned.stop()

    def _address(self) -> tuple[str, int]:
        url = self._upstream if isinstance(self._upstream, str) else self._upstream.endpoint_url
        parts = urlsplit(url)
        if parts.scheme != "http" or parts.hostname is None:
            message = f"upstream must be the address of a server, such as 'http://127.0.0.1:9000', not {url!r}"
            raise ValueError(message)
        return parts.hostname, parts.port or 80

    # what reaches it

    @property
    def endpoint_url(self) -> str:
        """Where the server is; raises RuntimeError while it does not run."""
        return f"{'https' if self._tls else 'http'}://{HOST}:{self._thread.port}"

    @property
    def config(self) -> ConfigOptions:
        """The settings that reach the server: ``aios3.Session(**server.config)``.

        With an address as ``upstream`` they say nothing of region and credentials: add those of that server.
        """
        config: ConfigOptions = {} if isinstance(self._upstream, str) else self._upstream.config
        config["endpoint_url"] = self.endpoint_url
        if self._certificate is not None:
            config["verify"] = self._certificate.authority
        return config

    @property
    def storage(self) -> LocalServer:
        """The upstream server, to prepare and look at objects without a fault; RuntimeError if it was an address."""
        if isinstance(self._upstream, str):
            message = f"The server behind is {self._upstream}, and no LocalServer of this process"
            raise RuntimeError(message)  # noqa: TRY004 - the type is not wrong; this server was started otherwise
        return self._upstream

    @property
    def addresses(self) -> tuple[str, str]:
        """Two addresses for a name, on the server's port: the first takes no connection and rejects none.

        Have the program's resolver return them. Raises OSError on systems with one loopback address only.
        """
        if self._dead is None:
            self._dead = DeadAddress(self._thread.port)
        return DeadAddress.HOST, HOST

    # what goes wrong

    def fail(
        self,
        operation: str = "*",
        fault: Fault | None = None,
        *,
        key: str | Callable[[SeenRequest], bool] = "*",
        nth: int = 1,
        times: int | None = 1,
        probability: float = 1.0,
        seed: int = 0,
    ) -> None:
        """Give requests ``fault``: the ``nth`` that matches, and those after it until ``times`` have had it.

        ``operation`` is S3's name of the request (``GetObject``, ``UploadPart``, ``ListObjectsV2`` ...) or a pattern
        such as ``"*Object"``; ``Connect`` is a connection, before any request. ``key`` is a pattern of keys
        (``*`` matches ``/`` too), or a function of the request. ``times=None`` is for ever. ``probability`` spares
        some, always the same ones for one ``seed`` and one order of requests. The first rule whose turn it is counts.
        Raises ValueError for numbers that make no sense, TypeError without a fault.
        """
        if fault is None:
            message = "fail() needs a fault, such as aios3.testing.faults.Reset()"
            raise TypeError(message)
        self._core.rules.append(Rule(fault, operation, key, nth, times, probability, seed))

    def limit(self, per_second: float, *, burst: int = 1, operation: str = "*") -> None:
        """Respond with 503 SlowDown to what exceeds ``per_second`` requests, ``burst`` at once."""
        self._core.rules.append(RateLimit(per_second, burst, operation))

    @contextlib.contextmanager
    def unreachable(self) -> Iterator[None]:
        """Refuse connections inside a ``with`` block, and reset those that are open when it begins."""
        self._thread.reject()
        try:
            yield
        finally:
            self._thread.accept()

    def hang_up(self) -> None:
        """Reset every connection that is open now."""
        self._thread.hang_up()

    def release(self) -> None:
        """Let go of all that stalls or drips now."""
        self._thread.call(self._open_gate())

    async def _open_gate(self) -> None:
        self._core.gate.open()

    def reset(self) -> None:
        """Forget the faults and the counts, and end all connections; what is stored stays."""
        self._core.rules.clear()
        self._thread.hang_up()
        self._core.counters.clear()

    # what it has seen

    @property
    def requests(self) -> tuple[SeenRequest, ...]:
        """The requests, and the connections that had a fault, in the order of their arrival."""
        return self._core.counters.requests

    def count(self, operation: str = "*", key: str = "*") -> int:
        """Return how many requests have come whose operation and key match the patterns."""
        return sum(matches(request, operation, key) for request in self.requests if request.operation != "Connect")

    def counts(self) -> Counts:
        """Return the sums: requests by operation, bytes, connections, faults."""
        return self._core.counters.counts()

    def wait(self, condition: Callable[[Counts], bool], timeout: float = PATIENCE_SECONDS) -> Counts:
        """Wait until ``condition`` holds of the counts and return them; raises TimeoutError after ``timeout`` seconds.

        It blocks: from a coroutine, ``await asyncio.to_thread(server.wait, ...)``.
        """
        return self._core.counters.wait(condition, timeout)

    @property
    def _core(self) -> Core:
        return self._running[0]

    @property
    def _thread(self) -> AcceptingThread:
        return self._running[1]

    @property
    def _running(self) -> tuple[Core, AcceptingThread]:
        if self._started is None:
            message = "This FaultyServer does not run; use it with 'with FaultyServer() as server:'"
            raise RuntimeError(message)
        return self._started
