"""``Map``: call the user's own function with every object of a range."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable  # noqa: TC003 - the type of a field of a public dataclass
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Literal, cast

from typing_extensions import override

import aios3.sync
from aios3._handles.opening import aopen
from aios3._trees.runner import for_each
from aios3.distributed.jobs.base import Job
from aios3.distributed.jobs.trees import entries, source_tree
from aios3.errors import ConfigError

if TYPE_CHECKING:
    from aios3._paths import S3Url
    from aios3._session import Session
    from aios3._trees.file_trees import S3Tree, TreeEntry
    from aios3.distributed.jobs.base import RangeCounters
    from aios3.distributed.ranges import KeyRange

Gives = Literal["path", "file"]
"""The argument of the function of a :class:`Map`."""


@dataclass(frozen=True)
class Map(Job):
    """Call ``function`` with every object of a range, ``concurrency`` at once.

    With ``gives="path"`` its argument is the object's path, a text. With ``gives="file"`` it is the object, open for
    binary reading. An async function gets an :func:`aios3.aopen` file, any other one a file of :mod:`aios3.sync`.
    Functions that are not async run in threads of the worker. Results of functions are dropped, so that a run needs no
    memory for them; let the function write its result to S3.

    What the function raises is a failure of that object, and the others go on. A range may be done more than once, so
    the function should give the same result the second time.
    """

    function: Callable[..., object]
    gives: Gives = "path"
    concurrency: int = 16

    def __post_init__(self) -> None:
        super().__post_init__()
        if not callable(self.function):
            message = f"Map takes a function, not {self.function!r}"
            raise ConfigError(message)
        if self.gives not in {"path", "file"}:
            message = f"gives must be 'path' or 'file', not {self.gives!r}"
            raise ConfigError(message)
        concurrency: object = self.concurrency
        if not isinstance(concurrency, int) or concurrency < 1:
            message = f"concurrency must be a whole number of at least 1, not {self.concurrency!r}"
            raise ConfigError(message)

    @override
    async def work(self, session: Session, key_range: KeyRange, counters: RangeCounters) -> None:
        tree = source_tree(session, key_range)
        listed = entries(tree, counters.transfer)
        await for_each(listed, partial(self._call, tree, counters), self.concurrency)

    async def _call(self, tree: S3Tree, counters: RangeCounters, entry: TreeEntry) -> None:
        url = tree.url(entry.name)
        error: Exception | None = entry.error
        if error is None:
            try:
                await self._apply(tree.session, url)
            except Exception as raised:  # noqa: BLE001 - the function is the user's; its errors are reported by key
                error = raised
        if error is not None:
            counters.transfer.failures[str(url)] = error
            return
        counters.processed += 1
        counters.transfer.bytes += entry.size if self.gives == "file" else 0

    async def _apply(self, session: Session, url: S3Url) -> None:
        call = self.function
        if inspect.iscoroutinefunction(call) or inspect.iscoroutinefunction(getattr(call, "__call__", None)):  # noqa: B004 - whether that is async
            function = cast("Callable[[object], Awaitable[object]]", call)
            if self.gives == "path":
                await function(str(url))
                return
            async with aopen(url, session=session) as file:
                await function(file)
        elif self.gives == "path":
            await asyncio.to_thread(call, str(url))
        else:
            await asyncio.to_thread(self._call_with_file, session, url)

    def _call_with_file(self, session: Session, url: S3Url) -> None:
        with aios3.sync.open(url, "rb", session=session) as file:
            self.function(file)
