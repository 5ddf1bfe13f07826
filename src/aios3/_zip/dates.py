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
    """Return a member's time in seconds since the epoch, 0.0 for a date that does not exist.

    An archive has no time zone; the local one is assumed, as ``zipfile`` and other tools do.
    """
    try:
        return datetime(*info.date_time).timestamp()  # noqa: DTZ001 - local time, as the docstring says
    except (ValueError, OverflowError, OSError):
        return 0.0


def date_time_of(mtime: float | None) -> DateTime:
    """Return what to write for ``mtime``, or for this moment; times that an archive cannot have are moved into it."""
    date_time = time.localtime(mtime)[:6]
    return min(max(date_time, _FIRST), _LAST)
