"""One HTTP/1.1 connection on which bodies land in the caller's memory.

Heads are received into a scratch buffer of the connection and parsed there. A body with a length is received by the
kernel straight into the views that the caller gives; only what came together with the head is copied, once. Bodies to
send go to the transport in slices, from its own callback, so that neither direction costs a task switch an arrival.

What nobody has asked for yet waits in the scratch buffer; when that is full, the transport is paused.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast

from aios3._wire.chunks import ChunkedBody
from aios3._wire.failures import BrokenBodyError, ProtocolError, ServerClosedError
from aios3._wire.heads import CHUNKED, MAX_HEAD, UNTIL_CLOSE, Head, body_of, parse_head, refuse_junk
from aios3._wire.patience import Patience
from aios3._wire.sending import Sender
from aios3._wire.tls import was_meant
from aios3._wire.wakeups import Wakeups
from aios3._wire.whole import of_length, to_its_end

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["BrokenBodyError", "Connection", "Head", "ProtocolError", "ServerClosedError"]

_SCRATCH = MAX_HEAD
_HEAD_ARRIVAL = 8 * 1024
"""Bytes taken at once while a head is waited for: enough for it, and for a small body behind it."""
_MAX_INTERIM = 16
_FINAL = 200
_IDLE, _HEAD, _BODY = range(3)


def _ignore(_: object) -> None:
    """Tell nobody."""


class Connection(asyncio.BufferedProtocol):
    """One connection to one server, for one exchange at a time.

    ``first_byte_seconds`` is the time from the end of sending to the head of the answer; ``stall_seconds`` the time in
    which no byte moves while somebody waits for one. ``made`` and ``lost`` are told when the connection stands and when
    it is gone.
    """

    def __init__(
        self,
        *,
        first_byte_seconds: float = 60,
        stall_seconds: float = 30,
        made: Callable[[Connection], None] = _ignore,
        lost: Callable[[Connection], None] = _ignore,
    ) -> None:
        self.exchanges = 0
        self.idle_since = 0.0
        self._first_byte_seconds = first_byte_seconds
        self._stall_seconds = stall_seconds
        self._made = made
        self._gone = lost
        self._loop = asyncio.get_running_loop()
        self._patience = Patience(self._loop, self._still_moving, self._lost_patience)
        self._transport: asyncio.Transport | None = None
        self._sender: Sender | None = None
        self._wakeups: Wakeups | None = None
        self._ended = False
        self._error: BaseException | None = None
        self._waiter: asyncio.Future[int] | None = None
        # What has come and is not read: scratch[start:fill].
        self._scratch = bytearray(_SCRATCH)
        self._scratch_view = memoryview(self._scratch)
        self._start = self._fill = 0
        self._reading_paused = False
        # Where the present answer stands.
        self._state = _IDLE
        self._head: Head | None = None
        self._bodyless = False
        self._keep = True
        self._interim = 0
        self._length: int | None = 0
        self._chunks: ChunkedBody | None = None
        # Where the next bytes of a body go, while somebody waits for them.
        self._room: Callable[[], memoryview] | None = None
        self._received: Callable[[int], None] = _ignore
        self._wanted = 0
        self._any_will_do = False
        self._eof = False

    # The caller's side.

    async def send(self, head: bytes, body: Sequence[bytes | memoryview] = (), *, bodyless: bool = False) -> Head:
        """Send a request, and return the head of the final answer.

        ``head`` is the request up to and with its empty line. The views of ``body`` must not change until the answer
        has come. ``bodyless`` says that the request is a HEAD. An answer that comes before the body is sent stops the
        sending; the connection cannot be used again then. Raise ``ServerClosedError`` if the connection ends before
        there is an answer, ``ProtocolError``, and ``TimeoutError``.
        """
        if self._state is not _IDLE or not self._keep or self._transport is None or self._transport.is_closing():
            message = "the connection was closed before the request was sent"
            raise ServerClosedError(message, answered=False)
        self.exchanges += 1
        self._state = _HEAD
        self._head = None
        self._bodyless = bodyless
        self._interim = 0
        assert self._sender is not None
        sent = self._sender.begin(head, body)
        await self._wait(self._first_byte_seconds if sent else self._stall_seconds)
        answer, self._head = self._head, None
        assert answer is not None
        return answer

    @property
    def length(self) -> int | None:
        """Bytes of the answer's body that are still to come; None if only its end will tell."""
        return self._length

    async def receive(self, size: int, room: Callable[[], memoryview], received: Callable[[int], None]) -> None:
        """Receive the next ``size`` bytes of a body with a length into the views that ``room`` gives.

        ``room()`` is asked before each arrival, perhaps more than once, and must not return an empty view;
        ``received(n)`` says, from the event loop's callback, that ``n`` bytes are in the view given last. Raise
        ``BrokenBodyError`` if the connection ends first, ``TimeoutError`` if nothing comes.
        """
        assert self._length is not None
        assert size <= self._length
        try:
            while size and self._start < self._fill:
                count = self._take(room(), size)
                size -= count
                received(count)
        except BaseException:
            self.drop()
            raise
        if size:
            await self._flow(size, room, received)

    async def readinto(self, view: memoryview) -> int:
        """Receive some bytes of a body of any kind, and return how many; 0 at its end, and only then."""
        if self._state is not _BODY or not view:
            return 0
        if self._chunks is not None:
            return await self._read_chunked(self._chunks, view)
        if self._start < self._fill:
            return self._take(view, len(view))
        if self._length is None and self._eof:
            self._finish()
            return 0
        size = len(view) if self._length is None else min(len(view), self._length)
        self._any_will_do = True
        return await self._land(size, lambda: view, _ignore)

    def at_hand(self, limit: int) -> bytes | None:
        """Return all the rest of the body; None if it has not come yet, or is more than ``limit`` bytes."""
        length = self._length
        if length is None or length > limit or length != self._fill - self._start:
            return None
        data = bytes(self._scratch_view[self._start : self._fill])
        self._took(length)
        return data

    async def read(self, limit: int) -> bytes:
        """Return all the rest of the body; raise ``ProtocolError`` if that is more than ``limit`` bytes."""
        data, length = self.at_hand(limit), self._length
        if data is not None:
            return data
        if length is None:
            whole = await to_its_end(self, limit)
            if whole is not None:
                return whole
        elif length <= limit:
            return await of_length(self, length)
        self.drop()
        message = f"the body of an answer is longer than {limit} bytes"
        raise ProtocolError(message)

    @property
    def reusable(self) -> bool:
        """Whether the next request can be sent: the answer was read to its end, and both sides keep the connection."""
        return self._state is _IDLE and self._keep and self._start == self._fill and self.stands

    @property
    def stands(self) -> bool:
        """Whether neither side has closed."""
        return self._transport is not None and not self._transport.is_closing()

    def drop(self) -> None:
        """Close at once. What is repeated has no effect."""
        self._keep = False
        self._patience.close()
        if self._transport is not None:
            self._transport.abort()
        if self._waiter is not None:
            self._end_with(ConnectionAbortedError("the connection was closed on this side"))

    @property
    def transport(self) -> asyncio.Transport | None:
        """The transport, while the connection stands."""
        return self._transport

    # The transport's side.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport."""
        self._transport = cast("asyncio.Transport", transport)
        self._sender = Sender(self._transport, self._loop)
        self._sender.tell(self._moved, self._sent)
        self._wakeups = Wakeups(self._transport, self._loop)
        self._made(self)

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 - the protocol's argument
        """Return where the next bytes go: into the caller's view, or into the scratch buffer."""
        if self._room is None:
            # The body behind a head is better left to the kernel until somebody says where it goes.
            stop = self._fill + _HEAD_ARRIVAL if self._state is _HEAD else _SCRATCH
            return self._scratch_view[self._fill : stop]
        view = self._room()
        return view if len(view) <= self._wanted else view[: self._wanted]

    def buffer_updated(self, nbytes: int) -> None:
        """Take note of what has come."""
        if self._room is not None:
            self._landed(nbytes)
            return
        self._fill += nbytes
        if self._state is _HEAD:
            self._look_for_head(nbytes)
        elif self._state is _IDLE:
            self.drop()  # nobody asked for anything
        elif self._waiter is not None:
            self._settle(0)
        if self._fill == _SCRATCH:
            self._pause_reading()

    def eof_received(self) -> None:
        """Close: a request is never sent to a server that has stopped answering."""
        self._eof = self._transport is not None and was_meant(self._transport.get_extra_info("ssl_object"))
        if (
            self._eof
            and self._state is _BODY
            and self._length is None
            and self._chunks is None
            and self._room is not None
        ):
            self._finish()
            self._settle(0)
        if self._transport is not None:
            self._transport.abort()

    def pause_writing(self) -> None:
        """Send no more for now."""
        if self._sender is not None:
            self._sender.paused = True

    def resume_writing(self) -> None:
        """Send more."""
        if self._sender is not None:
            self._sender.resume()

    def connection_lost(self, exc: BaseException | None) -> None:
        """Tell whoever waits, and the owner."""
        self._transport = None
        if self._sender is not None:
            self._sender.stop()
        self._end_with(self._reason(exc))
        self._patience.close()
        self._gone(self)

    # Waiting.

    async def _wait(self, seconds: float) -> int:
        """Wait for the one thing that is due next; ``_settle`` or ``_end_with`` ends it."""
        assert self._waiter is None, "two tasks use one connection"
        if self._ended:
            self._room = None
            raise self._take_error()
        waiter: asyncio.Future[int] = self._loop.create_future()
        self._waiter = waiter
        self._patience.start(seconds)
        try:
            return await waiter
        except asyncio.CancelledError:
            self._waiter = None
            if not self.reusable:
                self.drop()
            raise
        finally:
            self._waiter = self._room = None
            self._patience.stop()

    def _settle(self, result: int) -> None:
        self._room = None
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(result)

    def _end_with(self, error: BaseException) -> None:
        """Use the connection no more; the first to wait gets ``error``."""
        if self._ended:
            return
        self._ended = True
        self._room = None
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(error)
        else:
            self._error = error

    def _take_error(self) -> BaseException:
        """Return why the connection has ended, once: an exception that is kept would keep the frames it has passed."""
        error, self._error = self._error, None
        return error or ConnectionAbortedError("the connection is closed")

    def _fail(self, error: BaseException) -> None:
        self._end_with(error)
        self.drop()

    def _reason(self, exc: BaseException | None) -> BaseException:
        """Return what the end of the connection means to the exchange."""
        if exc is not None and not isinstance(exc, ConnectionError):
            return exc  # of TLS, of the network, or of the caller's own functions
        error: ConnectionError
        if self._state is _HEAD:
            answered = self._fill > 0 or self._interim > 0
            message = f"the connection ended {'in the middle of' if answered else 'without'} the head of an answer"
            error = ServerClosedError(message, answered=answered)
        elif self._state is _BODY:
            left = "an unknown number of" if self._length is None else str(self._length)
            error = BrokenBodyError(f"the connection ended with {left} bytes of a body still to come")
        else:
            error = ConnectionResetError("the connection is closed")
        error.__cause__ = exc
        return error

    # Time.

    def _moved(self) -> None:
        self._patience.start(self._stall_seconds)

    def _sent(self) -> None:
        self._patience.start(self._first_byte_seconds)

    def _still_moving(self) -> bool:
        assert self._sender is not None
        assert self._wakeups is not None
        held_back = self._wakeups.relax()
        return self._sender.moving() or held_back

    def _lost_patience(self, seconds: float) -> None:
        what = "an answer" if self._state is _HEAD else "the rest of a body"
        self._fail(TimeoutError(f"waited {seconds:g} s for {what}, and nothing moved"))

    # Heads.

    def _look_for_head(self, nbytes: int) -> None:
        try:
            head = self._next_head(max(self._start, self._fill - nbytes - 3))
            if head is None:
                self._make_room_for_head()
            else:
                self._begin_body(*head)
        except ProtocolError as error:
            self._fail(error)

    def _next_head(self, searched: int) -> tuple[Head, bool] | None:
        """Parse the head of the final answer, if it is there."""
        while (found := self._scratch.find(b"\r\n\r\n", searched, self._fill)) >= 0:
            stop = found + 4
            head, keep = parse_head(bytes(self._scratch_view[self._start : stop]))
            self._start = searched = stop
            if head.status >= _FINAL:
                return head, keep
            self._interim += 1
            if self._interim > _MAX_INTERIM:
                message = f"more than {_MAX_INTERIM} interim answers to one request"
                raise ProtocolError(message)
        return None

    def _make_room_for_head(self) -> None:
        rest = bytes(self._scratch_view[self._start : self._fill])
        refuse_junk(rest)
        if len(rest) == _SCRATCH:
            message = f"the head of an answer is longer than {_SCRATCH} bytes"
            raise ProtocolError(message)
        if self._start:
            self._scratch_view[: len(rest)] = rest
            self._start, self._fill = 0, len(rest)

    def _begin_body(self, head: Head, keep: bool) -> None:
        assert self._sender is not None
        kind = body_of(head, bodyless=self._bodyless)
        self._keep = keep and self._sender.done and kind != UNTIL_CLOSE
        self._sender.stop()
        self._state = _BODY
        self._length = kind if kind >= 0 else None
        self._chunks = ChunkedBody() if kind == CHUNKED else None
        self._head = head
        if kind == 0:
            self._finish()
        self._settle(0)

    # Bodies.

    def _finish(self) -> None:
        """End the answer. What is left in the scratch buffer, nobody has asked for."""
        self._state = _IDLE
        self._length = 0
        self._chunks = None
        if self._start == self._fill:
            self._start = self._fill = 0
        else:
            self._keep = False

    def _take(self, view: memoryview, size: int) -> int:
        """Copy from the scratch buffer."""
        count = min(len(view), size, self._fill - self._start)
        if self._length is not None:
            count = min(count, self._length)
        view[:count] = self._scratch_view[self._start : self._start + count]
        self._took(count)
        return count

    def _took(self, count: int) -> None:
        """Account for ``count`` bytes of the body in the scratch buffer."""
        self._start += count
        if self._start == self._fill:
            self._start = self._fill = 0
            if self._reading_paused:
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

    async def _flow(self, size: int, room: Callable[[], memoryview], received: Callable[[int], None]) -> None:
        """Let the kernel write ``size`` bytes into the views of ``room``, and wake us less often if they are many."""
        assert self._wakeups is not None
        self._any_will_do = False
        self._wakeups.begin()
        await self._land(size, room, received)

    async def _land(self, size: int, room: Callable[[], memoryview], received: Callable[[int], None]) -> int:
        """Let the kernel write ``size`` bytes into the views of ``room``, or what comes first of them."""
        assert self._waiter is None, "two tasks use one connection"
        self._room = room
        self._received = received
        self._wanted = size
        try:
            return await self._wait(self._stall_seconds)
        finally:
            self._received = _ignore  # a kept connection would keep alive what it has received last

    def _landed(self, nbytes: int) -> None:
        self._wanted -= nbytes
        self._received(nbytes)
        if self._length is not None:
            self._length -= nbytes
            if not self._length:
                self._finish()
        if self._any_will_do:
            self._settle(nbytes)
            return
        assert self._wakeups is not None
        self._wakeups.arrived(nbytes, self._wanted)
        if self._wanted:
            self._patience.start(self._stall_seconds)
        else:
            self._settle(nbytes)

    async def _read_chunked(self, chunks: ChunkedBody, view: memoryview) -> int:
        while not chunks.pieces and not chunks.done:
            if self._start == self._fill:
                await self._wait(self._stall_seconds)
            self._feed(chunks)
        count = chunks.take(view)
        if chunks.done and not chunks.pieces:
            self._keep = self._keep and not chunks.excess
            self._finish()
        return count

    def _feed(self, chunks: ChunkedBody) -> None:
        try:
            chunks.feed(self._scratch_view[self._start : self._fill])
        except ProtocolError:
            self.drop()
            raise
        self._took(self._fill - self._start)
