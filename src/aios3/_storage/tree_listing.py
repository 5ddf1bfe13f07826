"""The objects below a prefix as names in it, a page at a time; markers of directories are left out."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING

from aios3._namespace import scan_stat
from aios3._namespace.pages import pages
from aios3._storage.list_entries import child_url
from aios3.errors import BucketNotFoundError, ObjectNotFoundError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from aios3._entries import StatResult
    from aios3._namespace.pages import ListingTasks
    from aios3._paths import S3Url
    from aios3._session import Session


async def list_prefix(
    tasks: ListingTasks, root: S3Url, prefix: str
) -> AsyncGenerator[list[tuple[str, StatResult]], None]:
    """Yield the files in ``root`` whose names begin with ``prefix``, wherever in a name it ends."""
    cut = len(root.prefix)
    async with aclosing(pages(tasks, child_url(root, prefix))) as listing:
        async for page in listing:
            entries = zip(page.keys, page.stats, strict=True)
            yield [(key[cut:], stat) for key, stat in entries if not key.endswith("/")]


async def list_tree(
    session: Session, root: S3Url, name: str, *, missing_ok: bool = True
) -> AsyncGenerator[tuple[str, StatResult], None]:
    """Yield the file ``name`` in ``root``, then everything in the directory ``name``; all of ``root`` for ``""``.

    Raises ObjectNotFoundError if there is nothing and not ``missing_ok``; BucketNotFoundError in any case.
    """
    url = child_url(root, name) if name else root.with_key(root.prefix)
    cut = len(f"{root.with_key('')}/{root.prefix}")
    try:
        async with aclosing(scan_stat(url, missing_ok=False, session=session)) as entries:
            async for entry in entries:
                yield entry.path[cut:], entry.stat
    except ObjectNotFoundError as error:
        if not missing_ok or isinstance(error, BucketNotFoundError):
            raise
