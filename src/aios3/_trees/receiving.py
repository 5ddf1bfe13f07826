"""One object to one local file: in one request, or in ranges side by side, all of one version."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from aios3._backend import ReadOptions
from aios3._handles.source import ObjectSource
from aios3._handles.threads import in_thread, made_in_thread
from aios3._handles.verifying import once_more
from aios3._memory import fresh
from aios3._namespace.links import follow, head
from aios3._trees import landing as files
from aios3._trees.landing import Version
from aios3._trees.runner import each, for_each, memory
from aios3.errors import ChecksumMismatchError

if TYPE_CHECKING:
    from aios3._paths import S3Url
    from aios3._session import Session
    from aios3._trees.landing import Landing
    from aios3._trees.meter import Meter

_CHECKPOINT_BYTES = 64 * 1024 * 1024
"""How much of a resumable download is lost at most when the process is killed."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """How one object is to be received."""

    url: S3Url
    target: str
    root: str | None = None
    """The directory that the target must not leave through symbolic links."""
    size: int | None = None
    """Bytes of the object, where a listing has told."""
    mtime: float | None = None
    """The time that the file is to have; None: the object's own."""
    overwrite: bool = True
    resume: bool = False
    followlinks: bool = False


async def receive_file(session: Session, receipt: Receipt, meter: Meter) -> int | None:
    """Store the object as a local file and return its size in bytes; None if a file is there and stays.

    The file has the object's time. What was there before is replaced at the end, as a whole, or not at all.
    """
    if not await in_thread(files.is_wanted, receipt.target, overwrite=receipt.overwrite):
        return None
    if receipt.followlinks and not receipt.size:
        url, found = await follow(session, receipt.url, await head(session, receipt.url))
        receipt = replace(receipt, url=url, size=found.size, mtime=found.mtime)
    if receipt.size == 0:
        await in_thread(_write_whole, receipt, bytearray(), receipt.mtime or 0.0)
        return 0
    most = session.config.request_size
    first = most if receipt.size is None else min(receipt.size, most)
    source = ObjectSource(session, receipt.url)
    async with AsyncExitStack() as held:
        held.push_async_callback(source.aclose)
        # Memory before the request: whoever has a request and waits for memory would hold up all others.
        await held.enter_async_context(memory(session, first))
        await source.open(0, first)
        if source.stat.size > first:
            return await _Pieces(session, receipt, meter, source, first).receive(held.pop_all())
        size = await _receive_whole(receipt, source)
    meter.moved(size)
    return size


async def _receive_whole(receipt: Receipt, source: ObjectSource) -> int:
    stat = source.stat

    async def fetch() -> bytearray:
        source.forget()
        return await _fetch(source, 0, stat.size)

    data = await once_more(fetch)
    await in_thread(_write_whole, receipt, data, stat.mtime if receipt.mtime is None else receipt.mtime)
    return stat.size


def _write_whole(receipt: Receipt, data: bytearray, mtime: float) -> None:
    landing = files.start(receipt.target, receipt.root)
    try:
        landing.write(0, data)
        landing.finish(mtime, overwrite=receipt.overwrite)
    finally:
        landing.close(keep=False)


async def _fetch(source: ObjectSource, start: int, stop: int) -> bytearray:
    data = fresh(stop - start)
    await _fetch_into(source, start, memoryview(data))
    return data


async def _fetch_into(source: ObjectSource, start: int, view: memoryview) -> None:
    reached = 0

    def received(count: int) -> None:
        nonlocal reached
        reached += count

    await source.fetch(start, start + len(view), lambda: view[reached:], received)


async def read_into(session: Session, url: S3Url, etag: str | None, start: int, view: memoryview) -> None:
    """Fill ``view`` with the bytes from ``start`` on of the version ``etag`` of an object.

    Who calls has paid for the memory.
    """
    source = ObjectSource(session, url, ReadOptions(if_match=etag))
    try:
        await _fetch_into(source, start, view)
    finally:
        await source.aclose()


class _Pieces:
    """A large object, received in ranges that are written at their offsets as they come.

    The request for the first range of ``piece`` bytes has been made, and its memory taken.
    """

    def __init__(self, session: Session, receipt: Receipt, meter: Meter, source: ObjectSource, piece: int) -> None:
        self._session = session
        self._receipt = receipt
        self._meter = meter
        self._source = source
        self._size = source.stat.size
        self._piece = piece
        self._unrecorded = 0
        self._recording = asyncio.Lock()

    async def receive(self, held: AsyncExitStack) -> int:
        """Receive everything; ``held`` is closed as soon as the first range has arrived."""
        async with held:
            landing = await self._start()
            try:
                await self._receive_checked(landing, held)
                mtime = self._source.stat.mtime if self._receipt.mtime is None else self._receipt.mtime
                await in_thread(landing.finish, mtime, overwrite=self._receipt.overwrite)
            except BaseException:
                await self._record(landing)
                raise
            finally:
                await in_thread(files.let_go, landing)
        return self._size

    async def _start(self) -> Landing:
        receipt, stat = self._receipt, self._source.stat
        if not (receipt.resume and stat.etag):  # without an ETag nothing says that it is the same object
            return await made_in_thread(partial(files.start, receipt.target, receipt.root), files.let_go)
        version = Version(stat.etag, stat.size, self._piece)
        return await made_in_thread(partial(files.resume, receipt.target, receipt.root, version), files.let_go)

    async def _receive_checked(self, landing: Landing, held: AsyncExitStack) -> None:
        """Receive all pieces; once more, if together they are not what was stored."""
        try:
            await self._receive_all(landing, held)
        except ChecksumMismatchError:
            self._drop_all(landing)
            try:
                await self._receive_all(landing, held)
            except ChecksumMismatchError:
                self._drop_all(landing)  # or they would be resumed
                raise

    def _drop_all(self, landing: Landing) -> None:
        for index in landing.done:
            self._meter.moved(index * self._piece - self._stop(index))
        landing.done.clear()
        self._source.forget()

    async def _receive_all(self, landing: Landing, held: AsyncExitStack) -> None:
        for index in landing.done:
            self._meter.moved(self._stop(index) - index * self._piece)
        if 0 in landing.done:
            await held.aclose()
        wanted = [index for index in range(-(-self._size // self._piece)) if index not in landing.done]

        async def receive(index: int) -> None:
            async with held if index == 0 else memory(self._session, self._stop(index) - index * self._piece):
                await self._receive_one(landing, index)
            self._unrecorded += self._piece
            if self._unrecorded >= _CHECKPOINT_BYTES:
                self._unrecorded = 0
                await self._record(landing)

        await for_each(each(wanted), receive, self._session.config.max_concurrency)

    async def _receive_one(self, landing: Landing, index: int) -> None:
        start, stop = index * self._piece, self._stop(index)
        await in_thread(landing.write, start, await _fetch(self._source, start, stop))
        landing.done.add(index)
        self._meter.moved(stop - start)

    def _stop(self, index: int) -> int:
        return min(self._size, (index + 1) * self._piece)

    async def _record(self, landing: Landing) -> None:
        if landing.version is not None:
            async with self._recording:
                await in_thread(landing.checkpoint, sorted(landing.done))
