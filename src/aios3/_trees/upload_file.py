"""One local file to one object: in one request, or in parts that are read and sent side by side."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from aios3._md5 import md5_hex, multipart_etag
from aios3._storing.multipart import MultipartUpload, ResumedUpload
from aios3._storing.store_object import store_object
from aios3._storing.write_plan import replacing_plan, resolve_at_once, resolve_plan
from aios3._threads import in_thread
from aios3._trees.file_attributes import to_metadata
from aios3._trees.part_uploads import PartsUpload, PartTask, part_ranges
from aios3._trees.runner import as_async, for_each
from aios3._trees.source_file import LaterLooks, changed_since_error, file_changed_error, open_source, read_small

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aios3._backend import PutOptions, StoredPart
    from aios3._paths import S3Url
    from aios3._session import Session
    from aios3._storing.write_plan import WritePlan
    from aios3._trees.file_attributes import Attribute
    from aios3._trees.part_uploads import PartRange
    from aios3._trees.progress_reporter import ProgressReporter
    from aios3._trees.source_file import SourceFile


@dataclass(frozen=True, slots=True)
class UploadSettings:
    """How a file is stored."""

    create_only: bool = False
    """True if what is there stays."""
    resume: bool = False
    """True if parts of an earlier attempt are used whose MD5 is that of the file's bytes.

    A failure then leaves the upload open for the next attempt.
    """
    options: PutOptions | None = None
    preserve: frozenset[Attribute] = frozenset()
    """The attributes of the file that the object's metadata keep; those of ``options`` go before them."""
    later_looks: LaterLooks | None = None
    """Shared by the files of one transfer, whose looks after the upload are made together."""


_REPLACE = UploadSettings()
_MAX_UPLOADS = 3
"""How often a file is stored that has changed each time when it was looked at afterwards."""


async def upload_file(
    session: Session,
    path: str,
    url: S3Url,
    reporter: ProgressReporter,
    *,
    size: int,
    settings: UploadSettings = _REPLACE,
) -> int:
    """Store the file at ``path`` as the object ``url`` and return its size in bytes; ``size`` is what it was lately.

    A file that has changed when it is looked at after the upload is uploaded again. Raises FileChangedError if it keeps
    changing, or changes while it is read, ObjectExistsError with ``create_only``, and what the system and S3 say.
    """
    plan = replacing_plan(session, url, if_absent=settings.create_only)
    if settings.options is not None:
        plan = replace(plan, options=settings.options)
    plan = resolve_at_once(session, plan) or await resolve_plan(session, plan)
    looks = settings.later_looks or LaterLooks()
    for _ in range(1 if settings.create_only else _MAX_UPLOADS):  # what was created once cannot be created again
        file = await _store(session, plan, path, reporter, size=size, settings=settings)
        if not await looks.has_changed(file):
            return file.size
        reporter.add_bytes(-file.size)
        size = file.size
    raise changed_since_error(path)


async def _store(
    session: Session, plan: WritePlan, path: str, reporter: ProgressReporter, *, size: int, settings: UploadSettings
) -> SourceFile:
    """Store the file once, and return it as it was read."""
    if size <= plan.part_size:
        budget = session.budget
        if not budget.try_acquire(size):
            await budget.acquire(size)
        try:
            small = await in_thread(read_small, path, size)
            if small is not None:  # None: it has grown
                file, data = small
                await store_object(session, _keeping(plan, file, settings), [data])
                reporter.add_bytes(len(data))
                return file
        finally:
            budget.release(size)
    async with open_source(path) as file:
        if not file.size:
            raise file_changed_error(path)
        await _send_parts(session, _keeping(plan, file, settings), file, reporter, resume=settings.resume)
    return file


def _keeping(plan: WritePlan, file: SourceFile, settings: UploadSettings) -> WritePlan:
    """Return the plan with the metadata that keep the attributes of ``file``."""
    if not settings.preserve:
        return plan
    metadata = {**to_metadata(file.attributes, settings.preserve), **plan.options.metadata}
    return replace(plan, options=replace(plan.options, metadata=metadata))


async def _send_parts(
    session: Session, plan: WritePlan, file: SourceFile, reporter: ProgressReporter, *, resume: bool
) -> None:
    ranges = part_ranges(file.size, plan.part_size)
    resumed = await _find_resumable(session, plan, file, ranges) if resume else None
    stored_numbers = {part.number for part in resumed.parts} if resumed else set()
    for part in ranges:
        if part.number in stored_numbers:
            reporter.add_bytes(part.stop - part.start)
    jobs = [
        PartTask(part.number, _PartUpload(session, file, reporter, part).send)
        for part in ranges
        if part.number not in stored_numbers
    ]
    upload, width = MultipartUpload(session, plan, resumed), session.config.max_concurrency
    await PartsUpload(upload, jobs, file.size, width, keep_open=resume, check=file.check).run()


@dataclass(frozen=True, slots=True)
class _PartUpload:
    """One part of a file on its way."""

    session: Session
    file: SourceFile
    reporter: ProgressReporter
    part: PartRange

    async def send(self, upload: MultipartUpload) -> None:
        size = self.part.stop - self.part.start
        async with self.session.budget.reserve(size):
            await upload.send(self.part.number, [await self.file.read(self.part.start, self.part.stop)])
        self.reporter.add_bytes(size)


async def _find_resumable(
    session: Session, plan: WritePlan, file: SourceFile, ranges: Sequence[PartRange]
) -> ResumedUpload | None:
    """Find the upload that an earlier attempt at the same file has left: the latest one with a part that fits."""
    admin = await session.admin(plan.url)
    uploads = [each for each in await admin.list_multipart_uploads(plan.url) if each.key == plan.url.key]
    for upload in sorted(uploads, key=lambda upload: upload.initiated, reverse=True):
        parts = await _matching_parts(session, file, ranges, await admin.list_parts(plan.url, upload.upload_id))
        if parts:
            return ResumedUpload(upload.upload_id, parts)
    return None


async def _matching_parts(
    session: Session, file: SourceFile, ranges: Sequence[PartRange], stored: Sequence[StoredPart]
) -> list[StoredPart]:
    """Return the stored parts that are the file's bytes: same offset, same size, same MD5."""
    by_number = {part.number: part for part in ranges}
    matching: list[StoredPart] = []

    async def compare(part: StoredPart) -> None:
        part_range = by_number.get(part.number)
        if part_range is not None and part_range.stop - part_range.start == part.size:
            [digest] = await file.md5s([part_range])
            if digest.hex() == part.etag:
                matching.append(part)

    await for_each(as_async(stored), compare, session.config.max_concurrency)
    return matching


async def etag_of(session: Session, path: str, etag: str) -> str | None:
    """Return the ETag that the file at ``path`` has, or would have in as many parts as ``etag`` says.

    None if the object was sent in parts of other sizes than this session sends: its ETag cannot be computed.
    """
    digest, _, count = etag.partition("-")
    async with open_source(path) as file:
        if not count:
            ranges = part_ranges(file.size, max(file.size, 1))
            return (await file.md5s(ranges))[0].hex() if ranges else md5_hex(())
        ranges = part_ranges(file.size, session.config.part_size)
        if not digest or str(len(ranges)) != count:
            return None
        return multipart_etag(await file.md5s(ranges))
