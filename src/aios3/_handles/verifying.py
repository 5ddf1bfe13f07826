"""Checks that the bytes of a whole object are the ones that were stored, by the checksum that S3 reports.

S3 reports it beside a body that is the whole object. For an object that is read in several ranges a HEAD asks for it,
side by side with the last range. It is sent where the server has such checksums: at Amazon, where one has been seen,
and where the settings name an algorithm. What only reads a part of an object is never delayed, and never costs more.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

from aios3._engine.range_checksums import RangeChecksums, checksum_by, has_awscrt, pick_checksum
from aios3._logs import get_logger
from aios3.errors import ChecksumMismatchError, S3Error

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from aios3._backend import GetOptions, ObjectBody
    from aios3._engine.range_checksums import ChecksumRange
    from aios3._paths import S3Url
    from aios3._session import Session

    Ask = Callable[[], Awaitable[Mapping[str, str]]]

T = TypeVar("T")

_log = get_logger("aios3.checksums")


class Verification:
    """The checksum of one version of one object, while its bytes arrive in ranges.

    ``expected`` is what S3 says; None: ``ask()`` will say, once the object turns out to be read as a whole.
    """

    def __init__(self, url: S3Url, size: int, algorithm: str, expected: str | None, ask: Ask) -> None:
        self._url = url
        self._size = size
        self._algorithm = algorithm
        self._expected = expected
        self._ask = ask
        self._checksum_head: asyncio.Task[Mapping[str, str]] | None = None
        self._start()

    def _start(self) -> None:
        self._sums = RangeChecksums(self._algorithm, self._size)
        self._requested_bytes = 0
        self._computed: str | None = None
        self._is_wrong = False
        self._is_over = False

    def reset(self) -> None:
        """Begin anew: all bytes will be received once more."""
        self._start()

    def begin_range(self, start: int, stop: int) -> ChecksumRange | None:
        """Return where the bytes of a range are to be added; None if nothing is to be compared (any more).

        Raises ChecksumMismatchError if the object is known to be wrong.
        """
        if self._is_wrong:
            raise self._mismatch()
        if self._is_over:
            return None
        self._requested_bytes += stop - start
        return self._sums.begin_range(start)

    def start_checksum_head(self) -> asyncio.Task[Mapping[str, str]] | None:
        """Ask for the checksum in a task, which the caller ends, if what was started makes up the whole object."""
        if (
            self._expected is not None
            or self._checksum_head is not None
            or self._requested_bytes < self._size
            or self._is_over
        ):
            return None
        self._checksum_head = asyncio.create_task(self._head_checksums(), name=f"aios3 checksum {self._url}")
        return self._checksum_head

    def is_complete(self, checksum_range: ChecksumRange) -> bool:
        """Keep the checksum of a range that has ended; return whether the object is whole now."""
        self._sums.add(checksum_range)
        self._computed = self._sums.value()
        return self._computed is not None

    async def verify(self) -> None:
        """Compare the whole. Raises ChecksumMismatchError."""
        self._is_over = True
        if self._expected is None and self._checksum_head is not None:
            await asyncio.wait({self._checksum_head})
            if not self._checksum_head.cancelled():
                self._expected = self._checksum_head.result().get(self._algorithm)
        if self._expected not in {None, self._computed}:
            self._is_wrong = True
            raise self._mismatch()

    async def _head_checksums(self) -> Mapping[str, str]:
        try:
            return await self._ask()
        except S3Error as error:
            _log.debug("%s is not compared with its checksum, which cannot be asked for: %s", self._url, error)
            return {}

    def _mismatch(self) -> ChecksumMismatchError:
        return mismatch(self._url, self._algorithm, self._computed, self._expected)


def verification_of(
    session: Session, url: S3Url, options: GetOptions, body: ObjectBody, *, may_ask: bool
) -> Verification | None:
    """Return the verification of the object that ``body`` starts; None without one.

    ``may_ask``: the server keeps checksums, so a HEAD can ask for one that is missing in the response.
    """
    if not session.checksums_at(url).verify or not body.size:
        return None

    async def ask() -> Mapping[str, str]:
        backend = await session.backend(url)
        checksums = (await backend.head_object(url, options)).checksums
        _remember_algorithm(session, pick_checksum(checksums))
        return checksums

    reported = pick_checksum(body.checksums)
    if reported is not None:
        _remember_algorithm(session, reported)
        return Verification(url, body.size, *reported, ask)
    if not may_ask or is_one_request(session, body):
        return None
    return Verification(url, body.size, _likely_algorithm(session, url), None, ask)


def is_one_request(session: Session, body: ObjectBody) -> bool:
    """Return True for an object of one request: its checksum comes with its bytes, or not at all."""
    return body.size <= session.config.request_size


def _remember_algorithm(session: Session, reported: tuple[str, str] | None) -> None:
    if reported is not None and not reported[0].startswith("SHA"):  # a digest cannot be made of ranges
        session.observed_checksum = reported[0]


async def has_checksums(session: Session, url: S3Url) -> bool:
    """Return True if the server is known to keep checksums of the objects at ``url``."""
    if session.checksums_at(url).mode not in {"auto", "off"} or session.observed_checksum is not None:
        return True
    return (await session.backend(url)).is_aws


def _likely_algorithm(session: Session, url: S3Url) -> str:
    named = {"crc32": "CRC32", "crc64nvme": "CRC64NVME"}.get(session.checksums_at(url).mode)
    return session.observed_checksum or named or ("CRC64NVME" if has_awscrt() else "CRC32")


def check_whole(url: S3Url, data: bytes, checksums: Mapping[str, str]) -> None:
    """Raise ChecksumMismatchError unless ``data``, a whole object, has the checksum that S3 reports of it."""
    reported = pick_checksum(checksums)
    if reported is None:
        return
    algorithm, expected = reported
    computed = checksum_by(algorithm, [data])
    if computed != expected:
        raise mismatch(url, algorithm, computed, expected)


def mismatch(url: S3Url, algorithm: str, computed: str | None, expected: str | None) -> ChecksumMismatchError:
    """Build the error for bytes that are not the ones that were stored."""
    message = (
        f"GetObject {url}: the bytes that came have the checksum {algorithm}:{computed}, and S3 says {expected}; "
        "something on the way changes them"
    )
    return ChecksumMismatchError(message, path=str(url), operation="GetObject")


async def retry_on_mismatch(read: Callable[[], Awaitable[T]]) -> T:
    """Return what ``read`` returns; if the bytes were wrong, it is called a second time."""
    try:
        return await read()
    except ChecksumMismatchError as error:
        log_reread(error)
    return await read()


def log_reread(error: ChecksumMismatchError) -> None:
    """Log that bytes were wrong, and that they are read a second time."""
    _log.warning("%s; it is read once more", error)
