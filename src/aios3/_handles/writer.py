"""The file that writes: four states, and nothing visible before the last.

``SMALL`` -> one PutObject at close -> ``FINISHED``. ``SMALL`` -> more than a part was written -> ``MULTIPART``: parts
go up while the caller writes -> ``FINISHED``. Either of the first two -> exception, cancellation, :meth:`abort`, a
failed part, garbage collection -> ``ABORTED``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aios3._handles.base_writer import AsyncPartWriteBase, WriterState
from aios3._handles.part_buffer import PartBuffer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Coroutine

    from aios3._entries import WriteResult
    from aios3._session import Session
    from aios3._storing.write_plan import WritePlan

_SENDING_SHARE = 32
"""Share of a part that is reserved in addition, for the bytes that the transport holds a second time while sending."""


class AsyncMultipartWriter(AsyncPartWriteBase):
    """An object of S3, open for writing.

    :meth:`aclose` makes it visible, as a whole and at once; so does leaving ``async with`` without an exception.
    Everything else leaves what was there before, and no open upload. Methods may be called from several tasks;
    writes take turns, :meth:`abort` does not wait for them.
    """

    def __init__(self, session: Session, plan: WritePlan) -> None:
        self._part_buffer = PartBuffer(plan.existing_bytes)
        super().__init__(session, plan, WriterState.SMALL)
        self._reserved_bytes = len(plan.existing_bytes)

    def __repr__(self) -> str:
        return f"<aios3.AsyncMultipartWriter {self.name} {self._state.value} at {self.tell()}>"

    def tell(self) -> int:
        """Return how many bytes the object would have if it were closed now."""
        return self._plan.existing_size + self._written_bytes

    async def drain(self) -> None:
        """Wait until every part that has been handed over is stored; raise the error of one that failed."""
        async with self._lock:
            if self._must_abort():
                await self._abort_and_raise()
            await self._upload.drain()
            if self._must_abort():
                await self._abort_and_raise()

    def finish(self) -> Coroutine[object, object, None]:
        """Publish the object, as :meth:`aclose` does in the usual case."""
        return self._close()

    def _publish(self) -> Awaitable[WriteResult]:
        return self._publishing.run(self._store)

    async def _store(self) -> WriteResult:
        if self._written_bytes == 0 and self._plan.unchanged_result is not None:
            return self._plan.unchanged_result
        if self._state is WriterState.SMALL and not self._upload.needs_parts:
            return await self._upload.put_object(self._part_buffer.peek())
        if self._part_buffer.size:
            self._send_part()
        return await self._upload.complete(self._plan.existing_size + self._written_bytes)

    async def _buffer_all(self, view: memoryview) -> None:
        offset = 0
        while offset < len(view):
            if self._part_room() == 0:
                self._send_part()
                if self._upload.is_full:
                    await self._upload.wait_for_capacity()
                if self._must_abort():
                    await self._abort_and_raise()
            count = min(self._part_room(), len(view) - offset)
            cost = count + count // _SENDING_SHARE
            if not self._try_reserve(cost):
                await self._reserve(cost)
            self._part_buffer.add(view[offset : offset + count])
            self._written_bytes += count
            offset += count

    def _part_room(self) -> int:
        return self._upload.next_size - self._part_buffer.size

    def _send_part(self) -> None:
        self._state = WriterState.MULTIPART
        reserved, self._reserved_bytes = self._reserved_bytes, 0
        self._session.budget.mark_in_flight(reserved)
        self._upload.start_part(self._part_buffer.take(), reserved)

    def _release_memory(self) -> None:
        self._part_buffer.clear()
        super()._release_memory()
