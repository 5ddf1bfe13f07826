"""The unbuffered files: an async handle as an :class:`io.RawIOBase`, one crossing a call.

The standard library's buffers and text wrappers stand on these two, ours and those that users put around a file.
Whatever they do, half an object is never published; what that takes is said at :class:`RawWriter`.
"""

from __future__ import annotations

import io
import logging
import os
import warnings
from typing import TYPE_CHECKING

from aios3._handles.limited import AsyncLimitedSeekableWriter
from aios3._handles.pipe_writer import AsyncPipeWriter
from aios3._handles.reader import AsyncPrefetchReader
from aios3._handles.whole import AsyncWholeFile
from aios3.errors import ClosedHandleError, InvalidRangeError, S3Error, UnsupportedError
from aios3.sync._unwinding import Moment

if TYPE_CHECKING:
    from typing_extensions import Buffer

    from aios3._entries import StatResult, WriteResult
    from aios3._handles.pipe_reader import AsyncPipeReader
    from aios3._handles.writer import AsyncMultipartWriter
    from aios3._zip.members import AsyncZipMember
    from aios3.sync._bridge import Bridge

    Reading = AsyncPrefetchReader | AsyncPipeReader | AsyncWholeFile | AsyncZipMember
    Writing = AsyncMultipartWriter | AsyncPipeWriter | AsyncLimitedSeekableWriter | AsyncWholeFile

_FIRST_FILL = 64 * 1024
"""Bytes that fill a buffer after a seek; each fill that follows on takes twice as many."""
_TAIL_BYTES = 256 * 1024
"""Bytes before the end that are fetched at once for who reads there after a seek from the end: formats with a directory
at their end (zip, Parquet, ORC) read its last bytes first, and then what is before them."""

_log = logging.getLogger("aios3.sync")


class RawReader(io.RawIOBase):
    """An object of S3, open for reading, without a buffer: each read crosses to the background loop.

    ``buffer_size`` is the size of the buffer that stands on it. A buffer always asks for as much as it holds, needed
    or not; at a new place it gets less.
    """

    def __init__(self, bridge: Bridge, handle: Reading, buffer_size: int = 0) -> None:
        self.name: str = handle.name
        self.mode: str = "rb"
        self._bridge = bridge
        self._handle = handle
        self._buffer_size = buffer_size
        self._position = 0
        self._fill_size = _FIRST_FILL
        self._looks_at_end = False
        self._released = False

    def __repr__(self) -> str:
        return f"<aios3.sync.RawReader {self.name}{' closed' if self.closed else ''}>"

    def __del__(self) -> None:
        self.forget(self)

    @property
    def size(self) -> int:
        """Size of the object in bytes."""
        return self._handle.size

    def stat(self) -> StatResult:
        """Return what S3 said of the object when it was opened; costs no request."""
        return self._handle.stat()

    def readable(self) -> bool:
        """Return True; raise ClosedHandleError when the file is closed."""
        _check_open(self)
        return True

    def seekable(self) -> bool:
        """Return True, but for a pipe; raise ClosedHandleError when the file is closed."""
        _check_open(self)
        return self._handle.seekable()

    def fileno(self) -> int:
        """Return the descriptor of a file on disk; raise UnsupportedError for all others."""
        _check_open(self)
        return self._handle.fileno()

    def tell(self) -> int:
        """Return the position in bytes from the start."""
        _check_open(self)
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Move the position and return it; behind the end there is nothing to read. Costs nothing.

        Raises InvalidRangeError for a position before the start or an unknown ``whence``, UnsupportedError for a pipe.
        """
        if not self.seekable():
            message = f"{self.name} is read as a pipe, which goes forward only; open it without buffering='pipe'"
            raise UnsupportedError(message, path=self.name)
        bases = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self.size}
        if whence not in bases or bases[whence] + offset < 0:
            message = f"Cannot seek to {offset} from {whence} in {self.name}: no such position"
            raise InvalidRangeError(message, path=self.name)
        position = bases[whence] + offset
        self._looks_at_end = whence == os.SEEK_END and -_TAIL_BYTES < offset < 0
        if position != self._position:
            self._position = position
            self._fill_size = _FIRST_FILL
        return position

    def readinto(self, buffer: Buffer, /) -> int:
        """Read into ``buffer`` and return how many bytes that were; 0 only at the end."""
        _check_open(self)
        view = memoryview(buffer).cast("B")
        if len(view) == self._buffer_size:
            view = view[: self._fill_size]
            self._fill_size = min(2 * self._fill_size, self._buffer_size)
        if not view or self._position >= self.size:
            return 0
        count = self._bridge.call_with_buffer(self._fill, view)
        self._position += count
        return count

    def write(self, _data: Buffer, /) -> int:
        """Raise UnsupportedError: the file is open for reading."""
        message = f"{self.name} is open for reading; open it with mode 'wb' to write"
        raise UnsupportedError(message, path=self.name)

    def readall(self) -> bytes:
        """Read all that is left."""
        _check_open(self)
        data = self._bridge.call(self._read_all)
        self._position += len(data)
        return data

    def close(self) -> None:
        """Close the file and end its requests. Safe to repeat."""
        if self.closed:
            return
        try:
            if not self._released and self._bridge.usable:
                self._released = True
                if self._bridge.on_own_thread:
                    self._bridge.start(self._handle.aclose)
                else:
                    self._bridge.call(self._handle.aclose)
        finally:
            super().close()

    def forget(self, source: object) -> None:
        """Close without waiting, because ``source`` was garbage: its collector may hold any lock, in any thread."""
        if self.closed or getattr(self, "_released", True):
            return
        self._released = True
        self._bridge.start(self._handle.aclose)
        if self._bridge.usable:
            warnings.warn(f"unclosed file {source!r}", ResourceWarning, stacklevel=2, source=source)

    _dealloc_warn = forget
    """By this name the standard library's wrappers call it when they are collected, before they call close()."""

    async def _fill(self, view: memoryview) -> int:
        await self._find_position()
        return await self._handle.readinto(view)

    async def _read_all(self) -> bytes:
        await self._find_position()
        return await self._handle.read()

    async def _find_position(self) -> None:
        if self._looks_at_end and isinstance(self._handle, AsyncPrefetchReader):
            self._looks_at_end = False
            start = max(0, self.size - _TAIL_BYTES)
            await self._handle.read_at(start, self.size - start)  # it stays at hand while that costs nothing
        if self._handle.tell() != self._position:
            await self._handle.seek(self._position)


class RawWriter(io.RawIOBase):
    """An object of S3, open for writing, without a buffer: each write crosses to the background loop.

    In a mode with ``+`` it reads as well. :meth:`close` publishes what was written, as a whole. It gives up instead,
    and nothing becomes visible, if

    * it is called by a ``with`` block that is being left by an exception, through whatever wrapper,
    * KeyboardInterrupt, SystemExit, GeneratorExit or a cancellation is being handled,
    * a write has failed, so that bytes are missing; this one raises,
    * nobody called it: garbage collection and the end of the interpreter give up, with a warning.

    Calling it in an ``except`` or ``finally`` block of another exception is the caller's own decision, and publishes.
    In a child process the copy of a file that was open at the fork does neither; the upload is the parent's.
    """

    def __init__(self, bridge: Bridge, handle: Writing) -> None:
        self.name: str = handle.name
        self.mode: str = handle.mode
        self._bridge = bridge
        self._handle = handle
        self._opened_at: Moment | None = Moment.now()
        self._position = handle.tell()
        self._failure = ""
        self._settled = False  # finished or given up: nothing is left to do at S3
        bridge.opened(handle, self.name, handle.abort)

    def __repr__(self) -> str:
        return f"<aios3.sync.RawWriter {self.name}{' closed' if self.closed else ''}>"

    def __del__(self) -> None:
        self.forget(self)

    @property
    def result(self) -> WriteResult:
        """What S3 answered to the finished write; raises ClosedHandleError before, and if the write was given up."""
        return self._handle.result

    def writable(self) -> bool:
        """Return True; raise ClosedHandleError when the file is closed."""
        _check_open(self)
        return True

    def readable(self) -> bool:
        """Return whether the mode has a ``+``; raise ClosedHandleError when the file is closed."""
        _check_open(self)
        return self._handle.readable()

    def seekable(self) -> bool:
        """Return whether the object is in memory, on disk or open for limited seeking."""
        return not self.closed and self._handle.seekable()

    def fileno(self) -> int:
        """Return the descriptor of a file on disk; raise UnsupportedError for all others."""
        _check_open(self)
        return self._handle.fileno()

    def tell(self) -> int:
        """Return the position; where nothing can be sought, how many bytes the object would have now."""
        _check_open(self)
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Move the position and return it; raise UnsupportedError where that is not possible."""
        _check_open(self)
        handle = self._handle
        if not isinstance(handle, (AsyncWholeFile, AsyncLimitedSeekableWriter)):
            message = f"{self.name} cannot seek: what has been written is on its way; see buffering="
            raise UnsupportedError(message, path=self.name)
        if self._settled:  # a buffer goes back to where it believes to be, before it is closed
            self._position = {os.SEEK_SET: 0, os.SEEK_CUR: self._position}.get(whence, 0) + offset
        else:
            self._position = self._bridge.call(handle.seek, offset, whence)
        return self._position

    def truncate(self, size: int | None = None, /) -> int:
        """Make the object ``size`` bytes long, up to the position by default; only in memory or on disk."""
        _check_open(self)
        if not isinstance(self._handle, AsyncWholeFile):
            message = f"{self.name} cannot be cut: what has been written is on its way; see buffering="
            raise UnsupportedError(message, path=self.name)
        try:
            return self._bridge.call(self._handle.truncate, self._position if size is None else size)
        except BaseException as error:
            self.fail(error)
            raise

    def readinto(self, buffer: Buffer, /) -> int:
        """Read into ``buffer``; raise UnsupportedError if the file is only open for writing."""
        _check_open(self)
        if not isinstance(self._handle, AsyncWholeFile) or not self._handle.readable():
            message = f"{self.name} is open for writing; open it with mode 'rb' to read"
            raise UnsupportedError(message, path=self.name)
        count = self._bridge.call_with_buffer(self._handle.readinto, memoryview(buffer).cast("B"))
        self._position += count
        return count

    def write(self, data: Buffer, /) -> int:
        """Take all of ``data`` and return its size in bytes, waiting while too much is in flight."""
        _check_open(self)
        view = memoryview(data).cast("B")
        if self._settled:
            return len(view)  # what a buffer had left when the file was given up
        if self._failure:
            raise self._not_published()
        try:
            self._position = self._bridge.call_with_buffer(self._write, view)
        except BaseException as error:
            self.fail(error)
            raise
        return len(view)

    def wait(self) -> WriteResult:
        """Wait for a write that was closed with ``join=False``, and return what S3 answered or raise why not."""
        if isinstance(self._handle, AsyncPipeWriter):
            return self._bridge.call(self._handle.wait)
        return self.result

    async def _write(self, view: memoryview) -> int:
        await self._handle.write(view)
        return self._handle.tell()

    def close(self) -> None:
        """Publish what was written, or give up; the class says when. Safe to repeat."""
        if self.closed:
            return
        try:
            self._settle()
        finally:
            super().close()

    def abort(self) -> None:
        """Give up: nothing becomes visible, and no upload stays open. Safe to repeat; no-op once finished."""
        self.give_up("abort() was called")
        super().close()

    def fail(self, error: BaseException) -> None:
        """Remember that bytes are missing, so that close() will not publish."""
        self._failure = self._failure or f"{type(error).__name__}: {error}"

    def reason_to_give_up(self) -> str | None:
        """Say why a close() at this moment would not publish; None if it would."""
        if self._bridge.foreign:
            return "this is a copy in a child process"
        return self._opened_at.gives_up() if self._opened_at else None

    def give_up(self, reason: str) -> None:
        """Abort, and take what the buffers above still hold without keeping it."""
        if self._settled:
            return
        _log.debug("%s: nothing is published, because %s", self.name, reason)
        self._mark_settled()
        if self._bridge.on_own_thread:
            self._bridge.start(self._handle.abort)
        elif self._bridge.usable:
            try:
                self._bridge.call(self._handle.abort)
            except S3Error as error:
                # Whoever gives up has an error of their own to see.
                _log.warning("%s: the upload could not be aborted and may still cost space: %s", self.name, error)

    def _settle(self) -> None:
        if self._settled:
            return
        reason = self.reason_to_give_up()
        if reason is not None:
            self.give_up(reason)
            return
        if self._failure:
            self.give_up("a write failed")
            raise self._not_published()
        try:
            self._bridge.call(self._handle.aclose)
        except BaseException:
            self.give_up("it could not be completed")
            raise
        self._mark_settled()
        if isinstance(self._handle, AsyncPipeWriter) and not self._handle.joins:
            return  # wait() will tell
        try:
            _ = self._handle.result
        except ClosedHandleError as error:
            message = f"{self.name} is not published, because its session was closed before it"
            raise ClosedHandleError(message, path=self.name) from error

    def _not_published(self) -> ClosedHandleError:
        message = f"{self.name} is not published, because a write has failed ({self._failure})"
        return ClosedHandleError(message, path=self.name)

    def _mark_settled(self) -> None:
        self._settled = True
        self._opened_at = None  # it may refer to frames, and they to this file
        self._bridge.closed(self._handle)

    def forget(self, source: object) -> None:
        """Give up without waiting, because ``source`` was garbage: its collector may hold any lock, in any thread."""
        if getattr(self, "_settled", True):
            return
        self._mark_settled()
        self._bridge.start(self._handle.abort)
        if self._bridge.usable:
            message = f"unclosed file {source!r}: nothing was published"
            warnings.warn(message, ResourceWarning, stacklevel=2, source=source)

    _dealloc_warn = forget
    """By this name the standard library's wrappers call it when they are collected, before they call close()."""


def _check_open(file: RawReader | RawWriter) -> None:
    if file.closed:
        message = f"I/O operation on closed file: {file.name}"
        raise ClosedHandleError(message, path=file.name)
