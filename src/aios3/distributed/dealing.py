"""Which range is worked on when: far ones side by side, few at once, and again where a worker has died."""

from __future__ import annotations

from collections import Counter, deque
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, CancelledError, wait
from typing import TYPE_CHECKING, Protocol, TypeVar, cast

from aios3.distributed.reports import failed_report
from aios3.errors import ServerError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from concurrent.futures import Future

    from aios3.distributed.ranges import KeyRange
    from aios3.distributed.reports import Report

    Task = Callable[[KeyRange], Report | None]

T = TypeVar("T")

_CRASHES_TOGETHER = 2
"""Deaths of workers after which the ranges that were under way are done one by one, to find the one that kills."""


_MAX_DEATHS_IN_A_ROW = 10
"""Deaths without a finished range after which the cause is more than single ranges."""


class Submitter(Protocol):
    """An object that takes work: an executor of :mod:`concurrent.futures`, or anything else with ``submit``."""

    def submit(self, fn: Callable[[KeyRange], Report | None], key_range: KeyRange, /) -> Future[Report | None]:
        """Start ``fn(key_range)`` somewhere."""


def dealt(ranges: Sequence[T], width: int) -> list[T]:
    """Return ``ranges`` in an order in which ``width`` that follow each other are far apart.

    S3 serves neighbouring keys from one partition, which rejects requests beyond some thousands a second.
    """
    if not ranges:
        return []
    rows = -(-len(ranges) // max(1, width))
    return [each for start in range(rows) for each in ranges[start::rows]]


def raise_if_closed(closing: Future[None]) -> None:
    """Raise CancelledError if another thread has closed the run."""
    if closing.done():
        message = "The run was closed by another thread"
        raise CancelledError(message)


class WindowedWork:
    """Ranges in the hands of an executor, at most ``window`` at once."""

    def __init__(
        self,
        executor: Submitter,
        task: Task,
        window: int,
        *,
        closing: Future[None],
        restart: Callable[[], None] | None = None,
    ) -> None:
        self._executor = executor
        self._task = task
        self._window = window
        self._closing = closing
        """Has a result once another thread has closed the run."""
        self._restart = restart
        """Makes the executor usable again after a worker has died; None if nothing does."""
        self._pending: deque[KeyRange] = deque()
        self._suspects: deque[KeyRange] = deque()
        """Ranges that were under way when workers have died, to be done one by one."""
        self._crashes: Counter[str] = Counter()
        self._running: dict[Future[Report | None], KeyRange] = {}
        self._deaths_in_a_row = 0

    def reports(self, ranges: Sequence[KeyRange]) -> Iterator[tuple[KeyRange, Report | None]]:
        """Yield each range with its report as it is ready; None for one that another coordinator works on.

        Raises BrokenExecutor if workers die one after the other and none finishes a range, and where the executor was
        given and has broken. Raises CancelledError once the run is closed.
        """
        self._pending.extend(ranges)
        while self._pending or self._suspects or self._running:
            is_broken = self._submit()
            finished = set(self._running) if is_broken else self._wait()
            lost: list[KeyRange] = []
            for future in finished:
                key_range = self._running.pop(future)
                outcome = self._outcome(future, key_range)
                if isinstance(outcome, BrokenExecutor):
                    lost.append(key_range)
                else:
                    self._deaths_in_a_row = 0
                    yield key_range, outcome
            if is_broken or lost:
                yield from self._recover(lost)

    def _wait(self) -> set[Future[Report | None]]:
        """Return futures that are ready, at least one; raise CancelledError once the run is closed."""
        wait(cast("list[Future[object]]", [*self._running, self._closing]), return_when=FIRST_COMPLETED)
        raise_if_closed(self._closing)
        return {future for future in self._running if future.done()}

    def cancel(self) -> None:
        """Take back what has not started."""
        for future in self._running:
            future.cancel()

    def _submit(self) -> bool:
        """Fill the window; return whether a worker has died meanwhile, so that no more can be submitted."""
        while len(self._running) < self._window:
            queue = self._suspects or self._pending
            if not queue or (queue is self._suspects and self._running) or self._runs_suspect():
                break
            try:
                self._running[self._executor.submit(self._task, queue[0])] = queue[0]
            except BrokenExecutor:
                if self._restart is None:
                    raise
                return True
            queue.popleft()
        return False

    def _runs_suspect(self) -> bool:
        return any(self._crashes[key_range.id] >= _CRASHES_TOGETHER for key_range in self._running.values())

    def _outcome(self, future: Future[Report | None], key_range: KeyRange) -> Report | BrokenExecutor | None:
        try:
            return future.result()
        except BrokenExecutor as error:
            if self._restart is None:
                raise
            return error
        except (Exception, CancelledError) as error:  # noqa: BLE001 - it is this range's, and the others go on
            return failed_report(key_range, error)

    def _recover(self, lost: list[KeyRange]) -> Iterator[tuple[KeyRange, Report | None]]:
        """Make the executor anew, and have the ranges that were under way done again; report the one that kills."""
        assert self._restart is not None
        self._deaths_in_a_row += 1
        if self._deaths_in_a_row > _MAX_DEATHS_IN_A_ROW:
            message = (
                f"A worker process has died {self._deaths_in_a_row} times in a row before any finished a range. "
                "A program that uses processes needs 'if __name__ == \"__main__\":' around what it does"
            )
            raise BrokenExecutor(message)
        for future, key_range in list(self._running.items()):
            del self._running[future]
            outcome = self._outcome(future, key_range)
            if isinstance(outcome, BrokenExecutor):
                lost.append(key_range)
            else:
                yield key_range, outcome
        self._restart()
        for key_range in lost:
            self._crashes[key_range.id] += 1
            if self._crashes[key_range.id] > _CRASHES_TOGETHER:
                message = "The worker process died each time that it worked on this range: killed, or out of memory"
                error = ServerError(message, path=key_range.url, code="WorkerDied")
                yield key_range, failed_report(key_range, error)
            elif self._crashes[key_range.id] == _CRASHES_TOGETHER:
                self._suspects.append(key_range)
            else:
                self._pending.append(key_range)
