"""What S3 holds of a write that is not finished: the upload, its parts in flight, and how to make it one or none."""

from __future__ import annotations

import asyncio
import hashlib
from functools import partial
from typing import TYPE_CHECKING

from aios3._backend import Condition, ReadOptions
from aios3._engine.checksums import checksum_of, whole_checksum
from aios3._engine.pace import Pace
from aios3._engine.parts import copy_ranges, part_size
from aios3._engine.tasks import OwnedTasks
from aios3._entries import WriteResult
from aios3.errors import (
    ClosedHandleError,
    ObjectChangedError,
    ObjectExistsError,
    S3Error,
    UnsupportedError,
    worth_retrying,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from aios3._backend import Checksum, Part
    from aios3._handles.plan import WritePlan
    from aios3._session import Session

    Attempt = Callable[[Condition], Awaitable[WriteResult]]

_MD5_HEX_DIGITS = 32


class Upload:
    """The requests of one write: one PutObject, or a multipart upload that begins with its first part."""

    def __init__(self, session: Session, plan: WritePlan) -> None:
        self.upload_id: str | None = None
        self.failure: Exception | None = None
        self._session = session
        self._plan = plan
        self._creation: asyncio.Task[str] | None = None
        self._tasks = OwnedTasks()
        self._parts: dict[int, Part] = {}
        self._copies = copy_ranges(plan.base.size, plan.copied_size) if plan.base else []
        self._count = 0
        self._sending = 0
        self._pace = Pace(near_seconds=0)
        self._sums: dict[int, tuple[Checksum, int]] = {}
        """Of each part that was sent, its checksum and its size."""

    @property
    def needs_parts(self) -> bool:
        """Whether one PutObject cannot do it: the object begins with a copy of another."""
        return bool(self._copies)

    @property
    def next_size(self) -> int:
        """Bytes of the next part."""
        number = max(self._count, len(self._copies)) + 1
        return part_size(number, self._plan.part_size)

    def fail(self, error: Exception) -> None:
        """Note that this write cannot be completed any more, unless that is known already."""
        self.failure = self.failure or error

    async def put(self, pieces: Sequence[bytes | memoryview]) -> WriteResult:
        """Store the whole object in one request."""
        backend = await self._session.backend(self._plan.url)
        checksum = checksum_of(pieces, self._plan.algorithm)

        async def attempt(condition: Condition) -> WriteResult:
            options = self._plan.options
            return await backend.put_object(
                self._plan.url, pieces, options=options, condition=condition, checksum=checksum
            )

        condition = self._plan.condition
        if not condition.if_absent and condition.if_match is None:
            return await attempt(condition)
        # An answer that was lost may have been a yes: sent again, the request would meet its own object.
        look = partial(self._stored, pieces)
        return await self._until_known(partial(self._under_condition, attempt), look)

    def start_part(self, pieces: Sequence[bytes | memoryview], paid: int) -> None:
        """Send the next part in the background; the ``paid`` bytes, moving, go back to the budget when it has ended."""
        self._start_copies()
        self._count += 1
        task = self._start(partial(self._send, self._count, pieces))
        self._sending += paid
        task.add_done_callback(lambda _task: self._sent(paid))

    def _sent(self, paid: int) -> None:
        self._sending -= paid
        self._session.budget.give_back(paid)

    async def wait_for_turn(self) -> None:
        """Wait while more is on its way than makes this server any faster; a failed part ends the wait."""
        while self.failure is None and self._sending > self._pace.window(self._plan.part_size):
            await self._tasks.join_one()

    def hold_first(self) -> None:
        """Keep number 1 for :meth:`start_first`."""
        self._count = 1

    def start_first(self, pieces: Sequence[bytes | memoryview], paid: int) -> None:
        """Send part 1 in the background, after the others have been started."""
        task = self._start(partial(self._send, 1, pieces), number=1)
        task.add_done_callback(lambda _task: self._session.budget.give_back(paid))

    async def drain(self) -> None:
        """Wait until no part is under way."""
        await self._tasks.join()

    async def complete(self, size: int) -> WriteResult:
        """Wait for all parts and make them one object of ``size`` bytes."""
        self._start_copies()
        await self._tasks.join()
        if self.failure is not None:
            raise self.failure
        if len(self._parts) != self._count:
            message = f"{self._plan.url}: sending was cancelled with {self._count - len(self._parts)} parts missing"
            raise ClosedHandleError(message, path=str(self._plan.url))
        backend = await self._session.backend(self._plan.url)
        parts = [self._parts[number] for number in sorted(self._parts)]
        upload_id = await self._created()
        whole = whole_checksum([self._sums[number] for number in sorted(self._sums)])

        async def attempt(condition: Condition) -> WriteResult:
            return await backend.complete_multipart_upload(
                self._plan.url,
                upload_id,
                parts,
                options=self._plan.options,
                condition=condition,
                checksum=whole,
            )

        look = partial(self._completed, parts, size)
        done = await self._until_known(partial(self._under_condition, attempt), look)
        self._session.forget_upload(upload_id)
        return WriteResult(size, done.etag, done.version_id, done.checksum)

    async def wait_for_memory(self, size: int) -> None:
        """Take ``size`` bytes from the budget, in line. Raises ClosedHandleError if :meth:`abort` comes first."""
        taking = self._tasks.start(self._session.budget.take(size), name=f"aios3 memory {self._plan.url}")
        try:
            await asyncio.shield(taking)
        except asyncio.CancelledError:
            if taking.cancelled():
                message = f"{self._plan.url} was aborted while it was being written"
                raise ClosedHandleError(message, path=str(self._plan.url)) from None
            if taking.done():
                self._session.budget.give_back(size)
            else:
                taking.cancel()
            raise

    async def abort(self) -> None:
        """End all requests and make S3 forget the upload."""
        await self._tasks.aclose()
        if self._creation is None:
            return
        # An upload whose creation is under way cannot be aborted before its id is known.
        await asyncio.wait({self._creation})
        if not self._creation.cancelled():
            self._creation.exception()  # retrieved: a failed creation is what the write has failed with
        if self.upload_id is not None:
            await self._session.abort_upload(self._plan.url, self.upload_id)

    def _start_copies(self) -> None:
        base = self._plan.base
        if base is None or self._count:
            return
        for start, stop in self._copies:
            self._count += 1
            self._start(partial(self._copy, self._count, start, stop, base.etag))

    def _start(self, sending: Callable[[], Awaitable[Part]], *, number: int | None = None) -> asyncio.Task[None]:
        if self._creation is None:
            self._creation = self._session.tasks.start(self._create(), name=f"aios3 create {self._plan.url}")
        number = number or self._count
        return self._tasks.start(self._keep(number, sending), name=f"aios3 part {number} {self._plan.url}")

    async def _keep(self, number: int, sending: Callable[[], Awaitable[Part]]) -> None:
        try:
            self._parts[number] = await sending()
        except Exception as error:  # noqa: BLE001 - kept for the writer, which raises it at its next call
            self.fail(error)

    async def _create(self) -> str:
        plan = self._plan
        backend = await self._session.backend(plan.url)
        self.upload_id = await backend.create_multipart_upload(plan.url, plan.options, plan.algorithm)
        self._session.remember_upload(plan.url, self.upload_id)
        return self.upload_id

    async def _created(self) -> str:
        assert self._creation is not None
        return await asyncio.shield(self._creation)

    async def _send(self, number: int, pieces: Sequence[bytes | memoryview]) -> Part:
        upload_id = await self._created()
        backend = await self._session.backend(self._plan.url)
        checksum, size = checksum_of(pieces, self._plan.algorithm), sum(map(len, pieces))
        if checksum is not None:
            self._sums[number] = checksum, size
        options = self._plan.options
        clock = asyncio.get_running_loop().time
        begun = clock()
        part = await backend.upload_part(self._plan.url, upload_id, number, pieces, options=options, checksum=checksum)
        self._pace.answered(0.0)  # of a part only the whole time is known, so all of it counts for its bytes
        self._pace.arrived(size, clock() - begun)
        return part

    async def _copy(self, number: int, start: int, stop: int, etag: str | None) -> Part:
        upload_id = await self._created()
        url = self._plan.url
        backend = await self._session.backend(url)
        part = await backend.upload_part_copy(
            url, upload_id, number, source=self._plan.base_url or url, start=start, stop=stop, if_match=etag
        )
        if self._plan.on_copied is not None:
            self._plan.on_copied(stop - start)
        return part

    async def _under_condition(self, attempt: Attempt) -> WriteResult:
        condition = self._plan.condition
        try:
            return await attempt(condition)
        except ObjectChangedError as error:
            if self._plan.mode != "xb":
                raise
            message = f"{self._plan.url} was created by somebody else meanwhile; mode 'x' replaces nothing"
            raise ObjectExistsError(message, path=str(self._plan.url), code=error.code, status=error.status) from error
        except ObjectExistsError as error:
            if self._plan.mode != "ab":
                raise
            message = f"{self._plan.url} was created by somebody else meanwhile; open it again to append to that"
            raise ObjectChangedError(message, path=str(self._plan.url), code=error.code, status=error.status) from error
        except UnsupportedError:
            if self._plan.mode != "ab" or condition == Condition():
                raise
            await self._check_base_unchanged(condition)
            return await attempt(Condition())

    async def _check_base_unchanged(self, condition: Condition) -> None:
        """Compare here what this server cannot compare: whether an append still follows what it was opened on."""
        url = self._plan.url
        backend = await self._session.backend(url)
        options = ReadOptions(sse_customer_key=self._plan.options.sse_customer_key)
        try:
            etag = (await backend.head_object(url, options)).etag
        except FileNotFoundError:
            etag = None
        if etag != condition.if_match:
            message = f"{url} changed while it was being appended to; nothing was written"
            raise ObjectChangedError(message, path=str(url))

    async def _until_known(
        self, attempt: Callable[[], Awaitable[WriteResult]], look: Callable[[], Awaitable[WriteResult | None]]
    ) -> WriteResult:
        """Repeat what must not happen twice: after a failure that may have been a success, ``look`` comes first."""
        failures = 0
        while True:
            try:
                return await attempt()
            except S3Error as error:
                uncertain = failures > 0 or worth_retrying(error) or error.code == "NoSuchUpload"
                found = await look() if uncertain else None
                if found is not None:
                    return found
                failures += 1
                pause = self._session.policy_at(self._plan.url).pause(error, failures)
            await asyncio.sleep(pause)

    async def _completed(self, parts: Sequence[Part], size: int) -> WriteResult | None:
        """Return the result of a completion whose answer was lost, if the object is there."""
        return await self._result_if(size, multipart_etag(parts))

    async def _stored(self, pieces: Sequence[bytes | memoryview]) -> WriteResult | None:
        """Return the result of a PutObject whose answer was lost, if the object is there."""
        digest = await asyncio.to_thread(_md5, pieces)
        return await self._result_if(sum(map(len, pieces)), digest)

    async def _result_if(self, size: int, etag: str | None) -> WriteResult | None:
        backend = await self._session.backend(self._plan.url)
        options = ReadOptions(sse_customer_key=self._plan.options.sse_customer_key)
        try:
            found = await backend.head_object(self._plan.url, options)
        except S3Error:
            return None  # whether it is there stays unknown; the failure that was met first is what is raised
        if found.size != size or found.etag is None or found.etag != etag:
            return None
        return WriteResult(size, found.etag, found.version_id)


def _md5(pieces: Sequence[bytes | memoryview]) -> str:
    digest = hashlib.md5(usedforsecurity=False)
    for piece in pieces:
        digest.update(piece)
    return digest.hexdigest()


def multipart_etag(parts: Sequence[Part]) -> str | None:
    """Return the ETag that S3 gives to an object of ``parts``; None where the parts' own ETags are no MD5."""
    if any(len(part.etag) != _MD5_HEX_DIGITS for part in parts):
        return None
    digest = hashlib.md5(b"".join(bytes.fromhex(part.etag) for part in parts), usedforsecurity=False)
    return f"{digest.hexdigest()}-{len(parts)}"
