"""The session of blocking programs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aios3 import _session
from aios3.sync import _loop_thread

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self


class Session(_session.Session):
    """An :class:`aios3.Session` that a blocking program uses with ``with``, or closes with :meth:`close`.

    It belongs to the background loop of :mod:`aios3.sync`, where the functions of this module use it. With ``async
    with`` it is an ordinary session of the running loop. One that is still open when the interpreter ends is closed.
    """

    def __enter__(self) -> Self:
        _loop_thread.call(self.__aenter__)
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Abort open writers, close open readers, then all connections. Safe to repeat."""
        if not self.closed:
            _loop_thread.call(self.aclose)

    def bind(self) -> None:
        """Make the session belong to the running loop, if it belongs to none yet."""
        super().bind()
        _loop_thread.close_at_end(self)
