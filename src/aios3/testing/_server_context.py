"""A server that is used with ``with`` or ``async with``: it starts at the beginning, and stops at the end."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

import anyio
import anyio.to_thread

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self


class ServerContext(ABC):
    """A server that can be started and stopped; both block, so ``async with`` calls them in a thread."""

    @abstractmethod
    def start(self) -> None:
        """Start serving; do nothing if the server runs already."""

    @abstractmethod
    def stop(self) -> None:
        """Stop serving. Safe to repeat."""

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        await anyio.to_thread.run_sync(self.start)
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(self.stop)
