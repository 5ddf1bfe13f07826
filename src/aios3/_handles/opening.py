"""``aopen``: a mode, a way and their options become a file, when it is awaited or entered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, Literal, Protocol, TypeVar, overload

from aios3._handles.missing import explain_missing
from aios3._handles.options import (
    Buffering,
    LimitedOptions,
    OpenOptions,
    PipeReaderOptions,
    PipeWriterOptions,
    ReaderOptions,
    SharedOptions,
    UploadOptions,
    WholeOptions,
    WriterOptions,
    parse_mode,
    parse_open_options,
    read_sizes,
    text_settings,
)
from aios3._handles.reader import open_reader
from aios3._paths import S3Url
from aios3._session import current_session
from aios3.errors import ConfigError, ObjectNotFoundError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Generator
    from types import TracebackType
    from typing import Unpack

    from aios3._handles.limited import AsyncLimitedSeekableWriter
    from aios3._handles.openers import AsyncFile
    from aios3._handles.options import (
        CreateBinaryMode,
        CreateTextMode,
        OpenSpec,
        ReadBinaryMode,
        ReadTextMode,
        UpdateBinaryMode,
        WholeBuffering,
        WriteBinaryMode,
        WriteTextMode,
    )
    from aios3._handles.pipe_reader import AsyncPipeReader
    from aios3._handles.pipe_writer import AsyncPipeWriter
    from aios3._handles.reader import AsyncPrefetchReader
    from aios3._handles.text import AsyncTextReader, AsyncTextWriter
    from aios3._handles.whole import AsyncWholeFile
    from aios3._handles.writer import AsyncMultipartWriter
    from aios3._paths import AnyPath
    from aios3._session import Session

__all__ = [
    "Buffering",
    "LimitedOptions",
    "OpenOptions",
    "Opening",
    "PipeReaderOptions",
    "PipeWriterOptions",
    "ReaderOptions",
    "SharedOptions",
    "UploadOptions",
    "WholeOptions",
    "WriterOptions",
    "aopen",
]


class _File(Protocol):
    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None: ...


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

    ``mode`` is ``r`` (read), ``w`` (replace), ``x`` (create, never replace) or ``a`` (append), with ``b`` for bytes.
    Without ``b`` the file is text in ``encoding`` (UTF-8), with ``errors`` and ``newline`` as in :func:`open`. A binary
    mode with ``+`` reads and writes.

    ``buffering`` is the strategy of the file. ``"prefetch"``, the default, reads ahead, and sends parts while you
    write. ``"shared"`` is the same reader over a cache that all files of the session share under ``cache_key``.
    ``"pipe"`` goes forward only, with the least memory; ``join=False`` does not wait for the end of a write.
    ``"memory"`` and ``"disk"`` hold the whole object, in memory or in a local file at ``cache_path``; modes with ``+``
    take one of these. ``"limited"`` is a writer that can go back into its first ``head_size`` and last ``tail_size``
    bytes.

    Reading takes the options of :class:`ReaderOptions`: ``version_id``, ``if_match`` (the ETag that the object must
    have) and ``sse_customer_key``. ``block_size`` and ``request_size``, in bytes, replace the session's. Writing takes
    those of :class:`WriterOptions`. These are the attributes that S3 keeps with the object: ``content_type``, by
    default guessed from the key, ``metadata``, ``tags``, ``storage_class``, ``acl``, ``sse`` and others. ``if_match``
    replaces only that version, and ``part_size`` is in bytes. With ``followlinks`` a symbolic link is opened at the
    object that it leads to.

    A wrong path, mode or option raises at once (InvalidPathError, PathIsDirectoryError, ConfigError). Opening raises
    ObjectNotFoundError, PathIsDirectoryError where only a directory is there, ObjectExistsError in mode ``x``,
    AccessDeniedError, and the errors of a connection.
    """
    parsed = parse_mode(mode)
    text = text_settings(binary=parsed.binary, encoding=encoding, errors=errors, newline=newline)
    spec = parse_open_options(S3Url.parse(path).require_object(), parsed, buffering, options)
    if parsed.updates and not parsed.binary:
        message = f"Mode {mode!r}: text cannot be read and written at once; open with 'b', or use aios3.sync.open"
        raise ConfigError(message)
    return Opening(lambda: _open(session, spec, None if parsed.binary else text))


async def _open(session: Session | None, spec: OpenSpec, text: tuple[str, str, str | None] | None) -> AsyncFile:
    current = current_session(session)
    if spec.buffering != "prefetch" or spec.mode.kind != "r" or spec.followlinks or text is not None:
        from aios3._handles import openers  # noqa: PLC0415 - half of all that is imported, and most programs only read

        return await openers.open_file(current, spec, text)
    try:
        return await open_reader(current, spec.url, spec.read, read_sizes(current.config, spec))
    except ObjectNotFoundError as error:
        await explain_missing(current, spec.url, error)
        raise
