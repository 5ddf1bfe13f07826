"""The open files of a storage and of a volume, over the files of :func:`aios3.sync.open`."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, cast, overload

from aios3._handles.opening import aopen
from aios3._storage.files import CHUNK_SIZE, check_chunk_size
from aios3._storage.storage import check_mode
from aios3.errors import ClosedHandleError
from aios3.sync._files import open as open_object

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType
    from typing import Self, Unpack

    from typing_extensions import Buffer

    from aios3._entries import WriteResult
    from aios3._handles.options import OpenOptions, ReaderOptions, WriterOptions
    from aios3._storage.storage import StorageBase, StorageReadMode, StorageWriteMode
    from aios3._storage.volume_files import VolumeFileBase
    from aios3.sync._layers import ObjectReader, ObjectWriter


class StorageReader:
    """A file of a storage, open for reading; all of its bytes are of one version."""

    def __init__(self, file: ObjectReader, name: str) -> None:
        self._file = file
        self._name = name

    def __repr__(self) -> str:
        return f"<aios3.sync.StorageReader {self.name}{' closed' if self.closed else ''}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __iter__(self) -> Iterator[bytes]:
        return self.iter_chunks()

    @property
    def name(self) -> str:
        """The path of the object."""
        return self._name

    @property
    def size(self) -> int:
        """Size of the file in bytes."""
        return self._file.size

    @property
    def closed(self) -> bool:
        """Return whether the file is closed."""
        return self._file.closed

    def read(self, size: int = -1) -> bytes:
        """Read ``size`` bytes, fewer only at the end; all that is left if ``size`` is negative."""
        return self._file.read(None if size < 0 else size)

    def iter_chunks(self, chunk_size: int = CHUNK_SIZE) -> Iterator[bytes]:
        """Yield what is left in chunks of ``chunk_size`` bytes; the last one may be smaller."""
        check_chunk_size(chunk_size)
        return iter(lambda: self.read(chunk_size), b"")

    def close(self) -> None:
        """Close the file and end its requests. Safe to repeat."""
        self._file.close()


class StorageWriter:
    """A file of a storage, open for writing.

    Nothing is asked of S3 before the first byte, and a file into which nothing was written is not created. Closing it
    makes the whole object visible. Leaving ``with`` by an exception aborts it: what was there before stays.
    """

    def __init__(self, begin: Callable[[], ObjectWriter], name: str) -> None:
        self._begin = begin
        self._name = name
        self._file: ObjectWriter | None = None
        self._first = threading.Lock()
        self._closed = False

    def __repr__(self) -> str:
        return f"<aios3.sync.StorageWriter {self.name}{' closed' if self.closed else ''}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if exc_type is None:
            self.close()
        else:
            self.abort()

    @property
    def name(self) -> str:
        """The path of the object."""
        return self._name

    @property
    def closed(self) -> bool:
        """Return whether the file is closed or aborted."""
        return self._closed

    @property
    def result(self) -> WriteResult | None:
        """The response of S3 when the file was closed; None if nothing was written.

        Raises ClosedHandleError before that, and if the file was aborted.
        """
        if self._file is not None:
            return self._file.result
        if self._closed:
            return None
        message = f"{self.name} is open, so S3 has not responded yet; close it first"
        raise ClosedHandleError(message, path=self.name)

    def write(self, data: Buffer) -> int:
        """Take all of ``data`` and return its size in bytes, waiting while too much is in flight.

        Raises the error of a part that failed meanwhile, and ClosedHandleError after :meth:`close` or :meth:`abort`.
        """
        file = self._opened_file() if memoryview(data).nbytes else None
        if self._closed:
            message = f"{self.name} is closed; open it again to write"
            raise ClosedHandleError(message, path=self.name)
        return 0 if file is None else file.write(data)

    def close(self) -> None:
        """Make what was written visible, or raise why not. Safe to repeat."""
        self._closed = True
        if self._file is not None:
            self._file.close()

    def abort(self) -> None:
        """Give up: nothing becomes visible, and no upload stays open. Safe to repeat; no-op once closed."""
        self._closed = True
        if self._file is not None:
            self._file.abort()

    def _opened_file(self) -> ObjectWriter | None:
        """Return the open file, which is made with the first byte; None if this one is closed before."""
        with self._first:
            if self._file is None and not self._closed:
                file = self._begin()
                if self._closed:  # by another thread, which has not seen it
                    file.abort()
                else:
                    self._file = file
            return self._file


@overload
def open_stored(
    storage: StorageBase, path: str, mode: StorageReadMode = "rb", **options: Unpack[ReaderOptions]
) -> StorageReader: ...
@overload
def open_stored(
    storage: StorageBase, path: str, mode: StorageWriteMode, **options: Unpack[WriterOptions]
) -> StorageWriter: ...
def open_stored(
    storage: StorageBase, path: str, mode: StorageReadMode | StorageWriteMode = "rb", **options: Unpack[OpenOptions]
) -> StorageReader | StorageWriter:
    """Open a file for reading (``r``) or for writing (``w``), of bytes in any case; use with ``with``.

    The options are those of :func:`aios3.aopen`, which also says what is raised. A file for writing replaces what
    is there when it is closed, if anything was written.
    """
    url, session, kind = storage.path(path), storage.session, check_mode(mode)
    aopen(url, kind, session=session, **options)  # which checks all of it now
    if kind == "rb":
        return StorageReader(cast("ObjectReader", open_object(url, kind, session=session, **options)), str(url))
    return StorageWriter(lambda: cast("ObjectWriter", open_object(url, kind, session=session, **options)), str(url))


def open_file(file: VolumeFileBase) -> ObjectReader:
    """Open the file for reading; use with ``with``. Raises ObjectNotFoundError, PathIsDirectoryError."""
    return open_object(file.url, "rb", session=file.session)
