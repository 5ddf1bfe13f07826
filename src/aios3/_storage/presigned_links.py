"""Permissions of a link, in the words of S3's signed requests. No I/O."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Literal, get_args
from urllib.parse import quote

from aios3.errors import ConfigError

if TYPE_CHECKING:
    from aios3._objects.presigning import PresignMethod

LinkOperation = Literal["download", "upload", "remove"]

_METHODS: dict[str, PresignMethod] = {"download": "GET", "upload": "PUT", "remove": "DELETE"}
_NAMES = {
    "download": {"content_type": "ResponseContentType", "content_encoding": "ResponseContentEncoding"},
    "upload": {"content_type": "ContentType", "content_encoding": "ContentEncoding"},
    "remove": {},
}


def method_of(operation: LinkOperation) -> PresignMethod:
    """Return the method of the request that a link allows; raise ConfigError for another operation."""
    if operation not in _METHODS:
        message = f"operation must be one of {', '.join(map(repr, get_args(LinkOperation)))}, not {operation!r}"
        raise ConfigError(message)
    return _METHODS[operation]


def parameters_of(
    operation: LinkOperation, output_path: str | None, content_type: str | None, content_encoding: str | None
) -> dict[str, str]:
    """Return the parameters of the request; raise ConfigError for one that the operation cannot have."""
    values = {"content_type": content_type, "content_encoding": content_encoding}
    allowed = {name: value for name, value in values.items() if value}
    unknown = [
        *allowed.keys() - _NAMES[operation],
        *(["output_path"] if output_path and operation != "download" else []),
    ]
    if unknown:
        message = f"A link to {operation} has no {', '.join(sorted(unknown))}"
        raise ConfigError(message)
    parameters = {_NAMES[operation][name]: value for name, value in allowed.items()}
    return parameters | ({"ResponseContentDisposition": _attachment(output_path)} if output_path else {})


def _attachment(name: str) -> str:
    """Say that a response is to be saved as ``name``, as RFC 6266 does for any characters and for old readers."""
    plain = "".join(character if " " <= character <= "~" and character not in '"\\%' else "_" for character in name)
    is_plain = plain == name == name.strip() and name[0] != "<"  # some readers take "<" and ">" around it off
    extended = "" if is_plain else f"; filename*=UTF-8''{quote(name, safe='')}"
    return f'attachment; filename="{plain}"{extended}'


def seconds_until(expire: datetime | timedelta | int, now: datetime) -> int:
    """Return how long a link is to be good, in whole seconds.

    Raises ConfigError for a moment in the past or without a time zone.
    """
    if isinstance(expire, datetime):
        if expire.tzinfo is None:
            message = (
                f"expire needs a time zone: {expire!r} is another moment in each of them; datetime.now(UTC) has one"
            )
            raise ConfigError(message)
        expire = expire - now
    seconds = expire // timedelta(seconds=1) if isinstance(expire, timedelta) else expire
    if seconds < 1:
        message = "expire lies in the past, or less than a second ahead"
        raise ConfigError(message)
    return seconds


def now() -> datetime:
    """Return the present moment."""
    return datetime.now(UTC)
