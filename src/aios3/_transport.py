"""The ways to the server of one profile, and which of them is taken: the native transport, or aiobotocore's."""

from __future__ import annotations

import asyncio
import contextlib
import os
from typing import TYPE_CHECKING, Literal

from aios3._adapting_backend import AdaptingAdmin, AdaptingBackend
from aios3._clock import Clock
from aios3._credentials import Signer, credential_cache_of
from aios3._descriptions import BucketDescription
from aios3._endpoints import EXPRESS, address_of, has_static_rules
from aios3._engine.quirks import ServerQuirks
from aios3._limited_rate import LimitedBackend
from aios3._logs import get_logger
from aios3._observe import Observer
from aios3._paths import S3Url, is_arn
from aios3._proxies import direct_reason, proxy_for, proxy_host
from aios3._regions import BucketRegions
from aios3._s3_constants import SIGV4
from aios3._settings import read_settings
from aios3._static_settings import resolve_statically
from aios3.errors import S3Error

if TYPE_CHECKING:
    from collections.abc import Callable

    from aios3._backend import BucketAddress, Limiter
    from aios3._boto import BotoBackend
    from aios3._boto.provider_chain import ProviderChain
    from aios3._calls import AdminBackend, ObjectBackend
    from aios3._config import Config
    from aios3._credentials import CredentialCache
    from aios3._engine.retry_policy import RetryPolicy
    from aios3._http import HttpTransport
    from aios3._settings import Settings
    from aios3._static_settings import StaticSettings


_Choice = tuple[Literal["native", "aiobotocore"], str]
"""The transport of the requests for a bucket, and the reason."""

_log = get_logger("aios3.transport")


class Transport:
    """Everything that talks to the server as one profile. Connections are made when they are needed.

    ``policy`` says what happens after failures, and bounds the requests in flight, of all profiles together;
    ``observer`` watches them. ``on_settings`` is given the settings when they are read, before the first request.
    """

    def __init__(
        self,
        config: Config,
        profile: str | None,
        policy: RetryPolicy,
        observer: Observer | None = None,
        on_settings: Callable[[Settings], None] | None = None,
    ) -> None:
        self._config = config.with_environment()
        self._profile = profile
        self._policy = policy
        self._limiter: Limiter = policy.limiter
        mode = config.checksums
        self._quirks = ServerQuirks(with_checksums=mode != "off", requires_checksums=mode not in {"auto", "off"})
        self._observer = observer or Observer()
        self._regions = BucketRegions()
        self._clock = Clock()
        self._boto: BotoBackend | None = None
        self._chain: ProviderChain | None = None
        self._http: HttpTransport | None = None
        self._settings: Settings | None = None
        self._static_settings: StaticSettings | None = None
        self._on_settings = on_settings
        self.credential_cache: CredentialCache = credential_cache_of(self._config, self._find_credentials)
        """The one copy of the profile's credentials."""
        self._backends: dict[str, ObjectBackend] = {}
        self._admin: AdaptingAdmin | None = None
        self._reasons: dict[str, _Choice] = {}
        self._addresses: dict[str, BucketAddress] = {}
        self._lock: asyncio.Lock = asyncio.Lock()

    def cached_backend(self, bucket: str) -> ObjectBackend | None:
        """Return the backend for a bucket that has been asked for before."""
        return self._backends.get(bucket)

    async def backend(self, bucket: str) -> ObjectBackend:
        """Return the backend for ``bucket``, "" for what has none, and remember why it is this one."""
        async with self._lock:
            if bucket not in self._backends:
                await self.read()
                reason = await self._reason_for_aiobotocore(bucket)
                backend: ObjectBackend = self._http_transport().backend if reason is None else self._aiobotocore()
                if self._policy.token_bucket is not None:
                    backend = LimitedBackend(backend, self._policy.token_bucket)
                self._backends[bucket] = AdaptingBackend(backend, self._policy, self._quirks, self._observer)
                self._reasons[bucket] = await self._choice(bucket, reason)
                _log.debug("s3://%s is reached through %s, because %s", bucket, *self._reasons[bucket])
            return self._backends[bucket]

    async def admin(self, bucket: str) -> AdminBackend:
        """Return what administers ``bucket``, and the account for ""; it is chosen for, and described, like others."""
        await self.backend(bucket)
        if self._admin is None:
            self._admin = AdaptingAdmin(self._aiobotocore(), self._policy, self._quirks, self._observer)
        return self._admin

    def describe(self, profile: str | None = None) -> list[BucketDescription]:
        """Return how each bucket that was asked for is reached; ``profile`` is the one that their paths name."""
        return [
            self._description(S3Url(bucket, "", profile), transport, reason)
            for bucket, (transport, reason) in self._reasons.items()
        ]

    def _description(self, url: S3Url, transport: Literal["native", "aiobotocore"], reason: str) -> BucketDescription:
        assert self._settings is not None
        address, credentials = self._addresses.get(url.bucket), self.credential_cache.describe()
        source = "region=" if self._config.region else self._settings.region_source
        if self._regions.get(url.bucket) is not None:
            source = "the server"
        elif is_arn(url.bucket):
            source = "the name"
        return BucketDescription(
            str(url),
            None if address is None else address.url,
            (self._settings.region or "us-east-1") if address is None else address.region,
            source,
            None if credentials is None else credentials.kind,
            None if credentials is None else credentials.expires_at,
            transport,
            reason,
        )

    @property
    def open_connections(self) -> int:
        """How many native connections stand."""
        return 0 if self._http is None else self._http.open_connections

    async def _reason_for_aiobotocore(self, bucket: str) -> str | None:
        if not bucket and self._static_settings is None:
            return "it knows the settings of the account"
        if self._config.transport == "aiobotocore":
            with contextlib.suppress(S3Error):  # the next request raises the same error, with its operation
                await self.locate(bucket)
            return "transport='aiobotocore' is set"
        address = await self.locate(bucket)
        if address.algorithm == EXPRESS:
            return "directory buckets need sessions (S3 Express)"
        if address.algorithm not in {SIGV4, None}:
            return f"requests are signed with {address.algorithm}"
        proxy = proxy_for(address.url, bucket)
        return proxy and f"the environment names a proxy, {proxy_host(proxy)}"

    async def _choice(self, bucket: str, reason: str | None) -> _Choice:
        if reason is not None:
            return "aiobotocore", reason
        direct = direct_reason((await self.locate(bucket)).url, bucket)
        served = "it serves this bucket" if bucket else "it lists the account's buckets"
        return "native", served + (f"; {direct}" if direct else "")

    async def read(self) -> Settings:
        """Return what holds for the profile; read once."""
        if self._settings is None:
            settings, static = await asyncio.to_thread(_settings_of, self._config, self._profile)
            self._settings, self._static_settings = settings, static
            self._policy = self._policy.with_attempts(settings.max_attempts)
            if self._on_settings is not None:
                self._on_settings(settings)
        return self._settings

    async def locate(self, bucket: str) -> BucketAddress:
        """Return where requests for ``bucket`` go; nothing is sent to find out."""
        await self.read()
        region, static = self._regions.get(bucket), self._static_settings
        if static is not None and has_static_rules(static, bucket, region):
            address = address_of(static, bucket, region)
        else:
            address = await self._aiobotocore().address_of(bucket)
        self._addresses[bucket] = address
        return address

    async def _find_credentials(self, kind: str | None) -> Signer | None:
        """Ask the environment if settings are plain, else botocore's chain.

        It is the source of the credential cache.
        """
        await self.read()
        if self._static_settings is None:
            from aios3._boto.provider_chain import ProviderChain  # noqa: PLC0415 - not needed where nothing asks for it

            if self._chain is None:
                self._chain = ProviderChain(self._config, self._profile)
            return await self._chain.ask(kind)
        static: StaticSettings | None = self._static_settings
        if kind is not None:
            static = (await asyncio.to_thread(_settings_of, self._config, self._profile))[1]
        return None if static is None else Signer(static.credentials, "env")

    def _http_transport(self) -> HttpTransport:
        from aios3._http import HttpTransport  # noqa: PLC0415 - not needed where aiobotocore does everything

        if self._http is None:
            assert self._settings is not None
            self._http = HttpTransport(
                self._config,
                self._settings,
                self._limiter,
                locate=self.locate,
                credential_cache=self.credential_cache,
                regions=self._regions,
                clock=self._clock,
            )
        return self._http

    def _aiobotocore(self) -> BotoBackend:
        from aios3._boto import BotoBackend  # noqa: PLC0415 - not needed where nothing asks for it

        if self._boto is None:
            self._boto = BotoBackend(
                self._config,
                self._profile,
                self._limiter,
                settings=self._settings,
                credential_cache=self.credential_cache,
                regions=self._regions,
                clock=self._clock,
                moved=self.locate,
            )
        return self._boto

    async def aclose(self) -> None:
        """Close all connections. Safe to repeat."""
        self._backends.clear()
        await self.credential_cache.aclose()
        if self._http is not None:
            await self._http.aclose()
        if self._boto is not None:
            await self._boto.aclose()


def _settings_of(config: Config, profile: str | None) -> tuple[Settings, StaticSettings | None]:
    settings = read_settings(config, profile, os.environ)
    return settings, resolve_statically(config, settings, os.environ)
