"""The bytes of one member in its archive: loaded in one request where they are few, else fetched as they are read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from aios3._config import KIB
from aios3._engine.range_fetcher import RangeFetcher
from aios3._handles.reader import INITIAL_GET_BYTES, AsyncPrefetchReader
from aios3._zip.central_directory import LOCAL_HEADER_BYTES
from aios3._zip.headers import likely_stop, read_header

if TYPE_CHECKING:
    from aios3._engine.readahead import RangeLimits
    from aios3._handles.resumable_get import ObjectSource
    from aios3._session import Session
    from aios3._zip.central_directory import Entry

LOADED_BYTES = 256 * KIB
"""Bytes in the archive up to which a member is loaded at once."""

_MAX_EXTRA_BYTES = 64 * KIB


class MemberBytes(Protocol):
    """A stretch of the archive, by its offsets there."""

    async def read_at(self, offset: int, size: int) -> bytes:
        """Return up to ``size`` bytes at ``offset``; reads that follow each other cost the least."""

    async def aclose(self) -> None:
        """Give everything back."""


@dataclass(frozen=True, slots=True)
class ArchiveSource:
    """An archive that is open: one version of it, for all members."""

    session: Session
    source: ObjectSource
    reader: AsyncPrefetchReader
    limits: RangeLimits

    @property
    def path(self) -> str:
        """Where the archive is, as text."""
        return str(self.source.url)


@dataclass(frozen=True, slots=True)
class InMemory:
    """A stretch that is in memory: a small member, or several in a row."""

    start: int
    data: bytes
    reader: AsyncPrefetchReader

    def has(self, start: int, stop: int) -> bool:
        """Return whether ``[start, stop)`` is in it."""
        return self.start <= start and stop <= self.start + len(self.data)

    async def read_at(self, offset: int, size: int) -> bytes:
        first = offset - self.start
        data = self.data[first : first + size]
        if len(data) < size:  # the extra field was longer than usual
            data += await self.reader.read_at(offset + len(data), size - len(data))
        return data

    async def aclose(self) -> None:
        """Nothing is held."""


@dataclass(frozen=True, slots=True)
class Streamed:
    """A large member, fetched ahead of its reader, up to its end."""

    reader: AsyncPrefetchReader

    async def read_at(self, offset: int, size: int) -> bytes:
        if self.reader.tell() != offset:
            await self.reader.seek(offset)
        return await self.reader.read(size)

    async def aclose(self) -> None:
        await self.reader.aclose()


async def open_member_bytes(
    archive_source: ArchiveSource, entry: Entry, loaded: InMemory | None
) -> tuple[MemberBytes, int]:
    """Return the member's span, and where in the archive its bytes begin; raises what the header check does.

    One request, for what will be read next as well; none if ``loaded`` has the member.
    """
    start, stop = entry.info.header_offset, likely_stop(entry)
    member_bytes: MemberBytes
    if loaded is not None and loaded.has(start, stop):
        member_bytes = loaded
    elif is_small(entry):
        member_bytes = await load(archive_source, start, stop)
    else:
        member_bytes = _streamed(archive_source, start, min(entry.stop, stop + _MAX_EXTRA_BYTES))
    try:
        head = await member_bytes.read_at(start, min(LOCAL_HEADER_BYTES + len(entry.raw_name), stop - start))
        return member_bytes, read_header(head, entry, archive_source.path).data_start
    except BaseException:
        await member_bytes.aclose()
        raise


def is_small(entry: Entry) -> bool:
    """Return whether a member is loaded at once."""
    return likely_stop(entry) - entry.info.header_offset <= LOADED_BYTES


async def load(archive_source: ArchiveSource, start: int, stop: int) -> InMemory:
    """Load ``[start, stop)`` of the archive; the caller has reserved the memory."""
    return InMemory(start, await archive_source.reader.read_at(start, stop - start), archive_source.reader)


def _streamed(archive_source: ArchiveSource, start: int, stop: int) -> MemberBytes:
    fetcher = RangeFetcher(archive_source.source.fetch, stop, archive_source.session.budget, archive_source.limits)
    fetcher.prefetch(start, min(stop, start + INITIAL_GET_BYTES))
    return Streamed(AsyncPrefetchReader(archive_source.session, archive_source.source, fetcher))
