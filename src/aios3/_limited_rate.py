"""A backend whose bodies take a limited part of the line: what is sent and received by one session, in all.

Bodies of objects are counted, not headers and listings. A body that is sent waits before its request begins, because a
server ends a request that pauses. A body that is received is read in small chunks; the server is slowed down by TCP.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar, cast

from aios3._calls import ObjectBackend
from aios3._operations import GetObject

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aios3._backend import ObjectBody
    from aios3._engine.token_bucket import TokenBucket
    from aios3._entries import StatResult
    from aios3._operations import Operation

T = TypeVar("T")


class LimitedBackend(ObjectBackend):
    """``backend``, whose bodies pass through ``bucket``."""

    def __init__(self, backend: ObjectBackend, bucket: TokenBucket) -> None:
        self._backend = backend
        self._bucket = bucket

    @property
    def is_aws(self) -> bool:
        """Return what the backend says."""
        return self._backend.is_aws

    async def send(self, operation: Operation[T]) -> T:
        """Send an operation when its body may pass; a body that is returned waits for itself."""
        if operation.body_size:
            await self._bucket.take(operation.body_size)
        result = await self._backend.send(operation)
        if isinstance(operation, GetObject):
            return cast("T", _LimitedBody(cast("ObjectBody", result), self._bucket))
        return result

    async def aclose(self) -> None:
        """Close all connections. Safe to repeat."""
        await self._backend.aclose()


class _LimitedBody:
    """A body that is received in chunks, each of which waits for its time."""

    __slots__ = ("_body", "_bucket")

    def __init__(self, body: ObjectBody, bucket: TokenBucket) -> None:
        self._body = body
        self._bucket = bucket

    @property
    def stat(self) -> StatResult:
        return self._body.stat

    @property
    def etag(self) -> str | None:
        return self._body.etag

    @property
    def size(self) -> int:
        return self._body.size

    @property
    def start(self) -> int:
        return self._body.start

    @property
    def stop(self) -> int:
        return self._body.stop

    @property
    def checksums(self) -> Mapping[str, str]:
        return self._body.checksums

    def on_end(self, ended: Callable[[int, BaseException | None], None]) -> None:
        self._body.on_end(ended)

    async def readinto(self, view: memoryview) -> int:
        count = await self._body.readinto(view[: self._bucket.chunk_bytes])
        await self._bucket.take(count)
        return count

    async def receive(
        self, size: int, get_buffer: Callable[[], memoryview], buffer_updated: Callable[[int], None]
    ) -> None:
        while size and (count := await self.readinto(get_buffer()[:size])):
            buffer_updated(count)
            size -= count

    async def read(self) -> bytes:
        whole = bytearray(self.stop - self.start)
        filled = 0
        while filled < len(whole) and (count := await self.readinto(memoryview(whole)[filled:])):
            filled += count
        return bytes(memoryview(whole)[:filled])

    def close(self) -> None:
        self._body.close()
