"""SigV4: a request as the head of an HTTP/1.1 message, signed; or as a presigned URL.

Both are what botocore's signers make of the same request ("Authenticating Requests: AWS Signature Version 4", Amazon
S3 API reference). A secret never appears in a text made here.
"""

from __future__ import annotations

import functools
import hmac
import operator
import re
import time
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING

from aios3._http.requests import encoded, path_of, query_of
from aios3._operations import body_length
from aios3._s3_constants import MAX_PRESIGN_SECONDS, SIGV4
from aios3.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from aios3._http.requests import EndpointSettings, Request

UNSIGNED_PAYLOAD = "UNSIGNED-PAYLOAD"
"""Stands for the hash of a body that TLS protects, or that is not known yet."""
EMPTY_PAYLOAD = sha256(b"").hexdigest()
"""The hash of no body."""


@dataclass(frozen=True, slots=True)
class SigningCredentials:
    """The keys that sign requests.

    Raises ConfigError, without showing it, for a key id or token that no header can hold.
    """

    access_key: str
    secret_key: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        for name, value in (("access key", self.access_key), ("session token", self.session_token or "")):
            if not (value.isascii() and value.isprintable()):
                message = f"No header can hold the {name}: there are control characters or others than ASCII in it"
                raise ConfigError(message)


def payload_hash(body: Iterable[bytes | memoryview]) -> str:
    """Return the SHA-256 of the buffers of a body, in order."""
    digest = sha256()
    for buffer in body:
        digest.update(buffer)
    return digest.hexdigest()


def render(
    request: Request,
    endpoint: EndpointSettings,
    credentials: SigningCredentials | None,
    *,
    payload_hash: str,
    now: float,
) -> bytes:
    """Return the whole head of the HTTP/1.1 message that sends ``request``, ready to be written.

    ``now`` is in seconds since the epoch; without ``credentials`` nothing is signed.
    """
    path, query = path_of(request, endpoint), query_of(request)
    headers = [("host", endpoint.host), *request.headers]
    authorization = ""
    if credentials is None:
        lines = _lines(headers)
    else:
        stamp = _stamp(int(now))
        headers += [("x-amz-content-sha256", payload_hash), ("x-amz-date", stamp)]
        if credentials.session_token:
            headers.append(("x-amz-security-token", credentials.session_token))
        headers.sort()
        lines = _lines(headers)
        names = ";".join(map(_name_of, headers))
        canonical = f"{request.method}\n{path}\n{query}\n{_trimmed(lines)}\n{names}\n{payload_hash}"
        scope, signature = _signature(credentials, endpoint, stamp, canonical)
        authorization = (
            f"authorization:{SIGV4} Credential={credentials.access_key}/{scope}, SignedHeaders={names}, "
            f"Signature={signature}\r\n"
        )
    if request.method in _WITH_BODY:
        lines += f"content-length:{body_length(request.body)}\n"
    target = f"{path}?{query}" if query else path
    fields = lines.replace("\n", "\r\n")
    return f"{request.method} {target} HTTP/1.1\r\n{fields}{_ALWAYS}{authorization}\r\n".encode()


def presign(
    request: Request,
    endpoint: EndpointSettings,
    credentials: SigningCredentials | None,
    *,
    expires_seconds: int,
    now: float,
) -> str:
    """Return the URL with which anybody can send ``request`` until it expires.

    Whoever uses it must send the request's headers as they are, because they are signed. Without ``credentials`` the
    URL is not signed, and good for what is public only. Raises ConfigError for more than S3's seven days.
    """
    path = path_of(request, endpoint)
    query = query_of(request)
    address = f"{endpoint.scheme}://{endpoint.host}{path}"
    if credentials is None:
        return f"{address}?{query}" if query else address
    if not 1 <= expires_seconds <= MAX_PRESIGN_SECONDS:
        message = f"A presigned URL lasts 1 to {MAX_PRESIGN_SECONDS:,} seconds (seven days), not {expires_seconds!r}"
        raise ConfigError(message)
    stamp = _stamp(int(now))
    headers = sorted([*request.headers, ("host", endpoint.host)])
    names = ";".join([name for name, _ in headers])
    terms = _terms(credentials, endpoint, stamp, names, expires_seconds)
    canonical_query = encoded([*request.query, *terms])
    canonical = f"{request.method}\n{path}\n{canonical_query}\n{_trimmed(_lines(headers))}\n{names}\n{UNSIGNED_PAYLOAD}"
    _, signature = _signature(credentials, endpoint, stamp, canonical)
    signed = "&".join([*([query] if query else []), *(encoded([term]) for term in terms)])
    return f"{address}?{signed}&X-Amz-Signature={signature}"


_LINE = "%s:%s\n"
_name_of = operator.itemgetter(0)
_BREAKS = re.compile(r"[\r\n\0]")
_WITH_BODY = frozenset({"PUT", "POST"})
_ALWAYS = "accept-encoding:identity\r\nuser-agent:aios3\r\n"
"""Not signed, because a proxy may change it. The bytes must be the object's, not compressed on the way."""


def _terms(
    credentials: SigningCredentials, endpoint: EndpointSettings, stamp: str, names: str, expires_seconds: int
) -> list[tuple[str, str]]:
    """Return what a presigned URL says about its signature, besides the signature."""
    scope = f"{stamp[:8]}/{endpoint.region}/{endpoint.service}/aws4_request"
    terms = [
        ("X-Amz-Algorithm", SIGV4),
        ("X-Amz-Credential", f"{credentials.access_key}/{scope}"),
        ("X-Amz-Date", stamp),
        ("X-Amz-Expires", str(expires_seconds)),
        ("X-Amz-SignedHeaders", names),
    ]
    if credentials.session_token:
        terms.append(("X-Amz-Security-Token", credentials.session_token))
    return terms


def _lines(headers: Sequence[tuple[str, str]]) -> str:
    """Write each header as one line; raise ConfigError for a value that would be more, or that has no bytes."""
    lines = "".join(map(_LINE.__mod__, headers))
    if "\r" in lines or "\0" in lines or lines.count("\n") != len(headers) or not _has_bytes(lines):
        message = f"No header can hold a line break, NUL, or text that is not valid Unicode: {_unfit(headers)}"
        raise ConfigError(message)
    return lines


def _has_bytes(text: str) -> bool:
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _unfit(headers: Sequence[tuple[str, str]]) -> str:
    """Describe the headers that must not be sent. What was given by the caller of a verb may be shown."""
    unfit = (each for each in headers if _BREAKS.search(each[1]) or not _has_bytes(each[1]))
    return ", ".join(f"{name} {value!r}" for name, value in unfit)


def _trimmed(lines: str) -> str:
    """Return the lines of headers as they are signed: outer white space dropped, inner collapsed."""
    if lines.isascii() and not ("  " in lines or ": " in lines or " \n" in lines or "\t" in lines):
        return lines
    fields = [line.partition(":") for line in lines[:-1].split("\n")]
    return _lines([(name, " ".join(value.split())) for name, _, value in fields])


def _signature(
    credentials: SigningCredentials, endpoint: EndpointSettings, stamp: str, canonical: str
) -> tuple[str, str]:
    """Return the scope and the signature of a canonical request."""
    key = _signing_key(credentials.secret_key, stamp[:8], endpoint.region, endpoint.service)
    to_sign = f"{SIGV4}\n{stamp}\n{key.scope}\n{sha256(canonical.encode()).hexdigest()}"
    return key.scope, key.sign(to_sign.encode())


class _SigningKey:
    """The key for one day, region and service.

    ``hmac.digest`` would look its algorithm up and hash the key again for each message, which costs more than all the
    rest of a signature. So HMAC (RFC 2104) is continued here from the two states that depend on the key alone.
    """

    def __init__(self, key: bytes, scope: str) -> None:
        padded = key.ljust(sha256().block_size, b"\0")
        self._inner = sha256(bytes(byte ^ 0x36 for byte in padded))
        self._outer = sha256(bytes(byte ^ 0x5C for byte in padded))
        self.scope = scope

    def sign(self, message: bytes) -> str:
        """Return the message's authentication code in hexadecimal digits."""
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(message)
        outer.update(inner.digest())
        return outer.hexdigest()


hmac.digest(b"", b"", "sha256")
# OpenSSL loads an algorithm at its first use, under a lock that a fork would copy held; a fork waits for imports.


@functools.lru_cache(maxsize=64)
def _signing_key(secret_key: str, day: str, region: str, service: str) -> _SigningKey:
    key = f"AWS4{secret_key}".encode("utf-8", "surrogatepass")  # an error would show the secret
    for each in (day, region, service, "aws4_request"):
        key = hmac.digest(key, each.encode(), "sha256")
    return _SigningKey(key, f"{day}/{region}/{service}/aws4_request")


@functools.lru_cache(maxsize=8)
def _stamp(seconds: int) -> str:
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(seconds))
