"""Where each bucket lives, and the connections that lead there: asked once, kept, and learnt anew from refusals."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from aios3._paths import is_arn
from aios3._regions import Regions
from aios3._wire.requests import Place

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from aios3._backend import BucketAddress
    from aios3._wire.pool import Pool

    Locate = Callable[[str], Awaitable[BucketAddress]]
    Connect = Callable[[str, str, int], Awaitable[Pool]]

_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Site:
    """One bucket's place, and the connections to it."""

    place: Place
    pool: Pool
    algorithm: str | None
    """How its requests must be signed; None: not at all."""
    is_unproven: bool = False
    """Whether the bucket is only said to be there: it has not been asked there yet."""


class Sites:
    """The sites of the buckets of one profile.

    ``locate(bucket)`` says where a bucket lives, with what ``regions`` has learnt; ``connect(scheme, host, port)``
    returns the pool of an origin.
    """

    def __init__(self, locate: Locate, connect: Connect, regions: Regions | None = None) -> None:
        self._locate = locate
        self._connect = connect
        self.regions: Regions = regions or Regions()
        self._sites: dict[str, Site] = {}
        self._looking: asyncio.Lock = asyncio.Lock()

    def known(self, bucket: str) -> Site | None:
        """Return the site of a bucket that has been asked for before."""
        return self._sites.get(bucket)

    async def site(self, bucket: str) -> Site:
        """Return where ``bucket`` lives."""
        async with self._looking:
            return await self._site(bucket)

    async def _site(self, bucket: str) -> Site:
        site = self._sites.get(bucket)
        if site is None:
            site = self._sites[bucket] = await self._found(bucket)
        return site

    async def move(self, bucket: str, refused: Site, region: str) -> bool:
        """Find ``bucket`` anew, in ``region``; tell whether that is another place than the ``refused`` one.

        If another request has done so meanwhile, that counts. Host and region follow together from the rules for
        endpoints.
        """
        async with self._looking:
            site = await self._site(bucket)
            if site.place == refused.place:
                self.regions.learn(bucket, region)
                site = self._sites[bucket] = replace(await self._found(bucket), is_unproven=True)
            return site.place != refused.place

    def prove(self, bucket: str, site: Site) -> None:
        """Note that ``bucket`` has been asked at ``site``, and is not elsewhere."""
        if site.is_unproven and self._sites.get(bucket) is site:
            self._sites[bucket] = replace(site, is_unproven=False)
            self.regions.prove(bucket)

    def give_up(self, bucket: str, site: Site) -> None:
        """Forget ``site``, if nobody knows more of it than that somebody has said so."""
        if site.is_unproven and self._sites.get(bucket) is site:
            del self._sites[bucket]
            self.regions.give_up(bucket)

    async def _found(self, bucket: str) -> Site:
        address = await self._locate(bucket)
        place = place_of(address, bucket)
        host, port = origin_of(address.url)
        return Site(place, await self._connect(place.scheme, host, port), address.algorithm)


def origin_of(url: str) -> tuple[str, int]:
    """Return host and port of a URL."""
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or _PORTS[parts.scheme]


def place_of(address: BucketAddress, bucket: str) -> Place:
    """Take a bucket's URL apart: it is named in the host, as an access point always is, or at the end of the path."""
    parts = urlsplit(address.url)
    authority = parts.netloc.lower().removesuffix(f":{_PORTS[parts.scheme]}")
    path = parts.path.rstrip("/")
    in_host = is_arn(bucket) or (authority.startswith(f"{bucket.lower()}.") and not path.endswith(f"/{bucket}"))
    base_path = path if in_host else path.removesuffix(f"/{bucket}")
    return Place(parts.scheme, authority, base_path, in_host, address.region, address.service)
