"""How long a connection is waited for: one timer a connection, armed when it is needed and never moved.

A wait costs a look at the clock. A timer that runs out before the deadline is set again for the rest. So a busy
connection has one timer in all of ``seconds``, and not one an exchange.
"""

from __future__ import annotations

import contextvars
import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable


class InactivityTimer:
    """Calls ``on_timeout`` when a deadline passes.

    ``has_progress()`` is asked first, and may grant the same time again.
    """

    __slots__ = ("_clock", "_context", "_deadline", "_has_progress", "_loop", "_on_timeout", "_seconds", "_timer")

    def __init__(
        self, loop: asyncio.AbstractEventLoop, has_progress: Callable[[], bool], on_timeout: Callable[[float], None]
    ) -> None:
        self._loop = loop
        self._clock = loop.time
        self._context = contextvars.Context()  # a timer that outlives a request must not keep what its task has set
        self._has_progress = has_progress
        self._on_timeout = on_timeout
        self._seconds = self._deadline = math.inf
        self._timer: asyncio.TimerHandle | None = None

    def start(self, seconds: float) -> None:
        """Wait for ``seconds`` from now on, whatever was waited for before."""
        self._seconds = seconds
        self._deadline = deadline = self._clock() + seconds
        timer = self._timer
        if timer is None:
            self._timer = self._loop.call_at(deadline, self._check, context=self._context)
        elif timer.when() > deadline:
            timer.cancel()
            self._timer = self._loop.call_at(deadline, self._check, context=self._context)

    def stop(self) -> None:
        """Wait for nothing. The timer is left: the next wait will need one."""
        self._deadline = math.inf

    def close(self) -> None:
        """Wait for nothing ever again."""
        self.stop()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _check(self) -> None:
        self._timer = None
        if self._deadline == math.inf:
            return
        now = self._clock()
        if now >= self._deadline and self._has_progress():
            self._deadline = now + self._seconds
        if now < self._deadline:
            self._timer = self._loop.call_at(self._deadline, self._check, context=self._context)
        else:
            self._on_timeout(self._seconds)
