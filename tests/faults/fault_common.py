"""What the tests of faults share: sizes, patience, and the check that nothing is left."""

from __future__ import annotations

import asyncio
import contextlib
import gc
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import aios3
    from aios3.testing import FaultyServer

TRANSPORTS = ("aiobotocore", "auto")
MIB = 1 << 20
SIZES = {"block_size": 64 * 1024, "request_size": 256 * 1024, "part_size": 5 << 20, "memory_budget": 16 << 20}
PATIENT = {"connect_timeout": 10.0, "read_timeout": 20.0}
IMPATIENT = {"connect_timeout": 0.4, "read_timeout": 0.4}


@contextlib.asynccontextmanager
async def nothing_left(session: aios3.Session, faulty: FaultyServer) -> AsyncIterator[None]:
    """Close the session at the end; no task, byte, place for a request or connection may be left, whatever happened."""
    before = asyncio.all_tasks()
    unheard: list[dict] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _loop, context: unheard.append(context))
    try:
        yield
        left = asyncio.all_tasks() - before - {asyncio.current_task()}
        await asyncio.wait(left, timeout=5) if left else None
        assert session.tasks.active == 0
        assert session.budget.used == 0
        assert session.budget.waiting == 0
        assert session.policy.limiter.in_use == 0
    finally:
        await session.aclose()
    assert asyncio.all_tasks() - before <= {asyncio.current_task()}
    gc.collect()
    await asyncio.sleep(0)
    loop.set_exception_handler(None)
    assert not unheard, "an exception that nobody has heard of"
    await asyncio.to_thread(faulty.wait, lambda counts: counts.open_connections == 0, 10)
