"""Who signs requests: asked once, kept, and asked anew when a server refuses."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Protocol

from aios3._wire.sigv4 import Identity

if TYPE_CHECKING:
    from aios3._config import Credentials

    class Identify(Protocol):
        """Says who signs now; with ``renewed`` after asking the source again."""

        async def __call__(self, *, renewed: bool) -> Credentials | None:
            """Return the credentials of this moment, None to sign nothing."""


_ASK_AGAIN_SECONDS = 30.0
"""How long credentials are used before their source is asked again; botocore refreshes them minutes ahead."""


class Signers:
    """Who signs the requests of one profile, and when it is by the servers' clock; ``identify(renewed=)`` says who."""

    def __init__(self, identify: Identify) -> None:
        self._identify = identify
        self._identity: Identity | None = None
        self._known_until = 0.0
        self._asking: asyncio.Lock = asyncio.Lock()
        self.skew: float = 0.0
        """Seconds by which the servers' clock is ahead of this machine's."""

    def now(self) -> float:
        """Return the servers' time, in seconds since the epoch."""
        return time.time() + self.skew

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

    def _keep(self, credentials: Credentials | None) -> None:
        self._identity = None
        if credentials is not None:
            keys = credentials.access_key, credentials.secret_key, credentials.session_token
            self._identity = Identity(*keys)
        self._known_until = time.monotonic() + _ASK_AGAIN_SECONDS
