"""The server's side of SigV4: who has signed a request, for what, and whether the signature is right.

Written from "Authenticating Requests (AWS Signature Version 4)" of the Amazon S3 API reference, and from nothing else,
so that it can judge every signer.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

if TYPE_CHECKING:
    from collections.abc import Mapping

_HEADER = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<credential>[^,]+), ?SignedHeaders=(?P<names>[^,]+), ?Signature=(?P<signature>\w+)"
)
_EMPTY = hashlib.sha256(b"").hexdigest()
_LATER = ("UNSIGNED-PAYLOAD", "STREAMING-")


@dataclass(frozen=True, slots=True)
class Claim:
    """What a request says of its signature."""

    access_key: str
    day: str
    region: str
    service: str
    names: str
    signature: str
    stamp: str
    payload: str
    token: str | None
    expires_seconds: int | None
    """How long a presigned URL is good; None for a signature in a header."""

    @property
    def signed_at(self) -> float:
        """When it was signed, in seconds since the epoch."""
        return datetime.strptime(self.stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()


class MalformedError(Exception):
    """Raised for a signature that cannot be read."""


def pairs_of(query: str) -> list[tuple[str, str]]:
    """Take a query apart; names and values stay encoded."""
    return [(name, value) for name, _, value in (item.partition("=") for item in query.split("&") if item)]


def claim_of(headers: Mapping[str, str], query: str) -> Claim | None:
    """Read the signature of a request; None if it has none."""
    said = {name: unquote(value) for name, value in pairs_of(query)}
    if "X-Amz-Signature" in said:
        return _claim(
            said["X-Amz-Credential"],
            said["X-Amz-SignedHeaders"],
            said["X-Amz-Signature"],
            said["X-Amz-Date"],
            "UNSIGNED-PAYLOAD",
            said.get("X-Amz-Security-Token"),
            int(said["X-Amz-Expires"]),
        )
    authorization = headers.get("authorization")
    if authorization is None:
        return None
    match = _HEADER.fullmatch(authorization)
    if match is None:
        raise MalformedError
    return _claim(
        match["credential"],
        match["names"],
        match["signature"],
        headers.get("x-amz-date", ""),
        headers.get("x-amz-content-sha256", ""),
        headers.get("x-amz-security-token") or headers.get("x-amz-s3session-token"),
        None,
    )


def _claim(
    credential: str, names: str, signature: str, stamp: str, payload: str, token: str | None, expires: int | None
) -> Claim:
    try:
        access_key, day, region, service, end = credential.rsplit("/", 4)
    except ValueError as error:
        raise MalformedError from error
    if end != "aws4_request" or not stamp.startswith(day):
        raise MalformedError
    return Claim(access_key, day, region, service, names, signature, stamp, payload, token, expires)


def is_right(claim: Claim, secret_key: str, method: str, path: str, query: str, headers: Mapping[str, str]) -> bool:
    """Tell whether the owner of ``secret_key`` has signed this request; ``path`` and ``query`` are as they came."""
    names = claim.names.split(";")
    if "host" not in names or any(name.startswith("x-amz-") and name not in names for name in headers):
        return False
    pairs = [(_again(name), _again(value)) for name, value in pairs_of(query) if name != "X-Amz-Signature"]
    canonical = "\n".join(
        [
            method,
            path,
            "&".join(f"{name}={value}" for name, value in sorted(pairs)),
            *(f"{name}:{' '.join(headers.get(name, '').split())}" for name in names),
            "",
            claim.names,
            claim.payload,
        ]
    )
    scope = f"{claim.day}/{claim.region}/{claim.service}/aws4_request"
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    key = f"AWS4{secret_key}".encode()
    for each in scope.split("/"):
        key = hmac.digest(key, each.encode(), "sha256")
    expected = hmac.digest(key, f"AWS4-HMAC-SHA256\n{claim.stamp}\n{scope}\n{digest}".encode(), "sha256").hex()
    return hmac.compare_digest(expected, claim.signature)


def _again(text: str) -> str:
    """Encode as the signature has it, however the client has."""
    return quote(unquote(text), safe="~")


def covers(claim: Claim, body: bytes) -> bool:
    """Tell whether ``body`` is the one that was signed, where that was said."""
    if claim.payload.startswith(_LATER):
        return True
    return claim.payload == (hashlib.sha256(body).hexdigest() if body else _EMPTY)
