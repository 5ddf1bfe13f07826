"""Worker processes of this machine: started by ``spawn``, replaced when one dies, and ended with their parent.

``concurrent.futures`` declares a whole pool broken when one of its processes dies, and leaves the processes of a parent
that was killed waiting for ever. So a pool is made anew, and each worker watches its parent.
"""

from __future__ import annotations

import multiprocessing
import multiprocessing.connection
import os
import signal
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing.context import SpawnContext, SpawnProcess
from typing import TYPE_CHECKING, Any, NoReturn

from aios3.sync import _loop_thread

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

    from aios3.distributed.ranges import KeyRange
    from aios3.distributed.reports import Report

    Task = Callable[[KeyRange], Report | None]

_SECONDS_TO_LEAVE = 30.0
"""How long a worker that is to end may take to abort its uploads; then it is killed."""
_EXIT_STATUS = 128 + signal.SIGTERM


class _RecordingContext(SpawnContext):
    """The way to start processes by ``spawn``, with a list of those that it has started; a pool has no public one."""

    def __init__(self) -> None:
        super().__init__()
        self.started: list[SpawnProcess] = []

    def Process(self, *args: Any, **kwargs: Any) -> SpawnProcess:  # type: ignore[override]  # noqa: N802, ANN401 - there it is an attribute with the class
        """Make a process, and remember it."""
        process = SpawnProcess(*args, **kwargs)
        self.started.append(process)
        return process


class WorkerProcesses:
    """A pool of processes that can be made anew."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._start()

    def _start(self) -> None:
        self._context = _RecordingContext()
        self._pool = ProcessPoolExecutor(self._count, self._context, initializer=_start_worker)

    def submit(self, task: Task, key_range: KeyRange) -> Future[Report | None]:
        """Have a worker do ``task``; raise BrokenProcessPool if a worker has died."""
        return self._pool.submit(_work, task, key_range)

    def restart(self) -> None:
        """Make a new pool, after a worker has died and the pool has ended the others."""
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._start()

    def close(self) -> None:
        """End the workers when they have finished what they do now."""
        self._pool.shutdown(wait=True)

    def stop(self) -> None:
        """End the workers now: what they do is cancelled, and cleans up. Waits until they have ended."""
        started = [process for process in self._context.started if process.pid is not None]
        for process in started:
            process.terminate()
        for process in started:
            process.join(_SECONDS_TO_LEAVE)
            if process.is_alive():
                process.kill()
                process.join()
        # Waits for the pool's thread, whose semaphores are reported as leaked where a signal ends this process next.
        self._pool.shutdown(wait=True, cancel_futures=True)


class _State:
    """The state of this worker process."""

    is_working = False
    is_leaving = False


def _start_worker() -> None:
    """Prepare a worker process, in its main thread."""
    for number in (
        signal.SIGINT,
        getattr(signal, "SIGHUP", signal.SIGINT),
    ):  # a terminal sends them to all processes; the parent decides
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _leave)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_watch, args=(parent.sentinel,), name="aios3 parent", daemon=True).start()


def _watch(sentinel: int) -> None:
    """End this process when its parent has ended, also if its work does not heed the cancellation."""
    multiprocessing.connection.wait([sentinel])
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_SECONDS_TO_LEAVE)  # the parent, which would have killed it, is gone
    os._exit(_EXIT_STATUS)


def _leave(_signum: int, _frame: object) -> None:
    """End an idle worker at once, and raise KeyboardInterrupt in one that works, which ends when it has cleaned up."""
    if _State.is_leaving:
        return
    _State.is_leaving = True
    if not _State.is_working:
        os._exit(_EXIT_STATUS)
    raise KeyboardInterrupt


def _work(task: Task, key_range: KeyRange) -> Report | None:
    try:
        try:
            _State.is_working = True  # inside, because the signal may come after any instruction from here on
            return task(key_range)
        finally:
            _State.is_working = False
    finally:
        if _State.is_leaving:
            _end()


def _end() -> NoReturn:
    """End this process, whose pool would wait for more work from a parent that is gone."""
    try:
        _loop_thread.stop()  # a function of Map may still write in its thread, and its upload would stay open
    finally:
        os._exit(_EXIT_STATUS)
