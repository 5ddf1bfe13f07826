"""One event loop in a background thread, and the crossing from blocking code to it.

The loop is started by the first call of a process and serves all threads. The blocking portal
of anyio does the same job, but starts a task in one call into the loop and waits for it in another. A Ctrl-C between
the two leaves a transfer that cannot be cancelled. Here there is one call, known to the loop before its caller waits.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import os
import sys
import threading
import weakref
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Generic, ParamSpec, Protocol, TypeVar

from aios3._caller_thread import caller_executor
from aios3._engine.tasks import OwnedTasks
from aios3._logs import Relay, get_logger
from aios3._session_exit import loops_with_end
from aios3._threads import call_now
from aios3.errors import ClosedHandleError, WrongLoopError
from aios3.sync._fork_hooks import discard_partial_imports, forked, wait_for_imports

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from concurrent.futures import Future

P = ParamSpec("P")
T = TypeVar("T")
MemoryT = TypeVar("MemoryT")

EXIT_SECONDS = 15.0
"""How long the end of the interpreter waits for uploads to be aborted and connections to be closed."""
_LOG_SECONDS = 5.0
"""How long a handler of logging may take for one record at the end, before the loop ends and once more after it."""

_POLL_SECONDS = 1.0
_LOOP_CYCLES_TO_CLOSE = 3
"""Turns of the loop in which closed connections give back their sockets."""

_log = get_logger("aios3.sync")


class Closable(Protocol):
    """An object that a loop thread closes at its end."""

    async def aclose(self) -> None:
        """Close it."""


class _LoopCall(Generic[T]):
    """One call on the loop, and what became of it.

    ``begin`` and ``cancel`` run on the loop; ``wait`` and ``outcome`` are for the thread that wants the result.
    """

    def __init__(
        self, work: Callable[[], Awaitable[T]], on_end: Callable[[_LoopCall[T]], object], *, is_waited_for: bool = False
    ) -> None:
        self._work = work
        self._on_end = on_end
        self._is_waited_for = is_waited_for
        self._task: asyncio.Task[None] | None = None
        self._cancelling = False
        self._values: list[T] = []
        self._error: BaseException | None = None
        self._is_over = False
        self._thread_jobs: deque[tuple[Callable[[], object], asyncio.Future[bool]]] = deque()
        # An Event is a lock in a Condition, and costs a fifth of a crossing. One thread waits, so the lock is enough.
        self._until_over = threading.Lock()
        self._until_over.acquire()

    def begin(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._run(), name="aios3.sync call")
        self._task.add_done_callback(self._finish)

    async def _run(self) -> None:
        if self._is_waited_for:
            caller_executor.set(self._run_in_waiting_thread)
        try:
            self._values.append(await self._work())
        except BaseException as error:  # noqa: BLE001 - raised again in the waiting thread; here SystemExit would end the loop
            self._error = error

    def _finish(self, task: asyncio.Task[None]) -> None:
        if task.cancelled():
            self._error = asyncio.CancelledError()
        self.end()

    def cancel(self) -> None:
        if self._task is None:
            # Ctrl-C came before `begin` was handed to the loop, so nothing else will ever end this call.
            self.end(asyncio.CancelledError())
        elif not self._cancelling:  # a second time would cancel the cleaning up
            self._cancelling = True
            self._task.cancel()

    def end(self, error: BaseException | None = None) -> None:
        self._error = self._error or error
        self._on_end(self)
        self._is_over = True
        self._wake()
        while self._thread_jobs:
            _settle(self._thread_jobs.popleft()[1], done=False)

    def _wake(self) -> None:
        with contextlib.suppress(RuntimeError):  # woken already, or ended twice: the end of the loop ends all calls
            self._until_over.release()

    async def _run_in_waiting_thread(self, work: Callable[[], object]) -> None:
        """Have the thread that waits do ``work``; do it in a thread of the loop if that one has stopped waiting."""
        if not self._is_over:
            future: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
            self._thread_jobs.append((work, future))
            self._wake()
            if await future:
                return
        await asyncio.to_thread(work)

    def _run_thread_job(self) -> None:
        try:
            work, future = self._thread_jobs.popleft()
        except IndexError:  # the call has ended meanwhile
            return
        is_done = False
        try:
            work()
            is_done = True
        finally:
            with contextlib.suppress(RuntimeError):  # the loop has ended, and the call with it
                future.get_loop().call_soon_threadsafe(partial(_settle, future, done=is_done))

    @property
    def task(self) -> asyncio.Task[None] | None:
        return self._task

    @property
    def ended(self) -> bool:
        return self._is_over

    def wait(self) -> None:
        # A signal that comes just before the thread goes to sleep does not wake it; so it looks once in a while.
        while not self._is_over:
            self._until_over.acquire(timeout=_POLL_SECONDS)
            while self._thread_jobs:
                self._run_thread_job()

    def outcome(self) -> T:
        error, self._error = self._error, None
        if error is None:
            return self._values.pop()
        try:
            raise error
        finally:
            del error, self  # the traceback would refer to the error through this frame


def _settle(future: asyncio.Future[bool], *, done: bool) -> None:
    if not future.done():
        future.set_result(done)


class _Threads(ThreadPoolExecutor):
    """The loop's threads for what blocks, such as looking up names.

    From the moment the main thread has ended, the standard library starts no work in threads any more. Uploads must
    still be aborted then, and other threads may still be transferring: work is then done on the spot.
    """

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        try:
            return super().submit(fn, *args, **kwargs)
        except RuntimeError:
            if threading.main_thread().is_alive():
                raise
        return call_now(fn, *args, **kwargs)


class LoopThread:
    """An event loop in a daemon thread of its own, until :meth:`stop`.

    It belongs to the process that made it. A copy that a fork left in a child rejects every call: its thread was not
    copied.
    """

    def __init__(self) -> None:
        self._pid = os.getpid()
        self.relay: Relay = Relay()
        """The relay that the loop's threads log with; a caller may hold a lock of logging, or be one of its
        handlers."""
        self._runner = asyncio.Runner(loop_factory=asyncio.new_event_loop)
        with self.relay:  # asyncio logs which selector it takes
            self._loop = self._runner.get_loop()
        loops_with_end.add(self._loop)
        self._stop = asyncio.Event()
        self._stopping = False
        self.tasks: OwnedTasks = OwnedTasks()
        """The tasks that run on the loop between calls; asyncio alone would let the garbage collector take such a task
        away."""
        self._calls: set[_LoopCall[object]] = set()
        self._background_calls: set[_LoopCall[object]] = set()
        self.sessions: weakref.WeakSet[Closable] = weakref.WeakSet()
        """The sessions that are closed when the loop ends, if they are still there then."""
        self._open: dict[int, tuple[str, Callable[[], Awaitable[object]]]] = {}
        # Threads inherit it from the one that starts them, so no worker of this loop can hold up the interpreter's end.
        self._thread = threading.Thread(target=self._serve, name="aios3.sync", daemon=True)
        self._thread.start()

    def call(self, func: Callable[P, Awaitable[T]], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run ``func`` on the loop and wait for its result.

        Ctrl-C cancels the work, waits until it has cleaned up, and is then raised. A second one stops the waiting, and
        the cleaning up goes on in the background.
        """
        return self._wait(partial(func, *args, **kwargs), wait_for_cleanup=False)

    def call_with_buffer(self, func: Callable[[MemoryT], Awaitable[T]], memory: MemoryT) -> T:
        """Run ``func(memory)`` on the loop; return and raise only when nothing there can touch ``memory`` any more.

        The memory belongs to the caller, who may free it at once, so a second Ctrl-C has to wait as well.
        """
        return self._wait(partial(func, memory), wait_for_cleanup=True)

    def start(self, func: Callable[[], Awaitable[object]]) -> None:
        """Run ``func`` on the loop and do not wait, so that finalizers may call this in any thread.

        An error is logged. Does nothing if the loop has ended, or belongs to another process.
        """
        if not self.usable:
            return
        background_call: _LoopCall[object] = _LoopCall(func, self._report)
        self._background_calls.add(background_call)
        try:
            self._loop.call_soon_threadsafe(background_call.begin)
        except RuntimeError:
            self._background_calls.discard(background_call)

    def opened(self, handle: object, name: str, abort: Callable[[], Awaitable[object]]) -> None:
        """Have ``abort`` run if the interpreter ends before ``handle`` is :meth:`closed`.

        ``name`` is for the log; empty for what publishes nothing anyway.
        """
        self._open[id(handle)] = name, abort

    def closed(self, handle: object) -> None:
        """Forget an open handle. Safe to repeat."""
        self._open.pop(id(handle), None)

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The loop itself, for libraries that schedule work on it themselves."""
        return self._loop

    @property
    def is_forked(self) -> bool:
        """Return whether a fork left this copy in another process than its own."""
        return self._pid != os.getpid()

    @property
    def usable(self) -> bool:
        """Return whether a call can be made here and now; not on the loop's own thread, which :meth:`start` allows."""
        return not (self.is_forked or self._stopping or self._loop.is_closed())

    @property
    def on_own_thread(self) -> bool:
        """Return whether the caller runs on the loop, where waiting for the loop would wait for ever."""
        return threading.get_ident() == self._thread.ident

    def check(self) -> None:
        """Raise WrongLoopError or ClosedHandleError if no call can be made from here."""
        if self.is_forked:
            message = "This belongs to the parent process; after a fork, open files and iterators again"
            raise WrongLoopError(message)
        if self.on_own_thread:
            message = (
                "aios3.sync was called on its own event loop, which would wait for itself: "
                "use the async functions of aios3 there"
            )
            raise WrongLoopError(message)
        if not self.usable:
            raise _shut_down()

    def stop(self, seconds: float | None = None) -> None:
        """End everything: cancel calls, abort open writers, close sessions, end the loop and its thread.

        Waits at most ``seconds``, by default EXIT_SECONDS. Safe to repeat; does nothing in a child process.
        """
        seconds = EXIT_SECONDS if seconds is None else seconds
        if self.is_forked or self.on_own_thread:
            return
        if self._stopping:
            self._thread.join(seconds)
            return
        # Until now handlers may write to S3; what they write while files are being aborted would be an error to them.
        resume = self.relay.pause(_LOG_SECONDS)
        try:
            self._stopping = True
            with contextlib.suppress(RuntimeError):  # it has ended by itself
                self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join(seconds)
            if self._thread.is_alive():
                with self.relay:  # in its place after those of the loop
                    _log.warning(
                        "aios3.sync could not end its transfers in %s seconds; uploads may be left open", seconds
                    )
        finally:
            resume()
            self.relay.close(_LOG_SECONDS)

    def _wait(self, work: Callable[[], Awaitable[T]], *, wait_for_cleanup: bool) -> T:
        self.check()
        call = _LoopCall(work, self._discard, is_waited_for=True)
        try:
            self._submit(call)
            call.wait()
        except BaseException:  # Ctrl-C, or what another signal handler raises
            self._cancel(call, wait_for_cleanup=wait_for_cleanup)
            raise
        try:
            return call.outcome()
        except asyncio.CancelledError as error:
            message = "The transfer was cancelled, because its session or aios3.sync was closed meanwhile"
            raise ClosedHandleError(message) from error

    def _submit(self, call: _LoopCall[T]) -> None:
        self._calls.add(call)  # type: ignore[arg-type]  # invariant in T; only `end` and `cancel` are used
        try:
            self._loop.call_soon_threadsafe(call.begin)
        except RuntimeError as error:
            call.end(_shut_down())
            if not self._loop.is_closed():
                raise
            _log.debug("A call came too late: %s", error)

    def _cancel(self, call: _LoopCall[T], *, wait_for_cleanup: bool) -> None:
        while True:
            try:
                if call.ended or self._loop.is_closed():
                    return
                self._loop.call_soon_threadsafe(call.cancel)
                call.wait()
            except BaseException:
                if not wait_for_cleanup:
                    raise

    def _discard(self, call: _LoopCall[T]) -> None:
        self._calls.discard(call)

    def _report(self, background_call: _LoopCall[object]) -> None:
        self._background_calls.discard(background_call)
        try:
            background_call.outcome()
        except asyncio.CancelledError:
            _log.debug("Work in the background was cancelled")
        except Exception as error:  # noqa: BLE001 - it is not awaited, so it is logged
            _log.warning("Work in the background failed: %s", error)

    def _serve(self) -> None:
        self.relay.enter()
        try:
            with self._runner:
                self._runner.run(self._until_stopped())
        except RuntimeError:
            # asyncio ends its worker threads with another thread. Python 3.12 starts none while the interpreter ends.
            # No record says so: a handler that writes to S3 could not write it any more.
            if threading.main_thread().is_alive() or not self._loop.is_closed():
                raise
        finally:
            # Callers whose call came before the loop was closed are waiting for it.
            for call in [*self._calls, *self._background_calls]:
                call.end(_shut_down())

    async def _until_stopped(self) -> None:
        workers = _Threads(thread_name_prefix="aios3.sync worker", initializer=self.relay.enter)
        self._loop.set_default_executor(workers)
        await self._stop.wait()
        for call in list(self._calls):
            call.cancel()
        for name, abort in self._open.values():
            if name:
                _log.warning("%s was never closed: it is aborted, and nothing is published", name)
            self._begin(abort)
        await self._idle()
        await self.tasks.aclose()
        for session in list(self.sessions):
            self._begin(session.aclose)
        await self._idle()
        await self._loop.shutdown_asyncgens()  # which closes the default session
        for _ in range(_LOOP_CYCLES_TO_CLOSE):
            await asyncio.sleep(0)

    def _begin(self, func: Callable[[], Awaitable[object]]) -> None:
        background_call: _LoopCall[object] = _LoopCall(func, self._report)
        self._background_calls.add(background_call)
        background_call.begin()

    async def _idle(self) -> None:
        while tasks := [call.task for call in [*self._calls, *self._background_calls] if call.task is not None]:
            await asyncio.wait(tasks)


def _shut_down() -> ClosedHandleError:
    return ClosedHandleError("aios3.sync has shut down, because the interpreter is ending")


class _Process:
    """The loop thread of this process; a fork's child begins anew."""

    def __init__(self) -> None:
        self.lock = threading.RLock()  # a signal handler or a finalizer may call in the middle of the first call
        self.loop_thread: LoopThread | None = None
        self.ended = False
        self.parents: list[LoopThread | None] = []

    def forked(self) -> None:
        # The parent's loop and tasks stay referenced: finalizing them here would touch sockets of the parent.
        self.parents.append(self.loop_thread)
        self.lock = threading.RLock()  # another thread of the parent may have held it
        self.loop_thread = None
        self.ended = False

    def stop(self) -> None:
        self.ended = True
        if self.loop_thread is not None:
            self.loop_thread.stop()


_process = _Process()
os.register_at_fork(before=wait_for_imports, after_in_child=_process.forked)
os.register_at_fork(after_in_parent=forked, after_in_child=forked)
os.register_at_fork(after_in_child=discard_partial_imports)
atexit.register(_process.stop)


def get_loop_thread() -> LoopThread:
    """Return the loop thread of this process; the first call starts it. Raises ClosedHandleError once it has ended."""
    loop_thread = _process.loop_thread
    if loop_thread is not None:
        return loop_thread
    with _process.lock:
        if _process.ended:
            raise _shut_down()
        if _process.loop_thread is None:
            loop_thread = LoopThread()
            if _process.loop_thread is None:
                _process.loop_thread = loop_thread
                _stop_with_worker_process()
            else:
                loop_thread.stop()
        return _process.loop_thread


def _stop_with_worker_process() -> None:
    """Stop with a child of :mod:`multiprocessing`: one that was forked ends without running atexit's functions."""
    multiprocessing = sys.modules.get("multiprocessing.util")
    if multiprocessing is not None and sys.modules["multiprocessing"].parent_process() is not None:
        multiprocessing.Finalize(None, _process.stop, exitpriority=0)


def call(func: Callable[P, Awaitable[T]], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Run an async function on this process's background loop and wait for its result."""
    return get_loop_thread().call(func, *args, **kwargs)


def stop() -> None:
    """End the background loop of this process as the end of the interpreter does, for one that leaves without it."""
    _process.stop()


def close_at_end(session: Closable) -> None:
    """Have ``session`` closed when the loop ends, if that is the background loop; called on the session's loop."""
    loop_thread = _process.loop_thread
    if loop_thread is not None and loop_thread.on_own_thread:
        loop_thread.sessions.add(session)
