"""What gives credentials to programs at Amazon, on loopback: metadata of instances (IMDSv2) and containers, STS, SSO.

``with running(amazon) as accounts:`` starts them. Each set of credentials that they give is a key that ``amazon`` knows
from then on, with a token and an end. Time passes when a test says so; so do failures and delays. What is asked for
and sent back follows the user guides of EC2 ("Use the Instance Metadata Service"), ECS ("Task IAM role") and the API
references of STS, the IAM Identity Center portal and its OIDC.
"""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import json
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit
from xml.sax.saxutils import escape

if TYPE_CHECKING:
    from collections.abc import Iterator

    from servers.amazon import Amazon

SECRET = "nobody-may-see-this-secret"
ROLE = "arn:aws:iam::111122223333:role/reader"
METADATA_TOKEN = "nobody-may-see-the-metadata-token"
CONTAINER_TOKEN = "nobody-may-see-the-container-token"
WEB_IDENTITY = "nobody-may-see-the-web-identity"
SIGN_ON_TOKEN = "nobody-may-see-the-sign-on"
FRESH_SIGN_ON_TOKEN = "nobody-may-see-the-next-sign-on"
REFRESH_TOKEN = "nobody-may-see-the-refresh"


@dataclass(frozen=True, slots=True)
class Given:
    """One set of credentials that was given."""

    access_key: str
    session_token: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Asked:
    """One request that came."""

    service: str
    method: str
    path: str
    headers: dict[str, str] = field(repr=False)
    form: dict[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Response:
    """The response."""

    status: int
    body: str = ""
    content_type: str = "application/json"


class Accounts:
    """The state of the services. ``life_seconds`` is how long credentials last that are given from now on."""

    def __init__(self, amazon: Amazon, url: str) -> None:
        self.amazon = amazon
        self.url = url
        self.life_seconds = 3600.0
        self.down: set[str] = set()
        """Services that fail: ``imds``, ``ecs``, ``sts``, ``sso``, ``oidc``."""
        self.responses: dict[str, Response] = {}
        """A service's response instead, whatever it is asked."""
        self.requests: list[Asked] = []
        self.codes: set[str] = set()
        """Codes of the MFA device that are good; each is good once."""
        self.may_respond = threading.Event()
        self.may_respond.set()
        """While it is cleared, there is no response."""
        self.asked = threading.Event()
        self.sign_on_tokens = {SIGN_ON_TOKEN}
        self.given: list[Given] = []
        self._numbers = itertools.count(1)
        self._passed = 0.0
        self._lock = threading.Lock()

    def now(self) -> float:
        """Return the services' time, in seconds since the epoch."""
        return time.time() + self._passed

    def advance(self, seconds: float) -> None:
        """Let time pass, for the services, and for the tokens that S3 has been told of; not for signatures."""
        with self._lock:
            self._passed += seconds
            for name, key in self.amazon.keys.items():
                if key.expires_at is not None:
                    self.amazon.keys[name] = dataclasses.replace(key, expires_at=key.expires_at - seconds)

    def void(self) -> None:
        """Have S3 take no token that was given until now for good, however long it was to last."""
        with self._lock:
            for given in self.given:
                key = self.amazon.keys[given.access_key]
                self.amazon.keys[given.access_key] = dataclasses.replace(key, expires_at=0.0)

    def give(self) -> Given:
        """Make new credentials, which S3 knows from now on."""
        with self._lock:
            access_key = f"ASIA{next(self._numbers):016}"
            ends = datetime.fromtimestamp(self.now() + self.life_seconds, UTC).replace(microsecond=0)
            given = Given(access_key, f"token-of-{access_key}", ends)
            self.amazon.add_key(access_key, SECRET, given.session_token, expires_at=ends.timestamp() - self._passed)
            self.given.append(given)
        return given

    @property
    def counts(self) -> Counter[str]:
        """How many requests each service has got."""
        with self._lock:
            return Counter(each.service for each in self.requests)

    def response(self, asked: Asked) -> Response:
        """Respond to one request, when that may be."""
        with self._lock:
            self.requests.append(asked)
        self.asked.set()
        self.may_respond.wait()
        if asked.service in self.responses:
            return self.responses[asked.service]
        if asked.service in self.down:
            return _failed(asked.service)
        return _SERVICES[asked.service](self, asked)


def _failed(service: str) -> Response:
    if service == "sts":
        return _sts_error(503, "ServiceUnavailable", "The service is unavailable")
    return Response(500, json.dumps({"message": "The service is unavailable"}))


def _instance(accounts: Accounts, asked: Asked) -> Response:
    credentials = "/imds/latest/meta-data/iam/security-credentials/"
    if asked.path == "/imds/latest/api/token":
        has_life = "x-aws-ec2-metadata-token-ttl-seconds" in asked.headers
        return Response(200, METADATA_TOKEN, "text/plain") if asked.method == "PUT" and has_life else Response(400)
    if asked.headers.get("x-aws-ec2-metadata-token") != METADATA_TOKEN:
        return Response(401)
    if asked.path == credentials:
        return Response(200, "reader", "text/plain")
    return _as_metadata(accounts.give(), Code="Success") if asked.path == f"{credentials}reader" else Response(404)


def _container(accounts: Accounts, asked: Asked) -> Response:
    if asked.headers.get("authorization") != CONTAINER_TOKEN:
        return Response(401, json.dumps({"message": "Unauthorized"}))
    return _as_metadata(accounts.give(), RoleArn=ROLE)


def _as_metadata(given: Given, **more: str) -> Response:
    keys = {"AccessKeyId": given.access_key, "SecretAccessKey": SECRET, "Token": given.session_token}
    return Response(200, json.dumps({**keys, "Expiration": _stamp(given.expires_at), **more}))


def _tokens(accounts: Accounts, asked: Asked) -> Response:
    action, form = asked.form.get("Action"), asked.form
    if action == "AssumeRoleWithWebIdentity":
        if form.get("WebIdentityToken") != WEB_IDENTITY:
            return _sts_error(400, "InvalidIdentityToken", "No OpenIDConnect provider found")
    elif action == "AssumeRole":
        if "authorization" not in asked.headers:
            return _sts_error(403, "MissingAuthenticationToken", "Request is missing Authentication Token")
        if "SerialNumber" in form and form.get("TokenCode") not in accounts.codes:
            return _sts_error(
                403, "AccessDenied", "MultiFactorAuthentication failed with invalid MFA one time pass code"
            )
        accounts.codes.discard(form.get("TokenCode", ""))
    else:
        return _sts_error(400, "InvalidAction", f"Could not find operation {action}")
    given = accounts.give()
    keys = _elements(
        AccessKeyId=given.access_key,
        SecretAccessKey=SECRET,
        SessionToken=given.session_token,
        Expiration=_stamp(given.expires_at),
    )
    user = _elements(AssumedRoleId="AROA:session", Arn=f"{form.get('RoleArn')}/session")
    result = f"<Credentials>{keys}</Credentials><AssumedRoleUser>{user}</AssumedRoleUser>"
    document = f'<{action}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><{action}Result>{result}'
    return Response(200, f"{document}</{action}Result></{action}Response>", "text/xml")


def _sts_error(status: int, code: str, message: str) -> Response:
    error = _elements(Type="Sender", Code=code, Message=message)
    return Response(status, f"<ErrorResponse><Error>{error}</Error></ErrorResponse>", "text/xml")


def _elements(**values: str) -> str:
    return "".join(f"<{name}>{escape(value)}</{name}>" for name, value in values.items())


def _portal(accounts: Accounts, asked: Asked) -> Response:
    if asked.headers.get("x-amz-sso_bearer_token") not in accounts.sign_on_tokens:
        return Response(401, json.dumps({"__type": "UnauthorizedException", "message": "Session token not found"}))
    given = accounts.give()
    keys = {"accessKeyId": given.access_key, "secretAccessKey": SECRET, "sessionToken": given.session_token}
    return Response(
        200, json.dumps({"roleCredentials": {**keys, "expiration": int(given.expires_at.timestamp() * 1000)}})
    )


def _sign_on(accounts: Accounts, asked: Asked) -> Response:
    if asked.form.get("refreshToken") != REFRESH_TOKEN:
        return Response(400, json.dumps({"__type": "InvalidGrantException", "error": "invalid_grant"}))
    accounts.sign_on_tokens.add(FRESH_SIGN_ON_TOKEN)
    fresh = {"accessToken": FRESH_SIGN_ON_TOKEN, "expiresIn": 3600, "refreshToken": REFRESH_TOKEN}
    return Response(200, json.dumps({**fresh, "tokenType": "Bearer"}))


_SERVICES = {"imds": _instance, "ecs": _container, "sts": _tokens, "sso": _portal, "oidc": _sign_on}


def _stamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


class _Handler(BaseHTTPRequestHandler):
    timeout = 60
    server: _Server

    def parse_request(self) -> bool:
        if super().parse_request():
            self._response()
        return False

    def _response(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        text = self.rfile.read(int(headers.get("content-length", "0"))).decode()
        is_json = headers.get("content-type", "").startswith("application/json")
        form = json.loads(text) if is_json else {name: values[0] for name, values in parse_qs(text).items()}
        path = urlsplit(self.path).path
        asked = Asked(path.split("/")[1], self.command, path, headers, form)
        responded = self.server.accounts.response(asked)
        body = responded.body.encode()
        with contextlib.suppress(OSError):  # whoever asked may have given up
            self.send_response(responded.status, "Said")
            self.send_header("content-type", responded.content_type)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
            self.wfile.flush()

    def log_message(self, *_args: object) -> None:
        """Print nothing: what was asked is in ``Accounts.requests``."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    accounts: Accounts

    def handle_error(self, request: object, client_address: object) -> None:
        """Print nothing: clients that hang up are a test's business."""


@contextlib.contextmanager
def running(amazon: Amazon) -> Iterator[Accounts]:
    """Run the services, whose credentials ``amazon`` takes."""
    server = _Server(("127.0.0.1", 0), _Handler)
    server.accounts = Accounts(amazon, f"http://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), name="accounts of the tests", daemon=True)
    thread.start()
    try:
        yield server.accounts
    finally:
        server.accounts.may_respond.set()
        server.accounts.asked.set()  # a thread that still waits would keep the interpreter from ending
        server.shutdown()
        server.server_close()
        thread.join()
