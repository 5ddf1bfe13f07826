"""``Measure``: how many objects a key range has, and how large they are."""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from typing_extensions import override

from aios3.distributed.jobs.base import Job
from aios3.distributed.jobs.trees import entries, noted_as, source_tree

if TYPE_CHECKING:
    from aios3._session import Session
    from aios3.distributed.jobs.base import RangeCounters
    from aios3.distributed.ranges import KeyRange


@dataclass(frozen=True)
class Measure(Job):
    """Count the objects of a range, and add up their bytes, from the listing alone.

    The counts are ``processed`` and ``bytes``. Empty markers of directories are left out, as in :func:`aios3.scan`.
    """

    takes_versions: ClassVar[bool] = True

    @override
    async def work(self, session: Session, key_range: KeyRange, counters: RangeCounters) -> None:
        tree = source_tree(session, key_range)
        async with aclosing(entries(tree, counters.transfer)) as listed:
            async for entry in listed:
                with counters.transfer.collecting(noted_as(tree, entry, counters)):
                    if entry.error is not None:
                        raise entry.error
                    counters.processed += 1
                    counters.transfer.bytes += entry.size
