"""Faults in a body on its way: each takes chunks and yields chunks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aios3.testing._faulty_http import HangUp

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    Chunks = AsyncIterator[bytes]


async def cut(body: Chunks, at: int, *, reset: bool) -> Chunks:
    """Pass ``at`` bytes on and hang up; a shorter body is passed on whole before."""
    remaining = at
    async for chunk in body:
        if chunk[:remaining]:
            yield chunk[:remaining]
        remaining -= len(chunk)
        if remaining <= 0:
            break
    raise HangUp(reset=reset)


async def interrupted(body: Chunks, at: int, hold: Callable[[], Awaitable[None]]) -> Chunks:
    """Pass ``at`` bytes on, wait for ``hold()``, and pass on the rest."""
    remaining, held = at, False
    async for chunk in body:
        if not held and remaining <= len(chunk):
            if chunk[:remaining]:
                yield chunk[:remaining]
            held = True
            await hold()
            if chunk[remaining:]:
                yield chunk[remaining:]
        else:
            yield chunk
        remaining -= len(chunk)


async def slowed(body: Chunks, size: int, released: Callable[[], Awaitable[bool]]) -> Chunks:
    """Pass chunks of ``size`` bytes on, waiting before each; everything else at once when ``released()`` is true."""
    async for chunk in body:
        position = 0
        while position < len(chunk):
            stop = len(chunk) if await released() else position + size
            yield chunk[position:stop]
            position = stop


async def flipped(body: Chunks, at: int) -> Chunks:
    """Invert the byte at ``at``."""
    offset = at
    async for chunk in body:
        if 0 <= offset < len(chunk):
            yield chunk[:offset] + bytes([chunk[offset] ^ 0xFF]) + chunk[offset + 1 :]
        else:
            yield chunk
        offset -= len(chunk)


async def chunked(body: Chunks, size: int) -> Chunks:
    """Put a body into chunks of at most ``size`` bytes."""
    async for data in body:
        for start in range(0, len(data), size):
            chunk = data[start : start + size]
            yield b"%x\r\n%b\r\n" % (len(chunk), chunk)
    yield b"0\r\n\r\n"


async def closing(body: Chunks) -> Chunks:
    """Pass everything on, then close the connection."""
    async for chunk in body:
        yield chunk
    raise HangUp(reset=False)
