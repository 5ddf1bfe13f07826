"""The header before each member, held against what the directory says of it. No I/O."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aios3._zip.central_directory import LOCAL_HEADER_BYTES, archive_error

if TYPE_CHECKING:
    from aios3._zip.central_directory import Entry

_LOCAL = struct.Struct("<4s5H3L2H")
_SIGNATURE = b"PK\x03\x04"
_FULL_32 = 0xFFFFFFFF
_SIZES_FOLLOW = 0x8

LIKELY_EXTRA_BYTES = 64
"""How long an extra field usually is at most; only the header itself says."""


@dataclass(frozen=True, slots=True)
class Header:
    """The fields of a member's own header."""

    data_start: int
    """Where the member's bytes begin, in the object."""
    raw_name_bytes: int


def likely_stop(entry: Entry) -> int:
    """Return where the member's bytes probably end, before its header was read; never too far for another member."""
    info = entry.info
    head = LOCAL_HEADER_BYTES + len(entry.raw_name) + LIKELY_EXTRA_BYTES
    return min(entry.stop, info.header_offset + head + info.compress_size)


def read_header(data: bytes, entry: Entry, path: str) -> Header:
    """Read the header in ``data``, which must begin with it and its name.

    Raises ZipArchiveError if it is none, or contradicts the directory, or if the member would reach into another one.
    """
    info = entry.info
    if len(data) < LOCAL_HEADER_BYTES or not data.startswith(_SIGNATURE):
        raise archive_error(
            path, f"is said to begin at byte {info.header_offset:,}, where there is no member", info.filename
        )
    _, _, flags, method, _, _, crc, compressed_size, size, name_bytes, extra_bytes = _LOCAL.unpack_from(data)
    name = data[LOCAL_HEADER_BYTES : LOCAL_HEADER_BYTES + name_bytes]
    if name != entry.raw_name[: len(name)] or name_bytes != len(entry.raw_name):
        raise archive_error(path, f"is called {name!r} in its own header", info.filename)
    if method != info.compress_type or (flags ^ info.flag_bits) & 1:
        raise archive_error(path, "is stored in another way than the directory says", info.filename)
    if not flags & _SIZES_FOLLOW:
        claims = ((crc, info.CRC), (compressed_size, info.compress_size), (size, info.file_size))
        if any(claim not in {expected, 0, _FULL_32} for claim, expected in claims):
            raise archive_error(
                path, "has another size or checksum in its own header than in the directory", info.filename
            )
    start = info.header_offset + LOCAL_HEADER_BYTES + name_bytes + extra_bytes
    if start + info.compress_size > entry.stop:
        raise archive_error(path, "overlaps what comes behind it", info.filename)
    return Header(start, name_bytes)
