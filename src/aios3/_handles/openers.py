"""Every way to open but the usual one, reading bytes ahead: that has no need of what is imported here."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, cast

from aios3._backend import UNCONDITIONAL, PutOptions
from aios3._handles.follow_links import follow, resolve_write_target
from aios3._handles.limited import AsyncLimitedSeekableWriter
from aios3._handles.missing import explain_missing
from aios3._handles.options import Mode, parse_open_options, read_sizes
from aios3._handles.pipe_reader import AsyncPipeReader, open_pipe_reader
from aios3._handles.pipe_writer import AsyncPipeWriter
from aios3._handles.prepare_plan import plan_write
from aios3._handles.reader import AsyncPrefetchReader, open_reader
from aios3._handles.shared import open_shared
from aios3._handles.text import AsyncTextReader, AsyncTextWriter
from aios3._handles.whole import AsyncWholeFile
from aios3._handles.whole_opening import open_whole
from aios3._handles.whole_values import WholeMode, WholeObject
from aios3._handles.writer import AsyncMultipartWriter
from aios3._paths import S3Url
from aios3._session import current_session
from aios3._storing.equal_parts import requires_equal_parts
from aios3._storing.store_object import store_object
from aios3._storing.write_plan import WritePlan, resolve_at_once, resolve_plan
from aios3.errors import ObjectNotFoundError

if TYPE_CHECKING:
    from aios3._entries import WriteResult
    from aios3._handles.options import OpenOptions, OpenSpec, WriterOptions
    from aios3._paths import AnyPath
    from aios3._session import Session

_REPLACE_MODE = Mode("w", binary=True, updates=False)
_DEFAULT_WRITE = PutOptions()

AsyncBinaryFile = (
    AsyncPrefetchReader
    | AsyncMultipartWriter
    | AsyncPipeReader
    | AsyncPipeWriter
    | AsyncWholeFile
    | AsyncLimitedSeekableWriter
)
"""The files that a binary mode opens."""
AsyncFile = (
    AsyncBinaryFile
    | AsyncTextReader
    | AsyncTextReader[AsyncPipeReader]
    | AsyncTextReader[AsyncWholeFile]
    | AsyncTextWriter
    | AsyncTextWriter[AsyncPipeWriter]
    | AsyncTextWriter[AsyncWholeFile]
    | AsyncTextWriter[AsyncLimitedSeekableWriter]
)
"""The files that :func:`aios3.aopen` opens."""


async def open_file(session: Session, spec: OpenSpec, text: tuple[str, str, str | None] | None) -> AsyncFile:
    """Open what ``spec`` says; ``text`` is how bytes are text, if they are.

    Raises what :func:`aios3.aopen` says.
    """
    file = await _open_binary(session, spec)
    if text is None:
        return file
    if isinstance(file, (AsyncPrefetchReader, AsyncPipeReader)):
        return AsyncTextReader(file, *text)  # type: ignore[return-value]  # of either, which is what AsyncFile has
    if isinstance(file, AsyncWholeFile) and spec.mode.kind == "r":
        return AsyncTextReader(file, *text)
    return AsyncTextWriter(file, *text)  # type: ignore[return-value] # as for the reader


async def _open_binary(session: Session, spec: OpenSpec) -> AsyncBinaryFile:
    if spec.mode.kind != "r":
        return await _open_writing(session, spec)
    try:
        file = await _open_reading(session, spec)
        if spec.followlinks and file.stat().islnk:
            link = file.stat()
            await file.aclose()
            target, _ = await follow(session, spec.url, link)
            file = await _open_reading(session, _with_target(spec, target))
    except ObjectNotFoundError as error:
        await explain_missing(session, spec.url, error)
        raise
    return file


async def _open_reading(session: Session, spec: OpenSpec) -> AsyncPrefetchReader | AsyncPipeReader | AsyncWholeFile:
    if spec.buffering == "pipe":
        return await open_pipe_reader(session, spec.url, spec.read)
    if spec.buffering in ("memory", "disk"):
        return await _open_whole(session, spec)
    sizes = read_sizes(session.config, spec)
    if spec.buffering == "shared":
        return await open_shared(session, spec.url, spec.read, sizes, key=spec.cache_key)
    return await open_reader(session, spec.url, spec.read, sizes)


async def _open_writing(session: Session, spec: OpenSpec) -> AsyncBinaryFile:
    if spec.followlinks and spec.mode.kind != "x":
        spec = _with_target(spec, await resolve_write_target(session, spec.url))
    if spec.buffering in ("memory", "disk"):
        return await _open_whole(session, spec)
    plan = await plan_write(session, _plan_with_part_size(session, spec))
    if spec.buffering == "limited":
        return await _open_limited(session, spec, plan)
    if spec.buffering == "pipe":
        return AsyncPipeWriter(session, plan, join=spec.join)
    if plan.existing_bytes:
        await session.budget.acquire(len(plan.existing_bytes))
        session.budget.mark_retained(len(plan.existing_bytes))
    return AsyncMultipartWriter(session, plan)


async def _open_limited(session: Session, spec: OpenSpec, plan: WritePlan) -> AsyncLimitedSeekableWriter:
    head_size, tail_size = (plan.part_size if size is None else size for size in (spec.head_size, spec.tail_size))
    if head_size != plan.part_size and await requires_equal_parts(session, plan.url):
        plan = dataclasses.replace(plan, part_size=head_size, equal_parts=True)  # the head is the first part
    return AsyncLimitedSeekableWriter(session, plan, head_size, tail_size)


async def write_at_once(
    session: Session | None, path: AnyPath, data: memoryview, options: WriterOptions
) -> WriteResult | None:
    """Write ``data`` with one PutObject and no file, if that is all that :func:`aios3.aopen` in mode ``wb`` would do.

    None where there is more to it: more than a part, or a link to follow.
    """
    url, current = S3Url.parse(path).require_object(), current_session(session)
    if options:
        spec = parse_open_options(url, _REPLACE_MODE, None, cast("OpenOptions", options))
        plan = _plan_with_part_size(current, spec)
        if spec.followlinks:
            return None
    else:
        plan = WritePlan(url, "wb", _DEFAULT_WRITE, UNCONDITIONAL, current.config.part_size)
    if len(data) > plan.part_size:
        return None
    plan = resolve_at_once(current, plan) or await resolve_plan(current, plan)
    if not current.budget.try_acquire(len(data)):
        await current.budget.acquire(len(data))
    try:
        return await store_object(current, plan, (data if isinstance(data.obj, bytes) else bytes(data),))
    finally:
        current.budget.release(len(data))


async def _open_whole(session: Session, spec: OpenSpec) -> AsyncWholeFile:
    plan = _plan_with_part_size(session, spec) if spec.plan is not None else None
    target = WholeObject(spec.url, WholeMode(str(spec.mode)), plan=plan)
    return await open_whole(session, target, spec.read, on_disk=spec.buffering == "disk", cache_path=spec.cache_path)


def _plan_with_part_size(session: Session, spec: OpenSpec) -> WritePlan:
    assert spec.plan is not None
    part_size = session.config.with_options(**spec.config).part_size
    return spec.plan if spec.plan.part_size == part_size else dataclasses.replace(spec.plan, part_size=part_size)


def _with_target(spec: OpenSpec, url: S3Url) -> OpenSpec:
    plan = None if spec.plan is None else dataclasses.replace(spec.plan, url=url)
    read = spec.read if url == spec.url else dataclasses.replace(spec.read, version_id=None)
    return dataclasses.replace(spec, url=url, read=read, plan=plan)
