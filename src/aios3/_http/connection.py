"""One HTTP/1.1 connection on which bodies land in the caller's memory.

Heads are received into a scratch buffer of the connection and parsed there. A body with a length is received by the
kernel straight into the views that the caller gives. Only the bytes that came together with the head are copied, once.
Bodies to send go to the transport in slices, from its own callback, so that neither direction costs a task switch an
arrival.

Bytes that were not requested yet wait in the scratch buffer; when that is full, the transport is paused.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeVar, cast

from aios3._aligned_buffers import allocate_aligned
from aios3._http.chunked import ChunkedDecoder
from aios3._http.connection_state import ConnectionState
from aios3._http.exceptions import BrokenBodyError, ProtocolError, ServerClosedError, body_ended, head_ended
from aios3._http.inactivity_timer import InactivityTimer
from aios3._http.low_watermark import ReceiveLowWatermark
from aios3._http.receive_buffer import ReceiveBuffer
from aios3._http.request_writer import RequestWriter
from aios3._http.response_head import CHUNKED, MAX_HEAD_BYTES, UNTIL_CLOSE, body_length, check_prefix, parse_head
from aios3._http.tls import received_close_notify

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

    from aios3._http.response_head import ResponseHead

__all__ = ["BrokenBodyError", "Connection", "ProtocolError", "ServerClosedError"]

T = TypeVar("T")

_HEAD_READ_BYTES = 8 * 1024
"""Bytes taken at once while a head is waited for: enough for it, and for a small body after it."""
_READ_BYTES = 64 * 1024  # at once, of a body whose length only its end will show
_MAX_INTERIM_RESPONSES = 16
_FINAL = 200
_IDLE, _HEAD, _BODY = ConnectionState


def _ignore(_: object) -> None:
    """Ignore the argument."""


async def _nothing() -> None:
    """Return at once: what is awaited where everything has arrived."""


class Connection(asyncio.BufferedProtocol):
    """One connection to one server, for one exchange at a time.

    ``first_byte_seconds`` is the time from the end of sending to the head of the response. ``stall_seconds`` is the
    time in which no byte moves while the caller waits for one. ``on_made`` and ``on_lost`` are called when the
    connection stands and when it is gone.
    """

    def __init__(
        self,
        *,
        first_byte_seconds: float = 60,
        stall_seconds: float = 30,
        on_made: Callable[[Connection], None] = _ignore,
        on_lost: Callable[[Connection], None] = _ignore,
    ) -> None:
        self.exchanges = 0
        self.idle_since = 0.0
        self._first_byte_seconds = first_byte_seconds
        self._stall_seconds = stall_seconds
        self._on_made = on_made
        self._on_lost = on_lost
        self._loop = asyncio.get_running_loop()
        self._timer = InactivityTimer(self._loop, self._has_progress, self._on_timeout)
        self._transport: asyncio.Transport | None = None
        self._request_writer: RequestWriter | None = None
        self._low_watermark: ReceiveLowWatermark | None = None
        self._ended = False
        self._error: BaseException | None = None
        self._waiter: asyncio.Future[Any] | None = None
        self._scratch = ReceiveBuffer(MAX_HEAD_BYTES)
        self._reading_paused = False
        # Where the present response stands.
        self._state = _IDLE
        self._bodyless = False
        self._keep_alive = True
        self._interim = 0
        self._length: int | None = 0
        self._decoder: ChunkedDecoder | None = None
        # The destination of the next bytes of a body, while the caller waits for them.
        self._target: Callable[[], memoryview] | None = None
        self._on_received: Callable[[int], None] = _ignore
        self._remaining = 0
        self._accept_partial = False
        self._eof = False

    # The caller's side. ``send`` and ``receive`` are plain functions that return what waits: one coroutine a wait.

    def send(
        self, head: bytes, body: Sequence[bytes | memoryview] = (), *, bodyless: bool = False
    ) -> Coroutine[None, None, ResponseHead]:
        """Send a request, and return what to await, at once, for the head of the final response.

        ``head`` is the request up to and with its empty line. The views of ``body`` must not change until the response
        has come. ``bodyless`` says that the request is a HEAD. A response that comes before the body is sent stops the
        sending; the connection cannot be used again then. Raise ``ServerClosedError`` if the connection ends before
        there is a response, ``ProtocolError``, and ``TimeoutError``.
        """
        if self._state is not _IDLE or not self._keep_alive or self._transport is None or self._transport.is_closing():
            message = "the connection was closed before the request was sent"
            raise ServerClosedError(message, has_response_bytes=False)
        self.exchanges += 1
        self._state = _HEAD
        self._bodyless = bodyless
        self._interim = 0
        assert self._request_writer is not None
        sent = self._request_writer.start(head, body)
        return self._wait(self._first_byte_seconds if sent else self._stall_seconds)

    @property
    def length(self) -> int | None:
        """Bytes of the response's body that are still to come; None if only its end will show."""
        return self._length

    def receive(
        self, size: int, get_buffer: Callable[[], memoryview], buffer_updated: Callable[[int], None]
    ) -> Coroutine[None, None, object]:
        """Receive the next ``size`` bytes of a body with a length into the views of ``get_buffer``; await it at once.

        ``get_buffer()`` is called before each arrival, perhaps more than once, and must not return an empty view.
        ``buffer_updated(n)``, from the event loop's callback, reports ``n`` bytes in the view given last. Raise
        ``BrokenBodyError`` if the connection ends first, ``TimeoutError`` if nothing comes.
        """
        assert self._length is not None
        assert size <= self._length
        try:
            while size and self._scratch.stop:
                count = self._copy_scratch(get_buffer(), size)
                size -= count
                buffer_updated(count)
        except BaseException:
            self.abort()
            raise
        if not size:
            return _nothing()
        assert self._low_watermark is not None
        self._accept_partial = False
        self._low_watermark.start()
        return self._receive_into(size, get_buffer, buffer_updated)

    async def readinto(self, view: memoryview) -> int:
        """Receive some bytes of a body of any kind, and return how many; 0 at its end, and only then."""
        if self._state is not _BODY or not view:
            return 0
        if self._decoder is not None:
            return await self._read_chunked(self._decoder, view)
        if self._scratch.stop:
            return self._copy_scratch(view, len(view))
        if self._length is None and self._eof:
            self._finish()
            return 0
        size = len(view) if self._length is None else min(len(view), self._length)
        self._accept_partial = True
        return await self._receive_into(size, lambda: view, _ignore)

    def buffered_body(self, limit: int) -> bytes | None:
        """Return all the rest of the body; None if it has not come yet, or is more than ``limit`` bytes."""
        length = self._length
        if length is None or length > limit or length != self._scratch.stop - self._scratch.start:
            return None
        data = self._scratch.take(length)
        if self._reading_paused:
            self._resume_reading()
        self._finish()
        return data

    async def read(self, limit: int) -> bytes:
        """Return all the rest of the body; raise ``ProtocolError`` if that is more than ``limit`` bytes."""
        data, length = self.buffered_body(limit), self._length
        if data is not None:
            return data
        if length is None:
            return await self._read_to_end(limit)
        if length > limit:
            raise self._too_long(limit)
        whole, filled = memoryview(allocate_aligned(length)), 0

        def buffer_updated(count: int) -> None:
            nonlocal filled
            filled += count

        await self.receive(length, lambda: whole[filled:], buffer_updated)
        return bytes(whole)

    async def _read_to_end(self, limit: int) -> bytes:
        """Return the rest of a body whose end will show its length."""
        whole, view = bytearray(), memoryview(bytearray(_READ_BYTES))
        while len(whole) <= limit:
            count = await self.readinto(view)
            if not count:
                return bytes(whole)
            whole += view[:count]
        raise self._too_long(limit)

    def _too_long(self, limit: int) -> ProtocolError:
        self.abort()
        return ProtocolError(f"the body of a response is longer than {limit} bytes")

    @property
    def is_reusable(self) -> bool:
        """Return whether the next request can be sent: the response has ended, and both sides stay connected."""
        return self._state is _IDLE and self._keep_alive and not self._scratch.stop and self.is_open

    @property
    def is_open(self) -> bool:
        """Return whether neither side has closed."""
        return self._transport is not None and not self._transport.is_closing()

    def abort(self) -> None:
        """Close at once. What is repeated has no effect."""
        self._keep_alive = False
        self._timer.close()
        if self._transport is not None:
            self._transport.abort()
        if self._waiter is not None:
            self._fail_waiter(ConnectionAbortedError("the connection was closed on this side"))

    @property
    def transport(self) -> asyncio.Transport | None:
        """The transport, while the connection stands."""
        return self._transport

    # The transport's side.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport."""
        self._transport = cast("asyncio.Transport", transport)
        self._request_writer = RequestWriter(self._transport, self._loop)
        self._request_writer.set_callbacks(self._on_write_progress, self._on_request_sent)
        self._low_watermark = ReceiveLowWatermark(self._transport, self._loop)
        self._on_made(self)

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 - the protocol's argument
        """Return where the next bytes go: into the caller's view, or into the scratch buffer."""
        if self._target is None:
            # The body after a head is better left to the kernel until the caller says where it goes.
            return self._scratch.space(_HEAD_READ_BYTES if self._state is _HEAD else MAX_HEAD_BYTES)
        view = self._target()
        return view if len(view) <= self._remaining else view[: self._remaining]

    def buffer_updated(self, nbytes: int) -> None:
        """Take note of what has come."""
        if self._target is not None:
            self._on_body_bytes(nbytes)
            return
        self._scratch.stop += nbytes
        if self._state is _HEAD:
            self._find_head(nbytes)
        elif self._state is _IDLE:
            self.abort()  # nothing was requested
        elif self._waiter is not None:
            self._resolve(0)
        if self._scratch.stop == MAX_HEAD_BYTES:
            self._pause_reading()

    def eof_received(self) -> None:
        """Close: a request is never sent to a server that has stopped responding."""
        self._eof = self._transport is not None and received_close_notify(self._transport.get_extra_info("ssl_object"))
        ends_with_connection = self._state is _BODY and self._length is None and self._decoder is None
        if self._eof and ends_with_connection and self._target is not None:
            self._finish()
            self._resolve(0)
        if self._transport is not None:
            self._transport.abort()

    def pause_writing(self) -> None:
        """Send no more for now."""
        if self._request_writer is not None:
            self._request_writer.paused = True

    def resume_writing(self) -> None:
        """Send more."""
        if self._request_writer is not None:
            self._request_writer.resume()

    def connection_lost(self, exc: BaseException | None) -> None:
        """Wake the waiter, and notify the owner."""
        self._transport = None
        if self._request_writer is not None:
            self._request_writer.cancel()
        self._fail_waiter(self._reason(exc))
        self._timer.close()
        self._on_lost(self)

    # Waiting.

    def _wait(self, seconds: float) -> Coroutine[None, None, Any]:
        """Return what waits for the one thing that is due next; ``_resolve`` or ``_fail_waiter`` ends it."""
        assert self._waiter is None, "two tasks use one connection"
        if self._ended:
            self._target, self._on_received = None, _ignore
            raise self._take_error()
        self._waiter = self._loop.create_future()
        self._timer.start(seconds)
        return self._wait_for(self._waiter)

    async def _wait_for(self, waiter: asyncio.Future[T]) -> T:
        try:
            return await waiter
        except asyncio.CancelledError:
            self._waiter = None
            if not self.is_reusable:
                self.abort()
            raise
        finally:
            self._waiter = self._target = None
            self._on_received = _ignore  # a kept connection would keep alive what it has received last
            self._timer.stop()

    def _resolve(self, result: ResponseHead | int) -> None:
        self._target = None
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(result)

    def _fail_waiter(self, error: BaseException) -> None:
        """Use the connection no more; the first to wait gets ``error``."""
        if self._ended:
            return
        self._ended = True
        self._target = None
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(error)
        else:
            self._error = error

    def _take_error(self) -> BaseException:
        """Return why the connection has ended, once: an exception that is kept would keep the frames it has passed."""
        error, self._error = self._error, None
        return error or ConnectionAbortedError("the connection is closed")

    def _fail(self, error: BaseException) -> None:
        self._fail_waiter(error)
        self.abort()

    def _reason(self, exc: BaseException | None) -> BaseException:
        """Return what the end of the connection means to the exchange."""
        if exc is not None and not isinstance(exc, ConnectionError):
            return exc  # of TLS, of the network, or of the caller's own functions
        error: ConnectionError = ConnectionResetError("the connection is closed")
        if self._state is _HEAD:
            error = head_ended(has_response_bytes=self._scratch.stop > 0 or self._interim > 0)
        elif self._state is _BODY:
            error = body_ended(self._length)
        error.__cause__ = exc
        return error

    # Time.

    def _on_write_progress(self) -> None:
        self._timer.start(self._stall_seconds)

    def _on_request_sent(self) -> None:
        self._timer.start(self._first_byte_seconds)

    def _has_progress(self) -> bool:
        assert self._request_writer is not None
        assert self._low_watermark is not None
        held_back = self._low_watermark.reset()
        return self._request_writer.made_progress() or held_back

    def _on_timeout(self, seconds: float) -> None:
        what = "a response" if self._state is _HEAD else "the rest of a body"
        self._fail(TimeoutError(f"waited {seconds:g} s for {what}, and nothing moved"))

    # Heads.

    def _find_head(self, nbytes: int) -> None:
        try:
            head = self._next_head(max(self._scratch.start, self._scratch.stop - nbytes - 3))
            if head is None:
                self._compact_scratch()
            else:
                self._start_body(*head)
        except ProtocolError as error:
            self._fail(error)

    def _next_head(self, searched: int) -> tuple[ResponseHead, bool] | None:
        """Parse the head of the final response, if it is there."""
        while (text := self._scratch.take_through(b"\r\n\r\n", searched)) is not None:
            searched = self._scratch.start
            head, keep = parse_head(text)
            if head.status >= _FINAL:
                return head, keep
            self._interim += 1
            if self._interim > _MAX_INTERIM_RESPONSES:
                message = f"more than {_MAX_INTERIM_RESPONSES} interim responses to one request"
                raise ProtocolError(message)
        return None

    def _compact_scratch(self) -> None:
        check_prefix(bytes(self._scratch.peek()))
        if len(self._scratch) == MAX_HEAD_BYTES:
            message = f"the head of a response is longer than {MAX_HEAD_BYTES} bytes"
            raise ProtocolError(message)
        self._scratch.compact()

    def _start_body(self, head: ResponseHead, keep: bool) -> None:
        assert self._request_writer is not None
        kind = body_length(head, bodyless=self._bodyless)
        self._keep_alive = keep and self._request_writer.done and kind != UNTIL_CLOSE
        self._request_writer.cancel()
        self._state = _BODY
        self._length = kind if kind >= 0 else None
        self._decoder = ChunkedDecoder() if kind == CHUNKED else None
        if kind == 0:
            self._finish()
        self._resolve(head)

    # Bodies.

    def _finish(self) -> None:
        """End the response. Bytes left in the scratch buffer were not requested."""
        self._state = _IDLE
        self._length = 0
        self._decoder = None
        self._keep_alive = self._keep_alive and not self._scratch.stop

    def _copy_scratch(self, view: memoryview, size: int) -> int:
        """Copy from the scratch buffer."""
        count = min(len(view), size, len(self._scratch))
        if self._length is not None:
            count = min(count, self._length)
        view[:count] = self._scratch.peek(self._scratch.start + count)
        self._consume_scratch(count)
        return count

    def _consume_scratch(self, count: int) -> None:
        """Account for ``count`` bytes of the body in the scratch buffer."""
        self._scratch.skip(count)
        if self._reading_paused and not self._scratch.stop:
            self._resume_reading()
        if self._length is not None:
            self._length -= count
            if not self._length:
                self._finish()

    def _pause_reading(self) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._reading_paused = True
            self._transport.pause_reading()

    def _resume_reading(self) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._reading_paused = False
            self._transport.resume_reading()

    def _receive_into(
        self, size: int, get_buffer: Callable[[], memoryview], buffer_updated: Callable[[int], None]
    ) -> Coroutine[None, None, int]:
        """Let the kernel write ``size`` bytes into the views of ``get_buffer``, or what comes first of them."""
        assert self._waiter is None, "two tasks use one connection"
        self._target = get_buffer
        self._on_received = buffer_updated
        self._remaining = size
        return self._wait(self._stall_seconds)

    def _on_body_bytes(self, nbytes: int) -> None:
        self._remaining -= nbytes
        self._on_received(nbytes)
        if self._length is not None:
            self._length -= nbytes
            if not self._length:
                self._finish()
        if self._accept_partial:
            self._resolve(nbytes)
            return
        assert self._low_watermark is not None
        self._low_watermark.on_bytes(nbytes, self._remaining)
        if self._remaining:
            self._timer.start(self._stall_seconds)
        else:
            self._resolve(nbytes)

    async def _read_chunked(self, chunks: ChunkedDecoder, view: memoryview) -> int:
        while not chunks.chunks and not chunks.done:
            if not self._scratch.stop:
                await self._wait(self._stall_seconds)
            try:
                chunks.feed(self._scratch.peek())
            except ProtocolError:
                self.abort()
                raise
            self._consume_scratch(len(self._scratch))
        count = chunks.take(view)
        if chunks.done and not chunks.chunks:
            self._keep_alive = self._keep_alive and not chunks.excess
            self._finish()
        return count
