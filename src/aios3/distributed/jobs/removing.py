"""``Remove``: delete the objects of a key range."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from typing_extensions import override

from aios3._trees.removing import delete_batch, remove_tree
from aios3.distributed.jobs.base import Job
from aios3.distributed.jobs.trees import ManifestTree, source_tree

if TYPE_CHECKING:
    from aios3._session import Session
    from aios3.distributed.jobs.base import RangeCounters
    from aios3.distributed.ranges import KeyRange


@dataclass(frozen=True)
class Remove(Job):
    """Delete every object of a range, with the markers of directories, in requests for 1,000 keys.

    What is written into the range while it is worked on may be deleted too, as with :func:`aios3.remove`. In a bucket
    that keeps versions, the objects get delete markers. Keys that S3 rejects to delete are failures. Of the rows of a
    manifest, keys that name no object are failures as well, and those that were overwritten since they were looked at.
    """

    @override
    async def work(self, session: Session, key_range: KeyRange, counters: RangeCounters) -> None:
        tree = source_tree(session, key_range)
        if isinstance(tree, ManifestTree):
            await _remove_listed(tree, counters)
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
