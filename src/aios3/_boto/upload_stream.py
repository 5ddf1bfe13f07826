"""The body of a request: its buffers as one stream that is never joined in memory, and that must keep moving."""

from __future__ import annotations

import asyncio
import io
from bisect import bisect_right
from contextlib import asynccontextmanager
from itertools import accumulate
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Sequence

_CHUNK = 64 * 1024
"""Bytes handed to the transport at once. What the socket does not take at once may be copied there."""


class UploadStream:
    """Buffers as one stream: botocore reads and rewinds it to sign, and asks its length; aiohttp iterates over it.

    Every iteration begins at the first byte, so that another attempt sends the whole body again.
    """

    def __init__(self, buffers: Sequence[bytes | memoryview]) -> None:
        self._views = [memoryview(buffer).cast("B") for buffer in buffers if len(buffer)]
        self._ends = list(accumulate(len(view) for view in self._views))
        self._position = 0
        self.on_progress: Callable[[], None] = _ignore_progress
        """Called when a pass over the stream begins, and for every chunk that the transport comes for."""
        self.on_idle: Callable[[], None] = _ignore_progress
        """Called when all has been handed out, and when an attempt has failed."""

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    def tell(self) -> int:
        """Return the position that the next read begins at."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to ``offset`` from the beginning, the position or the end, as files do."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: len(self)}[whence]
        self._position = max(0, base + offset)
        return self._position

    def read(self, size: int | None = -1) -> memoryview:
        """Return up to ``size`` bytes of the buffer at the position, without a copy; none only at the end."""
        view = self.view(self._position, len(self) if size is None or size < 0 else size)
        self._position += len(view)
        return view

    def view(self, position: int, size: int) -> memoryview:
        """Return up to ``size`` bytes of the buffer at ``position``; none only at the end."""
        index = bisect_right(self._ends, position)
        if index == len(self._views):
            return memoryview(b"")
        view = self._views[index]
        begin = position - self._ends[index] + len(view)
        return view[begin : begin + size]

    def __aiter__(self) -> _Chunks:
        return _Chunks(self)


class _Chunks:
    """One pass over a stream; no generator, which would have to be closed when an attempt fails half-way."""

    def __init__(self, stream: UploadStream) -> None:
        self._stream = stream
        self._position = 0
        stream.on_progress()

    def __aiter__(self) -> _Chunks:
        return self

    async def __anext__(self) -> memoryview:
        chunk = self._stream.view(self._position, _CHUNK)
        if not chunk:
            self._stream.on_idle()
            raise StopAsyncIteration
        self._position += len(chunk)
        self._stream.on_progress()
        return chunk


def _ignore_progress() -> None:
    pass


@asynccontextmanager
async def upload_timeout(body: object, patience: float) -> AsyncGenerator[None]:
    """Raise TimeoutError if no byte of the stream ``body`` is taken for ``patience`` seconds.

    aiohttp's timeout covers the response only, which begins when all has been sent. Without this, an upload to a server
    that has stopped reading would wait forever.
    """
    if not isinstance(body, UploadStream):
        yield
        return
    clock = asyncio.get_running_loop().time
    deadline = asyncio.timeout(None)
    try:
        async with deadline:
            body.on_progress = lambda: deadline.reschedule(clock() + patience)
            body.on_idle = lambda: deadline.reschedule(None)
            try:
                yield
            finally:
                body.on_progress = body.on_idle = _ignore_progress
    except TimeoutError as error:
        if not deadline.expired():
            raise
        message = f"the server took no byte for {patience:g} seconds"
        raise TimeoutError(message) from error
