"""``concat``: several objects become one, most of it inside S3."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from itertools import accumulate
from typing import TYPE_CHECKING

from aios3._aligned_buffers import allocate_aligned
from aios3._arguments import check_arguments
from aios3._backend import GetOptions, PartSource
from aios3._config import check_bound
from aios3._handles.missing import explain_missing
from aios3._handles.prepare_plan import plan_write
from aios3._paths import S3Url
from aios3._session import current_session
from aios3._storing.equal_parts import is_unequal_parts_error, requires_equal_parts
from aios3._storing.multipart import MultipartUpload
from aios3._storing.store_object import store_object
from aios3._storing.write_plan import replacing_plan
from aios3._trees.concatenation_plan import plan_equal_parts, plan_parts
from aios3._trees.download_file import read_into
from aios3._trees.part_uploads import PartsUpload, PartTask
from aios3._trees.runner import as_async, for_each
from aios3.errors import ObjectNotFoundError, ServerError, UnsupportedError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from aios3._entries import StatResult, WriteResult
    from aios3._paths import AnyPath
    from aios3._session import Session
    from aios3._storing.write_plan import WritePlan
    from aios3._trees.concatenation_plan import PlannedPart, Slice


async def concat(
    src_paths: Iterable[AnyPath],
    dst_path: AnyPath,
    block_size: int = 8 * 1024 * 1024,
    max_workers: int | None = None,
    *,
    session: Session | None = None,
) -> WriteResult:
    """Write the bytes of all sources, in their order, as one object, which appears as a whole or not at all.

    S3 copies sources of 5 MiB and more itself. Smaller sources, and those of another profile, are read and sent again
    in parts of ``block_size`` bytes (at least 5 MiB). So are all sources on servers that cannot copy parts.
    ``max_workers`` is how many parts are in the works at once; None leaves it to the session. The target may be one of
    the sources. No source, or only empty ones, make an empty object.

    Raises ObjectNotFoundError, PathIsDirectoryError, and ObjectChangedError if a source is written to meanwhile.
    """
    check_arguments(block_size=block_size)
    current = current_session(session)
    if max_workers is not None:
        check_bound("max_workers", max_workers)
    target = S3Url.parse(dst_path).require_object()
    urls = [S3Url.parse(path).require_object() for path in src_paths]
    width = max_workers or current.config.max_concurrency
    concatenation = _Concat(current, target, urls, await _describe(current, urls, width), block_size, width)
    try:
        return await concatenation.run(can_copy=True)
    except UnsupportedError as error:
        return await concatenation.run(
            can_copy=is_unequal_parts_error(error)
        )  # parts of different sizes; now they will be equal


async def _describe(session: Session, urls: Sequence[S3Url], width: int) -> list[StatResult]:
    stats: dict[S3Url, StatResult] = {}

    async def describe(url: S3Url) -> None:
        try:
            stats[url] = await (await session.backend(url)).head_object(url, GetOptions())
        except ObjectNotFoundError as error:
            await explain_missing(session, url, error)
            raise

    await for_each(as_async(dict.fromkeys(urls)), describe, width)
    return [stats[url] for url in urls]


@dataclass(frozen=True, slots=True)
class _Concat:
    session: Session
    target: S3Url
    urls: Sequence[S3Url]
    stats: Sequence[StatResult]
    block_size: int
    width: int

    async def run(self, *, can_copy: bool) -> WriteResult:
        copyable = [can_copy and url.profile == self.target.profile for url in self.urls]
        plan_all = plan_equal_parts if await requires_equal_parts(self.session, self.target) else plan_parts
        parts = plan_all([stat.size for stat in self.stats], copyable, self.block_size)
        plan = await plan_write(self.session, replacing_plan(self.session, self.target))
        if not parts or (len(parts) == 1 and not parts[0].copied):
            return await self._put(plan, parts)
        jobs = [PartTask(number, partial(self._send, part, number)) for number, part in enumerate(parts, 1)]
        upload, size = MultipartUpload(self.session, plan), sum(part.size for part in parts)
        check = partial(self._check, upload, parts) if any(part.copied for part in parts) else None
        return await PartsUpload(upload, jobs, size, self.width, check=check).run()

    async def _put(self, plan: WritePlan, parts: Sequence[PlannedPart]) -> WriteResult:
        """Store what is small, or empty, in one request."""
        async with self.session.budget.reserve(sum(part.size for part in parts)):
            data = await self._read(parts[0].slices) if parts else memoryview(b"")
            return await store_object(self.session, plan, [data])

    async def _send(self, part: PlannedPart, number: int, upload: MultipartUpload) -> None:
        if part.copied:
            [part_slice] = part.slices
            source, etag = self.urls[part_slice.source], self.stats[part_slice.source].etag
            await upload.copy(number, PartSource(source, part_slice.start, part_slice.stop, etag))
            return
        async with self.session.budget.reserve(part.size):
            await upload.send(number, [await self._read(part.slices)])

    async def _read(self, slices: Sequence[Slice]) -> memoryview:
        """Read slices into one buffer, several at once."""
        ends = list(accumulate(part_slice.size for part_slice in slices))
        data = memoryview(allocate_aligned(ends[-1]))

        async def read(slice_and_end: tuple[Slice, int]) -> None:
            part_slice, end = slice_and_end
            view = data[end - part_slice.size : end]
            await read_into(
                self.session, self.urls[part_slice.source], self.stats[part_slice.source].etag, part_slice.start, view
            )

        await for_each(as_async(zip(slices, ends, strict=True)), read, self.width)
        return data

    async def _check(self, upload: MultipartUpload, parts: Sequence[PlannedPart]) -> None:
        """Raise ServerError unless S3 holds parts of the sizes that were asked for: a response to a copy has none."""
        admin = await self.session.admin(self.target)
        stored = {part.number: part.size for part in await admin.list_parts(self.target, await upload.wait_open())}
        for number, part in enumerate(parts, 1):
            if stored.get(number) != part.size:
                wrong = f"part {number} has {stored.get(number)} bytes and not {part.size}"
                message = f"UploadPartCopy {self.target}: {wrong}; nothing was published"
                raise ServerError(message, path=str(self.target), operation="UploadPartCopy")
