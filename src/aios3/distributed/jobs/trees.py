"""The objects of a key range as a tree: what lies between two keys, or what the rows of a manifest name."""

from __future__ import annotations

from collections import Counter
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING

from aios3._backend import GetOptions
from aios3._namespace.link_targets import head
from aios3._s3_constants import MAX_KEYS
from aios3._trees.file_trees import S3Tree, TreeEntry
from aios3._trees.runner import as_async, for_each
from aios3._trees.transfer_counters import is_fatal
from aios3.distributed.manifest_rows import read_rows
from aios3.errors import InvalidPathError, S3Error, UnsupportedError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from aios3._entries import StatResult
    from aios3._paths import S3Url
    from aios3._session import Session
    from aios3._trees.transfer_counters import TransferCounters
    from aios3.distributed.jobs.base import RangeCounters
    from aios3.distributed.manifest_rows import ManifestRow
    from aios3.distributed.ranges import KeyRange, ManifestRows


@dataclass(frozen=True, slots=True)
class VersionEntry(TreeEntry):
    """One version of an object, which a row of a manifest names."""

    version_id: str = ""


def version_of(entry: TreeEntry) -> str | None:
    """Return the version that ``entry`` is of; None for the latest."""
    return entry.version_id if isinstance(entry, VersionEntry) else None


def noted_as(tree: S3Tree, entry: TreeEntry, counters: RangeCounters) -> str:
    """Return the text that the errors of ``entry`` are noted by: one for each version."""
    path, version_id = tree.path(entry.name), version_of(entry)
    if version_id is None:
        return path
    noted = f"{path} (version {version_id})"
    counters.versions[noted] = path, version_id
    return noted


@dataclass(frozen=True, slots=True)
class ManifestTree(S3Tree):
    """The objects that rows of a manifest name, in the order of the rows; each is looked at with a HEAD."""

    rows: ManifestRows | None = None
    of_versions: bool | None = None
    """True for the rows that name a version, False for the others, None for all."""
    is_each_key_once: bool = False
    """True if a key that several rows name, with other versions, is an error of each."""
    with_delete_markers: bool = False
    """True if a version may be a delete marker, which has no description."""

    async def batches(self) -> AsyncGenerator[list[TreeEntry], None]:
        """Yield the objects. A key that names none is an item with its error; so is one in another bucket."""
        assert self.rows is not None
        all_rows = await read_rows(self.session, self.rows)
        rows_of_key = Counter(row.key for row in all_rows) if self.is_each_key_once else Counter[str]()
        rows = [row for row in all_rows if self.of_versions in {None, bool(row.version_id)}]
        for start in range(0, len(rows), MAX_KEYS):
            batch = rows[start : start + MAX_KEYS]
            by_row: dict[ManifestRow, TreeEntry] = {}
            looks = partial(self._look, by_row, rows_of_key)
            await for_each(as_async(batch), looks, self.session.config.max_concurrency)
            yield [by_row[row] for row in batch]

    async def _look(self, by_row: dict[ManifestRow, TreeEntry], rows_of_key: Counter[str], row: ManifestRow) -> None:
        make = partial(VersionEntry, version_id=row.version_id) if row.version_id else TreeEntry
        name = row.key.removeprefix(self.root.prefix)
        problem = self._problem(row, rows_of_key[row.key])
        try:
            if problem is not None:
                raise problem
            stat = await self._stat(row)
        except S3Error as error:
            if self.with_delete_markers and row.version_id and error.status == HTTPStatus.METHOD_NOT_ALLOWED:
                by_row[row] = make(name)
                return
            if is_fatal(error):
                raise
            by_row[row] = make(name, error=error)
        else:
            by_row[row] = make(name, stat.size, stat.mtime, stat.etag, storage_class=stat.storage_class)

    async def _stat(self, row: ManifestRow) -> StatResult:
        """Describe an object, or one version; raise UnsupportedError if the server responds with another version."""
        url = self.root.with_key(row.key)
        if not row.version_id:
            return await head(self.session, url)
        stat = await head(self.session, url, GetOptions(row.version_id))
        if (stat.version_id or "null") != row.version_id:
            message = f"{url} is to be version {row.version_id}, and the server responds with {stat.version_id}"
            raise UnsupportedError(message, path=str(url), operation="HeadObject")
        return stat

    def _problem(self, row: ManifestRow, rows_of_key: int) -> S3Error | None:
        path = f"s3://{row.bucket}/{row.key}"
        if row.bucket != self.root.bucket or not row.key.startswith(self.root.prefix):
            message = f"The manifest {self.rows} names {path}, which is not below {self.root}"
            return InvalidPathError(message, path=path)
        if rows_of_key > 1:
            message = f"{path} is named {rows_of_key} times, with other versions, and a copy of it can be one of them"
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
