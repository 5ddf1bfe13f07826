"""The bytes of one member in its archive: loaded in one request where they are few, else fetched as they are read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from aios3._config import KIB
from aios3._engine.ranges import RangeFetcher
from aios3._handles.reader import FIRST_REQUEST, AsyncPrefetchReader
from aios3._zip.directory import LOCAL_HEADER_BYTES
from aios3._zip.headers import likely_stop, read_header

if TYPE_CHECKING:
    from aios3._engine.ranges import RangeLimits
    from aios3._handles.source import ObjectSource
    from aios3._session import Session
    from aios3._zip.directory import Entry

LOADED_BYTES = 256 * KIB
"""A member of up to so many bytes in the archive is loaded at once."""

_LONGEST_EXTRA_BYTES = 64 * KIB


class Span(Protocol):
    """A stretch of the archive, by its offsets there."""

    async def read_at(self, offset: int, size: int) -> bytes:
        """Return up to ``size`` bytes at ``offset``; reads that follow each other cost the least."""

    async def aclose(self) -> None:
        """Give everything back."""


@dataclass(frozen=True, slots=True)
class Place:
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
class Loaded:
    """A stretch that is in memory: a small member, or several in a row."""

    start: int
    data: bytes
    reader: AsyncPrefetchReader

    def has(self, start: int, stop: int) -> bool:
        """Tell whether ``[start, stop)`` is in it."""
        return self.start <= start and stop <= self.start + len(self.data)

    async def read_at(self, offset: int, size: int) -> bytes:
        first = offset - self.start
        found = self.data[first : first + size]
        if len(found) < size:  # the extra field was longer than usual
            found += await self.reader.read_at(offset + len(found), size - len(found))
        return found

    async def aclose(self) -> None:
        """Nothing is held."""


@dataclass(frozen=True, slots=True)
class _Streamed:
    """A large member, fetched ahead of whoever reads it, and never beyond its end."""

    reader: AsyncPrefetchReader

    async def read_at(self, offset: int, size: int) -> bytes:
        if self.reader.tell() != offset:
            await self.reader.seek(offset)
        return await self.reader.read(size)

    async def aclose(self) -> None:
        await self.reader.aclose()


async def open_span(place: Place, entry: Entry, loaded: Loaded | None) -> tuple[Span, int]:
    """Return the member's span, and where in the archive its bytes begin; raises what the header check does.

    One request, for what will be read next as well; none if ``loaded`` has the member.
    """
    start, stop = entry.info.header_offset, likely_stop(entry)
    span: Span
    if loaded is not None and loaded.has(start, stop):
        span = loaded
    elif is_small(entry):
        span = await load(place, start, stop)
    else:
        span = _streamed(place, start, min(entry.stop, stop + _LONGEST_EXTRA_BYTES))
    try:
        head = await span.read_at(start, min(LOCAL_HEADER_BYTES + len(entry.raw_name), stop - start))
        return span, read_header(head, entry, place.path).data_start
    except BaseException:
        await span.aclose()
        raise


def is_small(entry: Entry) -> bool:
    """Tell whether a member is loaded at once."""
    return likely_stop(entry) - entry.info.header_offset <= LOADED_BYTES


async def load(place: Place, start: int, stop: int) -> Loaded:
    """Load ``[start, stop)`` of the archive; who calls has paid for the memory."""
    return Loaded(start, await place.reader.read_at(start, stop - start), place.reader)


def _streamed(place: Place, start: int, stop: int) -> Span:
    fetcher = RangeFetcher(place.source.fetch, stop, place.session.budget, place.limits)
    fetcher.request(start, min(stop, start + FIRST_REQUEST))
    return _Streamed(AsyncPrefetchReader(place.session, place.source, fetcher))
