"""A member's bytes, chunk by chunk, checked at its end: stored ones as they are, all others inflated in threads."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Protocol

from aios3._config import KIB, MIB
from aios3._threads import in_thread
from aios3._zip.central_directory import archive_error

if TYPE_CHECKING:
    from zipfile import ZipInfo

    from aios3._zip.decompression import Decompressor
    from aios3._zip.member_bytes import MemberBytes

CHUNK_BYTES = MIB
"""The most bytes of a member that come out at once."""
_INPUT_BYTES = 256 * KIB
"""The most compressed bytes that a thread is given at once."""
CONTENT_BYTES = CHUNK_BYTES + 2 * _INPUT_BYTES
"""Bytes that one member holds while it is read: a chunk, and the input it is made of."""


class Content(Protocol):
    """The bytes of one member."""

    async def read_chunk(self, position: int, most: int) -> bytes:
        """Return the bytes at ``position``, at least one and at most ``most``; ``position`` must be before the end.

        The last byte is returned only for a member that is whole: size and CRC-32 have been compared with it. Raises
        ZipArchiveError where they differ.
        """

    async def check_empty(self) -> None:
        """Raise ZipArchiveError if a member that is said to be empty is not."""


class StoredContent:
    """A member that is not compressed: any part of it can be read by itself.

    The CRC-32 can be compared only if all of it was read, in any steps that go on from the last byte reached.
    """

    def __init__(self, member_bytes: MemberBytes, start: int, info: ZipInfo, path: str) -> None:
        self._member_bytes = member_bytes
        self._start = start
        self._info = info
        self._path = path
        self._crc = 0
        self._reached = 0

    async def read_chunk(self, position: int, most: int) -> bytes:
        size = min(most, self._info.file_size - position)
        data = await self._member_bytes.read_at(self._start + position, size)
        if not data:
            raise archive_error(
                self._path, f"ends after {position:,} of its {self._info.file_size:,} bytes", self._info.filename
            )
        if position <= self._reached < position + len(data):
            self._crc = zlib.crc32(memoryview(data)[self._reached - position :], self._crc)
            self._reached = position + len(data)
            self._check()
        elif position + len(data) == self._info.file_size:
            self._check()
        return data

    async def check_empty(self) -> None:
        self._check()

    def _check(self) -> None:
        info = self._info
        if self._reached == info.file_size and self._crc != info.CRC:
            why = f"has the CRC-32 {self._crc:08x}, and the directory says {info.CRC:08x}"
            raise archive_error(self._path, why, info.filename)


class InflatedContent:
    """A compressed member. Going forward inflates what lies between; going back begins at the state kept before it."""

    def __init__(
        self, member_bytes: MemberBytes, start: int, info: ZipInfo, decompressor: Decompressor, path: str
    ) -> None:
        self._member_bytes = member_bytes
        self._start = start
        self._info = info
        self._decompressor = decompressor
        self._path = path

    async def read_chunk(self, position: int, most: int) -> bytes:
        decompressor = self._decompressor
        decompressor.go_to(position)
        while decompressor.position < position:
            await self._next(min(position - decompressor.position, CHUNK_BYTES))
        data = b""
        while not data:
            data = await self._next(most)
        if decompressor.position == self._info.file_size:
            await self._finish()
        return data

    async def check_empty(self) -> None:
        await self._finish()

    async def _next(self, most: int) -> bytes:
        data = await self._compressed()
        return await in_thread(self._decompressor.feed, data, most)

    async def _finish(self) -> None:
        while await in_thread(self._decompressor.finish, await self._compressed()):
            pass

    async def _compressed(self) -> bytes:
        size = min(self._decompressor.input_wanted, _INPUT_BYTES)
        if not size:
            return b""
        data = await self._member_bytes.read_at(self._start + self._decompressor.consumed, size)
        if not data:
            raise archive_error(self._path, "reaches behind the end of the archive", self._info.filename)
        return data
