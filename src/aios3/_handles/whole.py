"""The file that holds a whole object, in memory or on disk, for reading and writing anywhere in it."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING

from aios3._config import KIB
from aios3._engine.tasks import wait_all
from aios3._entries import StatResult, WriteResult
from aios3._handles.base import AsyncSeekReadBase
from aios3._handles.base_writer import AsyncUploadBase, WriterState
from aios3._handles.positions import byte_view, writable_buffer, writable_view
from aios3._handles.range_arguments import Destination, checked_ranges, destinations, negative_error
from aios3._handles.whole_io import changed_error, upload_store
from aios3._handles.writer import AsyncMultipartWriter
from aios3._storing.upload import ABORT_PATIENCE_SECONDS
from aios3._storing.write_plan import with_equal_parts
from aios3.errors import InvalidRangeError, ObjectChangedError, UnsupportedError

if TYPE_CHECKING:
    import asyncio
    from collections.abc import AsyncGenerator, Awaitable, Coroutine, Iterable

    from typing_extensions import Buffer

    from aios3._handles.lifecycle import LoopBinding
    from aios3._handles.whole_stores import Store
    from aios3._handles.whole_values import WholeObject
    from aios3._session import Session

_CHUNK_BYTES = 256 * KIB


class AsyncWholeFile(AsyncUploadBase, AsyncSeekReadBase):
    """A whole object in memory or in a local file, open for reading and writing anywhere.

    :meth:`aclose` uploads it if it was changed, and only if the object is still the version that was opened. So does
    leaving ``async with`` without an exception. Everything else leaves S3 as it was. Methods may be called from several
    tasks; they take turns.
    """

    def __init__(self, session: Session, target: WholeObject, store: Store) -> None:
        mode, old = target.mode, target.old
        self._mode = mode
        self._store = store
        self._old = old
        self._plan = target.plan
        store.position = store.size if mode.kind == "a" else 0
        self._changed = mode.writes and (mode.kind in "wx" or old is None)
        self._writer: AsyncMultipartWriter | None = None
        self._closing: asyncio.Task[None] | None = None
        super().__init__(session, target.url)

    def __repr__(self) -> str:
        state = f"at {self._position} of {self.size}" if self._state is WriterState.OPEN else self._state.value
        return f"<aios3.AsyncWholeFile {self.name} in {'memory' if self._store.kind == 'memory' else 'a file'} {state}>"

    @property
    def mode(self) -> str:
        """The mode as a local file has it: ``rb+`` stands for ``wb+`` as well, which began anew."""
        return "rb+" if self._mode.text == "wb+" else self._mode.text

    @property
    def size(self) -> int:
        """How many bytes the copy has now."""
        self._check_open()
        return self._store.size

    def stat(self) -> StatResult:
        """Return what S3 said of the object when it was opened; an empty description if there was none."""
        return self._old or StatResult()

    def readable(self) -> bool:
        """Return whether the mode allows reading."""
        return self._mode.reads

    def writable(self) -> bool:
        """Return whether the mode allows writing."""
        return self._mode.writes

    def fileno(self) -> int:
        """Return the descriptor of the local file; it is closed with this file, and may be mapped into memory.

        From now on file and descriptor have one position, as those of a local file: moving one moves the other. In mode
        ``a`` it appends, in mode ``rb`` it cannot write. Code that has the descriptor of a file that is open for
        writing may change it unseen, so it counts as changed. Raises UnsupportedError for a file in memory.
        """
        self._check_open()
        descriptor = self._store.fileno(writes=self._mode.writes, appends=self._mode.kind == "a")
        self._changed = self._changed or self._mode.writes
        return descriptor

    async def read(self, size: int | None = -1) -> bytes:
        """Read ``size`` bytes, fewer only at the end; all that is left if ``size`` is negative or None."""
        async with self._lock:
            self._check_reading()
            start = self._position
            data = await self._store.read(start, -1 if size is None else size)
            self._position = start + len(data)
            return data

    async def readinto(self, buffer: Buffer) -> int:
        """Fill ``buffer`` and return how many bytes that were: fewer than its size only at the end."""
        self._check_reading()
        target = writable_view(buffer)
        if target is None:
            return await self._read_into_copy(buffer)
        async with self._lock:
            self._check_reading()
            start = self._position
            with target:  # as in writable_buffer
                count = await self._store.read_into(start, target)
            self._position = start + count
            return count

    async def read_at(self, offset: int, size: int) -> bytes:
        """Read ``size`` bytes at ``offset``, fewer only at the end; the position stays where it is.

        Raises InvalidRangeError for a negative offset or size.
        """
        if offset < 0 or size < 0:
            raise negative_error(self.name, "read_at", offset, size)
        async with self._lock:
            self._check_reading()
            return await self._store.read(offset, size)

    async def readinto_at(self, offset: int, buffer: Buffer) -> int:
        """Fill ``buffer`` with the bytes from ``offset`` on, and return how many: fewer only at the end.

        The position stays where it is. Raises InvalidRangeError for a negative offset, TypeError for memory that cannot
        be written, or does not lie in a row.
        """
        if offset < 0:
            raise negative_error(self.name, "readinto_at", offset)
        self._check_reading()
        with writable_buffer(buffer, "readinto_at") as view:
            return (await self._read_into([Destination(offset, view)]))[0]

    async def read_ranges(self, ranges: Iterable[tuple[int, int]]) -> list[bytes]:
        """Read several ranges ``[start, stop)`` and return their bytes in the same order.

        A range ends with the object. Raises InvalidRangeError for a negative or reversed range.
        """
        range_list = checked_ranges(self.name, "read_ranges", ranges)
        async with self._lock:
            self._check_reading()
            return [await self._store.read(start, stop - start) for start, stop in range_list]

    async def read_ranges_into(self, ranges: Iterable[tuple[int, int]], buffers: Iterable[Buffer]) -> list[int]:
        """Read several ranges ``[start, stop)``, each into the buffer at its index in ``buffers``.

        Returns how many bytes each got: fewer than its size only at the end. Raises InvalidRangeError for a negative or
        reversed range, and unless each range has one buffer of its own size; TypeError as :meth:`readinto_at`.
        """
        self._check_reading()
        with destinations(self.name, "read_ranges_into", ranges, buffers) as targets:
            return await self._read_into(targets)

    async def _read_into(self, targets: Iterable[Destination]) -> list[int]:
        async with self._lock:
            self._check_reading()
            return [await self._store.read_into(each.start, each.view) for each in targets]

    async def chunks(self, size: int | None = None) -> AsyncGenerator[bytes, None]:
        """Iterate over the bytes from the position on, at most ``size`` at a time, 256 KiB by default."""
        longest = self._positive(size, _CHUNK_BYTES)
        while chunk := await self.read(longest):
            yield chunk

    async def write(self, data: Buffer) -> int:
        """Put all of ``data`` at the position, in mode ``a`` at the end, and return its size in bytes.

        In memory it waits while the session's budget is spent.
        """
        async with self._lock:
            self._check_writing()
            view = byte_view(data)
            if not view:
                return 0
            position = self._store.size if self._mode.kind == "a" else self._position
            with self.torn.unless_untouched(f"a write of {len(view):,} bytes", self._changes):
                await self._store.write(position, view)
            self._changed = True
            if not self._store.shared:
                self._position = position + len(view)
            return len(view)

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
        caller is cancelled before S3 has responded, nothing is changed. The same holds if this is called while a
        cancellation or an exit of the interpreter is being handled. It also holds in a ``with`` block that an exception
        is leaving; the log says so then.
        """
        return super().aclose() if self._mode.writes else self._close()

    async def _close(self) -> None:
        await super()._close()
        if self._closing is not None:
            await wait_all({self._closing}, timeout_seconds=ABORT_PATIENCE_SECONDS)

    async def release(self) -> None:
        """Close the file because its session is closed; publish nothing."""
        if self._mode.writes:
            await super().release()
        else:
            await self.aclose()

    @property
    def _position(self) -> int:
        return self._store.position

    @_position.setter
    def _position(self, position: int) -> None:
        self._store.position = position

    def _changes(self) -> int:
        return self._store.changes

    def _peek(self, size: int) -> Awaitable[bytes]:
        return self._store.read(self._position, size)

    async def _publish(self) -> WriteResult | None:
        if self._plan is None:
            return None
        if not self._changed:
            old = self._old
            assert old is not None
            return WriteResult(old.size, old.etag, old.version_id)
        try:
            self._writer = AsyncMultipartWriter(self._session, with_equal_parts(self._plan, self._store.size))
            return await upload_store(self._writer, self._store)
        except ObjectChangedError as error:
            if not self._plan.expects_unchanged:
                raise  # the caller's own condition, in S3's words
            raise changed_error(self._url) from error

    def _release_memory(self) -> None:
        if self._state is WriterState.FINISHED:
            self._store.commit()
            self._closing = self._session.tasks.start(
                self._store.aclose(), name=f"aios3 close {self.name}", shielded=True
            )

    async def _abort_upload(self) -> None:
        await self._store.cancel_waits()
        if self._writer is not None:
            await self._writer.abort()
        async with self._lock:  # what is under way uses the store
            await self._store.aclose()

    def _abandon(self, binding: LoopBinding) -> None:
        self._state = WriterState.ABORTED
        self._store.finalize(binding.loop)

    def _loss(self) -> str:
        return super()._loss() if self._mode.writes else ""

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
