"""One object out of parts that come from anywhere, several at once: started, sent, completed, or left as it was."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aios3._engine.parts import equal_part_size, equal_ranges
from aios3._trees.runner import as_async, for_each
from aios3.errors import FileChangedError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

    from aios3._entries import WriteResult
    from aios3._storing.multipart import MultipartUpload


@dataclass(frozen=True, slots=True)
class PartRange:
    """The bytes ``[start, stop)`` of the object, as part ``number`` (from 1)."""

    number: int
    start: int
    stop: int


def part_ranges(size: int, preferred: int) -> list[PartRange]:
    """Cut ``size`` bytes into parts of one size and a rest; see :func:`equal_part_size`."""
    ranges = equal_ranges(size, equal_part_size(size, preferred))
    return [PartRange(number, start, stop) for number, (start, stop) in enumerate(ranges, 1)]


@dataclass(frozen=True, slots=True)
class PartTask:
    """How one part comes into being."""

    number: int
    send: Callable[[MultipartUpload], Coroutine[object, object, None]]


@dataclass(frozen=True, slots=True)
class PartsUpload:
    """An object of ``size`` bytes that is made of parts, ``width`` of which are sent at once."""

    upload: MultipartUpload
    jobs: Sequence[PartTask]
    size: int
    width: int
    keep_open: bool = False
    """True if a failure leaves the upload open, with the parts that have arrived."""
    check: Callable[[], Coroutine[object, object, None]] | None = None
    """A check that is awaited before the completion, and may raise."""

    async def run(self) -> WriteResult:
        """Send all parts and make one object of them.

        A failure or cancellation publishes nothing and aborts the upload, unless ``keep_open``. A file that has changed
        always aborts it, because its parts are then worthless.
        """
        try:
            await self.upload.wait_open()
            await for_each(as_async(self.jobs), self._send, self.width)
            if self.check is not None:
                await self.check()
            return await self.upload.complete(self.size)
        except BaseException as error:
            if not self.keep_open or isinstance(error, FileChangedError):
                await self.upload.abort(late_parts=True)
            raise
        finally:
            if self.keep_open:
                self.upload.leave_open()

    async def _send(self, job: PartTask) -> None:
        await job.send(self.upload)
