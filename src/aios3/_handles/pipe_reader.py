"""The stream that reads an object once from its start to its end, through one GET and one small buffer."""

from __future__ import annotations

import asyncio
import io
import warnings
from typing import TYPE_CHECKING, NoReturn

from aios3._config import KIB
from aios3._engine.tasks import OwnedTasks, cancel_and_wait
from aios3._handles.lifecycle import LoopBinding, cannot_copy, no_descriptor
from aios3._handles.positions import flat
from aios3._handles.source import ObjectSource
from aios3.errors import (
    ClosedHandleError,
    InvalidRangeError,
    S3Error,
    TruncatedBodyError,
    UnsupportedError,
)

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator
    from types import TracebackType
    from typing import NoReturn, Self, SupportsIndex

    from typing_extensions import Buffer

    from aios3._backend import GetOptions, ObjectBody
    from aios3._entries import StatResult
    from aios3._paths import S3Url
    from aios3._session import Session

BUFFER_BYTES = 64 * KIB


class AsyncPipeReader:
    """An object of S3, open for reading once, forward.

    One GET, whose body is received as it is read, into a buffer of 64 KiB; it keeps one connection busy until the end
    or until :meth:`aclose`. A body that breaks is resumed where it broke, from the same version. Methods may be called
    from several tasks; they take turns.
    """

    def __init__(self, session: Session, source: ObjectSource, body: ObjectBody) -> None:
        self._session = session
        self._source = source
        self._body: ObjectBody | None = body
        self._lock = asyncio.Lock()
        self._buffer = memoryview(bytearray(BUFFER_BYTES))
        self._ready = self._buffer[:0]
        self._received = 0
        self._closed = False
        self._tasks = OwnedTasks()
        self._binding = LoopBinding(str(source.url), str(source.url))
        session.register(self)

    def __repr__(self) -> str:
        state = "closed" if self._closed else f"at {self._position} of {self.size}"
        return f"<aios3.AsyncPipeReader {self.name} {state}>"

    def __reduce_ex__(self, protocol: SupportsIndex, /) -> NoReturn:
        cannot_copy(self, protocol)

    async def __aenter__(self) -> Self:
        self._check()
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    def __del__(self) -> None:
        binding = getattr(self, "_binding", None)
        if binding is None or binding.is_forked or self._closed:
            return
        warnings.warn(f"unclosed file {self!r}", ResourceWarning, source=self, stacklevel=2)
        if not binding.loop.is_closed():
            body, budget = self._body, self._session.budget
            binding.loop.call_soon_threadsafe(lambda: budget.release(BUFFER_BYTES, retained=True))
            if body is not None:
                tasks = self._session.tasks
                binding.loop.call_soon_threadsafe(lambda: tasks.start(body.aclose(), name="aios3 close pipe"))

    @property
    def path(self) -> S3Url:
        """Where the object is."""
        return self._source.url

    @property
    def name(self) -> str:
        """Where the object is, as text."""
        return str(self._source.url)

    @property
    def mode(self) -> str:
        """Always ``rb``."""
        return "rb"

    @property
    def size(self) -> int:
        """Size of the object in bytes."""
        return self._source.stat.size

    @property
    def closed(self) -> bool:
        """Whether the file is closed."""
        return self._closed

    def stat(self) -> StatResult:
        """Return what S3 said of the object when it was opened; costs no request."""
        return self._source.stat

    def tell(self) -> int:
        """Return how many bytes have been read."""
        if self._closed:
            raise self._closed_error()
        return self._position

    def readable(self) -> bool:
        """Return True."""
        return True

    def writable(self) -> bool:
        """Return False."""
        return False

    def seekable(self) -> bool:
        """Return False: what has gone by is gone."""
        return False

    def fileno(self) -> NoReturn:
        """Raise UnsupportedError: an object of S3 has no file descriptor."""
        raise no_descriptor(self.name)

    async def seek(self, offset: int, whence: int = 0) -> NoReturn:
        """Raise UnsupportedError."""
        message = (
            f"Cannot seek to {offset} from {whence} in {self.name}: a pipe goes forward; open it without buffering="
        )
        raise UnsupportedError(message, path=self.name)

    async def read(self, size: int | None = -1) -> bytes:
        """Read ``size`` bytes, fewer only at the end; all that is left if ``size`` is negative or None."""
        async with self._lock:
            self._check()
            left = self.size - self._position
            left = left if size is None or size < 0 else min(size, left)
            whole = io.BytesIO()
            try:
                while left > 0:
                    left -= whole.write(self._take(await self._fill_buffer(left)))
            except BaseException:
                self._put_back(whole.getvalue())
                raise
            return whole.getvalue()

    async def readall(self) -> bytes:
        """Read all that is left."""
        return await self.read(-1)

    async def readinto(self, buffer: Buffer) -> int:
        """Fill ``buffer`` and return how many bytes that were: fewer than its size only at the end of the object."""
        async with self._lock:
            self._check()
            target = flat(buffer)
            count = len(self._ready[: len(target)])
            target[:count] = self._take(count)
            stop = min(len(target), count + self.size - self._received)
            try:
                while count < stop:
                    count += await self._receive(target[count:stop])
            except BaseException:
                self._put_back(bytes(target[:count]))
                raise
            return count

    async def readline(self, size: int | None = -1) -> bytes:
        """Read up to and with the next line feed, at most ``size`` bytes; the rest if there is none."""
        async with self._lock:
            self._check()
            return await self._line(size)

    async def readlines(self, hint: int | None = None) -> list[bytes]:
        """Read lines until the end, or until they have ``hint`` bytes in all."""
        async with self._lock:
            self._check()
            lines: list[bytes] = []
            total = 0
            try:
                while (not hint or hint < 0 or total < hint) and (line := await self._line()):
                    lines.append(line)
                    total += len(line)
            except BaseException:
                self._put_back(b"".join(lines))
                raise
            return lines

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Iterate over the lines from the position on, each with its line feed."""
        while line := await self.readline():
            yield line

    async def chunks(self, size: int | None = None) -> AsyncGenerator[bytes, None]:
        """Iterate over the bytes from the position on, at most ``size`` at a time, 64 KiB by default."""
        if size is not None and size <= 0:
            message = f"chunks() needs a positive size, not {size}"
            raise InvalidRangeError(message, path=self.name)
        while chunk := await self.read(size or BUFFER_BYTES):
            yield chunk

    async def aclose(self) -> None:
        """Close the file: drop its connection, give its memory back. Safe to repeat, from any task.

        Raises WrongLoopError on another event loop than the file's own.
        """
        if self._binding.is_forked:
            return
        self._binding.check_loop()
        if not self._closed:
            self._closed = True
            self._session.unregister(self)
            self._session.budget.release(BUFFER_BYTES, retained=True)
        try:
            await self._tasks.aclose()
        finally:
            await self._discard_body()

    async def release(self) -> None:
        """Close the file because its session is closed."""
        await self.aclose()

    @property
    def _position(self) -> int:
        return self._received - len(self._ready)

    def _check(self) -> None:
        self._binding.check_loop()
        if self._closed:
            raise self._closed_error()

    def _closed_error(self) -> ClosedHandleError:
        return ClosedHandleError(f"{self.name} is closed; open it again to read", path=self.name)

    async def _fill_buffer(self, wanted: int) -> int:
        """Wait until a byte is in the buffer, and return how many of ``wanted`` there are."""
        if not self._ready:
            count = await self._receive(self._buffer)
            self._ready = self._buffer[:count]
        return min(wanted, len(self._ready))

    def _take(self, count: int) -> memoryview:
        taken, self._ready = self._ready[:count], self._ready[count:]
        return taken

    def _put_back(self, data: bytes) -> None:
        """Undo the taking of ``data``: S3 sends it once, so it is kept for the next read."""
        if data:
            self._ready = memoryview(data + bytes(self._ready))

    async def _line(self, size: int | None = None) -> bytes:
        left = self.size - self._position
        left = left if size is None or size < 0 else min(size, left)
        chunks: list[bytes] = []
        try:
            while left > 0:
                available = bytes(self._ready[: min(await self._fill_buffer(left), BUFFER_BYTES)])
                end = available.find(b"\n") + 1
                chunks.append(available[: end or None])
                self._take(len(chunks[-1]))
                left = 0 if end else left - len(available)
        except BaseException:
            self._put_back(b"".join(chunks))
            raise
        return b"".join(chunks)

    async def _receive(self, view: memoryview) -> int:
        """Receive at least one byte of the rest into ``view``, in a task that :meth:`aclose` ends."""
        receiving = self._tasks.start(self._receive_with_retries(view), name=f"aios3 pipe {self.name}")
        try:
            await asyncio.wait({receiving})
        except asyncio.CancelledError:
            try:
                await cancel_and_wait({receiving})
            finally:
                await self._discard_body()  # bytes may have been received that nobody has counted
            raise
        if receiving.cancelled():
            raise self._closed_error()
        count = receiving.result()
        self._received += count
        return count

    async def _receive_with_retries(self, view: memoryview) -> int:
        failures = 0
        while True:
            try:
                count = await self._receive_once(view)
            except S3Error as error:
                await self._discard_body()
                failures += 1
                await asyncio.sleep(self._session.policy_at(self._source.url).next_delay(error, failures))
            except BaseException:
                await self._discard_body()  # nobody knows which of its bytes have been received
                raise
            else:
                if self._received + count >= self.size:
                    await self._discard_body()
                return count

    async def _receive_once(self, view: memoryview) -> int:
        if self._body is None:
            self._body = await self._source.stream_from(self._received, self.size)
        count = await self._body.readinto(view)
        if count == 0:
            raise self._truncated()
        await self._source.verify_chunk(self._received, view[:count])
        return count

    async def _discard_body(self) -> None:
        body, self._body = self._body, None
        if body is not None:
            await body.aclose()

    def _truncated(self) -> TruncatedBodyError:
        message = f"GetObject {self.name}: the body ended at byte {self._received:,} of {self.size:,}"
        return TruncatedBodyError(message, path=self.name, operation="GetObject")


async def open_pipe_reader(session: Session, url: S3Url, options: GetOptions) -> AsyncPipeReader:
    """Open ``url`` with one GET of all of it. Raises ObjectNotFoundError, AccessDeniedError and so on."""
    source = ObjectSource(session, url, options)
    budget = session.budget
    await budget.acquire(BUFFER_BYTES)
    budget.mark_retained(BUFFER_BYTES)
    try:
        body = await source.stream_from(0, None)
        return AsyncPipeReader(session, source, body)
    except BaseException:
        budget.release(BUFFER_BYTES, retained=True)
        raise
