"""The directories of a key space as bounds to cut it at: where to ask for them, and what they say. No I/O.

Bounds that are guessed from a page fail where names do not go by evenly, as names that count up in directories. One
listing with a delimiter names up to 1,000 directories, each of which is where a segment may begin. It is requested once
a listing has gone through pages of more than one directory, so other listings do not pay for it.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING

from aios3._namespace.split_points import in_key_order, sort_key

if TYPE_CHECKING:
    from aios3._backend import ListPage

DELIMITER = "/"


class DirectoryBounds:
    """Bounds in the listing of names that begin with ``prefix``, each about ``pages`` pages after the one before."""

    def __init__(self, prefix: str, pages: int) -> None:
        self._prefix = prefix
        self._pages = pages
        self._requested = False
        self._bounds: list[str] = []

    def request_for(self, first: str, last: str) -> str | None:
        """Return the directory to survey, once, if the listing from ``first`` to ``last`` has left a directory."""
        if self._requested:
            return None
        stem = first[: _common_prefix_length(first, last)]
        directory = stem[: stem.rfind(DELIMITER) + 1]
        if DELIMITER not in first[len(directory) :] or DELIMITER not in last[len(directory) :]:
            return None
        self._requested = True
        return directory if directory.startswith(self._prefix) else self._prefix

    def add_listing(self, listing: ListPage, last: str, pages: int) -> None:
        """Take a page of a survey, made when the ``pages`` pages up to the name ``last`` had been listed."""
        directories = listing.prefixes
        if not in_key_order(directories):
            return
        position = bisect_right(directories, sort_key(last), key=sort_key)
        step = max(1, round(self._pages * position / max(pages, 1)))
        self._bounds = list(directories[position + step - 1 :: step])

    def between(self, lower: str, upper: str | None, most: int) -> list[str]:
        """Return up to ``most`` bounds between ``lower`` and ``upper``, nearest first."""
        start = bisect_right(self._bounds, sort_key(lower), key=sort_key)
        stop = len(self._bounds) if upper is None else bisect_left(self._bounds, sort_key(upper), key=sort_key)
        return self._bounds[start : min(stop, start + max(most, 0))]


def _common_prefix_length(one: str, other: str) -> int:
    """Return how many characters two names have in common at their start."""
    pairs = zip(one, other, strict=False)
    return next((index for index, (left, right) in enumerate(pairs) if left != right), min(len(one), len(other)))
