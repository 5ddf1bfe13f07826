"""Every way to open but the usual one, reading bytes ahead: that has no need of what is imported here."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, cast

from aios3._backend import Condition, WriteOptions
from aios3._handles.limited import AsyncLimitedSeekableWriter
from aios3._handles.links import follow, place_to_write
from aios3._handles.missing import explain_missing
from aios3._handles.options import Mode, make_order, sizes_of
from aios3._handles.pipe_reader import AsyncPipeReader, open_pipe_reader
from aios3._handles.pipe_writer import AsyncPipeWriter
from aios3._handles.plan import complete_plan
from aios3._handles.reader import AsyncPrefetchReader, open_reader
from aios3._handles.shared import open_shared
from aios3._handles.text import AsyncTextReader, AsyncTextWriter
from aios3._handles.whole import AsyncWholeFile
from aios3._handles.whole_opening import open_whole
from aios3._handles.whole_values import Subject, WholeMode
from aios3._handles.writer import AsyncMultipartWriter
from aios3._paths import S3Url
from aios3._session import current_session
from aios3._storing.equal_parts import needs_equal_parts
from aios3._storing.plan import WritePlan, resolve_plan
from aios3._storing.store import store_object
from aios3.errors import ObjectNotFoundError

if TYPE_CHECKING:
    from aios3._entries import WriteResult
    from aios3._handles.options import OpenOptions, Order, WriterOptions
    from aios3._paths import AnyPath
    from aios3._session import Session

_REPLACING = Mode("w", binary=True, updates=False)
_AS_EVER, _ALWAYS = WriteOptions(), Condition()

AsyncBinaryFile = (
    AsyncPrefetchReader
    | AsyncMultipartWriter
    | AsyncPipeReader
    | AsyncPipeWriter
    | AsyncWholeFile
    | AsyncLimitedSeekableWriter
)
"""What a binary mode opens."""
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
"""What :func:`aios3.aopen` opens."""


async def open_file(session: Session, order: Order, text: tuple[str, str, str | None] | None) -> AsyncFile:
    """Open what ``order`` says; ``text`` is how bytes are text, if they are.

    Raises what :func:`aios3.aopen` says.
    """
    file = await _open_binary(session, order)
    if text is None:
        return file
    if isinstance(file, (AsyncPrefetchReader, AsyncPipeReader)):
        return AsyncTextReader(file, *text)  # type: ignore[return-value]  # of either, which is what AsyncFile has
    if isinstance(file, AsyncWholeFile) and order.mode.kind == "r":
        return AsyncTextReader(file, *text)
    return AsyncTextWriter(file, *text)  # type: ignore[return-value]  # likewise


async def _open_binary(session: Session, order: Order) -> AsyncBinaryFile:
    if order.mode.kind != "r":
        return await _open_writing(session, order)
    try:
        file = await _open_reading(session, order)
        if order.followlinks and file.stat().islnk:
            link = file.stat()
            await file.aclose()
            target, _ = await follow(session, order.url, link)
            file = await _open_reading(session, _redirected(order, target))
    except ObjectNotFoundError as error:
        await explain_missing(session, order.url, error)
        raise
    return file


async def _open_reading(session: Session, order: Order) -> AsyncPrefetchReader | AsyncPipeReader | AsyncWholeFile:
    if order.way == "pipe":
        return await open_pipe_reader(session, order.url, order.read)
    if order.way in ("memory", "disk"):
        return await _open_whole(session, order)
    sizes = sizes_of(session.config, order)
    if order.way == "shared":
        return await open_shared(session, order.url, order.read, sizes, key=order.cache_key)
    return await open_reader(session, order.url, order.read, sizes)


async def _open_writing(session: Session, order: Order) -> AsyncBinaryFile:
    if order.followlinks and order.mode.kind != "x":
        order = _redirected(order, await place_to_write(session, order.url))
    if order.way in ("memory", "disk"):
        return await _open_whole(session, order)
    plan = await complete_plan(session, _sized_plan(session, order))
    if order.way == "limited":
        return await _open_limited(session, order, plan)
    if order.way == "pipe":
        return AsyncPipeWriter(session, plan, join=order.join)
    if plan.head:
        await session.budget.take(len(plan.head))
        session.budget.park(len(plan.head))
    return AsyncMultipartWriter(session, plan)


async def _open_limited(session: Session, order: Order, plan: WritePlan) -> AsyncLimitedSeekableWriter:
    head_size, tail_size = (plan.part_size if size is None else size for size in (order.head_size, order.tail_size))
    if head_size != plan.part_size and await needs_equal_parts(session, plan.url):
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
        order = make_order(url, _REPLACING, None, cast("OpenOptions", options))
        plan = _sized_plan(current, order)
        if order.followlinks:
            return None
    else:
        plan = WritePlan(url, "wb", _AS_EVER, _ALWAYS, current.config.part_size)
    if len(data) > plan.part_size:
        return None
    plan = await resolve_plan(current, plan)
    if not current.budget.try_take(len(data)):
        await current.budget.take(len(data))
    try:
        return await store_object(current, plan, (data if isinstance(data.obj, bytes) else bytes(data),))
    finally:
        current.budget.give_back(len(data))


async def _open_whole(session: Session, order: Order) -> AsyncWholeFile:
    plan = _sized_plan(session, order) if order.plan is not None else None
    subject = Subject(order.url, WholeMode(str(order.mode)), plan=plan)
    return await open_whole(session, subject, order.read, on_disk=order.way == "disk", place=order.place)


def _sized_plan(session: Session, order: Order) -> WritePlan:
    assert order.plan is not None
    part_size = session.config.with_options(**order.config).part_size
    return order.plan if order.plan.part_size == part_size else dataclasses.replace(order.plan, part_size=part_size)


def _redirected(order: Order, url: S3Url) -> Order:
    plan = None if order.plan is None else dataclasses.replace(order.plan, url=url)
    read = order.read if url == order.url else dataclasses.replace(order.read, version_id=None)
    return dataclasses.replace(order, url=url, read=read, plan=plan)
