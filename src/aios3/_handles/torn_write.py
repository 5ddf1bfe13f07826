"""Why a file cannot be published any more: bytes that its caller handed over are missing, or its session has ended."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from aios3.errors import ClosedHandleError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class TornWrite:
    """Records that the file ``name`` can only be aborted, and the reason.

    Every writer has one, and asks it before it goes on.

    A call that was interrupted leaves its file as it was if none of its bytes were taken; then it may be repeated. If
    some of them were, or if that is unknown, later bytes would stand at a wrong offset.
    """

    __slots__ = ("_name", "reason")

    def __init__(self, name: str) -> None:
        self._name = name
        self.reason: str = ""
        """Empty as long as the file is whole."""

    def __bool__(self) -> bool:
        return bool(self.reason)

    def note(self, what: str, error: BaseException) -> None:
        """Note that ``what`` was ended by ``error`` with a part of its bytes taken; the first reason counts."""
        cause = "a cancellation" if isinstance(error, asyncio.CancelledError) else type(error).__name__
        self.reason = self.reason or f"{what} was interrupted by {cause}, so bytes are missing"

    def session_ended(self) -> None:
        """Note that the session was closed before the file."""
        self.reason = self.reason or "its session was closed before it"

    def error(self) -> ClosedHandleError:
        """Return the error for further writes, and for closing the file."""
        return ClosedHandleError(f"{self._name} is not published, because {self.reason}", path=self._name)

    def explain(self, error: BaseException, *, is_aborted: bool = False) -> None:
        """Raise why the file is not published in the place of ``error``, if that only comes of its being closed.

        ``is_aborted``: another task has aborted it meanwhile.
        """
        if self.reason and isinstance(error, ClosedHandleError):
            raise self.error() from None
        if is_aborted and isinstance(error, Exception):
            raise aborted(self._name) from error

    @contextlib.contextmanager
    def unless_untouched(self, what: str, changes: Callable[[], int]) -> Iterator[None]:
        """Note it if ``what`` ends early, unless the count of ``changes`` is still what it was before."""
        before = changes()
        try:
            yield
        except BaseException as error:
            if changes() != before:
                self.note(what, error)
            raise

    def check(self) -> None:
        """Raise ClosedHandleError if the file can only be aborted."""
        if self.reason:
            raise self.error()


def aborted(name: str) -> ClosedHandleError:
    """Return the error for a task that closes the file ``name`` while another task aborts it."""
    return ClosedHandleError(f"{name} was aborted by another task while it was being closed", path=name)


def partly_written(what: str, written_bytes: int, size: int) -> str:
    """Return ``what`` with how far it came, for :meth:`TornWrite.note`."""
    return f"{what} of {size:,} bytes, with {written_bytes:,} taken,"
