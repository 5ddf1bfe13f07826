"""Blocking methods: each coroutine of the filesystem by its name without the underscore, for threads to call."""

from __future__ import annotations

import functools
import inspect
from typing import TYPE_CHECKING, Any

from fsspec.asyn import sync

from aios3.sync import _loop_thread

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Iterator


def blocking(name: str) -> Callable[..., Any]:
    """Make the blocking method of the coroutine method ``name``: it runs on the filesystem's loop."""

    def method(self: Any, *args: object, **kwargs: object) -> object:
        return run(self, getattr(self, name), *args, **kwargs)

    method.__name__ = method.__qualname__ = name.removeprefix("_")
    return method


def blocking_iterator(name: str) -> Callable[..., Any]:
    """Make the blocking twin of the async generator method ``name``."""

    def method(self: Any, *args: object, **kwargs: object) -> Iterator[object]:
        items = getattr(self, name)(*args, **kwargs)
        end = object()
        try:
            while (item := run(self, anext, items, end)) is not end:
                yield item
        finally:
            run(self, items.aclose)

    method.__name__ = method.__qualname__ = name.removeprefix("_")
    return method


def run(filesystem: Any, function: Callable[..., Awaitable[object]], *args: object, **kwargs: object) -> object:
    """Run a coroutine function on the loop of ``filesystem`` and wait for its result.

    On the loop of :mod:`aios3.sync`, Ctrl-C cancels the work and waits until it has cleaned up.
    """
    loop = filesystem.given_loop
    if loop is not None:
        return sync(loop, function, *args, **kwargs)
    return _loop_thread.call(functools.partial(function, *args, **kwargs))


def add_blocking(cls: type, names: Iterable[str]) -> None:
    """Give ``cls`` the blocking method of each of the coroutine methods ``names``, unless it has one itself."""
    for name in names:
        plain, member = name[1:], getattr(cls, name, None)
        if not name.startswith("_") or name.startswith("__") or plain in vars(cls):
            continue
        if inspect.iscoroutinefunction(member):
            setattr(cls, plain, _described(blocking(name), member))
        elif inspect.isasyncgenfunction(member):
            setattr(cls, plain, _described(blocking_iterator(name), member))


def _described(method: Callable[..., Any], member: Callable[..., Any]) -> Callable[..., Any]:
    return functools.wraps(member, assigned=("__doc__",), updated=())(method)
