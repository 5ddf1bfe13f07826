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

    def halve(self) -> int:
        """Let each class count half, and return how many times are left."""
        self._counts = [count // 2 for count in self._counts]
        return sum(self._counts)

    def quantile(self, share: float) -> float:
        """Return the time, in seconds, that ``share`` of all did not exceed: the middle of its class; 0.0 for none."""
        return self._edge(share, 0.5)

    def upper_bound(self, share: float) -> float:
        """Return a time, in seconds, that at least ``share`` of all did not exceed; 0.0 for none at all."""
        return self._edge(share, 1.0)

    def _edge(self, share: float, position: float) -> float:
        cumulative = list(itertools.accumulate(self._counts))
        rank = math.ceil(share * cumulative[-1])
        if not rank:
            return 0.0
        index = next(index for index, total in enumerate(cumulative) if total >= rank)
        return math.pow(2, (index - _BELOW + position) / _STEPS)
