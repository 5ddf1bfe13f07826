"""The plain URL of an object, as browsers and HTTP clients take it."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from aios3._paths import S3Url
    from aios3._session import Session


async def compute_url(session: Session, url: S3Url) -> str:
    """Return where the object ``url`` is asked for, every character of its key kept; nothing is sent."""
    address = await session.address(url)
    return f"{address.url.removesuffix('/')}/{quote(url.key, safe='/~')}"
