"""Open files as fsspec's users know them, over the files of :mod:`aios3.sync`."""

from __future__ import annotations

import io
import operator
import os
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import aios3.sync
from aios3._namespace.link_targets import head_or_none
from aios3.errors import ClosedHandleError, ConfigError, ObjectExistsError, UnsupportedError
from aios3.fsspec.base import check_cache_type, s3fs_errors
from aios3.fsspec.entries import head_info
from aios3.fsspec.paths import require_key
from aios3.sync import _loop_thread
from aios3.sync._layers import ObjectWriter

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType
    from typing import Self

    from typing_extensions import Buffer

    from aios3.fsspec.entries import Info
    from aios3.fsspec.paths import ObjectRef
    from aios3.sync._layers import ObjectReader
    from aios3.sync._raw_reader import RawReader

MODES = ("rb", "wb", "xb", "ab")


class S3File(io.BufferedIOBase):
    """The common part of files that read and files that write."""

    def __init__(self, fs: Any, ref: ObjectRef, mode: str, block_size: int) -> None:
        self.fs: Any = fs
        self.s3: Any = fs
        self.path: str = ref.name
        self.bucket: str = ref.url.bucket
        self.key: str = ref.url.key
        self.version_id: str | None = ref.version_id
        self.mode = mode
        self.blocksize = block_size

    def __repr__(self) -> str:
        return f"<aios3.fsspec.{type(self).__name__} {self.full_name}{' closed' if self.closed else ''}>"

    @property
    def full_name(self) -> str:
        """The path with the protocol before it."""
        return f"s3://{self.path}"

    @property
    def name(self) -> str:
        """The path with the protocol before it."""
        return self.full_name

    def __del__(self) -> None:
        """Leave it to the file below, which warns and publishes nothing."""

    def _dealloc_warn(self, source: object) -> None:
        """Hear that a wrapper of the standard library is garbage, which closes this file next."""
        self._file._dealloc_warn(source)  # type: ignore[attr-defined]  # noqa: SLF001 - the standard library's own name

    def metadata(self, refresh: bool = False, **kwargs: object) -> Any:
        """Return the user metadata of the object."""
        return self.fs.metadata(self.path, refresh, **kwargs)

    def getxattr(self, xattr_name: str, **kwargs: object) -> Any:
        """Return one of the object's metadata; None if it has none of that name."""
        return self.fs.getxattr(self.path, xattr_name, **kwargs)

    def url(self, **kwargs: object) -> Any:
        """Return a signed URL of the object."""
        return self.fs.url(self.path, **kwargs)


class S3ReadFile(S3File):
    """An object, open for reading: what is read ahead is decided by aios3's reader."""

    def __init__(self, fs: Any, ref: ObjectRef, block_size: int, options: dict[str, Any], file: ObjectReader) -> None:
        super().__init__(fs, ref, "rb", block_size)
        self._file = file
        self._options = options
        self.size: int = file.size
        if fs.version_aware:
            self.version_id: str | None = file.stat().version_id or self.version_id

    def __del__(self) -> None:
        """Close without waiting: libraries over fsspec leave files that they have read to the garbage collector."""
        if "_file" in vars(self):
            cast("RawReader", self._file.raw).release()

    @property
    def details(self) -> Info:
        """The description of the object as S3 gave it when it was opened."""
        return head_info(self.path, self._file.stat())

    def info(self) -> Info:
        """Return what S3 said of the object when it was opened."""
        return self.details

    @property
    def loc(self) -> int:
        """The position in bytes."""
        return self._file.tell()

    @property
    def closed(self) -> bool:
        """True once the file is closed."""
        return self._file.closed

    def readable(self) -> bool:
        """Return True."""
        return not self.closed

    def seekable(self) -> bool:
        """Return True."""
        return not self.closed

    def writable(self) -> bool:
        """Return False."""
        return False

    def seek(self, loc: int, whence: int = os.SEEK_SET, /) -> int:
        """Move the position and return it; raise ValueError for one before the start."""
        return self._file.seek(operator.index(loc), whence)

    # The methods of the file below cannot stand for these: its end closes that one, also in fs.open(path).read().

    def read(self, size: int | None = -1, /) -> bytes:
        """Read ``size`` bytes, fewer only at the end; all that is left if it is negative or None."""
        return self._file.read(_count(size))

    def readinto(self, buffer: Buffer, /) -> int:
        """Fill ``buffer``, less only at the end, and return how many bytes that were."""
        return self._file.readinto(buffer)

    def tell(self) -> int:
        """Return the position in bytes."""
        return self._file.tell()

    def read1(self, size: int = -1, /) -> bytes:
        """Read up to ``size`` bytes with one read of the file below."""
        return self._file.read1(_count(size))

    def readinto1(self, buffer: Buffer, /) -> int:
        """Read into ``buffer`` with one read of the file below."""
        return self._file.readinto1(buffer)

    def readline(self, size: int | None = -1, /) -> bytes:
        """Read up to and with the next line feed."""
        return self._file.readline(_count(size))

    def readlines(self, hint: int | None = -1, /) -> list[bytes]:
        """Read all lines, each with its line feed."""
        return self._file.readlines(_count(hint))

    def readuntil(self, char: bytes = b"\n", blocks: int | None = None) -> bytes:
        """Read up to and with the next ``char``, or to the end; ``blocks`` bytes are looked at at a time."""
        chunks: list[bytes] = []
        tail = b""
        while part := self._file.read(blocks or min(self.blocksize, _LOOK_BYTES)):
            end = (tail + part).find(char)
            if end >= 0:
                end += len(char) - len(tail)
                self._file.seek(end - len(part), os.SEEK_CUR)
                return b"".join([*chunks, part[:end]])
            chunks.append(part)
            tail = (tail + part)[-(len(char) - 1) :] if len(char) > 1 else b""
        return b"".join(chunks)

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        return next(self._file)

    def _fetch_range(self, start: int, end: int) -> bytes:
        data: bytes = self.fs.cat_file(self.path, start=start, end=end)
        return data

    def setxattr(self, copy_kwargs: dict[str, Any] | None = None, **kwargs: Any) -> None:
        """Change some of the object's metadata."""
        self.fs.setxattr(self.path, copy_kwargs=copy_kwargs, **kwargs)

    def abandon(self) -> None:
        """Close the file: a reader has nothing to give up."""
        self.close()

    def close(self) -> None:
        """Close the file and end its requests. Safe to repeat."""
        if "_file" in vars(self):
            self._file.close()

    def __reduce__(self) -> tuple[object, ...]:
        return _reopen, (self.fs, self.path, self._options, self.loc)

    def __reduce_ex__(self, _protocol: object, /) -> tuple[object, ...]:
        return self.__reduce__()


_LOOK_BYTES = 64 * 1024


def _count(size: int | None) -> int:
    """Return how many bytes are meant: fsspec takes every negative number for all, buffered files of Python only -1."""
    return -1 if size is None or size < 0 else size


def _reopen(fs: Any, path: str, options: dict[str, Any], position: int) -> Any:
    file = fs.open(path, "rb", **options)
    file.seek(position)
    return file


_PENDING = "is open or waits for a commit"
_PUBLISHED = "has been published"
_DISCARDED = "has been discarded"
_FAILED = "could not be published"


class S3WriteFile(S3File):
    """An object, open for writing. It is there, as a whole, when the file is closed, or committed where that is later.

    With ``autocommit=False``, closing keeps what was written for :meth:`commit` or :meth:`discard`. An exception that
    leaves the ``with`` block of the file discards it.
    """

    def __init__(
        self, fs: Any, ref: ObjectRef, mode: str, block_size: int, file: ObjectWriter, autocommit: bool
    ) -> None:
        super().__init__(fs, ref, mode, block_size)
        self.autocommit = autocommit
        self._file = file
        self._closed = False
        self._outcome = _PENDING
        self.write = file.write  # type: ignore[method-assign]  # no detour

    @property
    def loc(self) -> int:
        """How many bytes the object would have now."""
        return self._file.tell()

    @property
    def size(self) -> int:
        """How many bytes the object has, or would have now."""
        return self._file.result.size if self._file.closed else self._file.tell()

    @property
    def closed(self) -> bool:
        """True once the file is closed; it may still wait for :meth:`commit`."""
        return self._closed

    def tell(self) -> int:
        """Return how many bytes the object would have now."""
        return self._file.tell()

    def readable(self) -> bool:
        """Return False."""
        return False

    def seekable(self) -> bool:
        """Return False."""
        return False

    def writable(self) -> bool:
        """Return True while the file is open."""
        return not self._closed

    def seek(self, loc: int, whence: int = os.SEEK_SET, /) -> int:
        """Raise UnsupportedError, which is an OSError, unless the position stays where it is."""
        return self._file.seek(loc, whence)

    def flush(self, force: bool = False) -> None:
        """Hand what is buffered on; ``force`` changes nothing, because only a close ends the object."""
        del force
        if not self._file.closed:
            self._file.flush()

    def setxattr(self, copy_kwargs: dict[str, Any] | None = None, **kwargs: Any) -> None:
        """Raise UnsupportedError: the object is not there yet."""
        del copy_kwargs, kwargs
        message = f"{self.full_name} is open for writing; give Metadata= when it is opened"
        raise UnsupportedError(message, path=self.full_name)

    def close(self) -> None:
        """Publish what was written, or keep it for :meth:`commit`. Safe to repeat."""
        if self._closed or "_file" not in vars(self):
            return
        self._closed = True
        if self.autocommit:
            self.commit()
        else:
            self._file.flush()
            del self.write

    def write(self, _data: Buffer, /) -> int:
        """Raise ClosedHandleError: while the file is open, the file below takes its bytes."""
        message = f"I/O operation on closed file: {self.full_name}"
        raise ClosedHandleError(message, path=self.full_name)

    def commit(self) -> None:
        """Publish what was written, or raise why not. Safe to repeat.

        Raises ClosedHandleError for what has been discarded, and for what an earlier commit could not publish.
        """
        if self._outcome in {_DISCARDED, _FAILED}:
            message = f"{self.full_name} {self._outcome}, so there is nothing to commit; write it again"
            raise ClosedHandleError(message, path=self.full_name)
        self._closed = True
        try:
            self._file.close()
        except BaseException:
            self._outcome = _FAILED
            raise
        else:
            self._outcome, version_id = self._end()
            self.version_id: str | None = version_id
        finally:
            self.fs.invalidate_cache(self.path)

    def _end(self) -> tuple[str, str | None]:
        """Return whether the closed file below was published, and which version it made."""
        try:
            return _PUBLISHED, self._file.result.version_id
        except ClosedHandleError:  # a text wrapper closed it, because an exception has left its block
            return _DISCARDED, None

    def discard(self) -> None:
        """Give up: nothing becomes visible, and no upload stays open. Safe to repeat.

        A transaction goes on without the file. Raises ClosedHandleError for what has been published.
        """
        if self._outcome == _PUBLISHED:
            message = f"{self.full_name} {self._outcome}, and cannot be discarded any more; remove it"
            raise ClosedHandleError(message, path=self.full_name)
        self._closed, self._outcome = True, _DISCARDED
        transaction = self.fs._transaction  # noqa: SLF001 - fsspec's own name; None outside of one
        if transaction is not None:
            with suppress(ValueError):
                transaction.files.remove(self)
        self._file.abort()

    def abandon(self) -> None:
        """Discard what was written, because an exception has ended the writing; what is published stays."""
        if self._outcome != _PUBLISHED:
            self.discard()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self.abandon()

    def __enter__(self) -> Self:
        if self._closed:
            message = f"I/O operation on closed file: {self.full_name}"
            raise ClosedHandleError(message, path=self.full_name)
        return self


def open_file(fs: Any, path: str, mode: str, settings: dict[str, Any]) -> S3ReadFile | S3WriteFile:
    """Open an object of the filesystem ``fs``; the keys of ``settings`` are the arguments of its ``_open``.

    Raises what :func:`aios3.aopen` raises, and ObjectExistsError at once in mode ``xb``.
    """
    if mode not in MODES:
        message = f"File mode {mode!r} is not supported; the modes are {', '.join(MODES)}"
        raise UnsupportedError(message, path=path)
    ref = require_key(fs.parse_ref(path))
    if mode != "rb":
        fs._writable(path)  # noqa: SLF001 - a part of the filesystem
    version_id = fs._version(settings.pop("version_id"), ref.version_id)  # noqa: SLF001 - a part of the filesystem
    check_cache_type(settings["cache_type"] or fs.default_cache_type)
    with s3fs_errors():
        if mode == "rb":
            return _open_reader(fs, ref, version_id, settings)
        return _open_writer(fs, ref, mode, settings)


def _open_reader(fs: Any, ref: ObjectRef, version_id: str | None, settings: dict[str, Any]) -> S3ReadFile:
    block_size = settings["block_size"]
    options = fs.reading(version_id)
    if block_size is not None:
        _check_size(block_size)
        options |= fs.reading_sizes(block_size)
    file = aios3.sync.open(ref.url, "rb", session=_session(fs, settings), **options)
    named = ("block_size", "cache_type", "requester_pays")
    arguments = {name: settings[name] for name in named if settings[name] is not None}
    if version_id is not None:
        arguments["version_id"] = version_id
    return S3ReadFile(fs, ref, block_size or fs.blocksize, arguments, file)


def _open_writer(fs: Any, ref: ObjectRef, mode: str, settings: dict[str, Any]) -> S3WriteFile:
    options = fs.writing(settings["parameters"])
    if settings["acl"]:
        options["acl"] = settings["acl"]
    block_size = settings["block_size"]
    if block_size is not None:
        options["part_size"] = block_size
    session = _session(fs, settings)
    if mode == "xb" and _loop_thread.call(partial(head_or_none, session, ref.url, fs.looking())) is not None:
        message = f"{ref.name} exists already, and mode 'xb' replaces nothing"
        raise ObjectExistsError(message, path=str(ref.url))
    file = aios3.sync.open(ref.url, mode, session=session, **options)
    assert isinstance(file, ObjectWriter)
    return S3WriteFile(fs, ref, mode, block_size or fs.blocksize, file, settings["autocommit"])


def _session(fs: Any, settings: dict[str, Any]) -> Any:
    async def session() -> object:
        return fs.session(requester_pays=settings["requester_pays"])

    return _loop_thread.call(session)  # files live on the background loop, also where another was given


def _check_size(block_size: object) -> None:
    if isinstance(block_size, bool) or not isinstance(block_size, int) or block_size < 1:
        message = f"block_size must be a positive number of bytes, not {block_size!r}"
        raise ConfigError(message)
