"""The central directory of an archive: where it is, and what it says. No I/O.

The standard library's ``zipfile`` parses the entries: it knows ZIP64, the encodings of names and what old writers did,
and is kept up. But it looks for the directory by itself, reads what it likes from the file, and neither counts the
entries nor minds when they overlap. So the end record is read here, strictly. ``zipfile`` receives the bytes of the
directory alone, followed by an end record that matches them, so it cannot find another one. A walk over the bytes comes
first: a directory that was cut or counts wrong is rejected before any object is made of it.
"""

from __future__ import annotations

import io
import struct
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aios3.errors import ZipArchiveError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from zipfile import ZipInfo

    from aios3._zip.limits import ZipLimits

_END = struct.Struct("<4s4H2LH")
_LOCATOR = struct.Struct("<4sLQL")
_END_64 = struct.Struct("<4sQ2H2L4Q")
_ENTRY = struct.Struct("<4s24x3H")
_ENTRY_BYTES = 46
_END_SIGNATURE, _LOCATOR_SIGNATURE = b"PK\x05\x06", b"PK\x06\x07"
_END_64_SIGNATURE, _ENTRY_SIGNATURE = b"PK\x06\x06", b"PK\x01\x02"
_FULL_16, _FULL_32 = 0xFFFF, 0xFFFFFFFF

END_BYTES = _END.size + _FULL_16 + _LOCATOR.size + _END_64.size
"""Bytes at the end of every archive that say where its directory is."""

_STDLIB_FAILS = (zipfile.BadZipFile, struct.error, ValueError, OverflowError, IndexError, NotImplementedError)
"""Errors that ``zipfile`` raises for invalid entries."""


@dataclass(frozen=True, slots=True)
class EndRecord:
    """The facts about the directory that the end of an archive has."""

    start: int
    """Where the directory begins, in the object."""
    size: int
    count: int
    prefix: int
    """Bytes before the archive, by which the offsets in it are too small: a program that extracts itself."""
    comment: bytes


@dataclass(frozen=True, slots=True)
class Entry:
    """One member, as the directory has it."""

    info: ZipInfo
    raw_name: bytes
    stop: int
    """Where the next thing in the archive begins; the member ends before that."""


def find_end_record(tail: bytes, size: int, path: str) -> EndRecord:
    """Read the end record from ``tail``, the last bytes of an archive of ``size`` bytes.

    Raises ZipArchiveError if there is none, or more than one that could be meant.
    """
    records = [at for at in _positions(tail) if at + _END.size + _comment_size(tail, at) == len(tail)]
    if len(records) != 1:
        why = "several records that could be its end" if records else f"no record at its end; {_guess(tail)}"
        raise archive_error(path, f"has {why}")
    at = records[0]
    _, *disks, here, count, length, offset, _ = _END.unpack_from(tail, at)
    stop = at
    if tail[max(at - _LOCATOR.size, 0) : at].startswith(_LOCATOR_SIGNATURE):
        stop = at - _LOCATOR.size - _END_64.size
        fields = (count, length, offset)
        disks, here, count, length, offset = _end_64(tail, stop, at - _LOCATOR.size, path)
        _check_agreement(fields, (count, length, offset), path)
    if any(disks) or here != count:
        raise archive_error(path, "is one of several volumes, which cannot be read by themselves")
    start = size - len(tail) + stop - length
    if start < offset:
        raise archive_error(
            path, f"says that its directory of {length:,} bytes is at {offset:,}, and it is too short for that"
        )
    return EndRecord(start, length, count, start - offset, tail[at + _END.size :])


def _guess(tail: bytes) -> str:
    """Say why no record ends where the archive does; the record may be that of a member that is an archive itself."""
    ends = [at + _END.size + _comment_size(tail, at) for at in _positions(tail)]
    after = [len(tail) - end for end in ends if end < len(tail)]
    if not after:
        return "it was cut, or is no zip"
    return f"it was cut, or the {after[-1]:,} bytes after its end are not part of it and must be removed"


def _positions(tail: bytes) -> Iterator[int]:
    at = tail.find(_END_SIGNATURE, max(0, len(tail) - _END.size - _FULL_16))
    while 0 <= at <= len(tail) - _END.size:
        yield at
        at = tail.find(_END_SIGNATURE, at + 1)


def _comment_size(tail: bytes, at: int) -> int:
    return int.from_bytes(tail[at + _END.size - 2 : at + _END.size], "little")


def _end_64(tail: bytes, at: int, locator: int, path: str) -> tuple[list[int], int, int, int, int]:
    """Read the larger end record, which lies directly before its locator."""
    _, first, _, volumes = _LOCATOR.unpack_from(tail, locator)
    if at < 0 or not tail.startswith(_END_64_SIGNATURE, at):
        raise archive_error(path, "has no ZIP64 end record where one must be")
    _, _, _, _, disk, start_disk, here, count, length, offset = _END_64.unpack_from(tail, at)
    return [disk, start_disk, first, max(volumes - 1, 0)], here, count, length, offset


def _check_agreement(small: tuple[int, ...], large: tuple[int, ...], path: str) -> None:
    """Reject an archive that says one thing to readers of ZIP64 and another to all others."""
    for small_value, large_value, placeholder in zip(small, large, (_FULL_16, _FULL_32, _FULL_32), strict=True):
        if small_value not in {placeholder, large_value}:
            raise archive_error(path, f"has two end records that differ: {small_value:,} and {large_value:,}")


def check_end(end: EndRecord, limits: ZipLimits, most_bytes: int, path: str) -> None:
    """Raise ZipArchiveError if the directory has more members or bytes than are allowed, or cannot be as it says."""
    if limits.max_members is not None and end.count > limits.max_members:
        raise archive_error(
            path, f"has {end.count:,} members, more than max_members={limits.max_members:,} of ZipLimits"
        )
    if end.size > most_bytes:
        raise archive_error(path, f"has a directory of {end.size:,} bytes; memory_budget would have to be twice that")
    if end.count * _ENTRY_BYTES > end.size:
        raise archive_error(
            path, f"says that it has {end.count:,} members in a directory of {end.size:,} bytes: too short"
        )


def parse(directory: bytes, end: EndRecord, encoding: str | None, path: str) -> list[Entry]:
    """Return the entries of ``directory``, in its order, with offsets in the object.

    Raises ZipArchiveError if they are not what ``end`` says, or overlap.
    """
    names = list(_walk(directory, path))
    if len(names) != end.count:
        raise archive_error(path, f"says that it has {end.count:,} members, and its directory has {len(names):,}")
    infos = _parsed(directory, encoding, path)
    if len(infos) != end.count:
        raise archive_error(path, "has a directory that can be read in two ways")
    for info in infos:
        info.header_offset += end.prefix
    return _bounded(infos, names, end, path)


def _walk(directory: bytes, path: str) -> Iterator[bytes]:
    """Yield the name of each entry, undecoded; raise ZipArchiveError where an entry is missing."""
    at = 0
    while at < len(directory):
        if at + _ENTRY_BYTES > len(directory) or not directory.startswith(_ENTRY_SIGNATURE, at):
            raise archive_error(path, f"has something else than an entry at byte {at:,} of its directory")
        _, *lengths = _ENTRY.unpack_from(directory, at)
        stop = at + _ENTRY_BYTES + sum(lengths)
        if stop > len(directory):
            raise archive_error(path, f"has a directory that ends in the middle of an entry, at byte {at:,} of it")
        yield directory[at + _ENTRY_BYTES : at + _ENTRY_BYTES + lengths[0]]
        at = stop


def _parsed(directory: bytes, encoding: str | None, path: str) -> list[ZipInfo]:
    if directory[-_LOCATOR.size :].startswith(_LOCATOR_SIGNATURE):
        raise archive_error(path, "has a directory that ends like a ZIP64 end record")
    # The count is a small field, which zipfile does not look at.
    end = _END.pack(_END_SIGNATURE, 0, 0, 0, 0, len(directory), 0, 0)
    try:
        with zipfile.ZipFile(io.BytesIO(directory + end), metadata_encoding=encoding) as archive:
            return archive.infolist()
    except _STDLIB_FAILS as error:
        raise archive_error(path, f"has a broken entry in its directory: {error}") from error


def _bounded(infos: list[ZipInfo], names: list[bytes], end: EndRecord, path: str) -> list[Entry]:
    """Give each entry the offset where the next one begins; raise ZipArchiveError for one that reaches into it."""
    stops: dict[int, int] = {}
    stop = end.start
    order = sorted(range(len(infos)), key=lambda index: infos[index].header_offset)
    for index in reversed(order):
        info = infos[index]
        least = info.header_offset + LOCAL_HEADER_BYTES + len(names[index]) + info.compress_size
        if least > stop:
            raise archive_error(path, f"has a member {info.filename!r} that overlaps what comes behind it")
        stops[index] = stop
        stop = info.header_offset
    return [Entry(info, names[index], stops[index]) for index, info in enumerate(infos)]


LOCAL_HEADER_BYTES = 30
"""Bytes of a member's own header, without its name and extra field."""


def is_directory(info: ZipInfo) -> bool:
    """Return whether a member is a directory. An empty name is none; some versions of ``ZipInfo.is_dir`` fail there."""
    return info.filename.endswith("/")


def archive_error(path: str, why: str, member: str | None = None) -> ZipArchiveError:
    """Return the error for an archive that ``why`` is wrong with."""
    subject = path if member is None else f"{member!r} in {path}"
    return ZipArchiveError(f"The zip archive {path} {why}" if member is None else f"{subject} {why}", path=path)
