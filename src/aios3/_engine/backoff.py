"""How long to wait before trying again."""

from __future__ import annotations

import random

_FIRST_DELAY_SECONDS = 0.1
_LONGEST_DELAY_SECONDS = 5.0


def retry_delay(failures: int) -> float:
    """Return how many seconds to wait after ``failures`` in a row: exponential, with full jitter."""
    return random.uniform(0, min(_LONGEST_DELAY_SECONDS, _FIRST_DELAY_SECONDS * 2**failures))  # noqa: S311 - no secret
