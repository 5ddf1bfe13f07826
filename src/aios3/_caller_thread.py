"""Work for the thread that waits: that thread may hold a lock that the work needs."""

from __future__ import annotations

import asyncio
import contextvars
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    Work = Callable[[], object]

caller_executor: contextvars.ContextVar[Callable[[Work], Awaitable[None]] | None] = contextvars.ContextVar(
    "the caller of aios3.sync", default=None
)
"""Has work done by the thread that called the blocking face; None on the asynchronous one."""


async def run_in_caller_thread(work: Work) -> None:
    """Do ``work`` in the thread that waits for the running call, or in a thread of the loop if none does."""
    do = caller_executor.get()
    await (asyncio.to_thread(work) if do is None else do(work))
