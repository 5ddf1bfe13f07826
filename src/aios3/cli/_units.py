"""Sizes, ages and dates as users type and read them."""

from __future__ import annotations

import argparse
import re
import time
from datetime import UTC, datetime, timedelta


class UnitError(argparse.ArgumentTypeError, ValueError):
    """Raised for a text that cannot be read as a size, age or time; a parser of arguments shows the message."""


_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGTPE]?)(iB|B)?", re.IGNORECASE)
_AGE = re.compile(r"(\d+(?:\.\d+)?)(s|m|h|d|w)")
_PREFIXES = "KMGTPE"
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_DECIMAL, _BINARY = 1000, 1024
_MAX_SIZE = 50 * 1024**4
"""S3's limit for an object, in bytes ("CopyObject", Amazon S3 API reference)."""


def parse_size(text: str) -> int:
    """Return the bytes of ``10``, ``10K``, ``10KiB`` (1024 each) or ``10KB`` (1000 each); raise UnitError otherwise."""
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        message = f"{text!r} is not a size; write 4096, 64K, 10M, 1.5GiB (units of 1024) or 10MB (units of 1000)"
        raise UnitError(message)
    number, prefix, suffix = match.groups()
    base = _DECIMAL if prefix and suffix and suffix.upper() == "B" else _BINARY
    power = _PREFIXES.index(prefix.upper()) + 1 if prefix else 0
    size = float(number) * float(base**power)
    if size > _MAX_SIZE:
        message = f"{text!r} is more than S3 can hold; the largest object has 50T"
        raise UnitError(message)
    return round(size)


def parse_count(text: str) -> int:
    """Return a number from 1 on; raise UnitError otherwise."""
    if not text.isdecimal() or not int(text):
        message = f"{text!r} is not a number from 1 on"
        raise UnitError(message)
    return int(text)


def parse_number(text: str) -> int:
    """Return a number from 0 on; raise UnitError otherwise, as for ``+5``, which ``tail`` of the shell counts from."""
    if not text.isdecimal():
        message = f"{text!r} is not a number from 0 on"
        raise UnitError(message)
    return int(text)


def format_size(size: int) -> str:
    """Return a size of at most five characters and its unit: ``999 B``, ``1.5 KiB``, ``20.0 GiB``."""
    if size < _BINARY:
        return f"{size} B"
    value = float(size)
    for prefix in _PREFIXES:
        value /= _BINARY
        if value < _BINARY - 0.05 or prefix == _PREFIXES[-1]:  # 1023.96 would be shown as 1024.0
            return f"{value:.1f} {prefix}iB"
    raise AssertionError


def parse_time(text: str) -> float:
    """Return the seconds since 1970 of ``2026-11-30``, ``2026-11-30T12:00:00Z``, or of an age such as ``7d``.

    A date without a zone is in UTC. Raise UnitError for anything else.
    """
    age = _AGE.fullmatch(text.strip())
    if age is not None:
        return time.time() - float(age[1]) * _SECONDS[age[2]]
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        message = f"{text!r} is not a time; write an age (90s, 30m, 12h, 7d, 2w), a date, or 2026-11-30T12:00:00Z"
        raise UnitError(message) from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def http_date(text: str) -> str:
    """Return a date or time of ISO 8601 as HTTP writes it (RFC 9110, 5.6.7), and any other text as it is."""
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        return text
    utc = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    return f"{_DAYS[utc.weekday()]}, {utc.day:02} {_MONTHS[utc.month - 1]} {utc:%Y %H:%M:%S} GMT"


def parse_age(text: str) -> timedelta:
    """Return ``90s``, ``30m``, ``12h``, ``7d`` or ``2w`` as a duration; raise UnitError otherwise."""
    age = _AGE.fullmatch(text.strip())
    if age is None:
        message = f"{text!r} is not an age; write 90s, 30m, 12h, 7d or 2w"
        raise UnitError(message)
    return timedelta(seconds=float(age[1]) * _SECONDS[age[2]])


def format_time(seconds: float) -> str:
    """Return a time in UTC to the second, as ISO 8601 has it: ``2026-11-30T12:00:00Z``."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def format_seconds(seconds: float) -> str:
    """Return a duration for people: ``950 ms``, ``12.3 s``, ``2:05``, ``1:02:03``."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < _SECONDS["m"]:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
