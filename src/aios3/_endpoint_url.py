"""Syntax of an endpoint from any source: invalid ones are rejected at once, with their source, without a password."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from aios3.errors import ConfigError

if TYPE_CHECKING:
    from urllib.parse import SplitResult

AMAZON_DOMAINS = (
    ".amazonaws.com",
    ".api.aws",
    ".amazonaws.com.cn",
    ".api.amazonwebservices.com.cn",
    ".amazonaws.eu",
    ".api.amazonwebservices.eu",
    ".c2s.ic.gov",
    ".api.aws.ic.gov",
    ".sc2s.sgov.gov",
    ".api.aws.scloud",
    ".cloud.adc-e.uk",
    ".api.cloud-aws.adc-e.uk",
    ".csp.hci.ic.gov",
    ".api.aws.hci.ic.gov",
)
"""The domains of Amazon's partitions, as botocore's ``partitions.json`` has them."""

_LABEL = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)")
_IPV6 = re.compile(r"[0-9A-Fa-f:.]+")
_MAX_HOST = 255
_PATH = re.compile(r"[A-Za-z0-9._~/-]*")
"""Characters that need no escapes: botocore escapes all others once more, also where they are escapes already."""


def check_endpoint(url: str, source: str) -> None:
    """Raise ConfigError unless ``url`` is an address that requests can go to; ``source`` is where it was set."""
    shown = re.split(r"[?#]", url)[0]  # what follows may be a secret, and would end up in logs
    if not url.startswith(("http://", "https://")):
        detail = "" if "@" in url else f", not {shown!r}"
        message = f"{source} must begin with 'http://' or 'https://'{detail}"
        raise ConfigError(message)
    if "@" in re.split(r"[/?#\\]", url, maxsplit=3)[2]:
        message = f"{source} must have no user name and password in it; S3 takes them as credentials"
        raise ConfigError(message)
    fault = _fault(url)
    if fault is not None:
        message = (
            f"{source} must be the address of a server, such as 'https://s3.example.com:9000': {fault} ({shown!r})"
        )
        raise ConfigError(message)


def _fault(url: str) -> str | None:
    """Say what is wrong with an address that has a scheme and no password; None if nothing is."""
    if not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        return "it has characters that no URL has"
    if "?" in url or "#" in url:
        return "it has a query or a fragment, which requests to S3 have themselves"
    try:
        parts = urlsplit(url)
    except ValueError:
        return "its host is none"
    return _fault_of_host(parts) or _fault_of_path(parts.path)


def _fault_of_host(parts: SplitResult) -> str | None:
    host = (parts.hostname or "").removesuffix(".")
    if not _is_host(host, in_brackets="[" in parts.netloc):
        return f"{host!r} is no host" if host else "it names no host"
    try:
        port = parts.port
    except ValueError:
        port = 0
    if port == 0 or parts.netloc.endswith(":"):
        return "its port is no number from 1 to 65535"
    return None


def _is_host(host: str, *, in_brackets: bool) -> bool:
    if in_brackets:
        return ":" in host and _IPV6.fullmatch(host) is not None
    return 0 < len(host) <= _MAX_HOST and all(_LABEL.fullmatch(label) for label in host.split("."))


def _fault_of_path(path: str) -> str | None:
    if "%" in path:
        return "percent escapes in its path would be escaped once more in some requests"
    if not _PATH.fullmatch(path) or "//" in path or {".", ".."} & set(path.split("/")):
        return "its path may hold letters, digits, '-', '.', '_', '~' and '/' only, and no empty or dotted segments"
    return None
