"""The file that writes: four states, and nothing visible before the last.

``SMALL`` -> one PutObject at close -> ``FINISHED``;
``SMALL`` -> more than a part was written -> ``MULTIPART``: parts go up while the caller writes -> ``FINISHED``;
either of the first two -> exception, cancellation, :meth:`abort`, a failed part, garbage collection -> ``ABORTED``.
"""

from __future__ import annotations

import asyncio
import enum
import os
import warnings
from functools import partial
from typing import TYPE_CHECKING

from aios3._engine.calls import Calls
from aios3._engine.tasks import settle
from aios3._handles.leaving import cannot_copy, gives_up, no_descriptor
from aios3._handles.pieces import Pieces
from aios3._handles.pump import pump
from aios3._handles.torn import Torn, aborted, taken_in_part
from aios3._handles.unwinding import QUIET, Moment
from aios3._storing.upload import Upload
from aios3.errors import ClosedHandleError, S3Error, WrongLoopError

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from types import TracebackType
    from typing import NoReturn, Self, SupportsIndex

    from typing_extensions import Buffer

    from aios3._entries import WriteResult
    from aios3._handles.pump import Source
    from aios3._paths import S3Url
    from aios3._session import Session
    from aios3._storing.plan import WritePlan

_ABORT_PATIENCE_SECONDS = 5.0
"""How long a caller waits for the abort of its upload; then it goes on in the background, owned by the session."""

_SENDING_SHARE = 32
"""A part is paid for with one byte in so many more: what the transport holds a second time while it is on its way."""


class State(enum.Enum):
    """Where a writer stands."""

    SMALL = "small"
    MULTIPART = "multipart"
    FINISHED = "finished"
    ABORTED = "aborted"


class AsyncMultipartWriter:
    """An object of S3, open for writing.

    :meth:`aclose` makes it visible, as a whole and at once; so does leaving ``async with`` without an exception.
    Everything else leaves what was there before, and no open upload. Methods may be called from several tasks;
    writes take turns, :meth:`abort` does not wait for them.
    """

    def __init__(self, session: Session, plan: WritePlan) -> None:
        self._session = session
        self._plan = plan
        self._turn = asyncio.Lock()
        self._state = State.SMALL
        self._upload = Upload(session, plan)
        self._pieces = Pieces(plan.head)
        self._paid = len(plan.head)
        self._written = 0
        self._result: WriteResult | None = None
        self._failure: Exception | None = None
        self._opened_at = Moment.now()
        self._publishing = Calls(partial(aborted, str(plan.url)))
        self.torn: Torn = Torn(self.name)
        """Whether the file can only be aborted, and why."""
        self._undoing: asyncio.Task[None] | None = None
        self._loop = asyncio.get_running_loop()
        self._pid = os.getpid()
        session.own(self)

    def __repr__(self) -> str:
        return f"<aios3.AsyncMultipartWriter {self.name} {self._state.value} at {self.tell()}>"

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
        # Nobody can close or abort it any more. Its loop may be gone, or run in another thread than this one.
        if self._pid != os.getpid() or self.closed:
            return
        warnings.warn(f"unclosed file {self!r}: nothing was published", ResourceWarning, source=self, stacklevel=2)
        self._state = State.ABORTED
        budget, paid = self._session.budget, self._paid
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(lambda: budget.give_back(paid, parked=True))
        upload = self._upload
        if upload.began:
            self._session.abandon_upload(self.path, upload.upload_id, upload.abort)

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
        """``wb``, ``xb`` or ``ab``."""
        return self._plan.mode

    @property
    def closed(self) -> bool:
        """Whether the file is finished or aborted."""
        return self._state in (State.FINISHED, State.ABORTED)

    @property
    def result(self) -> WriteResult:
        """What S3 answered to the finished write.

        Raises ClosedHandleError as long as the write is not finished, and for ever once it was aborted.
        """
        if self._result is None:
            message = f"{self.name} is {self._state.value}, so S3 has not answered yet; close it first"
            raise ClosedHandleError(message, path=self.name)
        return self._result

    def tell(self) -> int:
        """Return how many bytes the object would have if it were closed now."""
        return self._plan.base_size + self._written

    def readable(self) -> bool:
        """Return False."""
        return False

    def writable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return False: what has been written is on its way."""
        return False

    def fileno(self) -> int:
        """Raise UnsupportedError: an object of S3 has no file descriptor."""
        raise no_descriptor(self.name)

    async def write(self, data: Buffer) -> int:
        """Take all of ``data`` and return its size in bytes, waiting while too much is in flight.

        ``bytes`` are kept, anything else is copied, so the caller may change it afterwards. Raises what a part met
        that failed since the last call; the upload is aborted by then. If the call is cancelled in the middle of
        ``data``, the object would have a hole, so it can no longer be published.
        """
        async with self._turn:
            await self._check_running()
            view = memoryview(data).cast("B")
            before = self._written
            try:
                await self._take_all(view)
            except BaseException as error:
                if self._written > before:
                    self.torn.note(taken_in_part("a write", self._written - before, len(view)), error)
                self.torn.explain(error)
                raise
            await self._check_running()
            return len(view)

    async def write_from(self, source: Source) -> int:
        """Write everything that ``source`` has, and return how many bytes that were.

        ``source`` is a file object (async or not), or an iterable (async or not) of bytes-like objects. What is not
        async is read in a thread. The source is not closed.
        """
        self._check()
        return await pump(source, self.write, self.torn)

    async def drain(self) -> None:
        """Wait until every part that has been handed over is stored; raise what one of them met."""
        async with self._turn:
            await self._check_running()
            await self._upload.drain()
            await self._check_running()

    def aclose(self) -> Coroutine[object, object, None]:
        """Make the object visible, or raise why not. Safe to repeat, from any task.

        If S3 refuses, or the caller is cancelled before S3 has answered, the upload is aborted. The same if this is
        called while a cancellation or an exit of the interpreter is being handled, or by a ``with`` block that an
        exception is leaving; the log says so then.
        """
        if gives_up(self.name, self._opened_at, closed=self.closed):
            return self.abort()
        return self.finish()

    async def finish(self) -> None:
        """Do what :meth:`aclose` does when nobody gives up."""
        if self._is_foreign():
            return
        async with self._turn:
            if self.closed:
                self._raise_failure()
                return
            try:
                await self._check_running()
                self._result = await self._publishing.run(self._publish)
            except BaseException as error:
                is_given_up = self.closed  # by another task
                self._keep_failure(error)
                await self.abort()
                self.torn.explain(error, is_given_up=is_given_up)
                raise
            self._state = State.FINISHED
            self._let_go()

    async def abort(self) -> None:
        """Give up: nothing becomes visible, no upload stays open. Safe to repeat, from any task; no-op once finished.

        Waits until S3 has forgotten the upload, also if the caller is cancelled meanwhile, but not for ever: a server
        that does not answer is left to the session, which tries again when it is closed.
        """
        if self._is_foreign() or self._state is State.FINISHED:
            return
        if self._undoing is None:
            self._state = State.ABORTED
            self._undoing = self._session.tasks.start(self._undo(), name=f"aios3 abort {self.name}", sure=True)
        await settle({self._undoing}, patience=_ABORT_PATIENCE_SECONDS)

    async def release(self) -> None:
        """Abort because the session is closed."""
        self.torn.session_ended()
        self._keep_failure(self.torn.error())
        await self.abort()

    async def _publish(self) -> WriteResult:
        if self._written == 0 and self._plan.unchanged is not None:
            return self._plan.unchanged
        if self._state is State.SMALL and not self._upload.needs_parts:
            return await self._upload.put(self._pieces.peek())
        if self._pieces.size:
            self._send_part()
        return await self._upload.complete(self._plan.base_size + self._written)

    async def _undo(self) -> None:
        self._let_go()
        self._publishing.close()
        await self._publishing.until_none()
        await self._upload.abort()

    def _let_go(self) -> None:
        self._opened_at = QUIET  # it may refer to frames, and they to this file
        paid, self._paid = self._paid, 0
        self._pieces.clear()
        self._session.budget.give_back(paid, parked=True)
        self._session.disown(self)

    async def _take_all(self, view: memoryview) -> None:
        taken = 0
        while taken < len(view):
            if self._room() == 0:
                self._send_part()
                await self._upload.wait_for_turn()
                await self._check_running()
            count = min(self._room(), len(view) - taken)
            await self._pay(count)
            self._pieces.add(view[taken : taken + count])
            self._written += count
            taken += count

    def _room(self) -> int:
        return self._upload.next_size - self._pieces.size

    def _send_part(self) -> None:
        self._state = State.MULTIPART
        paid, self._paid = self._paid, 0
        self._session.budget.unpark(paid)
        self._upload.start_part(self._pieces.take(), paid)

    async def _pay(self, size: int) -> None:
        budget = self._session.budget
        cost = size + size // _SENDING_SHARE
        if not budget.try_take(cost):
            await self._upload.wait_for_memory(cost)
        if self._state is State.ABORTED:
            budget.give_back(cost)
            raise self._closed_error()
        budget.park(cost)
        self._paid += cost

    async def _check_running(self) -> None:
        """Raise if the file cannot go on: closed, or a part has failed (then abort first)."""
        self._check()
        failure = self._upload.failure or (self.torn.error() if self.torn else None)
        if failure is not None:
            self._keep_failure(failure)
            await self.abort()
            raise failure

    def _check(self) -> None:
        if self._loop is not asyncio.get_running_loop():
            message = f"{self.name} was opened on another event loop; write and close it there"
            raise WrongLoopError(message, path=self.name)
        if self.closed:
            if isinstance(self._failure, S3Error):
                raise self._failure
            raise self._closed_error()

    def _is_foreign(self) -> bool:
        """Tell whether a fork left this copy in another process; the upload is the parent's."""
        if self._pid != os.getpid():
            return True
        if self._loop is not asyncio.get_running_loop():
            message = f"{self.name} was opened on another event loop; close it there"
            raise WrongLoopError(message, path=self.name)
        return False

    def _keep_failure(self, error: BaseException) -> None:
        if self._failure is None and isinstance(error, Exception):
            self._failure = error

    def _raise_failure(self) -> None:
        """Raise what the write failed with, unless a closing has raised it before."""
        failure, self._failure = self._failure, None
        if isinstance(failure, S3Error):
            raise failure

    def _closed_error(self) -> ClosedHandleError:
        message = f"{self.name} is {self._state.value}; open it again to write"
        return self.torn.error() if self.torn else ClosedHandleError(message, path=self.name)
