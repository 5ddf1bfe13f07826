"""The standard library's buffers and text wrappers over the unbuffered files, closed as those need it."""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING

from aios3._config import MIB

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from typing_extensions import Buffer

    from aios3._entries import StatResult, WriteResult
    from aios3.sync._raw import RawWriter
    from aios3.sync._raw_reader import RawReader

    TextSettings = tuple[str, str, str | None]
    Layer = io.BufferedReader | io.BufferedWriter | io.BufferedRandom | io.TextIOWrapper

BUFFER_SIZE = MIB
"""Bytes of a file's buffer: a crossing costs about 100 us, which 64 KiB would feel and 1 MiB does not."""


_read, _readinto = io.BufferedReader.read, io.BufferedReader.readinto  # to look them up costs as much as to call them


class ObjectReader(io.BufferedReader):
    """An object of S3, open for reading: an :class:`io.BufferedReader`."""

    def __init__(self, raw: RawReader, buffer_size: int = BUFFER_SIZE) -> None:
        self._file = raw
        super().__init__(raw, buffer_size)

    def __del__(self) -> None:
        _finalize(self, self._file)

    @property
    def size(self) -> int:
        """Size of the object in bytes."""
        return self._file.size

    def stat(self) -> StatResult:
        """Return what S3 said of the object when it was opened; costs no request."""
        return self._file.stat()

    def read(self, size: int | None = -1, /) -> bytes:
        """Read ``size`` bytes, fewer only at the end. A read that fails or is interrupted moves nothing."""
        position = self.tell()
        try:
            return _read(self, size)
        except BaseException:
            self._go_back(position)
            raise

    def readinto(self, buffer: Buffer, /) -> int:
        """Fill ``buffer``, unless the object ends before. A read that fails or is interrupted moves nothing."""
        position = self.tell()
        try:
            return _readinto(self, buffer)
        except BaseException:
            self._go_back(position)
            raise

    def _go_back(self, position: int) -> None:
        if not self._file.closed and self._file.seekable():
            self._file.seek(position)  # also where the buffer believes to be there
            super().seek(position)


class TextReader(io.TextIOWrapper):
    """An object of S3, open for reading as text: an :class:`io.TextIOWrapper`."""

    def __init__(self, buffer: ObjectReader, raw: RawReader, mode: str, settings: TextSettings) -> None:
        self._file = raw
        super().__init__(buffer, *settings)
        self.mode: str = mode  # an attribute, as builtins.open sets it

    def __del__(self) -> None:
        _finalize(self, self._file)

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
        super().__init__(raw, buffer_size)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close() if kind is None else self.abort()

    def __del__(self) -> None:
        _finalize(self, self._file)

    @property
    def result(self) -> WriteResult:
        """S3's response to the finished write; raises ClosedHandleError before, and if the write was given up."""
        return self._file.result

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Move the position and return it; raise UnsupportedError, with the ways out, where that is not possible."""
        self._file.check_seekable(offset, whence, self.tell())
        return super().seek(offset, whence)

    def truncate(self, size: int | None = None, /) -> int:
        """Make the object ``size`` bytes long, up to the position by default; only in memory or on disk."""
        self._file.check_truncatable()
        return super().truncate(size)

    def wait(self) -> WriteResult:
        """Wait for a write that was closed with ``join=False``, and return what S3 responded or raise why not."""
        return self._file.wait()

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
        self._file.abort_with("abort() was called")
        super().close()


class ObjectFile(io.BufferedRandom):
    """An object of S3, open for reading and writing in a mode with ``+``: an :class:`io.BufferedRandom`.

    Closing it publishes the object if it was changed; when it does not, :class:`RawWriter` says.
    """

    def __init__(self, raw: RawWriter, buffer_size: int = BUFFER_SIZE) -> None:
        self._file = raw
        super().__init__(raw, buffer_size)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close() if kind is None else self.abort()

    def __del__(self) -> None:
        _finalize(self, self._file)

    @property
    def result(self) -> WriteResult:
        """S3's response to the finished write; raises ClosedHandleError before, and if the write was given up."""
        return self._file.result

    def write(self, data: Buffer, /) -> int:
        """Put all of ``data`` at the position and return its size in bytes."""
        try:
            return super().write(data)
        except (TypeError, ValueError, BufferError):
            raise  # nothing was taken
        except BaseException as error:
            self._file.fail(error)
            raise

    def close(self) -> None:
        """Publish what was changed, or raise why not. Safe to repeat."""
        _close(self, self._file, super().close)

    def abort(self) -> None:
        """Give up: S3 stays as it was. Safe to repeat; no-op once finished."""
        self._file.abort_with("abort() was called")
        super().close()


class TextWriter(io.TextIOWrapper):
    """An object of S3, open for writing as text, in a mode with ``+`` also for reading: an :class:`io.TextIOWrapper`.

    Closing it publishes the object; when it does not, :class:`RawWriter` says.
    """

    def __init__(
        self,
        buffer: ObjectWriter | ObjectFile,
        raw: RawWriter,
        mode: str,
        settings: TextSettings,
        *,
        line_buffering: bool = False,
    ) -> None:
        self._file = raw
        super().__init__(buffer, *settings, line_buffering=line_buffering)
        self.mode: str = mode  # an attribute, as builtins.open sets it

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close() if kind is None else self.abort()

    def __del__(self) -> None:
        _finalize(self, self._file)

    @property
    def result(self) -> WriteResult:
        """S3's response to the finished write; raises ClosedHandleError before, and if the write was given up."""
        return self._file.result

    def seek(self, cookie: int, whence: int = os.SEEK_SET, /) -> int:
        """Move to a position that ``tell`` gave; raise UnsupportedError, with the ways out, where it cannot."""
        if not self._file.can_seek:
            self.flush()
            self._file.check_seekable(cookie, whence, self._file.tell())
        return super().seek(cookie, whence)

    def truncate(self, size: int | None = None, /) -> int:
        """Make the object ``size`` bytes long, up to the position by default; only in memory or on disk."""
        self._file.check_truncatable()
        return super().truncate(size)

    def wait(self) -> WriteResult:
        """Wait for a write that was closed with ``join=False``, and return what S3 responded or raise why not."""
        return self._file.wait()

    def close(self) -> None:
        """Publish what was written, or raise why not. Safe to repeat."""
        _close(self, self._file, super().close)

    def abort(self) -> None:
        """Give up: nothing becomes visible, and no upload stays open. Safe to repeat; no-op once finished."""
        self._file.abort_with("abort() was called")
        super().close()


def _close(file: ObjectWriter | ObjectFile | TextWriter, raw: RawWriter, close: Callable[[], None]) -> None:
    """Close a layer; the standard library would go on to publish when a layer could not be flushed."""
    if not file.closed:
        reason = raw.abort_reason()
        if reason is not None:
            raw.abort_with(reason.reason, reason.level)
        else:
            _flush(file, raw, close)
    close()


def _flush(file: ObjectWriter | ObjectFile | TextWriter, raw: RawWriter, close: Callable[[], None]) -> None:
    try:
        file.flush()
    except BaseException as error:
        raw.abort_with(f"its last bytes could not be written: {error}")
        close()
        raise


def _finalize(layer: Layer, raw: RawReader | RawWriter) -> None:
    try:
        closed = layer.closed
    except ValueError:
        return  # detached: the layers below belong to somebody else now
    if not closed:
        raw.finalize(layer)
