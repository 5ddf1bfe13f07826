"""Where each bucket lives, and the connections that lead there: asked once, kept, and learnt anew from rejections."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from aios3._http.requests import EndpointSettings
from aios3._paths import is_arn
from aios3._regions import BucketRegions

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from aios3._backend import BucketAddress
    from aios3._http.pool import Pool

    Locate = Callable[[str], Awaitable[BucketAddress]]
    Connect = Callable[[str, str, int], Awaitable[Pool]]

_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class BucketEndpoint:
    """One bucket's endpoint, and the connections to it."""

    endpoint: EndpointSettings
    pool: Pool
    algorithm: str | None
    """How its requests must be signed; None: not at all."""
    is_unconfirmed: bool = False
    """True if the bucket is only said to be there: it has not been asked there yet."""


class EndpointCache:
    """The endpoints of the buckets of one profile.

    ``locate(bucket)`` says where a bucket lives, with what ``regions`` has learnt; ``connect(scheme, host, port)``
    returns the pool of an origin.
    """

    def __init__(self, locate: Locate, connect: Connect, regions: BucketRegions | None = None) -> None:
        self._locate = locate
        self._connect = connect
        self.regions: BucketRegions = regions or BucketRegions()
        self._endpoints: dict[str, BucketEndpoint] = {}
        self._lock: asyncio.Lock = asyncio.Lock()

    def cached(self, bucket: str) -> BucketEndpoint | None:
        """Return the endpoint of a bucket that has been asked for before."""
        return self._endpoints.get(bucket)

    async def resolve(self, bucket: str) -> BucketEndpoint:
        """Return where ``bucket`` lives."""
        async with self._lock:
            return await self._resolve(bucket)

    async def _resolve(self, bucket: str) -> BucketEndpoint:
        target = self._endpoints.get(bucket)
        if target is None:
            target = self._endpoints[bucket] = await self._find(bucket)
        return target

    async def set_region(self, bucket: str, rejected: BucketEndpoint, region: str) -> bool:
        """Find ``bucket`` in ``region``; return whether that is another endpoint than the ``rejected`` one.

        If another request has done so meanwhile, that counts. Host and region follow together from the rules for
        endpoints.
        """
        async with self._lock:
            target = await self._resolve(bucket)
            if target.endpoint == rejected.endpoint:
                self.regions.set(bucket, region)
                target = self._endpoints[bucket] = replace(await self._find(bucket), is_unconfirmed=True)
            return target.endpoint != rejected.endpoint

    def confirm(self, bucket: str, target: BucketEndpoint) -> None:
        """Note that ``bucket`` has been asked at ``target``, and is not elsewhere."""
        if target.is_unconfirmed and self._endpoints.get(bucket) is target:
            self._endpoints[bucket] = replace(target, is_unconfirmed=False)
            self.regions.confirm(bucket)

    def discard_unconfirmed(self, bucket: str, target: BucketEndpoint) -> None:
        """Forget ``target`` unless it was confirmed."""
        if target.is_unconfirmed and self._endpoints.get(bucket) is target:
            del self._endpoints[bucket]
            self.regions.discard_unconfirmed(bucket)

    async def _find(self, bucket: str) -> BucketEndpoint:
        address = await self._locate(bucket)
        endpoint = endpoint_of(address, bucket)
        host, port = origin_of(address.url)
        return BucketEndpoint(endpoint, await self._connect(endpoint.scheme, host, port), address.algorithm)


def origin_of(url: str) -> tuple[str, int]:
    """Return host and port of a URL."""
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or _PORTS[parts.scheme]


def endpoint_of(address: BucketAddress, bucket: str) -> EndpointSettings:
    """Take a bucket's URL apart: it is named in the host, as an access point always is, or at the end of the path."""
    parts = urlsplit(address.url)
    authority = parts.netloc.lower().removesuffix(f":{_PORTS[parts.scheme]}")
    path = parts.path.rstrip("/")
    in_host = is_arn(bucket) or (authority.startswith(f"{bucket.lower()}.") and not path.endswith(f"/{bucket}"))
    base_path = path if in_host else path.removesuffix(f"/{bucket}")
    return EndpointSettings(parts.scheme, authority, base_path, in_host, address.region, address.service)
