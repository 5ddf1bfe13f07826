"""Two streams in key order, merged into pairs: what is on both sides, what on one only. Neither is ever held whole."""

from __future__ import annotations

from collections import deque
from contextlib import aclosing
from typing import TYPE_CHECKING

from aios3.errors import ServerError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from aios3._trees.file_trees import TreeEntry

    Pair = tuple[TreeEntry | None, TreeEntry | None]


async def merge_by_name(
    left: AsyncGenerator[list[TreeEntry], None], right: AsyncGenerator[list[TreeEntry], None]
) -> AsyncGenerator[list[Pair], None]:
    """Yield pairs of items of the same name, with None where a side has none, in batches and in key order.

    Raises ServerError if a side is not in order: then nothing can be called absent.
    """
    async with aclosing(left), aclosing(right):
        first, second = _PeekableBatches(left), _PeekableBatches(right)
        while True:
            await first.fill()
            await second.fill()
            if not first.items and not second.items:
                return
            yield _take(first, second)


def _take(first: _PeekableBatches, second: _PeekableBatches) -> list[Pair]:
    """Take pairs until a side that may have more has run out."""
    merged: list[Pair] = []
    while (first.items or first.ended) and (second.items or second.ended) and (first.items or second.items):
        left_name = first.items[0].name if first.items else None
        right_name = second.items[0].name if second.items else None
        take_left = right_name is None or (left_name is not None and left_name <= right_name)
        take_right = left_name is None or (right_name is not None and right_name <= left_name)
        merged.append((first.items.popleft() if take_left else None, second.items.popleft() if take_right else None))
    return merged


class _PeekableBatches:
    def __init__(self, source: AsyncGenerator[list[TreeEntry], None]) -> None:
        self.items: deque[TreeEntry] = deque()
        self.ended = False
        self._source = source
        self._last = ""

    async def fill(self) -> None:
        while not self.items and not self.ended:
            batch = await anext(self._source, None)
            if batch is None:
                self.ended = True
                return
            for item in batch:
                if item.name < self._last:
                    message = f"A listing has {item.name!r} behind {self._last!r}: it is not in key order"
                    raise ServerError(message, path=item.name)
                self._last = item.name
            self.items.extend(batch)
