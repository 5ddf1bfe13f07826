"""Checks that a request of botocore's can be written as HTTP, and names what a header cannot hold before it is sent."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from aios3.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Protocol

    class Prepared(Protocol):
        """The attributes of botocore's request that are used before it is sent."""

        @property
        def headers(self) -> Mapping[str, str | bytes]:
            """The headers, signed."""


_BREAKS = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_OF_CREDENTIALS = frozenset({"authorization", "x-amz-security-token"})


def reject_control_characters(request: Prepared, **_kwargs: object) -> None:
    """Raise ConfigError for a header that would be more than one line; values are not shown, for some are secret.

    aiohttp would reject it as well, but as an error of the connection, which is tried again in vain.
    """
    unfit = [name for name, value in request.headers.items() if _BREAKS.search(name) or _BREAKS.search(_text(value))]
    if any(name.lower() in _OF_CREDENTIALS for name in unfit):
        message = "No header can hold the access key or the session token: there are control characters in it"
        raise ConfigError(message)
    if unfit:
        message = f"No header can hold a line break or NUL: {', '.join(map(repr, unfit))}"
        raise ConfigError(message)


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)
