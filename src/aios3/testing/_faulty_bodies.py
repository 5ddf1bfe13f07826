"""Faults in a body on its way: each takes pieces and yields pieces."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aios3.testing._faulty_http import HangUp

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    Pieces = AsyncIterator[bytes]


async def cut(body: Pieces, at: int, *, reset: bool) -> Pieces:
    """Pass ``at`` bytes on and hang up; a shorter body is passed on whole before."""
    left = at
    async for piece in body:
        if piece[:left]:
            yield piece[:left]
        left -= len(piece)
        if left <= 0:
            break
    raise HangUp(reset=reset)


async def interrupted(body: Pieces, at: int, hold: Callable[[], Awaitable[None]]) -> Pieces:
    """Pass ``at`` bytes on, wait for ``hold()``, and pass on the rest."""
    left, held = at, False
    async for piece in body:
        if not held and left <= len(piece):
            if piece[:left]:
                yield piece[:left]
            held = True
            await hold()
            if piece[left:]:
                yield piece[left:]
        else:
            yield piece
        left -= len(piece)


async def slowed(body: Pieces, size: int, released: Callable[[], Awaitable[bool]]) -> Pieces:
    """Pass pieces of ``size`` bytes on, waiting before each; everything else at once when ``released()`` is true."""
    async for piece in body:
        position = 0
        while position < len(piece):
            stop = len(piece) if await released() else position + size
            yield piece[position:stop]
            position = stop


async def flipped(body: Pieces, at: int) -> Pieces:
    """Invert the byte at ``at``."""
    left = at
    async for piece in body:
        if 0 <= left < len(piece):
            yield piece[:left] + bytes([piece[left] ^ 0xFF]) + piece[left + 1 :]
        else:
            yield piece
        left -= len(piece)


async def chunked(body: Pieces, size: int) -> Pieces:
    """Put a body into chunks of at most ``size`` bytes."""
    async for piece in body:
        for start in range(0, len(piece), size):
            chunk = piece[start : start + size]
            yield b"%x\r\n%b\r\n" % (len(chunk), chunk)
    yield b"0\r\n\r\n"


async def closing(body: Pieces) -> Pieces:
    """Pass everything on, then close the connection."""
    async for piece in body:
        yield piece
    raise HangUp(reset=False)
