"""Two streams in key order, merged into pairs: what is on both sides, what on one only. Neither is ever held whole."""

from __future__ import annotations

from collections import deque
from contextlib import aclosing
from typing import TYPE_CHECKING

from aios3.errors import ServerError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from aios3._trees.places import Item

    Pair = tuple[Item | None, Item | None]


async def pairs(
    left: AsyncGenerator[list[Item], None], right: AsyncGenerator[list[Item], None]
) -> AsyncGenerator[list[Pair], None]:
    """Yield pairs of items of the same name, with None where a side has none, in batches and in key order.

    Raises ServerError if a side is not in order: then nothing can be called absent.
    """
    async with aclosing(left), aclosing(right):
        first, second = _Feed(left), _Feed(right)
        while True:
            await first.fill()
            await second.fill()
            if not first.items and not second.items:
                return
            yield _take(first, second)


def _take(first: _Feed, second: _Feed) -> list[Pair]:
    """Take pairs until a side that may have more has run out."""
    taken: list[Pair] = []
    while (first.items or first.ended) and (second.items or second.ended) and (first.items or second.items):
        ours = first.items[0].name if first.items else None
        theirs = second.items[0].name if second.items else None
        take_ours = theirs is None or (ours is not None and ours <= theirs)
        take_theirs = ours is None or (theirs is not None and theirs <= ours)
        taken.append((first.items.popleft() if take_ours else None, second.items.popleft() if take_theirs else None))
    return taken


class _Feed:
    def __init__(self, source: AsyncGenerator[list[Item], None]) -> None:
        self.items: deque[Item] = deque()
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
