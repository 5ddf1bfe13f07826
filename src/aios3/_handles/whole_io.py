"""A whole object down into a store, and up again if it is still the version that was opened."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from aios3._backend import Condition, ReadOptions
from aios3._config import MIB
from aios3._handles.options import Sizes
from aios3._handles.plan import complete_plan
from aios3._handles.reader import open_reader
from aios3._handles.source import ObjectSource
from aios3._handles.store import MemoryStore, open_disk
from aios3._handles.threads import in_thread
from aios3._handles.verifying import once_more
from aios3._memory import fresh
from aios3._storing.inherit import kept
from aios3.errors import ObjectChangedError, TruncatedBodyError

if TYPE_CHECKING:
    from pathlib import Path

    from aios3._entries import StatResult, WriteResult
    from aios3._handles.store import DiskStore, Store
    from aios3._handles.writer import AsyncMultipartWriter
    from aios3._paths import S3Url
    from aios3._session import Session
    from aios3._storing.plan import WritePlan

_PIECE_BYTES = MIB


async def download_to_memory(session: Session, url: S3Url, options: ReadOptions) -> tuple[MemoryStore, StatResult]:
    """Read a whole object into memory that the session's budget pays for, in ranges side by side."""
    return await once_more(partial(_download_to_memory, session, url, options))


async def _download_to_memory(session: Session, url: S3Url, options: ReadOptions) -> tuple[MemoryStore, StatResult]:
    """Download once.

    The first range is received, and its memory parked, before the memory of the others is waited for: who waits must
    hold neither memory that looks as if it would come free, nor a connection.
    """
    budget, longest = session.budget, session.config.request_size
    source = ObjectSource(session, url, options)
    paid = longest
    await budget.take(paid)
    try:
        first = await source.open(0, longest)
        size = source.stat.size
        budget.give_back(paid - first)
        paid = first
        data = fresh(size)
        await _fetch(source, data, 0, first)
        budget.park(paid)
    except BaseException:
        budget.give_back(paid)
        raise
    finally:
        await source.aclose()
    try:
        if size > first:
            await budget.take(size - first)
            budget.park(size - first)
            paid = size
        async with asyncio.TaskGroup() as group:
            for start in range(first, size, longest):
                group.create_task(_fetch(source, data, start, min(start + longest, size)))
    except BaseExceptionGroup as errors:
        budget.give_back(paid, parked=True)
        raise errors.exceptions[0] from None
    except BaseException:
        budget.give_back(paid, parked=True)
        raise
    return MemoryStore(budget, data), source.stat


async def _fetch(source: ObjectSource, data: bytearray, start: int, stop: int) -> None:
    reached = start

    def received(count: int) -> None:
        nonlocal reached
        reached += count

    if start < stop:
        await source.fetch(start, stop, lambda: memoryview(data)[reached:stop], received)


async def download_to_disk(
    session: Session, url: S3Url, options: ReadOptions, place: Path | None
) -> tuple[DiskStore, StatResult]:
    """Read a whole object into a new local file, with several ranges ahead of what is being written."""
    return await once_more(partial(_download_to_disk, session, url, options, place))


async def _download_to_disk(
    session: Session, url: S3Url, options: ReadOptions, place: Path | None
) -> tuple[DiskStore, StatResult]:
    config = session.config
    async with await open_reader(session, url, options, Sizes(config.block_size, config.request_size)) as reader:
        store = await make_disk(place)
        try:
            offset = 0
            async for view in reader.chunks():
                await store.write(offset, view)
                offset += len(view)
            check_length(reader.stat(), store.size, url)
        except BaseException:
            await store.aclose()
            raise
        return store, reader.stat()


async def make_disk(place: Path | None) -> DiskStore:
    """Make an empty local file, and leave none behind if the caller is cancelled meanwhile."""
    made: list[DiskStore] = []
    try:
        await in_thread(lambda: made.append(open_disk(place)))
    except BaseException:
        for store in made:
            await store.aclose()
        raise
    return made[0]


def check_length(stat: StatResult, size: int, url: S3Url) -> None:
    """Raise TruncatedBodyError unless a local copy has the object's size."""
    if size != stat.size:
        message = f"{url} has {stat.size:,} bytes and its local copy {size:,}: something else writes to that file"
        raise TruncatedBodyError(message, path=str(url), operation="GetObject")


async def plan_of(session: Session, plan: WritePlan, old: StatResult | None, *, known: bool) -> WritePlan:
    """Complete the plan of a write that replaces ``old``; ``known``: only if that (or nothing) is still there.

    Mode ``ab`` of a plan is what an upload takes for a condition of our own, not of the caller's: where the server
    refuses conditions, the object is looked at instead.
    """
    if old is not None:
        plan = replace(plan, options=await kept(session, plan.url, plan.options, old))
    plan = await complete_plan(session, plan if plan.mode == "xb" else replace(plan, mode="wb"))
    if not known:
        return plan
    condition = Condition(if_match=old.etag) if old is not None else Condition(if_absent=True)
    return replace(plan, mode="ab", condition=condition)


async def check_unchanged(session: Session, plan: WritePlan) -> None:
    """Raise ObjectChangedError if the object is not the one that the plan was made for.

    S3 is asked the same by the write itself. Servers of other vendors may ignore that, so they are asked beforehand.
    """
    backend = await session.backend(plan.url)
    if plan.mode != "ab" or await backend.at_amazon():
        return
    try:
        found = await backend.head_object(plan.url, ReadOptions(sse_customer_key=plan.options.sse_customer_key))
        etag = found.etag
    except FileNotFoundError:
        etag = None
    if etag != plan.condition.if_match:
        raise changed(plan.url)


def changed(url: S3Url) -> ObjectChangedError:
    """Return the error for an object that was replaced or removed while its copy was being changed."""
    message = f"{url} changed since it was opened, so the changed copy was not written over it; open it again"
    return ObjectChangedError(message, path=str(url))


async def feed(writer: AsyncMultipartWriter, store: Store) -> WriteResult:
    """Write all of ``store`` and publish it; whoever owns ``writer`` aborts it if this fails."""
    offset, size = 0, store.size
    while offset < size:
        piece = await store.read(offset, min(_PIECE_BYTES, size - offset))
        if not piece:
            message = f"The local copy of {writer.name} was cut while it was being written up"
            raise TruncatedBodyError(message, path=writer.name)
        offset += await writer.write(piece)
    await writer.finish()
    return writer.result
