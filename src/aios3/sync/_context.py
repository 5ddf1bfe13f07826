"""Async context managers as ordinary ones: entered and left in one crossing each."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Generic, ParamSpec, TypeVar

from aios3.errors import ClosedHandleError
from aios3.sync import _loop_thread

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager
    from types import TracebackType

P = ParamSpec("P")
T = TypeVar("T")
HandleT = TypeVar("HandleT")


class SyncContext(Generic[T]):
    """The context managers that the functions of :mod:`aios3.sync` return. It can be entered once."""

    def __init__(self, make: Callable[[], AbstractAsyncContextManager[T]]) -> None:
        self._loop_thread = _loop_thread.get_loop_thread()
        self._make = make
        self._entered: AbstractAsyncContextManager[T] | None = None

    def __del__(self) -> None:
        if getattr(self, "_entered", None) is not None:
            self._loop_thread.closed(self)  # the context below ends by itself when it is collected

    def __enter__(self) -> T:
        context = self._make()
        values: list[T] = []

        async def enter() -> None:
            values.append(await context.__aenter__())

        try:
            self._loop_thread.call(enter)
        except BaseException as error:
            if values:  # Ctrl-C came when it was entered already
                leaving = type(error), error, error.__traceback__
                self._loop_thread.start(lambda: _leave(context, *leaving))
            raise
        self._entered = context
        self._loop_thread.opened(self, _name_of(values[0]), partial(_leave_at_exit, context))
        return values[0]

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool | None:
        context, self._entered = self._entered, None
        assert context is not None, "it is not entered"
        self._loop_thread.closed(self)
        return self._loop_thread.call(context.__aexit__, kind, error, traceback)


async def _leave(
    context: AbstractAsyncContextManager[T],
    kind: type[BaseException],
    error: BaseException,
    traceback: TracebackType | None,
) -> None:
    try:
        await context.__aexit__(kind, error, traceback)
    except BaseException as raised:
        if raised is not error:
            raise


def enter(
    function: Callable[P, AbstractAsyncContextManager[T]], /, *args: P.args, **kwargs: P.kwargs
) -> SyncContext[T]:
    """Return the blocking twin of the context manager that ``function`` makes."""
    return SyncContext(lambda: function(*args, **kwargs))


def enter_as(
    wrap: Callable[[HandleT], T],
    function: Callable[P, AbstractAsyncContextManager[HandleT]],
    /,
    *args: P.args,
    **kwargs: P.kwargs,
) -> SyncContext[T]:
    """Return like :func:`enter`, with ``wrap`` around what is entered: the blocking twin of its class."""
    return SyncContext(lambda: _Wrapped(function(*args, **kwargs), wrap))


class _Wrapped(Generic[HandleT, T]):
    """A context with ``wrap`` around what is entered.

    No generator: a loop that ends closes all of them at once, and one inside another only once.
    """

    def __init__(self, context: AbstractAsyncContextManager[HandleT], wrap: Callable[[HandleT], T]) -> None:
        self._context = context
        self._wrap = wrap

    async def __aenter__(self) -> T:
        return self._wrap(await self._context.__aenter__())

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool | None:
        return await self._context.__aexit__(kind, error, traceback)


async def _leave_at_exit(context: AbstractAsyncContextManager[T]) -> None:
    error = ClosedHandleError("aios3.sync has shut down, because the interpreter is ending")
    await _leave(context, type(error), error, None)


def _name_of(entered: object) -> str:
    """Return where something is being written; nothing for what only reads, and may be left open."""
    return str(getattr(entered, "path", "")) if hasattr(type(entered), "result") else ""
