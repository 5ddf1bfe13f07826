"""A compressed file over an object: closing it closes the object, which the codecs of fsspec leave open."""

from __future__ import annotations

import contextlib
import io
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Buffer

    from aios3.fsspec.files import S3ReadFile, S3WriteFile


class CompressedFile(io.BufferedIOBase):
    """The plain bytes of a compressed object.

    A written object becomes visible when this is closed. It never does if the ``with`` block is left by an exception,
    nor without a close.
    """

    def __init__(self, codec: Any, file: S3ReadFile | S3WriteFile) -> None:
        self._codec = codec
        self._file = file
        self.name: str = file.name
        self.mode: str = file.mode

    def __del__(self) -> None:
        """Leave it to the file below, which warns and publishes nothing."""

    def _dealloc_warn(self, source: object) -> None:
        self._file._dealloc_warn(source)  # noqa: SLF001 - the standard library's own name

    @property
    def closed(self) -> bool:
        """True once the file is closed."""
        return self._file.closed

    def readable(self) -> bool:
        """Return True if the object is open for reading."""
        return self._file.readable()

    def writable(self) -> bool:
        """Return True if the object is open for writing."""
        return self._file.writable()

    def seekable(self) -> bool:
        """Return True if the codec can go back."""
        return bool(self._file.readable() and self._codec.seekable())

    def read(self, size: int | None = -1, /) -> bytes:
        """Read ``size`` plain bytes, fewer only at the end."""
        data: bytes = self._codec.read(-1 if size is None else size)
        return data

    def read1(self, size: int = -1, /) -> bytes:
        """Read up to ``size`` plain bytes."""
        data: bytes = self._codec.read1(size) if hasattr(self._codec, "read1") else self._codec.read(size)
        return data

    def readline(self, size: int | None = -1, /) -> bytes:
        """Read up to and with the next line feed."""
        line: bytes = self._codec.readline(-1 if size is None else size)
        return line

    def write(self, data: Buffer, /) -> int:
        """Compress all of ``data`` and return its size in bytes."""
        count: int = self._codec.write(data)
        return count

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Move the position in the plain bytes and return it; going back decompresses anew."""
        position: int = self._codec.seek(offset, whence)
        return position

    def tell(self) -> int:
        """Return the position in the plain bytes."""
        position: int = self._codec.tell()
        return position

    def flush(self) -> None:
        """Hand on what the codec has finished."""
        if self.writable():
            self._codec.flush()

    def close(self) -> None:
        """End the compressed stream and publish the object, or raise why not. Safe to repeat."""
        if "_file" not in vars(self) or self._file.closed:
            return
        try:
            self._codec.close()
        except BaseException:
            self._file.abandon()
            raise
        self._file.close()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
            return
        self._file.abandon()
        with contextlib.suppress(ValueError):  # the file below is closed: a codec that is collected would say so again
            self._codec.close()
