"""Base classes of open files: binding to a session and an event loop, closing, and lines over two hooks.

:class:`AsyncFileBase` has the methods of a file without a descriptor. :class:`AsyncBoundFile` binds it to a session and
an event loop, and closes it. :class:`AsyncReadBase` adds lines, :class:`AsyncSeekReadBase` a position, and
:class:`AsyncBlockReadBase` reads of what arrives in blocks. The bases of files that write are in ``base_writer``.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import warnings
from asyncio import get_running_loop
from typing import TYPE_CHECKING

from aios3._config import KIB
from aios3._handles.lifecycle import LoopBinding, cannot_copy, no_descriptor
from aios3._handles.positions import position_of, writable_buffer, writable_view
from aios3.errors import ClosedHandleError, InvalidRangeError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator
    from types import TracebackType
    from typing import NoReturn, Self, SupportsIndex

    from typing_extensions import Buffer

    from aios3._session import Session

_LINE_READ_BYTES = 8 * KIB
"""Bytes that the first look for the end of a line takes; each following look takes twice as many."""


class AsyncFileBase:
    """A file without a descriptor, which neither reads, writes nor seeks."""

    _binding: LoopBinding

    @property
    def name(self) -> str:
        """Where the object is, as text."""
        return self._binding.name

    def __reduce_ex__(self, protocol: SupportsIndex, /) -> NoReturn:
        cannot_copy(self, protocol)

    def readable(self) -> bool:
        """Return False."""
        return False

    def writable(self) -> bool:
        """Return False."""
        return False

    def seekable(self) -> bool:
        """Return False: what has gone by is gone."""
        return False

    def fileno(self) -> int:
        """Raise UnsupportedError: an object of S3 has no file descriptor."""
        raise no_descriptor(self.name)

    def _is_forked(self) -> bool:
        """Return True in a child process, whose copy of the file leaves all resources to the parent.

        Raises WrongLoopError on another event loop than the file's own.
        """
        if self._binding.is_forked:
            return True
        self._binding.check_loop()
        return False


class AsyncBoundFile(AsyncFileBase):
    """A file of one session, which closes it, and of the event loop that it was opened on.

    A subclass calls ``__init__`` of this class last. From then on the session knows the file, and a file that is
    collected unclosed gives a ResourceWarning.
    """

    def __init__(self, session: Session, name: str, path: str | None = None) -> None:
        self._session = session
        self._closed = False
        self._lock = asyncio.Lock()
        self._binding = LoopBinding(name, name if path is None else path)
        session.register(self)

    async def __aenter__(self) -> Self:
        self._check()
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    def __del__(self) -> None:
        binding: LoopBinding | None = getattr(self, "_binding", None)  # None: its construction failed
        if binding is None or binding.is_forked or self.closed:
            return
        warnings.warn(f"unclosed file {self!r}{self._loss()}", ResourceWarning, source=self, stacklevel=2)
        self._closed = True
        self._abandon(binding)

    @property
    def closed(self) -> bool:
        """True once the file is closed."""
        return self._closed

    async def aclose(self) -> None:
        """Close the file. Safe to repeat, from any task."""
        raise NotImplementedError

    async def release(self) -> None:
        """Close the file because its session is closed."""
        await self.aclose()

    def _loss(self) -> str:
        """Return the end of the warning about an unclosed file."""
        return ""

    def _abandon(self, binding: LoopBinding) -> None:
        """Release the resources of an unclosed file that is collected: from any thread, without waiting.

        The loop may have ended.
        """
        raise NotImplementedError

    def _check(self) -> None:
        """Raise unless the file is open, and used on its own event loop."""
        if self._closed or self._binding.loop is not get_running_loop():
            self._binding.check_loop()
            self._check_open()

    def _check_open(self) -> None:
        if self._closed:
            raise self._closed_error()

    def _closed_error(self) -> ClosedHandleError:
        return ClosedHandleError(f"{self._binding.name} is closed; open it again to read", path=self._binding.path)

    def _positive(self, size: int | None, default: int) -> int:
        """Return the size of chunks; raise InvalidRangeError unless it is positive."""
        if size is not None and size <= 0:
            message = f"chunks() needs a positive size, not {size}"
            raise InvalidRangeError(message, path=self._binding.path)
        return size or default


class AsyncReadBase(AsyncBoundFile):
    """A file that reads. Lines use two hooks: :meth:`_peek` waits for bytes, :meth:`_advance` moves past them.

    Each subclass has its own ``read``, the shortest way to many bytes.
    """

    @property
    def size(self) -> int:
        """Size in bytes."""
        raise NotImplementedError

    async def read(self, size: int | None = -1) -> bytes:
        """Read ``size`` bytes, fewer only at the end; all that is left if ``size`` is negative or None."""
        raise NotImplementedError

    async def readinto(self, buffer: Buffer) -> int:
        """Fill ``buffer`` and return how many bytes that were: fewer than its size only at the end."""
        raise NotImplementedError

    async def readall(self) -> bytes:
        """Read all that is left."""
        return await self.read(-1)

    async def readline(self, size: int | None = -1) -> bytes:
        """Read up to and with the next line feed, at most ``size`` bytes; the rest if there is none."""
        async with self._lock:
            self._check_reading()
            return await self._line(size)

    async def readlines(self, hint: int | None = None) -> list[bytes]:
        """Read lines until the end, or until they have ``hint`` bytes in all."""
        async with self._lock:
            self._check_reading()
            lines: list[bytes] = []
            total = 0
            try:
                while (not hint or hint < 0 or total < hint) and (line := await self._line(None)):
                    lines.append(line)
                    total += len(line)
            except BaseException:
                self._put_back(lines)
                raise
            return lines

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Iterate over the lines from the position on, each with its line feed."""
        while line := await self.readline():
            yield line
            for whole in self._whole_lines():
                yield whole

    def readable(self) -> bool:
        """Return True."""
        return True

    @property
    def _position(self) -> int:
        raise NotImplementedError

    async def _read_into_copy(self, buffer: Buffer) -> int:
        """Read into memory whose format Python does not know, such as that of NumPy's times, by way of a copy."""
        with writable_buffer(buffer) as view:
            return await self.readinto(view)

    def _check_reading(self) -> None:
        self._check()

    def _remaining(self, size: int | None) -> int:
        """Return how many bytes a read of ``size`` returns."""
        remaining = self.size - self._position
        return remaining if size is None or size < 0 else min(size, remaining)

    def _peek(self, size: int) -> Awaitable[bytes | memoryview]:
        """Wait for bytes at the position, at most ``size`` of them; none only at the end."""
        raise NotImplementedError

    def _buffered(self) -> bytes | memoryview:
        """Return the bytes from the position on that are in memory."""
        return b""

    def _advance(self, count: int) -> None:
        """Move the position over bytes that :meth:`_peek` or :meth:`_buffered` has returned."""
        raise NotImplementedError

    def _put_back(self, chunks: list[bytes]) -> None:
        """Move the position back over ``chunks``: the call that has read them fails."""
        raise NotImplementedError

    async def _line(self, size: int | None) -> bytes:
        """Return the next line, at most ``size`` bytes of it; the position moves if all goes well."""
        remaining = self._remaining(size)
        if remaining <= 0:
            return b""
        data = bytes(await self._peek(min(remaining, _LINE_READ_BYTES)))
        end = data.find(b"\n") + 1
        if not end and data and len(data) < remaining:
            return await self._long_line(data, remaining)
        line = data[:end] if end else data
        self._advance(len(line))
        return line

    async def _long_line(self, data: bytes, remaining: int) -> bytes:
        """Return the line that begins with ``data``, the bytes at the position, and ends within ``remaining`` bytes."""
        look, end = _LINE_READ_BYTES, 0
        chunks: list[bytes] = []
        try:
            while data:
                chunks.append(data[:end] if end else data)
                self._advance(len(chunks[-1]))
                remaining -= len(data)
                if end or remaining <= 0:
                    break
                look *= 2
                data = bytes(await self._peek(min(remaining, look)))
                end = data.find(b"\n") + 1
        except BaseException:
            self._put_back(chunks)
            raise
        return b"".join(chunks)

    def _whole_lines(self) -> Iterator[bytes]:
        """Yield the complete lines in memory, until another call runs or moves the position."""
        data = b"" if self._closed or self._lock.locked() else bytes(self._buffered())
        for line in data[: data.rfind(b"\n") + 1].split(b"\n")[:-1]:
            self._advance(len(line) + 1)
            position = self._position
            yield line + b"\n"
            if self._position != position or self._closed or self._lock.locked():
                return


class AsyncSeekReadBase(AsyncReadBase):
    """A file that reads at a position that can be moved anywhere."""

    _position = 0

    def seekable(self) -> bool:
        """Return True."""
        return True

    def tell(self) -> int:
        """Return the position in bytes from the start."""
        self._check_open()
        return self._position

    async def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move the position and return it; beyond the end, reads return nothing. Sends no request.

        Raises InvalidRangeError for a position before the start or an unknown ``whence``.
        """
        async with self._lock:
            self._check()
            self._position = position_of(self.name, offset, whence, self._position, self.size)
            return self._position

    def _advance(self, count: int) -> None:
        self._position += count

    def _put_back(self, chunks: list[bytes]) -> None:
        self._position -= sum(map(len, chunks))


class AsyncBlockReadBase(AsyncSeekReadBase):
    """A file that reads what arrives in blocks: :meth:`_next_view` waits for bytes and moves past them."""

    def __init__(self, session: Session, name: str, chunk_bytes: int, path: str | None = None) -> None:
        self._position = 0
        self._chunk_bytes = chunk_bytes
        """Size of the longest chunks by default."""
        super().__init__(session, name, path)

    @property
    def mode(self) -> str:
        """Always ``rb``."""
        return "rb"

    async def readinto(self, buffer: Buffer) -> int:
        """Fill ``buffer`` and return how many bytes that were: fewer than its size only at the end."""
        async with self._lock:
            self._check_reading()
            target = writable_view(buffer)
            if target is not None:
                start = self._position
                stop = min(start + len(target), self.size)
                try:
                    while self._position < stop:
                        filled = self._position - start
                        view = await self._next_view(stop)
                        target[filled : filled + len(view)] = view
                except BaseException:
                    self._position = start
                    raise
                return max(self._position - start, 0)
        return await self._read_into_copy(buffer)

    async def chunks(self, size: int | None = None) -> AsyncGenerator[memoryview, None]:
        """Iterate over the bytes from the position on, in views of at most ``size`` bytes.

        The views are read-only and share memory with the reader; they stay valid as long as they are kept. By default
        ``size`` is that of a block.
        """
        longest = self._positive(size, self._chunk_bytes)
        while True:
            async with self._lock:
                self._check()
                if self._position >= self.size:
                    return
                view = await self._next_view(min(self._position + longest, self.size))
            yield memoryview(view)

    def _next_view(self, stop: int) -> Awaitable[bytes | memoryview]:
        """Wait for bytes at the position, at most up to ``stop``, and move the position over them."""
        raise NotImplementedError


def call_on(loop: asyncio.AbstractEventLoop, function: Callable[[], object]) -> None:
    """Have ``function`` called on ``loop``, from any thread; nothing happens if the loop has ended."""
    with contextlib.suppress(RuntimeError):  # the loop may end at this moment
        loop.call_soon_threadsafe(function)
