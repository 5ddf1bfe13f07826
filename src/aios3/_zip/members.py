"""The file that reads one member: position, lines and chunks over its pieces."""

from __future__ import annotations

import asyncio
import os
import warnings
import zipfile
from typing import TYPE_CHECKING

from aios3._config import KIB
from aios3._entries import StatResult
from aios3._handles.lifecycle import LoopBinding, cannot_copy
from aios3._handles.positions import flat, position_of
from aios3._zip.central_directory import archive_error, is_directory
from aios3._zip.dates import mtime_of
from aios3._zip.decompression import Decompressor
from aios3._zip.member_bytes import LOADED_BYTES, open_member_bytes
from aios3._zip.member_content import CHUNK_BYTES, CONTENT_BYTES, InflatedContent, StoredContent
from aios3._zip.safety import check_readable
from aios3.errors import ClosedHandleError, InvalidRangeError, UnsupportedError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Iterator
    from types import TracebackType
    from typing import NoReturn, Self, SupportsIndex
    from zipfile import ZipInfo

    from typing_extensions import Buffer

    from aios3._zip.central_directory import Entry
    from aios3._zip.limits import ZipLimits
    from aios3._zip.member_bytes import ArchiveSource, InMemory, MemberBytes
    from aios3._zip.member_content import Content

_FIRST_CHUNK_BYTES = 64 * KIB
"""Bytes that a read at a new place makes at most; each one that goes on from it makes twice as many."""


class AsyncZipMember:
    """A member of a zip archive in S3, open for reading.

    Its bytes are fetched ahead and decompressed in threads. Size and CRC-32 are compared before the last byte is handed
    out: ZipArchiveError is raised instead. Seeking costs nothing by itself; reading behind a place that was left goes
    on from the nearest state that was kept (deflate) or from the start (bzip2, LZMA, Zstandard), and reading in a
    stored member goes anywhere. A stored member that was not read from end to end has not been compared.

    Methods may be called from several tasks, and take turns.
    """

    def __init__(
        self, archive_source: ArchiveSource, info: ZipInfo, content: Content, member_bytes: MemberBytes, memory: int
    ) -> None:
        self._archive_source = archive_source
        self._info = info
        self._content = content
        self._member_bytes = member_bytes
        self._aligned_buffers = memory
        self._lock = asyncio.Lock()
        self._position = 0
        self._chunk = b""
        self._chunk_start = 0
        self._chunk_size = _FIRST_CHUNK_BYTES
        self._binding = LoopBinding(f"{info.filename!r} in {archive_source.path}", archive_source.path)
        self._closed = False
        archive_source.session.register(self)

    def __repr__(self) -> str:
        state = "closed" if self._closed else f"at {self._position} of {self.size}"
        return f"<aios3.AsyncZipMember {self._info.filename!r} in {self._archive_source.path} {state}>"

    def __reduce_ex__(self, protocol: SupportsIndex, /) -> NoReturn:
        cannot_copy(self, protocol)

    async def __aenter__(self) -> Self:
        self._check()
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    def __del__(self) -> None:
        if getattr(self, "_closed", True) or self._binding.is_forked:
            return
        warnings.warn(f"unclosed file {self!r}", ResourceWarning, source=self, stacklevel=2)
        loop, budget, memory, member_bytes = (
            self._binding.loop,
            self._archive_source.session.budget,
            self._aligned_buffers,
            self._member_bytes,
        )
        if not loop.is_closed():
            loop.call_soon_threadsafe(lambda: budget.release(memory, retained=True))
            loop.call_soon_threadsafe(lambda: loop.create_task(member_bytes.aclose()))

    @property
    def name(self) -> str:
        """The member's name in the archive."""
        return self._info.filename

    @property
    def mode(self) -> str:
        """Always ``rb``."""
        return "rb"

    @property
    def size(self) -> int:
        """Size of the member in bytes, as it was before it was compressed."""
        return self._info.file_size

    @property
    def closed(self) -> bool:
        """Whether the file is closed."""
        return self._closed

    def stat(self) -> StatResult:
        """Return size and time of the member; costs no request."""
        return stat_of(self._info)

    def tell(self) -> int:
        """Return the position in bytes from the start of the member."""
        self._check()
        return self._position

    def readable(self) -> bool:
        """Return True."""
        return True

    def writable(self) -> bool:
        """Return False."""
        return False

    def seekable(self) -> bool:
        """Return True."""
        return True

    def fileno(self) -> int:
        """Raise UnsupportedError: a member has no file descriptor."""
        message = f"{self.name!r} is a member of {self._archive_source.path} and has no file descriptor"
        raise UnsupportedError(message, path=self._archive_source.path)

    async def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move the position and return it; it may lie behind the end, where reads return nothing. No request.

        Raises InvalidRangeError for a position before the start or an unknown ``whence``.
        """
        async with self._lock:
            self._check()
            self._position = position_of(self.name, offset, whence, self._position, self.size)
            return self._position

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

    async def readall(self) -> bytes:
        """Read all that is left."""
        return await self.read(-1)

    async def readinto(self, buffer: Buffer) -> int:
        """Fill ``buffer`` and return how many bytes that were: fewer than its size only at the end of the member."""
        async with self._lock:
            self._check()
            target = flat(buffer)
            start = self._position
            stop = min(start + len(target), self.size)
            try:
                while self._position < stop:
                    filled = self._position - start
                    view = await self._next_view(stop)
                    target[filled : filled + len(view)] = view
            except BaseException:
                self._position = start
                raise
            return max(self._position - start, 0)

    async def readline(self, size: int | None = -1) -> bytes:
        """Read up to and with the next line feed, at most ``size`` bytes; the rest if there is none."""
        async with self._lock:
            self._check()
            return await self._line(self.size if size is None or size < 0 else min(self._position + size, self.size))

    async def readlines(self, hint: int | None = None) -> list[bytes]:
        """Read lines until the end, or until they have ``hint`` bytes in all."""
        async with self._lock:
            self._check()
            start = self._position
            lines: list[bytes] = []
            try:
                while (not hint or hint < 0 or self._position - start < hint) and (line := await self._line(self.size)):
                    lines.append(line)
            except BaseException:
                self._position = start
                raise
            return lines

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Iterate over the lines from the position on, each with its line feed."""
        while line := await self.readline():
            yield line
            for whole in self._buffered_lines():
                yield whole

    async def chunks(self, size: int | None = None) -> AsyncGenerator[memoryview, None]:
        """Iterate over the bytes from the position on, in read-only views of at most ``size`` bytes."""
        if size is not None and size <= 0:
            message = f"chunks() needs a positive size, not {size}"
            raise InvalidRangeError(message, path=self._archive_source.path)
        while True:
            async with self._lock:
                self._check()
                if self._position >= self.size:
                    return
                view = await self._next_view(min(self._position + (size or CHUNK_BYTES), self.size))
            yield view

    async def aclose(self) -> None:
        """Close the file: end its requests, give its memory back. Safe to repeat, from any task.

        Raises WrongLoopError on another event loop than the file's own.
        """
        if self._binding.is_forked or self._closed:
            return
        self._binding.check_loop()
        self._closed = True
        self._chunk = b""
        self._archive_source.session.unregister(self)
        self._archive_source.session.budget.release(self._aligned_buffers, retained=True)
        await self._member_bytes.aclose()

    async def release(self) -> None:
        """Close the file because its archive or session is closed."""
        await self.aclose()

    def _check(self) -> None:
        self._binding.check_loop()
        if self._closed:
            message = f"{self.name!r} in {self._archive_source.path} is closed; open it again to read"
            raise ClosedHandleError(message, path=self._archive_source.path)

    def _buffered_lines(self) -> Iterator[bytes]:
        """Yield the lines that are whole in the piece, as long as nobody else moves the position."""
        start = self._position - self._chunk_start
        if not 0 <= start < len(self._chunk):
            return
        expected = self._position
        for line in self._chunk[start : self._chunk.rfind(b"\n") + 1].split(b"\n")[:-1]:
            if self._position != expected or self._closed:
                return
            expected += len(line) + 1
            self._position = expected
            yield line + b"\n"

    async def _line(self, stop: int) -> bytes:
        """Read up to and with the next line feed, at most up to ``stop``; the position moves if all goes well."""
        before = self._position
        chunk_list: list[bytes] = []
        try:
            while self._position < stop and not (chunk_list and chunk_list[-1].endswith(b"\n")):
                start = await self._fill_buffer()
                end = self._chunk.find(b"\n", start) + 1 or len(self._chunk)
                chunk_list.append(self._chunk[start : min(end, start + stop - self._position)])
                self._position += len(chunk_list[-1])
        except BaseException:
            self._position = before
            raise
        return b"".join(chunk_list)

    async def _fill_buffer(self) -> int:
        """See to it that the byte at the position is in the piece, and return where it is there."""
        end = self._chunk_start + len(self._chunk)
        if not self._chunk_start <= self._position < end:
            self._chunk_size = min(2 * self._chunk_size, CHUNK_BYTES) if self._position == end else _FIRST_CHUNK_BYTES
            read_chunk = await self._content.read_chunk(self._position, self._chunk_size)
            self._check()  # it may have been closed meanwhile
            self._chunk, self._chunk_start = read_chunk, self._position
        return self._position - self._chunk_start

    async def _next_view(self, stop: int) -> memoryview:
        start = await self._fill_buffer()
        view = memoryview(self._chunk)[start : start + stop - self._position]
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
    budget = archive_source.session.budget
    await budget.acquire(memory)
    budget.mark_retained(memory)
    try:
        member_bytes, start = await open_member_bytes(archive_source, entry, loaded)
    except BaseException:
        budget.release(memory, retained=True)
        raise
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
