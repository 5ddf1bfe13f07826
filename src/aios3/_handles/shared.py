"""A cache of blocks that all files of a session share which are opened under the same key.

The objects of one cache lie side by side in one endless range, each version at an offset of its own. So one
:class:`RangeFetcher` serves them all. A block is fetched once for all its readers. The longest unused goes first,
whichever object it is of. A cache lives as long as a file is open under its key.
"""

from __future__ import annotations

import asyncio
import weakref
from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from aios3._engine.range_fetcher import RangeFetcher
from aios3._engine.readahead import RangeLimits
from aios3._engine.tasks import OwnedTasks, cancel_and_wait
from aios3._handles.reader import INITIAL_GET_BYTES, AsyncPrefetchReader
from aios3._handles.resumable_get import ObjectSource
from aios3.errors import ClosedHandleError, ObjectChangedError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from aios3._backend import GetOptions
    from aios3._entries import StatResult
    from aios3._handles.options import ReadSizes
    from aios3._paths import S3Url
    from aios3._session import Session

T = TypeVar("T")

_UNBOUNDED = 1 << 80
_MIN_REQUEST = 1024 * 1024

_ObjectKey = tuple[str, str | None, bytes | None]
"""Parts of the key that may hold several versions over time: the path, the version asked for, the key to decrypt
with."""
_VersionKey = tuple[_ObjectKey, int, str | float | None]


@dataclass(frozen=True, slots=True)
class _CachedObject:
    """One version of one object in a cache: its bytes begin at ``base``."""

    source: ObjectSource
    base: int

    @property
    def size(self) -> int:
        return self.source.stat.size


class SharedCache:
    """The blocks of all objects that are open under one key."""

    def __init__(self, session: Session, sizes: ReadSizes) -> None:
        limit = session.budget.limit
        self.refcount = 0
        self.ranges = RangeFetcher(
            self._fetch,
            _UNBOUNDED,
            session.budget,
            RangeLimits(
                block_size=sizes.block_size,
                min_request_size=min(_MIN_REQUEST, sizes.request_size),
                request_size=sizes.request_size,
                max_readahead=max(limit * 3 // 4, sizes.block_size),
                max_retained=max(limit // 2, sizes.block_size),
            ),
        )
        self._session = session
        self._bases: list[int] = []
        self._objects: list[_CachedObject] = []
        self._by_version: dict[_VersionKey, _CachedObject] = {}
        self._open_locks: dict[_ObjectKey, asyncio.Lock] = {}
        self._opened_keys: set[_ObjectKey] = set()

    async def get_or_open(self, url: S3Url, options: GetOptions) -> _CachedObject:
        """Return the version of an object that is there now; one GET for a new object, one HEAD for a known one."""
        object_key = (str(url), options.version_id, options.sse_customer_key)
        async with self._open_locks.setdefault(object_key, asyncio.Lock()):
            if object_key in self._opened_keys:
                stat = await self._head(url, options)
                entry = self._by_version.get(_version_key(object_key, stat))
                if entry is not None:
                    return entry
            entry = await self._add(url, options, object_key)
            self._opened_keys.add(object_key)
            return entry

    async def aclose(self) -> None:
        """End all requests and give all memory back."""
        try:
            await self.ranges.aclose(ClosedHandleError("The last file of this shared cache was closed"))
        finally:
            for entry in self._objects:
                await entry.source.aclose()

    async def _head(self, url: S3Url, options: GetOptions) -> StatResult:
        backend = await self._session.backend(url)
        stat = await backend.head_object(url, options)
        if options.if_match is not None and stat.etag != options.if_match.strip('"'):
            message = f"{url} has the ETag {stat.etag}, not {options.if_match}"
            raise ObjectChangedError(message, path=str(url), operation="HeadObject")
        return stat

    async def _add(self, url: S3Url, options: GetOptions, object_key: _ObjectKey) -> _CachedObject:
        source = ObjectSource(self._session, url, options)
        budget = self._session.budget
        await budget.acquire(INITIAL_GET_BYTES)
        try:
            received = await source.open(0, INITIAL_GET_BYTES)
        except BaseException:
            budget.release(INITIAL_GET_BYTES)
            raise
        version_key = _version_key(object_key, source.stat)
        entry = self._by_version.get(version_key)
        if entry is not None or not received:
            budget.release(INITIAL_GET_BYTES)
            await source.aclose()
            return entry or self._register(source, version_key)
        budget.release(INITIAL_GET_BYTES - received)
        entry = self._register(source, version_key)
        self.ranges.fetch_reserved(entry.base, entry.base + received)
        return entry

    def _register(self, source: ObjectSource, version_key: _VersionKey) -> _CachedObject:
        last = self._objects[-1] if self._objects else None
        base = last.base + last.size + 1 if last else 0  # a gap, so that no request covers two objects
        entry = self._by_version[version_key] = _CachedObject(source, base)
        self._bases.append(base)
        self._objects.append(entry)
        return entry

    async def _fetch(
        self, start: int, stop: int, get_buffer: Callable[[], memoryview], buffer_updated: Callable[[int], None]
    ) -> None:
        entry = self._objects[bisect_right(self._bases, start) - 1]
        await entry.source.fetch(start - entry.base, stop - entry.base, get_buffer, buffer_updated)


def _version_key(object_key: _ObjectKey, stat: StatResult) -> _VersionKey:
    return object_key, stat.size, stat.etag or stat.mtime


class SharedRanges:
    """One file's view of a cache: what :class:`RangeFetcher` offers a reader, for one object of many.

    Closing it ends only its own waiting; the last one of a cache ends the cache.
    """

    def __init__(
        self, cache: SharedCache, entry: _CachedObject, leave: Callable[[], Coroutine[object, object, None]]
    ) -> None:
        self.size = entry.size
        self.limits = cache.ranges.limits
        self.bandwidth = cache.ranges.bandwidth
        self._ranges = cache.ranges
        self._base = entry.base
        self._leave = leave
        self._waiting = OwnedTasks()
        self._closed: Exception | None = None

    def prefetch(self, start: int, stop: int, *, ahead: int = 0) -> None:
        """Ensure that ``[start, stop)`` is fetched, and up to ``ahead`` bytes after it as far as memory is free."""
        stop = min(stop, self.size)
        if start < stop:
            ahead = min(ahead, self.size - stop)
            self._ranges.prefetch(self._base + start, self._base + stop, ahead=ahead)

    def cancel_readahead(self, start: int, stop: int) -> None:
        """Let go of blocks outside ``[start, stop)``; requests go on, because others may wait for them soon."""
        self._ranges.mark_consumed(self._base, self._base + start)
        self._ranges.mark_consumed(self._base + stop, self._base + self.size)

    def mark_consumed(self, start: int, stop: int) -> None:
        """Let the blocks that touch ``[start, stop)`` go as if they had been read to their end."""
        self._ranges.mark_consumed(self._base + start, self._base + stop)

    def invalidate(self, start: int, stop: int) -> None:
        """Drop the blocks without a reader that touch ``[start, stop)``: their contents are wrong."""
        self._ranges.invalidate(self._base + start, self._base + stop)

    def gaps(self, start: int, stop: int) -> list[tuple[int, int]]:  # noqa: ARG002 - as a RangeFetcher's
        """Return nothing: all that is read goes by way of the cache, where others find it."""
        return []

    def peek(self, position: int) -> memoryview:
        """Return the bytes from ``position`` to the end of its block, as far as they have arrived."""
        return self._ranges.peek(self._base + position)

    def expect_bytes(self) -> None:
        """Have blocks that come from now on received so that reading one as ``bytes`` copies nothing."""
        self._ranges.expect_bytes()

    def peek_view(self, position: int, stop: int) -> bytes | memoryview | None:
        """Return what :meth:`read_view` returns if all of it is here, else None."""
        return None if self._closed is not None else self._ranges.peek_view(self._base + position, self._base + stop)

    async def read_view(self, position: int, stop: int) -> bytes | memoryview:
        """Return the bytes from ``position`` up to ``stop`` or the end of their block, once all of these are there."""
        view = self.peek_view(position, stop)
        return (
            view
            if view is not None
            else await self._own(self._ranges.read_view(self._base + position, self._base + stop))
        )

    async def read(self, start: int, stop: int) -> bytes:
        """Return ``[start, stop)`` as one ``bytes``, fetched in requests side by side."""
        return await self._own(self._ranges.read(self._base + start, self._base + max(start, stop)))

    def close_idle(self, reason: Exception) -> bool:  # noqa: ARG002 - as a RangeFetcher's
        """Return False: the last reader to close waits for the end of the cache."""
        return False

    async def aclose(self, reason: Exception) -> None:
        """End this file's waiting; readers that still wait get ``reason``. Safe to repeat, from any task."""
        first, self._closed = self._closed is None, self._closed or reason
        try:
            await self._waiting.aclose()
        finally:
            if first:
                self._ranges.mark_consumed(self._base, self._base + self.size)
                await self._leave()

    async def _own(self, work: Coroutine[object, object, T]) -> T:
        """Await ``work`` as a task of this file's, so that closing the file ends the waiting and not the request."""
        if self._closed is not None:
            work.close()
            raise self._closed
        task = self._waiting.start(work, name="aios3 shared read")
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError:
            await cancel_and_wait({task})
            raise
        if task.cancelled() and self._closed is not None:
            raise self._closed
        return task.result()


_caches: weakref.WeakKeyDictionary[Session, dict[str, SharedCache]] = weakref.WeakKeyDictionary()


async def open_shared(
    session: Session, url: S3Url, options: GetOptions, sizes: ReadSizes, *, key: str
) -> AsyncPrefetchReader:
    """Open ``url`` over the session's cache ``key``; the first file under a key decides the sizes of its blocks.

    Raises ObjectNotFoundError, AccessDeniedError and the other errors of a GET or HEAD.
    """
    caches = _caches.setdefault(session, {})
    cache = caches[key] if key in caches else caches.setdefault(key, SharedCache(session, sizes))
    cache.refcount += 1

    async def leave() -> None:
        cache.refcount -= 1
        if cache.refcount == 0:
            if caches.get(key) is cache:
                del caches[key]
            await cache.aclose()

    try:
        entry = await cache.get_or_open(url, options)
        return AsyncPrefetchReader(session, entry.source, SharedRanges(cache, entry, leave))
    except BaseException:
        await leave()
        raise
