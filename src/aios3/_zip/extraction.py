"""Members become local files or objects: planned as a whole first, then several at once, each whole or absent."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aios3._config import KIB, MIB
from aios3._handles.opening import aopen
from aios3._paths import S3Url, is_s3
from aios3._threads import in_thread, made_in_thread
from aios3._trees import partial_file as files
from aios3._trees.beneath import make_directory
from aios3._trees.file_attributes import FileAttributes
from aios3._trees.runner import as_async, for_each
from aios3._trees.uploading import local_path
from aios3._zip.central_directory import is_directory
from aios3._zip.extracted_before import is_extracted
from aios3._zip.headers import likely_stop
from aios3._zip.member_bytes import is_small, load
from aios3._zip.safety import check_readable, check_targets, check_total, target_name
from aios3.errors import ObjectExistsError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from aios3._paths import AnyPath
    from aios3._session import Session
    from aios3._trees import LocalPath
    from aios3._trees.partial_file import PartialFile
    from aios3._zip.central_directory import Entry
    from aios3._zip.limits import ZipLimits
    from aios3._zip.member_bytes import ArchiveSource, InMemory
    from aios3._zip.members import AsyncZipMember

    OpenEntry = Callable[[Entry, InMemory | None], Awaitable[AsyncZipMember]]

_MEMORY_SHARE = 8 * MIB
"""Bytes of the session's memory for each member that is extracted at once."""
_MAX_CONCURRENT_MEMBERS = 16
_GROUP_BYTES = MIB
"""Bytes of small members that lie beside each other and are loaded together."""
_GAP_BYTES = 64 * KIB


@dataclass(frozen=True, slots=True)
class ExtractJob:
    """One member, and where it goes: a local path below ``root``, or a URL in S3."""

    entry: Entry
    target: str | S3Url
    root: str | None = None

    @property
    def start(self) -> int:
        """Where the member begins in the archive."""
        return self.entry.info.header_offset

    @property
    def stop(self) -> int:
        """Where it probably ends."""
        return likely_stop(self.entry)

    @property
    def is_directory(self) -> bool:
        """Return whether the member is a directory, of which S3 has none."""
        return is_directory(self.entry.info)


def plan_extraction(
    entries: Sequence[Entry], to: LocalPath | AnyPath, limits: ZipLimits, path: str
) -> list[ExtractJob]:
    """Decide where each member goes; raise UnsafeNameError and ZipArchiveError for what must not go anywhere."""
    infos = [entry.info for entry in entries]
    check_total(infos, limits, path)
    for info in infos:
        check_readable(info, limits, path)
    names = [target_name(info, path) for info in infos]
    check_targets(infos, names, path)
    if is_s3(to):
        url = S3Url.parse(to).require_bucket()  # type: ignore[arg-type]  # is_s3 has seen that it is an AnyPath
        below = [S3Url.parse(str(url.with_key(url.prefix + name))) for name in names]
        return [ExtractJob(entry, target) for entry, target in zip(entries, below, strict=True)]
    root = local_path(to)  # type: ignore[arg-type]  # it is none in S3
    return [
        ExtractJob(entry, os.path.join(root, *name.split("/")), root)
        for entry, name in zip(entries, names, strict=True)
    ]


async def run(
    open_entry: OpenEntry,
    jobs: Sequence[ExtractJob],
    archive_source: ArchiveSource,
    *,
    overwrite: bool,
    resume: bool = False,
    on_extracted: Callable[[str], object] | None = None,
) -> list[str]:
    """Extract all of ``jobs``, several at once; the first error ends all, and is raised when they have ended.

    With ``resume`` leave alone members that are there already.
    """
    session = archive_source.session

    async def extract(job: ExtractJob, loaded: InMemory | None) -> None:
        member = None if job.is_directory else await open_entry(job.entry, loaded)
        if isinstance(job.target, S3Url):
            await _extract_to_s3(member, job.target, session, overwrite=overwrite)
        else:
            await _extract_to_disk(member, job.target, job.root, overwrite=overwrite)
        if on_extracted is not None:
            on_extracted(str(job.target))

    async def is_done(job: ExtractJob) -> bool:
        return not job.is_directory and await is_extracted(job.entry.info, job.target, archive_source)

    async def extract_group(group: Sequence[ExtractJob]) -> None:
        if resume:
            group = [job for job in group if not await is_done(job)]
        if not group:
            return
        if len(group) == 1:
            await extract(group[0], None)
            return
        start, stop = group[0].start, group[-1].stop
        async with session.budget.reserve(stop - start, retained=True):
            loaded = await load(archive_source, start, stop)
            for job in group:
                await extract(job, loaded)

    await for_each(as_async(group_adjacent(jobs)), extract_group, parallelism(session))
    return [str(job.target) for job in jobs]


def parallelism(session: Session) -> int:
    """Return how many members may be in work at once, so that what they hold stays far below the session's memory."""
    return min(session.config.max_concurrency, max(session.budget.limit // _MEMORY_SHARE, 1), _MAX_CONCURRENT_MEMBERS)


def group_adjacent(jobs: Sequence[ExtractJob]) -> list[list[ExtractJob]]:
    """Put small members that lie beside each other into one group, and each other one into its own."""
    groups: list[list[ExtractJob]] = []
    for job in sorted(jobs, key=lambda job: job.start):
        last = groups[-1] if groups else None
        if last is not None and is_small(job.entry) and is_small(last[-1].entry) and _are_adjacent(last, job):
            last.append(job)
        else:
            groups.append([job])
    return groups


def _are_adjacent(group: Sequence[ExtractJob], job: ExtractJob) -> bool:
    return job.start - group[-1].stop <= _GAP_BYTES and job.stop - group[0].start <= _GROUP_BYTES


async def _extract_to_s3(member: AsyncZipMember | None, target: S3Url, session: Session, *, overwrite: bool) -> None:
    if member is None:
        return
    async with member, aopen(target, "wb" if overwrite else "xb", session=session) as writer:
        async for chunk in member.chunks():
            await writer.write(chunk)


async def _extract_to_disk(member: AsyncZipMember | None, target: str, root: str | None, *, overwrite: bool) -> None:
    if member is None:
        await in_thread(make_directory, target, root or target)
        return
    async with member:
        if not await in_thread(files.is_wanted, target, overwrite=overwrite):
            message = f"{target} is there already, and overwrite=False replaces nothing"
            raise ObjectExistsError(message, path=target)
        partial = await made_in_thread(lambda: files.create(target, root), files.discard)
        try:
            await _fill(member, partial)
            attributes = FileAttributes(round(member.stat().mtime * 1e9))
            await in_thread(partial.commit, attributes, overwrite=overwrite)
        finally:
            await in_thread(partial.close, keep=False)


async def _fill(member: AsyncZipMember, partial: PartialFile) -> None:
    offset = 0
    async for chunk in member.chunks():
        await in_thread(partial.write, offset, chunk)
        offset += len(chunk)
