"""What aiobotocore knows of a bucket without asking the server: its URL, its region, its kind of signature.

The rules behind endpoints are botocore's and change with its releases, so they are not repeated here: a HeadBucket is
prepared and signed by the client itself, and looked at in the ``before-send`` event instead of being sent.
"""

from __future__ import annotations

import re
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Protocol

from aios3._backend import BucketAddress

if TYPE_CHECKING:
    from aios3._boto.client import Client

_looking: ContextVar[bool] = ContextVar("aios3 looks at a request", default=False)

_CREDENTIAL = re.compile(r"(AWS4-[A-Z0-9-]+) Credential=[^/]+/\d+/(?:([^/]+)/)?s3/aws4_request")


class _Prepared(Protocol):
    url: str
    headers: Any


class _SeenError(Exception):
    """Carries a request out of the client, instead of to the server."""

    def __init__(self, request: _Prepared) -> None:
        super().__init__("looked at, and not sent")
        self.request = request


def watch(client: Client) -> None:
    """Let :func:`address_of` look at requests of ``client``."""
    client.meta.events.register_first("before-send.s3.HeadBucket", _look)


def _look(request: _Prepared, **_kwargs: object) -> None:
    if _looking.get():
        raise _SeenError(request)


async def address_of(client: Client, bucket: str) -> BucketAddress:
    """Return where requests of ``client`` for ``bucket`` go, and how they are signed."""
    token = _looking.set(True)
    try:
        await client.head_bucket(Bucket=bucket)  # type: ignore[attr-defined]  # made at run time
    except _SeenError as seen:
        return _address(seen.request, client.meta.region_name)
    finally:
        _looking.reset(token)
    message = "botocore sent a request that it should only have prepared"
    raise RuntimeError(message)


def _address(request: _Prepared, region: str) -> BucketAddress:
    signature = request.headers.get("Authorization") or b""
    text = signature if isinstance(signature, str) else signature.decode("ascii")
    signed = _CREDENTIAL.match(text)
    if signed is None:
        return BucketAddress(request.url, region, text.partition(" ")[0] or None)
    return BucketAddress(request.url, signed[2] or region, signed[1])
