"""Results of a call on many objects: counts, errors of single objects, and the errors that end everything."""

from __future__ import annotations

import errno
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from aios3.errors import (
    BucketNotFoundError,
    ClosedHandleError,
    ConfigError,
    CredentialsError,
    PartialFailureError,
    S3Error,
    WrongLoopError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    OnAction = Callable[["TransferAction"], object]

MAX_FAILURES = 1000
"""Failures after which nothing new is started, because the cause is then more than single objects."""

_FATAL = (BucketNotFoundError, ClosedHandleError, ConfigError, CredentialsError, WrongLoopError)
_FATAL_ERRNO = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EMFILE, errno.ENFILE}


@dataclass(frozen=True, slots=True)
class TransferAction:
    """One thing that a call has done, or a dry run would have: copy ``source`` to ``target``, or delete ``target``."""

    kind: Literal["copy", "delete"]
    target: str
    source: str | None = None


@dataclass(frozen=True, slots=True)
class TransferResult:
    """Result of a transfer: files copied, skipped and deleted, and the bytes of those copied.

    ``actions`` is filled by a dry run only, with what it would have done; the counts then are of that as well.
    """

    copied: int = 0
    skipped: int = 0
    deleted: int = 0
    bytes: int = 0
    actions: tuple[TransferAction, ...] = ()


class TransferCounters:
    """Results of one call so far, object by object; ``on_action`` is called with what has been done."""

    def __init__(self, on_action: OnAction | None = None) -> None:
        self._on_action = on_action
        self._action_error: Exception | None = None
        """The error that ``on_action`` has raised: it ends the call."""
        self.copied: int = 0
        self.skipped: int = 0
        self.deleted: int = 0
        self.bytes: int = 0
        self.failures: dict[str, Exception] = {}
        self.actions: list[TransferAction] = []

    @property
    def has_too_many_failures(self) -> bool:
        """Return whether so much failed that nothing new should be started."""
        return len(self.failures) >= MAX_FAILURES

    @contextmanager
    def collecting(self, path: str) -> Iterator[None]:
        """Keep the error of one object, so that the others go on; raise an error that would fail them all."""
        try:
            yield
        except (S3Error, OSError) as error:
            if is_fatal(error) or error is self._action_error:
                raise
            self.failures[path] = error

    def note_copied(self, source: object, target: object, size: int | None) -> None:
        """Note a file of ``size`` bytes that was copied; None: it was skipped, because something is there and stays."""
        if size is None:
            self.skipped += 1
            return
        self.copied += 1
        self.bytes += size
        self._tell(TransferAction("copy", str(target), str(source)))

    def note_deleted(self, paths: Iterable[object], count: int) -> None:
        """Note ``count`` files that were deleted, and which these are."""
        self.deleted += count
        if self._on_action is not None:
            for path in paths:
                self._tell(TransferAction("delete", str(path)))

    def _tell(self, action: TransferAction) -> None:
        if self._on_action is None:
            return
        try:
            self._on_action(action)
        except Exception as error:
            self._action_error = error
            raise

    def plan_copy(self, source: object, target: object, size: int) -> None:
        """Note a file that a dry run would copy."""
        self.actions.append(TransferAction("copy", str(target), str(source)))
        self.note_copied(source, target, size)

    def plan_deletions(self, paths: Sequence[str]) -> None:
        """Note files that a dry run would delete."""
        self.actions += [TransferAction("delete", path) for path in paths]
        self.note_deleted(paths, len(paths))

    def completed(self) -> Mapping[str, int]:
        """Return the counts by name."""
        return {"copied": self.copied, "skipped": self.skipped, "deleted": self.deleted, "bytes": self.bytes}

    def result(self) -> TransferResult:
        """Return what was done."""
        return TransferResult(self.copied, self.skipped, self.deleted, self.bytes, tuple(self.actions))

    def raise_if_failed(self, what: str, path: str) -> None:
        """Raise PartialFailureError about ``what`` if anything failed."""
        if self.failures:
            raise partial_failure(what, path, self.failures, self.completed())


def is_fatal(error: BaseException) -> bool:
    """Return whether an error of one object would fail all others as well."""
    return isinstance(error, _FATAL) or getattr(error, "errno", None) in _FATAL_ERRNO


def partial_failure(
    what: str, path: str, failures: Mapping[str, Exception], completed: Mapping[str, int]
) -> PartialFailureError:
    """Build the error that says what failed, the first of it in words, and what was done."""
    where, first = next(iter(failures.items()))
    done = ", ".join(f"{name} {count:,}" for name, count in completed.items())
    stopped = ", where it stopped" if len(failures) >= MAX_FAILURES else ""
    message = f"{what}: {len(failures):,} failed{stopped}, the first of them {where}: {first} (done: {done})"
    error = PartialFailureError(message, path=path)
    error.failures, error.completed = dict(failures), dict(completed)
    error.__cause__ = first
    return error
