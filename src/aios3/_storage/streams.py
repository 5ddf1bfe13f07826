"""File objects of the caller's, filled from S3 and read into it, with a count of the bytes that have passed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aios3._handles.pour import write_all
from aios3._handles.pump import pump

if TYPE_CHECKING:
    from collections.abc import Callable

    from typing_extensions import Buffer

    from aios3._handles.pour import Writable
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
        await write_all(target, chunk)
        total += len(chunk)
        if told is not None:
            told(total)
    return total
