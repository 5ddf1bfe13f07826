"""Everything that can be written from: files and iterables, async or not. What may block is read in a thread."""

from __future__ import annotations

import contextlib
import inspect
import time
from collections.abc import AsyncIterable, Iterable
from typing import TYPE_CHECKING, Protocol, TypeGuard

from aios3._config import KIB, MIB
from aios3._handles.positions import byte_view
from aios3.errors import ConfigError


class Readable(Protocol):
    """A binary file object that is open for reading, async or not."""

    def read(self, size: int, /) -> bytes | Awaitable[bytes]:
        """Return up to ``size`` bytes; none at the end."""


if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Sequence

    from typing_extensions import Buffer

    from aios3._handles.torn_write import TornWrite

    Write = Callable[[Buffer], Awaitable[int]]
    Source = Readable | AsyncIterable[Buffer] | Iterable[Buffer]


_CHUNK_BYTES = MIB
_SMALL_BYTES = 64 * KIB
"""Below this, buffers of an iterable are joined: going to a thread and back takes longer than to copy them."""
_MAX_BATCH_SECONDS = 0.01
"""How long (s) buffers are joined before they are written; a slow iterable's are written as they come."""


class _Progress:
    """Records that bytes were taken from the source, or may have been: then it cannot be written from once more."""

    def __init__(self) -> None:
        self.has_taken = False

    @contextlib.contextmanager
    def taking(self) -> Iterator[None]:
        """Take from a source, which says with an exception of its own that it has given nothing, but not else."""
        try:
            yield
        except Exception:
            raise
        except BaseException:
            self.has_taken = True  # a chunk that came after the waiting was cancelled is lost
            raise


async def copy_from(source: Source | Buffer, write: Write, torn: TornWrite | None = None) -> int:
    """Write all that ``source`` has, and return how many bytes that were.

    What ends it early, an error of the source among others, is noted in ``torn``, unless nothing was taken yet. Raises
    ConfigError for an invalid source, and for a file or iterable of text.
    """
    check_source(source)
    progress = _Progress()
    try:
        return await _copy(source, write, progress)
    except BaseException as error:
        if torn is not None and progress.has_taken:
            torn.note("write_from()", error)
        raise


def check_source(source: object) -> None:
    """Raise ConfigError for what is neither bytes, nor a file, nor an iterable of bytes."""
    is_iterable = isinstance(source, (AsyncIterable, Iterable)) and not isinstance(source, str)
    if not (is_iterable or _is_readable(source) or _is_buffer(source)):
        kind = type(source).__name__
        message = f"Cannot write from {kind}: a binary file or an iterable of bytes-like objects is needed"
        raise ConfigError(message)


async def _copy(source: Source | Buffer, write: Write, progress: _Progress) -> int:
    if _is_readable(source):
        return await _copy_file(source, write, progress)
    if isinstance(source, AsyncIterable):
        return await _copy_async_iterable(source, write, progress)
    if _is_buffer(source):
        return await write(source)
    return await _copy_iterable(source, write, progress)  # type: ignore[arg-type]  # check_source has seen it


async def _copy_file(source: Readable, write: Write, progress: _Progress) -> int:
    from anyio import to_thread  # noqa: PLC0415 - slow to import, and not needed to read

    is_async = inspect.iscoroutinefunction(source.read)
    total = 0
    while True:
        with progress.taking():
            chunk = source.read(_CHUNK_BYTES) if is_async else await to_thread.run_sync(source.read, _CHUNK_BYTES)
            data = _binary(await chunk if inspect.isawaitable(chunk) else chunk)
        if not memoryview(data).nbytes:
            return total
        progress.has_taken = True
        total += await write(data)


async def _copy_async_iterable(source: AsyncIterable[Buffer], write: Write, progress: _Progress) -> int:
    total = 0
    chunks = aiter(source)
    while True:
        with progress.taking():
            try:
                chunk = _binary(await anext(chunks))
            except StopAsyncIteration:
                return total
        progress.has_taken = True
        total += await write(chunk)


async def _copy_iterable(source: Iterable[Buffer], write: Write, progress: _Progress) -> int:
    if isinstance(source, (list, tuple)):
        return await _write_each(source, write, progress)
    from anyio import to_thread  # noqa: PLC0415 - slow to import, and rarely needed

    iterator = iter(source)
    total, more = 0, True
    while more:
        chunks: list[Buffer] = []
        try:
            with progress.taking():
                more = await to_thread.run_sync(_read_batch, iterator, chunks)
        except Exception:  # raised after what came before it
            progress.has_taken |= bool(chunks)
            await _write_each(chunks, write, progress)
            raise
        progress.has_taken |= bool(chunks)
        total += await _write_each(chunks, write, progress)
    return total


async def _write_each(chunks: Sequence[Buffer], write: Write, progress: _Progress) -> int:
    total = 0
    for chunk in [_binary(chunk) for chunk in chunks]:
        total += await write(chunk)
        progress.has_taken = True
    return total


_END = object()


def _read_batch(iterator: Iterator[Buffer], chunks: list[Buffer]) -> bool:
    """Take a batch that is worth a change of threads: small buffers, joined, followed by the large one.

    Return whether there may be more; raise what ``iterator`` raises. Small buffers are copied before the next is taken,
    because an iterator may fill the same memory again.
    """
    small = bytearray()
    until = time.monotonic() + _MAX_BATCH_SECONDS
    while True:
        item = next(iterator, _END)
        if item is _END:
            return False
        chunk = _binary(item)
        view = byte_view(chunk)
        size = len(view)
        if size >= _SMALL_BYTES:
            chunks.append(chunk)
            return True
        if size and not small:
            chunks.append(small)
        small += view
        if len(small) >= _CHUNK_BYTES or time.monotonic() >= until:
            return True


def _binary(data: object) -> Buffer:
    if data is None:
        message = "Cannot write None: the source is a file in non-blocking mode that has no bytes now, or yields None"
        raise ConfigError(message)
    if isinstance(data, str):
        message = "Cannot write text to a binary file: open the source in binary mode, or encode it"
        raise ConfigError(message)
    memoryview(data)  # type: ignore[arg-type] # rejects other types with a TypeError
    return data  # type: ignore[return-value]  # it is one


def _is_buffer(source: object) -> TypeGuard[Buffer]:
    try:
        memoryview(source)  # type: ignore[arg-type] # the only way to test for a buffer
    except TypeError:
        return False
    return True


def _is_readable(source: object) -> TypeGuard[Readable]:
    return callable(getattr(source, "read", None))
