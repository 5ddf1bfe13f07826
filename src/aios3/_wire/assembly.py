"""The parts of the fast side put together: pools of connections, sites, signers, exchanges, backend."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aios3._ownership import ownership_of
from aios3._wire.backend import WireBackend
from aios3._wire.exchange import Exchanges
from aios3._wire.identity import Signers
from aios3._wire.pool import Pool
from aios3._wire.sites import Sites
from aios3._wire.tls import client_context

if TYPE_CHECKING:
    import ssl
    from collections.abc import Awaitable, Callable

    from aios3._backend import Slots
    from aios3._clock import Clock
    from aios3._config import Config
    from aios3._credentials import Keeper
    from aios3._regions import Regions
    from aios3._settings import Settings
    from aios3._wire.sites import Locate


class Wire:
    """One profile's connections, and the backend over them.

    ``settings`` are what holds for it, ``locate`` says where a bucket lives, ``keeper`` has the credentials,
    ``regions`` keeps what is learnt of buckets, ``clock`` of the time.
    """

    def __init__(  # noqa: PLR0913 - what it is joined to, each a function of its own
        self,
        config: Config,
        settings: Settings,
        slots: Slots,
        *,
        locate: Locate,
        keeper: Keeper,
        at_amazon: Callable[[], Awaitable[bool]],
        regions: Regions,
        clock: Clock,
    ) -> None:
        self._config = config
        self._authorities = settings.authorities
        self._pools: dict[tuple[str, str, int], Pool] = {}
        self._tls: ssl.SSLContext | None = None
        sites, signers = Sites(locate, self._connect, regions), Signers(keeper, clock)
        exchanges = Exchanges(sites, signers, config.payload_signing, ownership_of(config))
        asks = settings.checksums.comparing
        self.backend: WireBackend = WireBackend(exchanges, slots, at_amazon, with_checksums=asks)

    async def _connect(self, scheme: str, host: str, port: int) -> Pool:
        """Return the pool of an origin; buckets in one host share it."""
        if self._tls is None and (scheme == "https" or isinstance(self._config.verify, str)):
            # A file that was named by an argument is looked at without TLS, too: it is refused at once.
            self._tls = await client_context(*self._authorities)
        pool = self._pools.get((scheme, host, port))
        if pool is None:
            pool = self._pools[scheme, host, port] = Pool(
                host,
                port,
                self._tls if scheme == "https" else None,
                limit=self._config.max_concurrency,
                connect_seconds=self._config.connect_timeout,
                tls_seconds=self._config.tls_timeout,
                first_byte_seconds=self._config.first_byte_timeout or self._config.read_timeout,
                stall_seconds=self._config.read_timeout,
            )
        return pool

    @property
    def open_connections(self) -> int:
        """How many connections stand."""
        return sum(pool.open for pool in self._pools.values())

    async def aclose(self) -> None:
        """Let go of bodies that were left open, and close all connections. Safe to repeat."""
        await self.backend.aclose()
        for pool in list(self._pools.values()):
            await pool.aclose()
