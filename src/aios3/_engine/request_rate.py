"""How many requests a second a session may start: the most that was set for it, less after rejections.

A rejection sets the rate to a little less than the responses of the last second. It grows back with the square of the
time, and after a minute it is what it was in the beginning. As long as no rate is set, nothing waits.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_WINDOW_SECONDS = 1.0
_MAX_SAMPLES = 256
"""Responses whose times are known; the rate is measured over the last second, or over this number."""
_RATE_BACKOFF = 0.8
_MIN_RATE_BACKOFF = 0.3
"""Responses may have been few because few requests were sent, so the measured rate is not believed at once."""
_RATE_RECOVERY = 0.01
"""Of the rate that was set, after one second; it grows with the square, so that a limit that has gone is forgotten."""
_RATE_EXPIRY_SECONDS = 60.0
_MIN_RATE = 5.0
_MIN_FRACTION_OF_MAX = 1 / 16
"""The least that rejections leave of a ``max_rate`` of few requests a second."""


class RequestRate:
    """Requests a second that may be started: at most ``max_rate``; without one any number, until :meth:`reduce`."""

    def __init__(self, clock: Callable[[], float], max_rate: float | None = None) -> None:
        self.max_rate: float | None = max_rate
        self.successes: deque[float] = new_samples()
        """When the latest responses came that were no rejections."""
        self.set_rate: float | None = max_rate
        """The rate at the latest rejection; ``max_rate`` if there was none for a minute."""
        self.set_at = 0.0
        self._clock = clock
        # Sessions with shares of one rate begin at one time; without an offset they would keep sending together.
        self._next_start_at = clock() + random.random() / max_rate if max_rate else 0.0  # noqa: S311 - no secret
        self._stalled_seconds = 0.0

    @property
    def current(self) -> float | None:
        """Requests a second that may be started now; None for any number."""
        if self.set_rate is None:
            return None
        since = self._clock() - self.set_at
        if since > _RATE_EXPIRY_SECONDS:
            self.set_rate = self.max_rate
            return self.max_rate
        rate = self.set_rate * (1 + _RATE_RECOVERY * since * (since + 1))
        return rate if self.max_rate is None else min(rate, self.max_rate)

    def reduce(self, now: float) -> None:
        """Set the rate to less than what the server has responded to of late, and to less than it was.

        A rate at which too few responses come to measure anything is halved.
        """
        rate, measured = self.current, self._measure(now)
        if measured is not None:
            slower = measured * _RATE_BACKOFF
            if rate is not None:
                slower = min(max(slower, rate * _MIN_RATE_BACKOFF), rate * _RATE_BACKOFF)
        elif rate is not None:
            slower = rate / 2
        else:
            return
        least = _MIN_RATE if self.max_rate is None else min(_MIN_RATE, self.max_rate * _MIN_FRACTION_OF_MAX)
        self.set_rate, self.set_at = max(slower, least), now

    def _measure(self, now: float) -> float | None:
        """Return how many requests a second were responded to of late; None if too few were."""
        count = count_recent(self.successes, now)
        if count < 2:  # noqa: PLR2004 - one point has no distance
            return None
        return count / max(now - self.successes[-count], 1e-3)

    async def wait(self) -> None:
        """Wait until the rate lets the next request start."""
        rate = self.current
        if rate is None:
            return
        start_at = max(self._now(), self._next_start_at)
        self._next_start_at = start_at + 1 / rate
        try:
            while (wait := start_at - self._now()) > 0:  # noqa: ASYNC110 - no event marks that time has passed
                await asyncio.sleep(wait)
        except BaseException:
            self._next_start_at -= 1 / rate  # its turn is the next caller's
            raise
        late = self._now() - start_at
        if late > 1 / rate:
            # The process stood still; waiters whose turns have passed too would come all at once.
            self._stalled_seconds += late

    def _now(self) -> float:
        """Return the time by which turns are given, in which the process never stands still."""
        return self._clock() - self._stalled_seconds


def new_samples() -> deque[float]:
    """Return an empty record of the times of events."""
    return deque(maxlen=_MAX_SAMPLES)


def count_recent(times: deque[float], now: float) -> int:
    """Return how many of ``times`` are of the last second."""
    count = 0
    for at in reversed(times):
        if now - at > _WINDOW_SECONDS:
            break
        count += 1
    return count
