"""MD5 as S3 uses it: of a body, and of the MD5s of an upload's parts. FIPS mode allows it, as it protects nothing."""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def md5_hex(buffers: Iterable[bytes | memoryview]) -> str:
    """Return the MD5 of ``buffers`` joined, in hexadecimal digits: the ETag of an object sent in one request."""
    digest = hashlib.md5(usedforsecurity=False)
    for buffer in buffers:
        digest.update(buffer)
    return digest.hexdigest()


def md5_base64(data: bytes) -> str:
    """Return the MD5 of ``data`` as the header Content-MD5 has it (RFC 1864)."""
    return base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode("ascii")


def multipart_etag(digests: Iterable[bytes]) -> str:
    """Return the ETag that S3 gives to an object whose parts have these MD5s."""
    parts = list(digests)
    return f"{md5_hex(parts)}-{len(parts)}"
