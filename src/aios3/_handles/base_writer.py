"""Base classes of files that write: closing publishes the whole object, everything else publishes nothing.

:class:`AsyncWriteBase` chooses between publishing and aborting. :class:`AsyncUploadBase` has the states of a write, and
:class:`AsyncPartWriteBase` sends parts while its caller writes.
"""

from __future__ import annotations

import enum
from functools import partial
from typing import TYPE_CHECKING

from aios3._engine.active_calls import ActiveCalls
from aios3._engine.tasks import wait_all
from aios3._handles.base import AsyncBoundFile, AsyncFileBase, call_on
from aios3._handles.copy_from import copy_from
from aios3._handles.lifecycle import is_interrupted
from aios3._handles.positions import byte_view
from aios3._handles.torn_write import TornWrite, aborted, partly_written
from aios3._handles.unwinding import NOT_UNWINDING, UnwindSnapshot
from aios3._storing.upload import ABORT_PATIENCE_SECONDS, Upload
from aios3.errors import ClosedHandleError, S3Error

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable, Coroutine
    from types import TracebackType

    from typing_extensions import Buffer

    from aios3._entries import WriteResult
    from aios3._handles.copy_from import Source
    from aios3._handles.lifecycle import LoopBinding
    from aios3._paths import S3Url
    from aios3._session import Session
    from aios3._storing.write_plan import WritePlan


class WriterState(enum.Enum):
    """State of a write. SMALL and MULTIPART are the two kinds of OPEN of a multipart writer."""

    OPEN = "open"
    SMALL = "small"
    MULTIPART = "multipart"
    FINISHED = "finished"
    ABORTED = "aborted"


class AsyncWriteBase(AsyncFileBase):
    """A file that writes. It is aborted when an exception leaves its block, or leads to the call of ``aclose``."""

    torn: TornWrite
    """The reason why the file can only be aborted, if there is one."""
    _opened_at: UnwindSnapshot

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if exc_type is None:
            await self.aclose()
        else:
            await self.abort()

    @property
    def closed(self) -> bool:
        """True once the file takes no more bytes."""
        raise NotImplementedError

    def writable(self) -> bool:
        """Return True."""
        return True

    async def write(self, data: Buffer) -> int:
        """Take all of ``data`` and return its size in bytes."""
        raise NotImplementedError

    async def write_from(self, source: Source) -> int:
        """Write everything that ``source`` has, and return how many bytes that were.

        ``source`` is a file object (async or not), or an iterable (async or not) of bytes-like objects. What is not
        async is read in a thread. The source is not closed.
        """
        self._check_writing()
        return await copy_from(source, self.write, self.torn)

    def aclose(self) -> Coroutine[object, object, None]:
        """Make the object visible, or raise why not. Safe to repeat, from any task.

        If S3 responds with an error, or the caller is cancelled before the response, the upload is aborted. It is also
        aborted, and the log says so, if this is called while a cancellation or an exit of the interpreter is being
        handled. The same holds in a ``with`` block that an exception is leaving.
        """
        if is_interrupted(self.name, self._opened_at, closed=self.closed):
            return self.abort()
        return self._close()

    async def abort(self) -> None:
        """Give up: nothing becomes visible, no upload stays open. Safe to repeat; no-op once finished."""
        raise NotImplementedError

    async def _close(self) -> None:
        """Publish the object, as :meth:`aclose` does in the usual case."""
        raise NotImplementedError

    def _check_writing(self) -> None:
        """Raise unless the file can be written to."""
        raise NotImplementedError


class AsyncUploadBase(AsyncWriteBase, AsyncBoundFile):
    """A file whose bytes become an object when it is closed.

    Hooks: ``_publish`` stores the object, ``_release_memory`` releases memory, ``_abort_upload`` aborts what S3 has
    started.
    """

    def __init__(self, session: Session, url: S3Url, state: WriterState = WriterState.OPEN) -> None:
        self._url = url
        self._state = state
        self._result: WriteResult | None = None
        self._failure: Exception | None = None
        self._opened_at = UnwindSnapshot.now()
        self._abort_task: asyncio.Task[None] | None = None
        self.torn: TornWrite = TornWrite(str(url))
        super().__init__(session, str(url))

    @property
    def path(self) -> S3Url:
        """Where the object is or will be."""
        return self._url

    @property
    def mode(self) -> str:
        """The mode that the file was opened in."""
        raise NotImplementedError

    @property
    def closed(self) -> bool:
        """True once the file is finished or aborted."""
        return self._closed

    @property
    def result(self) -> WriteResult:
        """The response of S3 to the finished write.

        Raises ClosedHandleError as long as the write is not finished, and for ever once it was aborted.
        """
        if self._result is None or self._state is not WriterState.FINISHED:
            why = "nothing was written" if self.closed else "S3 has not responded yet; close it first"
            message = f"{self.name} is {self._state.value} in mode {self.mode!r}: {why}"
            raise ClosedHandleError(message, path=self.name)
        return self._result

    async def abort(self) -> None:
        """Give up: S3 stays as it was, and no upload stays open. Safe to repeat, from any task; no-op once finished.

        Waits until S3 has aborted the upload, also if the caller is cancelled meanwhile, but at most 5 seconds. The
        session tries again when it is closed.
        """
        if self._is_forked() or self._state is WriterState.FINISHED:
            return
        if self._abort_task is None:
            self._end(WriterState.ABORTED)
            self._abort_task = self._session.tasks.start(
                self._abort_upload(), name=f"aios3 abort {self.name}", shielded=True
            )
        await wait_all({self._abort_task}, timeout_seconds=ABORT_PATIENCE_SECONDS)

    async def release(self) -> None:
        """Abort because the session is closed."""
        self.torn.session_ended()
        self._record_failure(self.torn.error())
        await self.abort()

    async def _close(self) -> None:
        if self._is_forked():
            return
        was_open, is_publishing = not self.closed, False
        try:
            async with self._lock:
                if self.closed:
                    self._raise_failure()
                    if was_open and self._state is WriterState.ABORTED:
                        raise aborted(self.name)  # noqa: TRY301 - below, the end of the abort is awaited
                    return
                self._raise_broken()
                is_publishing = True
                self._result = await self._publish()
                self._end(WriterState.FINISHED)
        except BaseException as error:
            is_aborted = is_publishing and self.closed  # by another task
            if not (self.closed or self.torn):
                self._record_failure(error)
            await self.abort()
            self.torn.explain(error, is_aborted=is_aborted)
            raise

    def _publish(self) -> Awaitable[WriteResult | None]:
        """Store the object, and return the response; None if nothing had to be stored."""
        raise NotImplementedError

    def _release_memory(self) -> None:
        """Release memory of the finished or aborted file, without waiting."""
        raise NotImplementedError

    async def _abort_upload(self) -> None:
        """Abort what S3 has started."""
        raise NotImplementedError

    def _end(self, state: WriterState) -> None:
        self._state = state
        self._closed = True
        self._opened_at = NOT_UNWINDING  # it may refer to frames, and they to this file
        self._session.unregister(self)
        self._release_memory()

    def _loss(self) -> str:
        return ": nothing was published"

    def _check_open(self) -> None:
        if self.closed:
            if isinstance(self._failure, S3Error):
                raise self._failure
            raise self._closed_error()

    def _check_writing(self) -> None:
        self._check()

    def _broken(self) -> Exception | None:
        """Return the reason why the file can only be aborted, if there is one."""
        return self.torn.error() if self.torn else None

    def _raise_broken(self) -> None:
        broken = self._broken()
        if broken is not None:
            raise broken

    def _record_failure(self, error: BaseException) -> None:
        if self._failure is None and isinstance(error, Exception):
            self._failure = error

    def _raise_failure(self) -> None:
        """Raise what the write failed with, unless a closing has raised it before."""
        failure, self._failure = self._failure, None
        if isinstance(failure, S3Error):
            raise failure

    def _closed_error(self) -> ClosedHandleError:
        message = f"{self.name} is {self._state.value}; open it again"
        return self.torn.error() if self.torn else ClosedHandleError(message, path=self.name)


class AsyncPartWriteBase(AsyncUploadBase):
    """A file whose parts go up while its caller writes: ``_buffer_all`` takes bytes; ``_written_bytes`` counts."""

    def __init__(self, session: Session, plan: WritePlan, state: WriterState = WriterState.OPEN) -> None:
        self._plan = plan
        self._upload = Upload(session, plan)
        self._publishing = ActiveCalls(partial(aborted, str(plan.url)))
        self._reserved_bytes = 0
        self._written_bytes = 0
        super().__init__(session, plan.url, state)

    @property
    def mode(self) -> str:
        """``wb``, ``xb`` or ``ab``."""
        return self._plan.mode

    async def write(self, data: Buffer) -> int:
        """Take all of ``data`` and return its size in bytes, waiting while too much is in flight.

        What may change afterwards is copied. Raises the error of a part that has failed since the last call; the
        upload is aborted by then. If the call is cancelled in the middle of ``data``, the object would have a hole, so
        it can no longer be published.
        """
        async with self._lock:
            if self._must_abort():
                await self._abort_and_raise()
            view = byte_view(data)
            before = self._written_bytes
            try:
                await self._buffer_all(view)
            except BaseException as error:
                if self._written_bytes > before:
                    self.torn.note(partly_written("a write", self._written_bytes - before, len(view)), error)
                self.torn.explain(error)
                raise
            if self._must_abort():
                await self._abort_and_raise()
            return len(view)

    async def _buffer_all(self, view: memoryview) -> None:
        """Take all of ``view``, waiting while too much is in flight."""
        raise NotImplementedError

    def _try_reserve(self, size: int) -> bool:
        """Take ``size`` bytes of memory if they are free; return whether they were."""
        budget = self._session.budget
        if not budget.try_acquire(size):
            return False
        budget.mark_retained(size)
        self._reserved_bytes += size
        return True

    async def _reserve(self, size: int) -> None:
        """Take ``size`` bytes of memory, in line with others; nothing if that is not positive."""
        if size <= 0 or self._try_reserve(size):
            return
        budget = self._session.budget
        await self._upload.acquire_memory(size)
        if self._state is WriterState.ABORTED:
            budget.release(size)
            raise self._closed_error()
        budget.mark_retained(size)
        self._reserved_bytes += size

    def _must_abort(self) -> bool:
        """Return whether the file can only be aborted; raise if it is closed."""
        self._check()
        return self._upload.failure is not None or bool(self.torn)

    def _broken(self) -> Exception | None:
        return self._upload.failure or super()._broken()

    async def _abort_and_raise(self) -> None:
        """Abort, and raise the reason."""
        try:
            self._raise_broken()
        except Exception as error:
            self._record_failure(error)
            await self.abort()
            raise

    async def _abort_upload(self) -> None:
        self._publishing.close()
        await self._publishing.wait_idle()
        await self._upload.abort()

    def _release_memory(self) -> None:
        reserved, self._reserved_bytes = self._reserved_bytes, 0
        self._session.budget.release(reserved, retained=True)

    def _abandon(self, binding: LoopBinding) -> None:
        # Its loop may have ended, or run in another thread than this one.
        self._state = WriterState.ABORTED
        budget, reserved, upload = self._session.budget, self._reserved_bytes, self._upload
        call_on(binding.loop, lambda: budget.release(reserved, retained=True))
        if upload.began:
            self._session.abort_orphan(self.path, upload.upload_id, upload.abort)
