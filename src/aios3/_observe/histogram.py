"""Quantiles of times, in memory that does not grow: counts on a logarithmic scale."""

from __future__ import annotations

import itertools
import math
from math import log2

_STEPS = 8
"""Classes for each doubling of the time, so one class is 9% wide and its middle at most 4.5% off."""
_SHORTEST = 2.0**-20
_BELOW = 20 * _STEPS
"""Classes for less than a second, from a microsecond on."""
_CLASSES = _BELOW + 20 * _STEPS
"""The last is for twelve days, and for more."""


class Histogram:
    """How many times fell into each class."""

    __slots__ = ("_counts",)

    def __init__(self) -> None:
        self._counts = [0] * _CLASSES

    def add(self, seconds: float) -> None:
        """Count one time."""
        index = int(log2(seconds) * _STEPS + _BELOW) if seconds > _SHORTEST else 0
        self._counts[index if index < _CLASSES else -1] += 1

    def quantile(self, share: float) -> float:
        """Return the time, in seconds, that ``share`` of all did not exceed; 0.0 for none at all."""
        reached = list(itertools.accumulate(self._counts))
        wanted = math.ceil(share * reached[-1])
        if not wanted:
            return 0.0
        index = next(index for index, total in enumerate(reached) if total >= wanted)
        return math.pow(2, (index - _BELOW + 0.5) / _STEPS)
