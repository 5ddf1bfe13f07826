"""One multipart upload: started once, its parts sent from anywhere in any order, completed once or aborted.

::

    NEW --> CREATING --> OPEN --> COMPLETING --> COMPLETED
     |         |          |           |
     +---------+----------+-----------+--------> ABORTED
"""

from __future__ import annotations

import asyncio
import enum
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from aios3._backend import GetOptions, Part
from aios3._engine.checksums import checksum_of, combine_checksums
from aios3._engine.tasks import OwnedTasks, run_shielded
from aios3._entries import WriteResult
from aios3._storing.creation import UploadCreation
from aios3._storing.equal_parts import raise_if_sizes_rejected
from aios3._storing.outcome import (
    etag_of_parts,
    head_or_none_on_error,
    is_recent,
    retry_unless_stored,
    with_checks,
)
from aios3.errors import ObjectChangedError, ObjectNotFoundError, S3Error

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence

    from aios3._backend import Checksum, PartSource, Precondition, StoredPart
    from aios3._calls import ObjectBackend
    from aios3._paths import S3Url
    from aios3._session import Session
    from aios3._storing.write_plan import WritePlan

_NO_UPLOAD = "NoSuchUpload"


class UploadState(enum.Enum):
    """Where an upload stands."""

    NEW = "new"
    CREATING = "creating"
    OPEN = "open"
    COMPLETING = "completing"
    COMPLETED = "completed"
    ABORTED = "aborted"


@dataclass(frozen=True, slots=True)
class ResumedUpload:
    """An upload that is open already, and the parts of it that are used."""

    upload_id: str
    parts: Sequence[StoredPart] = ()


class MultipartUpload:
    """The multipart upload of one write."""

    def __init__(self, session: Session, plan: WritePlan, resumed: ResumedUpload | None = None) -> None:
        self.state = UploadState.NEW
        self.upload_id: str | None = None
        self._session = session
        self._plan = plan
        self._creation: UploadCreation | None = None
        self._creating: asyncio.Task[str] | None = None
        self._parts: dict[int, Part] = {}
        self._sizes: dict[int, int] = {}
        self._sources: set[tuple[S3Url, str]] = set()
        self._loop = asyncio.get_running_loop()
        self._started = self._loop.time()
        if resumed is not None:
            self.upload_id, self.state = resumed.upload_id, UploadState.OPEN
            self._parts = {part.number: Part(part.number, part.etag) for part in resumed.parts}
            self._sizes = {part.number: part.size for part in resumed.parts}

    @property
    def parts_stored(self) -> int:
        """How many parts S3 has acknowledged."""
        return len(self._parts)

    @property
    def began(self) -> bool:
        """Return whether S3 has been asked for the upload."""
        return self.state is not UploadState.NEW

    def start(self) -> None:
        """Begin the upload in the background, unless it has been started."""
        if self.state is UploadState.NEW:
            self.state = UploadState.CREATING
            self._creation = UploadCreation(self._session, self._plan)
            self._started = self._loop.time()
            self._creating = self._session.tasks.start(self._create(), name=f"aios3 create {self._plan.url}")
            self._creating.add_done_callback(lambda done: done.cancelled() or done.exception())

    async def _create(self) -> str:
        assert self._creation is not None
        self.upload_id = await self._creation.run()
        self.state = UploadState.OPEN
        return self.upload_id

    async def wait_open(self) -> str:
        """Begin the upload if that has not been done, and return its id once S3 has sent it."""
        self.start()
        if self._creating is not None:
            return await asyncio.shield(self._creating)
        assert self.upload_id is not None
        return self.upload_id

    async def send(self, number: int, chunks: Sequence[bytes | memoryview]) -> None:
        """Send one part."""
        if self.upload_id is None:
            await self.wait_open()
        backend = self._session.cached_backend(self._plan.url) or await self._session.backend(self._plan.url)
        checksum = checksum_of(chunks, self._plan.algorithm)
        part = await self.sending(backend, number, chunks, checksum)
        self.record(Part(number, part.etag, part.checksum or checksum), sum(map(len, chunks)))

    def sending(
        self, backend: ObjectBackend, number: int, chunks: Sequence[bytes | memoryview], checksum: Checksum | None
    ) -> Coroutine[None, None, Part]:
        """Return what sends one part of the open upload; what comes of it is for :meth:`record`."""
        assert self.upload_id is not None
        plan = self._plan
        return backend.upload_part(plan.url, self.upload_id, number, chunks, options=plan.options, checksum=checksum)

    async def copy(self, number: int, source: PartSource) -> None:
        """Have S3 make one part of bytes that it has."""
        upload_id = await self.wait_open()
        plan, backend = self._plan, await self._session.backend(self._plan.url)
        keyed = replace(source, sse_customer_key=plan.options.sse_customer_key)
        part = await backend.upload_part_copy(plan.url, upload_id, number, keyed)
        if source.if_match is not None:
            self._sources.add((source.url, source.if_match))
        self.record(part, source.stop - source.start)

    def record(self, part: Part, size: int) -> None:
        """Note a part of ``size`` bytes that S3 has stored."""
        self._parts[part.number] = part
        self._sizes[part.number] = size

    async def complete(self, size: int) -> WriteResult:
        """Make one object of ``size`` bytes of the parts; looked at where the response is lost."""
        upload_id = await self.wait_open()
        if self._creation is not None:
            await self._creation.abort_lost(upload_id)
        await self._check_sources()
        self.state = UploadState.COMPLETING
        # The parts took their time, so what was seen before them says little; a source has just been compared.
        head_first = (self._plan.url, self._plan.condition.if_match) not in self._sources
        complete = partial(self._complete_once, upload_id)
        attempt = with_checks(self._session, self._plan, complete, head_first=head_first)
        try:
            lookup, policy = partial(self._lookup_completed, upload_id, size), self._session.policy_at(self._plan.url)
            result = await retry_unless_stored(policy, attempt, lookup, lookup_is_reliable=True)
        except S3Error as error:
            raise_if_sizes_rejected(
                self._session, self._plan.url, [self._sizes[part.number] for part in self._ordered()], error
            )
            raise
        self.state = UploadState.COMPLETED
        self._session.untrack_upload(upload_id)
        return WriteResult(size, result.etag, result.version_id, result.checksum)

    async def _complete_once(self, upload_id: str, condition: Precondition) -> WriteResult:
        plan, backend = self._plan, await self._session.backend(self._plan.url)
        return await backend.complete_multipart_upload(
            plan.url,
            upload_id,
            self._ordered(),
            options=plan.options,
            condition=condition,
            checksum=self._whole_checksum(),
        )

    def _ordered(self) -> list[Part]:
        return [self._parts[number] for number in sorted(self._parts)]

    def _whole_checksum(self) -> Checksum | None:
        """Combine the checksums of all parts; None if S3 has not sent that of a part it has copied."""
        sums: list[tuple[Checksum, int]] = []
        for part in self._ordered():
            if part.checksum is None or part.checksum.algorithm != self._plan.algorithm:
                return None
            sums.append((part.checksum, self._sizes[part.number]))
        return combine_checksums(sums)

    async def _lookup_completed(self, upload_id: str, size: int, error: S3Error) -> WriteResult | None:
        """Return what a completion has made whose response was lost.

        An upload that is open still has not been completed, whatever object is there. One that is gone has been: by us,
        if the object that is there is made of these parts.
        """
        if error.code != _NO_UPLOAD and not await self._is_gone(upload_id):
            return None
        stat = await head_or_none_on_error(self._session, self._plan)
        if stat is None or stat.size != size or stat.etag is None or stat.etag != etag_of_parts(self._ordered()):
            return None
        if not is_recent(stat, self._loop.time() - self._started):
            return None
        return WriteResult(size, stat.etag, stat.version_id)

    async def _is_gone(self, upload_id: str) -> bool:
        admin = await self._session.admin(self._plan.url)
        try:
            await admin.list_parts(self._plan.url, upload_id)
        except ObjectNotFoundError as error:
            return error.code == _NO_UPLOAD
        except S3Error:
            return False  # unknown: the first error is raised, and the upload aborted
        return False

    async def _check_sources(self) -> None:
        """Raise ObjectChangedError if a copied object has been replaced: not every server compares its ETag."""
        backend = await self._session.backend(self._plan.url)
        if not self._sources or backend.is_aws:
            return
        checks = OwnedTasks()
        running = [
            checks.start(self._check_source(url, etag), name=f"aios3 check {url}") for url, etag in self._sources
        ]
        try:
            await asyncio.gather(*running)
        finally:
            await checks.aclose()

    async def _check_source(self, url: S3Url, etag: str) -> None:
        backend = await self._session.backend(url)
        options = GetOptions(sse_customer_key=self._plan.options.sse_customer_key)
        if (await backend.head_object(url, options)).etag != etag:
            message = f"{url} was replaced while it was being copied; nothing was written"
            raise ObjectChangedError(message, path=str(url))

    async def abort(self, *, late_parts: bool = False) -> None:
        """Make S3 forget the upload; its parts have ended, or never begin. Out of reach of any cancellation.

        ``late_parts``: requests of parts were cut off. S3 may store one of them after the abort, so it gets another.
        """
        await run_shielded(self._abort(late_parts=late_parts), name=f"aios3 abort {self._plan.url}")

    async def _abort(self, *, late_parts: bool) -> None:
        if self._creation is not None and self._creating is not None:
            # An upload whose creation is under way cannot be aborted before its id is known.
            self._creation.expect_abort()
            await asyncio.wait([self._creating])
        if self.state in (UploadState.COMPLETED, UploadState.ABORTED):
            return
        self.state = UploadState.ABORTED
        if self.upload_id is None:
            return
        if self._creation is not None:
            await self._creation.abort_lost(self.upload_id)
        for _ in range(1 + late_parts):
            await self._session.abort_upload(self._plan.url, self.upload_id)

    def leave_open(self) -> None:
        """Leave the upload as it is, to be resumed later."""
        if self.upload_id is not None:
            self._session.untrack_upload(self.upload_id)
