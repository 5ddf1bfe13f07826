"""GETs of byte ranges of one version of an object: its ETag is pinned, its bytes counted, a broken body resumed."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from aios3._backend import GetOptions
from aios3._engine.tasks import cancel_and_wait
from aios3._handles.verifying import check_whole, has_checksums, is_one_request, verification_of
from aios3.errors import InvalidRangeError, ObjectChangedError, S3Error, ServerError, TruncatedBodyError

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
        self._options = options or _DEFAULT_READ
        self._stat: StatResult | None = None
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
        assert self._stat is not None, "open() comes first"
        return self._stat

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
            if self._stat is not None or is_one_request(self._session, body):
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
                body = await backend.get_object(self.url, start=start, stop=first_stop, options=self._options)
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
        self, start: int, stop: int, room: Callable[[], memoryview], received: Callable[[int], None]
    ) -> Coroutine[None, None, None]:
        """Receive ``[start, stop)`` into the views that ``room()`` gives, calling ``received`` after every arrival.

        A body that breaks or ends early is requested again from the byte reached. ``max_attempts`` failures in a row
        without a new byte are raised. The last bytes of a whole object are reported only if it has its checksum.
        Otherwise ChecksumMismatchError is raised, until :meth:`reset_verification`.
        """
        verification = self._verification
        checksum_range = verification.begin_range(start, stop) if verification is not None else None
        if verification is None or checksum_range is None:
            return self._fetch_with_retries(_Cursor(start, stop, room, received))
        cursor = _VerifiedCursor(start, stop, room, received, checksum_range, verification.is_complete)
        return self._fetch_verified(cursor, verification)

    async def _fetch_verified(self, cursor: _VerifiedCursor, verification: Verification) -> None:
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

    async def _fetch_with_retries(self, cursor: _Cursor) -> None:
        failures, self._failures = self._failures, 0
        while not cursor.done:
            reached = cursor.position
            try:
                pending = self._take_pending(reached)
                body = pending or await self._get(reached, cursor.stop)
                try:
                    if self._stat is None:
                        await self._check_body(body)
                    elif pending is None:
                        self._check_version(body)
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

    def _receive_body(self, body: ObjectBody, cursor: _Cursor) -> Coroutine[None, None, None]:
        """Receive the rest of the range; a long body that is slow may get a second request."""
        size, hedger = cursor.stop - cursor.position, self._session.policy.hedger
        if hedger is None or size < _HEDGE_BODY_BYTES:
            return body.receive(size, cursor.view, cursor.advance)
        return self._receive_hedged(hedger, body, cursor)

    async def _receive_hedged(self, hedger: Hedger, body: ObjectBody, cursor: _Cursor) -> None:
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
            self._check_version(body)
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
            return await backend.get_object(self.url, start=start, stop=stop, options=self._options)
        except InvalidRangeError as rejection:
            return await self._get_empty(start, rejection)

    async def _get_empty(self, start: int, rejection: InvalidRangeError) -> ObjectBody:
        """Ask for the whole of an empty object: it has no range, and S3 says so with 416."""
        if start > 0:
            raise self._past_the_end(start, rejection) from rejection
        backend = await self._session.backend(self.url)
        return await backend.get_object(self.url, start=0, stop=None, options=self._options)

    def _past_the_end(self, start: int, rejection: InvalidRangeError) -> S3Error:
        """Return the error for ``start`` after the last byte: a change, if the version being read has a byte there.

        A server that knows If-Match would have said so.
        """
        pinned = self._stat
        if pinned is None or start >= pinned.size:
            return rejection
        message = (
            f"{self.url} changed while it was being read: byte {start:,} of {pinned.size:,} is gone; open it again"
        )
        return ObjectChangedError(message, path=str(self.url), operation="GetObject")

    async def _check_body(self, body: ObjectBody) -> None:
        """Pin the version with the first body, and compare later ones with it."""
        may_ask = self._stat is None and not is_one_request(self._session, body)
        try:
            self._check_body_now(body, may_ask=may_ask and await has_checksums(self._session, self.url))
        except BaseException:
            body.close()
            raise

    def _check_body_now(self, body: ObjectBody, *, may_ask: bool) -> None:
        is_first = self._stat is None
        self._check_version(body)
        if is_first:
            self._verification = verification_of(self._session, self.url, self._options, body, may_ask=may_ask)

    def _check_version(self, body: ObjectBody) -> None:
        """Raise ObjectChangedError for a body of another version."""
        pinned = self._stat
        if pinned is None or not pinned.etag or (pinned.etag, pinned.size) != (body.etag, body.size):
            self._pin_version(body.stat)

    def _pin_version(self, stat: StatResult) -> None:
        pinned = self._stat
        if pinned is None:
            self._stat = stat
            if stat.etag:
                self._options = replace(self._options, if_match=stat.etag)
        elif _version(pinned) != _version(stat):
            message = (
                f"{self.url} changed while it was being read: it was {pinned.size:,} bytes with ETag {pinned.etag}, "
                f"it is {stat.size:,} bytes with ETag {stat.etag}; open it again"
            )
            raise ObjectChangedError(message, path=str(self.url), operation="GetObject")

    def _truncated(self, cursor: _Cursor) -> TruncatedBodyError:
        message = (
            f"GetObject {self.url}: the body ended at byte {cursor.position:,}, before byte {cursor.stop:,} "
            "that was asked for; the connection or the server is unreliable"
        )
        return TruncatedBodyError(message, path=str(self.url), operation="GetObject")


class _Cursor:
    """How far a range has been received."""

    def __init__(self, start: int, stop: int, room: Callable[[], memoryview], received: Callable[[int], None]) -> None:
        self.position = start
        self.stop = stop
        self._room = room
        self._received = received

    @property
    def done(self) -> bool:
        return self.position >= self.stop

    def view(self) -> memoryview:
        return self._room()[: self.stop - self.position]

    def advance(self, count: int) -> None:
        self._received(count)
        self.position += count

    def copy(self, start: int, data: bytes) -> None:
        """Take what is still to come from ``data``, the bytes from ``start`` on."""
        left = memoryview(data)[self.position - start :]
        while left:
            view = self.view()
            count = min(len(view), len(left))
            view[:count] = left[:count]
            left = left[count:]
            self.advance(count)


class _VerifiedCursor(_Cursor):
    """A cursor that adds what comes to a checksum, and keeps the arrival back that makes the object whole."""

    def __init__(  # noqa: PLR0917 - a cursor's four, and two
        self,
        start: int,
        stop: int,
        room: Callable[[], memoryview],
        received: Callable[[int], None],
        checksum_range: ChecksumRange,
        is_complete: Callable[[ChecksumRange], bool],
    ) -> None:
        super().__init__(start, stop, room, received)
        self.withheld = 0
        self._checksum_range = checksum_range
        self._is_complete = is_complete
        self._view = memoryview(b"")

    def view(self) -> memoryview:
        self._view = super().view()
        return self._view

    def advance(self, count: int) -> None:
        self._checksum_range.add(self.position, self._view[:count])
        if self.position + count == self.stop and self._is_complete(self._checksum_range):
            self.withheld = count
            self.position += count
        else:
            super().advance(count)

    def release(self) -> None:
        """Report the arrival that was kept back."""
        self._received(self.withheld)


def _version(stat: StatResult) -> tuple[object, ...]:
    return (stat.size, stat.etag) if stat.etag else (stat.size, stat.mtime)


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
