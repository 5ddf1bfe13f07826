"""Archives byte by byte, so that any part of them can lie."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass, field

STORED, DEFLATED, BZIP2, LZMA, ZSTD = 0, 8, 12, 14, 93
ENCRYPTED, SIZES_FOLLOW, UTF8 = 0x1, 0x8, 0x800
LINK, FILE, DEVICE = 0o120777, 0o100644, 0o020666


def deflated(data: bytes) -> bytes:
    made = zlib.compressobj(9, zlib.DEFLATED, -15)
    return made.compress(data) + made.flush()


@dataclass
class Member:
    """A member that says the truth, but for what is set otherwise; ``local_*`` is what its own header says."""

    name: bytes = b"a.txt"
    data: bytes = b"some bytes"
    method: int = DEFLATED
    raw: bytes | None = None
    flags: int = UTF8
    crc: int | None = None
    size: int | None = None
    packed_size: int | None = None
    mode: int = FILE
    version: int = 20
    extra: bytes = b""
    comment: bytes = b""
    offset: int | None = None
    local: dict[str, object] = field(default_factory=dict)

    def packed(self) -> bytes:
        if self.raw is not None:
            return self.raw
        return self.data if self.method == STORED else deflated(self.data)

    def fields(self) -> tuple[int, ...]:
        packed = self.packed()
        return (
            self.version,
            self.flags,
            self.method,
            0,
            0x21,
            zlib.crc32(self.data) if self.crc is None else self.crc,
            len(packed) if self.packed_size is None else self.packed_size,
            len(self.data) if self.size is None else self.size,
        )

    def header(self) -> bytes:
        said = {"signature": b"PK\x03\x04", "name": self.name, "extra": b""} | self.local
        values = dict(
            zip(("version", "flags", "method", "time", "date", "crc", "packed", "size"), self.fields(), strict=True)
        )
        values |= {key: value for key, value in self.local.items() if key in values}
        extra_size = said.get("extra_size", len(said["extra"]))
        packed = struct.pack("<4s5H3L2H", said["signature"], *values.values(), len(said["name"]), extra_size)
        return packed + said["name"] + said["extra"]

    def entry(self, offset: int) -> bytes:
        lengths = len(self.name), len(self.extra), len(self.comment)
        place = (0, 0, self.mode << 16, offset if self.offset is None else self.offset)
        made = struct.pack("<4s2B5H3L3H2H2L", b"PK\x01\x02", 20, 3, *self.fields(), *lengths, *place)
        return made + self.name + self.extra + self.comment


@dataclass
class End:
    """An end record that says the truth, but for what is set otherwise."""

    comment: bytes = b""
    prefix: bytes = b""
    between: bytes = b""
    """What lies between the directory and the end record."""
    disk: int = 0
    count: int | None = None
    size: int | None = None
    offset: int | None = None
    zip64: dict[str, int] | None = None


def archive(*members: Member, end: End | None = None, cut_directory: int = 0) -> bytes:
    end = end or End()
    body, entries = bytearray(), bytearray()
    for member in members:
        entries += member.entry(len(body))
        body += member.header() + member.packed()
    entries = entries[: len(entries) - cut_directory]
    count = len(members) if end.count is None else end.count
    size = len(entries) if end.size is None else end.size
    offset = len(body) if end.offset is None else end.offset
    tail = b""
    if end.zip64 is not None:
        large = {"count": count, "size": size, "offset": offset, "disks": 1} | end.zip64
        record = (44, 45, 45, 0, 0, large["count"], large["count"], large["size"], large["offset"])
        at = len(end.prefix) + len(body) + len(entries)
        tail = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", *record) + struct.pack(
            "<4sLQL", b"PK\x06\x07", 0, at, large["disks"]
        )
    last = struct.pack("<4s4H2LH", b"PK\x05\x06", end.disk, end.disk, count, count, size, offset, len(end.comment))
    return end.prefix + bytes(body) + entries + end.between + tail + last + end.comment
