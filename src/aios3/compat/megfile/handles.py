"""megfile's classes of open files, each over a file of :mod:`aios3.sync`."""

from __future__ import annotations

import io
from typing import IO, TYPE_CHECKING, Any, Protocol, cast

import aios3.sync
from aios3._s3_constants import MIN_PART_SIZE
from aios3.compat.megfile.errors import unknown_errors
from aios3.compat.megfile.settings import (
    resolve_path,
    session,
    sizes_for_reading,
    sizes_for_writing,
    sync_function,
    text_of,
)
from aios3.errors import ConfigError

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from typing_extensions import Buffer

    from aios3 import AnyPath
    from aios3.compat.megfile.settings import (
        PathLike,
    )

SESSION_DEFAULT = 8388608
"""megfile's default for a block; the session's settings hold then."""


class Client(Protocol):
    """The attributes of a boto3 client that are used where megfile's classes are given one."""

    @property
    def meta(self) -> Any:  # noqa: ANN401 - botocore has no types
        """The address and the region."""


def open_file(path: AnyPath, mode: str, client: Client | None = None, **options: object) -> IO[Any]:
    """Open a file of :mod:`aios3.sync` with megfile's session, on the server that ``client`` is for."""
    where = session() if client is None else session(client.meta.endpoint_url, client.meta.region_name)
    present = {name: value for name, value in options.items() if value is not None}
    opening = cast("Any", aios3.sync.open)  # which overload it is, is known when it runs
    with unknown_errors():
        return cast("IO[Any]", opening(path, mode, session=where, **present))


class Handle(io.BufferedIOBase):
    """An object of S3, open as a binary file.

    Leaving its ``with`` block by an exception publishes nothing; nor does forgetting it.
    """

    _file: IO[bytes]
    _path: str
    _mode: str

    @classmethod
    def open_path(cls, path: AnyPath, mode: str, client: Client | None = None, **options: object) -> Self:
        """Open one by its path."""
        handle = cls.__new__(cls)
        handle._open(path, mode, client, **options)  # noqa: SLF001 - of the class itself
        return handle

    def _open(self, path: AnyPath, mode: str, client: Client | None, **options: object) -> None:
        self._file = open_file(path, mode, client, **options)
        self._path, self._mode = str(path), mode

    def __getattr__(self, name: str) -> object:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._file, name)

    def __repr__(self) -> str:
        return f"<aios3.compat.megfile.{type(self).__name__} {self._path} mode={self._mode!r}>"

    def __enter__(self) -> Self:
        self._file.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._file.__exit__(kind, error, traceback)

    def __del__(self) -> None:
        """Leave it to the file: io's own finalizer would close it, and so publish an unfinished object."""

    @property
    def name(self) -> str:
        """The path of the object."""
        return self._path

    @property
    def mode(self) -> str:
        """The mode that it was opened in."""
        return self._mode

    @property
    def closed(self) -> bool:
        """Return whether it was closed."""
        return self._file.closed

    def readable(self) -> bool:
        """Return whether it can be read."""
        return self._file.readable()

    def writable(self) -> bool:
        """Return whether it can be written."""
        return self._file.writable()

    def seekable(self) -> bool:
        """Return whether it can be sought in."""
        return self._file.seekable()

    def read(self, size: int | None = -1, /) -> bytes:
        """Read up to ``size`` bytes, or all."""
        return self._file.read(-1 if size is None else size)

    def read1(self, size: int = -1, /) -> bytes:
        """Read up to ``size`` bytes."""
        return self._file.read(size)

    def readline(self, size: int | None = -1, /) -> bytes:
        """Read a line."""
        return self._file.readline(-1 if size is None else size)

    def write(self, data: Buffer, /) -> int:
        """Write all of ``data``."""
        return self._file.write(data)

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Change the position and return it."""
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """Return the position."""
        return self._file.tell()

    def truncate(self, size: int | None = None, /) -> int:
        """Change the size."""
        return self._file.truncate(size)

    def flush(self) -> None:
        """Do nothing that S3 would see; it has no half-written objects."""
        self._file.flush()

    def fileno(self) -> int:
        """Return the descriptor of the local file, where there is one."""
        return self._file.fileno()

    def close(self) -> None:
        """Publish what was written, or raise why not."""
        self._file.close()


class S3PrefetchReader(Handle):
    """An object, open for reading; ``block_size`` is how much one request asks for. The session bounds the rest."""

    def __init__(
        self,
        bucket: str,
        key: str,
        *,
        s3_client: Client | None,
        block_size: int = SESSION_DEFAULT,
        block_capacity: int = 16,  # noqa: ARG002 - the session's memory bounds what is kept
        block_forward: int | None = None,  # noqa: ARG002 - read-ahead follows the reads
        max_retries: int = 10,  # noqa: ARG002 - the session's
        max_workers: int | None = None,  # noqa: ARG002 - the session's
        profile_name: str | None = None,
    ) -> None:
        sizes = sizes_for_reading(None if block_size == SESSION_DEFAULT else block_size)
        self._open(resolve_path(bucket, key, profile_name), "rb", s3_client, **sizes)


class S3ShareCacheReader(S3PrefetchReader):
    """An object, open for reading over blocks that all readers with the same ``cache_key`` share."""

    def __init__(
        self,
        bucket: str,
        key: str,
        *,
        s3_client: Client | None,
        block_size: int = SESSION_DEFAULT,  # noqa: ARG002 - the shared blocks have the session's size
        block_capacity: int = 16,  # noqa: ARG002 - see S3PrefetchReader
        block_forward: int | None = None,  # noqa: ARG002
        max_retries: int = 10,  # noqa: ARG002
        cache_key: str = "lru",
        max_workers: int | None = None,  # noqa: ARG002
        profile_name: str | None = None,
    ) -> None:
        self._open(resolve_path(bucket, key, profile_name), "rb", s3_client, buffering="shared", cache_key=cache_key)


class S3BufferedWriter(Handle):
    """An object, open for writing in parts of at least ``block_size``."""

    def __init__(
        self,
        bucket: str,
        key: str,
        *,
        s3_client: Client | None,
        block_size: int = SESSION_DEFAULT,
        max_block_size: int = 134217728,  # noqa: ARG002 - parts grow so that 10,000 are enough
        max_buffer_size: int = 134217728,  # noqa: ARG002 - the session's memory bounds it
        max_workers: int | None = None,  # noqa: ARG002 - the session's
        profile_name: str | None = None,
    ) -> None:
        sizes = sizes_for_writing(None if block_size == SESSION_DEFAULT else block_size)
        self._open(resolve_path(bucket, key, profile_name), "wb", s3_client, **sizes)


class S3LimitedSeekableWriter(S3BufferedWriter):
    """An object, open for writing, with its head and tail, of at least 5 MiB each, still to be sought in."""

    def __init__(
        self,
        bucket: str,
        key: str,
        *,
        s3_client: Client | None,
        block_size: int = SESSION_DEFAULT,
        head_block_size: int | None = None,
        tail_block_size: int | None = None,
        max_block_size: int = 134217728,  # noqa: ARG002 - see S3BufferedWriter
        max_buffer_size: int = 134217728,  # noqa: ARG002
        max_workers: int | None = None,  # noqa: ARG002
        profile_name: str | None = None,
    ) -> None:
        sizes = {
            **sizes_for_writing(None if block_size == SESSION_DEFAULT else block_size),
            **({"head_size": max(head_block_size, MIN_PART_SIZE)} if head_block_size else {}),
            **({"tail_size": max(tail_block_size, MIN_PART_SIZE)} if tail_block_size else {}),
        }
        self._open(resolve_path(bucket, key, profile_name), "wb", s3_client, buffering="limited", **sizes)


class S3PipeHandler(Handle):
    """An object, read or written from its start to its end."""

    def __init__(
        self,
        bucket: str,
        key: str,
        mode: str,
        *,
        s3_client: Client | None,
        join_thread: bool = True,
        profile_name: str | None = None,
    ) -> None:
        join = {} if join_thread or "r" in mode else {"join": False}
        self._open(resolve_path(bucket, key, profile_name), mode, s3_client, buffering="pipe", **join)


class S3MemoryHandler(Handle):
    """An object, whole in memory."""

    def __init__(
        self, bucket: str, key: str, mode: str, *, s3_client: Client | None, profile_name: str | None = None
    ) -> None:
        self._open(resolve_path(bucket, key, profile_name), mode, s3_client, buffering="memory")


class S3CachedHandler(Handle):
    """An object, whole in a local file."""

    def __init__(
        self,
        bucket: str,
        key: str,
        mode: str,
        *,
        s3_client: Client | None,
        cache_path: str | None = None,
        remove_cache_when_open: bool = True,  # noqa: ARG002 - the file has no name from the start where it can
        profile_name: str | None = None,
    ) -> None:
        self._open(resolve_path(bucket, key, profile_name), mode, s3_client, buffering="disk", cache_path=cache_path)


class S3Cacher:
    """A local file in the place of an object, for programs that insist on a path: ``with S3Cacher(path) as local``.

    ``r`` downloads it first, ``w`` uploads it afterwards, ``a`` does both. An exception uploads nothing.
    """

    cache_path: str | None = None

    def __init__(self, path: PathLike, cache_path: str | None = None, mode: str = "r") -> None:
        if mode not in ("r", "w", "a"):
            message = f"unacceptable mode: {mode!r}"
            raise ConfigError(message)
        self.name: str = text_of(path)
        self.mode = mode
        self._closed = False
        self._held = sync_function("cached_path")(self.name, mode, cache_path, session=session())
        with unknown_errors():
            self.cache_path = self._held.__enter__()

    def __enter__(self) -> str | None:
        return self.cache_path

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if not self._closed:
            self._closed = True
            with unknown_errors():
                self._held.__exit__(kind, error, traceback)

    def close(self) -> None:
        """Upload the file if it was opened for that, and remove it. Safe to repeat."""
        self.__exit__(None, None, None)
