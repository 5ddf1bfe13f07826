"""Servers that want all parts of an upload but the last to have one size, as Cloudflare R2 does."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from aios3.errors import UnsupportedError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aios3._paths import S3Url
    from aios3._session import Session
    from aios3.errors import S3Error

_EQUAL_PARTS_HOSTS = (".r2.cloudflarestorage.com",)
_INVALID_PART = "InvalidPart"


async def requires_equal_parts(session: Session, url: S3Url) -> bool:
    """Return whether the server of ``url`` is known to reject parts of different sizes."""
    if (url.profile, url.bucket) in session.equal_part_buckets:
        return True
    host = urlsplit((await session.address(url)).url).hostname or ""
    return f".{host}".endswith(_EQUAL_PARTS_HOSTS)


def is_unequal_parts_error(error: UnsupportedError) -> bool:
    """Return whether :func:`raise_if_sizes_rejected` has raised this."""
    return error.code == _INVALID_PART


def raise_if_sizes_rejected(session: Session, url: S3Url, sizes: Sequence[int], error: S3Error) -> None:
    """Remember a server that has rejected parts of different sizes, and raise that it has."""
    if error.code != _INVALID_PART or (len(set(sizes[:-1])) < 2 and sizes[-1] <= sizes[0]):  # noqa: PLR2004
        return
    session.equal_part_buckets.add((url.profile, url.bucket))
    message = (
        f"{url}: the server has rejected parts of different sizes, as Cloudflare R2 does, so nothing was published; "
        "this session now sends parts of one size to that bucket, so try again"
    )
    raise UnsupportedError(message, path=str(url), code=error.code, status=error.status) from error
