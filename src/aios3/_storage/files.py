"""The open files of a storage: a reader in chunks, and a writer that asks S3 for nothing before it is given a byte."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from aios3._config import MIB
from aios3._handles.lifecycle import is_interrupted
from aios3._handles.unwinding import UnwindSnapshot
from aios3.errors import ClosedHandleError, ConfigError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Coroutine
    from types import TracebackType
    from typing import Self

    from typing_extensions import Buffer

    from aios3._entries import WriteResult
    from aios3._handles.opening import Opening
    from aios3._handles.reader import AsyncPrefetchReader
    from aios3._handles.writer import AsyncMultipartWriter

CHUNK_SIZE = 5 * MIB
"""Bytes of a chunk where the caller does not say."""


def check_chunk_size(size: int) -> None:
    """Raise ConfigError for an invalid size of a chunk."""
    if size < 1:
        message = f"chunk_size must be at least 1 byte, not {size}"
        raise ConfigError(message)


class AsyncStorageReader:
    """A file of a storage, open for reading; all of its bytes are of one version."""

    def __init__(self, file: AsyncPrefetchReader) -> None:
        self._file = file

    def __repr__(self) -> str:
        return f"<aios3.AsyncStorageReader {self.name}{' closed' if self.closed else ''}>"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self.iter_chunks()

    @property
    def name(self) -> str:
        """The path of the object."""
        return self._file.name

    @property
    def size(self) -> int:
        """Size of the file in bytes."""
        return self._file.size

    @property
    def closed(self) -> bool:
        """Return whether the file is closed."""
        return self._file.closed

    async def read(self, size: int = -1) -> bytes:
        """Read ``size`` bytes, fewer only at the end; all that is left if ``size`` is negative."""
        return await self._file.read(size)

    async def iter_chunks(self, chunk_size: int = CHUNK_SIZE) -> AsyncGenerator[bytes, None]:
        """Yield what is left in chunks of ``chunk_size`` bytes; the last one may be smaller."""
        check_chunk_size(chunk_size)
        while chunk := await self._file.read(chunk_size):
            yield chunk

    async def close(self) -> None:
        """Close the file and end its requests. Safe to repeat."""
        await self._file.aclose()


class AsyncStorageWriter:
    """A file of a storage, open for writing.

    Nothing is asked of S3 before the first byte, and a file into which nothing was written is not created. Closing it
    makes the whole object visible. Leaving ``async with`` by an exception aborts it: what was there before stays.
    """

    def __init__(self, opening: Opening[AsyncMultipartWriter], name: str) -> None:
        self._opening = opening
        self._name = name
        self._file: AsyncMultipartWriter | None = None
        self._lock = asyncio.Lock()
        self._closed = False
        self._finish_called = False
        self._opened_at = UnwindSnapshot.now()

    def __repr__(self) -> str:
        return f"<aios3.AsyncStorageWriter {self.name}{' closed' if self.closed else ''}>"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await (self.close() if exc_type is None else self.abort())

    @property
    def name(self) -> str:
        """The path of the object."""
        return self._name

    @property
    def closed(self) -> bool:
        """Return whether the file is closed or aborted."""
        return self._closed

    @property
    def result(self) -> WriteResult | None:
        """The response of S3 when the file was closed; None if nothing was written.

        Raises ClosedHandleError before that, and if the file was aborted.
        """
        if self._file is None and self._closed:
            return None
        return (self._file or self._unfinished()).result

    async def write(self, data: Buffer) -> int:
        """Take all of ``data`` and return its size in bytes, waiting while too much is in flight.

        Raises the error of a part that failed meanwhile, and ClosedHandleError after :meth:`close` or :meth:`abort`.
        """
        file = await self._opened_file() if memoryview(data).nbytes else None
        if self._closed:
            message = f"{self.name} is closed; open it again to write"
            raise ClosedHandleError(message, path=self.name)
        return 0 if file is None else await file.write(data)

    def close(self) -> Coroutine[object, object, None]:
        """Make what was written visible, or raise why not. Safe to repeat.

        It aborts instead as :meth:`aios3.AsyncMultipartWriter.aclose` does.
        """
        if is_interrupted(self.name, self._opened_at, closed=self._closed):
            return self.abort()
        return self._close()

    async def _close(self) -> None:
        self._closed = True
        async with self._lock:
            if self._file is not None and not self._finish_called:
                self._finish_called = True
                await self._file.finish()

    async def abort(self) -> None:
        """Give up: nothing becomes visible, and no upload stays open. Safe to repeat; no-op once closed."""
        self._closed = True
        if self._file is not None:
            await self._file.abort()

    async def _opened_file(self) -> AsyncMultipartWriter | None:
        """Return the open file, which is made with the first byte; None if this one is closed before."""
        async with self._lock:
            if self._file is None and not self._closed:
                file = await self._opening.opened()
                if self._closed:
                    await file.abort()
                else:
                    self._file = file
            return self._file

    def _unfinished(self) -> AsyncMultipartWriter:
        message = f"{self.name} is open, so S3 has not responded yet; close it first"
        raise ClosedHandleError(message, path=self.name)
