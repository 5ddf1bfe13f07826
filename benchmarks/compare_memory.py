"""The memory of ``sync`` and ``cmp`` over two trees of many keys: ``compare_memory.py --keys 10000000``.

The pages of both listings are made in this process, so that nothing but the comparison is measured. One key in a
thousand is on one side only. Exits with 1 above 150 MB.
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import sys
import time
from typing import TYPE_CHECKING

import aios3
from aios3._trees.file_trees import S3Tree, TreeEntry
from aios3._trees.progress_reporter import ProgressReporter
from aios3._trees.syncing import SyncRule
from aios3._trees.transfer import FileCopier, TreeTransfer
from aios3._trees.transfer_counters import TransferCounters

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

MAX_MB = 150
PAGE = 1000


class Listed(S3Tree):
    """A tree whose pages nobody sends: ``skipped`` is the key of each thousand that it has not."""

    keys = 0
    skipped = 0

    async def batches(self) -> AsyncGenerator[list[TreeEntry], None]:
        """Yield the pages."""
        for start in range(0, self.keys, PAGE):
            await asyncio.sleep(0)
            numbers = (number for number in range(start, start + PAGE) if number - start != self.skipped)
            yield [TreeEntry(f"data/{number:010}", number, 1.0, f"{number:032x}") for number in numbers]


class Target(Listed):
    """The other side."""

    skipped = 1


async def compare(keys: int) -> None:
    """Sync one tree with the other, as a dry run that only counts."""
    Listed.keys = keys
    async with aios3.Session(credentials="anonymous", endpoint_url="http://127.0.0.1:9") as session:
        source = Listed(session, aios3.S3Url("a", ""))
        target = Target(session, aios3.S3Url("b", ""))
        counters = TransferCounters(lambda _action: None)
        copier = FileCopier(session, ProgressReporter(), counters)
        rule = SyncRule(dry_run=True)
        extra = 0

        def note(_entry: TreeEntry) -> None:
            nonlocal extra
            extra += 1

        transfer = TreeTransfer(
            source, target, copier, rule.copy_filter(source, target), looks_at_target=True, dry_run=True
        )
        await transfer.run(note)
        assert counters.skipped == keys - 2 * keys // PAGE, counters.skipped
        assert extra == keys // PAGE, extra


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keys", type=int, default=10_000_000)
    keys = parser.parse_args().keys // PAGE * PAGE
    started = time.perf_counter()
    asyncio.run(compare(keys))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{keys:,} keys on each side: {peak:.0f} MB, {time.perf_counter() - started:.0f} s")
    return int(peak > MAX_MB)


if __name__ == "__main__":
    sys.exit(main())
