"""Who signs requests, and where each bucket lives: asked once, kept, and learnt anew when a server says otherwise."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

from aios3._wire.requests import Place
from aios3._wire.sigv4 import Identity

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from aios3._backend import BucketAddress
    from aios3._config import Credentials
    from aios3._wire.pool import Pool

    Locate = Callable[[str], Awaitable[BucketAddress]]
    Connect = Callable[[str, str, int], Awaitable[Pool]]

    class Identify(Protocol):
        """Says who signs now; with ``renewed`` after asking the source again."""

        async def __call__(self, *, renewed: bool) -> Credentials | None:
            """Return the credentials of this moment, None to sign nothing."""


SIGV4 = "AWS4-HMAC-SHA256"

_ASK_AGAIN_SECONDS = 30.0
"""How long credentials are used before their source is asked again; botocore refreshes them minutes ahead."""
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Site:
    """One bucket's place, and the connections to it."""

    place: Place
    pool: Pool
    algorithm: str | None
    """How its requests must be signed; None: not at all."""


class Directory:
    """Sites of buckets, and the identity that signs, for one profile.

    ``locate(bucket)`` says where a bucket lives, ``identify(renewed=)`` who signs, ``connect(scheme, host, port)``
    returns the pool of an origin.
    """

    def __init__(self, locate: Locate, identify: Identify, connect: Connect) -> None:
        self._locate = locate
        self._identify = identify
        self._connect = connect
        self._sites: dict[str, Site] = {}
        self._identity: Identity | None = None
        self._known_until = 0.0
        self._asking: asyncio.Lock = asyncio.Lock()
        self.skew: float = 0.0
        """Seconds by which the servers' clock is ahead of this machine's."""

    def now(self) -> float:
        """Return the servers' time, in seconds since the epoch."""
        return time.time() + self.skew

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

    def identity_at_hand(self) -> tuple[Identity | None] | None:
        """Return the identity in a tuple, if it need not be asked for; None if :meth:`identity` must be awaited."""
        return (self._identity,) if time.monotonic() < self._known_until else None

    async def identity(self) -> Identity | None:
        """Return who signs now; None for requests that are not signed."""
        async with self._asking:
            if time.monotonic() >= self._known_until:
                self._keep(await self._identify(renewed=False))
            return self._identity

    async def renew(self, refused: Identity | None) -> bool:
        """Ask for other credentials than the ``refused`` ones; tell whether there are some."""
        async with self._asking:
            if self._identity == refused:
                self._keep(await self._identify(renewed=True))
            return self._identity != refused

    def move(self, bucket: str, region: str) -> bool:
        """Note that ``bucket`` is in another region than was thought; tell whether that is news."""
        site = self._sites.get(bucket)
        if site is None or site.place.region == region:
            return False
        self._sites[bucket] = replace(site, place=replace(site.place, region=region))
        return True

    def _keep(self, credentials: Credentials | None) -> None:
        self._identity = None
        if credentials is not None:
            keys = credentials.access_key, credentials.secret_key, credentials.session_token
            self._identity = Identity(*keys)
        self._known_until = time.monotonic() + _ASK_AGAIN_SECONDS


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
