"""One object to one local file: in one request, or in ranges side by side, all of one version."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from aios3._aligned_buffers import allocate_aligned
from aios3._backend import GetOptions
from aios3._entries import StatResult
from aios3._handles.resumable_get import ObjectSource
from aios3._handles.verifying import retry_on_mismatch
from aios3._handles.whole_io import fetch_into
from aios3._namespace.link_targets import follow, head
from aios3._threads import in_thread, made_in_thread
from aios3._trees import partial_file as files
from aios3._trees.file_attributes import from_metadata
from aios3._trees.partial_file import DownloadVersion
from aios3._trees.runner import as_async, for_each
from aios3.errors import ChecksumMismatchError

if TYPE_CHECKING:
    from aios3._paths import S3Url
    from aios3._session import Session
    from aios3._trees.file_attributes import Attribute, FileAttributes
    from aios3._trees.partial_file import PartialFile
    from aios3._trees.progress_reporter import ProgressReporter

_CHECKPOINT_BYTES = 64 * 1024 * 1024
"""How much of a resumable download is lost at most when the process is killed."""


@dataclass(frozen=True, slots=True)
class DownloadJob:
    """How one object is to be received."""

    url: S3Url
    target: str
    root: str | None = None
    """The directory that the target must not leave through symbolic links."""
    size: int | None = None
    """Bytes of the object, if a listing has given them."""
    mtime: float | None = None
    """The time that the file is to have; None: the object's own."""
    overwrite: bool = True
    resume: bool = False
    followlinks: bool = False
    preserve: frozenset[Attribute] = frozenset()
    """The attributes that the file gets from the object's metadata, where they are there."""
    version_id: str | None = None
    """The version to receive; None: the newest."""

    def attributes(self, stat: StatResult) -> FileAttributes:
        """Return what the file gets besides the bytes of the object that ``stat`` describes."""
        return from_metadata(
            stat.metadata, self.preserve, default_mtime=stat.mtime if self.mtime is None else self.mtime
        )


async def download_file(session: Session, job: DownloadJob, reporter: ProgressReporter) -> int | None:
    """Store the object as a local file and return its size in bytes; None if a file is there and stays.

    The file has the object's time, or what ``preserve`` says. What was there before is replaced at the end, as a whole,
    or not at all.
    """
    if not await in_thread(files.is_wanted, job.target, overwrite=job.overwrite):
        return None
    if job.followlinks and not job.size:
        url, stat = await follow(session, job.url, await head(session, job.url))
        job = replace(job, url=url, size=stat.size, mtime=stat.mtime)
    if job.size == 0:
        stat = await head(session, job.url) if job.preserve else StatResult(mtime=job.mtime or 0.0)
        await in_thread(_write_whole, job, bytearray(), job.attributes(stat))
        return 0
    most = session.config.request_size
    first = most if job.size is None else min(job.size, most)
    source = ObjectSource(session, job.url, GetOptions(job.version_id))
    async with AsyncExitStack() as resources:
        resources.push_async_callback(source.aclose)
        # Acquire memory before the request: a request that waits for memory would hold up all others.
        await resources.enter_async_context(session.budget.reserve(first))
        await source.open(0, first)
        if source.stat.size > first:
            return await _RangedDownload(session, job, reporter, source, first).receive(resources.pop_all())
        size = await _download_whole(job, source)
    reporter.add_bytes(size)
    return size


async def _download_whole(job: DownloadJob, source: ObjectSource) -> int:
    stat = source.stat

    async def fetch() -> bytearray:
        source.reset_verification()
        return await _fetch(source, 0, stat.size)

    data = await retry_on_mismatch(fetch)
    await in_thread(_write_whole, job, data, job.attributes(stat))
    return stat.size


def _write_whole(job: DownloadJob, data: bytearray, attributes: FileAttributes) -> None:
    partial = files.create(job.target, job.root)
    try:
        partial.write(0, data)
        partial.commit(attributes, overwrite=job.overwrite)
    finally:
        partial.close(keep=False)


async def _fetch(source: ObjectSource, start: int, stop: int) -> bytearray:
    data = allocate_aligned(stop - start)
    await fetch_into(source, start, memoryview(data))
    return data


async def read_into(session: Session, url: S3Url, etag: str | None, start: int, view: memoryview) -> None:
    """Fill ``view`` with the bytes from ``start`` on of the version ``etag`` of an object.

    Who calls has paid for the memory.
    """
    source = ObjectSource(session, url, GetOptions(if_match=etag))
    try:
        await fetch_into(source, start, view)
    finally:
        await source.aclose()


class _RangedDownload:
    """A large object, received in ranges that are written at their offsets as they come.

    The request for the first range of ``range_size`` bytes has been made, and its memory taken.
    """

    def __init__(
        self, session: Session, job: DownloadJob, reporter: ProgressReporter, source: ObjectSource, range_size: int
    ) -> None:
        self._session = session
        self._job = job
        self._reporter = reporter
        self._source = source
        self._size = source.stat.size
        self._range_size = range_size
        self._unjournaled_bytes = 0
        self._journal_lock = asyncio.Lock()

    async def receive(self, resources: AsyncExitStack) -> int:
        """Receive everything; ``resources`` is closed as soon as the first range has arrived."""
        async with resources:
            partial = await self._start()
            try:
                await self._download_verified(partial, resources)
                attributes = self._job.attributes(self._source.stat)
                await in_thread(partial.commit, attributes, overwrite=self._job.overwrite)
            except BaseException:
                await self._write_journal(partial)
                raise
            finally:
                await in_thread(files.discard, partial)
        return self._size

    async def _start(self) -> PartialFile:
        job, stat = self._job, self._source.stat
        if not (job.resume and stat.etag):  # without an ETag nothing says that it is the same object
            return await made_in_thread(partial(files.create, job.target, job.root), files.discard)
        version = DownloadVersion(stat.etag, stat.size, self._range_size)
        return await made_in_thread(partial(files.resume, job.target, job.root, version), files.discard)

    async def _download_verified(self, partial: PartialFile, resources: AsyncExitStack) -> None:
        """Receive all ranges; once more, if together they are not what was stored."""
        try:
            await self._download_all(partial, resources)
        except ChecksumMismatchError:
            self._discard_all(partial)
            try:
                await self._download_all(partial, resources)
            except ChecksumMismatchError:
                self._discard_all(partial)  # or they would be resumed
                raise

    def _discard_all(self, partial: PartialFile) -> None:
        for index in partial.done:
            self._reporter.add_bytes(index * self._range_size - self._range_stop(index))
        partial.done.clear()
        self._source.reset_verification()

    async def _download_all(self, partial: PartialFile, resources: AsyncExitStack) -> None:
        for index in partial.done:
            self._reporter.add_bytes(self._range_stop(index) - index * self._range_size)
        if 0 in partial.done:
            await resources.aclose()
        missing = [index for index in range(-(-self._size // self._range_size)) if index not in partial.done]

        async def receive(index: int) -> None:
            async with (
                resources
                if index == 0
                else self._session.budget.reserve(self._range_stop(index) - index * self._range_size)
            ):
                await self._download_range(partial, index)
            self._unjournaled_bytes += self._range_size
            if self._unjournaled_bytes >= _CHECKPOINT_BYTES:
                self._unjournaled_bytes = 0
                await self._write_journal(partial)

        await for_each(as_async(missing), receive, self._session.config.max_concurrency)

    async def _download_range(self, partial: PartialFile, index: int) -> None:
        start, stop = index * self._range_size, self._range_stop(index)
        await in_thread(partial.write, start, await _fetch(self._source, start, stop))
        partial.done.add(index)
        self._reporter.add_bytes(stop - start)

    def _range_stop(self, index: int) -> int:
        return min(self._size, (index + 1) * self._range_size)

    async def _write_journal(self, partial: PartialFile) -> None:
        if partial.version is not None:
            async with self._journal_lock:
                await in_thread(partial.checkpoint, sorted(partial.done))
