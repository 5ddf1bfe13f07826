"""Standard input, and other files that may make a reader wait, read so that a cancellation ends the wait."""

from __future__ import annotations

import asyncio
import os
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING

from aios3._threads import in_thread, made_in_thread

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

_READ_BYTES = 64 << 10


@asynccontextmanager
async def open_to_read(path: str) -> AsyncGenerator[int, None]:
    """Open a file for the functions below, and close it at the end."""
    descriptor = await made_in_thread(partial(os.open, path, os.O_RDONLY), os.close)
    try:
        yield descriptor
    except IsADirectoryError as error:  # reading does not know the name
        error.filename = error.filename or path
        raise
    finally:
        os.close(descriptor)


async def read_chunks(descriptor: int) -> AsyncGenerator[bytes, None]:
    """Yield the bytes of an open file as they come, up to its end."""
    while data := await _read(descriptor):
        yield data


async def read_lines(descriptor: int) -> AsyncGenerator[bytes, None]:
    """Yield the lines of an open file without their ends."""
    rest = b""
    while data := await _read(descriptor):
        *lines, rest = (rest + data).split(b"\n")
        for line in lines:
            yield line
    if rest:
        yield rest


async def _read(descriptor: int) -> bytes:
    """Read once; wait on the event loop, since a thread that reads a terminal cannot be cancelled."""
    loop = asyncio.get_running_loop()
    readable = asyncio.Event()
    try:
        loop.add_reader(descriptor, readable.set)
    except PermissionError:  # a regular file, which never makes a reader wait for long
        return await in_thread(os.read, descriptor, _READ_BYTES)
    try:
        await readable.wait()
    finally:
        loop.remove_reader(descriptor)
    return os.read(descriptor, _READ_BYTES)
