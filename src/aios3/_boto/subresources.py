"""Rejects the response of a server that ignores ``?tagging`` and the like, and sends the object itself.

rclone does. aiobotocore would read the whole object into memory, and then take it for an error 500.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aios3.errors import UnsupportedError

if TYPE_CHECKING:
    from collections.abc import Mapping

_SUBRESOURCES = frozenset({"acl", "attributes", "legal-hold", "retention", "tagging", "uploadId"})
"""Those of an object that S3 describes in XML, without an ETag in the response's headers."""
_OK = 200


def check_subresource(method: str, query: Mapping[str, str], response: Any) -> None:  # noqa: ANN401 - aiohttp's
    """Close ``response`` and raise UnsupportedError if it is the object instead of what ``query`` asks for."""
    if method != "GET" or response.status != _OK or "ETag" not in response.headers:
        return
    subresources = _SUBRESOURCES.intersection(query)
    if subresources:
        response.close()
        message = f"the server ignores ?{min(subresources)} and sent the object itself"
        raise UnsupportedError(message)
