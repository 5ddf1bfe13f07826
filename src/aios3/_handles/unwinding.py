"""Tell an exception that is on its way out of a ``with`` block from a quiet call of ``close()``.

``with gzip.open(f, "w") as g:`` and the like call our ``close()`` whether the block ended well or not, and the wrapper
does not say which; so do ``contextlib.aclosing``, exit stacks, and the ``finally`` of a context manager that is written
as a generator. Python itself knows: while the exit of a ``with`` block is called because of an exception, the frame of
that block stands at the instruction ``WITH_EXCEPT_START``, which exists for nothing else (Python 3.11 to 3.14; the
bytecode is an implementation detail, and the tests of every version look at it). An ``except`` block is no such exit:
whoever closes a file there decides that by themselves.

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
    """A program that is being stopped needs no telling. Any other exception may be one that somebody swallows."""


@dataclass(frozen=True, slots=True, eq=False)
class UnwindSnapshot:
    """What was going wrong already at one moment: nothing of that is about a file which was opened then."""

    errors: tuple[BaseException, ...]
    exits: tuple[tuple[FrameType, int], ...]

    @classmethod
    def now(cls) -> UnwindSnapshot:
        """Remember the exceptions that are being handled, and the ``with`` blocks that are being unwound."""
        error = sys.exception()
        return NOT_UNWINDING if error is None else cls(tuple(_chain(error)), tuple(_exits()))

    def abort_reason(self) -> AbortReason | None:
        """Say why a file that was opened at this moment is being given up now, by whoever closes it; None if not.

        Either a ``with`` block is left by an exception, or the program is being stopped and this is its cleaning up.
        """
        error = sys.exception()
        if error is None:
            return None
        if isinstance(error, _INTERRUPTIONS) and not any(error is known for known in self.errors):
            return AbortReason(f"it was closed while {type(error).__name__} was on its way", logging.DEBUG)
        if any(not self._knows(exit_) for exit_ in _exits()):
            reason = f"it was closed by a with block that {type(error).__name__} was leaving"
            return AbortReason(reason, logging.DEBUG if isinstance(error, _INTERRUPTIONS) else logging.WARNING)
        return None

    def _knows(self, exit_: tuple[FrameType, int]) -> bool:
        frame, at = exit_
        return any(frame is known and at == then for known, then in self.exits)


NOT_UNWINDING = UnwindSnapshot((), ())
"""A moment at which nothing was going wrong."""


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yield the exception, and those that were being handled when it was raised."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
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
