"""A local file that is sent: read at offsets in threads, and seen to be the same at the end and afterwards."""

from __future__ import annotations

import asyncio
import hashlib
import os
import stat as stat_bits
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aios3._threads import in_thread, made_in_thread
from aios3._trees.file_attributes import FileAttributes
from aios3.errors import FileChangedError, UnsupportedError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from aios3._trees.part_uploads import PartRange

_CHUNK = 1024 * 1024


@dataclass(frozen=True, slots=True)
class SourceFile:
    """An open file of ``size`` bytes, as it was when it was opened."""

    path: str
    descriptor: int
    size: int
    identity: tuple[int, ...]
    """Values that change when the file is written to, or replaced by another one."""
    attributes: FileAttributes

    async def read(self, start: int, stop: int) -> bytes:
        """Read the bytes ``[start, stop)``; raise FileChangedError if the file ends before."""
        return await in_thread(self.read_blocking, start, stop)

    def read_blocking(self, start: int, stop: int) -> bytes:
        """Do so, blocking."""
        chunks: list[bytes] = []
        while start < stop:
            chunk = os.pread(self.descriptor, stop - start, start)
            if not chunk:
                raise file_changed_error(self.path)
            chunks.append(chunk)
            start += len(chunk)
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)

    async def check(self) -> None:
        """Raise FileChangedError if the file is not what it was when it was opened."""
        await in_thread(self.check_blocking)

    def check_blocking(self) -> None:
        """Do so, blocking."""
        try:
            at_path = _identity(os.stat(self.path))
        except OSError as error:
            raise file_changed_error(self.path) from error
        if not at_path == _identity(os.fstat(self.descriptor)) == self.identity:
            raise file_changed_error(self.path)

    async def md5s(self, ranges: Sequence[PartRange]) -> list[bytes]:
        """Return the MD5 of each range, as S3 computes it for a part."""
        return await in_thread(lambda: [self._md5(part.start, part.stop) for part in ranges])

    def _md5(self, start: int, stop: int) -> bytes:
        digest = hashlib.md5(usedforsecurity=False)
        for offset in range(start, stop, _CHUNK):
            digest.update(self.read_blocking(offset, min(stop, offset + _CHUNK)))
        return digest.digest()


@asynccontextmanager
async def open_source(path: str) -> AsyncGenerator[SourceFile]:
    """Open a regular file.

    Raises the operating system's errors, and UnsupportedError for anything but a regular file.
    """
    file = await made_in_thread(lambda: _open(path), lambda open_source: os.close(open_source.descriptor))
    try:
        yield file
    finally:
        await in_thread(os.close, file.descriptor)


def read_small(path: str, most: int) -> tuple[SourceFile, bytes] | None:
    """Read a whole file of up to ``most`` bytes, and close it; None if it is larger. Blocks: for a thread.

    Raises FileChangedError if the file changes meanwhile, and like :func:`open_source`.
    """
    file = _open(path)
    try:
        if file.size > most:
            return None
        data = file.read_blocking(0, file.size)
        file.check_blocking()
    finally:
        os.close(file.descriptor)
    return file, data


def _open(path: str) -> SourceFile:
    # Without O_NONBLOCK, opening a named pipe would wait for a writer.
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    stat = os.fstat(descriptor)
    if not stat_bits.S_ISREG(stat.st_mode):
        os.close(descriptor)
        message = f"{path} is not a regular file"
        raise UnsupportedError(message, path=path)
    attributes = FileAttributes(stat.st_mtime_ns, stat.st_mode)
    return SourceFile(path, descriptor, stat.st_size, _identity(stat), attributes)


def _identity(stat: os.stat_result) -> tuple[int, ...]:
    return stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns


def file_changed_error(path: str) -> FileChangedError:
    """Build the error for a file that is no longer what it was."""
    message = f"{path} changed while it was being uploaded; nothing was published, upload it again"
    return FileChangedError(message, path=path)


@dataclass(slots=True)
class _Look:
    file: SourceFile
    has_changed: bool | None = None
    """None before the look."""


@dataclass(slots=True)
class LaterLooks:
    """Looks at files that have been stored: a change after they were read, and before, must not be missed.

    Such a change may be older than the object, and a comparison of times would then take the object for the newer one.
    Files that wait for their look at one time get it in one call of a thread, which costs more than the look itself.
    """

    _waiting: list[_Look] = field(default_factory=list)
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def has_changed(self, file: SourceFile) -> bool:
        """Return whether at the file's path is another file now, or other bytes; what is gone has not changed."""
        look = _Look(file)
        self._waiting.append(look)
        async with self._lock:
            if look.has_changed is None:
                looks, self._waiting = self._waiting, []
                await in_thread(_look_at, looks or [look])
        return bool(look.has_changed)


def _look_at(looks: Sequence[_Look]) -> None:
    for look in looks:
        try:
            stat = os.stat(look.file.path)
        except OSError:
            look.has_changed = False
        else:
            look.has_changed = stat_bits.S_ISREG(stat.st_mode) and _identity(stat) != look.file.identity


def changed_since_error(path: str) -> FileChangedError:
    """Build the error for a file that was stored, and does not have those bytes any more."""
    message = f"{path} changed after it was read for the upload; the object has its former bytes, upload it again"
    return FileChangedError(message, path=path)
