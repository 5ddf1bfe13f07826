"""Credentials from a function of the caller's, called again in time; and the files of the chain, read in a thread."""

from __future__ import annotations

import asyncio
import inspect
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol

from aios3._config import Credentials
from aios3.errors import ConfigError, CredentialsError, S3Error

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

    from aios3._config import Config, CredentialSource

_NEVER = datetime(9999, 1, 1, tzinfo=UTC)
"""When credentials expire that say nothing about it."""

_EARLY = timedelta(minutes=15)
"""How long before their end credentials are asked for anew, and that many more minutes in which a failure to get
them does no harm; for short-lived ones a quarter of their life."""


async def call_source(source: CredentialSource) -> Credentials:
    """Ask ``source`` for credentials; one that is not async runs in a thread, because it may block.

    Raises CredentialsError if it fails or brings expired ones, ConfigError if it returns something else.
    """
    try:
        answer = source() if inspect.iscoroutinefunction(source) else await asyncio.to_thread(source)
        credentials = await answer if inspect.isawaitable(answer) else answer
    except S3Error:
        raise
    except Exception as error:
        message = f"The function given as credentials= failed: {type(error).__name__}: {error}"
        raise CredentialsError(message) from error
    if not isinstance(credentials, Credentials):
        message = f"The function given as credentials= must return Credentials, not {type(credentials).__name__}"
        raise ConfigError(message)
    if (credentials.expires_at or _NEVER) <= datetime.now(UTC):
        message = f"The function given as credentials= returned some that expired at {credentials.expires_at}"
        raise CredentialsError(message)
    return credentials


class SourceProvider:
    """In the place of botocore's chain: one function that knows who we are.

    botocore asks again, through the object returned by :meth:`load_credentials`, before they expire.
    """

    def __init__(self, source: CredentialSource, first: Credentials) -> None:
        self._source = source
        self._first = first

    async def load_credentials(self) -> object:
        """Return botocore's view of the credentials: the first ones, and how to get the next."""
        from aiobotocore.credentials import AioRefreshableCredentials  # noqa: PLC0415 - slow to import

        expiry = self._first.expires_at or _NEVER
        early = min(_EARLY, (expiry - datetime.now(UTC)) / 4).total_seconds()
        return AioRefreshableCredentials(
            self._first.access_key,
            self._first.secret_key,
            self._first.session_token,
            expiry,
            refresh_using=self._refresh,
            method="aios3-function",
            advisory_timeout=early,
            mandatory_timeout=early / 2,
        )

    async def _refresh(self) -> dict[str, str | None]:
        fresh = await call_source(self._source)
        return {
            "access_key": fresh.access_key,
            "secret_key": fresh.secret_key,
            "token": fresh.session_token,
            "expiry_time": (fresh.expires_at or _NEVER).isoformat(),
        }


class _Provider(Protocol):
    """One link of botocore's chain."""

    METHOD: str

    def load(self) -> Coroutine[Any, Any, object | None]:
        """Return credentials, or None to have the next link asked."""


_FILE_METHODS = frozenset({"shared-credentials-file", "config-file", "boto-config"})
"""Links of the chain that only read small files, and never await anything."""


def read_in_threads(chain: Any) -> None:  # noqa: ANN401 - botocore has no types
    """Have the links of botocore's ``chain`` that read files do so in threads, also on the way to a role."""
    for link in chain.providers:
        builder = getattr(link, "_profile_provider_builder", None)
        if builder is not None:
            builder.providers = _wrapping(builder.providers)
    chain.providers = [_in_thread(link) for link in chain.providers]


def _wrapping(providers: Callable[..., list[_Provider]]) -> Callable[..., list[_Provider]]:
    def wrapped(*args: Any, **kwargs: Any) -> list[_Provider]:  # noqa: ANN401 - passed on as they are
        return [_in_thread(link) for link in providers(*args, **kwargs)]

    return wrapped


def _in_thread(provider: _Provider) -> _Provider:
    return _FileProvider(provider) if provider.METHOD in _FILE_METHODS else provider


class _FileProvider:
    def __init__(self, provider: _Provider) -> None:
        self.METHOD = provider.METHOD
        self._provider = provider

    async def load(self) -> object | None:
        return await asyncio.to_thread(self._load)

    def _load(self) -> object | None:
        try:
            self._provider.load().send(None)
        except StopIteration as returned:
            loaded: object | None = returned.value
            return loaded
        message = f"botocore's {self.METHOD} provider does more than read files"
        raise RuntimeError(message)


async def find_credentials(session: Any, config: Config) -> Any:  # noqa: ANN401 - botocore has no types
    """Return botocore's credentials of ``session``: those of ``config`` if it has some, else what the chain finds."""
    from botocore.exceptions import NoCredentialsError  # noqa: PLC0415 - slow to import

    if isinstance(config.credentials, Credentials):
        return config.credentials
    found = await session.get_credentials()
    if found is None:
        raise NoCredentialsError
    return found


async def frozen(found: Any) -> Credentials:  # noqa: ANN401 - botocore has no types
    """Return what ``found`` is at this moment; botocore refreshes it on the way if it is about to expire."""
    if isinstance(found, Credentials):
        return found
    now = await found.get_frozen_credentials()
    return Credentials(now.access_key, now.secret_key, now.token)


async def replace(used: Any, ask: Callable[[], Awaitable[Credentials | None]]) -> None:  # noqa: ANN401 - botocore's
    """Put other credentials in the place of those that a client has ``used``, and that a server calls expired.

    Those that know their source ask it, whatever time they have been told; for others the whole chain is asked.
    """
    if isinstance(getattr(used, "_expiry_time", None), datetime):
        used._expiry_time = datetime.now(UTC) - timedelta(seconds=1)  # noqa: SLF001 - there is no public way
        return
    fresh = await ask()
    if fresh is not None:
        used.access_key, used.secret_key, used.token = fresh.access_key, fresh.secret_key, fresh.session_token
