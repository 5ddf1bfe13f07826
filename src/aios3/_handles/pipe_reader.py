"""The stream that reads an object once from its start to its end, through one GET and one small buffer."""

from __future__ import annotations

import asyncio
import operator
from typing import TYPE_CHECKING

from aios3._config import KIB
from aios3._engine.received_bytes import ReceivedBytes
from aios3._engine.tasks import InterruptedWorkError, InterruptibleWork
from aios3._handles.announced_size import memory_for
from aios3._handles.base import AsyncReadBase, call_on
from aios3._handles.positions import writable_view
from aios3._handles.resumable_get import ObjectSource
from aios3.errors import S3Error, TruncatedBodyError, UnsupportedError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from typing import NoReturn

    from typing_extensions import Buffer

    from aios3._backend import GetOptions, ObjectBody
    from aios3._entries import StatResult
    from aios3._handles.lifecycle import LoopBinding
    from aios3._paths import S3Url
    from aios3._session import Session

BUFFER_BYTES = 64 * KIB


class AsyncPipeReader(AsyncReadBase):
    """An object of S3, open for reading once, forward.

    One GET, whose body is received as it is read. Short reads and lines go through a buffer of 64 KiB. Longer reads are
    received straight into their result or the caller's buffer. It keeps one connection busy until the end or until
    :meth:`aclose`. A body that breaks is resumed where it broke, from the same version. Methods may be called from
    several tasks; they take turns.
    """

    def __init__(self, session: Session, source: ObjectSource, body: ObjectBody) -> None:
        self._source = source
        self._body: ObjectBody | None = body
        self._buffer = memoryview(bytearray(BUFFER_BYTES))
        self._ready = self._buffer[:0]
        self._received_bytes = 0
        self._receiving = InterruptibleWork()
        super().__init__(session, str(source.url))

    def __repr__(self) -> str:
        state = "closed" if self._closed else f"at {self._position} of {self.size}"
        return f"<aios3.AsyncPipeReader {self.name} {state}>"

    @property
    def path(self) -> S3Url:
        """Where the object is."""
        return self._source.url

    @property
    def mode(self) -> str:
        """Always ``rb``."""
        return "rb"

    @property
    def size(self) -> int:
        """Size of the object in bytes."""
        return self._source.stat.size

    def stat(self) -> StatResult:
        """Return what S3 said of the object when it was opened; costs no request."""
        return self._source.stat

    def tell(self) -> int:
        """Return how many bytes have been read."""
        self._check_open()
        return self._position

    async def seek(self, offset: int, whence: int = 0) -> NoReturn:
        """Raise UnsupportedError; TypeError for anything but integers."""
        where = f"{operator.index(offset)} from {operator.index(whence)}"
        message = f"Cannot seek to {where} in {self.name}: a pipe goes forward; open it without buffering="
        raise UnsupportedError(message, path=self.name)

    async def read(self, size: int | None = -1) -> bytes:
        """Read ``size`` bytes, fewer only at the end; all that is left if ``size`` is negative or None.

        Raises ServerError, and reads nothing, if the server announces more than there is memory for.
        """
        async with self._lock:
            self._check()
            remaining = self._remaining(size)
            if not remaining or remaining <= len(self._ready):
                return self._take_ready(remaining)
            if remaining < BUFFER_BYTES:
                return await self._read_short(remaining)
            whole = ReceivedBytes(remaining)
            with memory_for(remaining, self.name):
                target = whole.view
            await self._fill(target)
            return whole.take()

    async def readinto(self, buffer: Buffer) -> int:
        """Fill ``buffer`` and return how many bytes that were: fewer than its size only at the end of the object."""
        self._check_reading()
        target = writable_view(buffer)
        if target is None:
            return await self._read_into_copy(buffer)
        async with self._lock:
            self._check()
            count = min(len(target), self.size - self._position)
            await self._fill(target[:count])
            return count

    async def chunks(self, size: int | None = None) -> AsyncGenerator[bytes, None]:
        """Iterate over the bytes from the position on, at most ``size`` at a time, 64 KiB by default."""
        longest = self._positive(size, BUFFER_BYTES)
        while chunk := await self.read(longest):
            yield chunk

    async def aclose(self) -> None:
        """Close the file: drop its connection, give its memory back. Safe to repeat, from any task.

        Raises WrongLoopError on another event loop than the file's own.
        """
        if self._is_forked():
            return
        if not self._closed:
            self._closed = True
            self._session.unregister(self)
            self._session.budget.release(BUFFER_BYTES, retained=True)
        try:
            await self._receiving.interrupt()
        finally:
            self._discard_body()

    def _abandon(self, binding: LoopBinding) -> None:
        body, budget = self._body, self._session.budget
        call_on(binding.loop, lambda: budget.release(BUFFER_BYTES, retained=True))
        if body is not None:
            call_on(binding.loop, body.close)

    @property
    def _position(self) -> int:
        return self._received_bytes - len(self._ready)

    async def _peek(self, size: int) -> memoryview:
        if not self._ready:
            start = self._received_bytes
            await self._receive(self._buffer, fill=False)
            self._ready = self._buffer[: self._received_bytes - start]
        return self._ready[:size]

    def _buffered(self) -> memoryview:
        return self._ready

    def _advance(self, count: int) -> None:
        self._ready = self._ready[count:]

    def _put_back(self, chunks: list[bytes]) -> None:
        # S3 sends each byte once, so they are kept for the next read.
        if any(chunks):
            self._ready = memoryview(b"".join([*chunks, self._ready]))

    def _take_ready(self, size: int) -> bytes:
        data = bytes(self._ready[:size])
        self._advance(size)
        return data

    async def _read_short(self, size: int) -> bytes:
        chunks: list[bytes] = []
        try:
            while size:
                chunks.append(bytes(await self._peek(size)))
                self._advance(len(chunks[-1]))
                size -= len(chunks[-1])
        except BaseException:
            self._put_back(chunks)
            raise
        return b"".join(chunks)

    async def _fill(self, target: memoryview) -> None:
        """Fill ``target`` with the bytes from the position on; those of a call that fails are kept for the next."""
        ready = min(len(self._ready), len(target))
        target[:ready] = self._ready[:ready]
        self._advance(ready)
        start = self._received_bytes - ready
        try:
            if ready < len(target):
                await self._receive(target[ready:], fill=True)
        except BaseException:
            self._put_back([bytes(target[: self._received_bytes - start])])
            raise

    async def _receive(self, view: memoryview, *, fill: bool) -> None:
        """Receive all of ``view``, or at least one byte without ``fill``; :meth:`aclose` ends it."""
        try:
            await self._receiving.run(self._receive_with_retries(view, fill=fill))
        except InterruptedWorkError:
            raise self._closed_error() from None

    async def _receive_with_retries(self, view: memoryview, *, fill: bool) -> None:
        failures, start = 0, self._received_bytes
        while True:
            reached = self._received_bytes
            try:
                await self._receive_once(view[reached - start :], fill=fill)
            except S3Error as error:
                self._discard_body()
                progress = self._received_bytes > reached
                failures = 1 if progress else failures + 1
                pause = self._session.policy_at(self._source.url).next_delay(error, failures, progress=progress)
                await asyncio.sleep(pause)
            except BaseException:
                self._discard_body()  # the rest of its bytes has no reader
                raise
            else:
                if self._received_bytes >= self.size:
                    self._discard_body()
                return

    async def _receive_once(self, view: memoryview, *, fill: bool) -> None:
        if self._body is None:
            self._body = await self._source.stream_from(self._received_bytes, self.size)
        arrivals = _Arrivals(self._source, self._received_bytes, view)
        try:
            if fill:
                await self._body.receive(len(view), arrivals.get_buffer, arrivals.buffer_updated)
            else:
                arrivals.buffer_updated(await self._body.readinto(view))
        finally:
            self._received_bytes += arrivals.filled
        if arrivals.withheld:
            await self._source.verify_streamed()
            self._received_bytes += arrivals.withheld
        elif arrivals.filled < (len(view) if fill else 1):
            raise self._truncated()

    def _discard_body(self) -> None:
        body, self._body = self._body, None
        if body is not None:
            body.close()

    def _truncated(self) -> TruncatedBodyError:
        message = f"GetObject {self.name}: the body ended at byte {self._received_bytes:,} of {self.size:,}"
        return TruncatedBodyError(message, path=self.name, operation="GetObject")


class _Arrivals:
    """The memory that one body fills. An arrival that makes the object whole is withheld until that is verified."""

    def __init__(self, source: ObjectSource, start: int, view: memoryview) -> None:
        self.filled = 0
        self.withheld = 0
        self._source = source
        self._start = start
        self._view = view

    def get_buffer(self) -> memoryview:
        return self._view[self.filled :]

    def buffer_updated(self, count: int) -> None:
        position = self._start + self.filled
        if self._source.add_streamed(position, self._view[self.filled : self.filled + count]):
            self.withheld = count
        else:
            self.filled += count


async def open_pipe_reader(session: Session, url: S3Url, options: GetOptions) -> AsyncPipeReader:
    """Open ``url`` with one GET of all of it. Raises ObjectNotFoundError, AccessDeniedError and so on."""
    source = ObjectSource(session, url, options)
    async with session.budget.reserve(BUFFER_BYTES, retained=True, keep=True):
        return AsyncPipeReader(session, source, await source.stream_from(0, None))
