"""The file that holds a whole object, in memory or on disk, for reading and writing anywhere in it."""

from __future__ import annotations

import asyncio
import operator
import os
import warnings
from typing import TYPE_CHECKING

from aios3._config import KIB
from aios3._engine.tasks import wait_all
from aios3._entries import StatResult, WriteResult
from aios3._handles.copy_from import copy_from
from aios3._handles.lifecycle import LoopBinding, cannot_copy, is_interrupted
from aios3._handles.positions import flat, position_of
from aios3._handles.torn_write import TornWrite
from aios3._handles.unwinding import NOT_UNWINDING, UnwindSnapshot
from aios3._handles.whole_io import (
    changed_error,
    check_unchanged,
    upload_store,
)
from aios3._handles.whole_values import WriterState
from aios3._handles.writer import AsyncMultipartWriter
from aios3._storing.plan import with_equal_parts
from aios3.errors import (
    ClosedHandleError,
    InvalidRangeError,
    ObjectChangedError,
    S3Error,
    UnsupportedError,
)

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Coroutine
    from types import TracebackType
    from typing import NoReturn, Self, SupportsIndex

    from typing_extensions import Buffer

    from aios3._handles.copy_from import Source
    from aios3._handles.store import Store
    from aios3._handles.whole_values import WholeObject
    from aios3._paths import S3Url
    from aios3._session import Session

_ABORT_PATIENCE_SECONDS = 5.0
_LINE_BYTES = 8 * KIB
_CHUNK_BYTES = 256 * KIB


class AsyncWholeFile:
    """A whole object in memory or in a local file, open for reading and writing anywhere.

    :meth:`aclose` uploads it if it was changed, and only if the object is still the version that was opened; so does
    leaving ``async with`` without an exception. Everything else leaves S3 as it was. Methods may be called from
    several tasks; they take turns.
    """

    def __init__(self, session: Session, target: WholeObject, store: Store) -> None:
        mode, old = target.mode, target.old
        self._session = session
        self._url = target.url
        self._mode = mode
        self._store = store
        self._old = old
        self._plan = target.plan
        self._lock = asyncio.Lock()
        self._state = WriterState.OPEN
        store.position = store.size if mode.kind == "a" else 0
        self._changed = mode.writes and (mode.kind in "wx" or old is None)
        self._writer: AsyncMultipartWriter | None = None
        self._result: WriteResult | None = None
        self._failure: Exception | None = None
        self._opened_at = UnwindSnapshot.now()
        self.torn: TornWrite = TornWrite(str(target.url))
        """Whether the file can only be aborted, and why."""
        self._abort_task: asyncio.Task[None] | None = None
        self._binding = LoopBinding(str(target.url), str(target.url))
        session.register(self)

    def __repr__(self) -> str:
        state = f"at {self._position} of {self.size}" if self._state is WriterState.OPEN else self._state.value
        return f"<aios3.AsyncWholeFile {self.name} in {'memory' if self._store.kind == 'memory' else 'a file'} {state}>"

    def __reduce_ex__(self, protocol: SupportsIndex, /) -> NoReturn:
        cannot_copy(self, protocol)

    async def __aenter__(self) -> Self:
        self._check()
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if exc_type is None:
            await self.aclose()
        else:
            await self.abort()

    def __del__(self) -> None:
        binding = getattr(self, "_binding", None)
        if binding is None or binding.is_forked or self.closed:
            return
        lost = ": nothing was published" if self._mode.writes else ""
        warnings.warn(f"unclosed file {self!r}{lost}", ResourceWarning, source=self, stacklevel=2)
        self._state = WriterState.ABORTED
        self._store.finalize(binding.loop)

    @property
    def path(self) -> S3Url:
        """Where the object is or will be."""
        return self._url

    @property
    def name(self) -> str:
        """Where the object is or will be, as text."""
        return str(self._url)

    @property
    def mode(self) -> str:
        """The mode as a local file has it: ``rb+`` stands for ``wb+`` as well, which began anew."""
        return "rb+" if self._mode.text == "wb+" else self._mode.text

    @property
    def size(self) -> int:
        """How many bytes the copy has now."""
        self._check_open()
        return self._store.size

    @property
    def closed(self) -> bool:
        """Whether the file is finished or aborted."""
        return self._state is not WriterState.OPEN

    @property
    def result(self) -> WriteResult:
        """S3's response to the finished write; the object that was there, if nothing was changed.

        Raises ClosedHandleError as long as the file is open, once it was aborted, and for a file that only reads.
        """
        if self._result is None:
            message = f"{self.name} is {self._state.value} in mode {self.mode!r}: nothing was written"
            raise ClosedHandleError(message, path=self.name)
        return self._result

    def stat(self) -> StatResult:
        """Return what S3 said of the object when it was opened; an empty description if there was none."""
        return self._old or StatResult()

    def tell(self) -> int:
        """Return the position in bytes from the start."""
        self._check_open()
        return self._position

    def readable(self) -> bool:
        """Tell whether the mode allows reading."""
        return self._mode.reads

    def writable(self) -> bool:
        """Tell whether the mode allows writing."""
        return self._mode.writes

    def seekable(self) -> bool:
        """Return True."""
        return True

    def fileno(self) -> int:
        """Return the descriptor of the local file; it is closed with this file, and may be mapped into memory.

        From now on file and descriptor have one position, as those of a local file: who moves one moves the other. In
        mode ``a`` it appends, in mode ``rb`` it cannot write. Who has the descriptor of a file that is open for writing
        may change it unseen, so it counts as changed. Raises UnsupportedError for a file in memory.
        """
        self._check_open()
        descriptor = self._store.fileno(writes=self._mode.writes, appends=self._mode.kind == "a")
        self._changed = self._changed or self._mode.writes
        return descriptor

    async def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move the position and return it; it may lie behind the end.

        Raises InvalidRangeError for a position before the start or an unknown ``whence``.
        """
        async with self._lock:
            self._check()
            position = position_of(self.name, offset, whence, self._position, self._store.size)
            self._position = position
            return position

    async def read(self, size: int | None = -1) -> bytes:
        """Read ``size`` bytes, fewer only at the end; all that is left if ``size`` is negative or None."""
        async with self._lock:
            self._check_reading()
            return await self._read(-1 if size is None else size)

    async def readall(self) -> bytes:
        """Read all that is left."""
        return await self.read(-1)

    async def readinto(self, buffer: Buffer) -> int:
        """Fill ``buffer`` and return how many bytes that were: fewer than its size only at the end."""
        async with self._lock:
            self._check_reading()
            start = self._position
            count = await self._store.read_into(start, flat(buffer))
            self._position = start + count
            return count

    async def read_at(self, offset: int, size: int) -> bytes:
        """Read ``size`` bytes at ``offset``, fewer only at the end; the position stays where it is.

        Raises InvalidRangeError for a negative offset or size.
        """
        if offset < 0 or size < 0:
            message = f"read_at({offset}, {size}) on {self.name}: neither may be negative"
            raise InvalidRangeError(message, path=self.name)
        async with self._lock:
            self._check_reading()
            return await self._store.read(offset, size)

    async def readline(self, size: int | None = -1) -> bytes:
        """Read up to and with the next line feed, at most ``size`` bytes; the rest if there is none."""
        async with self._lock:
            self._check_reading()
            start = self._position
            line = await self._line(start, size)
            self._position = start + len(line)
            return line

    async def readlines(self, hint: int | None = None) -> list[bytes]:
        """Read lines until the end, or until they have ``hint`` bytes in all."""
        async with self._lock:
            self._check_reading()
            start = end = self._position
            lines: list[bytes] = []
            while (not hint or hint < 0 or end - start < hint) and (line := await self._line(end)):
                lines.append(line)
                end += len(line)
            self._position = end
            return lines

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Iterate over the lines from the position on, each with its line feed."""
        while line := await self.readline():
            yield line

    async def chunks(self, size: int | None = None) -> AsyncGenerator[bytes, None]:
        """Iterate over the bytes from the position on, at most ``size`` at a time, 256 KiB by default."""
        if size is not None and size <= 0:
            message = f"chunks() needs a positive size, not {size}"
            raise InvalidRangeError(message, path=self.name)
        while chunk := await self.read(size or _CHUNK_BYTES):
            yield chunk

    async def write(self, data: Buffer) -> int:
        """Put all of ``data`` at the position, in mode ``a`` at the end, and return its size in bytes.

        In memory it waits while the session's budget is spent.
        """
        async with self._lock:
            self._check_writing()
            view = flat(data)
            if not view:
                return 0
            position = self._store.size if self._mode.kind == "a" else self._position
            with self.torn.unless_untouched(f"a write of {len(view):,} bytes", self._changes):
                await self._store.write(position, view)
            self._changed = True
            if not self._store.shared:
                self._position = position + len(view)
            return len(view)

    async def write_from(self, source: Source) -> int:
        """Write everything that ``source`` has, and return how many bytes that were.

        ``source`` is a file object (async or not), or an iterable (async or not) of bytes-like objects. What is not
        async is read in a thread. The source is not closed.
        """
        self._check_writing()
        return await copy_from(source, self.write, self.torn)

    async def truncate(self, size: int | None = None) -> int:
        """Make the file ``size`` bytes long, up to the position by default; the position stays. Return the size.

        Raises InvalidRangeError for a negative size.
        """
        async with self._lock:
            self._check_writing()
            new = self._position if size is None else operator.index(size)
            if new < 0:
                message = f"truncate({new}) on {self.name}: a size cannot be negative"
                raise InvalidRangeError(message, path=self.name)
            with self.torn.unless_untouched(f"truncate({new})", self._changes):
                await self._store.truncate(new)
            self._changed = True
            return new

    def aclose(self) -> Coroutine[object, object, None]:
        """Upload the file if it was changed, or raise why not. Safe to repeat, from any task.

        Raises ObjectChangedError if the object is not the version any more that was opened. If S3 rejects, or the
        caller is cancelled before S3 has responded, nothing is changed. The same if this is called while a cancellation
        or an exit of the interpreter is being handled, or by a ``with`` block that an exception is leaving; the log
        says so then.
        """
        if self._mode.writes and is_interrupted(self.name, self._opened_at, closed=self.closed):
            return self.abort()
        return self._close()

    async def _close(self) -> None:
        if self._is_forked():
            return
        was_open = not self.closed
        try:
            async with self._lock:
                await self._finish()
        except BaseException as error:
            if self._failure is None and not self.closed and not self.torn and isinstance(error, Exception):
                self._failure = error
            is_aborted = was_open and self.closed  # by another task
            await self.abort()
            self.torn.explain(error, is_aborted=is_aborted)
            raise

    async def abort(self) -> None:
        """Give up: S3 stays as it was. Safe to repeat, from any task; no-op once finished."""
        if self._is_forked() or self._state is WriterState.FINISHED:
            return
        await self._wait_for_abort(self._start_abort())

    async def release(self) -> None:
        """Close the file because its session is closed; publish nothing."""
        if self._mode.writes:
            self.torn.session_ended()
            self._failure = self._failure or self.torn.error()
            await self.abort()
        else:
            await self.aclose()

    def _changes(self) -> int:
        return self._store.changes

    @property
    def _position(self) -> int:
        return self._store.position

    @_position.setter
    def _position(self, position: int) -> None:
        self._store.position = position

    async def _read(self, size: int) -> bytes:
        start = self._position
        data = await self._store.read(start, size)
        self._position = start + len(data)
        return data

    async def _line(self, start: int, size: int | None = None) -> bytes:
        """Return the line at ``start``, at most ``size`` bytes of it."""
        left = self._store.size if size is None or size < 0 else size
        wanted = _LINE_BYTES
        chunks: list[bytes] = []
        while left > 0:
            chunk = await self._store.read(start, min(left, wanted))
            end = chunk.find(b"\n") + 1
            chunks.append(chunk[:end] if end else chunk)
            if end or not chunk:
                break
            start, left, wanted = start + len(chunk), left - len(chunk), 2 * wanted
        return b"".join(chunks)

    async def _finish(self) -> None:
        if self.closed:
            self._raise_failure()
            return
        await self._publish()
        self._store.commit()
        self._state = WriterState.FINISHED
        self._session.unregister(self)
        self._opened_at = NOT_UNWINDING  # it may refer to frames, and they to this file
        await self._wait_for_abort(self._session.tasks.start(self._store.aclose(), name=f"aios3 close {self.name}"))

    async def _publish(self) -> None:
        if self._plan is None:
            return
        self.torn.check()
        if not self._changed:
            old = self._old
            assert old is not None
            self._result = WriteResult(old.size, old.etag, old.version_id)
            return
        try:
            await check_unchanged(self._session, self._plan)
            if self.closed:
                raise self._closed_error()
            self._writer = AsyncMultipartWriter(self._session, with_equal_parts(self._plan, self._store.size))
            self._result = await upload_store(self._writer, self._store)
        except ObjectChangedError as error:
            if self._plan.mode != "ab":
                raise  # the caller's own condition, in S3's words
            raise changed_error(self._url) from error

    def _start_abort(self) -> asyncio.Task[None]:
        if self._abort_task is None:
            self._state = WriterState.ABORTED
            self._session.unregister(self)
            self._opened_at = NOT_UNWINDING  # it may refer to frames, and they to this file
            self._abort_task = self._session.tasks.start(
                self._abort_upload(), name=f"aios3 abort {self.name}", shielded=True
            )
        return self._abort_task

    async def _abort_upload(self) -> None:
        await self._store.cancel_waits()
        if self._writer is not None:
            await self._writer.abort()
        async with self._lock:  # what is under way uses the store
            await self._store.aclose()

    async def _wait_for_abort(self, task: asyncio.Task[None]) -> None:
        await wait_all({task}, timeout_seconds=_ABORT_PATIENCE_SECONDS)

    def _is_forked(self) -> bool:
        if self._binding.is_forked:
            return True
        self._binding.check_loop()
        return False

    def _check(self) -> None:
        self._binding.check_loop()
        self._check_open()

    def _check_open(self) -> None:
        if self.closed:
            if isinstance(self._failure, S3Error):
                raise self._failure
            raise self._closed_error()

    def _check_reading(self) -> None:
        self._check()
        if not self._mode.reads:
            message = f"{self.name} is open in mode {self.mode!r}, which does not read; add '+' to read as well"
            raise UnsupportedError(message, path=self.name)

    def _check_writing(self) -> None:
        self._check()
        if not self._mode.writes:
            message = f"{self.name} is open in mode {self.mode!r}, which does not write; add '+' to write as well"
            raise UnsupportedError(message, path=self.name)
        self.torn.check()

    def _raise_failure(self) -> None:
        failure, self._failure = self._failure, None
        if isinstance(failure, S3Error):
            raise failure

    def _closed_error(self) -> ClosedHandleError:
        message = f"{self.name} is {self._state.value}; open it again"
        return self.torn.error() if self.torn else ClosedHandleError(message, path=self.name)
