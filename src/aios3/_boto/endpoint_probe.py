"""Facts that aiobotocore knows of a bucket without asking the server: its URL, its region, its kind of signature.

The rules of endpoints are botocore's and change with its releases, so they are not repeated here. The client itself
prepares and signs a HeadBucket, which the ``before-send`` event reads instead of sending it.
"""

from __future__ import annotations

import functools
import re
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Protocol

from aios3._backend import BucketAddress
from aios3._endpoints import EXPRESS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aios3._regions import BucketRegions

_probing: ContextVar[bool] = ContextVar("aios3 looks at a request", default=False)
is_internal_request: ContextVar[bool] = ContextVar("aios3 sends a request", default=False)
"""True if aios3 sends the request, and not another user of the client."""

_CREDENTIAL = re.compile(r"(AWS4-[A-Z0-9-]+) Credential=[^/]+/\d+/(?:([^/]+)/)?([^/]+)/aws4_request")


class Client(Protocol):
    """The attributes of aiobotocore's client that are used besides its operations, which are made at run time."""

    @property
    def meta(self) -> Any:  # noqa: ANN401 - botocore has no types
        """Events, endpoint and configuration."""

    async def close(self) -> None:
        """Close all connections."""


class _Prepared(Protocol):
    url: str
    headers: Any
    context: dict[str, Any]


class _RequestCapturedError(Exception):
    """Carries a request out of the client, instead of to the server."""

    def __init__(self, request: _Prepared, address: BucketAddress | None = None) -> None:
        super().__init__("looked at, and not sent")
        self.request = request
        self.address = address


def install_probe(client: Client, regions: BucketRegions) -> None:
    """Let :func:`address_of` look at requests of ``client``, and send each to the region that is learnt."""
    events = client.meta.events
    events.register_first("before-send.s3.HeadBucket", _capture)
    events.register_last("before-sign.s3.HeadBucket", _capture_before_session)
    events.register_last("before-endpoint-resolution.s3", functools.partial(_set_region, regions))
    events.register_last("before-parameter-build.s3", _disable_redirects)


def _set_region(
    regions: BucketRegions,
    builtins: dict[str, object],
    params: Mapping[str, object],
    context: dict[str, Any],
    **_: object,
) -> None:
    """Give botocore's rules for endpoints the region of the bucket, in the place of the client's.

    A presigned URL would go to the global endpoint, which need not know the bucket yet, and be signed for the client's.
    """
    bucket = params.get("Bucket")
    region = regions.get(bucket) if isinstance(bucket, str) else None
    if region is None:
        return
    builtins["AWS::Region"] = region
    if context.get("use_global_endpoint"):
        context["use_global_endpoint"] = builtins["AWS::S3::UseGlobalEndpoint"] = False
    context["signing"] = {**context.get("signing", {}), "region": region}


def _disable_redirects(context: dict[str, Any], **_kwargs: object) -> None:
    """Leave redirects of aios3's requests to aios3: one without a region would send botocore round in circles."""
    if is_internal_request.get():
        context["s3_redirect"] = {**context.get("s3_redirect", {}), "redirected": True}


def _capture_before_session(request: _Prepared, signature_version: object, **_kwargs: object) -> None:
    """Look at a request to a directory bucket before it is signed: that would make a session."""
    if _probing.get() and signature_version == EXPRESS:
        signing = request.context["signing"]
        raise _RequestCapturedError(
            request, BucketAddress(request.url, signing["region"], EXPRESS, signing["signing_name"])
        )


def _capture(request: _Prepared, **_kwargs: object) -> None:
    if _probing.get():
        raise _RequestCapturedError(request)


async def address_of(client: Client, bucket: str) -> BucketAddress:
    """Return where requests of ``client`` for ``bucket`` go, and how they are signed."""
    token = _probing.set(True)
    try:
        await client.head_bucket(Bucket=bucket)  # type: ignore[attr-defined]  # made at run time
    except _RequestCapturedError as capture:
        return capture.address or _address(capture.request, client.meta.region_name)
    finally:
        _probing.reset(token)
    message = "botocore sent a request that it should only have prepared"
    raise RuntimeError(message)


def _address(request: _Prepared, region: str) -> BucketAddress:
    signature = request.headers.get("Authorization") or b""
    text = signature if isinstance(signature, str) else signature.decode("ascii")
    signed = _CREDENTIAL.match(text)
    if signed is None:
        return BucketAddress(request.url, region, text.partition(" ")[0] or None)
    return BucketAddress(request.url, signed[2] or region, signed[1], signed[3])
