"""Text over the binary files: decoding, encoding, universal newlines. Whatever ends a file passes through to it."""

from __future__ import annotations

import asyncio
import codecs
import io
import os
from typing import TYPE_CHECKING, Generic, Protocol

from typing_extensions import TypeVar

from aios3._handles.lifecycle import cannot_copy
from aios3._handles.reader import AsyncPrefetchReader
from aios3._handles.writer import AsyncMultipartWriter
from aios3.errors import ClosedHandleError, WrongTypeError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine, Iterable
    from types import TracebackType
    from typing import NoReturn, Self, SupportsIndex

    from typing_extensions import Buffer

    from aios3._entries import StatResult, WriteResult
    from aios3._handles.torn_write import TornWrite
    from aios3._paths import S3Url

_CHUNK_BYTES = 64 * 1024


class _Ended(Protocol):
    @property
    def path(self) -> S3Url: ...
    @property
    def name(self) -> str: ...
    @property
    def closed(self) -> bool: ...
    async def aclose(self) -> None: ...
    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None: ...


class BinaryReader(_Ended, Protocol):
    """A binary file that text can be read from."""

    def stat(self) -> StatResult: ...
    async def read(self, size: int | None = -1) -> bytes: ...
    async def seek(self, offset: int, whence: int = 0) -> int: ...


class BinaryWriter(_Ended, Protocol):
    """A binary file that text can be written to."""

    @property
    def mode(self) -> str: ...
    @property
    def torn(self) -> TornWrite: ...
    @property
    def result(self) -> WriteResult: ...
    def tell(self) -> int: ...
    async def write(self, data: Buffer) -> int: ...
    async def abort(self) -> None: ...


ReaderT = TypeVar("ReaderT", bound=BinaryReader, default=AsyncPrefetchReader)
WriterT = TypeVar("WriterT", bound=BinaryWriter, default=AsyncMultipartWriter)


class AsyncTextReader(Generic[ReaderT]):
    """Text read from a binary file, with the meanings of :class:`io.TextIOWrapper`.

    ``buffer`` is the binary file; reading from it directly skips what has been decoded ahead.
    """

    def __init__(self, buffer: ReaderT, encoding: str, errors: str, newline: str | None) -> None:
        self.buffer: ReaderT = buffer
        self.encoding = encoding
        self.errors = errors
        self._newline = newline
        self._lock = asyncio.Lock()
        self._pending = ""
        self._start = 0
        self._undecoded = b""
        """Bytes that could not be decoded: the next read tries them again."""
        self._ended = False
        self._decoder = self._make_decoder()

    def __repr__(self) -> str:
        return f"<aios3.AsyncTextReader {self.name} {self.encoding}>"

    def __reduce_ex__(self, protocol: SupportsIndex, /) -> NoReturn:
        cannot_copy(self, protocol)

    async def __aenter__(self) -> Self:
        _check_open(self.buffer)
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.buffer.__aexit__(exc_type, exc, traceback)

    @property
    def path(self) -> S3Url:
        """Where the object is."""
        return self.buffer.path

    @property
    def name(self) -> str:
        """Where the object is, as text."""
        return self.buffer.name

    @property
    def mode(self) -> str:
        """Always ``r``."""
        return "r"

    @property
    def closed(self) -> bool:
        """Return whether the file is closed."""
        return self.buffer.closed

    @property
    def newlines(self) -> str | tuple[str, ...] | None:
        """The kinds of line end seen so far, as in :class:`io.TextIOBase`."""
        return self._decoder.newlines if isinstance(self._decoder, io.IncrementalNewlineDecoder) else None

    def stat(self) -> StatResult:
        """Return what S3 said of the object when it was opened."""
        return self.buffer.stat()

    async def read(self, size: int | None = -1) -> str:
        """Read ``size`` characters, fewer only at the end; all that is left if ``size`` is negative or None."""
        async with self._lock:
            _check_open(self.buffer)
            if size is None or size < 0:
                rest = self._decode(self._undecoded + await self.buffer.read(-1), final=True)
                self._ended = True
                return self._take(len(self._pending)) + rest
            chunks: list[str] = []
            try:
                while True:
                    chunks.append(self._take(self._start + size))
                    size -= len(chunks[-1])
                    if not size or self._ended:
                        return "".join(chunks)
                    await self._decode_more()
            except BaseException:
                self._put_back(chunks)
                raise

    async def readline(self, size: int | None = -1) -> str:
        """Read up to and with the next line end, at most ``size`` characters; the rest if there is none."""
        async with self._lock:
            _check_open(self.buffer)
            return await self._line(None if size is None or size < 0 else size)

    async def readlines(self, hint: int | None = None) -> list[str]:
        """Read lines until the end, or until they have more than ``hint`` characters in all."""
        async with self._lock:
            _check_open(self.buffer)
            lines: list[str] = []
            total = 0
            try:
                while (not hint or hint < 0 or total <= hint) and (line := await self._line()):
                    lines.append(line)
                    total += len(line)
            except BaseException:
                self._put_back(lines)
                raise
            return lines

    async def __aiter__(self) -> AsyncIterator[str]:
        """Iterate over the lines from the position on, each with its line end."""
        while line := await self.readline():
            yield line

    async def rewind(self) -> None:
        """Go back to the start. Other positions in text have no meaning that could be sought."""
        async with self._lock:
            await self.buffer.seek(0, os.SEEK_SET)
            self._pending, self._start, self._undecoded, self._ended = "", 0, b"", False
            self._decoder = self._make_decoder()

    async def aclose(self) -> None:
        """Close the binary file. Safe to repeat, from any task."""
        await self.buffer.aclose()

    def _make_decoder(self) -> codecs.IncrementalDecoder | io.IncrementalNewlineDecoder:
        decoder = codecs.getincrementaldecoder(self.encoding)(self.errors)
        if self._newline is None or self._newline == "":
            return io.IncrementalNewlineDecoder(decoder, translate=self._newline is None)
        return decoder

    async def _decode_more(self) -> None:
        """Decode the next bytes; everything before them has been taken."""
        data = self._undecoded or await self.buffer.read(_CHUNK_BYTES)
        self._pending = self._decode(data, final=not data)
        self._start = 0
        self._ended = not data

    def _decode(self, data: bytes, *, final: bool) -> str:
        """Decode the next bytes; what fails is kept, so that it is neither lost nor passed over."""
        before = self._decoder.getstate()
        try:
            text = self._decoder.decode(data, final=final)
        except BaseException:
            self._decoder.setstate(before)
            self._undecoded = data
            raise
        self._undecoded = b""
        return text

    def _take(self, stop: int) -> str:
        text = self._pending[self._start : stop]
        self._start += len(text)
        return text

    def _put_back(self, chunks: list[str]) -> None:
        """Undo the taking of ``chunks``, which broke off."""
        self._pending = "".join(chunks) + self._pending[self._start :]
        self._start = 0

    async def _line(self, limit: int | None = None) -> str:
        chunks: list[str] = []
        remaining = limit
        try:
            while True:
                end = self._line_end(chunks[-1][-1] if chunks else "")
                stop = len(self._pending) if end is None else end
                chunk = self._take(stop if remaining is None else min(stop, self._start + remaining))
                if chunk:
                    chunks.append(chunk)
                remaining = None if remaining is None else remaining - len(chunk)
                if end is not None or remaining == 0 or self._ended:
                    return "".join(chunks)
                await self._decode_more()
        except BaseException:
            self._put_back(chunks)
            raise

    def _line_end(self, before: str) -> int | None:
        """Return where the line ends in what is decoded, if it does; ``before`` is the character before that."""
        text, start = self._pending, self._start
        if self._newline == "":  # whose decoder never parts "\r\n"
            feed = text.find("\n", start)
            carriage = text.find("\r", start, len(text) if feed < 0 else feed)
            if carriage < 0:
                return feed + 1 if feed >= 0 else None
            return carriage + (2 if carriage + 1 == feed else 1)
        mark = self._newline or "\n"
        if before + text[start : start + 1] == mark:
            return start + 1
        at = text.find(mark, start)
        return at + len(mark) if at >= 0 else None


class AsyncTextWriter(Generic[WriterT]):
    """Text written to a binary file, with the meanings of :class:`io.TextIOWrapper`.

    Leaving ``async with`` by an exception, :meth:`abort` and :meth:`aclose` are those of the binary file.
    """

    def __init__(self, buffer: WriterT, encoding: str, errors: str, newline: str | None) -> None:
        self.buffer: WriterT = buffer
        self.encoding = encoding
        self.errors = errors
        self._line_end = os.linesep if newline is None else newline
        self._encoder = codecs.getincrementalencoder(encoding)(errors)
        if buffer.tell():
            self._encoder.setstate(0)  # no second byte order mark after what is there

    def __repr__(self) -> str:
        return f"<aios3.AsyncTextWriter {self.name} {self.encoding}>"

    def __reduce_ex__(self, protocol: SupportsIndex, /) -> NoReturn:
        cannot_copy(self, protocol)

    async def __aenter__(self) -> Self:
        _check_open(self.buffer)
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.buffer.__aexit__(exc_type, exc, traceback)

    @property
    def path(self) -> S3Url:
        """Where the object will be."""
        return self.buffer.path

    @property
    def name(self) -> str:
        """Where the object will be, as text."""
        return self.buffer.name

    @property
    def mode(self) -> str:
        """``w``, ``x`` or ``a``."""
        return self.buffer.mode[0]

    @property
    def closed(self) -> bool:
        """Return whether the file is finished or aborted."""
        return self.buffer.closed

    @property
    def result(self) -> WriteResult:
        """S3's response to the finished write."""
        return self.buffer.result

    async def write(self, text: str) -> int:
        """Encode and write ``text``; return its length in characters."""
        if not isinstance(text, str):
            message = f"write() of a text file takes str, not {type(text).__name__}; open with 'b' for bytes"
            raise WrongTypeError(message)
        converted = text.replace("\n", self._line_end) if self._line_end not in ("", "\n") else text
        before = self._encoder.getstate()
        try:
            await self.buffer.write(self._encoder.encode(converted))
        except BaseException:
            self._encoder.setstate(before)  # nothing was taken, or the file is torn
            raise
        return len(text)

    async def writelines(self, lines: Iterable[str]) -> None:
        """Write each of ``lines``; no line ends are added.

        What ends this after the first line, an error of ``lines`` among others, leaves a file that can only be aborted.
        """
        before = self.buffer.tell()
        try:
            for line in lines:
                await self.write(line)
        except BaseException as error:
            if self.buffer.tell() != before:
                self.buffer.torn.note("writelines()", error)
            raise

    def aclose(self) -> Coroutine[object, object, None]:
        """Make the object visible, or raise why not. Safe to repeat, from any task."""
        return self.buffer.aclose()

    async def abort(self) -> None:
        """Give up: nothing becomes visible. Safe to repeat, from any task."""
        await self.buffer.abort()


def _check_open(buffer: BinaryReader | BinaryWriter) -> None:
    if buffer.closed:
        message = f"{buffer.name} is closed; open it again"
        raise ClosedHandleError(message, path=buffer.name)
