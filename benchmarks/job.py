"""What a workload is given: where to read and write, how much, and the clock that measures it."""

from __future__ import annotations

import asyncio
import mmap
import random
import resource
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from server.objects import small_key

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Awaitable, Callable, Iterable
    from types import TracebackType
    from typing import Self

BUCKET = "bench"
PREFIX = "data/"
TARGET = "written/object.bin"
REGION = "us-east-1"
ACCESS_KEY, SECRET_KEY = "benchmark-access-key", "benchmark-secret-key"
COUNT_EVERY = 1000


class Enough(Exception):  # noqa: N818 - not an error
    """Raised through a workload when its time is over; the clock takes it."""


class WrongResultError(Exception):
    """Raised when a library did not read, list or write what it should have."""


class Clock:
    """Measures the block of ``with``: wall time, and the CPU of this process and of those that it waited for."""

    def __init__(self) -> None:
        self.wall = self.user = self.system = 0.0
        self.cut_short = False
        self._started = (0.0, 0.0, 0.0)

    def __enter__(self) -> Self:
        self._started = _now()
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> bool:
        self.wall, self.user, self.system = (now - then for now, then in zip(_now(), self._started, strict=True))
        self.cut_short = exc_type is Enough
        return self.cut_short

    @property
    def running_for(self) -> float:
        """Seconds since the block began."""
        return time.perf_counter() - self._started[0]


def _now() -> tuple[float, float, float]:
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return time.perf_counter(), sum(one.ru_utime for one in usages), sum(one.ru_stime for one in usages)


@dataclass
class Job:
    """One workload; sizes in bytes.

    What was received is told to ``got``, ``got_at`` or ``got_small``, what was listed or written to ``did``. With
    ``originals``, the folder that the server serves, every byte is compared.
    """

    endpoint: str
    ca: str | None
    key: str
    size: int
    piece: int
    count: int
    in_flight: int
    limit_seconds: float
    originals: str | None = None
    clock: Clock = field(default_factory=Clock)
    bytes: int = 0
    units: int = 0

    def __post_init__(self) -> None:
        self._original: memoryview | None = None
        if self.originals and self.key and self.size > self.piece:
            with (Path(self.originals) / self.key).open("rb") as file:
                self._original = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))

    @property
    def secure(self) -> bool:
        """Whether the endpoint is TLS."""
        return self.ca is not None

    @property
    def pieces(self) -> range:
        """Offsets of the pieces of the object."""
        return range(0, self.size, self.piece)

    def offsets(self) -> list[int]:
        """Return the offsets of a random read; the same for every library."""
        source = random.Random(1)
        return [source.randrange(self.size - self.piece) for _ in range(self.count)]

    def got(self, data: Any) -> None:
        """Take the next bytes of a sequential read."""
        self.got_at(self.bytes, data)

    def got_at(self, offset: int, data: Any) -> None:
        """Take the bytes at ``offset``."""
        length = len(data)
        if self._original is not None and memoryview(data) != self._original[offset : offset + length]:
            message = f"the {length} bytes at {offset} are not those of the object"
            raise WrongResultError(message)
        self.did(1, length)

    def got_small(self, number: int, data: Any) -> None:
        """Take a small object."""
        if self.originals and data != (Path(self.originals) / small_key(number)).read_bytes():
            message = f"small object {number} is not what it should be"
            raise WrongResultError(message)
        self.did(1, len(data))

    def did(self, units: int, size: int = 0) -> None:
        """Count what was done; raise Enough when the time is over."""
        self.units += units
        self.bytes += size
        if self.clock.running_for > self.limit_seconds:
            raise Enough

    def count_all(self, items: Iterable[Any]) -> None:
        """Count what a listing yields."""
        number = 0
        for number, _ in enumerate(items, 1):
            if not number % COUNT_EVERY:
                self.did(COUNT_EVERY)
        self.did(number % COUNT_EVERY)

    async def count_all_async(self, items: AsyncIterable[Any]) -> None:
        """Count what an asynchronous listing yields."""
        number = 0
        async for _ in items:
            number += 1
            if not number % COUNT_EVERY:
                self.did(COUNT_EVERY)
        self.did(number % COUNT_EVERY)

    async def in_tasks(self, call: Callable[[Any], Awaitable[None]], arguments: Iterable[Any]) -> None:
        """Call with each argument, ``in_flight`` at a time, in tasks."""
        waiting = iter(arguments)

        async def work() -> None:
            for argument in waiting:
                await call(argument)

        await asyncio.gather(*(work() for _ in range(self.in_flight)))

    def in_threads(self, call: Callable[[Any], None], arguments: Iterable[Any]) -> None:
        """Call with each argument, ``in_flight`` at a time, in threads."""
        with ThreadPoolExecutor(self.in_flight) as pool:
            for _ in pool.map(call, arguments):
                pass
