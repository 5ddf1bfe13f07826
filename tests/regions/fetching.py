"""A browser, as far as these tests need one."""

from __future__ import annotations

import ssl
import urllib.error
import urllib.request
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from servers.amazon import Amazon


def fetched(url: str, amazon: Amazon) -> tuple[int, bytes | None]:
    """Return the status of the response of ``url``, and its body if it is not rejected."""
    context = ssl.create_default_context(cafile=amazon.authority)
    try:
        with urllib.request.urlopen(url, context=context) as response:
            return response.status, response.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, None
