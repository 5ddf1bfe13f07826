"""Verbs on one object: read it, write it, copy it, remove it."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import TYPE_CHECKING

from aios3._backend import Condition, ReadOptions, WriteOptions
from aios3._config import MAX_PART_SIZE
from aios3._handles.missing import explain_missing
from aios3._handles.opening import aopen
from aios3._handles.plan import WritePlan, inherit
from aios3._handles.reader import FIRST_REQUEST, Sizes, close_fetcher, open_fetcher
from aios3._handles.source import ObjectSource
from aios3._handles.text import text_settings
from aios3._handles.upload import Upload
from aios3._handles.writer import AsyncMultipartWriter
from aios3._paths import S3Url
from aios3._session import current_session
from aios3.errors import (
    BucketNotFoundError,
    ConfigError,
    InvalidPathError,
    InvalidRangeError,
    ObjectNotFoundError,
)

if TYPE_CHECKING:
    from typing import Unpack

    from typing_extensions import Buffer

    from aios3._entries import StatResult, WriteResult
    from aios3._handles.opening import WriterOptions
    from aios3._paths import AnyPath
    from aios3._session import Session


async def read_bytes(
    path: AnyPath, start: int | None = None, stop: int | None = None, *, session: Session | None = None
) -> bytes:
    """Read an object, or the bytes ``[start, stop)`` of it; negative bounds count from its end, as in a slice.

    One GET for a small object or range; several at once for a large one, all of the same version. A range may end
    behind the object. Raises InvalidRangeError if it begins there or ends before it begins, ObjectNotFoundError,
    PathIsDirectoryError.
    """
    current = current_session(session)
    url = S3Url.parse(path).require_object()
    try:
        return await _read_slice(current, url, start or 0, stop)
    except ObjectNotFoundError as error:
        await explain_missing(current, url, error)
        raise


async def _read_slice(session: Session, url: S3Url, start: int, stop: int | None) -> bytes:
    source = ObjectSource(session, url)
    if min(start, stop or 0) < 0 or start == stop:
        found = await _describe(session, url)
        start, stop = _absolute(url, start, stop, found.size)
        source = ObjectSource(session, url, ReadOptions(if_match=found.etag))
        if start == stop:
            return b""
    elif stop is not None and stop < start:
        raise _bad_range(url, start, stop)
    return await _read_range(session, source, start, stop)


async def _read_range(session: Session, source: ObjectSource, start: int, stop: int | None) -> bytes:
    config = session.config
    first = start + FIRST_REQUEST if stop is None else min(stop, start + config.request_size)
    try:
        data = await _read_small(session, source, start, first, stop)
        if data is not None:
            return data
        fetcher = await open_fetcher(session, source, start, first, Sizes(config.block_size, config.request_size))
    except InvalidRangeError:
        await _check_ends_at(session, source.url, start)
        return b""
    try:
        return await fetcher.collect(start, fetcher.size if stop is None else min(stop, fetcher.size))
    finally:
        await close_fetcher(source, fetcher)


async def _read_small(session: Session, source: ObjectSource, start: int, first: int, stop: int | None) -> bytes | None:
    """Read what one small answer brings; None if that is not all, or memory is short."""
    if first - start > FIRST_REQUEST or not session.budget.try_take(first - start):
        return None
    try:
        return await source.read_at_once(start, first, stop)
    finally:
        session.budget.give_back(first - start)


async def _check_ends_at(session: Session, url: S3Url, start: int) -> None:
    """Raise InvalidRangeError unless the object ends at ``start``: S3 has no byte there, but a slice is empty."""
    found = await _describe(session, url)
    if start != found.size:
        raise _bad_range(url, start, None, found.size)


def _absolute(url: S3Url, start: int, stop: int | None, size: int) -> tuple[int, int]:
    first, last, _ = slice(start, stop).indices(size)
    if last < first or start > size:
        raise _bad_range(url, start, stop, size)
    return first, last


def _bad_range(url: S3Url, start: int, stop: int | None, size: int | None = None) -> InvalidRangeError:
    known = "" if size is None else f", which has {size:,} bytes"
    return InvalidRangeError(f"There is no range {start}:{stop} in {url}{known}", path=str(url))


async def write_bytes(
    path: AnyPath, data: Buffer, *, session: Session | None = None, **options: Unpack[WriterOptions]
) -> WriteResult:
    """Write ``data`` as an object, replacing what is there; the options are those of :func:`aios3.aopen`.

    One PutObject for small data, parts side by side for large; visible as a whole, or not at all.
    """
    async with aopen(path, "wb", session=session, **options) as writer:
        await writer.write(data)
    return writer.result


async def read_text(
    path: AnyPath, encoding: str = "utf-8", errors: str = "strict", *, session: Session | None = None
) -> str:
    """Read an object as text, with universal newlines, as :meth:`pathlib.Path.read_text` does.

    Raises ConfigError for an unknown encoding, UnicodeDecodeError, and what :func:`read_bytes` raises.
    """
    text_settings(binary=False, encoding=encoding, errors=errors, newline=None)
    data = await read_bytes(path, session=session)
    return io.TextIOWrapper(io.BytesIO(data), encoding, errors).read()


async def write_text(
    path: AnyPath,
    text: str,
    encoding: str = "utf-8",
    errors: str = "strict",
    *,
    session: Session | None = None,
    **options: Unpack[WriterOptions],
) -> WriteResult:
    """Write ``text`` as an object, replacing what is there; the options are those of :func:`aios3.aopen`.

    Raises ConfigError for an unknown encoding, UnicodeEncodeError, and what :func:`write_bytes` raises.
    """
    text_settings(binary=False, encoding=encoding, errors=errors, newline=None)
    if not isinstance(text, str):
        message = f"write_text() takes str, not {type(text).__name__}; write_bytes() takes bytes"
        raise ConfigError(message)
    return await write_bytes(path, text.encode(encoding, errors), session=session, **options)


async def remove(path: AnyPath, missing_ok: bool = False, *, session: Session | None = None) -> None:
    """Remove one object. Costs a HEAD and a DELETE, because S3 answers a DELETE of nothing like any other.

    Raises PathIsDirectoryError for a directory, ObjectNotFoundError if nothing is there, unless ``missing_ok``.
    """
    current = current_session(session)
    url = S3Url.parse(path).require_object()
    try:
        await _find(current, url)
    except BucketNotFoundError:
        raise
    except ObjectNotFoundError:
        if missing_ok:
            return
        raise
    await (await current.backend(url)).delete_object(url)


async def _describe(session: Session, url: S3Url) -> StatResult:
    return await (await session.backend(url)).head_object(url, ReadOptions())


async def _find(session: Session, url: S3Url) -> StatResult:
    """Describe the object at ``url``, or explain why there is none."""
    try:
        return await _describe(session, url)
    except ObjectNotFoundError as error:
        await explain_missing(session, url, error)
        raise


async def copy(source: AnyPath, target: AnyPath, *, session: Session | None = None) -> WriteResult:
    """Copy an object inside S3, with its metadata, replacing what is at ``target``.

    A HEAD and one CopyObject up to 5 GiB, which is S3's limit for it; parts copied side by side above. Between two
    profiles the bytes come through here. Raises ObjectNotFoundError, PathIsDirectoryError, and InvalidPathError for a
    copy of an object onto itself.
    """
    current = current_session(session)
    old, new = S3Url.parse(source).require_object(), S3Url.parse(target).require_object()
    if old == new:
        message = f"{old} cannot be copied onto itself"
        raise InvalidPathError(message, path=str(old))
    if old.profile != new.profile:
        return await _copy_through(current, old, new)
    found = await _find(current, old)
    if found.size > MAX_PART_SIZE:
        return await _copy_parts(current, old, new, found)
    done = await (await current.backend(new)).copy_object(old, new, options=None)
    return replace(done, size=found.size)


async def _copy_through(session: Session, old: S3Url, new: S3Url) -> WriteResult:
    async with aopen(old, session=session) as reader:
        options = inherit(WriteOptions(), reader.stat())
        plan = WritePlan(new, "wb", options, Condition(), session.config.part_size)
        async with AsyncMultipartWriter(session, plan) as writer:
            await writer.write_from(reader.chunks())
    return writer.result


async def _copy_parts(session: Session, old: S3Url, new: S3Url, found: StatResult) -> WriteResult:
    plan = WritePlan(new, "wb", inherit(WriteOptions(), found), Condition(), session.config.part_size)
    upload = Upload(session, replace(plan, base=found, base_url=old))
    try:
        return await upload.complete(found.size)
    except BaseException:
        await upload.abort()
        raise
