"""Detects that a text wrapper is being made at this moment, which asks a file for its abilities.

:class:`io.TextIOWrapper` writes the byte order mark of UTF-16 and UTF-32 only into a file that can seek, at position 0.
Elsewhere it does not ask where it begins. It asks ``writable`` and then ``seekable``, which the buffer below it passes
on, in C. Its caller stands at one instruction (CPython 3.11 to 3.14; the tests of every version look at it).
"""

from __future__ import annotations

import gc
import io
import sys


class WritableProbe:
    """Where a file was asked last whether it can be written."""

    def __init__(self) -> None:
        self._instruction = (0, 0)

    def note_writable(self) -> None:
        """Note the question, from the method that was asked."""
        self._instruction = _instruction()

    def by_wrapper(self, file: io.RawIOBase) -> bool:
        """Return whether ``seekable``, which calls this, was asked by a text wrapper that is being made on ``file``."""
        before, self._instruction = self._instruction, (0, 0)
        return before == _instruction() and _is_wrapped(file)


def _instruction() -> tuple[int, int]:
    """Return which frame has called the method that calls its caller, and at which instruction."""
    frame = sys._getframe(3)  # noqa: SLF001 - the only way to a caller's frame
    return id(frame), frame.f_lasti


def _is_wrapped(file: io.RawIOBase) -> bool:
    """Return whether there is a text wrapper on ``file``.

    A loop may ask two questions at one instruction as well; the references to the file distinguish that.
    """
    buffers = [referrer for referrer in gc.get_referrers(file) if isinstance(referrer, io.BufferedWriter)]
    return any(isinstance(referrer, io.TextIOWrapper) for buffer in buffers for referrer in gc.get_referrers(buffer))
