"""The standard library's buffers and text wrappers over the unbuffered files, closed as those need it."""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING

from aios3._config import MIB

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import TracebackType

    from typing_extensions import Buffer

    from aios3._entries import StatResult, WriteResult
    from aios3.sync._raw import RawWriter
    from aios3.sync._raw_reader import RawReader

    TextSettings = tuple[str, str, str | None]

    class _Standard:
        """The methods of the standard library's class that each layer also has."""

        @property
        def closed(self) -> bool: ...
        def close(self) -> None: ...
        def flush(self) -> None: ...
        def truncate(self, size: int | None = None, /) -> int: ...

    class _StandardBytes(_Standard):
        def write(self, data: Buffer, /) -> int: ...
else:
    _Standard = _StandardBytes = object

BUFFER_SIZE = MIB
"""Bytes of a file's buffer: a crossing costs about 100 us, which 64 KiB would feel and 1 MiB does not."""


_read, _readinto = io.BufferedReader.read, io.BufferedReader.readinto  # to look them up costs as much as to call them


class _Layer(_Standard):
    """A layer over an unbuffered file, which it lets know when it is collected unclosed."""

    __slots__ = ()
    _file: RawReader | RawWriter

    def __del__(self) -> None:
        try:
            closed = self.closed
        except ValueError:
            return  # detached: another layer has the file
        if not closed:
            self._file.finalize(self)


class _ReadLayer(_Layer):
    """Methods of a layer over a file that reads, in addition to the standard library's."""

    __slots__ = ()
    _file: RawReader

    @property
    def size(self) -> int:
        """Size of the object in bytes."""
        return self._file.size

    def stat(self) -> StatResult:
        """Return what S3 said of the object when it was opened; costs no request."""
        return self._file.stat()


class _WriteLayer(_Layer):
    """Methods of a layer over a file that writes: it publishes at :meth:`close`, and only there."""

    __slots__ = ()
    _file: RawWriter

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close() if kind is None else self.abort()

    @property
    def result(self) -> WriteResult:
        """The response of S3 to the finished write; raises ClosedHandleError before, and after an abort."""
        return self._file.result

    def close(self) -> None:
        """Publish what was written, or raise why not. Safe to repeat.

        The standard library would go on to publish when a layer could not be flushed.
        """
        raw = self._file
        if not self.closed:
            reason = raw.abort_reason()
            if reason is not None:
                raw.abort_with(reason.reason, reason.level)
            else:
                self._flush_or_give_up()
        super().close()

    def abort(self) -> None:
        """Give up: S3 stays as it was, and no upload stays open. Safe to repeat; no-op once finished."""
        self._file.abort_with("abort() was called")
        super().close()

    def _flush_or_give_up(self) -> None:
        try:
            self.flush()
        except BaseException as error:
            self._file.abort_with(f"its last bytes could not be written: {error}")
            super().close()
            raise


class _ByteWriteLayer(_WriteLayer, _StandardBytes):
    """A layer that writes bytes."""

    __slots__ = ()

    def write(self, data: Buffer, /) -> int:
        """Put all of ``data`` at the position and return its size in bytes."""
        try:
            return super().write(data)
        except (TypeError, ValueError, BufferError):
            raise  # nothing was taken
        except BaseException as error:
            self._file.fail(error)  # Ctrl-C between two chunks: what was taken is unknown
            raise


class _StreamLayer(_WriteLayer):
    """A layer over a file whose bytes are sent while it is written."""

    __slots__ = ()

    def truncate(self, size: int | None = None, /) -> int:
        """Make the object ``size`` bytes long, up to the position by default; only in memory or on disk."""
        self._file.check_truncatable()
        return super().truncate(size)

    def wait(self) -> WriteResult:
        """Wait for a write that was closed with ``join=False``, and return what S3 responded or raise why not."""
        return self._file.wait()


class ObjectReader(_ReadLayer, io.BufferedReader):
    """An object of S3, open for reading: an :class:`io.BufferedReader`."""

    def __init__(self, raw: RawReader, buffer_size: int = BUFFER_SIZE) -> None:
        self._file = raw
        super().__init__(raw, buffer_size)

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

    def read_at(self, offset: int, size: int) -> bytes:
        """Read at ``offset`` past the buffer and the position, like :meth:`RawReader.read_at`."""
        return self._file.read_at(offset, size)

    def read_ranges(self, ranges: Iterable[tuple[int, int]]) -> list[bytes]:
        """Read several ranges past the buffer and the position, like :meth:`RawReader.read_ranges`."""
        return self._file.read_ranges(ranges)

    def readinto_at(self, offset: int, buffer: Buffer) -> int:
        """Fill ``buffer`` from ``offset`` on, past the buffer and the position, like :meth:`RawReader.readinto_at`."""
        return self._file.readinto_at(offset, buffer)

    def read_ranges_into(self, ranges: Iterable[tuple[int, int]], buffers: Iterable[Buffer]) -> list[int]:
        """Read several ranges, each into a buffer of the caller's, like :meth:`RawReader.read_ranges_into`."""
        return self._file.read_ranges_into(ranges, buffers)

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Move the position and return it; raise UnsupportedError, with the way out, for a pipe."""
        try:
            return super().seek(offset, whence)
        except io.UnsupportedOperation:
            self._file.check_seekable()
            raise

    def _go_back(self, position: int) -> None:
        if not self._file.closed and self._file.seekable():
            super().seek(0, os.SEEK_END)  # empties the buffer, which a wrong argument has left full
            super().seek(position)


class TextReader(_ReadLayer, io.TextIOWrapper):
    """An object of S3, open for reading as text: an :class:`io.TextIOWrapper`."""

    def __init__(self, buffer: ObjectReader, raw: RawReader, mode: str, settings: TextSettings) -> None:
        self._file = raw
        super().__init__(buffer, *settings)
        self.mode: str = mode  # an attribute, as builtins.open sets it

    def seek(self, cookie: int, whence: int = os.SEEK_SET, /) -> int:
        """Move to a position that ``tell`` gave; raise UnsupportedError, with the way out, for a pipe."""
        try:
            return super().seek(cookie, whence)
        except io.UnsupportedOperation:
            self._file.check_seekable()
            raise


class ObjectWriter(_ByteWriteLayer, _StreamLayer, io.BufferedWriter):
    """An object of S3, open for writing: an :class:`io.BufferedWriter`.

    Closing it publishes the object; when it does not, :class:`RawWriter` says.
    """

    def __init__(self, raw: RawWriter, buffer_size: int = BUFFER_SIZE) -> None:
        self._file = raw
        super().__init__(raw, buffer_size)

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Move the position and return it; raise UnsupportedError, with the ways out, where that is not possible."""
        self._file.check_seekable(offset, whence, self.tell())
        return super().seek(offset, whence)


class ObjectFile(_ByteWriteLayer, io.BufferedRandom):
    """An object of S3, open for reading and writing in a mode with ``+``: an :class:`io.BufferedRandom`.

    Closing it publishes the object if it was changed; when it does not, :class:`RawWriter` says.
    """

    def __init__(self, raw: RawWriter, buffer_size: int = BUFFER_SIZE) -> None:
        self._file = raw
        super().__init__(raw, buffer_size)


class TextWriter(_StreamLayer, io.TextIOWrapper):
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

    def seek(self, cookie: int, whence: int = os.SEEK_SET, /) -> int:
        """Move to a position that ``tell`` gave; raise UnsupportedError, with the ways out, where it cannot."""
        if not self._file.can_seek:
            self.flush()
            self._file.check_seekable(cookie, whence, self._file.tell())
        return super().seek(cookie, whence)
