"""The times of members: local time, in steps of two seconds, from 1980 to 2107."""

from __future__ import annotations

import time
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zipfile import ZipInfo

DateTime = tuple[int, int, int, int, int, int]

_FIRST: DateTime = (1980, 1, 1, 0, 0, 0)
_LAST: DateTime = (2107, 12, 31, 23, 59, 58)


def mtime_of(info: ZipInfo) -> float:
    """Return a member's time in seconds since the epoch, 0.0 where it has none that there is.

    The archive does not say in which time zone; like everybody else, this takes it for the local one.
    """
    try:
        return datetime(*info.date_time).timestamp()  # noqa: DTZ001 - as above
    except (ValueError, OverflowError, OSError):
        return 0.0


def date_time_of(mtime: float | None) -> DateTime:
    """Return what to write for ``mtime``, or for this moment; times that an archive cannot have are moved into it."""
    date_time = time.localtime(mtime)[:6]
    return min(max(date_time, _FIRST), _LAST)
