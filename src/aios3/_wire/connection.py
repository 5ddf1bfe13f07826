"""One HTTP/1.1 connection on which bodies land in the caller's memory.

Heads are received into a scratch buffer of the connection and parsed there. A body with a length is received by the
kernel straight into the views that the caller gives; only what came together with the head is copied, once. Bodies to
send go to the transport in slices, from its own callback, so that neither direction costs a task switch an arrival.

What nobody has asked for yet waits in the scratch buffer; when that is full, the transport is paused.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeVar, cast

from aios3._memory import fresh
from aios3._wire.chunks import ChunkedBody
from aios3._wire.failures import BrokenBodyError, ProtocolError, ServerClosedError, body_ended, head_ended
from aios3._wire.heads import CHUNKED, MAX_HEAD, UNTIL_CLOSE, Head, body_of, parse_head, refuse_junk
from aios3._wire.patience import Patience
from aios3._wire.receive_buffer import ReceiveBuffer
from aios3._wire.sending import Sender
from aios3._wire.tls import was_meant
from aios3._wire.wakeups import Wakeups

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

__all__ = ["BrokenBodyError", "Connection", "Head", "ProtocolError", "ServerClosedError"]

T = TypeVar("T")

_HEAD_ARRIVAL = 8 * 1024
"""Bytes taken at once while a head is waited for: enough for it, and for a small body behind it."""
_READ_BYTES = 64 * 1024  # at once, of a body whose length only its end will tell
_MAX_INTERIM = 16
_FINAL = 200
_IDLE, _HEAD, _BODY = range(3)


def _ignore(_: object) -> None:
    """Tell nobody."""


async def _nothing() -> None:
    """Return at once: what is awaited where everything has arrived."""


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
        self._waiter: asyncio.Future[Any] | None = None
        self._scratch = ReceiveBuffer(MAX_HEAD)
        self._reading_paused = False
        # Where the present answer stands.
        self._state = _IDLE
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

    # The caller's side. ``send`` and ``receive`` are plain functions that return what waits: one coroutine a wait.

    def send(
        self, head: bytes, body: Sequence[bytes | memoryview] = (), *, bodyless: bool = False
    ) -> Coroutine[None, None, Head]:
        """Send a request, and return what to await, at once, for the head of the final answer.

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
        self._bodyless = bodyless
        self._interim = 0
        assert self._sender is not None
        sent = self._sender.begin(head, body)
        return self._wait(self._first_byte_seconds if sent else self._stall_seconds)

    @property
    def length(self) -> int | None:
        """Bytes of the answer's body that are still to come; None if only its end will tell."""
        return self._length

    def receive(
        self, size: int, room: Callable[[], memoryview], received: Callable[[int], None]
    ) -> Coroutine[None, None, object]:
        """Receive the next ``size`` bytes of a body with a length into the views of ``room``; await the result at once.

        ``room()`` is asked before each arrival, perhaps more than once, and must not return an empty view;
        ``received(n)`` says, from the event loop's callback, that ``n`` bytes are in the view given last. Raise
        ``BrokenBodyError`` if the connection ends first, ``TimeoutError`` if nothing comes.
        """
        assert self._length is not None
        assert size <= self._length
        try:
            while size and self._scratch.stop:
                count = self._take(room(), size)
                size -= count
                received(count)
        except BaseException:
            self.drop()
            raise
        if not size:
            return _nothing()
        assert self._wakeups is not None
        self._any_will_do = False
        self._wakeups.begin()
        return self._receive_into(size, room, received)

    async def readinto(self, view: memoryview) -> int:
        """Receive some bytes of a body of any kind, and return how many; 0 at its end, and only then."""
        if self._state is not _BODY or not view:
            return 0
        if self._chunks is not None:
            return await self._read_chunked(self._chunks, view)
        if self._scratch.stop:
            return self._take(view, len(view))
        if self._length is None and self._eof:
            self._finish()
            return 0
        size = len(view) if self._length is None else min(len(view), self._length)
        self._any_will_do = True
        return await self._receive_into(size, lambda: view, _ignore)

    def at_hand(self, limit: int) -> bytes | None:
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
        data, length = self.at_hand(limit), self._length
        if data is not None:
            return data
        if length is None:
            return await self._read_to_end(limit)
        if length > limit:
            raise self._too_long(limit)
        whole, filled = memoryview(fresh(length)), 0

        def received(count: int) -> None:
            nonlocal filled
            filled += count

        await self.receive(length, lambda: whole[filled:], received)
        return bytes(whole)

    async def _read_to_end(self, limit: int) -> bytes:
        """Return the rest of a body whose end will tell its length."""
        whole, view = bytearray(), memoryview(bytearray(_READ_BYTES))
        while len(whole) <= limit:
            count = await self.readinto(view)
            if not count:
                return bytes(whole)
            whole += view[:count]
        raise self._too_long(limit)

    def _too_long(self, limit: int) -> ProtocolError:
        self.drop()
        return ProtocolError(f"the body of an answer is longer than {limit} bytes")

    @property
    def reusable(self) -> bool:
        """Whether the next request can be sent: the answer was read to its end, and both sides keep the connection."""
        return self._state is _IDLE and self._keep and not self._scratch.stop and self.stands

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
            return self._scratch.space(_HEAD_ARRIVAL if self._state is _HEAD else MAX_HEAD)
        view = self._room()
        return view if len(view) <= self._wanted else view[: self._wanted]

    def buffer_updated(self, nbytes: int) -> None:
        """Take note of what has come."""
        if self._room is not None:
            self._landed(nbytes)
            return
        self._scratch.stop += nbytes
        if self._state is _HEAD:
            self._look_for_head(nbytes)
        elif self._state is _IDLE:
            self.drop()  # nobody asked for anything
        elif self._waiter is not None:
            self._settle(0)
        if self._scratch.stop == MAX_HEAD:
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

    def _wait(self, seconds: float) -> Coroutine[None, None, Any]:
        """Return what waits for the one thing that is due next; ``_settle`` or ``_end_with`` ends it."""
        assert self._waiter is None, "two tasks use one connection"
        if self._ended:
            self._room, self._received = None, _ignore
            raise self._take_error()
        self._waiter = self._loop.create_future()
        self._patience.start(seconds)
        return self._wait_for(self._waiter)

    async def _wait_for(self, waiter: asyncio.Future[T]) -> T:
        try:
            return await waiter
        except asyncio.CancelledError:
            self._waiter = None
            if not self.reusable:
                self.drop()
            raise
        finally:
            self._waiter = self._room = None
            self._received = _ignore  # a kept connection would keep alive what it has received last
            self._patience.stop()

    def _settle(self, result: Head | int) -> None:
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
        error: ConnectionError = ConnectionResetError("the connection is closed")
        if self._state is _HEAD:
            error = head_ended(answered=self._scratch.stop > 0 or self._interim > 0)
        elif self._state is _BODY:
            error = body_ended(self._length)
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
            head = self._next_head(max(self._scratch.start, self._scratch.stop - nbytes - 3))
            if head is None:
                self._make_room_for_head()
            else:
                self._begin_body(*head)
        except ProtocolError as error:
            self._fail(error)

    def _next_head(self, searched: int) -> tuple[Head, bool] | None:
        """Parse the head of the final answer, if it is there."""
        while (text := self._scratch.take_through(b"\r\n\r\n", searched)) is not None:
            searched = self._scratch.start
            head, keep = parse_head(text)
            if head.status >= _FINAL:
                return head, keep
            self._interim += 1
            if self._interim > _MAX_INTERIM:
                message = f"more than {_MAX_INTERIM} interim answers to one request"
                raise ProtocolError(message)
        return None

    def _make_room_for_head(self) -> None:
        refuse_junk(bytes(self._scratch.peek()))
        if len(self._scratch) == MAX_HEAD:
            message = f"the head of an answer is longer than {MAX_HEAD} bytes"
            raise ProtocolError(message)
        self._scratch.compact()

    def _begin_body(self, head: Head, keep: bool) -> None:
        assert self._sender is not None
        kind = body_of(head, bodyless=self._bodyless)
        self._keep = keep and self._sender.done and kind != UNTIL_CLOSE
        self._sender.stop()
        self._state = _BODY
        self._length = kind if kind >= 0 else None
        self._chunks = ChunkedBody() if kind == CHUNKED else None
        if kind == 0:
            self._finish()
        self._settle(head)

    # Bodies.

    def _finish(self) -> None:
        """End the answer. What is left in the scratch buffer, nobody has asked for."""
        self._state = _IDLE
        self._length = 0
        self._chunks = None
        self._keep = self._keep and not self._scratch.stop

    def _take(self, view: memoryview, size: int) -> int:
        """Copy from the scratch buffer."""
        count = min(len(view), size, len(self._scratch))
        if self._length is not None:
            count = min(count, self._length)
        view[:count] = self._scratch.peek(self._scratch.start + count)
        self._took(count)
        return count

    def _took(self, count: int) -> None:
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
        self, size: int, room: Callable[[], memoryview], received: Callable[[int], None]
    ) -> Coroutine[None, None, int]:
        """Let the kernel write ``size`` bytes into the views of ``room``, or what comes first of them."""
        assert self._waiter is None, "two tasks use one connection"
        self._room = room
        self._received = received
        self._wanted = size
        return self._wait(self._stall_seconds)

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
            if not self._scratch.stop:
                await self._wait(self._stall_seconds)
            try:
                chunks.feed(self._scratch.peek())
            except ProtocolError:
                self.drop()
                raise
            self._took(len(self._scratch))
        count = chunks.take(view)
        if chunks.done and not chunks.pieces:
            self._keep = self._keep and not chunks.excess
            self._finish()
        return count
