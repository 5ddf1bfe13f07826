"""The requests of one write whose bytes come one after another: parts in the background, then one object or none."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from aios3._backend import Part, PartSource
from aios3._config import target_bytes_per_second
from aios3._engine import parts
from aios3._engine.bandwidth import BandwidthEstimator
from aios3._engine.checksums import checksum_of
from aios3._engine.tasks import OwnedTasks, wait_all
from aios3._storing.equal_parts import requires_equal_parts
from aios3._storing.multipart import MultipartUpload
from aios3._storing.store_object import store_object
from aios3.errors import ClosedHandleError

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence

    from aios3._entries import WriteResult
    from aios3._session import Session
    from aios3._storing.write_plan import WritePlan

ABORT_PATIENCE_SECONDS = 5.0
"""How long a caller waits for the abort of its upload; then it goes on in the background, owned by the session."""

_CHECK_SERVER_SHARE = 5
"""Long before parts would grow, after a fifth of those that do not, it is found out whether the server takes that."""


class Upload:
    """The requests of one write: one PutObject, or a multipart upload that begins with its first part."""

    def __init__(self, session: Session, plan: WritePlan) -> None:
        self.failure: Exception | None = None
        self._session = session
        self._plan = plan
        self._multipart = MultipartUpload(session, plan)
        self._tasks = OwnedTasks()
        self._count = 0
        self._sending = 0
        self._pace = BandwidthEstimator(0, target_bytes_per_second(session.config))
        self._is_equal = plan.equal_parts
        self._has_checked_server = False
        self._stopping: asyncio.Task[None] | None = None
        self._loop = asyncio.get_running_loop()

    @property
    def upload_id(self) -> str | None:
        """The id of the multipart upload; None before S3 has sent it."""
        return self._multipart.upload_id

    @property
    def began(self) -> bool:
        """Return whether S3 has been asked for a multipart upload."""
        return self._multipart.began

    @property
    def needs_parts(self) -> bool:
        """Return whether one PutObject is not enough: the object begins with a copy of another."""
        return bool(self._plan.copies)

    @property
    def next_size(self) -> int:
        """Bytes of the next part."""
        number = max(self._count, len(self._plan.copies)) + 1
        return parts.part_size(number, self._plan.part_size, equal=self._is_equal)

    def fail(self, error: Exception) -> None:
        """Note that this write cannot be completed any more, unless that is known already."""
        self.failure = self.failure or error

    async def put_object(self, chunks: Sequence[bytes | memoryview]) -> WriteResult:
        """Store the whole object in one request."""
        return await store_object(self._session, self._plan, chunks)

    def start_part(self, chunks: Sequence[bytes | memoryview], reserved: int) -> None:
        """Send the next part in the background.

        The ``reserved`` bytes, moving, go back to the budget when it has ended.
        """
        self._start_copies()
        self._count += 1
        task = self._start(self._send(self._count, chunks), self._count)
        self._sending += reserved
        task.add_done_callback(lambda _task: self._on_part_sent(reserved))

    def _on_part_sent(self, reserved: int) -> None:
        self._sending -= reserved
        self._session.budget.release(reserved)

    @property
    def is_full(self) -> bool:
        """Return whether more bytes are on their way than make this server any faster."""
        return self.failure is None and self._sending > self._pace.readahead_bytes(self._plan.part_size)

    async def wait_for_capacity(self) -> None:
        """Wait while this is full; a failed part ends the wait."""
        while self.is_full:
            await self._tasks.wait_any()

    def reserve_first_part(self) -> None:
        """Keep number 1 for :meth:`start_first_part`."""
        self._count = 1

    def start_first_part(self, chunks: Sequence[bytes | memoryview], reserved: int) -> None:
        """Send part 1 in the background, after the others have been started."""
        task = self._start(self._send(1, chunks), 1)
        task.add_done_callback(lambda _task: self._session.budget.release(reserved))

    async def drain(self) -> None:
        """Wait until no part is under way."""
        await self._tasks.join()

    async def complete(self, size: int) -> WriteResult:
        """Wait for all parts and make them one object of ``size`` bytes."""
        self._start_copies()
        await self._tasks.join()
        if self.failure is not None:
            raise self.failure
        if self._multipart.parts_stored != self._count:
            missing = self._count - self._multipart.parts_stored
            message = f"{self._plan.url}: sending was cancelled with {missing} parts missing"
            raise ClosedHandleError(message, path=str(self._plan.url))
        return await self._multipart.complete(size)

    async def acquire_memory(self, size: int) -> None:
        """Take ``size`` bytes from the budget, in line. Raises ClosedHandleError if :meth:`abort` comes first."""
        message = f"{self._plan.url} was aborted while it was being written"
        await self._session.budget.acquire_owned(size, self._tasks, message, path=str(self._plan.url))

    async def abort(self, patience: float = ABORT_PATIENCE_SECONDS) -> None:
        """Stop all parts, then make S3 forget the upload. Safe to repeat, from any task of the loop.

        It runs in a task that cannot be cancelled. The caller waits for it for ``patience`` seconds at most, also if it
        is cancelled meanwhile.
        """
        await wait_all([self.stop()], patience)

    def stop(self) -> asyncio.Task[None]:
        """Have all parts stopped and then the upload aborted, and return the task that does it."""
        if self._stopping is None:
            name = f"aios3 abort {self._plan.url}"
            self._stopping = self._session.tasks.start(self._stop(), name=name, shielded=True)
        return self._stopping

    async def _stop(self) -> None:
        late_parts = self._tasks.active > 0
        await self._tasks.aclose()
        await self._multipart.abort(late_parts=late_parts)

    def _start_copies(self) -> None:
        copy_source = self._plan.copy_source
        if copy_source is None or self._count:
            return
        for start, stop in self._plan.copies:
            self._count += 1
            source = PartSource(self._plan.copy_source_url or self._plan.url, start, stop, copy_source.etag)
            self._start(self._copy(self._count, source), self._count)

    def _start(self, sending: Coroutine[object, object, None], number: int) -> asyncio.Task[None]:
        self._multipart.start()
        return self._tasks.start(sending, name=f"aios3 part {number} {self._plan.url}")

    # The error of a part is kept for the writer, which raises it at its next call.

    async def _send(self, number: int, chunks: Sequence[bytes | memoryview]) -> None:
        url, multipart = self._plan.url, self._multipart
        try:
            if multipart.upload_id is None:
                await multipart.wait_open()
            if not self._has_checked_server and number >= parts.CONSTANT_SIZE_PARTS // _CHECK_SERVER_SHARE:
                self._has_checked_server = True
                self._is_equal = self._is_equal or await requires_equal_parts(self._session, url)
            started, size = self._loop.time(), sum(map(len, chunks))
            backend = self._session.cached_backend(url) or await self._session.backend(url)
            checksum = checksum_of(chunks, self._plan.algorithm)
            part = await multipart.sending(backend, number, chunks, checksum)
            multipart.record(Part(number, part.etag, part.checksum or checksum), size)
            self._pace.record_latency(0.0)  # of a part only the whole time is known, so all of it counts for its bytes
            self._pace.record_transfer(size, self._loop.time() - started)
        except Exception as error:  # noqa: BLE001 - see above
            self.fail(error)

    async def _copy(self, number: int, source: PartSource) -> None:
        try:
            await self._multipart.copy(number, source)
            if self._plan.on_part_copied is not None:
                self._plan.on_part_copied(source.stop - source.start)
        except Exception as error:  # noqa: BLE001 - see above
            self.fail(error)
