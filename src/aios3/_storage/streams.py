"""File objects of the caller's, filled from S3 and read into it, with a count of the bytes that have passed."""

from __future__ import annotations

import inspect
import io
from typing import TYPE_CHECKING, Protocol

from aios3._handles.pump import pump
from aios3._trees.runner import in_thread
from aios3.errors import ConfigError


class Writable(Protocol):
    """A binary file object that is open for writing, async or not."""

    def write(self, data: bytes, /) -> object:
        """Take ``data``; return how much of it, if not all."""


if TYPE_CHECKING:
    from collections.abc import Callable

    from typing_extensions import Buffer

    from aios3._handles.pump import Source
    from aios3._handles.reader import AsyncPrefetchReader
    from aios3._handles.writer import AsyncMultipartWriter

    Told = Callable[[int], object]


async def fill(writer: AsyncMultipartWriter, source: Source, told: Told | None) -> None:
    """Write everything that ``source`` has; ``told`` hears after each piece how many bytes that were so far."""
    total = 0

    async def write(data: Buffer) -> int:
        nonlocal total
        taken = await writer.write(data)
        total += taken
        if told is not None:
            told(total)
        return taken

    await pump(source, write)


async def drain(reader: AsyncPrefetchReader, target: Writable, told: Told | None) -> int:
    """Write everything that ``reader`` has to ``target``, and return how many bytes that were; ``told`` as in fill."""
    total = 0
    async for chunk in reader.chunks():
        await _write_all(target, chunk)
        total += len(chunk)
        if told is not None:
            told(total)
    return total


async def _write_all(target: Writable, data: memoryview) -> None:
    """Write all of ``data``, however little ``target`` takes at once; a file that is not async in a thread."""
    is_async = inspect.iscoroutinefunction(target.write)
    while data:
        piece = bytes(data)
        answer = target.write(piece) if is_async else await in_thread(target.write, piece)
        taken = await answer if inspect.isawaitable(answer) else answer
        if taken is None and isinstance(target, io.RawIOBase):
            message = "The file to write to is in non-blocking mode and is full now; give one that waits"
            raise ConfigError(message)
        data = data[taken if isinstance(taken, int) else len(data) :]
