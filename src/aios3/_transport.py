"""The ways to the server of one profile, and which of them is taken: our own connections, or aiobotocore's."""

from __future__ import annotations

import asyncio
import contextlib
import os
from typing import TYPE_CHECKING, Literal

from aios3._clock import Clock
from aios3._credentials import Signer, keeper_of
from aios3._descriptions import BucketDescription
from aios3._endpoints import EXPRESS, SIGV4, address_of, at_amazon, is_plain
from aios3._engine.habits import Habits
from aios3._logs import get_logger
from aios3._observe import Observer
from aios3._paths import S3Url, is_arn
from aios3._proxies import proxy_for, shown, why_direct
from aios3._regions import Regions
from aios3._retrying import RetryingAdmin, RetryingBackend
from aios3._settings import read_settings
from aios3._static import plain_settings
from aios3.errors import S3Error

if TYPE_CHECKING:
    from collections.abc import Callable

    from aios3._backend import AdminBackend, BucketAddress, ObjectBackend, Slots
    from aios3._boto import BotoBackend
    from aios3._boto.chain import Chain
    from aios3._config import Config
    from aios3._credentials import Keeper
    from aios3._engine.policy import Policy
    from aios3._settings import Settings
    from aios3._static import PlainSettings
    from aios3._wire import Wire


_Way = tuple[Literal["own", "aiobotocore"], str]
"""What sends the requests for a bucket, and why."""

_log = get_logger("aios3.transport")


class Transport:
    """Everything that talks to the server as one profile. Connections are made when they are needed.

    ``policy`` says what happens after failures, and bounds the requests in flight, of all profiles together;
    ``observer`` watches them. ``told`` is given the settings when they are read, before the first request.
    """

    def __init__(
        self,
        config: Config,
        profile: str | None,
        policy: Policy,
        observer: Observer | None = None,
        told: Callable[[Settings], None] | None = None,
    ) -> None:
        self._config = config.with_environment()
        self._profile = profile
        self._policy = policy
        self._slots: Slots = policy.slots
        chosen = config.checksums
        self._habits = Habits(with_checksums=chosen != "off", insists=chosen not in {"auto", "off"})
        self._observer = observer or Observer()
        self._regions = Regions()
        self._clock = Clock()
        self._boto: BotoBackend | None = None
        self._chain: Chain | None = None
        self._wire: Wire | None = None
        self._settings: Settings | None = None
        self._plain: PlainSettings | None = None
        self._told = told
        self.keeper: Keeper = keeper_of(self._config, self._find_credentials)
        """The one copy of the profile's credentials."""
        self._chosen: dict[str, ObjectBackend] = {}
        self._admin: RetryingAdmin | None = None
        self._reasons: dict[str, _Way] = {}
        self._addresses: dict[str, BucketAddress] = {}
        self._choosing: asyncio.Lock = asyncio.Lock()

    def chosen(self, bucket: str) -> ObjectBackend | None:
        """Return the backend for a bucket that has been asked for before."""
        return self._chosen.get(bucket)

    async def choose(self, bucket: str) -> ObjectBackend:
        """Return the backend for ``bucket``, "" for what has none, and remember why it is this one."""
        async with self._choosing:
            if bucket not in self._chosen:
                await self.read()
                reason = await self._reason_for_aiobotocore(bucket)
                backend = self._own().backend if reason is None else self._aiobotocore()
                self._chosen[bucket] = RetryingBackend(backend, self._policy, self._habits, self._observer)
                self._reasons[bucket] = await self._way(bucket, reason)
                _log.debug("s3://%s is reached through %s, because %s", bucket, *self._reasons[bucket])
            return self._chosen[bucket]

    async def admin(self, bucket: str) -> AdminBackend:
        """Return what administers ``bucket``, and the account for ""; it is chosen for, and described, like others."""
        await self.choose(bucket)
        if self._admin is None:
            self._admin = RetryingAdmin(self._aiobotocore(), self._policy, self._habits, self._observer)
        return self._admin

    def describe(self, profile: str | None = None) -> list[BucketDescription]:
        """Return how each bucket that was asked for is reached; ``profile`` is the one that their paths name."""
        return [
            self._description(S3Url(bucket, "", profile), transport, reason)
            for bucket, (transport, reason) in self._reasons.items()
        ]

    def _description(self, url: S3Url, transport: Literal["own", "aiobotocore"], reason: str) -> BucketDescription:
        assert self._settings is not None
        address, known = self._addresses.get(url.bucket), self.keeper.describe()
        source = "region=" if self._config.region else self._settings.region_source
        if self._regions.of(url.bucket) is not None:
            source = "the server"
        elif is_arn(url.bucket):
            source = "the name"
        return BucketDescription(
            str(url),
            None if address is None else address.url,
            (self._settings.region or "us-east-1") if address is None else address.region,
            source,
            None if known is None else known.kind,
            None if known is None else known.expires_at,
            transport,
            reason,
        )

    @property
    def open_connections(self) -> int:
        """How many connections of our own stand."""
        return 0 if self._wire is None else self._wire.open_connections

    async def _reason_for_aiobotocore(self, bucket: str) -> str | None:
        if not bucket:
            return "the account's buckets are its business"
        if self._config.transport == "aiobotocore":
            with contextlib.suppress(S3Error):  # the request that follows meets the same, and says what it was for
                await self.locate(bucket)
            return "transport='aiobotocore' is set"
        address = await self.locate(bucket)
        if address.algorithm == EXPRESS:
            return "directory buckets need sessions (S3 Express)"
        if address.algorithm not in {SIGV4, None}:
            return f"requests are signed with {address.algorithm}"
        proxy = proxy_for(address.url, bucket)
        return proxy and f"the environment names a proxy, {shown(proxy)}"

    async def _way(self, bucket: str, reason: str | None) -> _Way:
        if reason is not None:
            return "aiobotocore", reason
        direct = why_direct((await self.locate(bucket)).url, bucket)
        return "own", "they serve it" + (f"; {direct}" if direct else "")

    async def read(self) -> Settings:
        """Return what holds for the profile; read once."""
        if self._settings is None:
            settings, plain = await asyncio.to_thread(_settings_of, self._config, self._profile)
            self._settings, self._plain = settings, plain
            self._policy = self._policy.with_attempts(settings.max_attempts)
            if self._told is not None:
                self._told(settings)
        return self._settings

    async def locate(self, bucket: str) -> BucketAddress:
        """Return where requests for ``bucket`` go; nothing is sent to find out."""
        await self.read()
        region, plain = self._regions.of(bucket), self._plain
        if plain is not None and is_plain(plain, bucket, region):
            address = address_of(plain, bucket, region)
        else:
            address = await self._aiobotocore().address_of(bucket)
        self._addresses[bucket] = address
        return address

    async def _find_credentials(self, kind: str | None) -> Signer | None:
        """Ask the environment if settings are plain, else botocore's chain; it is the source of the keeper."""
        await self.read()
        if self._plain is None:
            from aios3._boto.chain import Chain  # noqa: PLC0415 - not needed where nothing asks for it

            if self._chain is None:
                self._chain = Chain(self._config, self._profile)
            return await self._chain.ask(kind)
        plain: PlainSettings | None = self._plain
        if kind is not None:
            plain = (await asyncio.to_thread(_settings_of, self._config, self._profile))[1]
        return None if plain is None else Signer(plain.credentials, "env")

    async def _at_amazon(self) -> bool:
        if self._plain is None:
            return await self._aiobotocore().at_amazon()
        return at_amazon(self._plain.endpoint_url)

    def _own(self) -> Wire:
        from aios3._wire import Wire  # noqa: PLC0415 - not needed where aiobotocore does everything

        if self._wire is None:
            assert self._settings is not None
            self._wire = Wire(
                self._config,
                self._settings,
                self._slots,
                locate=self.locate,
                keeper=self.keeper,
                at_amazon=self._at_amazon,
                regions=self._regions,
                clock=self._clock,
            )
        return self._wire

    def _aiobotocore(self) -> BotoBackend:
        from aios3._boto import BotoBackend  # noqa: PLC0415 - not needed where nothing asks for it

        if self._boto is None:
            self._boto = BotoBackend(
                self._config,
                self._profile,
                self._slots,
                settings=self._settings,
                keeper=self.keeper,
                regions=self._regions,
                clock=self._clock,
                moved=self.locate,
            )
        return self._boto

    async def aclose(self) -> None:
        """Close all connections. Safe to repeat."""
        self._chosen.clear()
        await self.keeper.aclose()
        if self._wire is not None:
            await self._wire.aclose()
        if self._boto is not None:
            await self._boto.aclose()


def _settings_of(config: Config, profile: str | None) -> tuple[Settings, PlainSettings | None]:
    settings = read_settings(config, profile, os.environ)
    return settings, plain_settings(config, settings, os.environ)
