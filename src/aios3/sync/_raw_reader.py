"""The unbuffered file that reads: an async handle as an :class:`io.RawIOBase`, one crossing a call."""

from __future__ import annotations

import io
import operator
import os
from functools import partial
from typing import TYPE_CHECKING

from aios3._handles.lifecycle import cannot_copy
from aios3._handles.positions import position_of, writable_buffer
from aios3._handles.reader import AsyncPrefetchReader
from aios3._handles.whole import AsyncWholeFile
from aios3._logs import warn
from aios3.errors import ClosedHandleError, InvalidRangeError, UnsupportedError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import NoReturn, SupportsIndex

    from typing_extensions import Buffer

    from aios3._entries import StatResult
    from aios3._handles.pipe_reader import AsyncPipeReader
    from aios3._zip.members import AsyncZipMember
    from aios3.sync._loop_thread import LoopThread

    Reading = AsyncPrefetchReader | AsyncPipeReader | AsyncWholeFile | AsyncZipMember

_FIRST_FILL_BYTES = 64 * 1024
"""Bytes that fill a buffer after a seek; each fill that follows on takes twice as many."""
_TAIL_BYTES = 256 * 1024
"""Bytes before the end that are fetched at once for a read there after a seek from the end. Formats with a directory at
their end (zip, Parquet, ORC) read its last bytes first, and then what is before them."""


class RawReader(io.RawIOBase):
    """An object of S3, open for reading, without a buffer: each read crosses to the background loop.

    ``buffer_size`` is the size of the buffer that stands on it. A buffer always asks for as much as it holds, needed
    or not; at a new offset it gets less.
    """

    def __init__(self, loop_thread: LoopThread, handle: Reading, buffer_size: int = 0) -> None:
        self.name: str = handle.name
        self.mode: str = "rb"
        self._loop_thread = loop_thread
        self._handle = handle
        self._buffer_size = buffer_size
        self._position = 0
        self._fill_size = _FIRST_FILL_BYTES
        self._read_footer_next = False
        self._has_descriptor = False
        self._torn = ""
        self._is_plain = True  # open, with no descriptor, and not torn
        self._released = False

    def __repr__(self) -> str:
        return f"<aios3.sync.RawReader {self.name}{' closed' if self.closed else ''}>"

    def __del__(self) -> None:
        self.finalize(self)

    @property
    def size(self) -> int:
        """Size of the object in bytes."""
        return self._handle.size

    def stat(self) -> StatResult:
        """Return what S3 said of the object when it was opened; costs no request."""
        return self._handle.stat()

    def readable(self) -> bool:
        """Return True; raise ClosedHandleError when the file is closed."""
        check_open(self)
        return True

    def writable(self) -> bool:
        """Return False; raise ClosedHandleError when the file is closed."""
        check_open(self)
        return False

    def seekable(self) -> bool:
        """Return True, but for a pipe; raise ClosedHandleError when the file is closed."""
        check_open(self)
        return self._handle.seekable()

    def __reduce_ex__(self, protocol: SupportsIndex, /) -> NoReturn:
        cannot_copy(self, protocol)

    def fileno(self) -> int:
        """Return the descriptor of a file on disk, which stands where this file stands.

        Raises UnsupportedError for all other files.
        """
        check_open(self)
        handle = self._handle
        if isinstance(handle, AsyncWholeFile) and not self._has_descriptor:
            self._loop_thread.call(handle.seek, self._position)
            descriptor = handle.fileno()
            self._has_descriptor = True
            self._is_plain = False
            return descriptor
        return handle.fileno()

    def tell(self) -> int:
        """Return the position in bytes from the start."""
        if self._is_plain:  # every read of a buffer asks for it
            return self._position
        check_open(self)
        self._check_whole()
        return self._handle.tell() if self._has_descriptor else self._position

    def check_seekable(self) -> None:
        """Raise UnsupportedError for a pipe; ClosedHandleError when the file is closed."""
        if not self.seekable():
            message = f"{self.name} is read as a pipe, which goes forward only; open it without buffering='pipe'"
            raise UnsupportedError(message, path=self.name)

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Move the position and return it; after the end reads return nothing. Costs nothing.

        Raises InvalidRangeError for a position before the start or an unknown ``whence``, UnsupportedError for a pipe.
        """
        self.check_seekable()
        if whence == os.SEEK_CUR:
            self._check_whole()
        if self._has_descriptor:
            return self._loop_thread.call(self._handle.seek, operator.index(offset), whence)
        position = position_of(self.name, offset, whence, self._position, self.size)
        self._torn, self._is_plain = "", True
        self._read_footer_next = whence == os.SEEK_END and -_TAIL_BYTES < offset < 0
        if position != self._position:
            self._position = position
            self._fill_size = _FIRST_FILL_BYTES
        return position

    def read(self, size: int | None = -1, /) -> bytes:
        """Read ``size`` bytes, fewer only at the end; all that is left if ``size`` is negative or None."""
        check_open(self)
        if size is None or operator.index(size) < 0:
            return self.readall()
        room = bytearray(max(min(operator.index(size), self.size - self.tell()), 0))
        return bytes(memoryview(room)[: self.readinto(room)])

    def readinto(self, buffer: Buffer, /) -> int:
        """Read into ``buffer`` and return how many bytes that were; 0 only at the end.

        A read that fails or is interrupted moves nothing. Only a buffer on this file knows which bytes before it had,
        so it says where it stands (:meth:`seek`) before anything more is read.
        """
        check_open(self)
        self._check_whole()
        with writable_buffer(buffer) as view:
            return self._read_into(view)

    def _read_into(self, view: memoryview) -> int:
        if len(view) == self._buffer_size:
            view = view[: self._fill_size]
            self._fill_size = min(2 * self._fill_size, self._buffer_size)
        if not view or (not self._has_descriptor and self._position >= self.size):
            return 0
        try:
            count = self._loop_thread.call_with_buffer(self._fill, view)
        except BaseException as error:
            self._mark_torn(error)
            raise
        self._position += count
        return count

    def _mark_torn(self, error: BaseException) -> None:
        if self._buffer_size:
            self._torn = f"{type(error).__name__}: {error}"
            self._is_plain = False

    def _check_whole(self) -> None:
        if self._torn:
            away = "seek() to a position that you know" if self._handle.seekable() else "open it again"
            message = f"A read of {self.name} broke off ({self._torn}), and bytes of it may be lost; {away}"
            raise InvalidRangeError(message, path=self.name)

    def read_at(self, offset: int, size: int) -> bytes:
        """Read ``size`` bytes at ``offset``, fewer only at the end of the object; the position stays where it is.

        Only what is asked for is fetched. Raises InvalidRangeError for a negative offset or size, UnsupportedError for
        a pipe and for a member of an archive.
        """
        return self._loop_thread.call(self._anywhere("read_at").read_at, offset, size)

    def read_ranges(self, ranges: Iterable[tuple[int, int]]) -> list[bytes]:
        """Read several ranges ``[start, stop)`` and return their bytes in the same order.

        A range ends with the object. Raises InvalidRangeError for a negative or reversed range, and what
        :meth:`read_at` raises.
        """
        return self._loop_thread.call(self._anywhere("read_ranges").read_ranges, list(ranges))

    def readinto_at(self, offset: int, buffer: Buffer) -> int:
        """Fill ``buffer`` with the bytes from ``offset`` on, and return how many: fewer only at the end of the object.

        The position stays where it is. Once this has returned or raised, nothing is written into ``buffer`` any more;
        what it holds after an error is undefined. Raises TypeError for memory that cannot be written, or does not lie
        in a row, and what :meth:`read_at` raises.
        """
        read = partial(self._anywhere("readinto_at").readinto_at, offset)
        return self._loop_thread.call_with_buffer(read, buffer)

    def read_ranges_into(self, ranges: Iterable[tuple[int, int]], buffers: Iterable[Buffer]) -> list[int]:
        """Read several ranges ``[start, stop)``, each into the buffer at its index in ``buffers``.

        Returns how many bytes each got: fewer than its size only at the end of the object. Raises InvalidRangeError
        unless each range has one buffer of its own size, and what :meth:`readinto_at` raises.
        """
        read = partial(self._anywhere("read_ranges_into").read_ranges_into, list(ranges))
        return self._loop_thread.call_with_buffer(read, list(buffers))

    def _anywhere(self, method: str) -> AsyncPrefetchReader | AsyncWholeFile:
        """Return the handle if it reads at any offset."""
        check_open(self)
        if isinstance(self._handle, (AsyncPrefetchReader, AsyncWholeFile)):
            return self._handle
        message = (
            f"{method}: {self.name} is a pipe or a member of an archive, which does not read at any offset; "
            "open the object itself without buffering='pipe', or seek and read"
        )
        raise UnsupportedError(message, path=self.name)

    def write(self, _data: Buffer, /) -> int:
        """Raise UnsupportedError: the file is open for reading."""
        check_open(self)
        message = f"{self.name} is open for reading; open it with mode 'wb' to write"
        raise UnsupportedError(message, path=self.name)

    def readall(self) -> bytes:
        """Read all that is left."""
        check_open(self)
        self._check_whole()
        try:
            data = self._loop_thread.call(self._read_all)
        except BaseException as error:
            self._mark_torn(error)
            raise
        self._position += len(data)
        return data

    def close(self) -> None:
        """Close the file and end its requests. Safe to repeat."""
        if self.closed:
            return
        self._is_plain = False
        try:
            if not self._released and self._loop_thread.usable:
                self._released = True
                if self._loop_thread.on_own_thread:
                    self._loop_thread.start(self._handle.aclose)
                else:
                    self._loop_thread.call(self._handle.aclose)
        finally:
            super().close()

    def finalize(self, source: object) -> None:
        """Close without waiting, because ``source`` was garbage: its collector may hold any lock, in any thread."""
        if self.release() and self._loop_thread.usable:
            warn(f"unclosed file {source!r}", ResourceWarning, source)

    def release(self) -> bool:
        """Close without waiting and without a warning, as :meth:`finalize` does; return False if that was done."""
        if self.closed or getattr(self, "_released", True):
            return False
        self._released = True
        self._loop_thread.start(self._handle.aclose)
        return True

    _dealloc_warn = finalize
    """By this name the standard library's wrappers call it when they are collected, before they call close()."""

    async def _fill(self, view: memoryview) -> int:
        await self._sync_position()
        return await self._handle.readinto(view)

    async def _read_all(self) -> bytes:
        await self._sync_position()
        return await self._handle.read()

    async def _sync_position(self) -> None:
        if self._read_footer_next and isinstance(self._handle, AsyncPrefetchReader):
            self._read_footer_next = False
            start = max(0, self.size - _TAIL_BYTES)
            await self._handle.read_at(start, self.size - start)  # it stays at hand while that costs nothing
        if not self._has_descriptor and self._handle.tell() != self._position:
            await self._handle.seek(self._position)


def check_open(file: io.RawIOBase) -> None:
    """Raise ClosedHandleError if ``file`` is closed."""
    if file.closed:
        message = f"I/O operation on closed file: {file.name}"  # type: ignore[attr-defined] # the files of aios3 have one
        raise ClosedHandleError(message, path=file.name)  # type: ignore[attr-defined] # the files of aios3 have one
