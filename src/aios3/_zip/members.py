"""The file that reads one member: position, lines and chunks."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING

from aios3._config import KIB
from aios3._entries import StatResult
from aios3._handles.base import AsyncBlockReadBase, call_on
from aios3._zip.central_directory import archive_error, is_directory
from aios3._zip.dates import mtime_of
from aios3._zip.decompression import Decompressor
from aios3._zip.member_bytes import LOADED_BYTES, open_member_bytes
from aios3._zip.member_content import CHUNK_BYTES, CONTENT_BYTES, InflatedContent, StoredContent
from aios3._zip.safety import check_readable
from aios3.errors import UnsupportedError

if TYPE_CHECKING:
    from zipfile import ZipInfo

    from aios3._handles.lifecycle import LoopBinding
    from aios3._zip.central_directory import Entry
    from aios3._zip.limits import ZipLimits
    from aios3._zip.member_bytes import ArchiveSource, InMemory, MemberBytes
    from aios3._zip.member_content import Content

_FIRST_CHUNK_BYTES = 64 * KIB
"""Bytes that a read at a new position makes at most; each one that goes on from it makes twice as many."""


class AsyncZipMember(AsyncBlockReadBase):
    """A member of a zip archive in S3, open for reading.

    Its bytes are fetched ahead and decompressed in threads. Size and CRC-32 are compared before the last byte is handed
    out: ZipArchiveError is raised instead. Seeking costs no request. After it, reading goes on from the nearest state
    that was kept (deflate) or from the start (bzip2, LZMA, Zstandard). A stored member is read from any position. A
    stored member that was not read from end to end has not been compared.

    Methods may be called from several tasks, and take turns.
    """

    def __init__(
        self, archive_source: ArchiveSource, info: ZipInfo, content: Content, member_bytes: MemberBytes, memory: int
    ) -> None:
        self._archive_source = archive_source
        self._info = info
        self._content = content
        self._member_bytes = member_bytes
        self._memory = memory
        self._chunk = b""
        self._chunk_start = 0
        self._chunk_size = _FIRST_CHUNK_BYTES
        super().__init__(
            archive_source.session, f"{info.filename!r} in {archive_source.path}", CHUNK_BYTES, archive_source.path
        )

    def __repr__(self) -> str:
        state = "closed" if self._closed else f"at {self._position} of {self.size}"
        return f"<aios3.AsyncZipMember {self._binding.name} {state}>"

    @property
    def name(self) -> str:
        """The member's name in the archive."""
        return self._info.filename

    @property
    def size(self) -> int:
        """Size of the member in bytes, as it was before it was compressed."""
        return self._info.file_size

    def stat(self) -> StatResult:
        """Return size and time of the member; costs no request."""
        return stat_of(self._info)

    def fileno(self) -> int:
        """Raise UnsupportedError: a member has no file descriptor."""
        message = f"{self.name!r} is a member of {self._archive_source.path} and has no file descriptor"
        raise UnsupportedError(message, path=self._archive_source.path)

    async def read(self, size: int | None = -1) -> bytes:
        """Read ``size`` bytes, fewer only at the end; all that is left if ``size`` is negative or None."""
        async with self._lock:
            self._check()
            start = self._position
            stop = self.size if size is None or size < 0 else min(start + size, self.size)
            chunk_list = []
            try:
                while self._position < stop:
                    chunk_list.append(await self._next_view(stop))
            except BaseException:
                self._position = start
                raise
            return chunk_list[0].tobytes() if len(chunk_list) == 1 else b"".join(chunk_list)

    async def aclose(self) -> None:
        """Close the file: end its requests, give its memory back. Safe to repeat, from any task.

        Raises WrongLoopError on another event loop than the file's own.
        """
        if self._is_forked():
            return
        if not self._closed:
            self._closed = True
            self._chunk = b""
            self._session.unregister(self)
            self._session.budget.release(self._memory, retained=True)
        await self._member_bytes.aclose()

    def _abandon(self, binding: LoopBinding) -> None:
        budget, tasks, memory, member_bytes = (
            self._session.budget,
            self._session.tasks,
            self._memory,
            self._member_bytes,
        )
        call_on(binding.loop, lambda: budget.release(memory, retained=True))
        call_on(binding.loop, lambda: tasks.start(member_bytes.aclose(), name="aios3 close member"))

    async def _peek(self, size: int) -> memoryview:
        """Return bytes at the position, at most ``size``."""
        end = self._chunk_start + len(self._chunk)
        if not self._chunk_start <= self._position < end:
            self._chunk_size = min(2 * self._chunk_size, CHUNK_BYTES) if self._position == end else _FIRST_CHUNK_BYTES
            read_chunk = await self._content.read_chunk(self._position, self._chunk_size)
            self._check()  # it may have been closed meanwhile
            self._chunk, self._chunk_start = read_chunk, self._position
        return self._buffered()[:size]

    def _buffered(self) -> memoryview:
        start = self._position - self._chunk_start
        return memoryview(self._chunk)[start:] if start >= 0 else memoryview(b"")

    async def _next_view(self, stop: int) -> memoryview:
        view = await self._peek(stop - self._position)
        self._position += len(view)
        return view


async def open_member(
    archive_source: ArchiveSource, entry: Entry, limits: ZipLimits, loaded: InMemory | None = None
) -> AsyncZipMember:
    """Open one member with one request, none if it is ``loaded``; its header has been compared with the directory.

    Raises ZipArchiveError, and UnsupportedError for a member that is encrypted or compressed in an unknown way.
    """
    info = entry.info
    check_readable(info, limits, archive_source.path)
    decompressor = None if info.compress_type == zipfile.ZIP_STORED else Decompressor(info, archive_source.path)
    if decompressor is None and info.compress_size != info.file_size:
        raise archive_error(
            archive_source.path, "is stored, and has another size in the archive than outside of it", info.filename
        )
    memory = min(CONTENT_BYTES, 2 * info.file_size) + (decompressor.memory if decompressor else 0)
    memory += 0 if loaded else min(info.compress_size, LOADED_BYTES)
    async with archive_source.session.budget.reserve(memory, retained=True, keep=True):
        member_bytes, start = await open_member_bytes(archive_source, entry, loaded)
    content: Content = (
        StoredContent(member_bytes, start, info, archive_source.path)
        if decompressor is None
        else InflatedContent(member_bytes, start, info, decompressor, archive_source.path)
    )
    member = AsyncZipMember(archive_source, info, content, member_bytes, memory)
    if not info.file_size:
        await _checked_empty(member, content)
    return member


async def _checked_empty(member: AsyncZipMember, content: Content) -> None:
    try:
        await content.check_empty()
    except BaseException:
        await member.aclose()
        raise


def stat_of(info: ZipInfo) -> StatResult:
    """Describe a member as an object is described."""
    return StatResult(size=info.file_size, mtime=mtime_of(info), isdir=is_directory(info))
