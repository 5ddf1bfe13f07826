"""GETs of byte ranges of one version of an object: its ETag is pinned, its bytes counted, a broken body resumed."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

from aios3._backend import GetOptions
from aios3._engine.tasks import cancel_and_wait
from aios3._handles.pinned_version import PinnedVersion
from aios3._handles.range_cursor import RangeCursor, VerifiedCursor
from aios3._handles.verifying import check_whole, has_checksums, is_one_request, verification_of
from aios3.errors import InvalidRangeError, S3Error, ServerError, TruncatedBodyError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

    from aios3._backend import ObjectBody
    from aios3._engine.hedging import Hedger
    from aios3._engine.range_checksums import ChecksumRange
    from aios3._entries import StatResult
    from aios3._handles.verifying import Verification
    from aios3._paths import S3Url
    from aios3._session import Session

_DEFAULT_READ = GetOptions()
_SCRATCH_BYTES = 64 * 1024
_HEDGE_BODY_BYTES = 1024 * 1024
"""Bytes from which a slow body gets a second request."""
_MIN_HEDGE_BYTES = 256 * 1024
"""Of which so much must be missing."""


class ObjectSource:
    """The bytes of one object, all of the version that was opened.

    The first response pins the version. Every later request carries its ETag as ``If-Match``, and every response is
    compared with it, because not every server looks at the header.

    The calls come in one of three orders; :meth:`aclose` is last::

        [read_small ->] open -> fetch, fetch ...      A reader, or a whole object in ranges.
        open_suffix -> open -> fetch ...              The index at the end of an archive.
        stream_from, add_streamed ...                 A pipe, from one body after the other.
    """

    def __init__(self, session: Session, url: S3Url, options: GetOptions | None = None) -> None:
        self.url = url
        self._session = session
        self._version = PinnedVersion(url, options or _DEFAULT_READ)
        self._pending_body: ObjectBody | None = None
        self._pending_start = 0
        """Where the fetch begins that takes what is ready; another one leaves it alone."""
        self._verification: Verification | None = None
        self._streamed_range: ChecksumRange | None = None
        self._failures = 0
        """Attempts that have failed before the first :meth:`fetch`."""

    @property
    def stat(self) -> StatResult:
        """The description of the object in the first response."""
        stat = self._version.stat
        assert stat is not None, "open() comes first"
        return stat

    @property
    def pending(self) -> ObjectBody | None:
        """The response that waits for its :meth:`fetch`, while it is open."""
        return self._pending_body

    async def open(self, start: int, stop: int) -> int:
        """Ask for ``[start, stop)``, learn the object's size and version, and return where the response ends.

        The body waits for the :meth:`fetch` that begins at ``start``.
        """
        body = self._pending_body
        if body is None:
            clock = asyncio.get_running_loop().time
            started = clock()
            body = await self._get(start, stop)
            self._session.opening_latencies.record((self.url.profile, self.url.bucket), clock() - started)
        self._pending_body = body
        self._pending_start = start
        try:
            if self._version.stat is not None or is_one_request(self._session, body):
                self._check_body_now(body, may_ask=False)
            else:
                await self._check_body(body)
        except BaseException:
            await self.aclose()
            raise
        return min(stop, body.stop)

    @property
    def latency(self) -> float | None:
        """Seconds until a response of the bucket's server: the shortest of the latest that opened an object.

        Most had a connection that stood already.
        """
        return self._session.opening_latencies.shortest((self.url.profile, self.url.bucket))

    async def open_suffix(self, size: int) -> int:
        """Ask for the last ``size`` bytes, learn the object's size and version, and return where the response begins.

        The body waits for an :meth:`open` from there on; that of a server which ignores ranges is dropped.
        """
        body = self._pending_body = await self._get(-size, None)
        await self._check_body(body)
        if body.stop - body.start > size:
            await self.aclose()
            return body.stop - size
        return body.start

    async def read_small(self, start: int, first_stop: int, stop: int | None) -> bytes | None:
        """Read ``[start, stop)``, to the end without ``stop``, if the response for ``[start, first_stop)`` has it all.

        None: memory for the response is not free, or the object is longer, or it broke, which was an attempt;
        :meth:`open` is next.
        """
        budget = self._session.budget
        if not budget.try_acquire(first_stop - start):
            return None
        try:
            backend = self._session.cached_backend(self.url) or await self._session.backend(self.url)
            clock = asyncio.get_running_loop().time
            started = clock()
            try:
                body = await backend.get_object(self.url, start=start, stop=first_stop, options=self._version.options)
                self._session.opening_latencies.record((self.url.profile, self.url.bucket), clock() - started)
            except InvalidRangeError as rejection:
                body = await self._get_empty(start, rejection)
            self._pending_body = body
            end = body.size if stop is None else min(stop, body.size)
            if body.start != start or body.stop != end:
                return None
            try:
                data = await body.read()
            except S3Error as error:
                await self._note_break(error)
                return None
            except BaseException:
                await self.aclose()
                raise
        finally:
            budget.release(first_stop - start)
        self._check_whole(body, data)
        return data

    async def read_ready(self, body: ObjectBody) -> bytes | None:
        """Read all of ``body``, the pending response; None if it broke, which was an attempt.

        Raises ChecksumMismatchError for a whole object with another checksum than S3 says.
        """
        try:
            data = await body.read()
        except S3Error as error:
            await self._note_break(error)
            return None
        except BaseException:
            await self.aclose()
            raise
        self._check_whole(body, data)
        return data

    async def _note_break(self, error: S3Error) -> None:
        """Count the first body as a failed attempt; raise ``error`` if there is to be no other."""
        await self.aclose()
        self._failures += 1
        pause = self._session.policy_at(self.url).next_delay(error, self._failures)
        await self._session.policy.calls.sleep(pause)

    def _check_whole(self, body: ObjectBody, data: bytes) -> None:
        self._pending_body = None  # at its end there is nothing to close
        if self._session.checksums_at(self.url).verify and len(data) == body.size:
            check_whole(self.url, data, body.checksums)

    def fetch(
        self, start: int, stop: int, get_buffer: Callable[[], memoryview], buffer_updated: Callable[[int], None]
    ) -> Coroutine[None, None, None]:
        """Receive ``[start, stop)`` into the views of ``get_buffer()``, calling ``buffer_updated`` after every arrival.

        A body that breaks or ends early is requested again from the byte reached. ``max_attempts`` failures in a row
        without a new byte are raised. The last bytes of a whole object are reported only if it has its checksum.
        Otherwise ChecksumMismatchError is raised, until :meth:`reset_verification`.
        """
        verification = self._verification
        checksum_range = verification.begin_range(start, stop) if verification is not None else None
        if verification is None or checksum_range is None:
            return self._fetch_with_retries(RangeCursor(start, stop, get_buffer, buffer_updated))
        cursor = VerifiedCursor(start, stop, get_buffer, buffer_updated, checksum_range, verification.is_complete)
        return self._fetch_verified(cursor, verification)

    async def _fetch_verified(self, cursor: VerifiedCursor, verification: Verification) -> None:
        checksum_head = verification.start_checksum_head()
        try:
            await self._fetch_with_retries(cursor)
            if cursor.withheld:
                await verification.verify()
                cursor.release()
            elif checksum_head is not None:
                await asyncio.wait({checksum_head})  # the task that receives the last bytes will need it
        finally:
            if checksum_head is not None:
                await cancel_and_wait({checksum_head})

    def reset_verification(self) -> None:
        """Let all bytes be received once more, after they turned out to be wrong."""
        if self._verification is not None:
            self._verification.reset()

    async def _fetch_with_retries(self, cursor: RangeCursor) -> None:
        failures, self._failures = self._failures, 0
        while not cursor.done:
            reached = cursor.position
            try:
                pending = self._take_pending(reached)
                body = pending or await self._get(reached, cursor.stop)
                try:
                    if self._version.stat is None:
                        await self._check_body(body)
                    elif pending is None:
                        self._version.check(body)
                    if body.start != reached:
                        await _skip(body, reached)
                    await self._receive_body(body, cursor)
                    if not cursor.done:
                        raise self._truncated(cursor)
                finally:
                    body.close()
            except S3Error as error:
                progress = cursor.position > reached
                failures = 1 if progress else failures + 1
                pause = self._session.policy_at(self.url).next_delay(error, failures, progress=progress)
                await self._session.policy.calls.sleep(pause)

    async def stream_from(self, position: int, stop: int | None) -> ObjectBody:
        """Return a response whose next byte is the one at ``position``; the caller closes it."""
        body = self._take_pending(position)
        if body is None:
            await self.aclose()
            body = await self._get(position, stop)
            await self._check_body(body)
        try:
            await _skip(body, position)
        except BaseException:
            body.close()
            raise
        return body

    def add_streamed(self, position: int, data: memoryview) -> bool:
        """Add bytes of :meth:`stream_from` to the checksum; return True if they make the object whole.

        Then :meth:`verify_streamed` is next. Bytes that are added twice, or not at all, end the comparison.
        """
        verification = self._verification
        if verification is None:
            return False
        if self._streamed_range is None:
            self._streamed_range = verification.begin_range(0, self.stat.size)
        if self._streamed_range is None:
            return False
        self._streamed_range.add(position, data)
        return position + len(data) == self.stat.size and verification.is_complete(self._streamed_range)

    async def verify_streamed(self) -> None:
        """Verify what :meth:`stream_from` has brought. Raises ChecksumMismatchError."""
        if self._verification is not None:
            await self._verification.verify()

    async def aclose(self) -> None:
        """Drop a response that was not fetched. Safe to repeat."""
        pending, self._pending_body = self._pending_body, None
        if pending is not None:
            pending.close()

    def _receive_body(self, body: ObjectBody, cursor: RangeCursor) -> Coroutine[None, None, None]:
        """Receive the rest of the range; a long body that is slow may get a second request."""
        size, hedger = cursor.stop - cursor.position, self._session.policy.hedger
        if hedger is None or size < _HEDGE_BODY_BYTES:
            return body.receive(size, cursor.view, cursor.advance)
        return self._receive_hedged(hedger, body, cursor)

    async def _receive_hedged(self, hedger: Hedger, body: ObjectBody, cursor: RangeCursor) -> None:
        """Receive a long body; if it is slow, the rest of it also from a second request, if memory for that is free."""
        budget, acquired = self._session.budget, 0
        size = cursor.stop - cursor.position

        def again() -> Callable[[], Awaitable[tuple[int, bytes]]] | None:
            nonlocal acquired
            missing = cursor.stop - cursor.position
            if missing < _MIN_HEDGE_BYTES or not budget.try_acquire(missing):
                return None
            acquired = missing
            return partial(self._fetch_rest, cursor.position, cursor.stop)

        try:
            rest = await hedger.run_body(partial(body.receive, size, cursor.view, cursor.advance), again, size)
            if rest is not None:
                cursor.copy(*rest)
        finally:
            budget.release(acquired)

    async def _fetch_rest(self, position: int, stop: int) -> tuple[int, bytes]:
        body = await self._get(position, stop)
        try:
            self._version.check(body)
            if (body.start, body.stop) != (position, stop):
                message = f"GetObject {self.url}: the response is not the range that was asked for"
                raise ServerError(message, path=str(self.url), operation="GetObject")
            return position, await body.read()
        finally:
            body.close()

    def _take_pending(self, start: int) -> ObjectBody | None:
        """Return the body that waits for a fetch from ``start`` on; it begins earlier if the server ignores ranges."""
        pending = self._pending_body
        if pending is None or start != self._pending_start or pending.start > start:
            return None
        self._pending_body = None
        return pending

    async def _get(self, start: int, stop: int | None) -> ObjectBody:
        backend = self._session.cached_backend(self.url) or await self._session.backend(self.url)
        try:
            return await backend.get_object(self.url, start=start, stop=stop, options=self._version.options)
        except InvalidRangeError as rejection:
            return await self._get_empty(start, rejection)

    async def _get_empty(self, start: int, rejection: InvalidRangeError) -> ObjectBody:
        """Ask for the whole of an empty object: it has no range, and S3 says so with 416."""
        if start > 0:
            raise self._version.past_the_end(start, rejection) from rejection
        backend = await self._session.backend(self.url)
        return await backend.get_object(self.url, start=0, stop=None, options=self._version.options)

    async def _check_body(self, body: ObjectBody) -> None:
        """Pin the version with the first body, and compare later ones with it."""
        may_ask = self._version.stat is None and not is_one_request(self._session, body)
        try:
            self._check_body_now(body, may_ask=may_ask and await has_checksums(self._session, self.url))
        except BaseException:
            body.close()
            raise

    def _check_body_now(self, body: ObjectBody, *, may_ask: bool) -> None:
        is_first = self._version.stat is None
        self._version.check(body)
        if is_first:
            self._verification = verification_of(self._session, self.url, self._version.options, body, may_ask=may_ask)

    def _truncated(self, cursor: RangeCursor) -> TruncatedBodyError:
        message = (
            f"GetObject {self.url}: the body ended at byte {cursor.position:,}, before byte {cursor.stop:,} "
            "that was asked for; the connection or the server is unreliable"
        )
        return TruncatedBodyError(message, path=str(self.url), operation="GetObject")


async def _skip(body: ObjectBody, position: int) -> None:
    """Read past what a server sends that ignores ranges: slow for a late range, but right."""
    reached = body.start
    if reached > position:
        message = f"The server was asked for bytes from {position:,} on, and its response begins at {reached:,}"
        raise ServerError(message, operation="GetObject")
    scratch = memoryview(bytearray(min(_SCRATCH_BYTES, max(position - reached, 0))))
    while reached < position:
        count = await body.readinto(scratch[: position - reached])
        if count == 0:
            message = f"The body ended at byte {reached:,}, before the first byte that was asked for, {position:,}"
            raise TruncatedBodyError(message, operation="GetObject")
        reached += count
