"""The time by the clock of one profile's servers: they reject signatures of another time.

S3 takes signatures of the last and the next 15 minutes ("RequestTimeTooSkewed", Amazon S3 API reference). Its response
to a HEAD says 403 and no more; then the header ``Date`` shows if the clock was the reason. No I/O here.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from aios3._rejections import has_no_code

if TYPE_CHECKING:
    from aios3.errors import S3Error

_TAKEN_SECONDS = 14 * 60
"""A signature that is off by less is not rejected for it: S3's 15 minutes, and one for the way."""
_FORBIDDEN = 403


class Clock:
    """This machine's clock, set by what servers say; both backends of a profile share it."""

    def __init__(self) -> None:
        self.clock_skew: float = 0.0
        """Seconds by which the servers' clock is ahead of this machine's."""

    def now(self) -> float:
        """Return the servers' time, in seconds since the epoch."""
        return time.time() + self.clock_skew

    def learn(self, rejection: S3Error, date: str | None, signed_at: float) -> bool:
        """Set the clock by the header ``Date`` of a ``rejection``, if that was for the time of the signature.

        ``signed_at`` is that time. Returns True if the same request may succeed when it is signed again.
        """
        is_named = rejection.code == "RequestTimeTooSkewed"
        if not is_named and not (has_no_code(rejection) and rejection.status == _FORBIDDEN):
            return False
        server_time = _seconds_of(date)
        if server_time is None or not (is_named or abs(server_time - signed_at) > _TAKEN_SECONDS):
            return False
        self.clock_skew += server_time - self.now()
        return True


def _seconds_of(date: str | None) -> float | None:
    from email.utils import parsedate_to_datetime  # noqa: PLC0415 - slow to import, and hardly ever needed

    try:
        return parsedate_to_datetime(date or "").timestamp()
    except ValueError:
        return None
