"""``open``: the standard library's own buffers and text wrappers over an object of S3."""
# ruff: noqa: A001 - the name is that of builtins.open

from __future__ import annotations

import operator
import warnings
from typing import TYPE_CHECKING, Literal, TypeGuard, overload

from aios3._handles.opening import aopen
from aios3._handles.options import parse_mode, text_settings
from aios3._handles.pipe_reader import AsyncPipeReader
from aios3._handles.reader import AsyncPrefetchReader
from aios3._handles.text import AsyncTextReader, AsyncTextWriter
from aios3._handles.whole import AsyncWholeFile
from aios3._zip.members import AsyncZipMember
from aios3.errors import ConfigError
from aios3.sync import _loop_thread
from aios3.sync._layers import BUFFER_SIZE, ObjectFile, ObjectReader, ObjectWriter, TextReader, TextWriter
from aios3.sync._raw import RawWriter
from aios3.sync._raw_reader import RawReader

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import Unpack

    from aios3._buckets.objects import ObjectBase
    from aios3._handles.openers import AsyncFile
    from aios3._handles.opening import Opening
    from aios3._handles.options import (
        Buffering,
        OpenOptions,
        ReadBinaryMode,
        ReaderOptions,
        ReadTextMode,
        UpdateBinaryMode,
        UpdateTextMode,
        WholeOptions,
        WriteBinaryMode,
        WriterOptions,
        WriteTextMode,
    )
    from aios3._paths import AnyPath
    from aios3._session import Session
    from aios3.sync._raw import Writing
    from aios3.sync._raw_reader import Reading


@overload
def open(  # type: ignore[overload-overlap]  # 0 is an int as well; the first match counts
    path: AnyPath,
    mode: ReadBinaryMode = "rb",
    *,
    buffering: Literal[0],
    session: Session | None = None,
    **options: Unpack[ReaderOptions],
) -> RawReader: ...
@overload
def open(  # type: ignore[overload-overlap] # 0 is an int as well
    path: AnyPath,
    mode: ReadBinaryMode,
    buffering: Literal[0],
    *,
    session: Session | None = None,
    **options: Unpack[ReaderOptions],
) -> RawReader: ...
@overload
def open(
    path: AnyPath,
    mode: ReadBinaryMode = "rb",
    buffering: int = -1,
    *,
    session: Session | None = None,
    **options: Unpack[ReaderOptions],
) -> ObjectReader: ...
@overload
def open(  # type: ignore[overload-overlap] # 0 is an int as well
    path: AnyPath,
    mode: WriteBinaryMode,
    buffering: Literal[0],
    *,
    session: Session | None = None,
    **options: Unpack[WriterOptions],
) -> RawWriter: ...
@overload
def open(
    path: AnyPath,
    mode: WriteBinaryMode,
    buffering: int = -1,
    *,
    session: Session | None = None,
    **options: Unpack[WriterOptions],
) -> ObjectWriter: ...
@overload
def open(
    path: AnyPath,
    mode: ReadTextMode,
    buffering: int = -1,
    encoding: str | None = None,
    errors: str | None = None,
    newline: str | None = None,
    *,
    session: Session | None = None,
    **options: Unpack[ReaderOptions],
) -> TextReader: ...
@overload
def open(
    path: AnyPath,
    mode: WriteTextMode,
    buffering: int = -1,
    encoding: str | None = None,
    errors: str | None = None,
    newline: str | None = None,
    *,
    session: Session | None = None,
    **options: Unpack[WriterOptions],
) -> TextWriter: ...
@overload
def open(
    path: AnyPath,
    mode: ReadBinaryMode = "rb",
    *,
    buffering: Buffering,
    session: Session | None = None,
    **options: Unpack[OpenOptions],
) -> ObjectReader: ...
@overload
def open(
    path: AnyPath,
    mode: ReadBinaryMode,
    buffering: Buffering,
    *,
    session: Session | None = None,
    **options: Unpack[OpenOptions],
) -> ObjectReader: ...
@overload
def open(
    path: AnyPath,
    mode: WriteBinaryMode,
    buffering: Buffering,
    *,
    session: Session | None = None,
    **options: Unpack[OpenOptions],
) -> ObjectWriter: ...
@overload
def open(  # type: ignore[overload-overlap] # 0 is an int as well
    path: AnyPath,
    mode: UpdateBinaryMode,
    buffering: Literal[0],
    *,
    session: Session | None = None,
    **options: Unpack[WholeOptions],
) -> RawWriter: ...
@overload
def open(
    path: AnyPath,
    mode: UpdateBinaryMode,
    buffering: int | Buffering = -1,
    *,
    session: Session | None = None,
    **options: Unpack[WholeOptions],
) -> ObjectFile: ...
@overload
def open(
    path: AnyPath,
    mode: UpdateTextMode,
    buffering: int | Buffering = -1,
    encoding: str | None = None,
    errors: str | None = None,
    newline: str | None = None,
    *,
    session: Session | None = None,
    **options: Unpack[WholeOptions],
) -> TextWriter: ...
@overload
def open(
    path: AnyPath,
    mode: ReadTextMode,
    buffering: Buffering,
    encoding: str | None = None,
    errors: str | None = None,
    newline: str | None = None,
    *,
    session: Session | None = None,
    **options: Unpack[OpenOptions],
) -> TextReader: ...
@overload
def open(
    path: AnyPath,
    mode: WriteTextMode,
    buffering: Buffering,
    encoding: str | None = None,
    errors: str | None = None,
    newline: str | None = None,
    *,
    session: Session | None = None,
    **options: Unpack[OpenOptions],
) -> TextWriter: ...
@overload
def open(
    path: AnyPath,
    mode: str,
    buffering: int | Buffering = -1,
    encoding: str | None = None,
    errors: str | None = None,
    newline: str | None = None,
    *,
    session: Session | None = None,
    **options: Unpack[OpenOptions],
) -> RawReader | RawWriter | ObjectReader | ObjectWriter | ObjectFile | TextReader | TextWriter: ...
def open(  # noqa: PLR0917 - the order is that of builtins.open
    path: AnyPath,
    mode: str = "rb",
    buffering: int | Buffering = -1,
    encoding: str | None = None,
    errors: str | None = None,
    newline: str | None = None,
    *,
    session: Session | None = None,
    **options: Unpack[OpenOptions],
) -> RawReader | RawWriter | ObjectReader | ObjectWriter | ObjectFile | TextReader | TextWriter:
    """Open an object of S3 as a file of the standard library; use it with ``with``, or close it yourself.

    The first six arguments stand where they stand in :func:`builtins.open`, but the default mode is ``rb``. ``mode``,
    ``encoding`` (UTF-8 by default), ``errors``, ``newline`` and the options are those of :func:`aios3.aopen`, which
    says what is raised. Text may have a ``+`` here too. ``buffering`` is a strategy of :func:`aios3.aopen`, or the size
    of the buffer in bytes, 1 MiB by default. 0 gives the unbuffered file in binary modes; 1 sends each line on in text
    modes.

    A written object becomes visible when the file is closed, as a whole. It never does if the ``with`` block of the
    file, or of a wrapper around it, is left by an exception, nor without a close.
    """
    parsed = parse_mode(mode)
    settings = text_settings(binary=parsed.binary, encoding=encoding, errors=errors, newline=newline)
    way = buffering if isinstance(buffering, str) else None
    opening = aopen(path, str(parsed), buffering=way, session=session, **options)  # which checks all of it now
    buffer_size, line_buffering = _buffering(-1 if isinstance(buffering, str) else buffering, text=not parsed.binary)
    loop_thread = _loop_thread.get_loop_thread()
    raw = _raw_file(loop_thread, _open_handle(loop_thread, opening.opened), buffer_size)
    try:
        if buffer_size == 0:
            return raw
        if parsed.binary:
            return ObjectReader(raw, buffer_size) if isinstance(raw, RawReader) else _write_buffer(raw, buffer_size)
        if isinstance(raw, RawReader):
            return TextReader(ObjectReader(raw, buffer_size), raw, mode, settings)
        return TextWriter(_write_buffer(raw, buffer_size), raw, mode, settings, line_buffering=line_buffering)
    except BaseException:
        raw.close() if isinstance(raw, RawReader) else raw.abort()
        raise


def stream(source: ObjectBase, **options: Unpack[ReaderOptions]) -> ObjectReader:
    """Return the object as a file, to be used with ``with``; the options are those of :func:`aios3.aopen`."""
    reader_options: ReaderOptions = {**source.pinned(), **options}
    return open(source.url, "rb", session=source.session, **reader_options)


def _write_buffer(raw: RawWriter, buffer_size: int) -> ObjectWriter | ObjectFile:
    return ObjectFile(raw, buffer_size) if raw.readable() else ObjectWriter(raw, buffer_size)


def open_member(opening: Opening[AsyncZipMember]) -> ObjectReader:
    """Open a member of a zip archive as a file of the standard library."""
    loop_thread = _loop_thread.get_loop_thread()
    handle = _open_handle(loop_thread, opening.opened)
    assert isinstance(handle, AsyncZipMember)
    return ObjectReader(RawReader(loop_thread, handle, BUFFER_SIZE), BUFFER_SIZE)


def _open_handle(
    loop_thread: _loop_thread.LoopThread, open_async: Callable[[], Awaitable[AsyncFile | AsyncZipMember]]
) -> Reading | Writing:
    opened: list[Reading | Writing] = []

    async def open_() -> None:
        handle = await open_async()
        assert not isinstance(handle, (AsyncTextReader, AsyncTextWriter))
        opened.append(handle)

    try:
        loop_thread.call(open_)
    except BaseException:
        for handle in opened:  # Ctrl-C came when it was open already
            loop_thread.start(handle.abort if _writes(handle) else handle.aclose)
        raise
    return opened[0]


def _writes(handle: Reading | Writing) -> TypeGuard[Writing]:
    return handle.writable()


def _raw_file(
    loop_thread: _loop_thread.LoopThread, handle: Reading | Writing, buffer_size: int
) -> RawReader | RawWriter:
    if isinstance(handle, (AsyncPrefetchReader, AsyncPipeReader, AsyncZipMember)):
        return RawReader(loop_thread, handle, buffer_size)
    if isinstance(handle, AsyncWholeFile) and not handle.writable():
        return RawReader(loop_thread, handle, buffer_size)
    return RawWriter(loop_thread, handle)


def _buffering(buffering: int, *, text: bool) -> tuple[int, bool]:
    """Return the size of the buffer, and whether each line is sent on, with the checks of :func:`builtins.open`."""
    size = operator.index(buffering)
    if size == 0 and text:
        message = "Text cannot be unbuffered; use buffering=1 to send each line on, or open with 'b'"
        raise ConfigError(message)
    if size == 1 and not text:
        message = "line buffering (buffering=1) is for text; a binary file gets a buffer of the usual size"
        warnings.warn(message, RuntimeWarning, stacklevel=3)
    return (BUFFER_SIZE if size < 0 or size == 1 else size), size == 1
