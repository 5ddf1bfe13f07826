"""Whole bodies: those with a length are received into their own memory, others gathered until they end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aios3._memory import fresh

if TYPE_CHECKING:
    from aios3._wire.connection import Connection

_PIECE = 64 * 1024


async def of_length(connection: Connection, length: int) -> bytes:
    """Return the next ``length`` bytes of a body."""
    data, reached = memoryview(fresh(length)), 0

    def received(count: int) -> None:
        nonlocal reached
        reached += count

    await connection.receive(length, lambda: data[reached:], received)
    return bytes(data)


async def to_its_end(connection: Connection, limit: int) -> bytes | None:
    """Return the rest of a body whose end will tell its length; None if that is more than ``limit`` bytes."""
    whole = bytearray()
    view = memoryview(bytearray(_PIECE))
    while len(whole) <= limit:
        count = await connection.readinto(view)
        if not count:
            return bytes(whole)
        whole += view[:count]
    return None
