"""Counters of a transfer, reported to its callbacks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    Callback = Callable[[int], object]


@dataclass(frozen=True, slots=True)
class TransferState:
    """How far a transfer is. The totals grow while the source is still being listed."""

    files_done: int = 0
    files_total: int = 0
    bytes_done: int = 0
    bytes_total: int = 0


class Progress(Protocol):
    """The argument ``progress=``: a function, or an object that can be called like one.

    It is called on the event loop whenever bytes have moved or a file is done, so it must be quick. In
    :mod:`aios3.sync` the loop has a thread of its own. What it raises ends the transfer.
    """

    def __call__(self, state: TransferState, /) -> object:
        """Hear how far the transfer is."""


class ProgressReporter:
    """Calls ``callback`` with the bytes since its last call, and ``progress`` with the whole state."""

    def __init__(self, callback: Callback | None = None, progress: Progress | None = None) -> None:
        self._callback = callback
        self._progress = progress
        self._files = [0, 0]
        self._bytes = [0, 0]

    def add_file(self, size: int) -> None:
        """Add one file of ``size`` bytes to the totals."""
        self._files[1] += 1
        self._bytes[1] += size
        self._notify()

    def add_bytes(self, count: int) -> None:
        """Note that ``count`` more bytes are where they belong."""
        self._bytes[0] += count
        if self._callback is not None and count:
            self._callback(count)
        self._notify()

    def file_done(self) -> None:
        """Note that one more file is done."""
        self._files[0] += 1
        self._notify()

    def _notify(self) -> None:
        if self._progress is not None:
            self._progress(TransferState(*self._files, *self._bytes))
