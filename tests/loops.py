"""The event loops that tests run on, which pytest-timeout can end."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

try:
    import uvloop
except ImportError:
    uvloop = None

if TYPE_CHECKING:
    from collections.abc import Callable


def _ending(base: type[Any]) -> type[Any]:
    """Return a subclass that stops where the handler of a signal fails the test.

    Loops only log what is raised in a callback, and uvloop runs handlers of signals in one: a test that waits for an
    event without end would hold up the whole suite.
    """

    class Ending(base):
        def call_exception_handler(self, context: dict[str, Any]) -> None:
            if isinstance(context.get("exception"), pytest.fail.Exception):
                self.stop()
            super().call_exception_handler(context)

    return Ending


class _DebugLoop(asyncio.SelectorEventLoop):
    """A loop whose debug mode nobody turns off again."""

    def set_debug(self, enabled: bool) -> None:
        super().set_debug(True)


ASYNCIO: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {"asyncio": _ending(asyncio.SelectorEventLoop)}
VARIANTS: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {"debug": _ending(_DebugLoop)}
if uvloop is not None:
    VARIANTS["uvloop"] = _ending(uvloop.Loop)
