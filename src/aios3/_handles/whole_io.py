"""A whole object down into a store, and up again if it is still the version that was opened."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from aios3._aligned_buffers import BodyTarget, allocate_aligned
from aios3._backend import Precondition
from aios3._config import MIB
from aios3._handles.announced_size import memory_for
from aios3._handles.options import ReadSizes
from aios3._handles.prepare_plan import plan_write
from aios3._handles.reader import open_reader
from aios3._handles.resumable_get import ObjectSource
from aios3._handles.verifying import retry_on_mismatch
from aios3._handles.whole_stores import DiskStore, MemoryStore, new_disk_store
from aios3._storing.inherit import inherit_metadata
from aios3._threads import made_in_thread
from aios3.errors import ObjectChangedError, TruncatedBodyError

if TYPE_CHECKING:
    from pathlib import Path

    from aios3._backend import GetOptions
    from aios3._entries import StatResult, WriteResult
    from aios3._handles.whole_stores import Store
    from aios3._handles.writer import AsyncMultipartWriter
    from aios3._paths import S3Url
    from aios3._session import Session
    from aios3._storing.write_plan import WritePlan

_CHUNK_BYTES = MIB


async def download_to_memory(session: Session, url: S3Url, options: GetOptions) -> tuple[MemoryStore, StatResult]:
    """Read a whole object into memory that the session's budget pays for, in ranges side by side."""
    return await retry_on_mismatch(partial(_download_to_memory, session, url, options))


async def _download_to_memory(session: Session, url: S3Url, options: GetOptions) -> tuple[MemoryStore, StatResult]:
    """Download once.

    The first range is received, and its memory retained, before the memory of the others is waited for. A waiter must
    hold neither memory that looks as if it would come free, nor a connection.
    """
    budget, longest = session.budget, session.config.request_size
    source = ObjectSource(session, url, options)
    reserved = longest
    await budget.acquire(reserved)
    try:
        first = await source.open(0, longest)
        size = source.stat.size
        budget.release(reserved - first)
        reserved = first
        with memory_for(size, str(url)):
            data = allocate_aligned(size)
        await fetch_into(source, 0, memoryview(data)[:first])
        budget.mark_retained(reserved)
    except BaseException:
        budget.release(reserved)
        raise
    finally:
        await source.aclose()
    try:
        if size > first:
            await budget.acquire(size - first)
            budget.mark_retained(size - first)
            reserved = size
        async with asyncio.TaskGroup() as group:
            for start in range(first, size, longest):
                group.create_task(fetch_into(source, start, memoryview(data)[start : start + longest]))
    except BaseExceptionGroup as errors:
        budget.release(reserved, retained=True)
        raise errors.exceptions[0] from None
    except BaseException:
        budget.release(reserved, retained=True)
        raise
    return MemoryStore(budget, data), source.stat


async def fetch_into(source: ObjectSource, start: int, view: memoryview) -> None:
    """Fill ``view`` with the bytes of ``source`` from ``start`` on."""
    if view:
        target = BodyTarget(view)
        await source.fetch(start, start + len(view), target.get_buffer, target.buffer_updated)


async def download_to_disk(
    session: Session, url: S3Url, options: GetOptions, cache_path: Path | None
) -> tuple[DiskStore, StatResult]:
    """Read a whole object into a new local file, with several ranges ahead of what is being written."""
    return await retry_on_mismatch(partial(_download_to_disk, session, url, options, cache_path))


async def _download_to_disk(
    session: Session, url: S3Url, options: GetOptions, cache_path: Path | None
) -> tuple[DiskStore, StatResult]:
    config = session.config
    async with await open_reader(session, url, options, ReadSizes(config.block_size, config.request_size)) as reader:
        store = await create_disk_store(cache_path)
        try:
            offset = 0
            async for view in reader.chunks():
                await store.write(offset, view)
                offset += len(view)
            check_length(reader.stat(), store.size, url)
            await reader.aclose()  # a cancellation after this block would lose the store
        except BaseException:
            await store.aclose()
            raise
        return store, reader.stat()


async def create_disk_store(cache_path: Path | None) -> DiskStore:
    """Make an empty local file, and remove it if the caller is cancelled meanwhile."""
    return await made_in_thread(partial(new_disk_store, cache_path), DiskStore.discard)


def check_length(stat: StatResult, size: int, url: S3Url) -> None:
    """Raise TruncatedBodyError unless a local copy has the object's size."""
    if size != stat.size:
        message = f"{url} has {stat.size:,} bytes and its local copy {size:,}: something else writes to that file"
        raise TruncatedBodyError(message, path=str(url), operation="GetObject")


async def conditional_plan(
    session: Session, plan: WritePlan, old: StatResult | None, *, expect_unchanged: bool
) -> WritePlan:
    """Complete the plan of a write that replaces ``old``, with ``expect_unchanged`` only if that is still there.

    Where the server rejects preconditions, the upload then compares the ETag itself.
    """
    if old is not None:
        plan = replace(plan, options=await inherit_metadata(session, plan.url, plan.options, old))
    plan = await plan_write(session, plan if plan.mode == "xb" else replace(plan, mode="wb"))
    if not expect_unchanged:
        return plan
    condition = Precondition(if_match=old.etag) if old is not None else Precondition(if_absent=True)
    return replace(plan, mode="wb", condition=condition, expects_unchanged=True, head_first=True)


def changed_error(url: S3Url) -> ObjectChangedError:
    """Return the error for an object that was replaced or removed while its copy was being changed."""
    message = f"{url} changed since it was opened, so the changed copy was not written over it; open it again"
    return ObjectChangedError(message, path=str(url))


async def upload_store(writer: AsyncMultipartWriter, store: Store) -> WriteResult:
    """Write all of ``store`` and publish it; the owner of ``writer`` aborts it if this fails."""
    offset, size = 0, store.size
    while offset < size:
        chunk = await store.read(offset, min(_CHUNK_BYTES, size - offset))
        if not chunk:
            message = f"The local copy of {writer.name} was cut while it was being written up"
            raise TruncatedBodyError(message, path=writer.name)
        offset += await writer.write(chunk)
    await writer.finish()
    return writer.result
