"""The requests for ranges of one object: how bytes are cut into them and into blocks, and one that is under way.

Nothing here awaits.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Sequence

    from aios3._engine.bandwidth import BandwidthEstimator
    from aios3._engine.cache import Block
    from aios3._engine.readahead import RangeLimits


@dataclass(eq=False, slots=True)
class RangeRequest:
    """One request under way, the blocks that it fills in order, and who waits for them.

    ::

        reserved  task or reader  started_at  first_byte_at  finished  state
        any       none            None        None           no        planned: its blocks are claimed
        no        one             None        None           no        waits for memory
        yes       one             set         None           no        waits for the response
        yes       one             set         set            no        receives
        any       any             any         any            yes       its full blocks stay; the others are dropped

    With ``has_response``, ``started_at`` stays None. A request that is cancelled or fails is finished from any state.
    """

    blocks: Sequence[Block]
    reserved: bool
    start: int = field(init=False)
    """Offset of the first byte."""
    stop: int = field(init=False)
    """Offset after the last byte."""
    has_response: bool = False
    """True if the response was there before; then its latency is unknown."""
    task: asyncio.Task[None] | None = None
    reader: asyncio.Task[object] | None = None
    """The task that fetches it while waiting for it, instead of a task of its own."""
    current_block: int = 0
    started_at: float | None = None
    in_flight: int = 1
    """How many requests for the object were under way when this one began, with it."""
    first_byte_at: float | None = None
    first_chunk_bytes: int = 0
    finished: bool = False
    error: BaseException | None = None
    waiters: dict[asyncio.Future[None], int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.start = self.blocks[0].start
        self.stop = self.blocks[-1].stop

    @property
    def size(self) -> int:
        """Length in bytes."""
        return self.stop - self.start

    @property
    def missing(self) -> int:
        """Bytes that have not arrived."""
        current = self.blocks[self.current_block] if self.current_block < len(self.blocks) else None
        return self.stop - current.start - current.filled if current else 0


def exact_request_size(total: int, limits: RangeLimits, bandwidth: BandwidthEstimator) -> int:
    """Return the most bytes of each request for ``total`` bytes that are wanted now, and nothing after them."""
    size = max(limits.min_request_size, min(total // 4, limits.request_size), bandwidth.min_split_bytes)
    return min(size, limits.request_size)


def split_requests(start: int, stop: int, max_size: int, block_size: int) -> list[tuple[int, int]]:
    """Cut into requests. One that is long enough for that ends with a block: blocks of one size are used again."""
    ranges = []
    while start < stop:
        end = min(start + max_size, stop)
        if end < stop and max_size >= block_size:
            end -= end % block_size
        ranges.append((start, end))
        start = end
    return ranges


def split_blocks(start: int, stop: int, size: int) -> list[tuple[int, int]]:
    """Cut at the multiples of ``size``: reads of that size then find their bytes in one block."""
    following = start - start % size + size
    if following >= stop:
        return [(start, stop)]
    starts = [start, *range(following, stop, size)]
    return list(zip(starts, [*starts[1:], stop], strict=True))
