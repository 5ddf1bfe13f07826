"""The file that reads one member: position, lines and chunks over its pieces."""

from __future__ import annotations

import asyncio
import os
import warnings
import zipfile
from typing import TYPE_CHECKING

from aios3._config import KIB
from aios3._entries import StatResult
from aios3._handles.leaving import Home, cannot_copy
from aios3._handles.positions import flat, position_of
from aios3._zip.checks import check_readable
from aios3._zip.contents import CONTENT_BYTES, PIECE_BYTES, InflatedContent, StoredContent
from aios3._zip.dates import mtime_of
from aios3._zip.directory import broken, is_directory
from aios3._zip.inflating import Inflation
from aios3._zip.spans import LOADED_BYTES, open_span
from aios3.errors import ClosedHandleError, InvalidRangeError, UnsupportedError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Iterator
    from types import TracebackType
    from typing import NoReturn, Self, SupportsIndex
    from zipfile import ZipInfo

    from typing_extensions import Buffer

    from aios3._zip.contents import Content
    from aios3._zip.directory import Entry
    from aios3._zip.limits import ZipLimits
    from aios3._zip.spans import Loaded, Place, Span

_FIRST_PIECE = 64 * KIB
"""Bytes that a read at a new place makes at most; each one that goes on from it makes twice as many."""


class AsyncZipMember:
    """A member of a zip archive in S3, open for reading.

    Its bytes are fetched ahead and decompressed in threads. Size and CRC-32 are compared before the last byte is handed
    out: ZipArchiveError is raised instead. Seeking costs nothing by itself; reading behind a place that was left goes
    on from the nearest state that was kept (deflate) or from the start (bzip2, LZMA, Zstandard), and reading in a
    stored member goes anywhere. A stored member that was not read from end to end has not been compared.

    Methods may be called from several tasks, and take turns.
    """

    def __init__(self, place: Place, info: ZipInfo, content: Content, span: Span, memory: int) -> None:
        self._place = place
        self._info = info
        self._content = content
        self._span = span
        self._memory = memory
        self._turn = asyncio.Lock()
        self._position = 0
        self._piece = b""
        self._piece_start = 0
        self._piece_size = _FIRST_PIECE
        self._home = Home(f"{info.filename!r} in {place.path}", place.path)
        self._closed = False
        place.session.own(self)

    def __repr__(self) -> str:
        state = "closed" if self._closed else f"at {self._position} of {self.size}"
        return f"<aios3.AsyncZipMember {self._info.filename!r} in {self._place.path} {state}>"

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
        if getattr(self, "_closed", True) or self._home.foreign:
            return
        warnings.warn(f"unclosed file {self!r}", ResourceWarning, source=self, stacklevel=2)
        loop, budget, memory, span = self._home.loop, self._place.session.budget, self._memory, self._span
        if not loop.is_closed():
            loop.call_soon_threadsafe(lambda: budget.give_back(memory, parked=True))
            loop.call_soon_threadsafe(lambda: loop.create_task(span.aclose()))

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
        message = f"{self.name!r} is a member of {self._place.path} and has no file descriptor"
        raise UnsupportedError(message, path=self._place.path)

    async def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move the position and return it; it may lie behind the end, where reads return nothing. No request.

        Raises InvalidRangeError for a position before the start or an unknown ``whence``.
        """
        async with self._turn:
            self._check()
            self._position = position_of(self.name, offset, whence, self._position, self.size)
            return self._position

    async def read(self, size: int | None = -1) -> bytes:
        """Read ``size`` bytes, fewer only at the end; all that is left if ``size`` is negative or None."""
        async with self._turn:
            self._check()
            start = self._position
            stop = self.size if size is None or size < 0 else min(start + size, self.size)
            pieces = []
            try:
                while self._position < stop:
                    pieces.append(await self._take(stop))
            except BaseException:
                self._position = start
                raise
            return pieces[0].tobytes() if len(pieces) == 1 else b"".join(pieces)

    async def readall(self) -> bytes:
        """Read all that is left."""
        return await self.read(-1)

    async def readinto(self, buffer: Buffer) -> int:
        """Fill ``buffer`` and return how many bytes that were: fewer than its size only at the end of the member."""
        async with self._turn:
            self._check()
            target = flat(buffer)
            start = self._position
            stop = min(start + len(target), self.size)
            try:
                while self._position < stop:
                    filled = self._position - start
                    view = await self._take(stop)
                    target[filled : filled + len(view)] = view
            except BaseException:
                self._position = start
                raise
            return max(self._position - start, 0)

    async def readline(self, size: int | None = -1) -> bytes:
        """Read up to and with the next line feed, at most ``size`` bytes; the rest if there is none."""
        async with self._turn:
            self._check()
            return await self._line(self.size if size is None or size < 0 else min(self._position + size, self.size))

    async def readlines(self, hint: int | None = None) -> list[bytes]:
        """Read lines until the end, or until they have ``hint`` bytes in all."""
        async with self._turn:
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
            for whole in self._whole_lines_at_hand():
                yield whole

    async def chunks(self, size: int | None = None) -> AsyncGenerator[memoryview, None]:
        """Iterate over the bytes from the position on, in read-only views of at most ``size`` bytes."""
        if size is not None and size <= 0:
            message = f"chunks() needs a positive size, not {size}"
            raise InvalidRangeError(message, path=self._place.path)
        while True:
            async with self._turn:
                self._check()
                if self._position >= self.size:
                    return
                view = await self._take(min(self._position + (size or PIECE_BYTES), self.size))
            yield view

    async def aclose(self) -> None:
        """Close the file: end its requests, give its memory back. Safe to repeat, from any task.

        Raises WrongLoopError on another event loop than the file's own.
        """
        if self._home.foreign or self._closed:
            return
        self._home.check()
        self._closed = True
        self._piece = b""
        self._place.session.disown(self)
        self._place.session.budget.give_back(self._memory, parked=True)
        await self._span.aclose()

    async def release(self) -> None:
        """Close the file because its archive or session is closed."""
        await self.aclose()

    def _check(self) -> None:
        self._home.check()
        if self._closed:
            message = f"{self.name!r} in {self._place.path} is closed; open it again to read"
            raise ClosedHandleError(message, path=self._place.path)

    def _whole_lines_at_hand(self) -> Iterator[bytes]:
        """Yield the lines that are whole in the piece, as long as nobody else moves the position."""
        start = self._position - self._piece_start
        if not 0 <= start < len(self._piece):
            return
        expected = self._position
        for line in self._piece[start : self._piece.rfind(b"\n") + 1].split(b"\n")[:-1]:
            if self._position != expected or self._closed:
                return
            expected += len(line) + 1
            self._position = expected
            yield line + b"\n"

    async def _line(self, stop: int) -> bytes:
        """Read up to and with the next line feed, at most up to ``stop``; the position moves if all goes well."""
        before = self._position
        pieces: list[bytes] = []
        try:
            while self._position < stop and not (pieces and pieces[-1].endswith(b"\n")):
                start = await self._at_hand()
                end = self._piece.find(b"\n", start) + 1 or len(self._piece)
                pieces.append(self._piece[start : min(end, start + stop - self._position)])
                self._position += len(pieces[-1])
        except BaseException:
            self._position = before
            raise
        return b"".join(pieces)

    async def _at_hand(self) -> int:
        """See to it that the byte at the position is in the piece, and return where it is there."""
        end = self._piece_start + len(self._piece)
        if not self._piece_start <= self._position < end:
            self._piece_size = min(2 * self._piece_size, PIECE_BYTES) if self._position == end else _FIRST_PIECE
            piece = await self._content.piece(self._position, self._piece_size)
            self._check()  # it may have been closed meanwhile
            self._piece, self._piece_start = piece, self._position
        return self._position - self._piece_start

    async def _take(self, stop: int) -> memoryview:
        start = await self._at_hand()
        view = memoryview(self._piece)[start : start + stop - self._position]
        self._position += len(view)
        return view


async def open_member(place: Place, entry: Entry, limits: ZipLimits, loaded: Loaded | None = None) -> AsyncZipMember:
    """Open one member with one request, none if it is ``loaded``; its header has been compared with the directory.

    Raises ZipArchiveError, and UnsupportedError for a member that is encrypted or compressed in an unknown way.
    """
    info = entry.info
    check_readable(info, limits, place.path)
    inflation = None if info.compress_type == zipfile.ZIP_STORED else Inflation(info, place.path)
    if inflation is None and info.compress_size != info.file_size:
        raise broken(place.path, "is stored, and has another size in the archive than outside of it", info.filename)
    memory = min(CONTENT_BYTES, 2 * info.file_size) + (inflation.memory if inflation else 0)
    memory += 0 if loaded else min(info.compress_size, LOADED_BYTES)
    budget = place.session.budget
    await budget.take(memory)
    budget.park(memory)
    try:
        span, start = await open_span(place, entry, loaded)
    except BaseException:
        budget.give_back(memory, parked=True)
        raise
    content: Content = (
        StoredContent(span, start, info, place.path)
        if inflation is None
        else InflatedContent(span, start, info, inflation, place.path)
    )
    member = AsyncZipMember(place, info, content, span, memory)
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
