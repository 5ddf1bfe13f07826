"""Quantiles of times, in memory that does not grow: counts on a logarithmic scale."""

from __future__ import annotations

import itertools
import math

_STEPS = 8
"""Classes for each doubling of the time, so one class is 9% wide and its middle at most 4.5% off."""
_SHORTEST = 1e-6
_CLASSES = 40 * _STEPS
"""From a microsecond to twelve days."""


class Histogram:
    """How many times fell into each class."""

    __slots__ = ("_counts", "total")

    def __init__(self) -> None:
        self._counts = [0] * _CLASSES
        self.total = 0

    def add(self, seconds: float) -> None:
        """Count one time."""
        index = int(math.log2(seconds / _SHORTEST) * _STEPS) if seconds > _SHORTEST else 0
        self._counts[min(index, _CLASSES - 1)] += 1
        self.total += 1

    def quantile(self, share: float) -> float:
        """Return the time, in seconds, that ``share`` of all did not exceed; 0.0 for none at all."""
        wanted = math.ceil(share * self.total)
        if not wanted:
            return 0.0
        reached = itertools.accumulate(self._counts)
        index = next(index for index, total in enumerate(reached) if total >= wanted)
        return _SHORTEST * math.pow(2, (index + 0.5) / _STEPS)
