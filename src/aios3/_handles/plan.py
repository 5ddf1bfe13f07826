"""What a write is to become, decided when it is opened: where, how, under which condition, and behind what."""

from __future__ import annotations

import asyncio
import mimetypes
import threading
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from aios3._backend import Condition, ReadOptions
from aios3._config import MIB, MIN_PART_SIZE
from aios3._engine.checksums import choose_algorithm
from aios3._entries import WriteResult
from aios3._handles.source import ObjectSource
from aios3.errors import ObjectExistsError, ObjectNotFoundError

if TYPE_CHECKING:
    from collections.abc import Callable

    from aios3._backend import WriteOptions
    from aios3._engine.checksums import Algorithm
    from aios3._entries import StatResult
    from aios3._paths import S3Url
    from aios3._session import Session

_PACKED_TYPES = {
    "gzip": "application/gzip",
    "bzip2": "application/x-bzip2",
    "xz": "application/x-xz",
    "compress": "application/x-compress",
    "br": "application/x-brotli",
}

_TABLES_READ = threading.Event()
"""Set once mimetypes has read the system's tables from disk; its own ``inited`` is set before it has."""


@dataclass(frozen=True, slots=True)
class WritePlan:
    """One write, decided."""

    url: S3Url
    mode: str
    options: WriteOptions
    condition: Condition
    part_size: int = 8 * MIB
    """Bytes of the first part."""
    algorithm: Algorithm | None = None
    """The checksum to send."""
    head: bytes = b""
    """The old object's bytes, where it is too small to be copied as a part."""
    base: StatResult | None = None
    """The object whose bytes are copied inside S3 as the first parts."""
    base_url: S3Url | None = None
    """Where that object is; None: where the new one will be."""
    copied_size: int | None = None
    """The most bytes of it that are copied in one request; None: as many as S3 allows."""
    on_copied: Callable[[int], None] | None = None
    """Told of the bytes of every part that has been copied."""
    unchanged: WriteResult | None = None
    """The result if nothing is written, where that means that nothing happens."""

    @property
    def base_size(self) -> int:
        """Bytes that are there before the first write."""
        return self.base.size if self.base else len(self.head)


async def complete_plan(session: Session, plan: WritePlan) -> WritePlan:
    """Decide what a write in mode ``wb``, ``xb`` or ``ab`` needs to know of S3 and of the object that is there.

    ``wb`` costs no request. ``xb`` looks whether the object is there, to say so before anything is written; S3 decides
    again at the end. ``ab`` reads what is there: all of it below 5 MiB, its description above.

    Raises ObjectExistsError in ``xb``, ObjectChangedError in ``ab`` if the object does not match ``if_match``.
    """
    backend = await session.backend(plan.url)
    algorithm = choose_algorithm(session.checksums_at(plan.url).sending, at_amazon=await backend.at_amazon())
    if plan.mode == "wb":
        return await _with_type(plan, algorithm)
    plan = replace(plan, algorithm=algorithm)
    if plan.mode == "ab":
        return await _append(session, plan)
    await _check_absent(session, plan)
    return await _with_type(replace(plan, condition=Condition(if_absent=True)), algorithm)


async def _check_absent(session: Session, plan: WritePlan) -> None:
    backend = await session.backend(plan.url)
    try:
        await backend.head_object(plan.url, ReadOptions(sse_customer_key=plan.options.sse_customer_key))
    except ObjectNotFoundError:
        return
    message = f"{plan.url} exists already, and mode 'x' creates only; use 'w' to replace it"
    raise ObjectExistsError(message, path=str(plan.url))


async def _append(session: Session, plan: WritePlan) -> WritePlan:
    if_match = plan.condition.if_match
    source = ObjectSource(session, plan.url, ReadOptions(None, if_match, plan.options.sse_customer_key))
    head = bytearray(MIN_PART_SIZE)
    try:
        await source.open(0, MIN_PART_SIZE)
    except ObjectNotFoundError:
        if if_match is not None:
            raise
        return await _with_type(replace(plan, condition=Condition(if_absent=True)), plan.algorithm)
    old = source.stat
    plan = replace(
        plan,
        options=inherit(plan.options, old),
        condition=Condition(if_match=old.etag),
        unchanged=WriteResult(old.size, old.etag, old.version_id),
    )
    if old.size >= MIN_PART_SIZE:
        await source.aclose()
        return replace(plan, base=old, algorithm=None)
    return replace(plan, head=await _download(source, head, old.size))


async def _download(source: ObjectSource, into: bytearray, size: int) -> bytes:
    reached = 0

    def received(count: int) -> None:
        nonlocal reached
        reached += count

    try:
        await source.fetch(0, size, lambda: memoryview(into)[reached:size], received)
    finally:
        await source.aclose()
    return bytes(memoryview(into)[:size])


def inherit(options: WriteOptions, old: StatResult) -> WriteOptions:
    """Keep what the old object was stored with, where the caller does not say otherwise."""
    return replace(
        options,
        content_type=options.content_type or old.content_type,
        content_encoding=options.content_encoding or old.headers.get("content-encoding"),
        content_disposition=options.content_disposition or old.headers.get("content-disposition"),
        content_language=options.content_language or old.headers.get("content-language"),
        cache_control=options.cache_control or old.headers.get("cache-control"),
        metadata=options.metadata or old.metadata,
        storage_class=options.storage_class or old.storage_class,
    )


async def _with_type(plan: WritePlan, algorithm: Algorithm | None) -> WritePlan:
    if plan.options.content_type is not None or (kind := await _guess_type(plan.url.name)) is None:
        return plan if plan.algorithm == algorithm else replace(plan, algorithm=algorithm)
    return replace(plan, algorithm=algorithm, options=replace(plan.options, content_type=kind))


async def _guess_type(name: str) -> str | None:
    if "." not in name:
        return None
    if _TABLES_READ.is_set():
        kind, packing = mimetypes.guess_type(name)
    else:
        kind, packing = await asyncio.to_thread(mimetypes.guess_type, name)
        _TABLES_READ.set()
    return _PACKED_TYPES.get(packing) if packing else kind
