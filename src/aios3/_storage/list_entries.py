"""Names below a prefix, and the details that a listing has of them. No I/O."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from aios3._paths import S3Url
from aios3.errors import InvalidPathError

if TYPE_CHECKING:
    from aios3._entries import StatResult


@dataclass(frozen=True, slots=True)
class ListEntry:
    """One file of a storage: its name there, when it was written, and its size in bytes."""

    name: str
    last_modified: datetime
    """With the time zone UTC."""
    size: int


def entry_of(name: str, stat: StatResult) -> ListEntry:
    """Return the details of a file that a listing has given."""
    return ListEntry(name, datetime.fromtimestamp(stat.mtime, UTC), stat.size)


def child_url(root: S3Url, name: str) -> S3Url:
    """Return the path of what is called ``name`` below ``root``; every character of it stays, also ``..`` and ``//``.

    Raises InvalidPathError for what no key can be.
    """
    if not isinstance(name, str):
        message = f"A name in {root} is a str, not {type(name).__name__}"
        raise InvalidPathError(message)
    return S3Url.parse(f"{root.with_key('')}/{root.prefix}{name}")
