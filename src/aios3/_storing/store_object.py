"""One object in one request: from bytes, or as a copy inside S3; repeated, and looked at, as a write needs it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from aios3._backend import UNCONDITIONAL, PutOptions
from aios3._engine.checksums import checksum_of
from aios3._entries import WriteResult
from aios3._storing.outcome import (
    has_bytes,
    has_metadata,
    head_or_none_on_error,
    is_recent,
    retry_unless_stored,
    with_checks,
)

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence

    from aios3._backend import Checksum, CopyOptions, Precondition
    from aios3._entries import StatResult
    from aios3._paths import S3Url
    from aios3._session import Session
    from aios3._storing.outcome import Attempt, Lookup
    from aios3._storing.write_plan import WritePlan
    from aios3.errors import S3Error

_AS_THEY_ARE = PutOptions()
"""The options of a copy that carries the attributes of its source."""


async def store_object(session: Session, plan: WritePlan, chunks: Sequence[bytes | memoryview]) -> WriteResult:
    """Store an object in one request, under the condition of ``plan`` and with its checksum.

    A write without a condition is repeated as it is: the last one is the one that counts. A conditional write that is
    repeated may fail against the object that an earlier attempt has stored, so the owner of that object is determined.
    """
    backend = session.cached_backend(plan.url) or await session.backend(plan.url)
    checksum = checksum_of(chunks, plan.algorithm)

    def attempt(condition: Precondition) -> Coroutine[None, None, WriteResult]:
        options = plan.options
        return backend.put_object(plan.url, chunks, options=options, condition=condition, checksum=checksum)

    if plan.condition == UNCONDITIONAL:
        return await attempt(UNCONDITIONAL)
    return await _send_conditionally(
        session, plan, attempt, partial(_lookup_put, session, plan, chunks, checksum, _clock())
    )


async def copy_server_side(
    session: Session, source: S3Url, plan: WritePlan, source_stat: StatResult, terms: CopyOptions
) -> WriteResult:
    """Copy an object of up to 5 GiB inside S3 to the URL of ``plan``, under its condition.

    ``source_stat`` describes the source. Options of ``plan`` replace what the source has.
    """
    backend = await session.backend(plan.url)

    async def attempt(condition: Precondition) -> WriteResult:
        options = None if plan.options == _AS_THEY_ARE else plan.options
        result = await backend.copy_object(source, plan.url, options=options, terms=replace(terms, condition=condition))
        return replace(result, size=source_stat.size)

    if plan.condition == UNCONDITIONAL:
        return await attempt(UNCONDITIONAL)
    return await _send_conditionally(
        session, plan, attempt, partial(_lookup_copy, session, plan, source_stat, _clock())
    )


async def _send_conditionally(session: Session, plan: WritePlan, attempt: Attempt, lookup: Lookup) -> WriteResult:
    send = with_checks(session, plan, attempt, head_first=plan.head_first)
    return await retry_unless_stored(session.policy_at(plan.url), send, lookup)


def _clock() -> float:
    return asyncio.get_running_loop().time()


async def _lookup_put(
    session: Session,
    plan: WritePlan,
    chunks: Sequence[bytes | memoryview],
    checksum: Checksum | None,
    began: float,
    _error: S3Error,
) -> WriteResult | None:
    """Return the result of a PutObject whose response was lost, if the object that is there is what was sent."""
    stat = await head_or_none_on_error(session, plan)
    if stat is None or not is_recent(stat, _clock() - began) or not has_metadata(stat, plan.options.metadata):
        return None
    return WriteResult(stat.size, stat.etag, stat.version_id) if await has_bytes(stat, chunks, checksum) else None


async def _lookup_copy(
    session: Session, plan: WritePlan, source: StatResult, began: float, _error: S3Error
) -> WriteResult | None:
    """Return the result of a CopyObject whose response was lost, if what is there is a copy of the source."""
    stat = await head_or_none_on_error(session, plan)
    if stat is None or stat.size != source.size or not is_recent(stat, _clock() - began):
        return None
    # The copy of an object of parts has one part, and so an ETag of its own.
    has_parts = "-" in (source.etag or "-")
    metadata = source.metadata if plan.options == _AS_THEY_ARE else plan.options.metadata
    if not has_metadata(stat, metadata) or not (has_parts or stat.etag == source.etag):
        return None
    return WriteResult(stat.size, stat.etag, stat.version_id)
