"""The beginning of a multipart upload: once S3 was asked for one, its id is found out, whatever is cancelled.

Without its id an upload cannot be ended, and S3 keeps it, with its parts, for ever. So the request runs in a task that
cannot be cancelled; a cancellation meanwhile waits for the response, for a few seconds at most.

A response that is lost may have started an upload all the same. A later one, whose id is known, shows the server's
clock. Candidates are uploads of the same key that were started between the first request and that one, are empty, and
are unknown to this session. They are aborted if there are no more of them than lost responses. Otherwise one of them
may be another client's: then they are named in the log and stay. If no response comes at all, the log says so.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from aios3._engine.tasks import start_unlisted, wait_all
from aios3._logs import get_logger
from aios3._storing.outcome import may_have_succeeded
from aios3.errors import RequestTimeoutError, S3Error

if TYPE_CHECKING:
    from aios3._backend import OpenUpload
    from aios3._session import Session
    from aios3._storing.write_plan import WritePlan

CANCELLED_PATIENCE_SECONDS = 5.0
"""How long a cancelled write waits for the id of its upload, a request at a time."""
_ROUNDING_SECONDS = 1.0

_log = get_logger("aios3.session")


class UploadCreation:
    """Begins one upload. ``lost_responses`` counts the responses that did not come."""

    def __init__(self, session: Session, plan: WritePlan) -> None:
        self._session = session
        self._plan = plan
        self._abort_expected = asyncio.Event()
        self._started = asyncio.get_running_loop().time()
        self.lost_responses = 0

    async def run(self) -> str:
        """Return the id of a new upload; a cancellation meanwhile is raised when the upload has been aborted again."""
        work = start_unlisted(self._create(), name=f"aios3 creation {self._plan.url}")
        try:
            await self._wait(work)
        except asyncio.CancelledError:
            if not work.cancelled() and work.exception() is None:
                await wait_all(
                    [start_unlisted(self._abort_created(work.result()), name=f"aios3 abort {self._plan.url}")]
                )
            raise
        return work.result()

    def expect_abort(self) -> None:
        """Say that the upload is only needed to be aborted."""
        self._abort_expected.set()

    async def _wait(self, work: asyncio.Task[str]) -> None:
        try:
            await asyncio.wait([work])
        except asyncio.CancelledError:
            self.expect_abort()
            await wait_all([work])
            raise

    async def _abort_created(self, upload_id: str) -> None:
        await self.abort_lost(upload_id)
        await self._session.abort_upload(self._plan.url, upload_id)

    async def _create(self) -> str:
        failures = 0
        while True:
            try:
                upload_id = await self._attempt()
            except S3Error as error:
                failures += 1
                self.lost_responses += may_have_succeeded(error)
                pause = self._next_delay(error, failures)
            else:
                self._session.track_upload(self._plan.url, upload_id)
                return upload_id
            await self._pause(pause)

    def _next_delay(self, error: S3Error, failures: int) -> float:
        """Return the delay (s) before the next attempt; raise ``error``, and name what may be open, after the last."""
        try:
            return self._session.policy_at(self._plan.url).next_delay(error, failures)
        except S3Error:
            if self.lost_responses:
                self._warn("no response has come that shows which of them are ours")
            raise

    async def _pause(self, seconds: float) -> None:
        """Wait before the next attempt; raise CancelledError where it is not needed any more."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._abort_expected.wait()
        if self._abort_expected.is_set() and not self.lost_responses:
            raise asyncio.CancelledError

    async def _attempt(self) -> str:
        """Send one request; once an abort is expected, wait for its response no longer than a few seconds."""
        plan, backend = self._plan, await self._session.backend(self._plan.url)
        creating = backend.create_multipart_upload(plan.url, plan.options, plan.algorithm)
        request = start_unlisted(creating, name=f"aios3 create {plan.url}")
        abort_wanted = start_unlisted(self._abort_expected.wait(), name=f"aios3 wait for an abort {plan.url}")
        await asyncio.wait([request, abort_wanted], return_when=asyncio.FIRST_COMPLETED)
        if not request.done():
            await asyncio.wait([request], timeout=CANCELLED_PATIENCE_SECONDS)
        unfinished = not request.done()
        for task in (request, abort_wanted):
            task.cancel()
        await asyncio.wait([request, abort_wanted])
        if unfinished and request.cancelled():
            message = f"CreateMultipartUpload {plan.url}: no response in {CANCELLED_PATIENCE_SECONDS:g} s"
            raise RequestTimeoutError(message, path=str(plan.url), operation="CreateMultipartUpload")
        return request.result()

    async def abort_lost(self, upload_id: str) -> None:
        """Abort the uploads that were started and whose responses were lost; the upload ``upload_id`` is still open."""
        if not self.lost_responses:
            return
        try:
            uploads = await self._orphans(upload_id)
        except S3Error as error:
            self._warn(f"they could not be looked for ({error})")
            return
        if len(uploads) > self.lost_responses:
            self._warn(f"{len(uploads)} may be ours or somebody else's: {[each.upload_id for each in uploads]}")
            return
        for each in uploads:
            await self._session.abort_upload(self._plan.url, each.upload_id)
        self.lost_responses = 0

    async def _orphans(self, upload_id: str) -> list[OpenUpload]:
        url, admin = self._plan.url, await self._session.admin(self._plan.url)
        uploads = [each for each in await admin.list_multipart_uploads(url) if each.key == url.key]
        own_upload = next((each for each in uploads if each.upload_id == upload_id), None)
        if own_upload is None:
            return []
        elapsed = asyncio.get_running_loop().time() - self._started
        earliest = own_upload.initiated - elapsed - _ROUNDING_SECONDS
        return [
            each
            for each in uploads
            if earliest <= each.initiated <= own_upload.initiated
            and not self._session.has_upload(each.upload_id)
            and not await admin.list_parts(url, each.upload_id)
        ]

    def _warn(self, what: str) -> None:
        _log.warning(
            "%d responses to CreateMultipartUpload %s were lost, and uploads may be open and empty: %s; "
            "aios3.abort_uploads ends them",
            self.lost_responses,
            self._plan.url,
            what,
        )
