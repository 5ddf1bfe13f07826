"""Members in a row become the bytes of an archive, and go to the upload.

The format is the standard library's, with a file that cannot be sought. So sizes and checksum of each member follow it
(data descriptors), and ZIP64 is used where a size or offset may need it. Of bytes that are stored as they are, both are
known before, and stand there. It compresses in threads, a MiB at a time, small chunks joined; what comes out is handed
on before the next one.
"""

from __future__ import annotations

import asyncio
import contextlib
import zipfile
import zlib
from typing import TYPE_CHECKING

from aios3._config import KIB, MIB
from aios3._handles.copy_from import copy_from
from aios3._handles.positions import byte_view
from aios3._threads import in_thread
from aios3._zip.drain_buffer import DrainBuffer
from aios3.errors import ClosedHandleError, FileChangedError, ObjectExistsError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import IO
    from zipfile import ZipInfo

    from typing_extensions import Buffer

    from aios3._handles.copy_from import Source

_CHUNK_BYTES = MIB
_SMALL_BYTES = 64 * KIB
"""Below this, chunks are joined: going to a thread and back takes longer than to compress them."""


class Packer:
    """One archive, whose bytes ``send`` takes; ``path`` is for messages.

    A member that could not be written whole makes the archive useless: nothing more can be written then, and
    :meth:`finish` raises.
    """

    def __init__(self, send: Callable[[Buffer], Awaitable[object]], path: str) -> None:
        self._send_on = send
        self._path = path
        self._drain_buffer = DrainBuffer()
        self._archive = zipfile.ZipFile(self._drain_buffer, "w")
        self._names: set[str] = set()
        self._small = bytearray()
        self._lock = asyncio.Lock()
        self._failure: BaseException | None = None
        self._closed = False
        self._aborted = False

    @property
    def count(self) -> int:
        """How many members there are."""
        return len(self._names)

    async def write(self, info: ZipInfo, size: int | None, data: Source | Buffer) -> int:
        """Write a member, of ``size`` bytes if that is known before, and return its size in bytes."""
        async with self._lock:
            self._check()
            if info.filename in self._names:
                message = f"{info.filename!r} is in {self._path} already; an archive has one member of a name"
                raise ObjectExistsError(message, path=self._path)
            self._names.add(info.filename)
            try:
                return await self._write(info, size, data)
            except BaseException as error:
                self._failure = error
                raise
            finally:
                if self._aborted:
                    await in_thread(self._archive.close)

    async def finish(self) -> None:
        """Write the directory of the archive after its members."""
        async with self._lock:
            self._check()
            self._closed = True
            await in_thread(self._archive.close)
            await self._send()

    async def abort(self) -> None:
        """Let everything go; a member that is being written at this moment fails. Safe to repeat."""
        self._closed = self._aborted = True
        self._drain_buffer.discard()
        if not self._lock.locked():  # else the task that writes closes it: zipfile allows that only after a member
            await in_thread(self._archive.close)

    async def _write(self, info: ZipInfo, size: int | None, data: Source | Buffer) -> int:
        if info.compress_type == zipfile.ZIP_STORED and isinstance(data, (bytes, bytearray, memoryview)):
            return await self._store(info, byte_view(data))
        opened: list[IO[bytes]] = []
        try:
            # ZIP64 costs 28 bytes a member; what is not known to stay below 2 GiB gets it.
            await in_thread(lambda: opened.append(self._archive.open(info, "w", force_zip64=size is None)))
            self._small = bytearray()
            count = await copy_from(data, lambda chunk: self._take(opened[0], chunk))
            self._check_size(info, size, count)
            await self._compress(opened[0], self._small)
            await in_thread(opened[0].close)
            await self._send()
        except BaseException:
            self._drain_buffer.discard()
            for target in opened:
                with contextlib.suppress(RuntimeError):  # it is torn in any case, and only to be let go
                    await in_thread(target.close)
            raise
        return count

    async def _store(self, info: ZipInfo, view: memoryview) -> int:
        """Write a member as it is, with size and checksum before it, where Java's ZipInputStream needs them."""
        info.CRC = await in_thread(zlib.crc32, view)
        info.file_size = info.compress_size = len(view)
        try:
            archive, file = self._archive, self._archive.fp
            assert file is not None, "it is open: turns are taken"
            info.header_offset = file.tell()
            file.write(info.FileHeader())
            for start in range(0, len(view), _CHUNK_BYTES):
                file.write(view[start : start + _CHUNK_BYTES])
                await self._send()
            # As ZipFile.mkdir does.
            archive.filelist.append(info)
            archive.NameToInfo[info.filename] = info
            archive.start_dir = file.tell()
            await self._send()
        except BaseException:
            self._drain_buffer.discard()
            raise
        return len(view)

    def _check_size(self, info: ZipInfo, size: int | None, count: int) -> None:
        if size not in {None, count}:
            message = f"{info.filename!r} had {size:,} bytes, and {count:,} when it was read"
            raise FileChangedError(message, path=self._path)

    async def _take(self, target: IO[bytes], data: Buffer) -> int:
        view = byte_view(data)
        if len(self._small) + len(view) < _SMALL_BYTES:
            self._small += view
            return len(view)
        small, self._small = self._small, bytearray()
        await self._compress(target, small)
        await self._compress(target, view)
        return len(view)

    async def _compress(self, target: IO[bytes], data: Buffer) -> None:
        view = memoryview(data)
        for start in range(0, len(view), _CHUNK_BYTES):
            await in_thread(target.write, view[start : start + _CHUNK_BYTES])
            await self._send()

    async def _send(self) -> None:
        if self._aborted:
            raise self._closed_error()
        data = self._drain_buffer.take()
        if data:
            await self._send_on(data)

    def _check(self) -> None:
        if self._failure is not None:
            message = f"{self._path} is not published: a member could not be written ({self._failure!r})"
            raise ClosedHandleError(message, path=self._path) from self._failure
        if self._closed:
            raise self._closed_error()

    def _closed_error(self) -> ClosedHandleError:
        return ClosedHandleError(f"The zip archive {self._path} is closed; create another one", path=self._path)
