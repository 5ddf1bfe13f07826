"""``open_zip``: an archive in S3, whose directory is read when it is opened and whose members are read in place."""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Iterable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from zipfile import ZipInfo

from aios3 import _patterns
from aios3._arguments import check_arguments
from aios3._backend import GetOptions
from aios3._config import KIB
from aios3._handles.missing import explain_missing
from aios3._handles.opening import Opening
from aios3._handles.options import ReadSizes
from aios3._handles.reader import AsyncPrefetchReader, open_fetcher
from aios3._handles.resumable_get import ObjectSource
from aios3._paths import S3Url
from aios3._session import current_session
from aios3._threads import in_thread
from aios3._zip import extraction
from aios3._zip.central_directory import END_BYTES, check_end, find_end_record, parse
from aios3._zip.limits import ZipLimits
from aios3._zip.member_bytes import ArchiveSource
from aios3._zip.members import open_member, stat_of
from aios3.errors import ClosedHandleError, ConfigError, ObjectNotFoundError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from aios3._entries import StatResult
    from aios3._paths import AnyPath
    from aios3._session import Session
    from aios3._trees import LocalPath
    from aios3._zip.central_directory import EndRecord, Entry
    from aios3._zip.member_bytes import InMemory
    from aios3._zip.members import AsyncZipMember

_TAIL_BYTES = 256 * KIB
"""Bytes at the end of the object that opening asks for: a small archive, or the directory of one with 3,000 members."""


class AsyncZipArchive:
    """A zip archive in S3, open for reading; :func:`aios3.open_zip` opens it.

    Its names and sizes are in memory and cost nothing. All members come from the version of the object that was
    opened: ObjectChangedError is raised if it is replaced. Members may be read side by side.
    """

    def __init__(self, archive_source: ArchiveSource, entries: list[Entry], end: EndRecord, limits: ZipLimits) -> None:
        self._archive_source = archive_source
        self._entries = entries
        self._by_name = {entry.info.filename: entry for entry in entries}
        self._end = end
        self._limits = limits
        self._readers = asyncio.Semaphore(extraction.parallelism(archive_source.session))
        self._open: weakref.WeakSet[AsyncZipMember] = weakref.WeakSet()

    def __repr__(self) -> str:
        state = "closed" if self._archive_source.reader.closed else f"{len(self._entries)} members"
        return f"<aios3.AsyncZipArchive {self._archive_source.path} {state}>"

    def __len__(self) -> int:
        """Return how many members there are."""
        return len(self._entries)

    def __contains__(self, name: object) -> bool:
        """Return whether there is a member of this name."""
        return name in self._by_name

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names."""
        return iter(self.names())

    @property
    def path(self) -> S3Url:
        """Where the archive is."""
        return self._archive_source.source.url

    @property
    def size(self) -> int:
        """Size of the archive in bytes."""
        return self._archive_source.reader.size

    @property
    def comment(self) -> bytes:
        """The comment of the archive."""
        return self._end.comment

    def names(self) -> list[str]:
        """Return the names of all members, in the order of the directory; those of directories end in ``/``."""
        return [entry.info.filename for entry in self._entries]

    def infolist(self) -> list[ZipInfo]:
        """Return what the directory says of all members, as :meth:`zipfile.ZipFile.infolist` does."""
        return [entry.info for entry in self._entries]

    def getinfo(self, name: str) -> ZipInfo:
        """Return what the directory says of a member; of two with one name, of the last.

        Raises ObjectNotFoundError if there is none.
        """
        return self._entry(name).info

    def stat(self, name: str) -> StatResult:
        """Return size and time of a member. Raises ObjectNotFoundError if there is none."""
        return stat_of(self.getinfo(name))

    def glob(self, pattern: str) -> list[str]:
        """Return the names that match, in the order of the directory; the patterns are those of :func:`aios3.glob`."""
        matcher = _patterns.relative(pattern)
        return [name for name in self.names() if _matches(matcher, name)]

    def open(self, member: str | ZipInfo) -> Opening[AsyncZipMember]:
        """Open a member for reading.

        Use it with ``async with``, or ``await`` it and close it yourself. One request; what is read then is fetched
        ahead.

        Raises ObjectNotFoundError for a missing member, and ZipArchiveError if it is broken or beyond the limits.
        Raises UnsupportedError if it is encrypted or its compression is unknown, and ObjectChangedError.
        """
        entry = self._entry(member)
        return Opening(lambda: self._open_entry(entry))

    async def read(self, member: str | ZipInfo) -> bytes:
        """Return all bytes of a member, which have been checked; of many calls, some wait. Raises like :meth:`open`."""
        async with self._readers, self.open(member) as file:
            return await file.read()

    async def extract(self, member: str | ZipInfo, to: LocalPath | AnyPath, *, overwrite: bool = True) -> str:
        """Extract a member below ``to``, a local directory or a path in S3, and return where it is now.

        It appears there when it is whole and has been checked; a local file has the member's time. With
        ``overwrite=False`` ObjectExistsError is raised if something is there.

        Raises UnsafeNameError for symbolic links, devices, and names that lead elsewhere or are invalid on some system
        (absolute, ``..``, a drive, a backslash). Also raises what :meth:`open` raises.
        """
        check_arguments(overwrite=overwrite)
        return (await self.extract_all(to, [member], overwrite=overwrite))[0]

    async def extract_all(
        self,
        to: LocalPath | AnyPath,
        members: Iterable[str | ZipInfo] | None = None,
        *,
        overwrite: bool = True,
        resume: bool = False,
        on_extracted: Callable[[str], object] | None = None,
        dry_run: bool = False,
    ) -> list[str]:
        """Extract ``members``, by default all, below ``to`` like :meth:`extract`, several at once.

        Small members that lie beside each other are fetched in one request. All names and sizes are checked before
        anything is written; ZipArchiveError is raised if they are beyond ``max_total_bytes``. The first member that
        fails ends it; what was extracted before stays. ``on_extracted`` is called with the target of each member that
        is there now. With ``dry_run`` names and sizes are checked, and nothing is written.

        ``resume`` goes on with an extraction that ended early. Local files with the size and the CRC-32 of their
        members stay. So do objects of that size that are as new as the archive.
        """
        check_arguments(overwrite=overwrite, resume=resume, on_extracted=on_extracted, dry_run=dry_run)
        self._check()
        if isinstance(members, (str, bytes)) or not (members is None or isinstance(members, Iterable)):
            message = f"members must be a list of names or ZipInfo, not {members!r}"
            raise ConfigError(message)
        entries = self._entries if members is None else [self._entry(member) for member in members]
        jobs = extraction.plan_extraction(entries, to, self._limits, self._archive_source.path)
        if dry_run:
            return [str(job.target) for job in jobs]
        return await extraction.run(
            self._open_entry,
            jobs,
            self._archive_source,
            overwrite=overwrite,
            resume=resume,
            on_extracted=on_extracted,
        )

    async def aclose(self) -> None:
        """Close the archive and its members. Safe to repeat, from any task."""
        for member in list(self._open):
            await member.aclose()
        await self._archive_source.reader.aclose()

    async def _open_entry(self, entry: Entry, loaded: InMemory | None = None) -> AsyncZipMember:
        self._check()
        member = await open_member(self._archive_source, entry, self._limits, loaded)
        self._open.add(member)
        return member

    def _entry(self, member: str | ZipInfo) -> Entry:
        if not isinstance(member, (str, ZipInfo)):
            message = f"A member is its name or a ZipInfo, not {type(member).__name__}"
            raise ConfigError(message)
        name = member if isinstance(member, str) else member.filename
        entry = self._by_name.get(name)
        if not isinstance(member, str) and (entry is None or entry.info is not member):
            entry = next((each for each in self._entries if each.info is member), None)
        if entry is None:
            message = f"There is no member {name!r} in {self._archive_source.path}"
            raise ObjectNotFoundError(message, path=self._archive_source.path)
        return entry

    def _check(self) -> None:
        if self._archive_source.reader.closed:
            message = f"The zip archive {self._archive_source.path} is closed; open it again"
            raise ClosedHandleError(message, path=self._archive_source.path)


def _matches(matcher: _patterns.Matcher, name: str) -> bool:
    if name.endswith("/"):
        return matcher.directory(name[:-1]) is not None
    return matcher.file(name)


@asynccontextmanager
async def open_zip(
    path: AnyPath,
    *,
    limits: ZipLimits | None = None,
    encoding: str | None = None,
    version_id: str | None = None,
    session: Session | None = None,
) -> AsyncIterator[AsyncZipArchive]:
    """Open a zip archive in S3 to read its members in place.

    Use it with ``async with``. One request, for the last 256 KiB of the object; a second one if its directory is
    larger. ``limits`` is what an archive may ask for, ``encoding`` that of names which are not marked as UTF-8, by
    default cp437.

    Raises ZipArchiveError for an object that is not a zip archive, is broken, contradicts itself or is beyond the
    limits. Raises ObjectNotFoundError, AccessDeniedError, and the errors of a connection.
    """
    check_arguments(encoding=encoding, version_id=version_id)
    if not (limits is None or isinstance(limits, ZipLimits)):
        message = f"limits must be ZipLimits(...), not {type(limits).__name__}"
        raise ConfigError(message)
    current, url = current_session(session), S3Url.parse(path).require_object()
    archive_source = await _open_archive_source(current, ObjectSource(current, url, GetOptions(version_id)))
    try:
        archive = await _read_archive(archive_source, limits or ZipLimits(), encoding)
    except BaseException:
        await archive_source.reader.aclose()
        raise
    try:
        yield archive
    finally:
        await archive.aclose()


async def _open_archive_source(session: Session, source: ObjectSource) -> ArchiveSource:
    sizes = ReadSizes(session.config.block_size, session.config.request_size)
    try:
        start = await source.open_suffix(_TAIL_BYTES)
        fetcher = await open_fetcher(session, source, start, source.stat.size, sizes)
    except ObjectNotFoundError as error:
        await explain_missing(session, source.url, error)
        raise
    return ArchiveSource(session, source, AsyncPrefetchReader(session, source, fetcher), fetcher.limits)


async def _read_archive(archive_source: ArchiveSource, limits: ZipLimits, encoding: str | None) -> AsyncZipArchive:
    size = archive_source.reader.size
    first = max(size - _TAIL_BYTES, 0)
    tail = await archive_source.reader.read_at(first, size - first)
    end = find_end_record(tail[-END_BYTES:], size, archive_source.path)
    check_end(end, limits, archive_source.session.budget.limit // 2, archive_source.path)
    async with archive_source.session.budget.reserve(2 * end.size, retained=True):
        entries = await _entries(archive_source, end, tail, encoding)
    return AsyncZipArchive(archive_source, entries, end, limits)


async def _entries(archive_source: ArchiveSource, end: EndRecord, tail: bytes, encoding: str | None) -> list[Entry]:
    first = end.start - (archive_source.reader.size - len(tail))
    directory = (
        tail[first : first + end.size] if first >= 0 else await archive_source.reader.read_at(end.start, end.size)
    )
    return await in_thread(parse, directory, end, encoding, archive_source.path)
