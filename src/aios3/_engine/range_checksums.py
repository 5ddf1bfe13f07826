"""The checksum of an object whose bytes arrive in ranges: CRCs in any order, digests in order only. No I/O.

CRCs of neighbouring ranges are combined as in zlib. The first one is multiplied by x^(8n), n the length of the second,
modulo the polynomial. So a read in ranges side by side knows the whole object's CRC as soon as all are there.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import importlib.util
import zlib
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_Update = Callable[[bytes | memoryview, int], int]

_CRCS = {"CRC64NVME": (64, 0x9A6C9329AC4BC9B5), "CRC32C": (32, 0x82F63B78), "CRC32": (32, 0xEDB88320)}
"""Width in bits and reflected polynomial."""
_DIGESTS = {"SHA1": "sha1", "SHA256": "sha256"}


@functools.cache
def has_awscrt() -> bool:
    """Return whether awscrt is installed: without it CRC64NVME and CRC32C cannot be computed."""
    return importlib.util.find_spec("awscrt") is not None


def pick_checksum(checksums: Mapping[str, str]) -> tuple[str, str] | None:
    """Return the algorithm and value of the cheapest of ``checksums`` that can be computed here."""
    if not checksums:
        return None
    for algorithm in (*_CRCS, *_DIGESTS):
        if algorithm in checksums and (algorithm not in {"CRC64NVME", "CRC32C"} or has_awscrt()):
            return algorithm, checksums[algorithm]
    return None


class RangeChecksums:
    """The checksum of ``size`` bytes by ``algorithm``, whose ranges arrive one by one."""

    def __init__(self, algorithm: str, size: int) -> None:
        self.algorithm = algorithm
        self._size = size
        self._digest = hashlib.new(_DIGESTS[algorithm], usedforsecurity=False) if algorithm in _DIGESTS else None
        self._digested = 0
        self._update = _updater(algorithm)
        self._by_start: dict[int, tuple[int, int]] = {}
        self._by_stop: dict[int, int] = {}

    def begin_range(self, start: int) -> ChecksumRange:
        """Return where the bytes from ``start`` on are to be added."""
        return ChecksumRange(self, start)

    def add(self, checksum_range: ChecksumRange) -> None:
        """Combine a range that has ended with its neighbours."""
        start, stop, value = checksum_range.start, checksum_range.position, checksum_range.value
        if not checksum_range.contiguous or stop == start or start in self._by_start:
            return
        if (first := self._by_stop.pop(start, None)) is not None:
            value = self._combine(self._by_start.pop(first)[1], value, stop - start)
            start = first
        if (last := self._by_start.pop(stop, None)) is not None:
            del self._by_stop[last[0]]
            value = self._combine(value, last[1], last[0] - stop)
            stop = last[0]
        self._by_start[start] = (stop, value)
        self._by_stop[stop] = start

    def value(self) -> str | None:
        """Return the checksum in S3's form; None while bytes are missing."""
        stop, value = self._by_start.get(0, (0, 0))
        if stop != self._size:
            return None
        if self._digest is not None:
            return _base64(self._digest.digest())
        return encode_crc(self.algorithm, value)

    def update(self, data: memoryview, value: int) -> int:
        """Return the running checksum ``value`` continued by ``data``."""
        if self._digest is not None:
            self._digest.update(data)
            self._digested += len(data)
            return 0
        return self._update(data, value)

    def accepts(self, position: int) -> bool:
        """Return whether bytes at ``position`` can be added: digests only take them in order."""
        return self._digest is None or position == self._digested

    def _combine(self, first: int, second: int, length: int) -> int:
        return 0 if self._digest is not None else crc_combine(self.algorithm, first, second, length)


class ChecksumRange:
    """Bytes that follow each other from ``start`` on, as they arrive."""

    def __init__(self, checksums: RangeChecksums, start: int) -> None:
        self.start = start
        self.position = start
        self.value = 0
        self.contiguous = checksums.accepts(start)
        """True if what was added follows each other."""
        self._checksums = checksums

    def add(self, position: int, data: memoryview) -> None:
        """Add ``data``, whose first byte is at ``position``; a gap or a repetition makes the range worthless."""
        if self.contiguous and position == self.position and self._checksums.accepts(position):
            self.value = self._checksums.update(data, self.value)
            self.position += len(data)
        else:
            self.contiguous = False


def checksum_by(algorithm: str, buffers: Iterable[bytes | memoryview]) -> str | None:
    """Return the checksum of ``buffers`` in a row, in S3's form."""
    views = [memoryview(buffer).cast("B") for buffer in buffers]
    checksums = RangeChecksums(algorithm, sum(map(len, views)))
    checksum_range = checksums.begin_range(0)
    for view in views:
        checksum_range.add(checksum_range.position, view)
    checksums.add(checksum_range)
    return checksums.value()


def encode_crc(algorithm: str, value: int) -> str:
    """Return a CRC in S3's form: its bytes, the highest first, in base64."""
    return _base64(value.to_bytes(_CRCS[algorithm][0] // 8, "big"))


def crc_combine(algorithm: str, first: int, second: int, length: int) -> int:
    """Return the CRC of two blocks in a row of their CRCs; the second one has ``length`` bytes."""
    width, polynomial = _CRCS[algorithm]
    return _gf2_multiply(first, _gf2_shift(width, polynomial, length), width, polynomial) ^ second


@functools.lru_cache(maxsize=64)
def _gf2_shift(width: int, polynomial: int, length: int) -> int:
    """Return x^(8 * length) modulo the polynomial; the highest bit is x^0."""
    power, result = 1 << (width - 9), 1 << (width - 1)
    while length:
        if length & 1:
            result = _gf2_multiply(result, power, width, polynomial)
        power = _gf2_multiply(power, power, width, polynomial)
        length >>= 1
    return result


def _gf2_multiply(left: int, right: int, width: int, polynomial: int) -> int:
    product = 0
    for bit in range(width - 1, -1, -1):
        if left >> bit & 1:
            product ^= right
        right = right >> 1 ^ (polynomial if right & 1 else 0)
    return product


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode("ascii")


def _updater(algorithm: str) -> _Update:
    if algorithm in {"CRC64NVME", "CRC32C"}:
        from awscrt import checksums  # noqa: PLC0415 - heavy, optional, and needed only where it is chosen

        update: _Update = getattr(checksums, algorithm.lower())
        return update
    return zlib.crc32
