"""The unbuffered file that writes: an async handle as an :class:`io.RawIOBase`, one crossing a call.

The standard library's buffers and text wrappers stand on this and on ``_raw_reader``, those of aios3 and those that
users put around a file. Whatever they do, half an object is never published; what that takes is said at
:class:`RawWriter`.
"""

from __future__ import annotations

import io
import logging
import operator
import os
import weakref
from functools import partial
from typing import TYPE_CHECKING

from aios3._handles.lifecycle import cannot_copy
from aios3._handles.limited import AsyncLimitedSeekableWriter
from aios3._handles.pipe_writer import AsyncPipeWriter
from aios3._handles.positions import byte_view, writable_buffer
from aios3._handles.unwinding import AbortReason, UnwindSnapshot
from aios3._handles.whole import AsyncWholeFile
from aios3._logs import get_logger, is_telling, warn
from aios3.errors import ClosedHandleError, InvalidRangeError, S3Error, UnsupportedError
from aios3.sync._raw_reader import check_open
from aios3.sync._text_wrapper_probe import WritableProbe

if TYPE_CHECKING:
    from typing import NoReturn, SupportsIndex

    from typing_extensions import Buffer

    from aios3._entries import WriteResult
    from aios3._handles.writer import AsyncMultipartWriter
    from aios3.sync._loop_thread import LoopThread

    Writing = AsyncMultipartWriter | AsyncPipeWriter | AsyncLimitedSeekableWriter | AsyncWholeFile

_log = get_logger("aios3.sync")


class RawWriter(io.RawIOBase):
    """An object of S3, open for writing, without a buffer: each write crosses to the background loop.

    In a mode with ``+`` it reads as well. :meth:`close` publishes what was written, as a whole. It gives up instead,
    and nothing becomes visible, if

    * it is called by a ``with`` block that is being left by an exception, through whatever wrapper,
    * KeyboardInterrupt, SystemExit, GeneratorExit or a cancellation is being handled,
    * a write has failed, so that bytes are missing; this one raises,
    * it was never called: garbage collection and the end of the interpreter give up, with a warning.

    Calling it in an ``except`` or ``finally`` block of another exception is the caller's own decision, and publishes.
    In a child process the copy of a file that was open at the fork does neither; the upload is the parent's.
    """

    def __init__(self, loop_thread: LoopThread, handle: Writing) -> None:
        self.name: str = handle.name
        self.mode: str = handle.mode
        self._loop_thread = loop_thread
        self._handle = handle
        self._opened_at: UnwindSnapshot | None = UnwindSnapshot.now()
        self._position = handle.tell()
        self._has_descriptor = False
        self._failure = ""
        self._rejected_seek = ""
        self._is_abandoned = False
        self._probe = WritableProbe()
        self._is_closed_handle = False  # finished or given up: nothing is left to do at S3
        loop_thread.opened(handle, self.name, partial(_abandon, weakref.ref(self), handle))

    def __repr__(self) -> str:
        return f"<aios3.sync.RawWriter {self.name}{' closed' if self.closed else ''}>"

    def __del__(self) -> None:
        self.finalize(self)

    @property
    def result(self) -> WriteResult:
        """S3's response to the finished write; raises ClosedHandleError before, and if the write was given up."""
        return self._handle.result

    def writable(self) -> bool:
        """Return True; raise ClosedHandleError when the file is closed."""
        check_open(self)
        self._probe.note_writable()
        return True

    def readable(self) -> bool:
        """Return whether the mode has a ``+``; raise ClosedHandleError when the file is closed."""
        check_open(self)
        return self._handle.readable()

    def __reduce_ex__(self, protocol: SupportsIndex, /) -> NoReturn:
        cannot_copy(self, protocol)

    def seekable(self) -> bool:
        """Return whether the object is in memory, on disk or open for limited seeking.

        To a text wrapper that is being made it is True in any case: only there it writes a byte order mark. Raises
        ClosedHandleError when the file is closed.
        """
        check_open(self)
        return self._handle.seekable() or self._probe.by_wrapper(self)

    def fileno(self) -> int:
        """Return the descriptor of a file on disk, which stands where this file stands.

        Raises UnsupportedError for all other files.
        """
        check_open(self)
        descriptor = self._handle.fileno()
        self._has_descriptor = True
        return descriptor

    def tell(self) -> int:
        """Return the position; where nothing can be sought, how many bytes the object would have now."""
        check_open(self)
        return self._handle.tell() if self._has_descriptor and not self._is_closed_handle else self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Move the position and return it; raise UnsupportedError where that is not possible."""
        check_open(self)
        self.check_seekable(offset, whence, self._position)
        handle = self._handle
        assert isinstance(handle, (AsyncWholeFile, AsyncLimitedSeekableWriter))
        offset = operator.index(offset)
        if self._is_closed_handle:  # a buffer goes back to where it believes to be, before it is closed
            self._position = {os.SEEK_SET: 0, os.SEEK_CUR: self._position}.get(whence, 0) + offset
            return self._position
        try:
            self._position = self._loop_thread.call(handle.seek, offset, whence)
        except UnsupportedError:
            self._note_rejection(offset, whence, self._position)
            raise
        return self._position

    @property
    def can_seek(self) -> bool:
        """Return whether anything can be sought, also when the file is closed."""
        return self._handle.seekable()

    def check_seekable(self, offset: int, whence: int, position: int) -> None:
        """Raise UnsupportedError, with the ways out, if this file, which is at ``position``, cannot seek."""
        if not self.can_seek:
            self._note_rejection(operator.index(offset), whence, position)
            message = (
                f"{self.name} cannot seek: what has been written is on its way. Open it with buffering='memory' or "
                "'disk', or with 'limited' if only its head and its tail are written again"
            )
            raise UnsupportedError(message, path=self.name)

    def check_truncatable(self) -> None:
        """Raise UnsupportedError, with the ways out, if the file cannot be cut."""
        if not isinstance(self._handle, AsyncWholeFile):
            message = (
                f"{self.name} cannot be cut: what has been written is on its way. Open it with buffering='memory' or "
                "'disk'"
            )
            raise UnsupportedError(message, path=self.name)

    def truncate(self, size: int | None = None, /) -> int:
        """Make the object ``size`` bytes long, up to the position by default; only in memory or on disk."""
        check_open(self)
        self.check_truncatable()
        assert isinstance(self._handle, AsyncWholeFile)
        new = self.tell() if size is None else operator.index(size)
        try:
            return self._loop_thread.call(self._handle.truncate, new)
        except InvalidRangeError:
            raise  # nothing was cut
        except BaseException as error:
            self.fail(error)
            raise

    def readinto(self, buffer: Buffer, /) -> int:
        """Read into ``buffer``; raise UnsupportedError if the file is only open for writing."""
        handle = self._readable_handle()
        with writable_buffer(buffer) as view:
            count = self._loop_thread.call_with_buffer(handle.readinto, view)
        self._position += count
        return count

    def read(self, size: int | None = -1, /) -> bytes:
        """Read ``size`` bytes, all that is left by default; raise UnsupportedError if it is only open for writing."""
        handle = self._readable_handle()
        data = self._loop_thread.call(handle.read, size if size is None else operator.index(size))
        self._position += len(data)
        return data

    def readall(self) -> bytes:
        """Read all that is left; raise UnsupportedError if the file is only open for writing."""
        return self.read()

    def _readable_handle(self) -> AsyncWholeFile:
        check_open(self)
        if not isinstance(self._handle, AsyncWholeFile) or not self._handle.readable():
            message = f"{self.name} is open for writing; open it with mode 'rb' to read, or add '+' to do both"
            raise UnsupportedError(message, path=self.name)
        return self._handle

    def write(self, data: Buffer, /) -> int:
        """Take all of ``data`` and return its size in bytes, waiting while too much is in flight."""
        check_open(self)
        view = byte_view(data)
        if self._is_closed_handle or (self._is_abandoned and is_telling()):
            return len(view)  # what a buffer had left when the file was given up; the log of a program that ends
        if self._failure:
            raise self._not_published()
        try:
            self._position = self._loop_thread.call_with_buffer(self._write, view)
        except BaseException as error:
            self.fail(error)
            raise
        return len(view)

    def wait(self) -> WriteResult:
        """Wait for a write that was closed with ``join=False``, and return S3's response or raise why not."""
        if isinstance(self._handle, AsyncPipeWriter):
            return self._loop_thread.call(self._handle.wait)
        return self.result

    async def _write(self, view: memoryview) -> int:
        await self._handle.write(view)
        return self._handle.tell()

    def close(self) -> None:
        """Publish what was written, or give up; the class says when. Safe to repeat."""
        if self.closed:
            return
        try:
            self._close_handle()
        except BaseException:
            if not self._is_closed_handle:  # a signal handler has raised before it was completed or aborted
                self._abort_in_background()
            raise
        finally:
            super().close()

    def abort(self) -> None:
        """Give up: nothing becomes visible, and no upload stays open. Safe to repeat; no-op once finished."""
        self.abort_with("abort() was called")
        super().close()

    def fail(self, error: BaseException) -> None:
        """Remember that bytes are missing, so that close() will not publish."""
        self._failure = self._failure or f"{type(error).__name__}: {error}"

    def abort_reason(self) -> AbortReason | None:
        """Say why a close() at this moment would not publish; None if it would."""
        if self._loop_thread.is_forked:
            return AbortReason("this is a copy in a child process", logging.DEBUG)
        return self._opened_at.abort_reason() if self._opened_at else None

    def abort_with(self, reason: str, level: int = logging.DEBUG) -> None:
        """Abort, and take what the buffers above still hold without keeping it."""
        if self._is_closed_handle:
            return
        with self._loop_thread.relay:  # the handler may write into this file
            _log.log(level, "%s: nothing is published, because %s", self.name, reason)
        if self._loop_thread.on_own_thread:
            self._abort_in_background()
            return
        try:
            self._mark_handle_closed()
            if self._loop_thread.usable:
                self._loop_thread.call(self._handle.abort)
        except S3Error as error:
            # The caller already has an error to raise.
            with self._loop_thread.relay:
                _log.warning("%s: the upload could not be aborted and may still cost space: %s", self.name, error)
        except BaseException:  # what a signal handler raises may have kept the abort from beginning
            self._abort_in_background()
            raise

    def _abort_in_background(self) -> None:
        """Abort without waiting; safe to repeat."""
        self._loop_thread.start(self._handle.abort)
        self._mark_handle_closed()

    def _close_handle(self) -> None:
        if self._is_closed_handle:
            return
        reason = self.abort_reason()
        if reason is not None:
            self.abort_with(reason.reason, reason.level)
            return
        if self._failure:
            self.abort_with("a write failed")
            raise self._not_published()
        try:
            self._loop_thread.call(self._handle.aclose)
        except BaseException:
            self.abort_with("it could not be completed")
            raise
        self._mark_handle_closed()
        if self._rejected_seek:
            with self._loop_thread.relay:
                _log.warning("%s is published although %s was rejected: is it whole?", self.name, self._rejected_seek)
        if isinstance(self._handle, AsyncPipeWriter) and not self._handle.joins:
            return  # wait() will say
        try:
            _ = self._handle.result
        except ClosedHandleError as error:
            message = f"{self.name} is not published, because its session was closed before it"
            raise ClosedHandleError(message, path=self.name) from error

    def _note_rejection(self, offset: int, whence: int, position: int) -> None:
        """Note a seek that was rejected, but for one that asks by going nowhere whether it can seek."""
        if offset != (position if whence == os.SEEK_SET else 0):
            self._rejected_seek = self._rejected_seek or f"seek({offset}, {whence})"

    def _not_published(self) -> ClosedHandleError:
        message = f"{self.name} is not published, because a write has failed ({self._failure})"
        return ClosedHandleError(message, path=self.name)

    def note_end(self) -> None:
        """Note that the interpreter ends; records of that may still be written into this file, and are lost with it."""
        self._is_abandoned = True

    def _mark_handle_closed(self) -> None:
        self._is_closed_handle = True
        self._opened_at = None  # it may refer to frames, and they to this file
        self._loop_thread.closed(self._handle)

    def finalize(self, source: object) -> None:
        """Give up without waiting, because ``source`` was garbage: its collector may hold any lock, in any thread."""
        if getattr(self, "_is_closed_handle", True):
            return
        self._mark_handle_closed()
        self._loop_thread.start(self._handle.abort)
        if self._loop_thread.usable:
            message = f"unclosed file {source!r}: nothing was published"
            warn(message, ResourceWarning, source)

    _dealloc_warn = finalize
    """By this name the standard library's wrappers call it when they are collected, before they call close()."""


async def _abandon(file: weakref.ref[RawWriter], handle: Writing) -> None:
    """Abort at the end of the interpreter."""
    raw = file()
    if raw is not None:
        raw.note_end()
    await handle.abort()
