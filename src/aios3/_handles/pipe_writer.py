"""The stream that writes an object in parts as they come, two in memory at most, and may end in the background."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from aios3._engine.parts import part_size
from aios3._handles.base_writer import AsyncWriteBase
from aios3._handles.lifecycle import LoopBinding
from aios3._handles.positions import byte_view
from aios3._handles.torn_write import partly_written
from aios3._handles.unwinding import UnwindSnapshot
from aios3._handles.writer import AsyncMultipartWriter
from aios3._logs import get_logger
from aios3.errors import ClosedHandleError

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from typing import Self

    from typing_extensions import Buffer

    from aios3._entries import WriteResult
    from aios3._handles.torn_write import TornWrite
    from aios3._paths import S3Url
    from aios3._session import Session
    from aios3._storing.write_plan import WritePlan

_log = get_logger("aios3.session")


class AsyncPipeWriter(AsyncWriteBase):
    """An object of S3, open for writing, with the least memory: a part that fills up, and one on its way.

    :meth:`aclose` makes it visible, as a whole and at once. With ``join=False`` it does not wait for that: the object
    appears later, and :meth:`wait` returns or raises what became of it. A late failure that was not waited for is
    logged when it happens and raised when the session is closed. Everything else is as with
    :class:`AsyncMultipartWriter`.
    """

    def __init__(self, session: Session, plan: WritePlan, *, join: bool = True) -> None:
        self._session = session
        self._plan = plan
        self._join = join
        self._writer = AsyncMultipartWriter(session, plan)
        self._opened_at = UnwindSnapshot.now()
        self.torn: TornWrite = self._writer.torn
        self._binding = LoopBinding(self._writer.name, self._writer.name)
        self._lock = asyncio.Lock()
        self._parts = 1
        self._part_room = part_size(1, plan.part_size)
        self._ending: asyncio.Task[None] | None = None
        self._failure: Exception | None = None

    def __repr__(self) -> str:
        state = "closed" if self.closed else "open"
        return f"<aios3.AsyncPipeWriter {self.name} {state} at {self.tell()}>"

    async def __aenter__(self) -> Self:
        await self._writer.__aenter__()
        return self

    @property
    def path(self) -> S3Url:
        """Where the object will be."""
        return self._writer.path

    @property
    def mode(self) -> str:
        """``wb`` or ``xb``."""
        return self._writer.mode

    @property
    def closed(self) -> bool:
        """Return whether the file takes no more bytes: closed, finished or aborted."""
        return self._ending is not None or self._writer.closed

    @property
    def joins(self) -> bool:
        """Return whether :meth:`aclose` waits until the object is visible."""
        return self._join

    @property
    def result(self) -> WriteResult:
        """S3's response to the finished write; raises ClosedHandleError before, and for ever after an abort."""
        return self._writer.result

    def tell(self) -> int:
        """Return how many bytes have been written."""
        return self._writer.tell()

    async def write(self, data: Buffer) -> int:
        """Take all of ``data`` and return its size in bytes, waiting while a part is on its way and one is full.

        ``bytes`` are kept, anything else is copied. Raises the error of a part that failed; the upload is aborted by
        then.
        """
        async with self._lock:
            self._check_writing()
            view = byte_view(data)
            before = self._writer.tell()
            try:
                await self._buffer_all(view)
            except BaseException as error:
                if (written_bytes := self._writer.tell() - before) > 0:
                    self.torn.note(partly_written("a write", written_bytes, len(view)), error)
                raise
            return len(view)

    async def _buffer_all(self, view: memoryview) -> None:
        offset = 0
        while offset < len(view):
            if self._part_room == 0:
                await self._writer.drain()
                self._parts += 1
                self._part_room = part_size(self._parts, self._plan.part_size)
            count = await self._writer.write(view[offset : offset + self._part_room])
            self._part_room -= count
            offset += count
        if not view:
            await self._writer.write(b"")

    def aclose(self) -> Coroutine[object, object, None]:
        """Make the object visible, or raise why not; with ``join=False``, have that done and return.

        Safe to repeat, from any task. It aborts instead as :meth:`AsyncMultipartWriter.aclose` does.
        """
        return super().aclose()

    async def _close(self) -> None:
        if self._is_forked():
            return
        was_open = not self.closed
        try:
            async with self._lock:  # a write is not published in the middle
                if self._join or self._writer.closed:
                    await self._writer.finish()
                    if was_open:
                        _ = self._writer.result  # raises if another task has aborted it meanwhile
                elif self._ending is None:
                    await self._writer.write(b"")  # raises the error of a part that has failed already
                    self._session.unregister(self._writer)  # which would abort it when it closes
                    self._ending = self._session.promised.start(self._end(), name=f"aios3 end {self.name}")
        except BaseException:
            if self._ending is None:
                await self.abort()
            raise

    async def wait(self) -> WriteResult:
        """Wait until the object is visible and return the response of S3, or raise why it is not.

        Raises ClosedHandleError if the file is still open, or was aborted.
        """
        if self._ending is None:
            return self._writer.result
        await asyncio.wait({self._ending})
        failure = self._failure
        if failure is not None:
            if failure in self._session.deferred_errors:
                self._session.deferred_errors.remove(failure)
            raise failure
        return self._writer.result

    async def abort(self) -> None:
        """Give up: nothing becomes visible, no upload stays open. Safe to repeat; no-op once finished."""
        await self._writer.abort()

    async def _end(self) -> None:
        try:
            await self._writer.finish()
            _ = self._writer.result
        except asyncio.CancelledError:
            self._fail(ClosedHandleError(f"{self.name}: its event loop ended before it was uploaded", path=self.name))
            raise
        except Exception as error:  # noqa: BLE001 - raised by wait(), else by the session's end
            self._fail(error)

    def _check_writing(self) -> None:
        if self._ending is not None:
            raise self._closed_error()
        self._writer._check_writing()  # noqa: SLF001 - it is this writer's own

    def _fail(self, error: Exception) -> None:
        self._failure = error
        self._session.deferred_errors.append(error)
        _log.error("%s was closed with join=False, and is not published: %s", self.name, error)

    def _closed_error(self) -> ClosedHandleError:
        return ClosedHandleError(f"{self.name} is closed; open it again to write", path=self.name)
