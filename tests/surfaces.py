"""The two surfaces of aios3 behind one face, so that each conformance test is written once.

Verbs are awaited (or iterated with ``async for``) and files have async methods on both; the blocking surface runs in
threads.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
from functools import partial
from typing import TYPE_CHECKING

import aios3
import aios3.sync

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

_ITERATORS = {
    "scandir",
    "scan",
    "scan_stat",
    "walk",
    "glob",
    "glob_stat",
    "read_many",
    "write_many",
    "stat_many",
    "remove_many",
}
_ARCHIVES = {"open_zip", "create_zip"}
_ITERATING_METHODS = {"list_objects", "find_objects", "list_versions"}
_END = object()


class AsyncSurface:
    """``aios3`` itself."""

    name = "async"

    def __init__(self, **config) -> None:
        self.session = aios3.Session(**config)

    def __getattr__(self, verb: str) -> Callable:
        function = partial(getattr(aios3, verb), session=self.session)
        return partial(_archive, function) if verb in _ARCHIVES else function

    def bucket_at(self, path: str) -> aios3.Bucket:
        return aios3.Bucket(path, session=self.session)

    def list_buckets(self) -> AsyncIterator[aios3.Bucket]:
        return aios3.Bucket.list_buckets(session=self.session)

    @contextlib.asynccontextmanager
    async def open(self, path: str, mode: str = "rb", **options) -> AsyncIterator[AsyncFile]:
        async with aios3.aopen(path, mode, session=self.session, **options) as handle:
            yield AsyncFile(handle)

    async def aclose(self) -> None:
        await self.session.aclose()


class SyncSurface:
    """``aios3.sync``, each call in a thread of its own."""

    name = "sync"

    def __init__(self, **config) -> None:
        self.session = aios3.sync.Session(**config)

    def __getattr__(self, verb: str) -> Callable:
        function = partial(getattr(aios3.sync, verb), session=self.session)
        if verb in _ARCHIVES:
            return partial(_sync_archive, function)
        return partial(_iterate, function) if verb in _ITERATORS else partial(asyncio.to_thread, function)

    def bucket_at(self, path: str) -> SyncMethods:
        return SyncMethods(aios3.sync.Bucket(path, session=self.session))

    def list_buckets(self) -> AsyncIterator[SyncMethods]:
        return _iterate(partial(aios3.sync.Bucket.list_buckets, session=self.session))

    @contextlib.asynccontextmanager
    async def open(self, path: str, mode: str = "rb", **options) -> AsyncIterator[SyncFile]:
        handle = await asyncio.to_thread(partial(aios3.sync.open, path, mode, session=self.session, **options))
        try:
            yield SyncFile(handle)
        except BaseException as error:
            if not await asyncio.to_thread(handle.__exit__, type(error), error, error.__traceback__):
                raise
        else:
            await asyncio.to_thread(handle.__exit__, None, None, None)

    async def aclose(self) -> None:
        await asyncio.to_thread(self.session.close)


@contextlib.asynccontextmanager
async def _archive(function: Callable, *args, **options) -> AsyncIterator[Archive]:
    async with function(*args, **options) as handle:
        yield Archive(handle)


@contextlib.asynccontextmanager
async def _sync_archive(function: Callable, *args, **options) -> AsyncIterator[SyncArchive]:
    context = function(*args, **options)
    handle = await asyncio.to_thread(context.__enter__)
    try:
        yield SyncArchive(handle)
    except BaseException as error:
        if not await asyncio.to_thread(context.__exit__, type(error), error, error.__traceback__):
            raise
    else:
        await asyncio.to_thread(context.__exit__, None, None, None)


class Archive:
    """An open zip archive of ``aios3``; everything is awaited."""

    def __init__(self, handle) -> None:
        self.handle = handle

    def __getattr__(self, name: str) -> Callable:
        async def call(*args, **options):
            found = getattr(self.handle, name)(*args, **options)
            return await found if inspect.isawaitable(found) else found

        return call

    @contextlib.asynccontextmanager
    async def open(self, member) -> AsyncIterator[AsyncFile]:
        async with self.handle.open(member) as handle:
            yield AsyncFile(handle)


class SyncArchive:
    """An open zip archive of ``aios3.sync``."""

    def __init__(self, handle) -> None:
        self.handle = handle

    def __getattr__(self, name: str) -> Callable:
        return partial(asyncio.to_thread, getattr(self.handle, name))

    @contextlib.asynccontextmanager
    async def open(self, member) -> AsyncIterator[SyncFile]:
        handle = await asyncio.to_thread(self.handle.open, member)
        try:
            yield SyncFile(handle)
        finally:
            await asyncio.to_thread(handle.close)


class AsyncFile:
    """An open file of ``aios3``."""

    def __init__(self, handle) -> None:
        self.handle = handle

    def __getattr__(self, name: str) -> Callable:
        return getattr(self.handle, name)

    def lines(self) -> AsyncIterator:
        return aiter(self.handle)

    async def tell(self) -> int:
        return self.handle.tell()

    async def close(self) -> None:
        await self.handle.aclose()


class SyncFile:
    """An open file of ``aios3.sync``."""

    def __init__(self, handle) -> None:
        self.handle = handle

    def __getattr__(self, name: str) -> Callable:
        return partial(asyncio.to_thread, getattr(self.handle, name))

    def lines(self) -> AsyncIterator:
        return _iterate(lambda: self.handle)


class SyncMethods:
    """A bucket, or an object of it, of ``aios3.sync``."""

    def __init__(self, inner: aios3.sync.Bucket | aios3.sync.S3Object) -> None:
        self.inner = inner

    def __getattr__(self, name: str) -> object:
        found = getattr(self.inner, name)
        if name in _ITERATING_METHODS:
            return partial(_iterate, found)
        return partial(self._call, found) if callable(found) else found

    async def _call(self, function: Callable, *args, **options) -> object:
        return _wrapped(await asyncio.to_thread(partial(function, *args, **options)))

    @contextlib.asynccontextmanager
    async def stream(self, **options) -> AsyncIterator[SyncFile]:
        handle = await asyncio.to_thread(partial(self.inner.stream, **options))
        try:
            yield SyncFile(handle)
        finally:
            await asyncio.to_thread(handle.close)


def _wrapped(value: object) -> object:
    return SyncMethods(value) if isinstance(value, aios3.sync.Bucket | aios3.sync.S3Object) else value


Surface = AsyncSurface | SyncSurface


async def _iterate(function: Callable, *args, **options) -> AsyncIterator:
    iterator = iter(await asyncio.to_thread(partial(function, *args, **options)))
    try:
        while (item := await asyncio.to_thread(next, iterator, _END)) is not _END:
            yield _wrapped(item)
    finally:
        if hasattr(iterator, "close"):
            await asyncio.to_thread(iterator.close)
