"""The second half of a move between a disk and S3, or two servers: a source goes once it has been copied."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from aios3._entries import StatResult
from aios3._handles.conditional_delete import delete_unchanged
from aios3._objects.object_lookup import head_or_raise
from aios3._paths import S3Url
from aios3._threads import in_thread
from aios3._trees.beneath import unlink_seen
from aios3._trees.file_trees import TreeEntry, identity_of

if TYPE_CHECKING:
    from aios3._session import Session
    from aios3._trees.transfer import AfterCopy


def removing_sources(session: Session, root: str | None = None) -> AfterCopy:
    """Return what deletes a source that has been copied, if it is still the one that was described before.

    Entries of a local tree are named relative to its ``root``. Raises FileChangedError or ObjectChangedError, and
    deletes nothing, for a source that was written to meanwhile.
    """

    async def remove(source: S3Url | str, item: TreeEntry | None) -> None:
        assert item is not None
        if isinstance(source, S3Url):
            await delete_unchanged(session, source, StatResult(item.size, item.mtime, etag=item.etag))
            return
        assert item.identity is not None
        if root is None:
            await in_thread(unlink_seen, os.path.dirname(source) or os.curdir, os.path.basename(source), item.identity)
        else:
            await in_thread(unlink_seen, root, item.name, item.identity)

    return remove


async def describe_source(session: Session, source: S3Url | str) -> TreeEntry:
    """Describe one file or object; raise ObjectNotFoundError, PathIsDirectoryError, or what the system says."""
    if isinstance(source, str):
        return await in_thread(_describe_file, source)
    stat = await head_or_raise(session, source)
    return TreeEntry(source.name, stat.size, stat.mtime, stat.etag, storage_class=stat.storage_class)


def _describe_file(path: str) -> TreeEntry:
    stat = os.stat(path)
    return TreeEntry(os.path.basename(path), stat.st_size, stat.st_mtime, identity=identity_of(os.lstat(path)))
