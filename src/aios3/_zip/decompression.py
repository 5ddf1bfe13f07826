"""A compressed member as bytes from a position on: how far it has been inflated, and where to begin when going back.

Nothing here awaits. The reader hands over compressed bytes (:meth:`Decompressor.feed`, run in a thread) and asks where
the next ones begin. Deflate's state is small and can be copied. Up to 32 states along the way are kept, so a step back
costs at most a thirty-second of the member. What cannot be copied begins again.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aios3._config import KIB, MIB
from aios3._zip.central_directory import archive_error
from aios3._zip.decoders import Inflater, decoder_for, failures

if TYPE_CHECKING:
    from zipfile import ZipInfo

    from aios3._zip.decoders import Decoder
    from aios3.errors import ZipArchiveError

_CHECKPOINTS = 32
_CHECKPOINT_BYTES = 48 * KIB
"""Bytes of a copied state of deflate: its window of 32 KiB, and tables."""
_MIN_INTERVAL = MIB


@dataclass(frozen=True, slots=True)
class _Checkpoint:
    """A state to go on from."""

    consumed: int
    position: int
    crc: int
    state: Inflater


class Decompressor:
    """One member on its way from compressed bytes to its own; raises ZipArchiveError for what is wrong with it."""

    def __init__(self, info: ZipInfo, path: str) -> None:
        self._info = info
        self._path = path
        self._make, decoder_bytes = decoder_for(info, path)
        self._failures = failures()
        self._interval = max(_MIN_INTERVAL, -(-info.file_size // _CHECKPOINTS))
        self._checkpoints: list[_Checkpoint] = []
        self.memory: int = decoder_bytes + info.file_size // self._interval * _CHECKPOINT_BYTES
        """Bytes that the states take at most."""
        self.position = 0
        """How many bytes have come out."""
        self.consumed = 0
        """How many compressed bytes have been handed over."""
        self._crc = 0
        self._decoder: Decoder = self._make()

    @property
    def input_wanted(self) -> int:
        """How many compressed bytes may be handed over now; 0 where output must be taken first, or none are left."""
        return self._info.compress_size - self.consumed if self._decoder.needs_input and not self._decoder.eof else 0

    def go_to(self, position: int) -> None:
        """Set the state from which ``position`` is reached soonest, at or before it."""
        best = max((c for c in self._checkpoints if c.position <= position), key=_position_of, default=None)
        if self.position <= position and (best is None or best.position <= self.position):
            return
        if best is None:
            self._decoder, self.consumed, self.position, self._crc = self._make(), 0, 0, 0
        else:
            self._decoder, self.consumed, self.position, self._crc = (
                best.state.copy(),
                best.consumed,
                best.position,
                best.crc,
            )

    def feed(self, data: bytes, most: int) -> bytes:
        """Hand over ``data``, the compressed bytes at ``consumed``, and return up to ``most`` bytes of the member.

        With the last byte of the member everything about it has been checked but what :meth:`finish` looks at.
        """
        if not data and self._decoder.needs_input and self.consumed >= self._info.compress_size:
            raise self._too_short()
        remaining = self._info.file_size - self.position
        output = self._decompress(data, min(most, remaining))
        self.position += len(output)
        self._crc = zlib.crc32(output, self._crc)
        if self._decoder.eof and self.position < self._info.file_size:
            raise self._too_short()
        self._note_checkpoint()
        return output

    def finish(self, data: bytes) -> bool:
        """Hand over the bytes after the last one; return whether the check of the end needs more."""
        if not self._decoder.eof and (data or not self._decoder.needs_input) and self._decompress(data, 1):
            raise archive_error(self._path, "is longer than the directory says", self._info.filename)
        if not self._decoder.eof and self.consumed < self._info.compress_size:
            return True
        self._check_end()
        return False

    def _check_end(self) -> None:
        info = self._info
        excess = len(self._decoder.unused_data) + info.compress_size - self.consumed
        if excess or (isinstance(self._decoder, Inflater) and not self._decoder.eof):
            why = f"has {excess:,} bytes too many" if excess else "does not end"
            raise archive_error(self._path, f"{why} in the archive", self._info.filename)
        if self._crc != info.CRC:
            raise archive_error(
                self._path,
                f"has the CRC-32 {self._crc:08x}, and the directory says {info.CRC:08x}",
                self._info.filename,
            )

    def _too_short(self) -> ZipArchiveError:
        why = f"ends after {self.position:,} of its {self._info.file_size:,} bytes"
        return archive_error(self._path, why, self._info.filename)

    def _decompress(self, data: bytes, most: int) -> bytes:
        try:
            output = self._decoder.decompress(data, most)
        except self._failures as error:
            raise archive_error(self._path, f"cannot be decompressed: {error}", self._info.filename) from error
        self.consumed += len(data)
        return output

    def _note_checkpoint(self) -> None:
        last = self._checkpoints[-1].position if self._checkpoints else 0
        if self.position - last < self._interval or not isinstance(self._decoder, Inflater) or self._decoder.eof:
            return
        consumed = self.consumed - self._decoder.pending_bytes
        self._checkpoints.append(_Checkpoint(consumed, self.position, self._crc, self._decoder.copy()))


def _position_of(checkpoint: _Checkpoint) -> int:
    return checkpoint.position
