"""Reads of ranges into memory that the caller owns.

Bytes that no block holds are received there: without a copy by the native transport, and without a claim on the
session's memory. Bytes of a block are copied from it. They are here, or on their way to another reader.

The requests run in tasks that have ended before the read returns or raises. A connection writes into memory until then,
so nothing is written into the caller's afterwards.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from aios3._aligned_buffers import BodyTarget
from aios3._config import KIB
from aios3._engine.request_blocks import exact_request_size, split_requests
from aios3._engine.tasks import InterruptedWorkError, cancel_and_wait

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from aios3._engine.tasks import OwnedTasks
    from aios3._handles.fetcher_protocol import RangeFetcherProtocol
    from aios3._handles.range_arguments import Destination
    from aios3._handles.resumable_get import ObjectSource

MAX_GAP_BYTES = 64 * KIB
"""Ranges with a smaller gap between them are fetched as one: sending the gap costs less than another request."""


async def read_into(
    source: ObjectSource,
    fetcher: RangeFetcherProtocol,
    destinations: Sequence[Destination],
    tasks: OwnedTasks,
    max_requests: int,
) -> None:
    """Fill the memory of ``destinations``, whose bytes the object has, with at most ``max_requests`` requests at once.

    The requests belong to ``tasks``; InterruptedWorkError is raised where their owner ends them. Raises what a GET
    raises, and ObjectChangedError for another version than the one that was opened. The memory has any contents then.
    """
    missing, present = _divide(fetcher, destinations)
    requests = _requests(fetcher, missing)
    turns = iter(requests)

    async def work() -> None:
        for request in turns:
            target = BodyTarget(*_views(request))
            await source.fetch(request[0].start, request[-1].stop, target.get_buffer, target.buffer_updated)

    count = min(len(requests), max_requests)
    working = [tasks.start(work(), name=f"aios3 read into {source.url}") for _ in range(count)]
    for task in working:
        task.add_done_callback(_retrieve)
    try:
        await _copy_from_blocks(fetcher, present)
        if working:
            await asyncio.wait(working, return_when=asyncio.FIRST_EXCEPTION)
    finally:
        await cancel_and_wait(working)
    errors = [error for task in working if (error := _retrieve(task)) is not None]
    if errors:
        raise errors[0]
    if any(task.cancelled() for task in working):
        raise InterruptedWorkError


def _retrieve(task: asyncio.Task[None]) -> BaseException | None:
    """Return the error of a task that has ended: asyncio warns of one that was never asked for."""
    return None if task.cancelled() else task.exception()


def _divide(
    fetcher: RangeFetcherProtocol, destinations: Iterable[Destination]
) -> tuple[list[Destination], list[Destination]]:
    """Return the parts that are to be received, and those that blocks have or will have."""
    missing: list[Destination] = []
    present: list[Destination] = []
    for each in destinations:
        position = each.start
        for start, stop in fetcher.gaps(each.start, each.stop):
            present.append(each.part(position, start))
            missing.append(each.part(start, stop))
            position = stop
        present.append(each.part(position, each.stop))
    return missing, [each for each in present if each.view]


def _requests(fetcher: RangeFetcherProtocol, missing: Sequence[Destination]) -> list[list[Destination]]:
    """Return the parts that each request fills: long parts are cut, and near ones share a request."""
    total = sum(len(each.view) for each in missing)
    size = exact_request_size(total, fetcher.limits, fetcher.bandwidth)
    parts = [
        each.part(start, stop)
        for each in missing
        for start, stop in split_requests(each.start, each.stop, size, fetcher.limits.block_size)
    ]
    requests: list[list[Destination]] = []
    for part in sorted(parts, key=lambda part: part.start):
        last = requests[-1] if requests else None
        if last and 0 <= part.start - last[-1].stop <= MAX_GAP_BYTES and part.stop - last[0].start <= size:
            last.append(part)
        else:
            requests.append([part])
    return requests


def _views(request: Sequence[Destination]) -> Iterator[memoryview]:
    """Return the memory to receive into, with some that is thrown away for the gaps."""
    position = request[0].start
    for each in request:
        if each.start > position:
            yield memoryview(bytearray(each.start - position))
        yield each.view
        position = each.stop


async def _copy_from_blocks(fetcher: RangeFetcherProtocol, present: Sequence[Destination]) -> None:
    free_bytes = fetcher.limits.max_readahead
    for each in present:
        if free_bytes > 0:
            fetcher.prefetch(each.start, min(each.stop, each.start + free_bytes))
        free_bytes -= len(each.view)
    for each in present:
        position = each.start
        while position < each.stop:
            fetcher.prefetch(position, min(each.stop, position + fetcher.limits.max_readahead))
            view = await fetcher.read_view(position, each.stop)
            each.view[position - each.start : position - each.start + len(view)] = view
            position += len(view)
        fetcher.mark_consumed(each.start, each.stop)
