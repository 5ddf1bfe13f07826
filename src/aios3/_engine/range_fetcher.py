"""Decides which ranges of one object to fetch next, and runs the tasks that fetch them.

``_plan`` decides without awaiting: the missing part of a read is fetched at once. A run of sequential reads earns
read-ahead of twice its length so far, and of four times once it is some blocks long. The window limits it, and its
requests grow with it. A read somewhere else ends the run, drops the read-ahead, and fetches exactly its own bytes. The
range that is needed now may wait for memory; read-ahead takes only what is free.

The bytes come from a function, ``fetch(start, stop, get_buffer, buffer_updated)``, so nothing here knows S3. The last
two are those of :class:`asyncio.BufferedProtocol`. It must call ``get_buffer()`` for a view to receive into and
``buffer_updated(count)`` after each arrival, in order, and return when ``stop`` is reached or raise. Memory is always
acquired before a request is made. So a request that waits for memory cannot hold up
the one that would release it.

A range that is read for itself, and of which no block is here, is received into the ``bytes`` that its reader gets.
A single request for it needs no task (:meth:`RangeFetcher.read`).
"""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable, Coroutine
from functools import partial
from typing import TYPE_CHECKING

from aios3._engine.bandwidth import BandwidthEstimator
from aios3._engine.cache import Block, BlockMap
from aios3._engine.received_bytes import ReceivedBytes
from aios3._engine.request_blocks import RangeRequest, exact_request_size, split_blocks, split_requests
from aios3._engine.tasks import OwnedTasks
from aios3.errors import TruncatedBodyError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from aios3._engine.memory_budget import MemoryBudget
    from aios3._engine.readahead import RangeLimits

_MIN_CANCEL_BYTES = 1024 * 1024
"""A request with fewer bytes to come is let finish: a new connection would cost more."""
_MAX_CACHED_READ_BYTES = 256 * 1024
"""Bytes up to which a range that was read for itself is kept, because it may be read again."""

FetchRange = Callable[[int, int, Callable[[], memoryview], Callable[[int], None]], Coroutine[None, None, None]]


class RangeFetcher:
    """The blocks of one object of ``size`` bytes, fetched as reads need them.

    ``budget`` pays for every block. The tasks belong to this fetcher; :meth:`aclose` ends them.
    """

    def __init__(self, fetch: FetchRange, size: int, budget: MemoryBudget, limits: RangeLimits) -> None:
        self.size = size
        self.limits = limits
        self._fetch = fetch
        self._budget = budget
        self._map = BlockMap()
        self._requests: dict[Block, RangeRequest] = {}
        self._tasks = OwnedTasks()
        self._closed: Exception | None = None
        self._clock = asyncio.get_running_loop().time
        self._is_read_as_bytes = False
        self._running = 0
        self.bandwidth: BandwidthEstimator = BandwidthEstimator()
        budget.add_reclaimer(self._reclaim)

    @property
    def active(self) -> int:
        """How many requests are under way."""
        return self._tasks.active

    def prefetch(self, start: int, stop: int, *, ahead: int = 0) -> None:
        """Ensure that ``[start, stop)`` is fetched, and up to ``ahead`` bytes after it as far as memory is free.

        The requests are a share of the whole long, within the limits, so that several are in flight. None is made once
        this is closed, which may be in the middle of a read of several parts.
        """
        stop, ahead_stop = min(stop, self.size), min(stop + ahead, self.size)
        max_size = max(
            self.limits.min_request_size,
            min((ahead_stop - start) // self.bandwidth.parallelism, self.limits.request_size),
        )
        for request in () if self._closed else self._plan(start, stop, ahead_stop, max_size):
            self._start(request)

    def cancel_readahead(self, start: int, stop: int) -> None:
        """Cancel read-ahead without a reader that does not touch ``[start, stop)``."""
        for request in set(self._requests.values()):
            outside = request.stop <= start or request.start >= stop
            if outside and not request.waiters and request.missing > _MIN_CANCEL_BYTES and request.task is not None:
                request.task.cancel()
        self._map.consume_outside(start, stop)
        self._trim()

    def mark_consumed(self, start: int, stop: int) -> None:
        """Let the blocks that touch ``[start, stop)`` go as if they had been read to their end."""
        for block in self._map:
            if block.complete and block.start < stop and block.stop > start:
                self._map.consume(block)
        self._trim()

    def invalidate(self, start: int, stop: int) -> None:
        """Drop the blocks without a reader that touch ``[start, stop)``: their contents are wrong."""
        self._evict_all(
            block for block in self._map.evictable(unread=True) if block.start < stop and block.stop > start
        )

    def gaps(self, start: int, stop: int) -> list[tuple[int, int]]:
        """Return the ranges inside ``[start, stop)`` that are neither here nor asked for."""
        return self._map.gaps(start, stop)

    def peek(self, position: int) -> memoryview:
        """Return the bytes from ``position`` to the end of its block, as far as they have arrived."""
        block = self._map.find(position)
        return block.view(position, block.stop) if block is not None and block.has(position) else memoryview(b"")

    def expect_bytes(self) -> None:
        """Have blocks that come from now on received so that reading one as ``bytes`` copies nothing."""
        self._is_read_as_bytes = True

    async def read_view(self, position: int, stop: int) -> bytes | memoryview:
        """Return the bytes from ``position`` up to ``stop`` or the end of their block, once all of these are there.

        The range must have been asked for; the view stays valid, and its bytes never change. A whole block comes as
        ``bytes`` if it was received as such.
        """
        while (view := self.peek_view(position, stop)) is None:
            block = self._map.find(position)
            if self._closed:
                raise self._closed
            if block is None:
                self.prefetch(position, stop)
                block = self._map.find(position)
                assert block is not None
            await self._wait(block, min(stop, block.stop))
        return view

    def peek_view(self, position: int, stop: int) -> bytes | memoryview | None:
        """Return what :meth:`read_view` returns if all of it is here, else None."""
        block = self._map.find(position)
        if block is None or not block.has(min(stop, block.stop) - 1):
            return None
        if stop < block.stop:
            return block.view(position, stop)
        whole = block.take_bytes() if position == block.start else None
        view = block.view(position, stop) if whole is None else whole
        self._map.consume(block)
        self._trim()  # which may drop it, where others are pinned
        return view

    async def read(self, start: int, stop: int) -> bytes:
        """Return ``[start, stop)`` as one ``bytes``, fetched in requests side by side.

        Bytes that are neither here nor asked for are not copied. A short range needs no task.
        """
        if not start < stop <= start + self.limits.max_readahead or self._map.overlaps(start, stop):
            data = self._peek_bytes(start, stop)
            return await self._collect_parts(start, stop) if data is None else data
        if self._closed:
            raise self._closed
        result = ReceivedBytes(stop - start)
        first, *others = self._claim_gap(start, stop, result)
        blocks = [first.blocks[0], *[other.blocks[0] for other in others]] if others else first.blocks
        keep = stop - start <= _MAX_CACHED_READ_BYTES
        try:
            await (self._run_parallel(first, others) if others else self._run(first, asyncio.current_task()))
            if self._closed:  # perhaps since all has arrived; the blocks are gone then
                raise self._closed
            for block in blocks:
                if block.filled < block.stop - block.start:
                    message = f"A fetch of the bytes {start:,} to {stop:,} has ended before it had all of them"
                    raise TruncatedBodyError(message)
            for block in blocks:
                block.data = None  # else the bytes would be copied
            data = result.take()
            for block in blocks:
                block.data = data if not others else memoryview(data)[block.start - start : block.stop - start]
            return data
        finally:
            for block in blocks:
                self._unpin(block, keep=keep)
            self._trim()

    def _peek_bytes(self, start: int, stop: int) -> bytes | None:
        """Return ``[start, stop)`` if one block has all of it."""
        block = self._map.find(start)
        view = self.peek_view(start, stop) if block is not None and start < stop <= block.stop else None
        return None if view is None else bytes(view)

    async def _collect_parts(self, start: int, stop: int) -> bytes:
        """Return ``[start, stop)``, of which some is here or asked for, or which is longer than the window."""
        if self._closed:
            raise self._closed
        whole = io.BytesIO()
        while start < stop:
            self.prefetch(start, min(stop, start + max(self.limits.max_readahead, self.limits.block_size)))
            start += whole.write(await self.read_view(start, stop))
        return whole.getvalue()

    def _claim_gap(self, start: int, stop: int, result: ReceivedBytes) -> list[RangeRequest]:
        """Claim a range without blocks, as the requests that fetch it soonest: each one pinned block without memory."""
        size = exact_request_size(stop - start, self.limits, self.bandwidth)
        ranges = split_requests(start, stop, size, self.limits.block_size)
        part = result.part
        return [
            self._claim([Block(at, end, pins=1, get_memory=partial(part, at - start, end - start))], reserved=False)
            for at, end in ranges
        ]

    def fetch_reserved(self, start: int, stop: int) -> None:
        """Fetch ``[start, stop)`` in one request, in memory that the caller has taken from the budget already."""
        request = self._allocate(start, stop, reserved=True)
        request.has_response = True
        self._start(request)

    def insert(self, start: int, data: bytes) -> None:
        """Add ``data``, the bytes from ``start`` on, whose memory the caller has taken from the budget already."""
        for first, last in split_blocks(start, start + len(data), self.limits.block_size):
            whole = last - first == len(data)
            self._map.add(Block(first, last, data if whole else data[first - start : last - start], last - first))
            self._budget.mark_retained(last - first)

    async def _run_parallel(self, first: RangeRequest, others: Sequence[RangeRequest]) -> None:
        """Fetch the ``first`` in the caller's task and the others in their own, which end with this."""
        try:
            arrivals = [self._waiter(other, other.stop) for other in others]
            for other in others:
                self._start(other)
            await self._run(first, asyncio.current_task())
            for arrived, other in zip(arrivals, others, strict=True):
                await arrived
                if other.error is not None:
                    raise other.error
        finally:
            for other in others:
                if other.task is not None:
                    other.task.cancel()

    def _unpin(self, block: Block, *, keep: bool) -> None:
        """Drop a block that was fetched for one reader, or ``keep`` it like others that were read to their end."""
        block.pins -= 1
        if block.filled < block.stop - block.start or self._map.find(block.start) is not block:
            return
        if keep:
            self._map.consume(block)
        else:
            self._evict(block)

    def _cancel_inline(self, request: RangeRequest) -> asyncio.Future[None]:
        """Wake the reader that fetches; the future is done when it has stopped."""
        assert request.reader is not None
        request.reader.cancel()
        request.reader = None
        return self._waiter(request, self.size + 1)

    def _waiter(self, request: RangeRequest, stop: int) -> asyncio.Future[None]:
        """Return a future that is done when the bytes up to ``stop`` have arrived, or the transfer has ended."""
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        request.waiters[waiter] = stop
        return waiter

    async def wait_idle(self) -> None:
        """Wait until no request is under way."""
        await self._tasks.join()

    def close_idle(self, reason: Exception) -> bool:
        """Close like :meth:`aclose` if no request is under way, and return whether none was."""
        if self._requests or self._tasks.active:
            return False
        self._closed = reason
        self._budget.remove_reclaimer(self._reclaim)
        self._evict_all(list(self._map))
        return True

    async def aclose(self, reason: Exception) -> None:
        """End all requests and give all memory back; readers that still wait get ``reason``.

        Safe to repeat, from any task.
        """
        self._closed = reason
        self._budget.remove_reclaimer(self._reclaim)
        requests = set(self._requests.values())
        for request in requests:
            request.error = reason
        cancelled = [self._cancel_inline(request) for request in requests if request.reader is not None]
        try:
            await self._tasks.aclose()
            for ended in cancelled:
                await ended
        finally:
            for request in requests:
                self._finish(request)
            for block in list(self._map):
                self._evict(block)

    def _plan(self, start: int, stop: int, ahead_stop: int, max_size: int) -> list[RangeRequest]:
        """Claim the missing parts of ``[start, ahead_stop)``: up to ``stop`` in any case, after it if memory is free.

        Where the read-ahead ends it waits until it makes a long request.
        """
        planned: list[RangeRequest] = []
        ranges = [
            each
            for gap in self._map.gaps(start, ahead_stop)
            for each in split_requests(*gap, max_size, self.limits.block_size)
        ]
        for first, last in ranges:
            if first >= stop and last - first < max_size and last == ahead_stop < self.size:
                continue
            if self._budget.try_acquire(last - first):
                planned.append(self._allocate(first, last, reserved=True))
            elif first < stop:
                planned.append(self._allocate(first, min(last, stop), reserved=False))
            else:
                break
        return planned

    def _allocate(self, start: int, stop: int, *, reserved: bool) -> RangeRequest:
        blocks = [Block(a, b) for a, b in split_blocks(start, stop, self.limits.block_size)]
        return self._claim(blocks, reserved=reserved)

    def _claim(self, blocks: list[Block], *, reserved: bool) -> RangeRequest:
        request = RangeRequest(blocks, reserved)
        for block in request.blocks:
            self._map.add(block)
            self._requests[block] = request
        return request

    def _start(self, request: RangeRequest) -> None:
        name = f"aios3 fetch {request.start}-{request.stop}"
        request.task = self._tasks.start(self._run(request), name=name)
        # A task that is cancelled before its first step never comes to its own ``finally``.
        request.task.add_done_callback(lambda _task: self._finish(request))

    async def _run(self, request: RangeRequest, reader: asyncio.Task[object] | None = None) -> None:
        """Fetch. In the task of a ``reader``, which :meth:`aclose` interrupts, raise the error of the fetch."""
        request.reader = reader
        self._running += 1
        request.in_flight = self._running
        cancelling = reader.cancelling() if reader is not None else 0
        try:
            if not request.reserved:
                if not self._budget.try_acquire(request.size):
                    await self._budget.acquire(request.size)
                request.reserved = True
            if not request.has_response:
                request.started_at = self._clock()
            await self._fetch(
                request.start,
                request.stop,
                partial(self._get_buffer, request),
                partial(self._buffer_updated, request),
            )
            if request.first_byte_at is not None:
                self.bandwidth.record_transfer(
                    request.size - request.first_chunk_bytes, self._clock() - request.first_byte_at
                )
        except asyncio.CancelledError:
            is_ours = reader is not None and request.reader is None and reader.uncancel() <= cancelling
            if not is_ours or request.error is None:
                raise
        except Exception as error:  # noqa: BLE001 - kept for the readers of these bytes, and raised there
            request.error = error
        finally:
            self._running -= 1
            request.reader = None
            self._finish(request)
        if reader is not None and request.error is not None:
            raise request.error

    def _get_buffer(self, request: RangeRequest) -> memoryview:
        block = request.blocks[request.current_block]
        if block.data is None and block.get_memory is not None:
            block.data = block.get_memory()
        elif block.data is None and self._is_read_as_bytes:
            block.received = ReceivedBytes(block.size)
            block.data = block.received.view
        elif block.data is None:
            block.data = self._budget.buffer_pool.acquire(block.size)
        return memoryview(block.data)[block.filled :]

    def _buffer_updated(self, request: RangeRequest, count: int) -> None:
        block = request.blocks[request.current_block]
        block.filled += count
        if request.first_byte_at is None:
            request.first_byte_at, request.first_chunk_bytes = self._clock(), count
            if request.started_at is not None:
                self.bandwidth.record_latency(request.first_byte_at - request.started_at, request.in_flight)
        size = block.stop - block.start
        if block.filled == size:
            request.current_block += 1
            del self._requests[block]
            self._budget.mark_retained(size)
        if request.waiters:
            arrived = block.start + block.filled
            for waiter, stop in list(request.waiters.items()):
                if stop <= arrived and not waiter.done():
                    waiter.set_result(None)

    def _finish(self, request: RangeRequest) -> None:
        if request.finished:
            return
        request.finished = True
        for block in request.blocks[request.current_block :]:
            del self._requests[block]
            self._map.remove(block)
            self._recycle(block)
            if request.reserved:
                self._budget.release(block.size)
        for waiter in request.waiters:
            if not waiter.done():
                waiter.set_result(None)
        self._trim()

    async def _wait(self, block: Block, stop: int) -> None:
        request = self._requests[block]
        waiter = self._waiter(request, stop)
        block.pins += 1
        try:
            await waiter
        finally:
            block.pins -= 1
            del request.waiters[waiter]
        if request.error is not None and not block.has(stop - 1):
            raise request.error

    def _trim(self) -> None:
        excess = self._map.consumed_bytes - self.limits.max_retained
        if excess > 0:
            self._evict_up_to(excess, unread=False)

    def _reclaim(self, size: int) -> None:
        self._evict_up_to(size, unread=True)

    def _evict_up_to(self, size: int, *, unread: bool) -> None:
        self._evict_all(self._map.evictable(size, unread=unread))

    def _evict_all(self, blocks: Iterable[Block]) -> None:
        for block in blocks:
            if self._map.find(block.start) is block:  # memory that is given back may be taken at once, and ask for more
                self._evict(block)

    def _evict(self, block: Block) -> None:
        self._map.remove(block)
        self._recycle(block)
        self._budget.release(block.size, retained=True)

    def _recycle(self, block: Block) -> None:
        data, block.data, block.received = block.data, None, None
        if isinstance(data, bytearray):
            self._budget.buffer_pool.release(data)
