"""One version of an object: described, read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aios3._backend import GetOptions
from aios3._handles.opening import aopen
from aios3._objects.reading import read_bytes
from aios3.errors import InvalidRangeError

if TYPE_CHECKING:
    from aios3._entries import StatResult
    from aios3._handles.opening import ReaderOptions
    from aios3._paths import S3Url
    from aios3._session import Session


async def stat_version(session: Session, url: S3Url, version_id: str | None, key: bytes | None = None) -> StatResult:
    """Describe a version of an object, or the latest; ``key`` is that of SSE-C. Raises ObjectNotFoundError."""
    backend = await session.backend(url)
    return await backend.head_object(url, GetOptions(version_id, sse_customer_key=key))


async def read_slice(
    session: Session, url: S3Url, start: int | None, stop: int | None, options: ReaderOptions
) -> bytes:
    """Read the bytes ``[start, stop)``; negative bounds count from the end, as in a slice.

    Raises InvalidRangeError if the slice begins after the end of the object.
    """
    if not options:
        return await read_bytes(url, start, stop, session=session)
    async with aopen(url, "rb", session=session, **options) as reader:
        first, last, _ = slice(start, stop).indices(reader.size)
        if start is not None and start > reader.size:
            message = (
                f"There is no range {start}:{'' if stop is None else stop} in {url}, which has {reader.size:,} bytes"
            )
            raise InvalidRangeError(message, path=str(url))
        return await reader.read_at(first, max(last - first, 0))
