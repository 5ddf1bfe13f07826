"""What blocks, run in a thread; nobody goes on before it has ended, not even by cancellation."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, ParamSpec, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

P = ParamSpec("P")
T = TypeVar("T")


async def in_thread(function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Call ``function`` in a thread of the loop and return its result.

    A cancellation is raised once the thread has ended, because until then it uses the caller's memory and file.
    """
    running = asyncio.get_running_loop().run_in_executor(None, partial(function, *args, **kwargs))
    interrupted: asyncio.CancelledError | None = None
    while not running.done():
        try:
            await asyncio.wait({running})
        except asyncio.CancelledError as error:
            interrupted = error
    if interrupted is not None:
        if not running.cancelled():
            running.exception()  # retrieved: the cancellation goes before it
        raise interrupted
    return running.result()
