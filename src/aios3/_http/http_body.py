"""The body of one GET: bytes from a connection into the caller's memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aios3._http import response_values
from aios3._http.request_sender import TRANSPORT_ERRORS, to_s3_error
from aios3._responses import unquote_etag
from aios3.errors import ClosedHandleError, TruncatedBodyError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aios3._entries import StatResult
    from aios3._http.exceptions import ProtocolError
    from aios3._http.request_sender import Response
    from aios3._paths import S3Url
    from aios3._responses import ContentRange
    from aios3.errors import S3Error

_OPERATION = "GetObject"


class HttpBody:
    """A response to a GET that is still to be read.

    ``ended`` is called once: when the last byte has been read, or when the body is closed before.
    """

    __slots__ = (
        "_ended",
        "_failure",
        "_ranged",
        "_remaining",
        "_response",
        "_span",
        "_stat",
        "_url",
        "_watcher",
        "size",
        "start",
        "stop",
    )

    def __init__(
        self, response: Response, url: S3Url, span: ContentRange, ended: Callable[[HttpBody], None], *, ranged: bool
    ) -> None:
        self.size = span.size
        self.start = span.start
        self.stop = span.stop
        self._response = response
        self._url = url
        self._span = span
        self._ranged = ranged
        self._remaining = span.stop - span.start
        self._stat: StatResult | None = None
        self._ended: Callable[[HttpBody], None] | None = ended
        self._watcher: Callable[[int, BaseException | None], None] | None = None
        self._failure: S3Error | None = None
        if not self._remaining:
            self._end()

    @property
    def etag(self) -> str | None:
        """The object's ETag, without quotes."""
        return unquote_etag(self._response.head.headers.get("etag"))

    @property
    def stat(self) -> StatResult:
        """The whole object's description."""
        if self._stat is None:
            headers = self._response.head.headers
            self._stat = response_values.stat_of(headers, self._span.size, self.checksums, path=str(self._url))
        return self._stat

    @property
    def checksums(self) -> Mapping[str, str]:
        """The checksums in the response that are certainly over the whole object, by algorithm."""
        return response_values.checksums_of_span(self._response.head.headers, self._span, ranged=self._ranged)

    async def readinto(self, view: memoryview) -> int:
        """Receive at least one byte into ``view`` and return how many; 0 only at the end.

        Raises TruncatedBodyError if the body ends before ``stop``.
        """
        if not self._remaining:
            return 0
        self._check_open()
        try:
            count = await self._response.connection.readinto(view[: self._remaining])
        except TRANSPORT_ERRORS as failure:
            raise self._broken(failure) from failure
        if not count:
            raise self._truncated()
        self._advance(count)
        return count

    async def receive(
        self, size: int, get_buffer: Callable[[], memoryview], buffer_updated: Callable[[int], None]
    ) -> None:
        """Receive the next ``size`` bytes into the views that ``get_buffer()`` gives.

        Raises TruncatedBodyError if the body ends before ``stop``.
        """
        self._check_open()
        connection = self._response.connection
        if connection.length is None:
            await self._receive_unsized(size, get_buffer, buffer_updated)
            return
        due = connection.length
        try:
            await connection.receive(min(size, self._remaining), get_buffer, buffer_updated)
        except TRANSPORT_ERRORS as failure:
            raise self._broken(failure) from failure
        finally:
            self._remaining -= due - (connection.length or 0)  # also where that broke: they were reported to the caller
        self._advance(0)

    async def read(self) -> bytes:
        """Return all that is still to come; raise TruncatedBodyError if the body ends before ``stop``."""
        self._check_open()
        connection = self._response.connection
        try:
            data = connection.buffered_body(self._remaining)
            if data is None:
                data = await connection.read(self._remaining)
        except TRANSPORT_ERRORS as failure:
            raise self._broken(failure) from failure
        self._remaining -= len(data)
        if self._remaining:
            raise self._truncated()
        self._end()
        return data

    async def _receive_unsized(
        self, size: int, get_buffer: Callable[[], memoryview], buffer_updated: Callable[[int], None]
    ) -> None:
        size = min(size, self._remaining)
        while size:
            count = await self.readinto(get_buffer())
            buffer_updated(count)
            size -= count

    def on_end(self, ended: Callable[[int, BaseException | None], None]) -> None:
        """Call ``ended(received, failure)`` once this is read to its end or closed; at once if it is already."""
        self._watcher = ended
        if self._ended is None:
            self._tell()

    def close(self) -> None:
        """Let the connection go: back to the others after the last byte, else dropped. Safe to repeat."""
        self._end()

    def _advance(self, count: int) -> None:
        self._remaining -= count
        if not self._remaining:
            self._end()

    def _check_open(self) -> None:
        if self._ended is None and self._remaining:
            message = f"{_OPERATION} {self._url}: the body was closed before it was read"
            raise ClosedHandleError(message, path=str(self._url), operation=_OPERATION)

    def _truncated(self) -> S3Error:
        message = f"{_OPERATION} {self._url}: the body ended {self._remaining:,} bytes before its announced length"
        self._failure = TruncatedBodyError(message, path=str(self._url), operation=_OPERATION)
        return self._failure

    def _broken(self, failure: OSError | ProtocolError) -> S3Error:
        self._failure = to_s3_error(failure, _OPERATION, self._url, self._response.target.endpoint)
        return self._failure

    def _end(self) -> None:
        ended, self._ended = self._ended, None
        if ended is not None:
            self._response.release()
            ended(self)
            self._tell()

    def _tell(self) -> None:
        watcher, self._watcher = self._watcher, None
        failure, self._failure = self._failure, None  # an exception that is kept would keep the frames it has passed
        if watcher is not None:
            watcher(self.stop - self.start - self._remaining, failure)
