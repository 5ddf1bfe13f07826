"""An S3 on loopback that behaves as Amazon's does: regions by host name, signatures verified, rejections as documented.

Clients use Amazon's real names. ``with running(folder) as amazon:`` starts it, and leads those names to it in this
process; clients must trust ``amazon.authority``. What it rejects, and how, is from the Amazon S3 user guide ("Making
requests", "Virtual hosting of buckets", "Request redirection and the REST API", "Requester Pays", "Verifying bucket
ownership with bucket owner condition") and API reference ("Error responses", "Authenticating requests").
"""

from __future__ import annotations

import contextlib
import io
import itertools
import socket
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, BinaryIO

from servers.amazon_checks import Exchange
from servers.amazon_hosts import REGIONS, leading_to, server_context
from servers.amazon_objects import Bucket, rejection
from servers.amazon_sigv4 import MalformedError, claim_of, pairs_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from servers.amazon_objects import Asked, Response

ACCOUNT = "111122223333"
ANOTHER_ACCOUNT = "444455556666"


@dataclass(frozen=True, slots=True)
class Key:
    """An access key that the server knows."""

    access_key: str
    secret_key: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)
    expires_at: float | None = None
    """When its token ends, in seconds of the server's clock."""
    account: str = ACCOUNT


@dataclass(frozen=True, slots=True)
class Seen:
    """One request that came, and its response. No signature, no token."""

    method: str
    host: str
    target: str
    """Path and query, without what a presigned URL says of its signature."""
    region: str | None
    """What it was signed for; None for a request that was not signed."""
    service: str | None
    access_key: str | None
    headers: dict[str, str] = field(repr=False)
    status: int
    code: str | None


class Amazon:
    """The state of the server: keys, buckets, what was asked. ``clock`` may be set by a test."""

    def __init__(self, port: int, authority: Path | None) -> None:
        self.port = port
        self.authority = str(authority) if authority else None
        """The file that clients have to trust; None where the server speaks plain HTTP."""
        self.url = f"{'https' if authority else 'http'}://localhost:{port}"
        """Its address under a name that is none of Amazon's, as a custom endpoint."""
        self._lock = threading.Lock()
        self._sessions = itertools.count(1)
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        self.home = "us-east-1"
        """The region that it has under :attr:`url`."""
        self.clock: Callable[[], float] = time.time
        self.keys: dict[str, Key] = {}
        self.buckets: dict[str, Bucket] = {}
        self.aliases: dict[str, str] = {}
        """Buckets by other names in hosts: those of access points."""
        self.requests: list[Seen] = []
        self.on_request: Callable[[Asked], Response | None] | None = None
        """Called when all is verified; what it returns is the response."""
        self.on_rejection: Callable[[Response], None] | None = None
        """Called with every rejection, before it is sent."""

    def leading(self) -> contextlib.AbstractContextManager[None]:
        """Lead Amazon's names to this server, in this process."""
        return leading_to(self.port)

    def add_key(
        self,
        access_key: str = "AKID",
        secret_key: str = "nobody-may-see-this",
        session_token: str | None = None,
        *,
        expires_at: float | None = None,
        account: str = ACCOUNT,
    ) -> Key:
        """Know one more key, or another token of one that is known."""
        key = self.keys[access_key] = Key(access_key, secret_key, session_token, expires_at, account)
        return key

    def add_bucket(self, name: str, region: str, *, owner: str = ACCOUNT, **how: object) -> Bucket:
        """Make a bucket; ``how`` are further fields of :class:`Bucket`."""
        bucket = self.buckets[name] = Bucket(name, region, owner, **how)
        return bucket

    def response(self, method: str, host: str, target: str, headers: dict[str, str], body: bytes) -> Response:
        """Respond to one request, and remember both."""
        path, _, query = target.partition("?")
        with self._lock:
            try:
                claim = claim_of(headers, query)
                exchange = Exchange(self, method, host, path, query, headers, body, claim)
                responded = exchange.run()
            except MalformedError:
                claim, responded = None, rejection(400, "AuthorizationHeaderMalformed", "It cannot be read.")
            if responded.code is not None and self.on_rejection is not None:
                self.on_rejection(responded)
            said = (claim.region, claim.service, claim.access_key) if claim else (None, None, None)
            self.requests.append(
                Seen(method, host, _shown(path, query), *said, dict(headers), responded.status, responded.code)
            )
        return responded

    def exclusively(self) -> contextlib.AbstractContextManager[object]:
        """Keep requests waiting during a ``with`` block, which begins when none is worked on."""
        return self._lock

    def new_session(self, bucket: str, key: Key) -> Key:
        """Make the credentials of one session with a directory bucket."""
        number = next(self._sessions)
        return self.add_key(f"SESSION{number}", f"secret-{number}", f"session-{number}-{bucket}", account=key.account)


def _shown(path: str, query: str) -> str:
    kept = "&".join(f"{name}={value}" for name, value in pairs_of(query) if not name.startswith("X-Amz-"))
    return f"{path}?{kept}" if kept else path


def _chunks(stream: BinaryIO) -> bytes:
    """Read a chunked body, HTTP's or the one that S3 has inside it, with its trailers."""
    found = []
    while size := int(stream.readline().partition(b";")[0].strip() or b"0", 16):
        found.append(stream.read(size))
        stream.readline()
    while stream.readline().strip():
        pass
    return b"".join(found)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60
    server: _Server

    def parse_request(self) -> bool:
        parsed = super().parse_request()
        if parsed:
            self.do_any()
        return False

    def do_any(self) -> None:
        """Respond whatever the method is."""
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = self._body(headers)
        responded = self.server.amazon.response(self.command, headers.get("host", "").lower(), self.path, headers, body)
        no_body = self.command == "HEAD" or responded.status == 204
        self.send_response(responded.status, "Said")
        kept = responded.headers
        if responded.code is not None and self.command == "HEAD":
            kept = {name: value for name, value in kept.items() if name in {"x-amz-bucket-region", "location"}}
        for name, value in kept.items():
            self.send_header(name, value)
        self.send_header("x-amz-request-id", "REQUEST")
        if responded.status != 204:
            self.send_header(
                "content-length", str(len(responded.body)) if responded.code is None or not no_body else "0"
            )
        self.end_headers()
        if not no_body:
            self.wfile.write(responded.body)
        self.wfile.flush()

    def _body(self, headers: dict[str, str]) -> bytes:
        if headers.get("transfer-encoding", "").lower() == "chunked":
            body = _chunks(self.rfile)
        else:
            body = self.rfile.read(int(headers.get("content-length", "0")))
        is_wrapped = "aws-chunked" in headers.get("content-encoding", "")
        return _chunks(io.BytesIO(body)) if is_wrapped else body

    def date_time_string(self, timestamp: float | None = None) -> str:
        """Return the header ``Date``, by the clock of the server."""
        return super().date_time_string(self.server.amazon.clock() if timestamp is None else timestamp)

    def log_message(self, *_args: object) -> None:
        """Print nothing: what was asked is in ``Amazon.requests``."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.amazon = Amazon(self.server_address[1], None)
        self._open: set[socket.socket] = set()
        self._guard = threading.Lock()

    def get_request(self) -> tuple[socket.socket, object]:
        accepted, address = super().get_request()
        accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self._guard:
            self._open.add(accepted)
        return accepted, address

    def shutdown_request(self, request: socket.socket) -> None:
        with self._guard:
            self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: object, client_address: object) -> None:
        """Print nothing: clients that do not trust us, or hang up, are a test's business."""

    def stop(self) -> None:
        """Stop, with every connection."""
        self.shutdown()
        with self._guard:
            left = list(self._open)
        for each in left:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        self.server_close()


@contextlib.contextmanager
def running(folder: Path, *, tls: bool = True, leading: bool = True) -> Iterator[Amazon]:
    """Run the server; with ``leading``, Amazon's names lead to it. ``folder`` keeps the authority that to trust."""
    server = _Server()
    if tls:
        context, authority = server_context(folder, REGIONS)
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        server.amazon = Amazon(server.amazon.port, authority)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), name="S3 of the tests", daemon=True)
    thread.start()
    try:
        with server.amazon.leading() if leading else contextlib.nullcontext():
            yield server.amazon
    finally:
        server.stop()
        thread.join()
