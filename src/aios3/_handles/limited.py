"""The writer whose head and tail can be sought and written again, for formats that write their header last."""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING

from aios3._handles.base_writer import AsyncPartWriteBase
from aios3._handles.positions import position_of
from aios3.errors import UnsupportedError

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from aios3._entries import WriteResult
    from aios3._session import Session
    from aios3._storing.write_plan import WritePlan

_ZEROS = 1024 * 1024


class AsyncLimitedSeekableWriter(AsyncPartWriteBase):
    """An object of S3, open for writing, that keeps its first and its last bytes in memory until it is closed.

    The first ``head_size`` bytes and at least the last ``tail_size`` may be sought and written again. The bytes between
    are on their way, and writing there raises UnsupportedError. The head goes up last, as part 1. Memory: head, tail,
    one part, and the parts in flight. Otherwise like :class:`AsyncMultipartWriter`.
    """

    def __init__(self, session: Session, plan: WritePlan, head_size: int, tail_size: int) -> None:
        self._head_size = head_size
        self._tail_size = tail_size
        self._head = bytearray()
        self._tail = bytearray()
        self._sent_bytes = 0  # bytes between head and tail
        self._position = 0
        super().__init__(session, plan)

    def __repr__(self) -> str:
        state = self._state.value
        return f"<aios3.AsyncLimitedSeekableWriter {self.name} {state} at {self._position} of {self._size}>"

    @property
    def size(self) -> int:
        """How many bytes the object would have if it were closed now."""
        return self._size

    def tell(self) -> int:
        """Return the position in bytes from the start."""
        self._check_open()
        return self._position

    def seekable(self) -> bool:
        """Return True: into the head and the tail."""
        return True

    async def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move the position into the head, the tail or after the end, and return it.

        Raises UnsupportedError for a position between head and tail, InvalidRangeError for one before the start or an
        unknown ``whence``.
        """
        async with self._lock:
            self._check()
            position = position_of(self.name, offset, whence, self._position, self._size)
            if len(self._head) <= position < self._tail_offset and self._sent_bytes:
                raise self._not_seekable_error(position)
            self._position = position
            return position

    @property
    def _tail_offset(self) -> int:
        return len(self._head) + self._sent_bytes

    @property
    def _size(self) -> int:
        return self._tail_offset + len(self._tail)

    async def _buffer_all(self, view: memoryview) -> None:
        """Put ``view`` at the position, and zeros into a gap before it.

        Raises UnsupportedError, before a byte is taken, if one would fall between head and tail.
        """
        if not view:
            return
        stop = self._position + len(view)
        if self._sent_bytes and self._position < self._tail_offset and stop > len(self._head):
            raise self._not_seekable_error(max(self._position, len(self._head)))
        while self._size < self._position:
            await self._put(self._size, memoryview(bytes(min(_ZEROS, self._position - self._size))))
        await self._put(self._position, view)
        self._position = stop

    async def _put(self, position: int, view: memoryview) -> None:
        """Put ``view`` at ``position``, which is in the head, in the tail, or the end."""
        in_head = max(min(len(view), self._head_size - position), 0)
        if in_head:
            await self._reserve(position + in_head - len(self._head))
            self._head[position : position + in_head] = view[:in_head]
            self._written_bytes += in_head
        offset = in_head
        while offset < len(view):
            at = position + offset - self._tail_offset
            room = self._tail_size + self._upload.next_size - at
            if room <= 0:
                self._send_part()
                continue
            chunk = view[offset : offset + room]
            await self._reserve(at + len(chunk) - len(self._tail))
            self._tail[at : at + len(chunk)] = chunk
            self._written_bytes += len(chunk)
            offset += len(chunk)

    def _send_part(self) -> None:
        """Send the start of the tail as the next part."""
        if not self._sent_bytes:
            self._upload.reserve_first_part()
        size = self._upload.next_size
        part = bytes(memoryview(self._tail)[:size])
        del self._tail[:size]
        self._sent_bytes += size
        self._reserved_bytes -= size
        self._session.budget.mark_in_flight(size)
        self._upload.start_part([part], size)

    def _publish(self) -> Awaitable[WriteResult]:
        size = self._size
        if size <= self._plan.part_size and not self._sent_bytes:
            return self._publishing.run(
                partial(self._upload.put_object, [memoryview(self._head), memoryview(self._tail)])
            )
        return self._publishing.run(partial(self._finish_multipart, size))

    async def _finish_multipart(self, size: int) -> WriteResult:
        if not self._sent_bytes:
            self._upload.reserve_first_part()
        start = 0
        while start < len(self._tail):
            length = self._upload.next_size
            self._upload.start_part([memoryview(self._tail)[start : start + length]], 0)
            start += length
        self._upload.start_first_part([memoryview(self._head)], 0)
        return await self._upload.complete(size)

    def _release_memory(self) -> None:
        self._head, self._tail = bytearray(), bytearray()
        super()._release_memory()

    def _not_seekable_error(self, position: int) -> UnsupportedError:
        message = (
            f"Byte {position:,} of {self.name} is on its way already: only the first {len(self._head):,} bytes and "
            f"those from {self._tail_offset:,} on can be written again; use larger head_size or tail_size, or "
            "buffering='memory' or 'disk'"
        )
        return UnsupportedError(message, path=self.name)
