"""Running checksums of data as it is written: CRC64NVME through awscrt, CRC32 through zlib.

Both are linear, so that S3 can combine the parts' checksums to the whole object's (checksum type FULL_OBJECT).
"""

from __future__ import annotations

import base64
import importlib.util
import zlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

from aios3._backend import Checksum
from aios3.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from aios3._config import ChecksumMode

Algorithm = Literal["CRC64NVME", "CRC32"]
_Update = Callable[[bytes | memoryview, int], int]

_SIZE_BYTES: dict[Algorithm, int] = {"CRC64NVME": 8, "CRC32": 4}


def choose_algorithm(mode: ChecksumMode, *, at_amazon: bool) -> Algorithm | None:
    """Choose the algorithm for ``mode``; None sends no checksum.

    Raises ConfigError if CRC64NVME is asked for by name and awscrt is not installed.
    """
    if mode == "off" or (mode == "auto" and not at_amazon):
        return None
    if mode == "crc32":
        return "CRC32"
    has_awscrt = importlib.util.find_spec("awscrt") is not None
    if mode == "crc64nvme" and not has_awscrt:
        message = "checksums='crc64nvme' needs awscrt; install aios3[crt], or use checksums='crc32'"
        raise ConfigError(message)
    return "CRC64NVME" if has_awscrt else "CRC32"


class RunningChecksum:
    """The checksum of all that was added so far."""

    def __init__(self, algorithm: Algorithm) -> None:
        self.algorithm = algorithm
        self._update = _updater(algorithm)
        self._crc = 0

    def add(self, data: bytes | memoryview) -> None:
        """Add ``data`` behind what was added before."""
        self._crc = self._update(data, self._crc)

    def value(self) -> Checksum:
        """Return the checksum in S3's form."""
        raw = self._crc.to_bytes(_SIZE_BYTES[self.algorithm], "big")
        return Checksum(self.algorithm, base64.b64encode(raw).decode("ascii"))


def checksum_of(pieces: Iterable[bytes | memoryview], algorithm: Algorithm | None) -> Checksum | None:
    """Return the checksum of ``pieces`` in a row, or None where no algorithm is chosen."""
    if algorithm is None:
        return None
    running = RunningChecksum(algorithm)
    for piece in pieces:
        running.add(piece)
    return running.value()


def _updater(algorithm: Algorithm) -> _Update:
    if algorithm == "CRC32":
        return zlib.crc32
    from awscrt import checksums  # noqa: PLC0415 - heavy, optional, and needed only where it is chosen

    update: _Update = checksums.crc64nvme
    return update
