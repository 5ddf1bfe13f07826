"""How long to wait before trying again."""

from __future__ import annotations

import random

_INITIAL_DELAY_SECONDS = 0.1
_MAX_DELAY_SECONDS = 5.0


def retry_delay(failures: int) -> float:
    """Return how many seconds to wait after ``failures`` in a row: exponential, with full jitter."""
    return random.uniform(0, min(_MAX_DELAY_SECONDS, _INITIAL_DELAY_SECONDS * 2**failures))  # noqa: S311 - no secret
