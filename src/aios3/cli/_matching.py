"""Matches of patterns in S3, for commands that change them."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING

import aios3
from aios3._namespace.link_targets import head_or_none
from aios3.errors import InvalidPathError, PathIsDirectoryError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from aios3.cli._app import App


async def require_unambiguous(pattern: str, session: aios3.Session) -> None:
    """Raise InvalidPathError if there is an object whose key is the pattern itself: either could be meant."""
    url = aios3.S3Url.parse(pattern)
    if url.key and not url.names_directory and await head_or_none(session, url) is not None:
        message = f"{pattern} is an object, and a pattern as well; --raw names the object, and [*] stands for a '*'"
        raise InvalidPathError(message, path=pattern)


async def matches(
    app: App, pattern: str, session: aios3.Session, *, directories: bool
) -> AsyncGenerator[aios3.FileEntry, None]:
    """Yield the objects that a pattern matches; with ``directories`` these as well, and nothing below them.

    Without it, a note says which directories were left out, unless ``**`` has looked into them. Raises
    ObjectNotFoundError if nothing matches, PathIsDirectoryError if only directories do.
    """
    above: str | None = None
    seen, left_out = False, ""
    async with aclosing(aios3.glob_stat(pattern, missing_ok=False, session=session)) as entries:
        async for entry in entries:
            if above is not None and entry.path.startswith(above):
                continue
            if entry.is_dir() and not directories:
                left_out = left_out or entry.path
                continue
            if entry.is_dir():
                above = f"{entry.path.removesuffix('/')}/"
            seen = True
            yield entry
    if left_out and not seen:
        message = f"{pattern} matches directories only; -r takes them with all that is below"
        raise PathIsDirectoryError(message, path=left_out)
    if left_out and "**" not in pattern:
        app.output.note(f"{left_out} is a directory, and was left out, as others may be; -r takes them")
