"""Ranges of objects that are asked for together, merged into requests."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

PathRange = tuple[str, int | None, int | None]
"""A path and the bounds of a range, as fsspec has them."""


@dataclass(slots=True)
class Merged:
    """One request: the bytes ``[start, stop)`` of a path, and who gets which of them."""

    path: str
    start: int | None
    stop: int | None
    shares: list[tuple[int, int, int]] = field(default_factory=list)
    """For each range in it: its position among those asked for, and where it begins and ends in the request."""

    @property
    def is_alone(self) -> bool:
        """True if all of it goes to one range."""
        return len(self.shares) == 1


def merge(ranges: Sequence[PathRange], max_gap: int | None) -> list[Merged]:
    """Return the requests for ``ranges``; ranges with at most ``max_gap`` bytes between them share one.

    A range whose bounds count from the end, or that is open, has a request of its own; so has each without ``max_gap``.
    """
    merged: list[Merged] = []
    plain: list[tuple[str, int, int, int]] = []
    for position, (path, start, stop) in enumerate(ranges):
        first = 0 if start is None else start
        if max_gap is None or first < 0 or stop is None or stop <= first:
            merged.append(Merged(path, start, stop, [(position, 0, 0)]))
        else:
            plain.append((path, first, stop, position))
    last: Merged | None = None
    for path, start, stop, position in sorted(plain):
        if last is None or last.path != path or start - (last.stop or 0) > (max_gap or 0):
            last = Merged(path, start, stop)
            merged.append(last)
        begin = last.start or 0
        last.stop = max(last.stop or 0, stop)
        last.shares.append((position, start - begin, stop - begin))
    return merged
