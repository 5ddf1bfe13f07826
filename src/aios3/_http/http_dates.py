"""Times as S3 writes them, in heads (RFC 7231) and in documents (ISO 8601), made into seconds since the epoch."""

from __future__ import annotations

import functools
import re
from datetime import UTC, datetime

_HTTP = re.compile(r"[A-Z][a-z]{2}, ([0-9]{2}) ([A-Z][a-z]{2}) ([0-9]{4}) ([0-9]{2}):([0-9]{2}):([0-9]{2}) GMT")
_MONTHS = {
    name: number
    for number, name in enumerate(
        ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"), start=1
    )
}


@functools.lru_cache(maxsize=1024)
def parse_time(text: str) -> float:
    """Return the time that ``text`` says, in seconds since the epoch; one without a zone is in UTC.

    Raises ValueError for a text that is not a time.
    """
    match = _HTTP.fullmatch(text)
    if match and match[2] in _MONTHS:
        day, year, hour, minute, second = map(int, match.group(1, 3, 4, 5, 6))
        return datetime(year, _MONTHS[match[2]], day, hour, minute, second, tzinfo=UTC).timestamp()
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = _unusual(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _unusual(text: str) -> datetime:
    """Read the other forms that HTTP and mail have had, with other zones, names and orders."""
    from email.utils import parsedate_to_datetime  # noqa: PLC0415 - slow to import, and hardly ever needed

    try:
        return parsedate_to_datetime(text)
    except (TypeError, IndexError, OverflowError) as error:
        message = f"no time: {text!r}"
        raise ValueError(message) from error
