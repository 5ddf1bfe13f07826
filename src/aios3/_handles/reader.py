"""The file that reads: position, lines and chunks over blocks that are fetched ahead."""

from __future__ import annotations

import io
from functools import lru_cache
from typing import TYPE_CHECKING

from aios3._config import KIB, MIB, target_bytes_per_second
from aios3._engine.bandwidth import BandwidthEstimator
from aios3._engine.range_fetcher import RangeFetcher
from aios3._engine.readahead import RangeLimits, SequentialReads
from aios3._engine.tasks import InterruptedWorkError, OwnedTasks
from aios3._handles.base import AsyncBlockReadBase, call_on
from aios3._handles.positions import writable_buffer
from aios3._handles.range_arguments import Destination, checked_ranges, destinations, negative_error
from aios3._handles.reading_into import MAX_GAP_BYTES, read_into
from aios3._handles.resumable_get import ObjectSource
from aios3._handles.verifying import log_reread
from aios3.errors import ChecksumMismatchError, ClosedHandleError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Iterable

    from typing_extensions import Buffer

    from aios3._backend import GetOptions
    from aios3._entries import StatResult
    from aios3._handles.fetcher_protocol import RangeFetcherProtocol
    from aios3._handles.lifecycle import LoopBinding
    from aios3._handles.options import ReadSizes
    from aios3._paths import S3Url
    from aios3._session import Session

INITIAL_GET_BYTES = 256 * KIB
"""Bytes of the GET that opens a file: enough for a small object, little to lose for a caller that seeks away."""
_INLINE_BODY_BYTES = 64 * KIB
"""Bytes up to which an object is received when it is opened: they are here, or nearly, and need no task."""
_MAX_RETAINED_BYTES = 8 * MIB
"""Bytes before the position that stay in memory for reads that go back a little."""
_MAX_JOINED_BLOCKS = 4
"""Blocks that one read may hold until it has all of its bytes; a longer one copies each as it comes."""


class AsyncPrefetchReader(AsyncBlockReadBase):
    """An object of S3, open for reading.

    Opening costs one ranged GET, whose ETag pins the version. If the object is replaced, reading goes on only if all
    bytes come from the version that was opened, and raises ObjectChangedError otherwise. Reads that follow each other
    earn read-ahead; reads elsewhere fetch only what they ask for.

    Methods may be called from several tasks. ``read``, ``readinto``, ``readline`` and iteration share one position
    and take turns. ``read_at``, ``read_ranges``, ``readinto_at`` and ``read_ranges_into`` do not touch it, and run side
    by side.
    """

    def __init__(self, session: Session, source: ObjectSource, fetcher: RangeFetcherProtocol) -> None:
        self._source = source
        self._fetcher = fetcher
        self._run = SequentialReads(fetcher.limits)
        self._reads_into = OwnedTasks()
        super().__init__(session, str(source.url), fetcher.limits.block_size)

    def __repr__(self) -> str:
        state = "closed" if self._closed else f"at {self._position} of {self.size}"
        return f"<aios3.AsyncPrefetchReader {self.name} {state}>"

    def _abandon(self, binding: LoopBinding) -> None:
        tasks, source, fetcher = self._session.tasks, self._source, self._fetcher
        call_on(binding.loop, lambda: tasks.start(close_fetcher(source, fetcher), name=f"aios3 close {source.url}"))

    @property
    def path(self) -> S3Url:
        """Where the object is."""
        return self._source.url

    @property
    def size(self) -> int:
        """Size of the object in bytes."""
        return self._fetcher.size

    def stat(self) -> StatResult:
        """Return what S3 said of the object when it was opened; costs no request."""
        return self._source.stat

    async def read(self, size: int | None = -1) -> bytes:
        """Read ``size`` bytes, fewer only at the end; all that is left if ``size`` is negative or None."""
        async with self._lock:
            self._check()
            start = self._position
            stop = self.size if size is None or size < 0 else min(start + size, self.size)
            if start >= stop:
                return b""
            if stop - start == self._chunk_bytes:
                self._fetcher.expect_bytes()
            try:
                try:
                    view = self._take_arrived(stop)
                    if view is not None and self._position == stop:
                        return bytes(view)
                    return await self._read_until(stop, view)
                except ChecksumMismatchError:
                    if start > 0 or stop < self.size:
                        raise  # the caller has some of the bytes that may be wrong
                    self._invalidate()
                return await self._read_until(stop)
            except BaseException:
                self._position = start
                raise

    async def read_at(self, offset: int, size: int) -> bytes:
        """Read ``size`` bytes at ``offset``, fewer only at the end of the object; the position stays where it is.

        Only what is asked for is fetched. Raises InvalidRangeError for a negative offset or size.
        """
        if offset < 0 or size < 0:
            raise negative_error(self.name, "read_at", offset, size)
        self._check()
        return await self._fetcher.read(offset, min(offset + size, self.size))

    async def readinto_at(self, offset: int, buffer: Buffer) -> int:
        """Fill ``buffer`` with the bytes from ``offset`` on, and return how many: fewer only at the end of the object.

        The position stays where it is. Bytes that are not in memory are received into ``buffer``, in requests side by
        side; the session's memory budget does not count them. Once this has returned or raised, or was cancelled,
        nothing is written into ``buffer`` any more; what it holds after an error is undefined.

        Raises InvalidRangeError for a negative offset, TypeError for memory that cannot be written, or does not lie in
        a row.
        """
        if offset < 0:
            raise negative_error(self.name, "readinto_at", offset)
        self._check()
        with writable_buffer(buffer, "readinto_at") as view:
            return (await self._read_into([Destination(offset, view)]))[0]

    async def read_ranges_into(self, ranges: Iterable[tuple[int, int]], buffers: Iterable[Buffer]) -> list[int]:
        """Read several ranges ``[start, stop)``, each into the buffer at its index in ``buffers``, like readinto_at.

        Returns how many bytes each got: fewer than its size only at the end of the object. Ranges that are near each
        other share a request, and requests run side by side. Raises InvalidRangeError for a negative or reversed range,
        and unless each range has one buffer of its own size; TypeError as :meth:`readinto_at`.
        """
        self._check()
        with destinations(self.name, "read_ranges_into", ranges, buffers) as targets:
            return await self._read_into(targets)

    async def read_ranges(self, ranges: Iterable[tuple[int, int]]) -> list[bytes]:
        """Read several ranges ``[start, stop)`` and return their bytes in the same order.

        Ranges that are near each other share a request, and requests run side by side. A range ends with the object.
        Raises InvalidRangeError for a negative or reversed range.
        """
        self._check()
        range_list = checked_ranges(self.name, "read_ranges", ranges)
        free_bytes = self._fetcher.limits.max_readahead
        requests = _coalesce((start, min(stop, self.size)) for start, stop in range_list)
        for start, stop in requests:
            if free_bytes > 0 and start < stop:
                self._fetcher.prefetch(start, min(stop, start + free_bytes))
            free_bytes -= stop - start
        results = [await self._fetcher.read(start, min(stop, self.size)) for start, stop in range_list]
        for start, stop in requests:
            self._fetcher.mark_consumed(start, stop)
        return results

    async def aclose(self) -> None:
        """Close the file: end all requests, give all memory back. Safe to repeat, from any task.

        Raises WrongLoopError on another event loop than the file's own.
        """
        if self._is_forked():
            return
        self._closed = True
        self._session.unregister(self)
        if self._reads_into.active:
            await self._reads_into.aclose()
        if self._source.pending is not None or not self._fetcher.close_idle(self._closed_error()):
            await close_fetcher(self._source, self._fetcher)

    async def _read_into(self, targets: Iterable[Destination]) -> list[int]:
        readable = [each.before(self.size) for each in targets]
        workers = self._session.config.max_concurrency
        try:
            await read_into(self._source, self._fetcher, readable, self._reads_into, workers)
        except InterruptedWorkError:
            raise self._closed_error() from None
        return [len(each.view) for each in readable]

    def _peek(self, size: int) -> Awaitable[bytes | memoryview]:
        return self._view(min(self._position + size, self.size))

    def _buffered(self) -> memoryview:
        return self._fetcher.peek(self._position)

    async def _view(self, stop: int) -> bytes | memoryview:
        """Wait for bytes at the position, at most up to ``stop``, having asked for what should come next."""
        self._request(stop)
        view = self._fetcher.peek_view(self._position, stop)
        return await self._fetcher.read_view(self._position, stop) if view is None else view

    def _request(self, stop: int) -> None:
        """Ask for the bytes from the position up to ``stop``, and for what should come next."""
        start = self._position
        follows = self._run.start(start)
        if not follows:
            self._fetcher.cancel_readahead(start, stop)
        limits = self._fetcher.limits
        demand = min(stop, start + max(limits.max_readahead, limits.block_size))
        self._fetcher.prefetch(start, demand, ahead=self._ahead(demand - start) if follows else 0)

    def _ahead(self, demand: int) -> int:
        """Return the bytes of read-ahead that the run has earned and the server needs."""
        return min(
            self._run.readahead(demand), self._fetcher.bandwidth.readahead_bytes(self._fetcher.limits.request_size)
        )

    async def _next_view(self, stop: int) -> bytes | memoryview:
        view = self._take_arrived(stop)
        if view is None:
            view = await self._fetcher.read_view(self._position, stop)
            self._advance(len(view))
        return view

    def _take_arrived(self, stop: int) -> bytes | memoryview | None:
        """Take bytes at the position like :meth:`_next_view` if they are here.

        Ask for what should come next in any case.
        """
        self._request(stop)
        view = self._fetcher.peek_view(self._position, stop)
        if view is not None:
            self._advance(len(view))
        return view

    def _advance(self, count: int) -> None:
        self._position += count
        self._run.end(self._position)

    async def _read_until(self, stop: int, view: bytes | memoryview | None = None) -> bytes:
        """Read up to ``stop``; ``view`` has been taken already."""
        if view is None:
            view = await self._next_view(stop)
            if self._position == stop:
                return bytes(view)
        if stop - self._position <= _MAX_JOINED_BLOCKS * self._fetcher.limits.block_size:
            views = [view]
            while self._position < stop:
                views.append(await self._next_view(stop))
            return b"".join(views)
        whole = io.BytesIO()
        whole.write(view)
        while self._position < stop:
            whole.write(await self._next_view(stop))
        return whole.getvalue()

    def _invalidate(self) -> None:
        """Let everything be read once more."""
        self._source.reset_verification()
        self._fetcher.invalidate(0, self.size)
        self._position = 0


async def open_reader(session: Session, url: S3Url, options: GetOptions, sizes: ReadSizes) -> AsyncPrefetchReader:
    """Open ``url`` with one ranged GET; with a second one if a small object came with wrong bytes.

    Raises ObjectNotFoundError, AccessDeniedError and the other errors of a GET.
    """
    source = ObjectSource(session, url, options)
    try:
        fetcher = await open_fetcher(session, source, 0, INITIAL_GET_BYTES, sizes)
    except ChecksumMismatchError as error:
        log_reread(error)
        source = ObjectSource(session, url, options)
        fetcher = await open_fetcher(session, source, 0, INITIAL_GET_BYTES, sizes)
    return AsyncPrefetchReader(session, source, fetcher)


async def open_fetcher(session: Session, source: ObjectSource, start: int, stop: int, sizes: ReadSizes) -> RangeFetcher:
    """Ask ``source`` for ``[start, stop)`` and return the fetcher of its object, which goes on with the response.

    The memory for the response is taken before it is asked for, and what it does not need is given back.
    """
    budget = session.budget
    reserved = stop - start
    if not budget.try_acquire(reserved):
        await source.aclose()  # a response that is here already would hold its connection while it waits for memory
        await budget.acquire(reserved)
    try:
        received = max(await source.open(start, stop) - start, 0)
        fetcher = RangeFetcher(
            source.fetch, source.stat.size, budget, _limits(sizes.block_size, sizes.request_size, budget.limit)
        )
        fetcher.bandwidth = BandwidthEstimator(target_bytes_per_second=target_bytes_per_second(session.config))
        latency = source.latency
        if latency is not None:
            fetcher.bandwidth.record_latency(latency)
    except BaseException:
        budget.release(reserved)
        await source.aclose()
        raise
    budget.release(reserved - received)
    if not received:
        await source.aclose()
        return fetcher
    body, data = source.pending, None
    if body is not None and body.start == start and received == fetcher.size <= _INLINE_BODY_BYTES:
        try:
            data = await source.read_ready(body)
        except BaseException:
            budget.release(received)
            await close_fetcher(source, fetcher)
            raise
    if data is None:
        fetcher.fetch_reserved(start, start + received)
    else:
        fetcher.insert(start, data)
    return fetcher


async def close_fetcher(source: ObjectSource, fetcher: RangeFetcherProtocol) -> None:
    """End all requests and give all memory back."""
    try:
        await fetcher.aclose(_closed_error(source))
    finally:
        await source.aclose()


@lru_cache
def _limits(block_size: int, request_size: int, memory: int) -> RangeLimits:
    return RangeLimits(
        block_size=block_size,
        min_request_size=min(MIB, request_size),
        request_size=request_size,
        max_readahead=max(memory * 3 // 4, block_size),
        max_retained=max(min(memory // 8, _MAX_RETAINED_BYTES), block_size),
    )


def _closed_error(source: ObjectSource) -> ClosedHandleError:
    return ClosedHandleError(f"{source.url} is closed; open it again to read", path=str(source.url))


def _coalesce(ranges: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for start, stop in sorted(ranges):
        if merged and start - merged[-1][1] <= MAX_GAP_BYTES:
            merged[-1] = (merged[-1][0], max(merged[-1][1], stop))
        else:
            merged.append((start, stop))
    return merged
