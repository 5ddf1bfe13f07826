"""Builds the native transport of one profile from its parts: pools, endpoints, signing, sender, backend.

The parts do the work: :mod:`aios3._http.request_sender` signs and sends, :mod:`aios3._http.connection` receives.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aios3._endpoints import is_aws
from aios3._http.endpoint_cache import EndpointCache
from aios3._http.http_backend import HttpBackend
from aios3._http.pool import Pool
from aios3._http.request_sender import RequestSender
from aios3._http.signing_context import SigningContext
from aios3._http.tls import client_context
from aios3._ownership import ownership_of

if TYPE_CHECKING:
    import ssl

    from aios3._backend import Limiter
    from aios3._clock import Clock
    from aios3._config import Config
    from aios3._credentials import CredentialCache
    from aios3._http.endpoint_cache import Locate
    from aios3._regions import BucketRegions
    from aios3._settings import Settings


class HttpTransport:
    """One profile's connections, and the backend over them.

    ``settings`` are the profile's, ``locate`` finds the address of a bucket, and ``credential_cache`` has the
    credentials. ``regions`` keeps the regions of buckets, ``clock`` the server's time.
    """

    def __init__(
        self,
        config: Config,
        settings: Settings,
        limiter: Limiter,
        *,
        locate: Locate,
        credential_cache: CredentialCache,
        regions: BucketRegions,
        clock: Clock,
    ) -> None:
        self._config = config
        self._ca_bundle = settings.ca_bundle
        self._pools: dict[tuple[str, str, int], Pool] = {}
        self._tls: ssl.SSLContext | None = None
        endpoints, signing = EndpointCache(locate, self._connect, regions), SigningContext(credential_cache, clock)
        sender = RequestSender(endpoints, signing, config.payload_signing, ownership_of(config))
        asks = settings.checksums.verify
        self.backend: HttpBackend = HttpBackend(
            sender, limiter, is_aws=is_aws(settings.endpoint_url), with_checksums=asks
        )

    async def _connect(self, scheme: str, host: str, port: int) -> Pool:
        """Return the pool of an origin; buckets in one host share it."""
        if self._tls is None and (scheme == "https" or isinstance(self._config.verify, str)):
            # A file that was named by an argument is looked at without TLS, too: it is rejected at once.
            self._tls = await client_context(*self._ca_bundle)
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
        """Number of open connections."""
        return sum(pool.open for pool in self._pools.values())

    async def aclose(self) -> None:
        """Release the bodies that are still open, and close all connections. Safe to repeat."""
        await self.backend.aclose()
        for pool in list(self._pools.values()):
            await pool.aclose()
