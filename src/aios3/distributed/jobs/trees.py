"""The objects of a key range as a tree: what lies between two keys, or what the rows of a manifest name."""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from aios3._namespace.link_targets import head
from aios3._s3_constants import MAX_KEYS
from aios3._trees.file_trees import S3Tree, TreeEntry
from aios3._trees.runner import as_async, for_each
from aios3._trees.transfer_counters import is_fatal
from aios3.distributed.manifest_rows import read_rows
from aios3.errors import InvalidPathError, S3Error, UnsupportedError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from aios3._paths import S3Url
    from aios3._session import Session
    from aios3._trees.transfer_counters import TransferCounters
    from aios3.distributed.manifest_rows import ManifestRow
    from aios3.distributed.ranges import KeyRange, ManifestRows


@dataclass(frozen=True, slots=True)
class ManifestTree(S3Tree):
    """The objects that rows of a manifest name, in the order of the rows; each is looked at with a HEAD."""

    rows: ManifestRows | None = None

    async def batches(self) -> AsyncGenerator[list[TreeEntry], None]:
        """Yield the objects. A key that names none is an item with its error; so is one in another bucket."""
        assert self.rows is not None
        rows = await read_rows(self.session, self.rows)
        for start in range(0, len(rows), MAX_KEYS):
            batch = rows[start : start + MAX_KEYS]
            by_row: dict[ManifestRow, TreeEntry] = {}
            looks = partial(self._look, by_row)
            await for_each(as_async(batch), looks, self.session.config.max_concurrency)
            yield [by_row[row] for row in batch]

    async def _look(self, by_row: dict[ManifestRow, TreeEntry], row: ManifestRow) -> None:
        name = row.key.removeprefix(self.root.prefix)
        problem = self._problem(row)
        try:
            if problem is not None:
                raise problem
            stat = await head(self.session, self.root.with_key(row.key))
        except S3Error as error:
            if is_fatal(error):
                raise
            by_row[row] = TreeEntry(name, error=error)
        else:
            by_row[row] = TreeEntry(name, stat.size, stat.mtime, stat.etag, storage_class=stat.storage_class)

    def _problem(self, row: ManifestRow) -> S3Error | None:
        path = f"s3://{row.bucket}/{row.key}"
        if row.bucket != self.root.bucket or not row.key.startswith(self.root.prefix):
            message = f"The manifest {self.rows} names {path}, which is not below {self.root}"
            return InvalidPathError(message, path=path)
        if row.version_id:
            message = f"{path} is to be the version {row.version_id}; a range works on the latest versions only"
            return UnsupportedError(message, path=path)
        return None


def source_tree(session: Session, key_range: KeyRange) -> S3Tree:
    """Return the objects of ``key_range``, with the markers of directories."""
    if key_range.rows is not None:
        return ManifestTree(session, key_range.root, with_markers=True, rows=key_range.rows)
    return S3Tree(session, key_range.root, with_markers=True, after=key_range.after, upto=key_range.upto)


def counterpart(session: Session, key_range: KeyRange, root: S3Url) -> S3Tree:
    """Return the same interval of names below ``root``."""
    cut = len(key_range.root.prefix)
    after = root.prefix + key_range.after[cut:] if key_range.after else ""
    upto = None if key_range.upto is None else root.prefix + key_range.upto[cut:]
    return S3Tree(session, root, with_markers=True, after=after, upto=upto)


async def entries(tree: S3Tree, counters: TransferCounters) -> AsyncGenerator[TreeEntry, None]:
    """Yield the objects of ``tree`` without the empty markers of directories, until too much has failed."""
    async with aclosing(tree.batches()) as batches:
        async for batch in batches:
            for entry in batch:
                if counters.has_too_many_failures:
                    return
                if entry.size or not entry.is_marker:
                    yield entry
