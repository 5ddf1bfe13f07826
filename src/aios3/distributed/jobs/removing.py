"""``Remove``: delete the objects of a key range."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from typing_extensions import override

from aios3._backend import ObjectVersion
from aios3._trees.delete_keys import delete_versions
from aios3._trees.removing import delete_batch, remove_tree
from aios3.distributed.jobs.base import Job
from aios3.distributed.jobs.trees import ManifestTree, VersionEntry, noted_as, source_tree
from aios3.errors import ObjectNotFoundError

if TYPE_CHECKING:
    from aios3._session import Session
    from aios3._trees.file_trees import TreeEntry
    from aios3.distributed.jobs.base import RangeCounters
    from aios3.distributed.ranges import KeyRange


@dataclass(frozen=True)
class Remove(Job):
    """Delete every object of a range, with the markers of directories, in requests for 1,000 keys.

    What is written into the range while it is worked on may be deleted too, as with :func:`aios3.remove`. In a bucket
    that keeps versions, the objects get delete markers. Keys that S3 rejects to delete are failures. Of the rows of a
    manifest, keys that name no object are failures as well, and those that were overwritten since they were looked at.
    The versions that rows name, also delete markers, are deleted for good; those that are gone are skipped.
    """

    takes_versions: ClassVar[bool] = True

    @override
    async def work(self, session: Session, key_range: KeyRange, counters: RangeCounters) -> None:
        tree = source_tree(session, key_range)
        if isinstance(tree, ManifestTree):
            await _remove_listed(replace(tree, of_versions=False), counters)
            if tree.rows is not None and tree.rows.has_versions:
                await _remove_versions(replace(tree, of_versions=True, with_delete_markers=True), counters)
        else:
            await remove_tree(tree, counters.transfer)


async def _remove_listed(tree: ManifestTree, counters: RangeCounters) -> None:
    async for batch in tree.batches():
        failed = {tree.path(entry.name): entry.error for entry in batch if entry.error is not None}
        counters.transfer.failures.update(failed)
        keys = [tree.url(entry.name).key for entry in batch if entry.error is None]
        etags = {tree.url(entry.name).key: entry.etag for entry in batch if entry.etag and entry.error is None}
        if keys:
            await delete_batch(tree.session, tree.root, keys, counters.transfer, etags)
        if counters.transfer.has_too_many_failures:
            return


async def _remove_versions(tree: ManifestTree, counters: RangeCounters) -> None:
    async for batch in tree.batches():
        named: dict[ObjectVersion, TreeEntry] = {}
        for entry in batch:
            if isinstance(entry.error, ObjectNotFoundError):
                counters.transfer.skipped += 1
            elif entry.error is not None:
                counters.transfer.failures[noted_as(tree, entry, counters)] = entry.error
            elif isinstance(entry, VersionEntry):
                named[ObjectVersion(tree.url(entry.name).key, entry.version_id, 0.0)] = entry
        if named:
            failed = await delete_versions(tree.session, tree.root, list(named))
            done = [version for version in named if version not in failed]
            counters.transfer.note_deleted((tree.root.with_key(version.key) for version in done), len(done))
            for version, error in failed.items():
                counters.transfer.failures[noted_as(tree, named[version], counters)] = error
        if counters.transfer.has_too_many_failures:
            return
