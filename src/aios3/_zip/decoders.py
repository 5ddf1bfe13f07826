"""Decoders of each compression method, with one interface. Nothing here awaits; it runs in threads."""

from __future__ import annotations

import bz2
import importlib
import lzma
import struct
import zipfile
import zlib
from typing import TYPE_CHECKING, Protocol

from aios3._config import MIB
from aios3.errors import UnsupportedError

if TYPE_CHECKING:
    from collections.abc import Callable
    from zipfile import ZipInfo

ZSTANDARD = 93
"""The number of Zstandard (APPNOTE.TXT 4.4.5); 20 was its first one."""
_ZSTANDARD_NUMBERS = frozenset({ZSTANDARD, 20})
_MAX_WINDOW = 128 * MIB
_BZIP2_BYTES = 4 * MIB
_ZSTD_WINDOW_BYTES = 8 * MIB

_LZMA_HEAD = struct.Struct("<HHBL")
_LZMA_PROPERTIES_BYTES = 5
_MIN_DICTIONARY = 4096

_NAMES = {1: "shrink", 6: "implode", 9: "deflate64", 95: "xz", 96: "JPEG", 97: "WavPack", 98: "PPMd"}


class Decoder(Protocol):
    """The face of :class:`bz2.BZ2Decompressor`, which the standard library's other ones have too."""

    @property
    def eof(self) -> bool:
        """Return whether the end of the compressed stream has been read."""

    @property
    def needs_input(self) -> bool:
        """Return whether nothing comes without more input."""

    @property
    def unused_data(self) -> bytes:
        """The bytes given after the end of the stream."""

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """Return up to ``max_length`` bytes (at least 1), of what was given and of ``data``."""


class Inflater:
    """Deflate; the only one whose state can be copied, so that reading can go on from there again."""

    def __init__(self, origin: Inflater | None = None) -> None:
        self._stream = zlib.decompressobj(-zlib.MAX_WBITS)
        if origin is not None:
            self._stream = origin._stream.copy()  # noqa: SLF001 - of the same class
        self._pending = b""
        self.needs_input: bool = origin is None  # a copy may have something to give without

    @property
    def eof(self) -> bool:
        """Return whether the end of the stream has been read."""
        return self._stream.eof

    @property
    def unused_data(self) -> bytes:
        """The bytes given after the end of the stream."""
        return self._stream.unused_data

    @property
    def pending_bytes(self) -> int:
        """How much of what was given has not been used."""
        return len(self._pending)

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """Return up to ``max_length`` bytes."""
        output = self._stream.decompress(self._pending + data if self._pending else data, max_length)
        self._pending = self._stream.unconsumed_tail
        self.needs_input = not self._pending and len(output) < max_length
        return output

    def copy(self) -> Inflater:
        """Return the state of this moment, without the input that has not been used."""
        return Inflater(self)


class LzmaDecoder:
    """LZMA as zip has it: a version and the properties before the raw stream."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._head = b""
        self._stream: lzma.LZMADecompressor | None = None

    @property
    def eof(self) -> bool:
        """Return whether the mark at the end of the stream has been read; there need not be one."""
        return self._stream is not None and self._stream.eof

    @property
    def needs_input(self) -> bool:
        """Return whether nothing comes without more input."""
        return self._stream is None or self._stream.needs_input

    @property
    def unused_data(self) -> bytes:
        """The bytes given after the end of the stream."""
        return self._stream.unused_data if self._stream is not None else b""

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """Return up to ``max_length`` bytes."""
        if self._stream is not None:
            return self._stream.decompress(data, max_length)
        self._head += data
        if len(self._head) < _LZMA_HEAD.size:
            return b""
        _, size, packed, dictionary = _LZMA_HEAD.unpack_from(self._head)
        if size != _LZMA_PROPERTIES_BYTES:
            message = f"LZMA properties of {size} bytes"
            raise lzma.LZMAError(message)
        self._stream = lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=[self._filter(packed, dictionary)])
        head, self._head = self._head, b""
        return self._stream.decompress(head[_LZMA_HEAD.size :], max_length)

    def _filter(self, packed: int, dictionary: int) -> dict[str, int]:
        """Return the filter that the properties name, with a dictionary no larger than the member needs."""
        needed = min(dictionary, max(self._size, _MIN_DICTIONARY))
        if needed > _MAX_WINDOW:
            message = f"an LZMA dictionary of {needed:,} bytes; aios3 gives one member at most {_MAX_WINDOW:,}"
            raise lzma.LZMAError(message)
        rest, lc = divmod(packed, 9)
        pb, lp = divmod(rest, 5)
        return {"id": lzma.FILTER_LZMA1, "dict_size": needed, "lc": lc, "lp": lp, "pb": pb}


def zstandard() -> Callable[[], Decoder] | None:
    """Return what makes a decoder for Zstandard; None where neither the interpreter nor an extra has one."""
    for name in ("compression.zstd", "backports.zstd"):
        try:
            module = importlib.import_module(name)
        except ImportError:
            continue
        module_of_zstd: Callable[[], Decoder] = module.ZstdDecompressor
        return module_of_zstd
    return None


def failures() -> tuple[type[Exception], ...]:
    """Return what decoders raise for a stream that is broken."""
    make_zstd = zstandard()
    module = importlib.import_module(make_zstd.__module__) if make_zstd is not None else None
    others = [] if module is None else [error for error in [getattr(module, "ZstdError", None)] if error is not None]
    return (zlib.error, lzma.LZMAError, OSError, EOFError, ValueError, *others)


def decoder_for(info: ZipInfo, path: str) -> tuple[Callable[[], Decoder], int]:
    """Return what makes decoders for a member that is compressed, and how many bytes one of them takes at most.

    Raises UnsupportedError for a way of compression that is not known here.
    """
    method = info.compress_type
    if method == zipfile.ZIP_DEFLATED:
        return Inflater, 0
    if method == zipfile.ZIP_BZIP2:
        return bz2.BZ2Decompressor, _BZIP2_BYTES
    if method == zipfile.ZIP_LZMA:
        return lambda: LzmaDecoder(info.file_size), min(info.file_size, _MAX_WINDOW)
    if method in _ZSTANDARD_NUMBERS:
        make_decoder = zstandard()
        if make_decoder is not None:
            return make_decoder, _ZSTD_WINDOW_BYTES
        message = f"{info.filename!r} in {path} is compressed with Zstandard: pip install backports.zstd"
        raise UnsupportedError(message, path=path)
    name = f"{_NAMES[method]} ({method})" if method in _NAMES else f"method {method}"
    message = (
        f"{info.filename!r} in {path} is compressed with {name}; aios3 reads stored, deflate, bzip2, LZMA and Zstandard"
    )
    raise UnsupportedError(message, path=path)
