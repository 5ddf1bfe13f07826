"""The proxy that the environment names for an address: the one that botocore would use, and never its password.

botocore takes ``HTTP_PROXY`` or ``HTTPS_PROXY``, by the scheme of the endpoint, unless ``NO_PROXY`` lists the host of
the endpoint. It ignores ``ALL_PROXY``, and so do we.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping


def proxy_for(url: str, bucket: str = "") -> str | None:
    """Return the URL of the proxy for requests to ``url``, or None; it may hold a password, see :func:`proxy_host`.

    With ``bucket`` in the host of ``url``, ``NO_PROXY`` is compared with the rest of it, which is botocore's endpoint.
    """
    proxies, host = _environment(), urlsplit(url).netloc.removeprefix(f"{bucket}.")
    if not proxies or _bypassed(host):
        return None
    return proxies.get(urlsplit(url).scheme)


def direct_reason(url: str, bucket: str = "") -> str | None:
    """Say why requests to ``url`` do not go through a proxy that the environment names; None where it names none."""
    proxies, parts = _environment(), urlsplit(url)
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    if proxy is None:
        return None
    if _bypassed(parts.netloc.removeprefix(f"{bucket}.")):
        return f"not through the proxy {proxy_host(proxy)}, because NO_PROXY lists the host"
    if parts.scheme not in proxies:
        variable = f"{parts.scheme.upper()}_PROXY"
        return f"not through the proxy {proxy_host(proxy)}: ALL_PROXY is not used, as in boto3; set {variable}"
    return None


def origin(url: str) -> str:
    """Return scheme, host and port of ``url``, and what the environment's proxy has to do with it, for a message."""
    parts, proxy = urlsplit(url), proxy_for(url)
    way = f"through the proxy {proxy_host(proxy)}" if proxy else direct_reason(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}" + (f" ({way})" if way else "")


def proxy_host(proxy: str) -> str:
    """Return host and port of a proxy's URL: what may be shown of it."""
    return (proxy.partition("//")[2] or proxy).rpartition("@")[2].split("/", 1)[0]


def _environment() -> Mapping[str, str]:
    """Return the proxies by scheme; under ``all`` that of ``ALL_PROXY``, and under ``no`` the list of ``NO_PROXY``."""
    if not any(name.lower().endswith("_proxy") for name in os.environ):
        return {}
    import urllib.request  # noqa: PLC0415 - slow to import, and rarely needed

    return urllib.request.getproxies_environment()


def _bypassed(host: str) -> bool:
    import urllib.request  # noqa: PLC0415 - slow to import

    return bool(urllib.request.proxy_bypass(host))
