"""How many bytes must have come before the event loop is woken for them: one, and more while they come in bulk.

A fast connection wakes its reader for every few KiB. A waking costs the kernel, the event loop and this library more
than copying the bytes does. Linux can wait for more (``SO_RCVLOWAT``). Bytes that it holds back stay unseen. So it does
that only while far more is to come, and while that comes within milliseconds.
"""

from __future__ import annotations

import socket
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio

BULK_BYTES = 256 * 1024
"""Bytes that are waited for in bulk."""
_BULK_BYTES_PER_SECOND = 64 * 1024 * 1024
"""Bytes a second: at this rate or above they come within 4 ms."""


class ReceiveLowWatermark:
    """The least arrival that wakes the reader of one connection; always one byte where that cannot be set."""

    __slots__ = ("_clock", "_is_bulk", "_since", "_socket")

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._socket: socket.socket | None = transport.get_extra_info("socket") if sys.platform == "linux" else None
        self._clock = loop.time
        self._since = 0.0
        self._is_bulk = False

    def start(self) -> None:
        """Note that bytes are waited for from now on."""
        self._since = self._clock()

    def on_bytes(self, count: int, remaining: int) -> None:
        """Note that ``count`` bytes have come, and that ``remaining`` more are waited for."""
        now = self._clock()
        is_bulk = remaining >= 2 * BULK_BYTES and count >= (now - self._since) * _BULK_BYTES_PER_SECOND
        self._since = now
        if is_bulk is not self._is_bulk:
            self._set(BULK_BYTES if is_bulk else 1)

    def reset(self) -> bool:
        """Wake for every byte again; return whether some have been held back until now."""
        if self._socket is None or not self._is_bulk:
            return False
        held_back = _has_bytes(self._socket)
        self._set(1)
        return held_back

    def _set(self, minimum: int) -> None:
        if self._socket is None:
            return
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, minimum)
        except OSError:
            self._socket = None  # closed, or of a system that only calls itself Linux: it wakes for every byte
        else:
            self._is_bulk = minimum > 1


def _has_bytes(sock: socket.socket) -> bool:
    """Return whether the kernel has bytes for this socket, or may have: a system that cannot say may hold them back."""
    import fcntl  # noqa: PLC0415 - not on every system, and only Linux holds anything back
    import termios  # noqa: PLC0415 - missing on Windows

    try:
        return any(fcntl.ioctl(sock.fileno(), termios.FIONREAD, bytes(4)))
    except (OSError, ValueError):  # ValueError: it is closed, and has no descriptor
        return True
