"""Read an object, or a range of it, in one call."""

from __future__ import annotations

import io
from functools import partial
from typing import TYPE_CHECKING

from aios3._arguments import check_arguments
from aios3._backend import GetOptions
from aios3._handles.missing import explain_missing
from aios3._handles.options import ReadSizes, text_settings
from aios3._handles.reader import INITIAL_GET_BYTES, close_fetcher, open_fetcher
from aios3._handles.resumable_get import ObjectSource
from aios3._handles.verifying import log_reread, retry_on_mismatch
from aios3._namespace.link_targets import follow, head
from aios3._paths import S3Url
from aios3._session import current_session
from aios3.errors import ChecksumMismatchError, InvalidRangeError, ObjectNotFoundError

if TYPE_CHECKING:
    from aios3._entries import StatResult
    from aios3._paths import AnyPath
    from aios3._session import Session


async def read_bytes(
    path: AnyPath, start: int | None = None, stop: int | None = None, *, session: Session | None = None
) -> bytes:
    """Read an object, or the bytes ``[start, stop)`` of it; negative bounds count from its end, as in a slice.

    One GET for a small object or range; several at once for a large one, all of the same version. A range may end after
    the object's end. Raises InvalidRangeError if it begins there or ends before it begins, ObjectNotFoundError,
    PathIsDirectoryError.
    """
    if start is not None or stop is not None:
        check_arguments(start=start, stop=stop)
    return await _read(current_session(session), path, start, stop, followlinks=False)


async def load_content(
    path: AnyPath,
    start: int | None = None,
    stop: int | None = None,
    followlinks: bool = False,
    *,
    session: Session | None = None,
) -> bytes:
    """Read like :func:`read_bytes`; with ``followlinks``, what a symbolic link leads to.

    ``load_content(path, n, n)`` is ``b""``. An object that is not a link costs the same with ``followlinks`` as
    without.
    """
    check_arguments(start=start, stop=stop, followlinks=followlinks)
    return await _read(current_session(session), path, start, stop, followlinks=followlinks)


async def load_from(path: AnyPath, followlinks: bool = False, *, session: Session | None = None) -> io.BytesIO:
    """Read a whole object into an :class:`io.BytesIO`, which is the caller's to close.

    With ``followlinks``, what a symbolic link leads to. Raises like :func:`read_bytes`.
    """
    check_arguments(followlinks=followlinks)
    return io.BytesIO(await _read(current_session(session), path, None, None, followlinks=followlinks))


async def read_text(
    path: AnyPath, encoding: str = "utf-8", errors: str = "strict", *, session: Session | None = None
) -> str:
    """Read an object as text, with universal newlines, as :meth:`pathlib.Path.read_text` does.

    Raises ConfigError for an unknown encoding, UnicodeDecodeError, and what :func:`read_bytes` raises.
    """
    encoding, errors, _ = text_settings(binary=False, encoding=encoding, errors=errors, newline=None)
    data = await read_bytes(path, session=session)
    return io.TextIOWrapper(io.BytesIO(data), encoding, errors).read()


async def read_if_there(session: Session, url: S3Url, start: int | None, stop: int | None) -> bytes:
    """Read like :func:`read_bytes`; ObjectNotFoundError is raised without a look at what else is there instead."""
    return await _read(session, url, start, stop, followlinks=False, explains=False)


async def _read(
    session: Session,
    path: AnyPath,
    start: int | None,
    stop: int | None,
    *,
    followlinks: bool,
    explains: bool = True,
) -> bytes:
    url, start = S3Url.parse(path).require_object(), start or 0
    if stop is not None and 0 <= stop < start:
        raise _bad_range(url, start, stop)
    try:
        if start < 0 or start == stop or (stop is not None and stop < 0):
            return await retry_on_mismatch(
                partial(_read_negative_slice, session, url, start, stop, followlinks=followlinks)
            )
        source, first = ObjectSource(session, url), _first_stop(session, start, stop)
        try:
            if first - start <= INITIAL_GET_BYTES:
                data = await source.read_small(start, first, stop)
                if data or (data is not None and not followlinks):
                    return data
            return await _read_range(session, source, start, stop, followlinks=followlinks)
        except InvalidRangeError:
            return await _read_nothing(session, url, start, stop, followlinks=followlinks)
        except ChecksumMismatchError as error:
            log_reread(error)
        return await _read_range(session, ObjectSource(session, url), start, stop, followlinks=followlinks)
    except ObjectNotFoundError as error:
        if explains:
            await explain_missing(session, url, error)
        raise


def _first_stop(session: Session, start: int, stop: int | None) -> int:
    """Return where the first request ends."""
    return start + INITIAL_GET_BYTES if stop is None else min(stop, start + session.config.request_size)


async def _read_negative_slice(
    session: Session, url: S3Url, start: int, stop: int | None, *, followlinks: bool
) -> bytes:
    """Read a slice whose bounds mean something only once the object's size is known."""
    stat = await head(session, url)
    if followlinks:
        url, stat = await follow(session, url, stat)
    start, stop = _resolve_slice(url, start, stop, stat.size)
    if start == stop:
        return b""
    source = ObjectSource(session, url, GetOptions(if_match=stat.etag))
    return await _read_range(session, source, start, stop, followlinks=False)


async def _read_range(
    session: Session, source: ObjectSource, start: int, stop: int | None, *, followlinks: bool
) -> bytes:
    """Read ``[start, stop)`` in as many requests as it needs."""
    sizes = ReadSizes(session.config.block_size, session.config.request_size)
    try:
        fetcher = await open_fetcher(session, source, start, _first_stop(session, start, stop), sizes)
    except InvalidRangeError:
        return await _read_nothing(session, source.url, start, stop, followlinks=followlinks)
    try:
        if not (followlinks and source.stat.islnk):
            return await fetcher.read(start, fetcher.size if stop is None else min(stop, fetcher.size))
    finally:
        await close_fetcher(source, fetcher)
    return await _read_link_target(session, source.url, source.stat, start, stop)


async def _read_nothing(session: Session, url: S3Url, start: int, stop: int | None, *, followlinks: bool) -> bytes:
    """Read a range that the server says does not exist: a slice from the object's end on is empty."""
    stat = await head(session, url)
    if followlinks and stat.islnk:
        return await _read_link_target(session, url, stat, start, stop)
    if start != stat.size:
        raise _bad_range(url, start, stop, stat.size) from None
    return b""


async def _read_link_target(
    session: Session, link: S3Url, link_stat: StatResult, start: int, stop: int | None
) -> bytes:
    url, target = await follow(session, link, link_stat)
    source = ObjectSource(session, url, GetOptions(if_match=target.etag))
    return await _read_range(session, source, start, stop, followlinks=False)


def _resolve_slice(url: S3Url, start: int, stop: int | None, size: int) -> tuple[int, int]:
    first, last, _ = slice(start, stop).indices(size)
    if last < first or start > size:
        raise _bad_range(url, start, stop, size)
    return first, last


def _bad_range(url: S3Url, start: int, stop: int | None, size: int | None = None) -> InvalidRangeError:
    size_note = "" if size is None else f", which has {size:,} bytes"
    shown = f"{start}:{'' if stop is None else stop}"
    return InvalidRangeError(f"There is no range {shown} in {url}{size_note}", path=str(url))
