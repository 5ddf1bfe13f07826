"""``open``: the standard library's own buffers and text wrappers over an object of S3."""
# ruff: noqa: A001 - the name is that of builtins.open

from __future__ import annotations

import contextlib
import io
import operator
import warnings
from typing import TYPE_CHECKING, Literal, overload

from aios3._config import MIB
from aios3._handles.opening import aopen
from aios3._handles.reader import AsyncPrefetchReader
from aios3._handles.text import text_settings
from aios3._handles.writer import AsyncMultipartWriter
from aios3.errors import ConfigError
from aios3.sync import _bridge
from aios3.sync._raw import RawReader, RawWriter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType
    from typing import Unpack

    from typing_extensions import Buffer

    from aios3._entries import StatResult, WriteResult
    from aios3._handles.options import (
        OpenOptions,
        ReadBinaryMode,
        ReaderOptions,
        ReadTextMode,
        WriteBinaryMode,
        WriterOptions,
        WriteTextMode,
    )
    from aios3._paths import AnyPath
    from aios3._session import Session

    Handle = AsyncPrefetchReader | AsyncMultipartWriter
    TextSettings = tuple[str, str, str | None]
    Layer = io.BufferedReader | io.BufferedWriter | io.TextIOWrapper

BUFFER_SIZE = MIB
"""Bytes of a file's buffer: a crossing costs about 100 us, which 64 KiB would feel and 1 MiB does not."""


class ObjectReader(io.BufferedReader):
    """An object of S3, open for reading: an :class:`io.BufferedReader`."""

    def __init__(self, raw: RawReader, buffer_size: int = BUFFER_SIZE) -> None:
        self._file = raw
        super().__init__(raw, buffer_size)

    def __del__(self) -> None:
        _forget(self, self._file)

    @property
    def size(self) -> int:
        """Size of the object in bytes."""
        return self._file.size

    def stat(self) -> StatResult:
        """Return what S3 said of the object when it was opened; costs no request."""
        return self._file.stat()


class TextReader(io.TextIOWrapper):
    """An object of S3, open for reading as text: an :class:`io.TextIOWrapper`."""

    def __init__(self, buffer: ObjectReader, raw: RawReader, mode: str, settings: TextSettings) -> None:
        self._file = raw
        super().__init__(buffer, *settings)
        self.mode: str = mode  # an attribute, as builtins.open sets it

    def __del__(self) -> None:
        _forget(self, self._file)

    @property
    def size(self) -> int:
        """Size of the object in bytes."""
        return self._file.size

    def stat(self) -> StatResult:
        """Return what S3 said of the object when it was opened; costs no request."""
        return self._file.stat()


class ObjectWriter(io.BufferedWriter):
    """An object of S3, open for writing: an :class:`io.BufferedWriter`.

    Closing it publishes the object; when it does not, :class:`RawWriter` says.
    """

    def __init__(self, raw: RawWriter, buffer_size: int = BUFFER_SIZE) -> None:
        self._file = raw
        self._tells = False
        super().__init__(raw, buffer_size)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close() if kind is None else self.abort()

    def __del__(self) -> None:
        _forget(self, self._file)

    @property
    def result(self) -> WriteResult:
        """What S3 answered to the finished write; raises ClosedHandleError before, and if the write was given up."""
        return self._file.result

    def seekable(self) -> bool:
        """Return False: what has been written is on its way."""
        return self._tells

    def write(self, data: Buffer, /) -> int:
        """Take all of ``data`` and return its size in bytes."""
        try:
            return super().write(data)
        except (TypeError, ValueError, BufferError):
            raise  # nothing was taken
        except BaseException as error:
            self._file.fail(error)  # Ctrl-C between two pieces: nobody knows what was taken
            raise

    def close(self) -> None:
        """Publish what was written, or raise why not. Safe to repeat."""
        _close(self, self._file, super().close)

    def abort(self) -> None:
        """Give up: nothing becomes visible, and no upload stays open. Safe to repeat; no-op once finished."""
        self._file.give_up("abort() was called")
        super().close()

    @contextlib.contextmanager
    def telling(self) -> Iterator[None]:
        """Seem seekable for the moment in which a text wrapper looks whether it begins at the start of the object.

        It asks only a seekable file, and would put a second byte order mark behind what is there in mode ``a``.
        """
        self._tells = True
        try:
            yield
        finally:
            self._tells = False


class TextWriter(io.TextIOWrapper):
    """An object of S3, open for writing as text: an :class:`io.TextIOWrapper`.

    Closing it publishes the object; when it does not, :class:`RawWriter` says.
    """

    def __init__(
        self, buffer: ObjectWriter, raw: RawWriter, mode: str, settings: TextSettings, *, line_buffering: bool = False
    ) -> None:
        self._file = raw
        with buffer.telling():
            super().__init__(buffer, *settings, line_buffering=line_buffering)
        self.mode: str = mode  # an attribute, as builtins.open sets it

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close() if kind is None else self.abort()

    def __del__(self) -> None:
        _forget(self, self._file)

    @property
    def result(self) -> WriteResult:
        """What S3 answered to the finished write; raises ClosedHandleError before, and if the write was given up."""
        return self._file.result

    def close(self) -> None:
        """Publish what was written, or raise why not. Safe to repeat."""
        _close(self, self._file, super().close)

    def abort(self) -> None:
        """Give up: nothing becomes visible, and no upload stays open. Safe to repeat; no-op once finished."""
        self._file.give_up("abort() was called")
        super().close()


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
def open(
    path: AnyPath,
    mode: ReadBinaryMode = "rb",
    *,
    buffering: int = -1,
    session: Session | None = None,
    **options: Unpack[ReaderOptions],
) -> ObjectReader: ...
@overload
def open(  # type: ignore[overload-overlap]  # as above
    path: AnyPath,
    mode: WriteBinaryMode,
    *,
    buffering: Literal[0],
    session: Session | None = None,
    **options: Unpack[WriterOptions],
) -> RawWriter: ...
@overload
def open(
    path: AnyPath,
    mode: WriteBinaryMode,
    *,
    buffering: int = -1,
    session: Session | None = None,
    **options: Unpack[WriterOptions],
) -> ObjectWriter: ...
@overload
def open(
    path: AnyPath,
    mode: ReadTextMode,
    *,
    buffering: int = -1,
    encoding: str | None = None,
    errors: str | None = None,
    newline: str | None = None,
    session: Session | None = None,
    **options: Unpack[ReaderOptions],
) -> TextReader: ...
@overload
def open(
    path: AnyPath,
    mode: WriteTextMode,
    *,
    buffering: int = -1,
    encoding: str | None = None,
    errors: str | None = None,
    newline: str | None = None,
    session: Session | None = None,
    **options: Unpack[WriterOptions],
) -> TextWriter: ...
@overload
def open(
    path: AnyPath,
    mode: str,
    *,
    buffering: int = -1,
    encoding: str | None = None,
    errors: str | None = None,
    newline: str | None = None,
    session: Session | None = None,
    **options: Unpack[OpenOptions],
) -> RawReader | RawWriter | ObjectReader | ObjectWriter | TextReader | TextWriter: ...
def open(
    path: AnyPath,
    mode: str = "rb",
    *,
    buffering: int = -1,
    encoding: str | None = None,
    errors: str | None = None,
    newline: str | None = None,
    session: Session | None = None,
    **options: Unpack[OpenOptions],
) -> RawReader | RawWriter | ObjectReader | ObjectWriter | TextReader | TextWriter:
    """Open an object of S3 as a file of the standard library; use it with ``with``, or close it yourself.

    ``mode``, ``encoding`` (UTF-8 by default), ``errors``, ``newline`` and the options are those of
    :func:`aios3.aopen`, which says what is raised. ``buffering`` is the size of the buffer in bytes, 1 MiB by default;
    0 gives the unbuffered file in binary modes, 1 sends each line on in text modes.

    A written object becomes visible when the file is closed, as a whole. It never does if the ``with`` block of the
    file, or of a wrapper around it, is left by an exception, nor without a close.
    """
    text = "b" not in mode
    aopen(path, mode, encoding=encoding, errors=errors, newline=newline, session=session, **options)  # for its checks
    buffer_size, line_buffering = _buffering(buffering, text=text)
    bridge = _bridge.current()
    binary_mode = mode.replace("t", "") + "b" if text else mode
    raw = _raw_file(bridge, _open_handle(bridge, binary_mode, path, session, options), buffer_size)
    try:
        if buffer_size == 0:
            return raw
        if not text:
            return ObjectReader(raw, buffer_size) if isinstance(raw, RawReader) else ObjectWriter(raw, buffer_size)
        settings = text_settings(binary=False, encoding=encoding, errors=errors, newline=newline)
        if isinstance(raw, RawReader):
            return TextReader(ObjectReader(raw, buffer_size), raw, mode, settings)
        buffer = ObjectWriter(raw, buffer_size)
        return TextWriter(buffer, raw, mode, settings, line_buffering=line_buffering)
    except BaseException:
        raw.close() if isinstance(raw, RawReader) else raw.abort()
        raise


def _open_handle(
    bridge: _bridge.Bridge, mode: str, path: AnyPath, session: Session | None, options: OpenOptions
) -> Handle:
    opened: list[Handle] = []

    async def open_() -> None:
        handle = await aopen(path, mode, session=session, **options)
        assert isinstance(handle, (AsyncPrefetchReader, AsyncMultipartWriter))
        opened.append(handle)

    try:
        bridge.call(open_)
    except BaseException:
        for handle in opened:  # Ctrl-C came when it was open already
            bridge.start(handle.aclose if isinstance(handle, AsyncPrefetchReader) else handle.abort)
        raise
    return opened[0]


def _raw_file(bridge: _bridge.Bridge, handle: Handle, buffer_size: int) -> RawReader | RawWriter:
    if isinstance(handle, AsyncPrefetchReader):
        return RawReader(bridge, handle, buffer_size)
    return RawWriter(bridge, handle)


def _buffering(buffering: int, *, text: bool) -> tuple[int, bool]:
    """Return the size of the buffer, and whether each line is sent on, with the checks of :func:`builtins.open`."""
    size = operator.index(buffering)
    if size == 0 and text:
        message = "Text cannot be unbuffered; use buffering=1 to send each line on, or open with 'b'"
        raise ConfigError(message)
    if size == 1 and not text:
        message = "buffering=1 is for lines of text; a binary file gets a buffer of the usual size"
        warnings.warn(message, RuntimeWarning, stacklevel=3)
    return (BUFFER_SIZE if size < 0 or size == 1 else size), size == 1


def _close(file: ObjectWriter | TextWriter, raw: RawWriter, close: Callable[[], None]) -> None:
    """Close a layer; the standard library would go on to publish when a layer could not be flushed."""
    if not file.closed:
        reason = raw.reason_to_give_up()
        if reason is not None:
            raw.give_up(reason)
        else:
            _flush(file, raw, close)
    close()


def _flush(file: ObjectWriter | TextWriter, raw: RawWriter, close: Callable[[], None]) -> None:
    try:
        file.flush()
    except BaseException as error:
        raw.give_up(f"its last bytes could not be written: {error}")
        close()
        raise


def _forget(layer: Layer, raw: RawReader | RawWriter) -> None:
    try:
        closed = layer.closed
    except ValueError:
        return  # detached: the layers below belong to somebody else now
    if not closed:
        raw.forget(layer)
