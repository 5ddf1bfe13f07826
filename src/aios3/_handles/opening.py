"""``aopen``: a mode, a way and their options become a file, when it is awaited or entered."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Generic, Literal, Protocol, TypeVar, cast, overload

from aios3._backend import Condition, WriteOptions
from aios3._handles.limited import AsyncLimitedSeekableWriter
from aios3._handles.links import follow, place_to_write
from aios3._handles.missing import explain_missing
from aios3._handles.options import (
    Buffering,
    LimitedOptions,
    Mode,
    OpenOptions,
    PipeReaderOptions,
    PipeWriterOptions,
    ReaderOptions,
    SharedOptions,
    WholeOptions,
    WriterOptions,
    make_order,
    parse_mode,
)
from aios3._handles.pipe_reader import AsyncPipeReader, open_pipe_reader
from aios3._handles.pipe_writer import AsyncPipeWriter
from aios3._handles.plan import WritePlan, complete_plan
from aios3._handles.reader import AsyncPrefetchReader, Sizes, open_reader
from aios3._handles.shared import open_shared
from aios3._handles.text import AsyncTextReader, AsyncTextWriter, text_settings
from aios3._handles.upload import Upload
from aios3._handles.whole import AsyncWholeFile, Subject, WholeMode, open_whole
from aios3._handles.writer import AsyncMultipartWriter
from aios3._paths import S3Url
from aios3._session import current_session
from aios3.errors import ConfigError, ObjectNotFoundError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Generator
    from types import TracebackType
    from typing import Unpack

    from aios3._entries import WriteResult
    from aios3._handles.options import (
        CreateBinaryMode,
        CreateTextMode,
        Order,
        ReadBinaryMode,
        ReadTextMode,
        UpdateBinaryMode,
        WholeBuffering,
        WriteBinaryMode,
        WriteTextMode,
    )
    from aios3._paths import AnyPath
    from aios3._session import Session

__all__ = [
    "AsyncBinaryFile",
    "AsyncFile",
    "Buffering",
    "LimitedOptions",
    "OpenOptions",
    "Opening",
    "PipeReaderOptions",
    "PipeWriterOptions",
    "ReaderOptions",
    "SharedOptions",
    "WholeOptions",
    "WriterOptions",
    "aopen",
]

_REPLACING = Mode("w", binary=True, updates=False)
_AS_EVER, _ALWAYS = WriteOptions(), Condition()


class _File(Protocol):
    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None: ...


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
"""What :func:`aopen` opens."""
FileT_co = TypeVar("FileT_co", bound=_File, covariant=True)


class Opening(Generic[FileT_co]):
    """A file about to be opened: ``await`` it for the file, or enter it with ``async with``."""

    def __init__(self, open_: Callable[[], Awaitable[FileT_co]]) -> None:
        self._open = open_
        self._file: FileT_co | None = None

    def __await__(self) -> Generator[object, None, FileT_co]:
        return self._open().__await__()

    async def opened(self) -> FileT_co:
        """Return a newly opened file, as awaiting does."""
        return await self._open()

    async def __aenter__(self) -> FileT_co:
        if self._file is not None:
            message = "This opening is entered already; call aopen() again for another file"
            raise ConfigError(message)
        file = self._file = await self._open()
        return file

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        file, self._file = self._file, None
        if file is not None:
            await file.__aexit__(exc_type, exc, traceback)


@overload
def aopen(
    path: AnyPath,
    mode: ReadBinaryMode = "rb",
    *,
    buffering: Literal["prefetch"] | None = None,
    session: Session | None = None,
    **options: Unpack[ReaderOptions],
) -> Opening[AsyncPrefetchReader]: ...
@overload
def aopen(
    path: AnyPath,
    mode: WriteBinaryMode,
    *,
    buffering: Literal["prefetch"] | None = None,
    session: Session | None = None,
    **options: Unpack[WriterOptions],
) -> Opening[AsyncMultipartWriter]: ...
@overload
def aopen(
    path: AnyPath,
    mode: ReadTextMode,
    *,
    buffering: Literal["prefetch"] | None = None,
    encoding: str | None = None,
    errors: str | None = None,
    newline: str | None = None,
    session: Session | None = None,
    **options: Unpack[ReaderOptions],
) -> Opening[AsyncTextReader]: ...
@overload
def aopen(
    path: AnyPath,
    mode: WriteTextMode,
    *,
    buffering: Literal["prefetch"] | None = None,
    encoding: str | None = None,
    errors: str | None = None,
    newline: str | None = None,
    session: Session | None = None,
    **options: Unpack[WriterOptions],
) -> Opening[AsyncTextWriter]: ...
@overload
def aopen(
    path: AnyPath,
    mode: UpdateBinaryMode,
    *,
    buffering: WholeBuffering | None = None,
    session: Session | None = None,
    **options: Unpack[WholeOptions],
) -> Opening[AsyncWholeFile]: ...
@overload
def aopen(
    path: AnyPath,
    mode: ReadBinaryMode | WriteBinaryMode = "rb",
    *,
    buffering: WholeBuffering,
    session: Session | None = None,
    **options: Unpack[WholeOptions],
) -> Opening[AsyncWholeFile]: ...
@overload
def aopen(
    path: AnyPath,
    mode: ReadTextMode,
    *,
    buffering: WholeBuffering,
    encoding: str | None = None,
    errors: str | None = None,
    newline: str | None = None,
    session: Session | None = None,
    **options: Unpack[WholeOptions],
) -> Opening[AsyncTextReader[AsyncWholeFile]]: ...
@overload
def aopen(
    path: AnyPath,
    mode: WriteTextMode,
    *,
    buffering: WholeBuffering,
    encoding: str | None = None,
    errors: str | None = None,
    newline: str | None = None,
    session: Session | None = None,
    **options: Unpack[WholeOptions],
) -> Opening[AsyncTextWriter[AsyncWholeFile]]: ...
@overload
def aopen(
    path: AnyPath,
    mode: ReadBinaryMode = "rb",
    *,
    buffering: Literal["shared"],
    session: Session | None = None,
    **options: Unpack[SharedOptions],
) -> Opening[AsyncPrefetchReader]: ...
@overload
def aopen(
    path: AnyPath,
    mode: ReadTextMode,
    *,
    buffering: Literal["shared"],
    encoding: str | None = None,
    errors: str | None = None,
    newline: str | None = None,
    session: Session | None = None,
    **options: Unpack[SharedOptions],
) -> Opening[AsyncTextReader]: ...
@overload
def aopen(
    path: AnyPath,
    mode: ReadBinaryMode = "rb",
    *,
    buffering: Literal["pipe"],
    session: Session | None = None,
    **options: Unpack[PipeReaderOptions],
) -> Opening[AsyncPipeReader]: ...
@overload
def aopen(
    path: AnyPath,
    mode: CreateBinaryMode,
    *,
    buffering: Literal["pipe"],
    session: Session | None = None,
    **options: Unpack[PipeWriterOptions],
) -> Opening[AsyncPipeWriter]: ...
@overload
def aopen(
    path: AnyPath,
    mode: ReadTextMode,
    *,
    buffering: Literal["pipe"],
    encoding: str | None = None,
    errors: str | None = None,
    newline: str | None = None,
    session: Session | None = None,
    **options: Unpack[PipeReaderOptions],
) -> Opening[AsyncTextReader[AsyncPipeReader]]: ...
@overload
def aopen(
    path: AnyPath,
    mode: CreateTextMode,
    *,
    buffering: Literal["pipe"],
    encoding: str | None = None,
    errors: str | None = None,
    newline: str | None = None,
    session: Session | None = None,
    **options: Unpack[PipeWriterOptions],
) -> Opening[AsyncTextWriter[AsyncPipeWriter]]: ...
@overload
def aopen(
    path: AnyPath,
    mode: CreateBinaryMode,
    *,
    buffering: Literal["limited"],
    session: Session | None = None,
    **options: Unpack[LimitedOptions],
) -> Opening[AsyncLimitedSeekableWriter]: ...
@overload
def aopen(
    path: AnyPath,
    mode: CreateTextMode,
    *,
    buffering: Literal["limited"],
    encoding: str | None = None,
    errors: str | None = None,
    newline: str | None = None,
    session: Session | None = None,
    **options: Unpack[LimitedOptions],
) -> Opening[AsyncTextWriter[AsyncLimitedSeekableWriter]]: ...
@overload
def aopen(
    path: AnyPath,
    mode: str,
    *,
    buffering: Buffering | None = None,
    encoding: str | None = None,
    errors: str | None = None,
    newline: str | None = None,
    session: Session | None = None,
    **options: Unpack[OpenOptions],
) -> Opening[AsyncFile]: ...
def aopen(
    path: AnyPath,
    mode: str = "rb",
    *,
    buffering: Buffering | None = None,
    encoding: str | None = None,
    errors: str | None = None,
    newline: str | None = None,
    session: Session | None = None,
    **options: Unpack[OpenOptions],
) -> Opening[AsyncFile] | Opening[AsyncPrefetchReader]:
    """Open an object of S3; use with ``async with``, or ``await`` it and close it yourself.

    ``mode`` is ``r`` (read), ``w`` (replace), ``x`` (create, never replace) or ``a`` (append), with ``b`` for bytes;
    without it the file is text in ``encoding`` (UTF-8), with ``errors`` and ``newline`` as in :func:`open`. A binary
    mode with ``+`` reads and writes.

    ``buffering`` is the way to open: ``"prefetch"`` (the default: read-ahead, and parts that go up while you write),
    ``"shared"`` (the same reader over a cache that all files of the session share under ``cache_key``), ``"pipe"``
    (forward only, least memory; ``join=False`` does not wait for the end of a write), ``"memory"`` or ``"disk"`` (the
    whole object, in memory or in a local file at ``cache_path``; modes with ``+`` take one of these), ``"limited"``
    (a writer that can go back into its first ``head_size`` and last ``tail_size`` bytes).

    Reading takes the options of :class:`ReaderOptions`: ``version_id``, ``if_match`` (the ETag that the object must
    have), ``sse_customer_key``, and ``block_size`` and ``request_size`` in bytes instead of the session's. Writing
    takes those of :class:`WriterOptions`: what S3 keeps with the object (``content_type``, by default guessed from the
    key, ``metadata``, ``tags``, ``storage_class``, ``acl``, ``sse`` ...), ``if_match`` to replace only that version,
    and ``part_size`` in bytes. With ``followlinks`` a symbolic link is opened at the object that it leads to.

    A wrong path, mode or option raises at once (InvalidPathError, PathIsDirectoryError, ConfigError). Opening raises
    ObjectNotFoundError, PathIsDirectoryError where only a directory is there, ObjectExistsError in mode ``x``,
    AccessDeniedError, and the errors of a connection.
    """
    parsed = parse_mode(mode)
    text = text_settings(binary=parsed.binary, encoding=encoding, errors=errors, newline=newline)
    order = make_order(S3Url.parse(path).require_object(), parsed, buffering, options)
    if parsed.updates and not parsed.binary:
        message = f"Mode {mode!r}: text cannot be read and written at once; open with 'b', or use aios3.sync.open"
        raise ConfigError(message)
    return Opening(lambda: _open(session, order, None if parsed.binary else text))


async def _open(session: Session | None, order: Order, text: tuple[str, str, str | None] | None) -> AsyncFile:
    current = current_session(session)
    file = await _open_binary(current, order)
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
    config = session.config.with_options(**order.config)
    sizes = Sizes(config.block_size, config.request_size)
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
        sizes = (plan.part_size if size is None else size for size in (order.head_size, order.tail_size))
        return AsyncLimitedSeekableWriter(session, plan, *sizes)
    if order.way == "pipe":
        return AsyncPipeWriter(session, plan, join=order.join)
    if plan.head:
        await session.budget.take(len(plan.head))
        session.budget.park(len(plan.head))
    return AsyncMultipartWriter(session, plan)


async def write_at_once(
    session: Session | None, path: AnyPath, data: memoryview, options: WriterOptions
) -> WriteResult | None:
    """Write ``data`` with one PutObject and no file, if that is all that :func:`aopen` in mode ``wb`` would do.

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
    plan = await complete_plan(current, plan)
    await current.budget.take(len(data))
    try:
        return await Upload(current, plan).put((data if isinstance(data.obj, bytes) else bytes(data),))
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
