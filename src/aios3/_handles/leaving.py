"""How a file is left: whether its closing is a giving up, and who may still use it."""

from __future__ import annotations

import asyncio
import os
import sys
from dataclasses import dataclass, field
from typing import NoReturn

from aios3.errors import UnsupportedError, WrongLoopError

_GIVING_UP = (asyncio.CancelledError, KeyboardInterrupt, SystemExit, GeneratorExit)


def gives_up() -> bool:
    """Tell whether a cancellation or an exit of the interpreter is being handled: closing must not publish then."""
    return isinstance(sys.exception(), _GIVING_UP)


def cannot_copy(file: object, _protocol: object, /) -> NoReturn:
    """Be the ``__reduce_ex__`` of a file: two objects would hold one file, and the first to go would close it."""
    message = f"cannot pickle {type(file).__name__!r} object"
    raise TypeError(message)


def no_descriptor(name: str) -> UnsupportedError:
    """Return the error of ``fileno``, which names the way out."""
    message = f"{name} is an object of S3 and has no file descriptor; open it with buffering='disk' for one"
    return UnsupportedError(message, path=name)


@dataclass(frozen=True, slots=True)
class Home:
    """The event loop and the process that a file was opened in."""

    name: str
    loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.get_running_loop)
    pid: int = field(default_factory=os.getpid)

    @property
    def foreign(self) -> bool:
        """Whether a fork left this copy in another process; what is open belongs to the parent."""
        return self.pid != os.getpid()

    def check(self) -> None:
        """Raise WrongLoopError on another event loop than the file's own."""
        if self.loop is not asyncio.get_running_loop():
            message = f"{self.name} was opened on another event loop; use and close it there"
            raise WrongLoopError(message, path=self.name)
