"""Standard output of a program, and of commands that share it line by line."""

from __future__ import annotations

import asyncio
import os
import sys
from typing import Protocol

from aios3.cli._signals import Interruption

_MAX_REST_BYTES = 1 << 20
"""Bytes of a line without its end that a command keeps; a longer line is written as it comes, and others wait."""


class Stream(Protocol):
    """Where a command writes to."""

    def write(self, text: str) -> None:
        """Write whole lines."""

    def write_error(self, text: str) -> None:
        """Write whole lines to standard error."""

    async def write_bytes(self, data: bytes | memoryview) -> None:
        """Write bytes; return when they have been written."""

    def flush(self) -> None:
        """Write what is buffered."""


class StandardOutput:
    """Standard output of the process, of one command."""

    def __init__(self, interruption: Interruption | None = None) -> None:
        self._interruption = interruption or Interruption()

    def write(self, text: str) -> None:
        """Write whole lines."""
        if text:
            self._interruption.write(sys.stdout, text)

    def write_error(self, text: str) -> None:
        """Write whole lines to standard error."""
        if text:
            self._interruption.write(sys.stderr, text)

    async def write_bytes(self, data: bytes | memoryview) -> None:
        """Write in a thread: a slow reader must not stop requests that are under way."""
        await asyncio.get_running_loop().run_in_executor(None, _write_all, data)

    def flush(self) -> None:
        """Write what is buffered."""
        self._interruption.write(sys.stdout, "")


def _write_all(data: bytes | memoryview) -> None:
    sys.stdout.flush()
    remaining = memoryview(data)
    descriptor = sys.stdout.fileno()
    while remaining:
        remaining = remaining[os.write(descriptor, remaining) :]


class SharedOutput:
    """Standard output of commands that run side by side; each line is of one command."""

    def __init__(self, output: Stream) -> None:
        self._output = output
        self._lock = asyncio.Lock()
        """Held by a command from the beginning of a long line to its end, and while bytes are written."""
        self._delayed: list[str] = []
        """Lines of others, while the lock is held."""

    def write(self, text: str) -> None:
        """Write whole lines, after the line that is being written."""
        if self._lock.locked():
            self._delayed.append(text)
        else:
            self._output.write(text)

    def write_error(self, text: str) -> None:
        """Write whole lines to standard error."""
        self._output.write_error(text)

    async def write_bytes(self, data: bytes | memoryview, *, is_owner: bool) -> None:
        """Write bytes; ``is_owner`` is whether the caller has called :meth:`acquire`."""
        if is_owner:
            await self._output.write_bytes(data)
            return
        await self.acquire()
        try:
            await self._output.write_bytes(data)
        finally:
            self.release()

    async def acquire(self) -> None:
        """Wait until no other command writes, and keep the others waiting."""
        await self._lock.acquire()

    def release(self) -> None:
        """Let others write."""
        self._lock.release()
        delayed, self._delayed = self._delayed, []
        for text in delayed:
            self._output.write(text)

    def flush(self) -> None:
        """Write what is buffered, unless bytes are being written, which does so itself."""
        if not self._lock.locked():
            self._output.flush()


class CommandOutput:
    """The part of a :class:`SharedOutput` that one command writes to."""

    def __init__(self, shared: SharedOutput) -> None:
        self._shared = shared
        self._rest = bytearray()
        self._is_owner = False

    def write(self, text: str) -> None:
        """Write whole lines."""
        self._shared.write(text)

    def write_error(self, text: str) -> None:
        """Write whole lines to standard error."""
        self._shared.write_error(text)

    async def write_bytes(self, data: bytes | memoryview) -> None:
        """Write the lines that end in ``data``; keep the rest, or if it is long write it too while others wait."""
        cut = bytes(data).rfind(b"\n") + 1
        if not cut:
            self._rest += data
        else:
            whole, self._rest = bytes(self._rest) + bytes(data[:cut]), bytearray(data[cut:])
            await self._shared.write_bytes(whole, is_owner=self._is_owner)
            self.give_up()
        if len(self._rest) > _MAX_REST_BYTES:
            await self._write_rest()

    async def _write_rest(self) -> None:
        if not self._is_owner:
            await self._shared.acquire()
            self._is_owner = True
        rest, self._rest = bytes(self._rest), bytearray()
        await self._shared.write_bytes(rest, is_owner=True)

    def give_up(self) -> None:
        """Let others write."""
        if self._is_owner:
            self._is_owner = False
            self._shared.release()

    def flush(self) -> None:
        """Write what is buffered of whole lines."""
        self._shared.flush()

    async def end(self) -> None:
        """Write the rest of a last line without a line feed."""
        if self._rest:
            await self._write_rest()
