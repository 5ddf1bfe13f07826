"""The file that reads: position, lines and chunks over blocks that are fetched ahead."""

from __future__ import annotations

import asyncio
import io
import os
import warnings
from functools import lru_cache
from typing import TYPE_CHECKING

from aios3._config import KIB, MIB
from aios3._engine.ranges import RangeFetcher, RangeLimits, Run
from aios3._handles.leaving import cannot_copy, no_descriptor
from aios3._handles.positions import flat, position_of
from aios3._handles.source import ObjectSource
from aios3.errors import ChecksumMismatchError, ClosedHandleError, InvalidRangeError, WrongLoopError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Iterator
    from types import TracebackType
    from typing import NoReturn, Self, SupportsIndex

    from typing_extensions import Buffer

    from aios3._backend import ReadOptions
    from aios3._entries import StatResult
    from aios3._handles.options import Sizes
    from aios3._handles.ranged import Ranges
    from aios3._paths import S3Url
    from aios3._session import Session

FIRST_REQUEST = 256 * KIB
"""Bytes that opening asks for: enough for a small object, little to lose for who seeks away."""
_AT_ONCE = 64 * KIB
"""An object of up to so many bytes is received when it is opened: it is here, or nearly, and needs no task."""
_COALESCE = 64 * KIB
"""Ranges with a smaller gap between them are fetched as one: sending the gap costs less than another request."""
_KEEP = 8 * MIB
"""Bytes behind the position that stay in memory for reads that go back a little."""
_LINE_REQUEST = 8 * KIB
_JOINED = 4
"""Blocks that one read may hold until it has all of its bytes; a longer one copies each as it comes."""


class AsyncPrefetchReader:
    """An object of S3, open for reading.

    Opening costs one ranged GET, whose ETag pins the version: if the object is replaced, reading goes on only if all
    bytes come from the version that was opened, and raises ObjectChangedError otherwise. Reads that follow each other
    earn read-ahead; reads elsewhere fetch only what they ask for.

    Methods may be called from several tasks. ``read``, ``readinto``, ``readline`` and iteration share one position
    and take turns; ``read_at`` and ``read_ranges`` do not touch it and run side by side.
    """

    def __init__(self, session: Session, source: ObjectSource, fetcher: Ranges) -> None:
        self._session = session
        self._source = source
        self._fetcher = fetcher
        self._turn = asyncio.Lock()
        self._position = 0
        self._run = Run(fetcher.limits)
        self._closed = False
        self._loop = asyncio.get_running_loop()
        self._pid = os.getpid()
        session.own(self)

    def __repr__(self) -> str:
        state = "closed" if self._closed else f"at {self._position} of {self.size}"
        return f"<aios3.AsyncPrefetchReader {self.name} {state}>"

    def __reduce_ex__(self, protocol: SupportsIndex, /) -> NoReturn:
        cannot_copy(self, protocol)

    async def __aenter__(self) -> Self:
        self._check()
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    def __del__(self) -> None:
        # A reader publishes nothing, so one that is forgotten is only put away; its loop may run in another thread.
        if getattr(self, "_closed", True) or self._pid != os.getpid():
            return
        warnings.warn(f"unclosed file {self!r}", ResourceWarning, source=self, stacklevel=2)
        if not self._loop.is_closed():
            source, fetcher = self._source, self._fetcher
            self._loop.call_soon_threadsafe(lambda: self._loop.create_task(close_fetcher(source, fetcher)))

    @property
    def path(self) -> S3Url:
        """Where the object is."""
        return self._source.url

    @property
    def name(self) -> str:
        """Where the object is, as text."""
        return str(self._source.url)

    @property
    def mode(self) -> str:
        """Always ``rb``."""
        return "rb"

    @property
    def size(self) -> int:
        """Size of the object in bytes."""
        return self._fetcher.size

    @property
    def closed(self) -> bool:
        """Whether the file is closed."""
        return self._closed

    def stat(self) -> StatResult:
        """Return what S3 said of the object when it was opened; costs no request."""
        return self._source.stat

    def tell(self) -> int:
        """Return the position in bytes from the start."""
        self._check()
        return self._position

    def readable(self) -> bool:
        """Return True."""
        return True

    def writable(self) -> bool:
        """Return False."""
        return False

    def seekable(self) -> bool:
        """Return True."""
        return True

    async def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move the position and return it; it may lie behind the end, where reads return nothing. No request.

        Raises InvalidRangeError for a position before the start or an unknown ``whence``.
        """
        async with self._turn:
            self._check()
            self._position = position_of(self.name, offset, whence, self._position, self.size)
            return self._position

    async def read(self, size: int | None = -1) -> bytes:
        """Read ``size`` bytes, fewer only at the end; all that is left if ``size`` is negative or None."""
        async with self._turn:
            self._check()
            start = self._position
            stop = self.size if size is None or size < 0 else min(start + size, self.size)
            try:
                try:
                    return await self._read_until(stop)
                except ChecksumMismatchError:
                    if start > 0 or stop < self.size:
                        raise  # the caller has some of the bytes that may be wrong
                    self._forget()
                return await self._read_until(stop)
            except BaseException:
                self._position = start
                raise

    async def readall(self) -> bytes:
        """Read all that is left."""
        return await self.read(-1)

    async def readinto(self, buffer: Buffer) -> int:
        """Fill ``buffer`` and return how many bytes that were: fewer than its size only at the end of the object."""
        async with self._turn:
            self._check()
            target = flat(buffer)
            start = self._position
            stop = min(start + len(target), self.size)
            try:
                while self._position < stop:
                    filled = self._position - start
                    view = await self._take(stop)
                    target[filled : filled + len(view)] = view
            except BaseException:
                self._position = start
                raise
            return max(self._position - start, 0)

    async def readline(self, size: int | None = -1) -> bytes:
        """Read up to and with the next line feed, at most ``size`` bytes; the rest if there is none."""
        async with self._turn:
            self._check()
            return await self._line(self.size if size is None or size < 0 else min(self._position + size, self.size))

    async def readlines(self, hint: int | None = None) -> list[bytes]:
        """Read lines until the end, or until they have ``hint`` bytes in all."""
        async with self._turn:
            self._check()
            start = self._position
            lines: list[bytes] = []
            try:
                while (not hint or hint < 0 or self._position - start < hint) and (line := await self._line(self.size)):
                    lines.append(line)
            except BaseException:
                self._position = start
                raise
            return lines

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Iterate over the lines from the position on, each with its line feed."""
        while line := await self.readline():
            yield line
            for whole in self._whole_lines_at_hand():
                yield whole

    async def chunks(self, size: int | None = None) -> AsyncGenerator[memoryview, None]:
        """Iterate over the bytes from the position on, in views of at most ``size`` bytes, by default a block's.

        The views are read-only, are not copied, and stay valid as long as they are kept.
        """
        if size is not None and size <= 0:
            message = f"chunks() needs a positive size, not {size}"
            raise InvalidRangeError(message, path=self.name)
        longest = size or self._fetcher.limits.block_size
        while True:
            async with self._turn:
                self._check()
                if self._position >= self.size:
                    return
                view = await self._take(min(self._position + longest, self.size))
            yield view

    async def read_at(self, offset: int, size: int) -> bytes:
        """Read ``size`` bytes at ``offset``, fewer only at the end of the object; the position stays where it is.

        Only what is asked for is fetched. Raises InvalidRangeError for a negative offset or size.
        """
        if offset < 0 or size < 0:
            message = f"read_at({offset}, {size}) on {self.name}: neither may be negative"
            raise InvalidRangeError(message, path=self.name)
        self._check()
        return await self._fetcher.collect(offset, min(offset + size, self.size))

    async def read_ranges(self, ranges: Iterable[tuple[int, int]]) -> list[bytes]:
        """Read several ranges ``[start, stop)`` and return their bytes in the same order.

        Ranges that are near each other share a request, and requests run side by side. A range ends with the object.
        Raises InvalidRangeError for a negative or reversed range.
        """
        self._check()
        wanted = list(ranges)
        for start, stop in wanted:
            if start < 0 or stop < start:
                message = f"read_ranges on {self.name}: ({start}, {stop}) is no range; it takes (start, stop) pairs"
                raise InvalidRangeError(message, path=self.name)
        room = self._fetcher.limits.window
        shared = _coalesce((start, min(stop, self.size)) for start, stop in wanted)
        for start, stop in shared:
            if room > 0 and start < stop:
                self._fetcher.request(start, min(stop, start + room))
            room -= stop - start
        found = [await self._fetcher.collect(start, min(stop, self.size)) for start, stop in wanted]
        for start, stop in shared:
            self._fetcher.done_with(start, stop)
        return found

    def fileno(self) -> int:
        """Raise UnsupportedError: an object of S3 has no file descriptor."""
        raise no_descriptor(self.name)

    async def aclose(self) -> None:
        """Close the file: end all requests, give all memory back. Safe to repeat, from any task.

        Raises WrongLoopError on another event loop than the file's own.
        """
        if self._pid != os.getpid():
            return
        if self._loop is not asyncio.get_running_loop():
            message = f"{self.name} was opened on another event loop; close it there"
            raise WrongLoopError(message, path=self.name)
        self._closed = True
        self._session.disown(self)
        await close_fetcher(self._source, self._fetcher)

    async def release(self) -> None:
        """Close the file because its session is closed."""
        await self.aclose()

    def _check(self) -> None:
        if self._closed:
            raise _closed_error(self._source)

    async def _view(self, stop: int) -> memoryview:
        """Wait for bytes at the position, at most up to ``stop``, having asked for what should come next."""
        start = self._position
        follows = self._run.begin(start)
        if not follows:
            self._fetcher.leave(start, stop)
        limits = self._fetcher.limits
        demand = min(stop, start + max(limits.window, limits.block_size))
        self._fetcher.request(start, demand, ahead=self._ahead(demand - start) if follows else 0)
        return await self._fetcher.view(start, stop)

    def _ahead(self, demand: int) -> int:
        """Return the bytes of read-ahead that the run has earned and the server needs."""
        return min(self._run.window(demand), self._fetcher.pace.window(self._fetcher.limits.request_size))

    async def _take(self, stop: int) -> memoryview:
        view = await self._view(stop)
        self._advance(len(view))
        return view

    def _advance(self, count: int) -> None:
        self._position += count
        self._run.end(self._position)

    async def _read_until(self, stop: int) -> bytes:
        if self._position >= stop:
            return b""
        view = await self._take(stop)
        if self._position == stop:
            return bytes(view)
        if stop - self._position <= _JOINED * self._fetcher.limits.block_size:
            views = [view]
            while self._position < stop:
                views.append(await self._take(stop))
            return b"".join(views)
        whole = io.BytesIO()
        whole.write(view)
        while self._position < stop:
            whole.write(await self._take(stop))
        return whole.getvalue()

    async def _line(self, limit: int) -> bytes:
        """Read up to and with the next line feed, at most up to ``limit``; the position moves if all goes well."""
        start = self._position
        wanted = _LINE_REQUEST
        pieces: list[bytes] = []
        try:
            while self._position < limit and not (pieces and pieces[-1].endswith(b"\n")):
                pieces.append(_line_start(await self._view(min(limit, self._position + wanted))))
                self._advance(len(pieces[-1]))
                wanted *= 2
        except BaseException:
            self._position = start
            raise
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _forget(self) -> None:
        """Let everything be read once more."""
        self._source.forget()
        self._fetcher.forget(0, self.size)
        self._position = 0

    def _whole_lines_at_hand(self) -> Iterator[bytes]:
        """Yield the lines that have arrived whole, as long as nobody else moves the position."""
        data = bytes(self._fetcher.at_hand(self._position))
        expected = self._position
        for line in data[: data.rfind(b"\n") + 1].split(b"\n")[:-1]:
            if self._position != expected or self._closed:
                return
            expected += len(line) + 1
            self._advance(len(line) + 1)
            yield line + b"\n"


async def open_reader(session: Session, url: S3Url, options: ReadOptions, sizes: Sizes) -> AsyncPrefetchReader:
    """Open ``url`` with one ranged GET.

    Raises ObjectNotFoundError, AccessDeniedError and the other errors of a GET.
    """
    source = ObjectSource(session, url, options)
    fetcher = await open_fetcher(session, source, 0, FIRST_REQUEST, sizes)
    return AsyncPrefetchReader(session, source, fetcher)


async def open_fetcher(session: Session, source: ObjectSource, start: int, stop: int, sizes: Sizes) -> RangeFetcher:
    """Ask ``source`` for ``[start, stop)`` and return the fetcher of its object, which goes on with the answer.

    The memory for the answer is taken before it is asked for, and what it does not need is given back.
    """
    budget = session.budget
    paid = stop - start
    if not budget.try_take(paid):
        await source.aclose()  # an answer that is here already would hold its connection while it waits for memory
        await budget.take(paid)
    try:
        answered = max(await source.open(start, stop) - start, 0)
        fetcher = RangeFetcher(
            source.fetch, source.stat.size, budget, _limits(sizes.block_size, sizes.request_size, budget.limit)
        )
        if source.latency is not None:
            fetcher.pace.answered(source.latency)
    except BaseException:
        budget.give_back(paid)
        await source.aclose()
        raise
    budget.give_back(paid - answered)
    try:
        await _begin(source, fetcher, start, answered)
    except BaseException:
        await close_fetcher(source, fetcher)
        raise
    return fetcher


async def _begin(source: ObjectSource, fetcher: RangeFetcher, start: int, answered: int) -> None:
    """Have the ``answered`` bytes of the first answer received; those of a whole small object here and now."""
    if not answered:
        await source.aclose()
    elif answered == fetcher.size <= _AT_ONCE:
        await fetcher.fill(start, start + answered)
    else:
        fetcher.adopt(start, start + answered)


async def close_fetcher(source: ObjectSource, fetcher: Ranges) -> None:
    """End all requests and give all memory back."""
    try:
        await fetcher.aclose(_closed_error(source))
    finally:
        await source.aclose()


@lru_cache
def _limits(block_size: int, request_size: int, memory: int) -> RangeLimits:
    return RangeLimits(
        block_size=block_size,
        least_request=min(MIB, request_size),
        request_size=request_size,
        window=max(memory * 3 // 4, block_size),
        keep=max(min(memory // 8, _KEEP), block_size),
    )


def _closed_error(source: ObjectSource) -> ClosedHandleError:
    return ClosedHandleError(f"{source.url} is closed; open it again to read", path=str(source.url))


def _line_start(view: memoryview) -> bytes:
    data = bytes(view)
    end = data.find(b"\n") + 1
    return data[:end] if end else data


def _coalesce(ranges: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for start, stop in sorted(ranges):
        if merged and start - merged[-1][1] <= _COALESCE:
            merged[-1] = (merged[-1][0], max(merged[-1][1], stop))
        else:
            merged.append((start, stop))
    return merged
