"""moto's S3 in a quiet WSGI server with data of its own, which it removes at the end.

moto keeps its data in globals of the process. Each server here has an account of its own in them. The register of
bucket names, which moto shares between accounts, holds the names of one server only while that one makes a bucket.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import socket
import threading
from typing import TYPE_CHECKING, Any

from moto.core.exceptions import ServiceException
from moto.moto_server.werkzeug_app import MotoRequestHandler, create_backend_app
from moto.s3.exceptions import BucketAlreadyExists
from moto.s3.models import FakeKey, FakeMultipart, s3_backends
from werkzeug.serving import ThreadedWSGIServer

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from wsgiref.types import StartResponse, WSGIEnvironment

    from moto.s3.models import S3Backend

_HOST = "127.0.0.1"
_PARTITION = "aws"
_POLL_SECONDS = 0.02
"""How often the server looks whether it is to stop."""

_ACCOUNTS = itertools.count(700_000_000_001)
_names = threading.Lock()
"""Held by the server whose bucket names are in moto's register."""


class MotoServer:
    """A running server; ``port`` 0 is a free one. Raises OSError if the port is taken."""

    def __init__(self, port: int) -> None:
        # moto gives this variable precedence over the header that distinguishes the servers
        self._account = os.environ.get("MOTO_ACCOUNT_ID") or str(next(_ACCOUNTS))
        with socket.create_server((_HOST, port), backlog=128) as listener:
            self._server = _Server(_AccountApp(self._account), listener)
        self.endpoint_url = f"http://{_HOST}:{self._server.port}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(_POLL_SECONDS,), name="aios3 LocalServer", daemon=True
        )
        self._thread.start()

    def create_bucket(self, name: str, region: str) -> None:
        """Create a bucket; raise FileExistsError if it is there, ValueError for a name that S3 does not allow."""
        try:
            with _registered_names(self._account):
                _backend(self._account).create_bucket(name, region)
        except BucketAlreadyExists as error:
            message = f"The bucket {name!r} exists already"
            raise FileExistsError(message) from error
        except ServiceException as error:
            message = f"No bucket can be named {name!r}: {error.message}"
            raise ValueError(message) from error

    def forget(self) -> None:
        """Drop all buckets, objects and uploads, and close the temporary files that hold them."""
        for kind in (FakeKey, FakeMultipart):
            tracked: list[Any] = vars(kind)["instances_tracked"]
            for index in reversed(range(len(tracked))):  # backwards: other servers may append meanwhile
                if tracked[index].account_id == self._account:
                    tracked.pop(index).dispose()
        s3_backends.pop(self._account, None)

    def stop(self) -> None:
        """End all connections and threads, and forget the data."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self.forget()


class _AccountApp:
    """moto's S3 application, for requests of one account."""

    def __init__(self, account: str) -> None:
        self._account = account
        self._app = create_backend_app("s3")

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        environ["HTTP_X_MOTO_ACCOUNT_ID"] = self._account
        may_create_bucket = environ["REQUEST_METHOD"] == "PUT" and environ["PATH_INFO"].strip("/").count("/") == 0
        if not may_create_bucket:
            return self._app(environ, start_response)
        with _registered_names(self._account):
            return self._app(environ, start_response)


class _Handler(MotoRequestHandler):
    """One connection: responds at once, and logs nothing."""

    disable_nagle_algorithm = True

    def send_response(self, code: int, message: str | None = None) -> None:
        """Send status and date: some of moto's responses bring a Server header, and strict clients reject two."""
        self.send_response_only(code, message)
        self.send_header("Date", self.date_time_string())

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Keep quiet: a test's output is its own."""


class _Server(ThreadedWSGIServer):
    """A WSGI server with a thread a connection, all of which end when it is closed."""

    def __init__(self, app: _AccountApp, listener: socket.socket) -> None:
        self._open: list[tuple[threading.Thread, socket.socket]] = []
        port = listener.getsockname()[1]
        super().__init__(_HOST, port, app, _Handler, fd=listener.fileno())

    def process_request(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - the base class's types
        """Serve a connection in a thread, and remember both."""
        self._open = [(thread, connection) for thread, connection in self._open if thread.is_alive()]
        thread = threading.Thread(
            target=self.process_request_thread, args=(request, client_address), name="aios3 LocalServer", daemon=True
        )
        self._open.append((thread, request))
        thread.start()

    def server_close(self) -> None:
        """Close the listening socket, break what is still connected, and wait for the threads."""
        super().server_close()
        for thread, connection in self._open:
            with contextlib.suppress(OSError):  # closed by its own thread meanwhile
                connection.shutdown(socket.SHUT_RDWR)
            thread.join()
        self._open.clear()


def _backend(account: str) -> S3Backend:
    return s3_backends[account][_PARTITION]


@contextlib.contextmanager
def _registered_names(account: str) -> Iterator[None]:
    register, backend = s3_backends.bucket_accounts, _backend(account)
    with _names:
        register.update((name, (_PARTITION, account)) for name in backend.buckets)
        try:
            yield
        finally:
            for name in backend.buckets:
                register.pop(name, None)
