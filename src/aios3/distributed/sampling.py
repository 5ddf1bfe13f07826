"""Cut a key space into parts of about equal size without listing it: directories first, then probes where it is dense.

A probe is one page of keys after a bound. How fast its keys go by says how many keys follow up to the next bound. The
part with the most expected keys is probed again in its middle, so an estimate that is too high is corrected first. One
that is too low stays. Therefore the directories of the first levels are bounds from the start. An estimate is believed
once a probe at the end of the part has found that its keys go on to there.
"""

from __future__ import annotations

import asyncio
import itertools
import math
from collections import deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from aios3._namespace.directory_bounds import DELIMITER
from aios3._namespace.key_interval import not_in_key_order, sendable_bound
from aios3._namespace.listing_plan import trim_page
from aios3._namespace.pages import gather
from aios3._namespace.split_points import KeySample, estimate_rest, in_key_order, sort_key, sort_names, split_points

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aios3._backend import ListPage
    from aios3._calls import ObjectBackend
    from aios3._paths import S3Url
    from aios3._session import Session

_PROBES_PER_RANGE = 64
"""The most probes; 7 to 30 are usual."""
_MIN_RANGES = 256
"""Fewer ranges are estimated as if there were this many: a part of many directories is known by its first only."""
_PARTS_PER_RANGE = 4
"""Parts that a range is made of at least, so that ranges differ by less than half where the estimates are right."""
_BOUNDS_PER_RANGE = 4
"""Directories for each range that are bounds from the start, at most; each costs a probe."""
_NEAR = 1.25
"""A key counts as found at once if it is at most this many times as far away as the bound of the probe."""


@dataclass(frozen=True, slots=True)
class _Part:
    """The keys after ``lower`` up to ``upper``, of which the first page is known."""

    lower: str
    upper: str | None
    names: Sequence[str]
    is_whole: bool
    """True if that page has all keys of the part."""
    overshot: bool = False
    """True if the last probe in it found nothing, so that the end is nearer than its names suggest."""
    confirmed: bool = False
    """True if its keys go on to its end: a probe there has found the next ones at once."""
    pages: float = 0.0
    """Pages that follow the known one, if its names go on as they begin."""
    middle: str | None = None

    @property
    def leaves_directory(self) -> bool:
        """Return whether the part goes on after the directory of its first names, which say nothing of the others."""
        first, last = (name.split(DELIMITER)[:-1] for name in (self.names[0], self.names[-1]))
        same = itertools.takewhile(lambda pair: pair[0] == pair[1], zip(first, last, strict=False))
        directory = DELIMITER.join(segment for segment, _ in same)
        return self.upper is not None and not self.upper.startswith(directory)

    @property
    def most_keys(self) -> float:
        """The keys that there are if the names go on as they begin; 0 for a part that is not to be probed again."""
        return 0.0 if self.middle is None else len(self.names) * (1 + self.pages)

    @property
    def keys(self) -> float:
        """The expected number of keys; without a confirmation, in the middle of the orders of magnitude."""
        return len(self.names) * (1 + (self.pages if self.confirmed else math.sqrt(self.pages)))


async def sampled_bounds(session: Session, root: S3Url, n: int) -> tuple[list[str], list[int]]:
    """Return bounds that cut ``root`` into about ``n`` parts, and how many keys each part is expected to have."""
    probe = _Prober(await session.backend(root), root, session.config.max_concurrency)
    estimated = 1 if n == 1 else max(n, _MIN_RANGES)
    bounds = await probe.survey(estimated) if n > 1 else []
    parts = await probe.parts(["", *bounds], [*bounds, None])
    remaining = _PROBES_PER_RANGE * estimated if n > 1 else 0
    while remaining > 0:
        largest = _largest(parts, estimated, min(probe.width, remaining))
        if not largest:
            break
        remaining -= len(largest)
        halves = await gather(probe.halve(part) for part in largest)
        replaced = dict(zip(map(id, largest), halves, strict=True))
        parts = [half for part in parts for half in replaced.get(id(part), (part,))]
    return _grouped(parts, n)


def _largest(parts: Sequence[_Part], n: int, most: int) -> list[_Part]:
    """Return the parts that are too large for one of ``n`` ranges, the largest first."""
    limit = sum(part.keys for part in parts) / (n * _PARTS_PER_RANGE)
    too_large = [part for part in parts if part.most_keys > limit]
    return sorted(too_large, key=lambda part: part.most_keys, reverse=True)[:most]


def _grouped(parts: Sequence[_Part], n: int) -> tuple[list[str], list[int]]:
    """Join neighbouring parts into up to ``n`` groups of about as many keys; return the bounds, and keys by group."""
    keys_left, groups_left = sum(part.keys for part in parts), n
    bounds: list[str] = []
    counts: list[float] = [0.0]
    for part, following in zip(parts, [*parts[1:], None], strict=True):
        counts[-1] += part.keys
        if part.upper is None or following is None or groups_left == 1:
            continue
        share = keys_left / groups_left
        if counts[-1] + following.keys / 2 >= share:
            bounds.append(part.upper)
            keys_left -= counts[-1]
            groups_left -= 1
            counts.append(0.0)
    return bounds, [round(count) for count in counts]


class _Prober:
    """The requests of one estimate."""

    def __init__(self, backend: ObjectBackend, root: S3Url, width: int) -> None:
        self.width = width
        self._backend = backend
        self._root = root
        self._slots = asyncio.Semaphore(width)

    async def _list(self, url: S3Url, *, after: str = "", delimiter: str = "", token: str | None = None) -> ListPage:
        async with self._slots:
            start_after = "" if token else sendable_bound(after)
            page = await self._backend.list_objects(url, delimiter=delimiter, token=token, start_after=start_after)
        if not (in_key_order(page.keys) and in_key_order(page.prefixes)):
            raise not_in_key_order(url)
        return page

    async def survey(self, count: int) -> list[str]:
        """Return up to a few times ``count`` directories in key order, from the first level that has enough."""
        listed: list[str] = []
        pending: deque[str] = deque([self._root.key])
        while pending and len(listed) + len(pending) <= count:
            level = [pending.popleft() for _ in range(min(len(pending), self.width))]
            listed += level
            for directories in await gather(self._directories(each, count) for each in level):
                pending.extend(directories)
        names = sort_names({*listed, *pending} - {self._root.key})
        return names[:: -(-len(names) // (_BOUNDS_PER_RANGE * count)) or 1]

    async def _directories(self, prefix: str, count: int) -> list[str]:
        page = await self._list(self._root.with_key(prefix), delimiter=DELIMITER)
        if page.token is None or not page.prefixes:
            return list(page.prefixes)
        sample = KeySample(page.prefixes)
        pages, _ = estimate_rest(sample, prefix, None)
        most = _BOUNDS_PER_RANGE * count
        return [
            *page.prefixes[:: max(1, round(len(page.prefixes) * pages / most))],
            *split_points(sample, prefix, None, pages=max(1, round(pages / most)), most=most, delimiter=DELIMITER),
        ]

    async def parts(self, lower: Sequence[str], upper: Sequence[str | None]) -> list[_Part]:
        return await gather(self._probe(*bounds) for bounds in zip(lower, upper, strict=True))

    async def _probe(self, lower: str, upper: str | None) -> _Part:
        page = await self._list(self._root, after=lower)
        inside = [key for key in trim_page(page, upper).keys if sort_key(key) > sort_key(lower)]
        is_whole = page.token is None or (bool(page.keys) and len(trim_page(page, upper).keys) < len(page.keys))
        return self._estimated(_Part(lower, upper, inside, is_whole))

    def _estimated(self, part: _Part) -> _Part:
        if part.is_whole or not part.names:
            return replace(part, pages=0.0, middle=None)
        pages, middle = estimate_rest(KeySample(part.names), self._root.key, part.upper, geometric=part.overshot)
        return replace(part, pages=pages, middle=middle)

    async def halve(self, part: _Part) -> list[_Part]:
        """Return the two halves of ``part``, the second of which may have no keys."""
        assert part.middle is not None
        second = await self._probe(part.middle, part.upper)
        goes_on = self._goes_on(part, second)
        first = self._estimated(replace(part, upper=part.middle, overshot=not goes_on, confirmed=goes_on))
        return [first, replace(second, confirmed=part.confirmed)]

    def _goes_on(self, part: _Part, second: _Part) -> bool:
        """Return whether the keys of ``part`` go on to its middle, at the rate at which they begin."""
        if not second.names:
            return False
        sample = KeySample(part.names)
        to_middle, _ = estimate_rest(sample, self._root.key, part.middle)
        to_key, _ = estimate_rest(sample, self._root.key, second.names[0])
        return not part.leaves_directory and to_key <= _NEAR * to_middle + 1
