"""An event loop whose time passes at once: it jumps to the next moment for which something was planned."""

from __future__ import annotations

import asyncio
import selectors
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Coroutine

T = TypeVar("T")


class _Selector(selectors.SelectSelector):
    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout=None):
        assert timeout is not None, "everybody waits for something that nobody has planned"
        self.now += max(timeout, 0.0)
        return super().select(0)


class _Loop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._virtual = _Selector()
        super().__init__(self._virtual)

    def time(self) -> float:
        return self._virtual.now


def run(work: Coroutine[object, object, T]) -> T:
    """Run ``work`` on a loop of its own, as ``asyncio.run`` does."""
    with asyncio.Runner(loop_factory=_Loop) as runner:
        return runner.run(work)
