"""Programs that read one object: with aios3 by both transports and both faces, and with boto3."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import aios3
import aios3.sync
from aios3.sync import _loop_thread

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Self

    from credential_sources import Place

DATA = b"what was stored"
PATH = "s3://bucket/key"


class Async:
    """The async face of aios3."""

    def __init__(self, place: Place, transport: str) -> None:
        self._session = aios3.Session(**place.options, transport=transport)

    async def __aenter__(self) -> Self:
        await self._session.__aenter__()
        return self

    async def __aexit__(self, *_exc: object) -> None:
        await self._session.aclose()

    async def read(self, count: int) -> list[str]:
        """Read the object ``count`` times at once; return how each went."""
        return await asyncio.gather(*[self._read() for _ in range(count)])

    async def _read(self) -> str:
        try:
            assert await aios3.read_bytes(PATH, session=self._session) == DATA
        except aios3.S3Error as error:
            return type(error).__name__
        return "ok"

    async def settle(self) -> None:
        """Wait until no renewal is under way."""
        await renewed(self._session)


async def renewed(session: aios3.Session) -> None:
    """Wait until the session's source is not being asked."""
    asking = session._transports[None].credential_cache._refreshing
    if asking is not None:
        await asyncio.wait([asking])


class Sync:
    """The blocking face of aios3, used by threads."""

    def __init__(self, place: Place, transport: str) -> None:
        self._session = aios3.sync.Session(**place.options, transport=transport)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_exc: object) -> None:
        await asyncio.to_thread(self._session.close)

    async def read(self, count: int) -> list[str]:
        """Read the object ``count`` times at once; return how each went."""
        return await asyncio.to_thread(in_threads, self._read, count)

    def _read(self) -> str:
        try:
            assert aios3.sync.read_bytes(PATH, session=self._session) == DATA
        except aios3.S3Error as error:
            return type(error).__name__
        return "ok"

    async def settle(self) -> None:
        """Wait until no renewal is under way."""
        await asyncio.to_thread(_loop_thread.call, renewed, self._session)


class Boto3:
    """What boto3 does in the same surroundings."""

    def __init__(self, place: Place, _transport: str) -> None:
        import botocore.credentials  # noqa: PLC0415 - slow to import

        self._place = place
        place.monkeypatch.setattr(botocore.credentials, "_local_now", self._now)
        self._client: Any = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_exc: object) -> None:
        if self._client is not None:
            self._client.close()

    async def read(self, count: int) -> list[str]:
        """Read the object ``count`` times at once; return how each went."""
        return await asyncio.to_thread(self._read_all, count)

    def _read_all(self, count: int) -> list[str]:
        failure = self._tried(self._open)
        return [failure] * count if failure != "ok" else in_threads(lambda: self._tried(self._get), count)

    def _tried(self, work: Callable[[], None]) -> str:
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - slow to import

        try:
            work()
        except ClientError as error:
            return error.response["Error"]["Code"]
        except (BotoCoreError, OSError, RuntimeError, ValueError) as error:
            return type(error).__name__
        return "ok"

    def _get(self) -> None:
        assert self._client.get_object(Bucket="bucket", Key="key")["Body"].read() == DATA

    def _open(self) -> None:
        import boto3  # noqa: PLC0415 - slow to import

        if self._client is not None:
            return
        self._client = boto3.Session().client("s3")
        keys = self._client._request_signer._credentials
        if hasattr(keys, "_time_fetcher"):
            keys._time_fetcher = self._now

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._place.accounts.now(), UTC)

    async def settle(self) -> None:
        """Return: boto3 renews while somebody waits."""


def in_threads(work: Callable[[], str], count: int) -> list[str]:
    """Do ``work`` in as many threads at once."""
    if count == 1:
        return [work()]
    with ThreadPoolExecutor(count) as pool:
        return [future.result() for future in [pool.submit(work) for _ in range(count)]]


DRIVERS: dict[str, tuple[type[Async | Sync | Boto3], str]] = {
    "own": (Async, "auto"),
    "aiobotocore": (Async, "aiobotocore"),
    "own, blocking": (Sync, "auto"),
    "boto3": (Boto3, ""),
}
