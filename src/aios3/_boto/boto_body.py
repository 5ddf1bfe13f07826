"""The body of one GET: bytes from aiohttp's stream into the caller's memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from aios3._aligned_buffers import allocate_aligned
from aios3._boto.boto_errors import translate_errors
from aios3._buffered_body import MAX_UNSIZED_BYTES, too_long_error
from aios3.errors import ClosedHandleError, S3Error, TruncatedBodyError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aios3._boto.boto_responses import BotoResponse
    from aios3._entries import StatResult
    from aios3._responses import ContentRange

_OPERATION = "GetObject"


class _Stream(Protocol):
    async def readchunk(self) -> tuple[bytes, bool]: ...


class RawResponse(Protocol):
    """The attributes of aiohttp's response that are used; botocore's wrapper around it would copy once more."""

    @property
    def content(self) -> _Stream:
        """The stream of the body's bytes."""

    def close(self) -> None:
        """Drop the connection, unless the whole body has arrived and so given it back."""


def raw_of(response: BotoResponse) -> RawResponse:
    """Return aiohttp's response below botocore's; older versions of aiobotocore hand it over as it is."""
    received: Any = response["Body"]
    raw: RawResponse = getattr(received, "raw_stream", received)
    return raw


async def receive_unsized(raw: RawResponse, path: str) -> bytes:
    """Receive a body whose length was not announced, and release the connection.

    Raises ServerError for more than MAX_UNSIZED_BYTES bytes.
    """
    chunks: list[bytes] = []
    received = 0
    try:
        with translate_errors(_OPERATION, path):
            while True:
                chunk, at_border = await raw.content.readchunk()
                if not chunk and not at_border:  # how aiohttp says that the body has ended
                    break
                chunks.append(chunk)
                received += len(chunk)
                if received > MAX_UNSIZED_BYTES:
                    raise too_long_error(path)
    finally:
        raw.close()
    return b"".join(chunks)


class BotoBody:
    """A response to a GET that is still to be read.

    ``ended`` is called once: when the last byte has been read, or when the body is closed before.
    """

    def __init__(
        self, raw: RawResponse, path: str, stat: StatResult, span: ContentRange, ended: Callable[[BotoBody], None]
    ) -> None:
        self.stat = stat
        self.etag = stat.etag
        self.size = span.size
        self.start = span.start
        self.stop = span.stop
        self._raw = raw
        self._path = path
        self._remaining = span.stop - span.start
        self._chunk = memoryview(b"")
        self._ended: Callable[[BotoBody], None] | None = ended
        self._watcher: Callable[[int, BaseException | None], None] | None = None
        self._failure: S3Error | None = None
        if not self._remaining:
            self._end()

    @property
    def checksums(self) -> Mapping[str, str]:
        """The checksums in the response that are certainly over the whole object, by algorithm."""
        return self.stat.checksums

    async def readinto(self, view: memoryview) -> int:
        """Receive at least one byte into ``view`` and return how many; 0 only at the end.

        Raises TruncatedBodyError if the body ends before ``stop``.
        """
        if self._ended is None and self._remaining:
            message = f"{_OPERATION} {self._path}: the body was closed before it was read"
            raise ClosedHandleError(message, path=self._path, operation=_OPERATION)
        if self._remaining and not self._chunk:
            self._chunk = await self._receive()
        count = min(len(view), len(self._chunk))
        view[:count] = self._chunk[:count]
        self._chunk = self._chunk[count:]
        self._remaining -= count
        if not self._remaining:
            self._end()
        return count

    async def receive(
        self, size: int, get_buffer: Callable[[], memoryview], buffer_updated: Callable[[int], None]
    ) -> None:
        """Receive the next ``size`` bytes into the views that ``get_buffer()`` gives; return early only at the end.

        Raises TruncatedBodyError if the body ends before ``stop``.
        """
        while size:
            count = await self.readinto(get_buffer())
            if not count:
                return
            buffer_updated(count)
            size -= count

    async def read(self) -> bytes:
        """Return all that is still to come; raise TruncatedBodyError if the body ends before ``stop``."""
        view = memoryview(allocate_aligned(self._remaining))
        filled = 0
        while filled < len(view):
            filled += await self.readinto(view[filled:])
        return bytes(view)

    async def _receive(self) -> memoryview:
        try:
            with translate_errors(_OPERATION, self._path):
                chunk, more = b"", True
                while more and not chunk:  # an empty chunk with the mark is only the border between two chunks
                    chunk, more = await self._raw.content.readchunk()
            if not chunk:
                message = (
                    f"{_OPERATION} {self._path}: the body ended {self._remaining:,} bytes before its announced length"
                )
                raise TruncatedBodyError(message, path=self._path, operation=_OPERATION)
        except S3Error as error:
            self._failure = error
            raise
        return memoryview(chunk)[: self._remaining]

    def on_end(self, ended: Callable[[int, BaseException | None], None]) -> None:
        """Call ``ended(received, failure)`` once this is read to its end or closed; at once if it is already."""
        self._watcher = ended
        if self._ended is None:
            self._tell()

    def close(self) -> None:
        """Let the connection go: back to the others after the last byte, else dropped. Safe to repeat."""
        self._end()

    def _end(self) -> None:
        ended, self._ended = self._ended, None
        if ended is not None:
            self._chunk = memoryview(b"")
            self._raw.close()
            ended(self)
            self._tell()

    def _tell(self) -> None:
        watcher, self._watcher = self._watcher, None
        failure, self._failure = self._failure, None  # an exception that is kept would keep the frames it has passed
        if watcher is not None:
            watcher(self.stop - self.start - self._remaining, failure)
