"""File objects of the caller's, filled from S3 and read into it, with a count of the bytes that have passed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aios3._handles.copy_from import copy_from
from aios3._handles.copy_to import copy_to

if TYPE_CHECKING:
    from collections.abc import Callable

    from typing_extensions import Buffer

    from aios3._handles.copy_from import Source
    from aios3._handles.copy_to import Writable
    from aios3._handles.reader import AsyncPrefetchReader
    from aios3._handles.writer import AsyncMultipartWriter

    OnProgress = Callable[[int], object]


async def upload_with_progress(writer: AsyncMultipartWriter, source: Source, on_progress: OnProgress | None) -> None:
    """Write everything that ``source`` has; ``on_progress`` hears after each chunk how many bytes that were so far."""
    total = 0

    async def write(data: Buffer) -> int:
        nonlocal total
        count = await writer.write(data)
        total += count
        if on_progress is not None:
            on_progress(total)
        return count

    await copy_from(source, write)


async def copy_with_progress(reader: AsyncPrefetchReader, target: Writable, on_progress: OnProgress | None) -> int:
    """Write everything that ``reader`` has to ``target``, and return how many bytes that were.

    ``on_progress`` as in upload_with_progress.
    """
    total = 0
    async for chunk in reader.chunks():
        await copy_to(target, chunk)
        total += len(chunk)
        if on_progress is not None:
            on_progress(total)
    return total
