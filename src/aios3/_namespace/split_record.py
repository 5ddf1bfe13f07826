"""How well the splits of one listing were placed, which says how many more to try. Decides; does no I/O."""

from __future__ import annotations

_WASTE_TOLERANCE = 4
"""One name of this number may be listed twice, and one page of half this number be empty, before guessing stops."""


class SplitRecord:
    """Counts of names that were used, of names listed twice, and of key ranges without names."""

    def __init__(self, max_splits: int) -> None:
        self.splits: int = 1
        """Into how many more a key range may be split at once: doubled by a good guess, 1 after a bad one."""
        self._max_splits = max_splits
        self._largest_page = 0
        self._used_names = 0
        self._wasted_names = 0
        self._empty_guesses = 0

    @property
    def is_too_wasteful(self) -> bool:
        """Return whether too much was listed for nothing: names twice, or requests that found none."""
        wasted = self._wasted_names * _WASTE_TOLERANCE
        missed = self._empty_guesses * self._largest_page * _WASTE_TOLERANCE // 2
        return max(wasted, missed) > self._used_names + 2 * _WASTE_TOLERANCE * self._largest_page

    def add_page(self, names: int, used: int) -> None:
        """Count a page of ``names``, of which ``used`` are in its key range."""
        self._largest_page = max(self._largest_page, names)
        self._used_names += used
        self._wasted_names += names - used

    def add_guess(self, *, hit: bool) -> None:
        """Count a guessed bound by whether there were names after it."""
        if hit:
            self.splits = min(2 * self.splits, self._max_splits)
        else:
            self.splits = 1
            self._empty_guesses += 1
