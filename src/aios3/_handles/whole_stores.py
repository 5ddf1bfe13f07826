"""Where the bytes of a whole file are while it is open: in memory, or in a local file."""

from __future__ import annotations

import contextlib
import fcntl
import os
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from aios3._engine.tasks import OwnedTasks
from aios3._handles.base import call_on
from aios3._threads import in_thread
from aios3.errors import UnsupportedError

if TYPE_CHECKING:
    import asyncio

    from aios3._engine.memory_budget import MemoryBudget


class Store(Protocol):
    """Bytes that can be read and changed anywhere. Calls take turns; the owner sees to that."""

    @property
    def kind(self) -> str:
        """``memory`` or ``disk``."""

    position: int
    """Where the file stands."""

    @property
    def shared(self) -> bool:
        """True if the position is the descriptor's, because it was handed out: each write moves it by itself."""

    @property
    def size(self) -> int:
        """How many bytes there are."""

    @property
    def changes(self) -> int:
        """How many changes have been started; one that only waits for memory has not."""

    async def read(self, offset: int, size: int) -> bytes:
        """Return ``size`` bytes from ``offset`` on, fewer only at the end; all that follow if ``size`` is negative."""

    async def read_into(self, offset: int, view: memoryview) -> int:
        """Fill ``view`` from ``offset`` on, and return how many bytes that were: fewer only at the end."""

    async def write(self, offset: int, view: memoryview) -> None:
        """Put all of ``view`` at ``offset``; what lies between the end and ``offset`` becomes zeros."""

    async def truncate(self, size: int) -> None:
        """Cut to ``size`` bytes, or fill up with zeros."""

    def fileno(self, *, writes: bool, appends: bool) -> int:
        """Return the descriptor of the local file, which stands where the file stands, and from now on decides that.

        With ``writes`` it can write, with ``appends`` only at the end. Raises UnsupportedError if there is none.
        """

    async def cancel_waits(self) -> None:
        """Have a call that waits for memory raise ClosedHandleError."""

    def commit(self) -> None:
        """Keep what is to be kept of a file that ended well."""

    async def aclose(self) -> None:
        """Give memory and files back; of what was not settled, nothing remains. Safe to repeat."""

    def finalize(self, loop: asyncio.AbstractEventLoop) -> None:
        """Do the same for an owner that is garbage: from any thread, without waiting; ``loop`` was its own."""


class MemoryStore:
    """Bytes in memory, each paid for from ``budget``; for those of ``data`` the caller has paid, and parked them."""

    kind = "memory"
    shared = False

    def __init__(self, budget: MemoryBudget, data: bytearray | None = None) -> None:
        self.position = 0
        self._budget = budget
        self._data = bytearray() if data is None else data
        self._reserved_bytes = len(self._data)
        self._waiting = OwnedTasks()
        self.changes = 0
        """How many changes have been started."""

    @property
    def size(self) -> int:
        """How many bytes there are."""
        return len(self._data)

    async def read(self, offset: int, size: int) -> bytes:
        """Return ``size`` bytes from ``offset`` on, fewer only at the end; all that follow if ``size`` is negative."""
        with memoryview(self._data) as data:
            return bytes(data[offset : None if size < 0 else offset + size])

    async def read_into(self, offset: int, view: memoryview) -> int:
        """Fill ``view`` from ``offset`` on, and return how many bytes that were."""
        count = max(min(len(view), len(self._data) - offset), 0)
        with memoryview(self._data) as data:
            view[:count] = data[offset : offset + count]
        return count

    async def write(self, offset: int, view: memoryview) -> None:
        """Put all of ``view`` at ``offset``."""
        if not view:
            return
        await self._reserve(offset + len(view))
        self.changes += 1
        if offset > len(self._data):
            self._data.extend(bytes(offset - len(self._data)))
        self._data[offset : offset + len(view)] = view

    async def truncate(self, size: int) -> None:
        """Cut to ``size`` bytes, or fill up with zeros."""
        await self._reserve(size)
        self.changes += 1
        if size < len(self._data):
            del self._data[size:]
            self._budget.release(self._reserved_bytes - size, retained=True)
            self._reserved_bytes = size
        else:
            self._data.extend(bytes(size - len(self._data)))

    def fileno(self, *, writes: bool, appends: bool) -> int:  # noqa: ARG002 - a file on disk heeds them
        """Raise UnsupportedError: memory has no file descriptor."""
        message = "A file in memory has no file descriptor; open it with buffering='disk' for one"
        raise UnsupportedError(message)

    async def cancel_waits(self) -> None:
        """Have a call that waits for memory raise ClosedHandleError."""
        await self._waiting.aclose()

    def commit(self) -> None:
        """Keep nothing."""

    async def aclose(self) -> None:
        """Give the memory back."""
        self._release_memory()

    def finalize(self, loop: asyncio.AbstractEventLoop) -> None:
        """Give the memory back on the loop whose budget it is."""
        call_on(loop, self._release_memory)

    def _release_memory(self) -> None:
        self._data = bytearray()
        reserved, self._reserved_bytes = self._reserved_bytes, 0
        self._budget.release(reserved, retained=True)

    async def _reserve(self, size: int) -> None:
        missing = size - self._reserved_bytes
        if missing > 0:
            if not self._budget.try_acquire(missing):
                message = "The file was closed or aborted while it waited for memory"
                await self._budget.acquire_owned(missing, self._waiting, message)
            self._budget.mark_retained(missing)
            self._reserved_bytes += missing


class DiskStore:
    """Bytes in a local file, which is a temporary one without a name, or stays at ``final_path`` if it ended well."""

    kind = "disk"

    def __init__(self, descriptor: int, final_path: Path | None) -> None:
        self.shared = False
        self._descriptor = descriptor
        self._final_path = final_path
        self._position = 0
        self._committed = False
        self.changes = 0
        """How many changes have been started. A cancellation comes when the disk has done with them, wholly or not."""

    @property
    def position(self) -> int:
        """The position of the file, or of the descriptor once that was handed out."""
        return os.lseek(self._descriptor, 0, os.SEEK_CUR) if self.shared else self._position

    @position.setter
    def position(self, position: int) -> None:
        if self.shared:
            os.lseek(self._descriptor, position, os.SEEK_SET)
        else:
            self._position = position

    @property
    def size(self) -> int:
        """The size of the file in bytes, also if another process has changed it; the system knows it."""
        return os.fstat(self._descriptor).st_size

    async def read(self, offset: int, size: int) -> bytes:
        """Return ``size`` bytes from ``offset`` on, fewer only at the end; all that follow if ``size`` is negative."""
        rest = max(self.size - offset, 0)
        data = bytearray(rest if size < 0 else min(size, rest))
        count = await in_thread(_read_all, self._descriptor, offset, memoryview(data))
        return bytes(memoryview(data)[:count])

    async def read_into(self, offset: int, view: memoryview) -> int:
        """Fill ``view`` from ``offset`` on, and return how many bytes that were."""
        return await in_thread(_read_all, self._descriptor, offset, view)

    async def write(self, offset: int, view: memoryview) -> None:
        """Put all of ``view`` at ``offset``."""
        if not view:
            return
        self.changes += 1
        if self.shared and offset in {self.position, self.size}:
            # As of a local file: in one step, so that another process with the descriptor goes on after it.
            await in_thread(_write_on, self._descriptor, view)
        else:
            await in_thread(_write_all, self._descriptor, offset, view)

    async def truncate(self, size: int) -> None:
        """Cut to ``size`` bytes, or fill up with zeros."""
        self.changes += 1
        await in_thread(os.ftruncate, self._descriptor, size)

    def fileno(self, *, writes: bool, appends: bool) -> int:
        """Return the descriptor of the local file, as :func:`open` would have opened it."""
        if not self.shared:
            if not writes:
                self._descriptor = _read_only(self._descriptor)
            if appends:
                fcntl.fcntl(self._descriptor, fcntl.F_SETFL, fcntl.fcntl(self._descriptor, fcntl.F_GETFL) | os.O_APPEND)
            os.lseek(self._descriptor, self._position, os.SEEK_SET)
            self.shared = True
        return self._descriptor

    async def cancel_waits(self) -> None:
        """Do nothing: what a local file does, ends by itself."""

    def commit(self) -> None:
        """Keep a file that has a name."""
        self._committed = True

    async def aclose(self) -> None:
        """Close the file, and remove it if it did not end well."""
        await in_thread(self.discard)

    def finalize(self, loop: asyncio.AbstractEventLoop) -> None:
        """Close the file and remove it, in a thread if there is still a loop that has some."""
        try:
            loop.call_soon_threadsafe(loop.run_in_executor, None, self.discard)
        except RuntimeError:  # the loop has ended, perhaps at this moment
            self.discard()

    def discard(self) -> None:
        """Do what :meth:`aclose` does; blocks, so it belongs in a thread."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor < 0:
            return
        os.close(descriptor)
        if self._final_path is not None and not self._committed:
            self._final_path.unlink(missing_ok=True)


def new_disk_store(cache_path: Path | None) -> DiskStore:
    """Make an empty local file; blocks, so it belongs in a thread.

    In a directory, or without a ``cache_path``, it has no name, so that nothing is left of it however the program ends.
    Else ``cache_path`` is its name, and replaces what is there.
    """
    import tempfile  # noqa: PLC0415 - slow to import, and most files are not on disk

    if cache_path is None or cache_path.is_dir():
        with tempfile.TemporaryFile(prefix="aios3-", dir=cache_path) as file:
            return DiskStore(os.dup(file.fileno()), None)
    part = tempfile.NamedTemporaryFile(prefix=f".{cache_path.name}-", dir=cache_path.parent, delete=False)  # noqa: SIM115 - renamed
    with part:
        try:
            Path(part.name).replace(cache_path)
            return DiskStore(os.dup(part.fileno()), cache_path)
        except BaseException:
            with contextlib.suppress(FileNotFoundError):
                Path(part.name).unlink()
            raise


def _read_only(descriptor: int) -> int:
    """Return another descriptor of the file, which cannot write, in the place of this one, where the system has that.

    Linux opens a file anew by its descriptor, also one without a name.
    """
    try:
        read_only = os.open(f"/proc/self/fd/{descriptor}", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return descriptor
    os.close(descriptor)
    return read_only


def _read_all(descriptor: int, offset: int, view: memoryview) -> int:
    filled = 0
    while filled < len(view) and (count := os.preadv(descriptor, [view[filled:]], offset + filled)):
        filled += count
    return filled


def _write_all(descriptor: int, offset: int, view: memoryview) -> None:
    count = 0
    while count < len(view):
        count += os.pwrite(descriptor, view[count:], offset + count)


def _write_on(descriptor: int, view: memoryview) -> None:
    count = 0
    while count < len(view):
        count += os.write(descriptor, view[count:])
