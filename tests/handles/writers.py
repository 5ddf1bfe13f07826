"""Every file that writes, opened by one function."""

from __future__ import annotations

from fake_s3 import URL

import aios3

_WAYS = {
    "prefetch": ("wb", {}),
    "append": ("ab", {}),
    "pipe": ("wb", {"buffering": "pipe"}),
    "pipe without joining": ("wb", {"buffering": "pipe", "join": False}),
    "limited": ("wb", {"buffering": "limited"}),
    "memory": ("wb", {"buffering": "memory"}),
    "disk": ("wb", {"buffering": "disk"}),
    "disk rb+": ("rb+", {"buffering": "disk"}),
    "text": ("w", {"encoding": "utf-16"}),
    "text over pipe": ("w", {"encoding": "utf-16", "buffering": "pipe"}),
    "text over limited": ("w", {"encoding": "utf-16", "buffering": "limited"}),
    "text over memory": ("w", {"encoding": "utf-16", "buffering": "memory"}),
    "text over disk": ("w", {"encoding": "utf-16", "buffering": "disk"}),
}
TEXT = tuple(kind for kind in _WAYS if kind.startswith("text"))
BINARY = (*(kind for kind in _WAYS if kind not in TEXT), "storage")


async def opened(kind: str, session: aios3.Session):
    """Open the object of all tests in the way ``kind``."""
    if kind == "storage":
        return await aios3.Storage("s3://bucket", session=session).open(URL.key, "wb")
    mode, options = _WAYS[kind]
    return await aios3.aopen(URL, mode, session=session, **options)


def close_of(file):
    """Return what closes a file."""
    return file.close if hasattr(file, "close") else file.aclose
