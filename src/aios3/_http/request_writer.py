"""Send requests: the body in slices, as fast as the transport takes them and from its own callback.

The transport's limit is set so that it asks us to wait as soon as the kernel does not take a slice whole. So no more
than the rest of one slice is ever copied into its buffer, whatever the length of the body.
"""

from __future__ import annotations

import socket
import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterator, Sequence

_MAX_JOINED_BYTES = 64 * 1024  # to copy less than this costs less than another call of the kernel
_SLICE_BYTES = 512 * 1024  # 0.36 s of CPU a GiB where 256 KiB took 0.46 and 64 KiB 0.55; 1 MiB does not save more
_SLICES_PER_CALLBACK = 8  # slices, before others get their turn on the loop
_TCP_INFO = getattr(socket, "TCP_INFO", None)
_BYTES_ACKED = 120  # where struct tcp_info of Linux has it, since 4.1


class RequestWriter:
    """The sending half of a connection.

    ``on_progress()`` is called when the transport takes more, ``on_sent()`` at the end.
    """

    __slots__ = ("_acked", "_large", "_loop", "_on_progress", "_on_sent", "_transport", "_unsent", "paused")

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        transport.set_write_buffer_limits(high=1, low=0)  # 0 would be reached by nothing at all in the TLS transport
        self.paused = False
        self._transport = transport
        self._loop = loop
        self._on_progress = self._on_sent = _nothing
        self._unsent: Iterator[bytes | memoryview] | None = None
        self._large = False
        self._acked = 0

    def set_callbacks(self, on_progress: Callable[[], None], on_sent: Callable[[], None]) -> None:
        """Set what is called back."""
        self._on_progress = on_progress
        self._on_sent = on_sent

    def start(self, head: bytes, body: Sequence[bytes | memoryview]) -> bool:
        """Begin to send; return whether all is sent already."""
        if sum(map(len, body)) <= _MAX_JOINED_BYTES:
            self._transport.write(b"".join((head, *body)) if body else head)
            self._unsent = iter(()) if self.paused else None
        else:
            self._large = True
            self._acked = _acknowledged(self._transport)
            self._unsent = slices(head, body)
            self._push()
        return self._unsent is None

    @property
    def done(self) -> bool:
        """Return whether nothing is left to send."""
        return self._unsent is None

    def resume(self) -> None:
        """Go on, because the transport takes more."""
        self.paused = False
        if self._unsent is not None:
            self._on_progress()
            self._push()

    def cancel(self) -> None:
        """Send no more slices of this request."""
        self._unsent = None
        self._large = False

    def made_progress(self) -> bool:
        """Return whether the other side has acknowledged something since the last call.

        The kernel takes megabytes in a moment that a slow line needs minutes for, without reporting it.
        """
        if not self._large:
            return False
        before, self._acked = self._acked, _acknowledged(self._transport)
        return self._acked != before

    def _push(self) -> None:
        for _ in range(_SLICES_PER_CALLBACK):
            if self._unsent is None or self.paused or self._transport.is_closing():
                return
            chunk = next(self._unsent, None)
            if chunk is None:
                self._unsent = None
                self._on_sent()
                return
            self._transport.write(chunk)
        self._loop.call_soon(self._push)


def slices(head: bytes, body: Sequence[bytes | memoryview]) -> Iterator[bytes | memoryview]:
    """Cut a request into what is written at once: large views in slices, small ones joined."""
    joined: list[bytes | memoryview] = [head]
    size = len(head)
    for part in body:
        if len(part) <= _MAX_JOINED_BYTES:
            joined.append(part)
            size += len(part)
        if size and (size >= _SLICE_BYTES or len(part) > _MAX_JOINED_BYTES):
            yield b"".join(joined)
            joined, size = [], 0
        if len(part) > _MAX_JOINED_BYTES:
            view = memoryview(part)
            yield from (view[start : start + _SLICE_BYTES] for start in range(0, len(view), _SLICE_BYTES))
    if size:
        yield b"".join(joined)


def _acknowledged(transport: asyncio.Transport) -> int:
    """Return how many bytes the other side has acknowledged; always 0 where the system does not say."""
    sock = transport.get_extra_info("socket")
    if _TCP_INFO is None or sock is None or sock.family not in {socket.AF_INET, socket.AF_INET6}:
        return 0
    info: bytes = sock.getsockopt(socket.IPPROTO_TCP, _TCP_INFO, _BYTES_ACKED + 8)
    return int(struct.unpack_from("=Q", info, _BYTES_ACKED)[0]) if len(info) >= _BYTES_ACKED + 8 else 0


def _nothing() -> None:
    """Do nothing."""
