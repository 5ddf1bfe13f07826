"""How a file is left: whether its closing is a giving up, and who may still use it."""

from __future__ import annotations

import asyncio
import os
import sys
from dataclasses import dataclass, field

from aios3.errors import WrongLoopError

_GIVING_UP = (asyncio.CancelledError, KeyboardInterrupt, SystemExit, GeneratorExit)


def gives_up() -> bool:
    """Tell whether a cancellation or an exit of the interpreter is being handled: closing must not publish then."""
    return isinstance(sys.exception(), _GIVING_UP)


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
