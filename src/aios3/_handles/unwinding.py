"""Distinguishes an exception on its way out of a ``with`` block from a quiet call of ``close()``.

Wrappers such as ``with gzip.open(f, "w") as g:`` call ``close()`` of the file whether the block ended well or not, and
do not say which. So do ``contextlib.aclosing``, exit stacks, and the ``finally`` of a context manager that is written
as a generator. Python itself knows. When an exception calls the exit of a ``with`` block, the frame of that block
stands at the instruction ``WITH_EXCEPT_START``. It exists only for that. That holds in Python 3.11 to 3.14; the
bytecode is an implementation detail, and the tests of every version look at it. An ``except`` block is different: the
code there closes the file on purpose.

A coroutine has the frames of those who await it below it only while all run in one task. So ``aclose()`` looks when it
is called, and not when a task runs what it returns.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import logging
import opcode
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

_UNWINDING = opcode.opmap["WITH_EXCEPT_START"]
_GET_AWAITABLE = opcode.opmap["GET_AWAITABLE"]
_STEPS_OF_ASYNC_WITH = (6, 8, 10)
"""``async with`` goes on to GET_AWAITABLE, LOAD_CONST, SEND (and its cache), YIELD_VALUE, two bytes each. It stands at
one of the last three while ``__aexit__`` runs."""

_INTERRUPTIONS = (
    KeyboardInterrupt,
    SystemExit,
    GeneratorExit,
    asyncio.CancelledError,
    concurrent.futures.CancelledError,
)


@dataclass(frozen=True, slots=True)
class AbortReason:
    """Why a file that is being closed is not published, and how loudly that is to be said."""

    reason: str
    level: int
    """A program that is being stopped needs no log. Any other exception may be swallowed further up."""


@dataclass(frozen=True, slots=True, eq=False)
class UnwindSnapshot:
    """The exceptions that were handled already when a file was opened, and so do not concern it."""

    errors: tuple[BaseException, ...]
    exits: tuple[tuple[FrameType, int], ...]

    @classmethod
    def now(cls) -> UnwindSnapshot:
        """Remember the exceptions that are being handled, and the ``with`` blocks that are being unwound."""
        error = sys.exception()
        return NOT_UNWINDING if error is None else cls(tuple(_chain(error)), tuple(_exits()))

    def abort_reason(self) -> AbortReason | None:
        """Return why closing a file that was opened at this moment gives it up now; None if it does not.

        Either a ``with`` block is left by an exception, or the program is being stopped and this is its cleaning up.
        """
        error = sys.exception()
        if error is None:
            return None
        if isinstance(error, _INTERRUPTIONS) and not any(error is earlier for earlier in self.errors):
            return AbortReason(f"it was closed while {type(error).__name__} was on its way", logging.DEBUG)
        if any(not self._knows(exit_) for exit_ in _exits()):
            reason = f"it was closed by a with block that {type(error).__name__} was leaving"
            return AbortReason(reason, logging.DEBUG if isinstance(error, _INTERRUPTIONS) else logging.WARNING)
        return None

    def _knows(self, exit_: tuple[FrameType, int]) -> bool:
        frame, at = exit_
        return any(frame is old_frame and at == old_at for old_frame, old_at in self.exits)


NOT_UNWINDING = UnwindSnapshot((), ())
"""A moment at which nothing was going wrong."""


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yield the exception, and those that were being handled when it was raised."""
    seen_ids: set[int] = set()
    while error is not None and id(error) not in seen_ids:
        seen_ids.add(id(error))
        yield error
        error = error.__context__


def _exits() -> Iterator[tuple[FrameType, int]]:
    """Yield the callers' frames that stand in the exit of a ``with`` block because of an exception, and which exit."""
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 - the only way to a caller's frame
    while frame is not None:
        start = _exit_at(frame.f_code.co_code, frame.f_lasti)
        if start is not None:
            yield frame, start
        frame = frame.f_back


def _exit_at(code: bytes, at: int) -> int | None:
    """Return where the exit begins in which a frame stands that is at ``at``; None if it stands in none."""
    if at >= 0 and code[at] == _UNWINDING:
        return at
    starts = (at - step for step in _STEPS_OF_ASYNC_WITH if step <= at)
    return next((s for s in starts if code[s] == _UNWINDING and code[s + 2] == _GET_AWAITABLE), None)
