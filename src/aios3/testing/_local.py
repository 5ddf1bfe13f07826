"""The embedded S3 server, as users start and stop it."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from aios3._config import Credentials
from aios3.testing._server_context import ServerContext

if TYPE_CHECKING:
    from collections.abc import Iterable

    from aios3._config import ConfigOptions
    from aios3.testing._moto import MotoServer

_REGION = "us-east-1"
_INSTANCES = itertools.count(1)


class LocalServer(ServerContext):
    """An S3 server in this process, on a free port of 127.0.0.1, with throw-away credentials and ``buckets``.

    Use it with ``with`` or ``async with``; ``aios3.Session(**server.config)`` reaches it. It is moto's server, good
    enough for the calls that aios3 makes. It checks no signature, and keeps objects in memory until :meth:`reset` or
    the end. Servers that run at the same time share no bucket, and no names of buckets.

    Starting raises ModuleNotFoundError without the extra ``testing``. The first start in a process imports
    moto, which takes a second or two; ``async with`` does so without blocking the loop.
    """

    def __init__(self, buckets: Iterable[str] = ("bucket",), *, port: int = 0) -> None:
        self._buckets = tuple(buckets)
        self._port = port
        self._credentials = Credentials(f"LOCAL{next(_INSTANCES):015d}", "throw-away")
        self._server: MotoServer | None = None

    def __repr__(self) -> str:
        return f"<aios3.testing.LocalServer {self._server.endpoint_url if self._server else 'stopped'}>"

    def start(self) -> None:
        """Start serving, and create the buckets; does nothing if the server runs already."""
        if self._server is not None:
            return
        self._server = _moto_server(self._port)
        try:
            self.reset()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop serving, close every connection and forget all data. Safe to repeat."""
        server, self._server = self._server, None
        if server is not None:
            server.stop()

    @property
    def endpoint_url(self) -> str:
        """Where the server is; raises RuntimeError while it does not run."""
        return self._running.endpoint_url

    @property
    def config(self) -> ConfigOptions:
        """The settings that reach the server: ``aios3.Session(**server.config)``."""
        return {"endpoint_url": self.endpoint_url, "region": _REGION, "credentials": self._credentials}

    def url(self, key: str = "") -> str:
        """Return the path of ``key`` in the first of the server's buckets."""
        if not self._buckets:
            message = "This LocalServer was started without buckets; LocalServer(buckets=['name']) creates one"
            raise RuntimeError(message)
        return f"s3://{self._buckets[0]}/{key}" if key else f"s3://{self._buckets[0]}"

    def create_bucket(self, name: str) -> str:
        """Create a bucket, without a request over the network, and return its path.

        Raises FileExistsError if it exists, ValueError if S3 allows no such name.
        """
        self._running.create_bucket(name, _REGION)
        return f"s3://{name}"

    def reset(self) -> None:
        """Forget all objects, uploads and buckets, and create the buckets that it was started with again."""
        self._running.forget()
        for name in self._buckets:
            self.create_bucket(name)

    @property
    def _running(self) -> MotoServer:
        if self._server is None:
            message = "This LocalServer does not run; use it with 'with LocalServer() as server:'"
            raise RuntimeError(message)
        return self._server


def _moto_server(port: int) -> MotoServer:
    try:
        from aios3.testing._moto import MotoServer  # noqa: PLC0415 - moto takes a second, and is an extra
    except ImportError as error:
        message = f"aios3.testing.LocalServer needs moto's server: pip install 'moto[server]' ({error})"
        raise ModuleNotFoundError(message, name=error.name) from error
    return MotoServer(port)
