"""Storages and volumes of both surfaces behind one face: methods are awaited, and the blocking ones run in threads."""

from __future__ import annotations

import asyncio
import contextlib
from functools import partial
from typing import TYPE_CHECKING

import aios3
import aios3.sync

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from surfaces import Surface

_ITERATORS = {"list", "walk", "query", "iter_chunks"}
_PLAIN = {"load", "get_store_for_folder", "to_dict", "describe", "path"}
_END = object()


def storage_on(surface: Surface, path: str) -> aios3.Storage:
    """A storage of the surface."""
    if surface.name == "async":
        return aios3.Storage(path, session=surface.session)
    return Blocking(aios3.sync.Storage(path, session=surface.session))


def volume_on(surface: Surface, bucket: str, *args, session=None) -> aios3.Volume:
    """A volume of the surface; ``bucket`` is the path of its bucket."""
    module = aios3 if surface.name == "async" else aios3.sync
    made = module.Volume(bucket.removeprefix("s3://"), *args, session=session or surface.session)
    return made if surface.name == "async" else Blocking(made)


class Blocking:
    """An object of ``aios3.sync``, used as its asynchronous twin is."""

    def __init__(self, made) -> None:
        self._made = made

    def __getattr__(self, name: str):
        value = getattr(self._made, name)
        if not callable(value):
            return value
        if name == "open":
            return partial(_opened, value)
        if name in _ITERATORS:
            return partial(_iterate, value)
        if name in _PLAIN:
            return lambda *args: _wrapped(value(*args))
        return partial(_call, value)


def _wrapped(value):
    if isinstance(value, (aios3.sync.Volume, aios3.sync.VolumeFile)):
        return Blocking(value)
    return tuple(map(_wrapped, value)) if isinstance(value, tuple) else value


def _bare(value):
    return value._made if isinstance(value, Blocking) else value


async def _call(function: Callable, *args, **options):
    bare = {name: _bare(value) for name, value in options.items()}
    return await asyncio.to_thread(partial(function, *map(_bare, args), **bare))


async def _iterate(function: Callable, *args) -> AsyncIterator:
    iterator = iter(await asyncio.to_thread(partial(function, *args)))
    try:
        while (item := await asyncio.to_thread(next, iterator, _END)) is not _END:
            yield _wrapped(item)
    finally:
        if hasattr(iterator, "close"):
            await asyncio.to_thread(iterator.close)


@contextlib.asynccontextmanager
async def _opened(function: Callable, *args, **options) -> AsyncIterator[Blocking]:
    handle = await asyncio.to_thread(partial(function, *args, **options))
    try:
        yield Blocking(handle)
    except BaseException as error:
        if not await asyncio.to_thread(handle.__exit__, type(error), error, error.__traceback__):
            raise
    else:
        await asyncio.to_thread(handle.__exit__, None, None, None)
