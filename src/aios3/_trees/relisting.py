"""A second look at objects before they are deleted: which of them are still the versions that were seen."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING

from aios3._namespace.pages import ListingTasks
from aios3._trees.delete_keys import REQUESTS_AT_ONCE
from aios3._trees.removing import delete_batch
from aios3._trees.runner import for_each
from aios3.errors import ObjectChangedError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping, Sequence

    from aios3._entries import StatResult
    from aios3._trees.file_trees import S3Tree, TreeEntry
    from aios3._trees.transfer_counters import TransferCounters

    Version = tuple[int, str | None, float]


def version_of(stat: StatResult | TreeEntry) -> Version:
    """Return a value that differs between two versions of an object, in listings and in responses to HEADs."""
    return stat.size, stat.etag, stat.mtime


async def delete_if_still_listed(tree: S3Tree, seen: Mapping[str, Version], counters: TransferCounters) -> None:
    """Delete the keys of ``seen`` in ``tree`` that a listing still shows as the versions that were seen.

    The listing is taken page by page, each directly before its deletions, which have the ETags as conditions. Amazon S3
    heeds them; with a server that ignores them, what is written between a page and its deletion is lost. Keys that have
    been written to stay, and are noted in ``counters`` with ObjectChangedError; missing keys are not errors.
    """

    async def delete(keys: Sequence[str]) -> None:
        etags = {key: etag for key in keys if (etag := seen[key][1])}
        await delete_batch(tree.session, tree.root, keys, counters, etags)

    if seen:
        await for_each(_unchanged(tree, seen, counters), delete, REQUESTS_AT_ONCE)


async def _unchanged(
    tree: S3Tree, seen: Mapping[str, Version], counters: TransferCounters
) -> AsyncGenerator[Sequence[str], None]:
    async with ListingTasks(tree.session) as tasks, aclosing(tree.pages(tasks)) as listing:
        async for page in listing:
            listed = [(key, stat) for key, stat in zip(page.keys, page.stats, strict=True) if key in seen]
            for key, stat in listed:
                if version_of(stat) != seen[key]:
                    path = str(tree.root.with_key(key))
                    message = f"{path} was written to meanwhile, so it was not deleted; the newer version stays there"
                    counters.failures[path] = ObjectChangedError(message, path=path)
            if unchanged := [key for key, stat in listed if version_of(stat) == seen[key]]:
                yield unchanged
