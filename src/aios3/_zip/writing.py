"""``create_zip``: an archive that is written as a stream, member by member, straight into a multipart upload."""

from __future__ import annotations

import io
import os
import stat
import time
import zipfile
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Literal

from aios3._arguments import check_arguments
from aios3._handles.copy_from import check_source
from aios3._handles.opening import aopen
from aios3._paths import S3Url, is_s3
from aios3._session import current_session
from aios3._threads import in_thread, made_in_thread
from aios3._trees.uploading import local_path
from aios3._zip.central_directory import is_directory
from aios3._zip.dates import date_time_of
from aios3._zip.packing import Packer
from aios3._zip.safety import target_name
from aios3.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from typing import Unpack
    from zipfile import ZipInfo

    from typing_extensions import Buffer

    from aios3._entries import WriteResult
    from aios3._handles.copy_from import Source
    from aios3._handles.options import WriterOptions
    from aios3._handles.writer import AsyncMultipartWriter
    from aios3._paths import AnyPath
    from aios3._session import Session
    from aios3._trees import LocalPath

Compression = Literal["stored", "deflate", "bzip2", "lzma"]
_METHODS: dict[str, int] = {
    "stored": zipfile.ZIP_STORED,
    "deflate": zipfile.ZIP_DEFLATED,
    "bzip2": zipfile.ZIP_BZIP2,
    "lzma": zipfile.ZIP_LZMA,
}
_LEVELS = {"deflate": (-1, 9), "bzip2": (1, 9)}
"""The least and the most of each method that has levels."""
_FILE_MODE = stat.S_IFREG | 0o644
_DIRECTORY_MODE = stat.S_IFDIR | 0o755
_DOS_DIRECTORY = 0x10


class AsyncZipWriter:
    """A zip archive on its way to S3; :func:`aios3.create_zip` makes it.

    Members are written one after another; other tasks wait until a member is written. Nothing is visible before the
    block is left without an exception. A member that could not be written whole makes the archive useless, so it is not
    published then, even if the exception was caught.
    """

    def __init__(
        self, session: Session, writer: AsyncMultipartWriter, packer: Packer, compression: str, level: int | None
    ) -> None:
        self._session = session
        self._writer = writer
        self._packer = packer
        self._compression = compression
        self._level = level

    def __repr__(self) -> str:
        return f"<aios3.AsyncZipWriter {self._writer.name} {self._packer.count} members>"

    @property
    def path(self) -> S3Url:
        """Where the archive will be."""
        return self._writer.path

    @property
    def result(self) -> WriteResult:
        """S3's response to the finished write. Raises ClosedHandleError before, and if nothing was published."""
        return self._writer.result

    async def write(
        self, name: str, data: Source | Buffer, *, mtime: float | None = None, compression: Compression | None = None
    ) -> int:
        """Write a member and return its size in bytes.

        ``data`` is bytes, a file object, or an iterable of bytes-like objects; the last two may be async. Those that
        are not async are read in a thread. ``mtime`` is in seconds since the epoch, by default this moment.

        Raises ObjectExistsError for a name that is there already. Raises UnsafeNameError for a name that no reader
        should extract (absolute, ``..``, a backslash), ConfigError, and the errors of the upload.
        """
        check_source(data)
        size = memoryview(data).nbytes if isinstance(data, (bytes, bytearray, memoryview)) else None
        return await self._write(self._info(name, mtime, compression), size, data)

    async def add(
        self, path: LocalPath | AnyPath, name: str | None = None, *, compression: Compression | None = None
    ) -> int:
        """Write a local file or an object of S3 as a member, with its time, and return its size in bytes.

        ``name`` is by default the last part of the path. An object is streamed through, of one version. Raises like
        :meth:`write`, FileChangedError for a local file that changes meanwhile, and what opening raises.
        """
        _check_member(name, None, compression)
        if not is_s3(path):
            return await self._add_file(local_path(path), name, compression)  # type: ignore[arg-type]  # it is local
        async with aopen(path, session=self._session) as reader:  # type: ignore[arg-type]  # is_s3 has seen it
            info = self._info(name or reader.path.name, reader.stat().mtime, compression)
            return await self._write(info, reader.size, reader)

    async def mkdir(self, name: str) -> None:
        """Write a member that is an empty directory; a ``/`` at its end is added. Raises like :meth:`write`."""
        _check_member(name, None, None, may_be_none=False)
        await self.write(name if name.endswith("/") else f"{name}/", b"", compression="stored")

    async def _add_file(self, path: str, name: str | None, compression: Compression | None) -> int:
        file = await made_in_thread(lambda: open(path, "rb"), io.BufferedReader.close)  # noqa: SIM115 - closed below
        try:
            stat = os.fstat(file.fileno())
            info = self._info(name or os.path.basename(path), stat.st_mtime, compression)
            return await self._write(info, stat.st_size, file)
        finally:
            await in_thread(file.close)

    async def _write(self, info: ZipInfo, size: int | None, data: Source | Buffer) -> int:
        info.file_size = size or 0
        return await self._packer.write(info, size, data)

    def _info(self, name: str, mtime: float | None, compression: Compression | None) -> ZipInfo:
        _check_member(name, mtime, compression, may_be_none=False)
        chosen = self._compression if compression is None else compression
        info = zipfile.ZipInfo(name, date_time_of(time.time() if mtime is None else mtime))
        info.compress_type = _METHODS[chosen]
        info._compresslevel = self._level  # type: ignore[attr-defined]  # noqa: SLF001 - writestr() sets it like this
        info.external_attr = _DIRECTORY_MODE << 16 | _DOS_DIRECTORY if is_directory(info) else _FILE_MODE << 16
        target_name(info, self._writer.name)
        return info


def _check_member(name: object, mtime: object, compression: object, *, may_be_none: bool = True) -> None:
    """Raise ConfigError for what cannot describe a member; a name that was not given may stand for the path's."""
    if not isinstance(name, str) and not (may_be_none and name is None):
        message = f"name must be a str, not {type(name).__name__}"
        raise ConfigError(message)
    if mtime is not None and (isinstance(mtime, bool) or not isinstance(mtime, (int, float))):
        message = f"mtime must be a number of seconds since the epoch, not {type(mtime).__name__}"
        raise ConfigError(message)
    if compression is not None:
        _check_compression(compression)


def _check_compression(compression: object) -> None:
    if not isinstance(compression, str) or compression not in _METHODS:
        message = f"compression is one of {', '.join(_METHODS)}, not {compression!r}"
        raise ConfigError(message)


def _check_level(compression: str, level: int | None) -> None:
    if level is None or compression not in _LEVELS:
        return
    least, most = _LEVELS[compression]
    if not least <= level <= most:
        message = f"compresslevel of {compression} is from {least} to {most}, not {level}"
        raise ConfigError(message)


@asynccontextmanager
async def create_zip(
    path: AnyPath,
    mode: Literal["w", "x"] = "w",
    *,
    compression: Compression = "deflate",
    compresslevel: int | None = None,
    session: Session | None = None,
    **options: Unpack[WriterOptions],
) -> AsyncIterator[AsyncZipWriter]:
    """Create a zip archive in S3.

    Use it with ``async with``. Members go up while they are written, with no local copy. The archive appears as a whole
    when the block is left. An exception publishes nothing and aborts the upload. ``mode`` ``x`` never replaces an
    object. ``compression`` and ``compresslevel`` are for members that do not say otherwise; the other options are those
    of :func:`aopen` for writing.

    Raises ConfigError for an invalid option, ObjectExistsError in mode ``x``, and the errors of an upload.
    """
    check_arguments(compression=compression, compresslevel=compresslevel)
    if mode not in ("w", "x"):
        message = f"A mode of create_zip is 'w' or 'x', not {mode!r}"
        raise ConfigError(message)
    _check_compression(compression)
    _check_level(compression, compresslevel)
    current, url = current_session(session), S3Url.parse(path).require_object()
    options.setdefault("content_type", "application/zip")
    async with aopen(url, "xb" if mode == "x" else "wb", session=current, **options) as writer:
        packer = Packer(writer.write, writer.name)
        try:
            yield AsyncZipWriter(current, writer, packer, compression, compresslevel)
            await packer.finish()
        finally:
            await packer.abort()
