"""Files for coroutines, as fsspec's ``open_async`` gives them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aios3._handles.opening import aopen
from aios3.errors import UnsupportedError
from aios3.fsspec.base import s3fs_errors
from aios3.fsspec.untyped import AbstractAsyncStreamedFile

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from typing_extensions import Buffer

    from aios3.fsspec.paths import ObjectRef


class S3AsyncFile(AbstractAsyncStreamedFile):
    """An object, open for reading or writing on the running loop."""

    def __init__(self, fs: Any, ref: ObjectRef, mode: str, file: Any) -> None:
        self.fs: Any = fs
        self.path: str = ref.name
        self.mode: str = mode
        self.blocksize: int = fs.blocksize
        self._file = file
        self._closed = False
        self.size: int | None = file.size if mode == "rb" else None

    @property
    def loc(self) -> int:
        """The position in bytes."""
        position: int = self._file.tell()
        return position

    async def read(self, length: int | None = -1) -> bytes:
        """Read ``length`` bytes, fewer only at the end; all that is left if it is negative or None."""
        self._require("rb")
        data: bytes = await self._file.read(-1 if length is None or length < 0 else length)
        return data

    async def readinto(self, buffer: Buffer) -> int:
        """Fill ``buffer`` and return how many bytes that were."""
        self._require("rb")
        count: int = await self._file.readinto(buffer)
        return count

    async def write(self, data: Buffer) -> int:
        """Take all of ``data`` and return its size in bytes."""
        self._require("wb", "xb", "ab")
        count: int = await self._file.write(data)
        return count

    async def flush(self, force: bool = False) -> None:
        """Wait until every full part is stored."""
        del force
        if self.mode != "rb" and not self._closed:
            await self._file.drain()

    def tell(self) -> int:
        """Return the position in bytes."""
        return self.loc

    async def close(self) -> None:
        """Publish what was written, or end the reading. Safe to repeat."""
        if self._closed:
            return
        self._closed = True
        try:
            await self._file.aclose()
        finally:
            if self.mode != "rb":
                self.fs.invalidate_cache(self.path)

    async def discard(self) -> None:
        """Give up: nothing becomes visible."""
        self._closed = True
        if self.mode == "rb":
            await self._file.aclose()
        else:
            await self._file.abort()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if kind is None:
            await self.close()
        else:
            await self.discard()

    def __del__(self) -> None:
        """Leave it to the file below, which warns and publishes nothing."""

    def __reduce__(self) -> Any:
        message = "A file of a coroutine cannot be pickled"
        raise TypeError(message)

    def _require(self, *modes: str) -> None:
        if self.mode not in modes:
            message = f"s3://{self.path} is open in mode {self.mode!r}"
            raise UnsupportedError(message, path=f"s3://{self.path}")


async def open_stream(fs: Any, ref: ObjectRef, mode: str, options: dict[str, Any]) -> S3AsyncFile:
    """Open an object for coroutines."""
    with s3fs_errors():
        file = await aopen(ref.url, mode, session=fs.session(), **options)
    return S3AsyncFile(fs, ref, mode, file)
