"""Closing of a session: it stops running work and releases resources, in a bounded time."""

from __future__ import annotations

import asyncio
import contextlib
import math
import sys
import threading
from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from itertools import zip_longest
from typing import TYPE_CHECKING, Protocol
from weakref import WeakSet

from aios3._engine.tasks import OwnedTasks, ShieldedTask
from aios3._logs import get_logger

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Coroutine, Iterable, Iterator

    from aios3._config import Config
    from aios3._engine.memory_budget import MemoryBudget
    from aios3._engine.retry_policy import RetryPolicy
    from aios3._observe import Observer
    from aios3._paths import S3Url

    Work = Callable[[], Coroutine[object, object, object]]
    AsyncGeneratorHook = Callable[[AsyncGenerator[object, object]], None]

MAX_HURRIED_SECONDS = 5.0
"""How long closing still takes once its caller has been cancelled."""
_LAST_SECONDS = 5.0
"""How long it waits for connections, and for verbs whose requests have been stopped to give their memory back."""
_STOPPED_SECONDS = 1.0
"""How long it waits for what it has stopped because the time was over. Whatever ignores that is left alone."""

_log = get_logger("aios3.session")


class SessionOwned(Protocol):
    """An open file, which a session closes before its connections."""

    async def release(self) -> None:
        """Give everything back; publish nothing."""


class Connected(Protocol):
    """Connections, which a session closes last."""

    async def aclose(self) -> None:
        """Close all connections."""


@dataclass(frozen=True, slots=True)
class SessionResources:
    """Resources that one session holds until it ends."""

    budget: MemoryBudget
    policy: RetryPolicy
    observer: Observer
    tasks: OwnedTasks = field(default_factory=OwnedTasks)
    """Tasks that outlive the calls that have started them."""
    promised: OwnedTasks = field(default_factory=OwnedTasks)
    """Tasks that callers rely on, such as the end of a pipe that was closed with ``join=False``."""
    owned: WeakSet[SessionOwned] = field(default_factory=WeakSet)
    """Open files, which may be forgotten."""
    uploads: dict[str, S3Url] = field(default_factory=dict)
    """The multipart uploads that are open, by their ids."""
    transports: dict[str | None, Connected] = field(default_factory=dict)


def seconds_to_close(config: Config) -> float:
    """Return the longest time (s) that uploads under way may take at the end: one response, and one more to abort."""
    first_byte = config.read_timeout if config.first_byte_timeout is None else config.first_byte_timeout
    return 2 * (config.connect_timeout + max(first_byte, config.read_timeout))


class SessionCloser:
    """One session's end: started once, awaited by all who close it, and hurried by one who is cancelled meanwhile."""

    def __init__(
        self, holdings: SessionResources, seconds: float, abort: Callable[[S3Url, str], Coroutine[object, object, None]]
    ) -> None:
        self._holdings = holdings
        self._seconds = seconds
        self._abort = abort
        self._clock = asyncio.get_running_loop().time
        self._end = math.inf
        self._hurried: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        self._failures: list[Exception] = []

    def hurry(self) -> None:
        """Have the end come within ``MAX_HURRIED_SECONDS``, whatever is not done by then."""
        self._within(MAX_HURRIED_SECONDS)
        if not self._hurried.done():
            self._hurried.set_result(None)

    async def run(self) -> None:
        """Give everything back. What the server has not confirmed in time is named in the log."""
        resources = self._holdings
        await self._release()
        await self._wait(resources.promised)
        self._within(self._seconds)
        resources.policy.calls.close()
        resources.budget.close()
        await self._release()  # what was opened while the others were released
        await self._settle([resources.policy.calls.wait_idle])  # a part that arrives after an abort would stay
        await self._wait(resources.tasks)
        await self._abort_uploads()
        await self._settle([resources.policy.calls.wait_idle])  # verbs that have just been stopped abort their own
        await resources.observer.hook_tasks.aclose()  # before the connections are closed, which it may use

    async def disconnect(self) -> None:
        """Close all connections, which ends the bodies that verbs still read, and wait until all memory is released.

        Raises errors of that release.
        """
        held = self._holdings
        held.policy.close()
        self._end = self._clock() + _LAST_SECONDS
        await self._settle([transport.aclose for transport in held.transports.values()])
        await self._settle([held.budget.wait_free, held.policy.calls.wait_idle])
        await held.observer.hook_tasks.aclose()  # bodies that were left open have just ended
        if self._failures:
            raise self._failures[0]

    def _within(self, seconds: float) -> None:
        self._end = min(self._end, self._clock() + seconds)

    async def _release(self) -> None:
        await self._settle([handle.release for handle in list(self._holdings.owned)])

    async def _abort_uploads(self) -> None:
        uploads = list(self._holdings.uploads.items())
        tasks = await self._settle([partial(self._abort, url, upload_id) for upload_id, url in uploads])
        for (upload_id, url), task in zip_longest(uploads, tasks):
            if task is None or not task.done() or task.cancelled():
                _log.warning(
                    "The upload %s of %s is still open and may cost space: no response in time", upload_id, url
                )

    async def _settle(self, works: Iterable[Work]) -> list[asyncio.Task[object]]:
        """Await all ``works`` side by side, as long as there is time; note what they raise. Return their tasks."""
        if self._end <= self._clock():
            return []
        tasks = OwnedTasks()
        started = [tasks.start(work(), name="aios3 end of a session", shielded=True) for work in works]
        await self._wait(tasks)
        ended = [task for task in started if task.done() and not task.cancelled()]
        self._failures += [error for task in ended if isinstance(error := task.exception(), Exception)]
        return started

    async def _wait(self, tasks: OwnedTasks) -> None:
        """Wait until ``tasks`` have ended; stop those that have not when the time is over."""
        while (running := tasks.running) and (remaining := self._end - self._clock()) > 0:
            waiting = running if self._hurried.done() else [*running, self._hurried]
            timeout = remaining if remaining < math.inf else None
            await asyncio.wait(waiting, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        late = tasks.running
        for task in late:
            if isinstance(task, ShieldedTask):
                task.stop()
            else:
                task.cancel()
        if late:
            await asyncio.wait(late, timeout=_STOPPED_SECONDS)


_unseen: Counter[int] = Counter()
_hooks: dict[int, AsyncGeneratorHook] = {}
"""By thread: how many sessions end because their loop shuts down, and the hook that is put back after the last one."""


@contextlib.contextmanager
def untracked_generators() -> Iterator[None]:
    """Start async generators without the loop's knowledge: a loop that shuts down warns of each.

    aiobotocore makes one for every request, and uploads are still aborted then.
    """
    thread, hook = threading.get_ident(), sys.get_asyncgen_hooks().firstiter
    if hook is not None:
        _hooks[thread] = hook
        sys.set_asyncgen_hooks(firstiter=None)
    _unseen[thread] += 1
    try:
        yield
    finally:
        _unseen[thread] -= 1
        if not _unseen[thread]:
            del _unseen[thread]
            sys.set_asyncgen_hooks(firstiter=_hooks.pop(thread, None))
