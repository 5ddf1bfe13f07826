"""Where each bucket lives, and the connections that lead there: asked once, kept, and learnt anew from refusals."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

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


class Sites:
    """The sites of the buckets of one profile.

    ``locate(bucket)`` says where a bucket lives, ``connect(scheme, host, port)`` returns the pool of an origin.
    """

    def __init__(self, locate: Locate, connect: Connect) -> None:
        self._locate = locate
        self._connect = connect
        self._sites: dict[str, Site] = {}

    def known(self, bucket: str) -> Site | None:
        """Return the site of a bucket that has been asked for before."""
        return self._sites.get(bucket)

    async def site(self, bucket: str) -> Site:
        """Return where ``bucket`` lives."""
        site = self._sites.get(bucket)
        if site is None:
            address = await self._locate(bucket)
            place = place_of(address, bucket)
            host, port = origin_of(address.url)
            site = Site(place, await self._connect(place.scheme, host, port), address.algorithm)
            self._sites[bucket] = site
        return site

    def move(self, bucket: str, region: str) -> bool:
        """Note that ``bucket`` is in another region than was thought; tell whether that is news."""
        site = self._sites.get(bucket)
        if site is None or site.place.region == region:
            return False
        self._sites[bucket] = replace(site, place=replace(site.place, region=region))
        return True


def origin_of(url: str) -> tuple[str, int]:
    """Return host and port of a URL."""
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or _PORTS[parts.scheme]


def place_of(address: BucketAddress, bucket: str) -> Place:
    """Take a bucket's URL apart: it is named in the host, or at the end of the path."""
    parts = urlsplit(address.url)
    authority = parts.netloc.lower().removesuffix(f":{_PORTS[parts.scheme]}")
    path = parts.path.rstrip("/")
    in_host = authority.startswith(f"{bucket.lower()}.") and not path.endswith(f"/{bucket}")
    base_path = path if in_host else path.removesuffix(f"/{bucket}")
    return Place(parts.scheme, authority, base_path, in_host, address.region)
