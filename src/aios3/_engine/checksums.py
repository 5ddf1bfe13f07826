"""The checksums that are sent with what is written: CRC64NVME through awscrt, CRC32 through zlib.

Both are linear, so S3 combines the parts' checksums to the whole object's (checksum type FULL_OBJECT), and aios3 does
the same. The comparison at the end needs no second pass over the bytes.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
from typing import TYPE_CHECKING, Literal

from aios3._backend import MD5, Checksum
from aios3._engine.range_checksums import checksum_by, crc_combine, encode_crc, has_awscrt
from aios3.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from aios3._settings import ChecksumMode

Algorithm = Literal["CRC64NVME", "CRC32"]

_MIN_IN_THREAD = 1024 * 1024
"""Bytes from which on a thread costs less than what else would wait."""


def choose_algorithm(mode: ChecksumMode, *, is_aws: bool) -> Algorithm | None:
    """Choose the algorithm for ``mode``; None sends no checksum.

    Servers of other vendors that take checksums all know CRC32, which botocore sends them, too.

    Raises ConfigError if CRC64NVME is asked for by name and awscrt is not installed.
    """
    if mode == "off" or (mode == "auto" and not is_aws):
        return None
    if mode == "crc32" or (mode == "everywhere" and not is_aws):
        return "CRC32"
    if mode == "crc64nvme" and not has_awscrt():
        message = "checksums='crc64nvme' needs awscrt; pip install awscrt, or use checksums='crc32'"
        raise ConfigError(message)
    return "CRC64NVME" if has_awscrt() else "CRC32"


def checksum_of(buffers: Iterable[bytes | memoryview], algorithm: Algorithm | None) -> Checksum | None:
    """Return the checksum of ``buffers`` in a row, or None where no algorithm is chosen."""
    value = None if algorithm is None else checksum_by(algorithm, buffers)
    return None if algorithm is None or value is None else Checksum(algorithm, value)


async def content_md5(body: Sequence[bytes | memoryview]) -> Checksum:
    """Return the MD5 of a body, for servers that want no other; a long one is read in a thread."""
    if sum(map(len, body)) < _MIN_IN_THREAD:
        return _md5_of(body)
    return await asyncio.to_thread(_md5_of, body)


def _md5_of(body: Sequence[bytes | memoryview]) -> Checksum:
    md5 = hashlib.md5(usedforsecurity=False)
    for buffer in body:
        md5.update(buffer)
    return Checksum(MD5, base64.b64encode(md5.digest()).decode("ascii"))


def combine_checksums(parts: Sequence[tuple[Checksum, int]]) -> Checksum | None:
    """Return the checksum of an object of the checksums of its parts and their sizes, in order; None for no parts."""
    if not parts:
        return None
    algorithm = parts[0][0].algorithm
    whole = 0
    for part, size in parts:
        whole = crc_combine(algorithm, whole, int.from_bytes(base64.b64decode(part.value), "big"), size)
    return Checksum(algorithm, encode_crc(algorithm, whole))
