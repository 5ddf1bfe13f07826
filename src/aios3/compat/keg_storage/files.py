"""keg_storage's open files, each over one of :class:`aios3.sync.Storage`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aios3.sync
from aios3._s3_constants import MIN_PART_SIZE
from aios3.compat._arguments import WRITING
from aios3.compat._sessions import session_of
from aios3.compat.keg_storage.values import FileMode
from aios3.errors import UnsupportedError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from types import TracebackType
    from typing import Self

    from aios3 import WriterOptions
    from aios3.compat._sessions import AnyClient

_OPTIONS = WRITING | {"Metadata": "metadata"}


class S3FileBase:
    """A file of a bucket; reading and writing are so different that each has a class of its own.

    ``client`` is a boto3 client, whose server, region and credentials are used, or an :class:`aios3.sync.Session`.
    """

    iter_chunk_size = 5 * 1024 * 1024
    """Bytes of a chunk where the caller does not say."""

    def __init__(self, mode: FileMode, bucket: str, filename: str, client: AnyClient) -> None:
        self.mode = mode
        self.bucket = bucket
        self.filename = filename
        self.s3: AnyClient = client

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __iter__(self) -> Iterator[bytes]:
        return self.iter_chunks()

    def _storage(self) -> aios3.sync.Storage:
        return aios3.sync.Storage(f"s3://{self.bucket}", session=session_of(self.s3))

    def read(self, size: int | None) -> bytes:
        """Raise NotImplementedError: the file is not open for reading."""
        raise NotImplementedError

    def write(self, data: bytes) -> None:
        """Raise NotImplementedError: the file is not open for writing."""
        raise NotImplementedError

    def iter_chunks(self, chunk_size: int | None = None) -> Iterator[bytes]:
        """Yield what is left in chunks of ``chunk_size`` bytes; the last one may be smaller."""
        return iter(lambda: self.read(chunk_size or self.iter_chunk_size), b"")

    def close(self) -> None:
        """Give everything back. Safe to repeat."""


class S3Reader(S3FileBase):
    """A file that is open for reading; all of its bytes are of one version."""

    def __init__(self, bucket: str, filename: str, client: AnyClient) -> None:
        super().__init__(FileMode.read, bucket, filename, client)
        self.reader: aios3.sync.StorageReader = self._storage().open(filename, "r")

    def read(self, size: int | None) -> bytes:
        """Read up to ``size`` bytes, none at the end; all that is left if ``size`` is negative or None."""
        return self.reader.read(-1 if size is None else size)

    def close(self) -> None:
        """Close the file. Safe to repeat."""
        self.reader.close()


class S3Writer(S3FileBase):
    """A file that is open for writing, in one request or as a multipart upload that begins when a part is full.

    Nothing is created if nothing is written. Leaving ``with`` by an exception aborts, and so does forgetting the file.
    ``chunk_size`` is the size of the first parts, inside S3's limits; ``extra_args`` are arguments of S3's calls, such
    as ``ContentType``.
    """

    def __init__(
        self,
        bucket: str,
        filename: str,
        client: AnyClient,
        chunk_size: int = 10485760,
        extra_args: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(FileMode.write, bucket, filename, client)
        self.chunk_size = chunk_size
        self.extra_args: dict[str, object] = dict(extra_args or {})
        most = session_of(client).config.memory_budget // 2
        options = options_of(self.extra_args)
        options["part_size"] = max(MIN_PART_SIZE, min(chunk_size, most))
        self._writer = self._storage().open(filename, "w", **options)

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._writer.__exit__(exc_type, exc, traceback)

    def write(self, data: bytes) -> None:
        """Take all of ``data``."""
        self._writer.write(data)

    def close(self) -> None:
        """Make what was written visible, or raise why not. Safe to repeat."""
        self._writer.close()

    def abort(self) -> None:
        """Give up: nothing becomes visible, and no upload stays open. Safe to repeat."""
        self._writer.abort()


def options_of(extra_args: Mapping[str, object] | None) -> WriterOptions:
    """Say in aios3's words what S3's arguments say; raise UnsupportedError for one that is not known."""
    unknown = sorted(set(extra_args or ()) - set(_OPTIONS))
    if unknown:
        message = f"extra_args has {', '.join(unknown)}; known are {', '.join(sorted(_OPTIONS))}"
        raise UnsupportedError(message)
    return {_OPTIONS[name]: value for name, value in (extra_args or {}).items()}  # type: ignore[return-value]  # checked when the file is opened
