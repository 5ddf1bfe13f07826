"""The writer whose head and tail can be sought and written again, for formats that write their header last."""

from __future__ import annotations

import asyncio
import os
import warnings
from functools import partial
from typing import TYPE_CHECKING, NoReturn

from aios3._engine.active_calls import ActiveCalls
from aios3._engine.tasks import wait_all
from aios3._handles.copy_from import copy_from
from aios3._handles.lifecycle import LoopBinding, cannot_copy, is_interrupted, no_descriptor
from aios3._handles.positions import flat
from aios3._handles.torn_write import TornWrite, aborted, partly_written
from aios3._handles.unwinding import NOT_UNWINDING, UnwindSnapshot
from aios3._storing.upload import Upload
from aios3.errors import ClosedHandleError, InvalidRangeError, S3Error, UnsupportedError

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from types import TracebackType
    from typing import NoReturn, Self, SupportsIndex

    from typing_extensions import Buffer

    from aios3._entries import WriteResult
    from aios3._handles.copy_from import Source
    from aios3._paths import S3Url
    from aios3._session import Session
    from aios3._storing.plan import WritePlan

_ABORT_PATIENCE_SECONDS = 5.0
_ZEROS = 1024 * 1024


class AsyncLimitedSeekableWriter:
    """An object of S3, open for writing, that keeps its first and its last bytes in memory until it is closed.

    The first ``head_size`` bytes and at least the last ``tail_size`` may be sought and written again; what lies
    between is on its way, and writing there raises UnsupportedError. The head goes up last, as part 1. Memory: head,
    tail, one part, and the parts in flight. Otherwise like :class:`AsyncMultipartWriter`.
    """

    def __init__(self, session: Session, plan: WritePlan, head_size: int, tail_size: int) -> None:
        self._session = session
        self._plan = plan
        self._head_size = head_size
        self._tail_size = tail_size
        self._upload = Upload(session, plan)
        self._lock = asyncio.Lock()
        self._head = bytearray()
        self._tail = bytearray()
        self._sent = 0  # bytes between head and tail
        self._position = 0
        self._reserved_bytes = 0
        self._finished = self._aborted = False
        self._result: WriteResult | None = None
        self._failure: Exception | None = None
        self._opened_at = UnwindSnapshot.now()
        self._publishing = ActiveCalls(partial(aborted, str(plan.url)))
        self.torn: TornWrite = TornWrite(str(plan.url))
        """Whether the file can only be aborted, and why."""
        self._taken = 0  # bytes put anywhere, zeros among them
        self._abort_task: asyncio.Task[None] | None = None
        self._binding = LoopBinding(str(plan.url), str(plan.url))
        session.register(self)

    def __repr__(self) -> str:
        state = "finished" if self._finished else "aborted" if self._aborted else "open"
        return f"<aios3.AsyncLimitedSeekableWriter {self.name} {state} at {self._position} of {self._size}>"

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
        warnings.warn(f"unclosed file {self!r}: nothing was published", ResourceWarning, source=self, stacklevel=2)
        self._aborted = True
        budget, reserved = self._session.budget, self._reserved_bytes
        if not binding.loop.is_closed():
            binding.loop.call_soon_threadsafe(lambda: budget.release(reserved, retained=True))
        upload = self._upload
        if upload.began:
            self._session.abort_orphan(self.path, upload.upload_id, upload.abort)

    @property
    def path(self) -> S3Url:
        """Where the object will be."""
        return self._plan.url

    @property
    def name(self) -> str:
        """Where the object will be, as text."""
        return str(self._plan.url)

    @property
    def mode(self) -> str:
        """``wb`` or ``xb``."""
        return self._plan.mode

    @property
    def closed(self) -> bool:
        """Whether the file is finished or aborted."""
        return self._finished or self._aborted

    @property
    def size(self) -> int:
        """How many bytes the object would have if it were closed now."""
        return self._size

    @property
    def result(self) -> WriteResult:
        """S3's response to the finished write; raises ClosedHandleError before, and for ever after an abort."""
        if self._result is None:
            message = f"{self.name} is not finished, so S3 has not responded; close it first"
            raise ClosedHandleError(message, path=self.name)
        return self._result

    def tell(self) -> int:
        """Return the position in bytes from the start."""
        self._check_open()
        return self._position

    def readable(self) -> bool:
        """Return False."""
        return False

    def writable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True: into the head and the tail."""
        return True

    def fileno(self) -> NoReturn:
        """Raise UnsupportedError: an object of S3 has no file descriptor."""
        raise no_descriptor(self.name)

    async def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move the position into the head, the tail or behind the end, and return it.

        Raises UnsupportedError for a position between head and tail, InvalidRangeError for one before the start or an
        unknown ``whence``.
        """
        async with self._lock:
            self._check()
            bases = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size}
            if whence not in bases or bases[whence] + offset < 0:
                message = f"Cannot seek to {offset} from {whence} in {self.name}: no such position"
                raise InvalidRangeError(message, path=self.name)
            position = bases[whence] + offset
            if len(self._head) <= position < self._tail_offset and self._sent:
                raise self._not_seekable_error(position)
            self._position = position
            return position

    async def write(self, data: Buffer) -> int:
        """Put all of ``data`` at the position and return its size in bytes, waiting while too much is in flight.

        A gap behind the end becomes zeros. Raises UnsupportedError, and writes nothing, if a byte would fall between
        head and tail. Raises what a part met that failed since the last call; the upload is aborted by then.
        """
        async with self._lock:
            await self._check_usable()
            view = flat(data)
            if not view:
                return 0
            stop = self._position + len(view)
            if self._sent and self._position < self._tail_offset and stop > len(self._head):
                raise self._not_seekable_error(max(self._position, len(self._head)))
            before = self._taken
            try:
                await self._write_after_zeros(view)
            except BaseException as error:
                if self._taken > before:
                    self.torn.note(partly_written("a write", self._taken - before, len(view)), error)
                self.torn.explain(error)
                raise
            self._position = stop
            await self._check_usable()
            return len(view)

    async def write_from(self, source: Source) -> int:
        """Write everything that ``source`` has, and return how many bytes that were.

        ``source`` is a file object (async or not), or an iterable (async or not) of bytes-like objects. What is not
        async is read in a thread. The source is not closed.
        """
        self._check()
        return await copy_from(source, self.write, self.torn)

    def aclose(self) -> Coroutine[object, object, None]:
        """Make the object visible, or raise why not. Safe to repeat, from any task.

        If S3 rejects, or the caller is cancelled before S3 has responded, the upload is aborted. The same if this is
        called while a cancellation or an exit of the interpreter is being handled, or by a ``with`` block that an
        exception is leaving; the log says so then.
        """
        if is_interrupted(self.name, self._opened_at, closed=self.closed):
            return self.abort()
        return self.finish()

    async def finish(self) -> None:
        """Do what :meth:`aclose` does when nobody gives up."""
        if self._is_forked():
            return
        was_open = not self.closed
        try:
            async with self._lock:
                await self._finish()
        except BaseException as error:
            if not self.closed and isinstance(error, Exception):
                self._failure = error
            is_aborted = was_open and self.closed  # by another task
            await self.abort()
            self.torn.explain(error, is_aborted=is_aborted)
            raise

    async def abort(self) -> None:
        """Give up: nothing becomes visible, no upload stays open. Safe to repeat; no-op once finished."""
        if self._is_forked() or self._finished:
            return
        if self._abort_task is None:
            self._aborted = True
            self._abort_task = self._session.tasks.start(
                self._abort_upload(), name=f"aios3 abort {self.name}", shielded=True
            )
        await wait_all({self._abort_task}, timeout_seconds=_ABORT_PATIENCE_SECONDS)

    async def release(self) -> None:
        """Abort because the session is closed."""
        self.torn.session_ended()
        self._failure = self._failure or self.torn.error()
        await self.abort()

    @property
    def _tail_offset(self) -> int:
        return len(self._head) + self._sent

    @property
    def _size(self) -> int:
        return self._tail_offset + len(self._tail)

    async def _write_after_zeros(self, view: memoryview) -> None:
        while self._size < self._position:
            await self._put(self._size, memoryview(bytes(min(_ZEROS, self._position - self._size))))
        await self._put(self._position, view)

    async def _put(self, position: int, view: memoryview) -> None:
        """Put ``view`` at ``position``, which is in the head, in the tail, or the end."""
        in_head = max(min(len(view), self._head_size - position), 0)
        if in_head:
            await self._reserve(position + in_head - len(self._head))
            self._head[position : position + in_head] = view[:in_head]
            self._taken += in_head
        done = in_head
        while done < len(view):
            at = position + done - self._tail_offset
            room = self._tail_size + self._upload.next_size - at
            if room <= 0:
                self._send_part()
                continue
            piece = view[done : done + room]
            await self._reserve(at + len(piece) - len(self._tail))
            self._tail[at : at + len(piece)] = piece
            self._taken += len(piece)
            done += len(piece)

    def _send_part(self) -> None:
        """Send the start of the tail as the next part."""
        if not self._sent:
            self._upload.reserve_first_part()
        size = self._upload.next_size
        piece = bytes(memoryview(self._tail)[:size])
        del self._tail[:size]
        self._sent += size
        self._reserved_bytes -= size
        self._session.budget.mark_in_flight(size)
        self._upload.start_part([piece], size)

    async def _finish(self) -> None:
        if self.closed:
            self._raise_failure()
            return
        await self._check_usable()
        size = self._size
        if size <= self._plan.part_size and not self._sent:
            publish = partial(self._upload.put_object, [memoryview(self._head), memoryview(self._tail)])
        else:
            publish = partial(self._finish_multipart, size)
        self._result = await self._publishing.run(publish)
        self._finished = True
        self._release_memory()

    async def _finish_multipart(self, size: int) -> WriteResult:
        if not self._sent:
            self._upload.reserve_first_part()
        start = 0
        while start < len(self._tail):
            length = self._upload.next_size
            self._upload.start_part([memoryview(self._tail)[start : start + length]], 0)
            start += length
        self._upload.start_first_part([memoryview(self._head)], 0)
        return await self._upload.complete(size)

    async def _abort_upload(self) -> None:
        self._release_memory()
        self._publishing.close()
        await self._publishing.wait_idle()
        await self._upload.abort()

    def _release_memory(self) -> None:
        self._opened_at = NOT_UNWINDING  # it may refer to frames, and they to this file
        reserved, self._reserved_bytes = self._reserved_bytes, 0
        self._head, self._tail = bytearray(), bytearray()
        self._session.budget.release(reserved, retained=True)
        self._session.unregister(self)

    async def _reserve(self, size: int) -> None:
        if size <= 0:
            return
        budget = self._session.budget
        if not budget.try_acquire(size):
            await self._upload.acquire_memory(size)
        if self._aborted:
            budget.release(size)
            raise self._closed_error()
        budget.mark_retained(size)
        self._reserved_bytes += size

    async def _check_usable(self) -> None:
        self._check()
        failure = self._upload.failure or (self.torn.error() if self.torn else None)
        if failure is not None:
            self._failure = self._failure or failure
            await self.abort()
            raise failure

    def _check(self) -> None:
        self._binding.check_loop()
        self._check_open()

    def _check_open(self) -> None:
        if self.closed:
            if isinstance(self._failure, S3Error):
                raise self._failure
            raise self._closed_error()

    def _is_forked(self) -> bool:
        if self._binding.is_forked:
            return True
        self._binding.check_loop()
        return False

    def _raise_failure(self) -> None:
        failure, self._failure = self._failure, None
        if isinstance(failure, S3Error):
            raise failure

    def _not_seekable_error(self, position: int) -> UnsupportedError:
        message = (
            f"Byte {position:,} of {self.name} is on its way already: only the first {len(self._head):,} bytes and "
            f"those from {self._tail_offset:,} on can be written again; use larger head_size or tail_size, or "
            "buffering='memory' or 'disk'"
        )
        return UnsupportedError(message, path=self.name)

    def _closed_error(self) -> ClosedHandleError:
        message = f"{self.name} is closed; open it again to write"
        return self.torn.error() if self.torn else ClosedHandleError(message, path=self.name)
