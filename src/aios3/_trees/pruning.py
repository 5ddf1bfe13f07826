"""Removes names that only the target has, at the end, and only if the source is proven to lack them.

The proof has three parts. Everything of the source was read. The source is the same at the end as at the beginning.
Only files that were compared are removed. Each failure leaves something that should have gone, and none the other way
round.
"""

from __future__ import annotations

import os
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from aios3._s3_constants import MAX_KEYS
from aios3._threads import in_thread, made_in_thread
from aios3._trees.beneath import unlink_seen
from aios3._trees.file_trees import LocalTree, S3Tree
from aios3._trees.relisting import delete_if_still_listed, version_of
from aios3._trees.uploading import require_something
from aios3.errors import FileChangedError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator, Sequence

    from aios3._trees.file_trees import TreeEntry
    from aios3._trees.transfer import Tree
    from aios3._trees.transfer_counters import TransferCounters


class Anchor:
    """A local directory that has to stay in its place; it is kept open, so that no other one can get its number."""

    def __init__(self, root: str) -> None:
        self._root = root
        self._descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY) if hasattr(os, "O_DIRECTORY") else None
        self._seen = os.stat(root) if self._descriptor is None else os.fstat(self._descriptor)

    def check(self) -> None:
        """Raise FileChangedError if there is another directory now, or none."""
        try:
            now = os.stat(self._root)
        except OSError as error:
            message = f"{self._root} cannot be looked at any more ({error.strerror}), so nothing was deleted"
            raise FileChangedError(message, path=self._root) from error
        if (now.st_dev, now.st_ino) != (self._seen.st_dev, self._seen.st_ino):
            message = f"Another directory has taken the place of {self._root} while it was read; nothing was deleted"
            raise FileChangedError(message, path=self._root)

    def close(self) -> None:
        """Let the directory go. Safe to repeat."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)


@asynccontextmanager
async def pruning(source: Tree, target: Tree, counters: TransferCounters, *, dry_run: bool) -> AsyncGenerator[Pruning]:
    """Remember where the source is now, and let it go at the end."""
    anchor = None
    if isinstance(source, LocalTree):
        anchor = await made_in_thread(partial(Anchor, source.root), Anchor.close)
    try:
        yield Pruning(source, target, counters, anchor, dry_run)
    finally:
        if anchor is not None:
            anchor.close()


@dataclass(slots=True)
class Pruning:
    """The removal of what only the target has."""

    source: Tree
    target: Tree
    counters: TransferCounters
    anchor: Anchor | None
    dry_run: bool
    extra: list[TreeEntry] = field(default_factory=list)

    def note(self, item: TreeEntry) -> None:
        """Take note of what only the target has. Markers of directories stay: a local directory has none to compare."""
        if not (item.is_marker and isinstance(self.target, S3Tree)):
            self.extra.append(item)

    async def run(self, *, source_exists: bool) -> None:
        """Remove it all, unless something has failed before, or the source is not what it was; errors are noted.

        ``source_exists`` says whether something must be in the source, also if that is a whole bucket.
        """
        if self.counters.failures or not self.extra:
            return
        with self.counters.collecting(str(self.source.root)):
            await self._check_source(source_exists=source_exists)
        if self.counters.failures:
            return
        if self.dry_run:
            self.counters.plan_deletions([self.target.path(item.name) for item in self.extra])
        elif isinstance(self.target, S3Tree):
            seen = {self.target.url(item.name).key: version_of(item) for item in self.extra}
            await delete_if_still_listed(self.target, seen, self.counters)
        else:
            for batch in _batches(self.extra):
                deleted: list[str] = []
                try:
                    await in_thread(_unlink, self.target, batch, self.counters, deleted)
                finally:
                    self.counters.note_deleted(deleted, len(deleted))

    async def _check_source(self, *, source_exists: bool) -> None:
        """Raise unless the source is there, and has none of what is to be removed, also if that came meanwhile."""
        source = self.source
        if isinstance(source, S3Tree):
            await require_something(source.session, source.root, also_bucket=source_exists)
            return
        assert self.anchor is not None
        for batch in _batches(self.extra):
            await in_thread(_check_absent, source, batch)
        await in_thread(self.anchor.check)


def _batches(items: Sequence[TreeEntry]) -> Iterator[Sequence[TreeEntry]]:
    return (items[start : start + MAX_KEYS] for start in range(0, len(items), MAX_KEYS))


def _check_absent(source: LocalTree, items: Sequence[TreeEntry]) -> None:
    """Raise FileChangedError if a file is there that was not when its directory was listed."""
    for item in items:
        if source.has(item.name):
            path = source.path(item.name)
            message = f"{path} was not there when its directory was read, and is there now; nothing was deleted"
            raise FileChangedError(message, path=path)


def _unlink(target: LocalTree, items: Sequence[TreeEntry], counters: TransferCounters, deleted: list[str]) -> None:
    """Remove local files that are still those that were seen, and the directories that are empty then.

    Note their paths in ``deleted``.
    """
    for item in items:
        path = target.path(item.name)
        with counters.collecting(path):
            if item.identity is None:
                assert item.error is not None
                raise item.error
            unlink_seen(target.root, item.name, item.identity)
            deleted.append(path)
