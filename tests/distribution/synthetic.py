"""A bucket of any number of keys that are computed, not stored: directories of given sizes with numbered objects."""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from itertools import accumulate
from typing import TYPE_CHECKING

from aios3._backend import ListPage
from aios3._config import Config
from aios3._entries import StatResult
from aios3._settings import settings_of_arguments

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aios3._paths import S3Url

_PAGE = 1000
_STAT = StatResult(1, 1.0, etag="e")


class SyntheticBucket:
    """Keys ``{directory}{number:09d}`` for ``count`` numbers in each of ``sizes``; is a backend and a transport.

    ``seconds`` is how long a request takes on the loop of the test.
    """

    is_aws = False
    open_connections = 0

    def __init__(self, sizes: Sequence[tuple[str, int]], seconds: float = 0.0, step: int = 1) -> None:
        self.directories = [name for name, _ in sorted(sizes)]
        self.counts = [count for _, count in sorted(sizes)]
        self.before = [0, *accumulate(self.counts)]
        self.total = self.before[-1]
        self.requests = 0
        self._seconds = seconds
        self._step = step

    async def backend(self, _bucket: str) -> SyntheticBucket:
        return self

    def cached_backend(self, _bucket: str) -> SyntheticBucket:
        return self

    async def aclose(self) -> None:
        pass

    async def read(self):
        return settings_of_arguments(Config())

    def key(self, position: int) -> str:
        directory = bisect_right(self.before, position) - 1
        return f"{self.directories[directory]}{(position - self.before[directory]) * self._step:09d}"

    def position_after(self, key: str) -> int:
        """Return how many keys there are up to ``key``."""
        at = bisect_right(self.directories, key)
        if not at:
            return 0
        directory, count = self.directories[at - 1], self.counts[at - 1]
        if not key.startswith(directory):
            return self.before[at]
        rest = key[len(directory) :]
        low, high = 0, count
        while low < high:
            middle = (low + high) // 2
            low, high = (middle + 1, high) if f"{middle * self._step:09d}" <= rest else (low, middle)
        return self.before[at - 1] + low

    def count(self, after: str, upto: str | None) -> int:
        """Return how many keys lie in an interval."""
        return (self.total if upto is None else self.position_after(upto)) - self.position_after(after)

    async def list_objects(
        self, url: S3Url, *, delimiter: str = "", token: str | None = None, start_after: str = "", max_keys: int = _PAGE
    ) -> ListPage:
        self.requests += 1
        if self._seconds:
            await asyncio.sleep(self._seconds)
        if delimiter:
            return self._directories(url.key, token)
        start = int(token) if token else self.position_after(start_after)
        if not token and url.key:
            start = max(start, self.position_after(url.key))
        stop = min(start + max_keys, self.total)
        if url.key:
            stop = min(stop, max(start, self.position_after(url.key + "\U0010ffff")))
            last = self.position_after(url.key + "\U0010ffff")
        else:
            last = self.total
        keys = [self.key(position) for position in range(start, stop)]
        return ListPage(keys, [_STAT] * len(keys), [], str(stop) if stop < last else None)

    def _directories(self, prefix: str, token: str | None) -> ListPage:
        names = sorted(
            {
                name[: name.index("/", len(prefix)) + 1]
                for name in self.directories
                if name.startswith(prefix) and "/" in name[len(prefix) :]
            }
        )
        start = int(token or 0)
        page = names[start : start + _PAGE]
        return ListPage([], [], page, str(start + _PAGE) if start + _PAGE < len(names) else None)
