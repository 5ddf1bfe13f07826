"""Tasks that outlive the call that started them, and work in the task of its caller: any task can end both."""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterable

T = TypeVar("T")


class OwnedTasks:
    """The running tasks of one owner.

    A task group would have to be left in the task that entered it. A handle is opened in one task and closed in
    another, so its tasks live here. An exception is raised where the task is awaited.
    """

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[object]] = set()

    @property
    def running(self) -> list[asyncio.Task[object]]:
        """The tasks that have not ended."""
        return [task for task in self._tasks if not task.done()]

    @property
    def active(self) -> int:
        """How many tasks have not ended."""
        return len(self.running)

    def start(self, work: Coroutine[object, object, T], *, name: str, shielded: bool = False) -> asyncio.Task[T]:
        """Start ``work`` as a task of this owner; a ``shielded`` one runs to its end despite cancellation.

        ``asyncio.run`` waits for such a task at its end, and so does :meth:`aclose`: its work must come to an end.
        """
        task = start_shielded(work, name=name) if shielded else asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def aclose(self) -> None:
        """Cancel every task but the caller's own and wait until they have ended. Safe to repeat, from any task."""
        if self._tasks:
            await cancel_and_wait(self._tasks)

    async def join(self) -> None:
        """Wait until every task but the caller's own has ended, without cancelling one.

        A cancellation of the caller ends the wait at once: what hangs may hang for long.
        """
        own = asyncio.current_task()
        while pending := [task for task in self._tasks if task is not own and not task.done()]:
            await asyncio.wait(pending)

    async def wait_any(self) -> None:
        """Wait until one task but the caller's own has ended, without cancelling one; a turn of the loop without any.

        Who waits for what the ends of tasks do must give their callbacks that turn, or would wait for ever.
        """
        own = asyncio.current_task()
        pending = [task for task in self._tasks if task is not own and not task.done()]
        if pending:
            await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
        else:
            await asyncio.sleep(0)


class InterruptedWorkError(Exception):
    """Raised where :meth:`InterruptibleWork.interrupt` has ended the work."""


class InterruptibleWork:
    """Work that its caller awaits in its own task, and that another task can end: at most one at a time."""

    def __init__(self) -> None:
        self._task: asyncio.Task[object] | None = None
        self._ended: asyncio.Future[None] | None = None

    async def run(self, work: Coroutine[object, object, T]) -> T:
        """Await ``work``. Raises InterruptedWorkError if it is interrupted; a cancellation of the caller stays one."""
        task = self._task = asyncio.current_task()
        assert task is not None
        cancelling = task.cancelling()
        try:
            return await work
        except asyncio.CancelledError:
            if self._task is task or task.cancelling() - 1 > cancelling:
                raise
            raise InterruptedWorkError from None
        finally:
            if self._task is None:
                task.uncancel()
            self._task = None
            if self._ended is not None and not self._ended.done():
                self._ended.set_result(None)

    async def interrupt(self) -> None:
        """End the work, and wait until it has ended; nothing happens without any."""
        task, self._task = self._task, None
        if task is not None and task is not asyncio.current_task():
            self._ended = asyncio.get_running_loop().create_future()
            task.cancel()
        if self._ended is not None:
            await asyncio.shield(self._ended)


def start_unlisted(work: Coroutine[object, object, T], *, name: str) -> asyncio.Task[T]:
    """Start a task that ``asyncio.all_tasks()`` does not name, so that only who has it can cancel it.

    ``asyncio.run`` cancels all tasks that are listed when it ends, and many programs do so when they shut down. That
    must not reach a request whose response is the only one to say what there is to undo. The caller waits for such a
    task (:func:`wait_all`), or the loop may end before.
    """
    task = asyncio.get_running_loop().create_task(work, name=name)
    asyncio.tasks._unregister_task(task)  # noqa: SLF001 - documented for implementations of tasks
    task.add_done_callback(lambda done: done.cancelled() or done.exception())  # retrieved: its owner may be cancelled
    return task


def start_shielded(work: Coroutine[object, object, T], *, name: str) -> asyncio.Task[T]:
    """Start a task that runs to its end despite cancellation, and that ``asyncio.run`` waits for.

    ``work`` is unlisted, because it may use timeouts, which are cancellations; what is listed only waits for it.
    """
    loop = asyncio.get_running_loop()
    return ShieldedTask(_result_of(start_unlisted(work, name=f"{name} itself")), loop=loop, name=name)


class ShieldedTask(asyncio.Task[T]):
    """A task that cannot be cancelled; :func:`start_shielded` makes it."""

    def cancel(self, msg: object = None) -> bool:  # noqa: ARG002 - asyncio's argument
        """Do nothing, and say so."""
        return False

    def stop(self) -> None:
        """Cancel it after all; for its owner, whose time is over."""
        super().cancel()


async def _result_of(task: asyncio.Task[T]) -> T:
    try:
        await asyncio.wait([task])
    except asyncio.CancelledError:  # its owner has stopped it
        task.cancel()
        await asyncio.wait([task])
        raise
    return task.result()


async def run_shielded(work: Coroutine[object, object, T], *, name: str) -> T:
    """Await ``work`` to its end, whatever is cancelled meanwhile; a cancellation of the caller is raised afterwards."""
    task = start_shielded(work, name=name)
    await wait_all([task])
    return task.result()


def cancellations() -> int:
    """Return how many cancellations of the running task were not taken back."""
    task = asyncio.current_task()
    return 0 if task is None else task.cancelling()


async def cancel_and_wait(tasks: Iterable[asyncio.Task[object]]) -> None:
    """Cancel ``tasks`` and wait until all have ended, even if the caller is cancelled meanwhile."""
    stopping = [task for task in tasks if not task.done()]
    for task in stopping:
        if task is not asyncio.current_task():
            task.cancel()
    await wait_all(stopping)


async def wait_all(tasks: Iterable[asyncio.Task[object]], timeout_seconds: float = math.inf) -> None:
    """Wait until ``tasks`` have ended, at most ``timeout_seconds``; a cancellation meanwhile is raised afterwards."""
    interrupted: asyncio.CancelledError | None = None
    own = asyncio.current_task()
    clock = asyncio.get_running_loop().time
    end = clock() + timeout_seconds
    others = [task for task in tasks if task is not own]
    while (pending := [task for task in others if not task.done()]) and (remaining := end - clock()) > 0:
        try:
            await asyncio.wait(pending, timeout=remaining if remaining < math.inf else None)
        except asyncio.CancelledError as error:
            interrupted = error
    if interrupted is not None:
        raise interrupted
