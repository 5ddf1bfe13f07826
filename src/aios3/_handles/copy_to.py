"""Write into a binary file object of the caller's, async or not, however little it takes at once."""

from __future__ import annotations

import inspect
import io
from typing import Protocol

from aios3.errors import ConfigError


class Writable(Protocol):
    """A binary file object that is open for writing, async or not."""

    def write(self, data: bytes, /) -> object:
        """Take ``data``; return how much of it, if not all."""


async def copy_to(target: Writable, data: bytes | memoryview) -> None:
    """Write all of ``data``; a file that is not async in a thread, for which a cancellation waits.

    Raises ConfigError for a file that takes nothing, because it is in non-blocking mode.
    """
    from anyio import to_thread  # noqa: PLC0415 - slow to import, and not needed to open a file

    is_async = inspect.iscoroutinefunction(target.write)
    while data:
        chunk = bytes(data)
        response = target.write(chunk) if is_async else await to_thread.run_sync(target.write, chunk)
        count = await response if inspect.isawaitable(response) else response
        if count == 0 or (count is None and isinstance(target, io.RawIOBase)):
            message = f"The file took none of {len(data):,} bytes: it is in non-blocking mode; give one that waits"
            raise ConfigError(message)
        data = data[count if isinstance(count, int) else len(data) :]
