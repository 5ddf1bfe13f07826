"""Asks S3, when a write is opened, for the facts that it needs about the object that is there."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from aios3._aligned_buffers import BodyTarget
from aios3._backend import GetOptions, Precondition
from aios3._engine.parts import appending_part_size, copy_ranges, equal_ranges
from aios3._entries import WriteResult
from aios3._handles.resumable_get import ObjectSource
from aios3._s3_constants import MIN_PART_SIZE
from aios3._storing.equal_parts import requires_equal_parts
from aios3._storing.inherit import inherit_metadata
from aios3._storing.write_plan import WritePlan, resolve_plan, with_checksum
from aios3.errors import ObjectExistsError, ObjectNotFoundError

if TYPE_CHECKING:
    from aios3._session import Session

__all__ = ["WritePlan", "plan_write"]


async def plan_write(session: Session, plan: WritePlan) -> WritePlan:
    """Decide what a write in mode ``wb``, ``xb`` or ``ab`` needs to know of S3 and of the object that is there.

    ``wb`` costs no request. ``xb`` looks whether the object is there, to say so before anything is written; S3 decides
    again at the end. ``ab`` reads what is there: all of it below 5 MiB, its description above.

    Raises ObjectExistsError in ``xb``, ObjectChangedError in ``ab`` if the object does not match ``if_match``.
    """
    if plan.mode == "ab":
        return await _append(session, await with_checksum(session, plan))
    plan = await resolve_plan(session, plan)
    if plan.mode == "wb":
        return plan
    await _check_absent(session, plan)
    return replace(plan, condition=Precondition(if_absent=True), head_first=True)


async def _check_absent(session: Session, plan: WritePlan) -> None:
    backend = await session.backend(plan.url)
    try:
        await backend.head_object(plan.url, GetOptions(sse_customer_key=plan.options.sse_customer_key))
    except ObjectNotFoundError:
        return
    message = f"{plan.url} exists already, and mode 'x' creates only; use 'w' to replace it"
    raise ObjectExistsError(message, path=str(plan.url))


async def _append(session: Session, plan: WritePlan) -> WritePlan:
    if_match = plan.condition.if_match
    source = ObjectSource(session, plan.url, GetOptions(None, if_match, plan.options.sse_customer_key))
    try:
        await source.open(0, MIN_PART_SIZE)
    except ObjectNotFoundError:
        if if_match is not None:
            raise
        plan = replace(plan, condition=Precondition(if_absent=True), expects_unchanged=True, head_first=True)
        return await resolve_plan(session, plan)
    old = source.stat
    plan = replace(
        plan,
        condition=Precondition(if_match=old.etag),
        expects_unchanged=True,
        head_first=True,
        unchanged_result=WriteResult(old.size, old.etag, old.version_id),
    )
    plan = await _plan_existing_bytes(session, source, plan)
    return replace(plan, options=await inherit_metadata(session, plan.url, plan.options, old))


async def _plan_existing_bytes(session: Session, source: ObjectSource, plan: WritePlan) -> WritePlan:
    """Say which bytes of the old object are copied as parts, and read those that are sent again."""
    size = source.stat.size
    try:
        if size < MIN_PART_SIZE:
            return replace(plan, existing_bytes=await _download(source, 0, size))
    finally:
        await source.aclose()  # an open response counts as a request in flight
    if not await requires_equal_parts(session, plan.url):
        return replace(plan, copy_source=source.stat, copies=copy_ranges(size, followed=True))
    part_size = appending_part_size(size, plan.part_size)
    copies = equal_ranges(size - size % part_size, part_size)
    existing_bytes = await _download(source, size - size % part_size, size)
    return replace(
        plan,
        part_size=part_size,
        equal_parts=True,
        copy_source=source.stat,
        copies=copies,
        existing_bytes=existing_bytes,
    )


async def _download(source: ObjectSource, start: int, stop: int) -> bytes:
    data = bytearray(stop - start)
    if data:
        target = BodyTarget(memoryview(data))
        await source.fetch(start, stop, target.get_buffer, target.buffer_updated)
    return bytes(data)
