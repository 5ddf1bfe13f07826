"""The body of a GET whose response does not announce a length: received whole before anything is known of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aios3.errors import ServerError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aios3._entries import StatResult

MAX_UNSIZED_BYTES = 16 * 1024 * 1024
"""Bytes of a body without an announced length: it lies in memory outside of the budget, once a request."""


def too_long_error(path: str) -> ServerError:
    """Build the error for a body that is longer than MAX_UNSIZED_BYTES."""
    message = (
        f"GetObject {path}: the response does not announce its length, and is longer than {MAX_UNSIZED_BYTES:,} bytes; "
        "ask the server's operator for a Content-Length"
    )
    return ServerError(message, path=path, operation="GetObject")


class BufferedBody:
    """A whole object in memory, as :class:`aios3._backend.ObjectBody`; its connection has been given back."""

    def __init__(self, data: bytes, stat: StatResult) -> None:
        self.stat = stat
        self.etag = stat.etag
        self.size = len(data)
        self.start = 0
        self.stop = len(data)
        self._data = memoryview(data)

    @property
    def checksums(self) -> Mapping[str, str]:
        """The checksums in the response that are over the whole object, by algorithm."""
        return self.stat.checksums

    def on_end(self, ended: Callable[[int, BaseException | None], None]) -> None:
        """Call ``ended(received, None)``: all has been received."""
        ended(self.size, None)

    async def readinto(self, view: memoryview) -> int:
        """Copy at least one byte into ``view`` and return how many; 0 only at the end."""
        count = min(len(view), len(self._data))
        view[:count] = self._data[:count]
        self._data = self._data[count:]
        return count

    async def receive(
        self, size: int, get_buffer: Callable[[], memoryview], buffer_updated: Callable[[int], None]
    ) -> None:
        """Copy the next ``size`` bytes into the views that ``get_buffer()`` gives; return early only at the end."""
        while size and self._data:
            count = await self.readinto(get_buffer()[:size])
            buffer_updated(count)
            size -= count

    async def read(self) -> bytes:
        """Return all that is still to come."""
        data, self._data = bytes(self._data), memoryview(b"")
        return data

    def close(self) -> None:
        """Let the bytes go. Safe to repeat."""
        self._data = memoryview(b"")
