"""What to fetch next of one object, and the tasks that fetch it.

``plan`` decides without awaiting: what a read needs and nobody has asked for yet is fetched at once; a run of reads
that follow each other earns read-ahead of twice its length so far, of four times once it is some blocks long, up to
the window's limit, in requests that grow with it; a read somewhere else ends the run, drops the read-ahead, and
fetches exactly its own bytes. The range that is needed now may wait for memory; read-ahead takes only what is free.

The bytes come from a function, ``fetch(start, stop, room, received)``, so nothing here knows S3. It must call
``room()`` for a view to receive into and ``received(count)`` after each arrival, in order, and return when ``stop``
is reached or raise. Memory is always taken before a request is made, never the other way round, so that a request
that waits for memory cannot hold up the one that would set it free.

A range that is read for itself, and of which nothing is here, is copied once, when all of it has come, and a single
request for it needs no task (:meth:`RangeFetcher.collect`).
"""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING

from aios3._engine.cache import Block, BlockMap
from aios3._engine.pace import Pace
from aios3._engine.tasks import OwnedTasks
from aios3.errors import TruncatedBodyError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from aios3._engine.budget import Budget

_WORTH_DROPPING = 1024 * 1024
"""A request with fewer bytes to come is let finish: a new connection would cost more."""
_PROVEN_BLOCKS = 2
"""A run of so many blocks will go on; of a far server each step of the read-ahead costs a round trip."""
_WORTH_KEEPING = 256 * 1024
"""A range that was read for itself is kept if it is no longer than this: somebody may look there again."""

FetchRange = Callable[[int, int, Callable[[], memoryview], Callable[[int], None]], Coroutine[None, None, None]]


@dataclass(frozen=True, slots=True)
class RangeLimits:
    """Sizes in bytes that steer the fetching of one object."""

    block_size: int
    """The largest piece of memory that is taken and dropped as one."""
    least_request: int
    """A range is not cut into requests smaller than this, and read-ahead alone waits until it is so long."""
    request_size: int
    """The largest request."""
    window: int
    """The most read-ahead."""
    keep: int
    """The most bytes of spent blocks that are kept for reads that go back."""


@dataclass(eq=False, slots=True)
class Transfer:
    """One request under way, the blocks that it fills in order, and who waits for them."""

    blocks: Sequence[Block]
    paid: bool
    adopted: bool = False
    """Whether the answer was there before: how long it took, nobody knows."""
    task: asyncio.Task[None] | None = None
    reader: asyncio.Task[object] | None = None
    """Who fetches it while waiting for it, instead of a task of its own."""
    filling: int = 0
    begun: float | None = None
    answered: float | None = None
    at_first: int = 0
    finished: bool = False
    error: BaseException | None = None
    waiters: dict[asyncio.Future[None], int] = field(default_factory=dict)

    @property
    def start(self) -> int:
        """Offset of the first byte."""
        return self.blocks[0].start

    @property
    def stop(self) -> int:
        """Offset behind the last byte."""
        return self.blocks[-1].stop

    @property
    def size(self) -> int:
        """Length in bytes."""
        return self.stop - self.start

    @property
    def missing(self) -> int:
        """Bytes that have not arrived."""
        current = self.blocks[self.filling] if self.filling < len(self.blocks) else None
        return self.stop - current.start - current.filled if current else 0


class Run:
    """A run of reads that follow each other, and the read-ahead that it has earned."""

    def __init__(self, limits: RangeLimits) -> None:
        self._limits = limits
        self._next = 0
        self._length = 0

    def begin(self, position: int) -> bool:
        """Note that a read begins; tell whether it goes on from the last one (a short skip is no break)."""
        follows = 0 <= position - self._next <= self._limits.block_size
        if not follows:
            self._length = 0
        self._next = position
        return follows

    def end(self, position: int) -> None:
        """Note that the read has reached ``position``."""
        self._length += position - self._next
        self._next = position

    def window(self, demand: int) -> int:
        """Return the bytes of read-ahead for a read of ``demand`` bytes that goes on from the last one."""
        earned = self._length + demand
        return min((2 if earned < _PROVEN_BLOCKS * self._limits.block_size else 4) * earned, self._limits.window)


class RangeFetcher:
    """The blocks of one object of ``size`` bytes, fetched as reads need them.

    ``budget`` pays for every block. The tasks belong to this fetcher; :meth:`aclose` ends them.
    """

    def __init__(self, fetch: FetchRange, size: int, budget: Budget, limits: RangeLimits) -> None:
        self.size = size
        self.limits = limits
        self._fetch = fetch
        self._budget = budget
        self._map = BlockMap()
        self._transfers: dict[Block, Transfer] = {}
        self._tasks = OwnedTasks()
        self._closed: Exception | None = None
        self._clock = asyncio.get_running_loop().time
        self.pace: Pace = Pace()
        budget.add_reclaimer(self._reclaim)

    @property
    def active(self) -> int:
        """How many requests are under way."""
        return self._tasks.active

    def request(self, start: int, stop: int, *, ahead: int = 0) -> None:
        """See to it that ``[start, stop)`` is fetched, and up to ``ahead`` bytes behind it as far as memory is free.

        The requests are a share of the whole long, within the limits, so that several are in flight.
        """
        stop, ahead_stop = min(stop, self.size), min(stop + ahead, self.size)
        longest = max(
            self.limits.least_request, min((ahead_stop - start) // self.pace.shares, self.limits.request_size)
        )
        for transfer in self._plan(start, stop, ahead_stop, longest):
            self._start(transfer)

    def leave(self, start: int, stop: int) -> None:
        """Give up read-ahead that does not touch ``[start, stop)`` and that nobody waits for."""
        for transfer in set(self._transfers.values()):
            outside = transfer.stop <= start or transfer.start >= stop
            if outside and not transfer.waiters and transfer.missing > _WORTH_DROPPING and transfer.task is not None:
                transfer.task.cancel()
        self._map.spend_outside(start, stop)
        self._trim()

    def done_with(self, start: int, stop: int) -> None:
        """Let the blocks that touch ``[start, stop)`` go as if they had been read to their end."""
        for block in self._map:
            if block.complete and block.start < stop and block.stop > start:
                self._map.spend(block)
        self._trim()

    def forget(self, start: int, stop: int) -> None:
        """Drop the blocks that touch ``[start, stop)`` and that nobody waits for: what is in them is wrong."""
        self._drop_all(block for block in self._map.droppable(unread=True) if block.start < stop and block.stop > start)

    def at_hand(self, position: int) -> memoryview:
        """Return the bytes from ``position`` to the end of its block, as far as they have arrived."""
        block = self._map.find(position)
        return block.view(position, block.stop) if block is not None and block.has(position) else memoryview(b"")

    async def view(self, position: int, stop: int) -> memoryview:
        """Return the bytes from ``position`` up to ``stop`` or the end of their block, once all of these are there.

        The range must have been asked for; the view stays valid, and its bytes never change.
        """
        while (view := self.peek(position, stop)) is None:
            block = self._map.find(position)
            if self._closed:
                raise self._closed
            if block is None:
                self.request(position, stop)
                block = self._map.find(position)
                assert block is not None
            await self._wait(block, min(stop, block.stop))
        return view

    def peek(self, position: int, stop: int) -> memoryview | None:
        """Return what :meth:`view` returns if all of it is here, else None."""
        block = self._map.find(position)
        if block is None or not block.has(min(stop, block.stop) - 1):
            return None
        view = block.view(position, stop)
        if stop >= block.stop:
            self._map.spend(block)
            self._trim()  # which may drop it, where others are pinned
        return view

    async def collect(self, start: int, stop: int) -> bytes:
        """Return ``[start, stop)`` as one ``bytes``, fetched in requests side by side.

        What is neither here nor asked for is copied once and, if it is short, needs no task.
        """
        if not start < stop <= start + self.limits.window or self._map.touches(start, stop):
            return await self._collect_parts(start, stop)
        if self._closed:
            raise self._closed
        first, *others = self._claim_gap(start, stop)
        blocks = [*first.blocks, *chain.from_iterable(other.blocks for other in others)] if others else first.blocks
        for block in blocks:
            block.pins += 1
        try:
            await (self._run_side_by_side(first, others) if others else self._run(first, asyncio.current_task()))
            if not all(block.complete for block in blocks):
                message = f"A fetch of the bytes {start:,} to {stop:,} has ended before it had all of them"
                raise TruncatedBodyError(message)
            return b"".join([block.view(block.start, block.stop) for block in blocks])
        finally:
            for block in blocks:
                self._let_go(block, keep=stop - start <= _WORTH_KEEPING)
            self._trim()

    async def _collect_parts(self, start: int, stop: int) -> bytes:
        """Return ``[start, stop)``, of which some is here or asked for, or which is longer than the window."""
        whole = io.BytesIO()
        while start < stop:
            self.request(start, min(stop, start + max(self.limits.window, self.limits.block_size)))
            start += whole.write(await self.view(start, stop))
        return whole.getvalue()

    def _claim_gap(self, start: int, stop: int) -> list[Transfer]:
        """Claim a range of which nothing is here or asked for, as the requests that fetch it soonest."""
        longest = max(self.limits.least_request, min((stop - start) // 4, self.limits.request_size), self.pace.length)
        pieces = _cut(start, stop, min(longest, self.limits.request_size), self.limits.block_size)
        return [self._claim(at, end, paid=False) for at, end in pieces]

    def adopt(self, start: int, stop: int) -> None:
        """Fetch ``[start, stop)`` in one request, in memory that the caller has taken from the budget already."""
        transfer = self._claim(start, stop, paid=True)
        transfer.adopted = True
        self._start(transfer)

    def fill(self, start: int, stop: int) -> Coroutine[None, None, None]:
        """Fetch like :meth:`adopt`, in the task that awaits this; raises what the fetching meets."""
        transfer = self._claim(start, stop, paid=True)
        transfer.adopted = True
        return self._run(transfer, asyncio.current_task())

    async def _run_side_by_side(self, first: Transfer, others: Sequence[Transfer]) -> None:
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

    def _let_go(self, block: Block, *, keep: bool) -> None:
        """Drop a block that was fetched for one reader, or ``keep`` it like others that were read to their end."""
        block.pins -= 1
        if not block.complete or self._map.find(block.start) is not block:
            return
        if keep:
            self._map.spend(block)
        else:
            self._drop(block)

    def _interrupt(self, transfer: Transfer) -> asyncio.Future[None]:
        """Wake the reader that fetches; the future is done when it has stopped."""
        assert transfer.reader is not None
        transfer.reader.cancel()
        transfer.reader = None
        return self._waiter(transfer, self.size + 1)

    def _waiter(self, transfer: Transfer, stop: int) -> asyncio.Future[None]:
        """Return a future that is done when the bytes up to ``stop`` have arrived, or the transfer has ended."""
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        transfer.waiters[waiter] = stop
        return waiter

    async def idle(self) -> None:
        """Wait until no request is under way."""
        await self._tasks.join()

    def close_idle(self, reason: Exception) -> bool:
        """Close like :meth:`aclose` if no request is under way, and return whether none was."""
        if self._transfers or self._tasks.active:
            return False
        self._closed = reason
        self._budget.remove_reclaimer(self._reclaim)
        self._drop_all(list(self._map))
        return True

    async def aclose(self, reason: Exception) -> None:
        """End all requests and give all memory back; who still waits gets ``reason``. Safe to repeat, from any task."""
        self._closed = reason
        self._budget.remove_reclaimer(self._reclaim)
        transfers = set(self._transfers.values())
        for transfer in transfers:
            transfer.error = reason
        interrupted = [self._interrupt(transfer) for transfer in transfers if transfer.reader is not None]
        try:
            await self._tasks.aclose()
            for ended in interrupted:
                await ended
        finally:
            for transfer in transfers:
                self._finish(transfer)
            for block in list(self._map):
                self._drop(block)

    def _plan(self, start: int, stop: int, ahead_stop: int, longest: int) -> list[Transfer]:
        """Claim what is missing of ``[start, ahead_stop)``: up to ``stop`` in any case, behind it if memory is free.

        Where the read-ahead ends it waits until it makes a long request.
        """
        planned: list[Transfer] = []
        pieces = [
            piece for gap in self._map.gaps(start, ahead_stop) for piece in _cut(*gap, longest, self.limits.block_size)
        ]
        for first, last in pieces:
            if first >= stop and last - first < longest and last == ahead_stop < self.size:
                continue
            if self._budget.try_take(last - first):
                planned.append(self._claim(first, last, paid=True))
            elif first < stop:
                planned.append(self._claim(first, min(last, stop), paid=False))
            else:
                break
        return planned

    def _claim(self, start: int, stop: int, *, paid: bool) -> Transfer:
        transfer = Transfer([Block(a, b) for a, b in _cut_at_multiples(start, stop, self.limits.block_size)], paid)
        for block in transfer.blocks:
            self._map.add(block)
            self._transfers[block] = transfer
        return transfer

    def _start(self, transfer: Transfer) -> None:
        name = f"aios3 fetch {transfer.start}-{transfer.stop}"
        transfer.task = self._tasks.start(self._run(transfer), name=name)
        # A task that is cancelled before its first step never comes to its own ``finally``.
        transfer.task.add_done_callback(lambda _task: self._finish(transfer))

    async def _run(self, transfer: Transfer, reader: asyncio.Task[object] | None = None) -> None:
        """Fetch. In the task of a ``reader``, which :meth:`aclose` interrupts, raise what the fetching meets."""
        transfer.reader = reader
        cancelling = reader.cancelling() if reader is not None else 0
        try:
            if not transfer.paid:
                if not self._budget.try_take(transfer.size):
                    await self._budget.take(transfer.size)
                transfer.paid = True
            if not transfer.adopted:
                transfer.begun = self._clock()
            await self._fetch(
                transfer.start,
                transfer.stop,
                partial(self._room, transfer),
                partial(self._received, transfer),
            )
            if transfer.answered is not None:
                self.pace.arrived(transfer.size - transfer.at_first, self._clock() - transfer.answered)
        except asyncio.CancelledError:
            is_ours = reader is not None and transfer.reader is None and reader.uncancel() <= cancelling
            if not is_ours or transfer.error is None:
                raise
        except Exception as error:  # noqa: BLE001 - kept for whoever waits for these bytes, and raised there
            transfer.error = error
        finally:
            transfer.reader = None
            self._finish(transfer)
        if reader is not None and transfer.error is not None:
            raise transfer.error

    def _room(self, transfer: Transfer) -> memoryview:
        block = transfer.blocks[transfer.filling]
        if block.data is None:
            block.data = self._budget.spares.take(block.size)
        return memoryview(block.data)[block.filled :]

    def _received(self, transfer: Transfer, count: int) -> None:
        block = transfer.blocks[transfer.filling]
        block.filled += count
        if transfer.answered is None:
            transfer.answered, transfer.at_first = self._clock(), count
            if transfer.begun is not None:
                self.pace.answered(transfer.answered - transfer.begun)
        if block.complete:
            transfer.filling += 1
            del self._transfers[block]
            self._budget.park(block.size)
        if transfer.waiters:
            arrived = block.start + block.filled
            for waiter, stop in list(transfer.waiters.items()):
                if stop <= arrived and not waiter.done():
                    waiter.set_result(None)

    def _finish(self, transfer: Transfer) -> None:
        if transfer.finished:
            return
        transfer.finished = True
        for block in transfer.blocks[transfer.filling :]:
            del self._transfers[block]
            self._map.remove(block)
            self._recycle(block)
            if transfer.paid:
                self._budget.give_back(block.size)
        for waiter in transfer.waiters:
            if not waiter.done():
                waiter.set_result(None)
        self._trim()

    async def _wait(self, block: Block, stop: int) -> None:
        transfer = self._transfers[block]
        waiter = self._waiter(transfer, stop)
        block.pins += 1
        try:
            await waiter
        finally:
            block.pins -= 1
            del transfer.waiters[waiter]
        if transfer.error is not None and not block.has(stop - 1):
            raise transfer.error

    def _trim(self) -> None:
        excess = self._map.spent_bytes - self.limits.keep
        if excess > 0:
            self._drop_up_to(excess, unread=False)

    def _reclaim(self, size: int) -> None:
        self._drop_up_to(size, unread=True)

    def _drop_up_to(self, size: int, *, unread: bool) -> None:
        self._drop_all(self._map.droppable(size, unread=unread))

    def _drop_all(self, blocks: Iterable[Block]) -> None:
        for block in blocks:
            if self._map.find(block.start) is block:  # memory that is given back may be taken at once, and ask for more
                self._drop(block)

    def _drop(self, block: Block) -> None:
        self._map.remove(block)
        self._recycle(block)
        self._budget.give_back(block.size, parked=True)

    def _recycle(self, block: Block) -> None:
        data, block.data = block.data, None
        if data is not None:
            self._budget.spares.put(data)


def _cut(start: int, stop: int, longest: int, block_size: int) -> list[tuple[int, int]]:
    """Cut into requests. One that is long enough for that ends with a block: blocks of one size are used again."""
    pieces = []
    while start < stop:
        end = min(start + longest, stop)
        if end < stop and longest >= block_size:
            end -= end % block_size
        pieces.append((start, end))
        start = end
    return pieces


def _cut_at_multiples(start: int, stop: int, size: int) -> list[tuple[int, int]]:
    """Cut at the multiples of ``size``: reads of that size then find their bytes in one block."""
    following = start - start % size + size
    if following >= stop:
        return [(start, stop)]
    starts = [start, *range(following, stop, size)]
    return list(zip(starts, [*starts[1:], stop], strict=True))
