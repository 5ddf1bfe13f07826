"""How a file is left: whether its closing is a giving up, and who may still use it."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NoReturn

from aios3._logs import get_logger
from aios3.errors import UnsupportedError, WrongLoopError

if TYPE_CHECKING:
    from aios3._handles.unwinding import UnwindSnapshot

_log = get_logger("aios3.session")


def is_interrupted(name: str, opened_at: UnwindSnapshot, *, closed: bool) -> bool:
    """Return whether the file ``name`` is closed by an interrupted program, so that it must not be published.

    The log says so, unless the file is ``closed`` already.
    """
    reason = opened_at.abort_reason()
    if reason is not None and not closed:
        _log.log(reason.level, "%s: nothing is published, because %s", name, reason.reason)
    return reason is not None


def cannot_copy(file: object, _protocol: object, /) -> NoReturn:
    """Be the ``__reduce_ex__`` of a file: two objects would hold one file, and the first to go would close it."""
    message = f"cannot pickle {type(file).__name__!r} object"
    raise TypeError(message)


def no_descriptor(name: str) -> UnsupportedError:
    """Return the error of ``fileno``, which names the way out."""
    message = f"{name} is an object of S3 and has no file descriptor; open it with buffering='disk' for one"
    return UnsupportedError(message, path=name)


@dataclass(frozen=True, slots=True)
class LoopBinding:
    """The event loop and the process that a file was opened in."""

    name: str
    path: str
    """The path that errors name."""
    loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.get_running_loop)
    pid: int = field(default_factory=os.getpid)

    @property
    def is_forked(self) -> bool:
        """Return whether a fork left this copy in another process; open files belong to the parent."""
        return self.pid != os.getpid()

    def check_loop(self) -> None:
        """Raise WrongLoopError on another event loop than the file's own."""
        if self.loop is not asyncio.get_running_loop():
            message = f"{self.name} was opened on another event loop; use and close it there"
            raise WrongLoopError(message, path=self.path)
