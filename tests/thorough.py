"""How many examples a property test tries: few in the suite, many under ``HYPOTHESIS_PROFILE=thorough``."""

from __future__ import annotations

import os

IS_THOROUGH = os.environ.get("HYPOTHESIS_PROFILE") == "thorough"
_TIMES = 50


def examples(count: int) -> int:
    """Return ``count`` in the suite, and 50 times as many in ``nox -s thorough``."""
    return count * _TIMES if IS_THOROUGH else count
