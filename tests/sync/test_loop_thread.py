"""The crossing from blocking code to the background loop."""

from __future__ import annotations

import asyncio
import contextvars
import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from aios3._caller_thread import run_in_caller_thread
from aios3.errors import ClosedHandleError, WrongLoopError
from aios3.sync import _loop_thread


async def double(value: int, *, plus: int = 0) -> int:
    await asyncio.sleep(0)
    return 2 * value + plus


async def forever() -> None:
    await asyncio.get_running_loop().create_future()


def test_result_and_arguments(bridge):
    assert bridge.call(double, 4, plus=1) == 9


def test_error_comes_through_as_it_is(bridge):
    error = KeyError("k")

    async def fail():
        raise error

    with pytest.raises(KeyError) as caught:
        bridge.call(fail)
    assert caught.value is error


def test_a_function_that_raises_before_it_awaits(bridge):
    error = ValueError("wrong option")

    def reject():
        raise error

    with pytest.raises(ValueError, match="wrong option"):
        bridge.call(reject)


def test_system_exit_ends_the_caller_and_not_the_loop(bridge):
    async def leave():
        raise SystemExit(3)

    with pytest.raises(SystemExit):
        bridge.call(leave)
    assert bridge.call(double, 1) == 2


def test_context_variables_of_the_caller_are_seen(bridge):
    variable = contextvars.ContextVar("variable", default="outside")

    async def read():
        return variable.get()

    variable.set("of the caller")
    assert bridge.call(read) == "of the caller"


def test_many_threads_at_once(bridge):
    with ThreadPoolExecutor(16) as threads:
        results = list(threads.map(lambda n: bridge.call(double, n), range(500)))
    assert results == [2 * n for n in range(500)]


def test_calls_of_threads_run_side_by_side(bridge):
    meeting = asyncio.Barrier(8)

    async def meet():
        await meeting.wait()
        return True

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(lambda _: bridge.call(meet), range(8)))


def test_works_in_a_notebook_where_a_loop_runs_in_this_thread(run_script):
    script = run_script("""
        import asyncio
        from aios3.sync import _loop_thread
        async def work():
            await asyncio.sleep(0)
            return id(asyncio.get_running_loop())
        async def cell():
            print(_loop_thread.call(work) == id(asyncio.get_running_loop()))
        asyncio.run(cell())
    """)
    assert (script.stdout, script.stderr) == ("False\n", "")


def test_call_on_its_own_loop_is_a_clear_error(bridge):
    async def call_back():
        return bridge.call(double, 1)

    with pytest.raises(WrongLoopError, match="its own event loop"):
        bridge.call(call_back)


def test_call_from_a_worker_thread_of_the_loop(bridge):
    async def in_thread():
        return await asyncio.to_thread(bridge.call, double, 5)

    assert bridge.call(in_thread) == 10


def test_ctrl_c_cancels_and_waits_for_the_cleaning_up(bridge, ctrl_c, tasks):
    log = []

    async def transfer():
        try:
            ctrl_c()
            await forever()
        except asyncio.CancelledError:
            log.append("cancelled")
            await asyncio.sleep(0)
            log.append("cleaned up")
            raise

    with pytest.raises(KeyboardInterrupt):
        bridge.call(transfer)
    assert log == ["cancelled", "cleaned up"]
    assert tasks() == set()
    assert bridge.call(double, 1) == 2


def test_second_ctrl_c_stops_waiting_and_cleaning_up_goes_on(bridge, ctrl_c):
    go_on = asyncio.Event()
    cleaned_up = threading.Event()

    async def transfer():
        try:
            ctrl_c()
            await forever()
        finally:
            ctrl_c()
            await go_on.wait()
            cleaned_up.set()

    async def release():
        go_on.set()

    with pytest.raises(KeyboardInterrupt):
        bridge.call(transfer)
    assert not cleaned_up.is_set()
    bridge.call(release)
    assert cleaned_up.wait(30)


def test_second_ctrl_c_waits_while_the_callers_buffer_is_in_use(bridge, ctrl_c):
    target = bytearray(4)

    async def fill(view):
        try:
            ctrl_c()
            await forever()
        finally:
            ctrl_c()
            await asyncio.to_thread(lambda: None)
            view[:] = b"done"

    with pytest.raises(KeyboardInterrupt):
        bridge.call_with_buffer(fill, memoryview(target))
    assert target == b"done"


def test_what_a_signal_handler_raises_cancels_too(bridge, tasks):
    class AlarmError(Exception):
        pass

    def handler(number, frame):
        raise AlarmError

    async def transfer():
        signal.pthread_kill(threading.main_thread().ident, signal.SIGUSR1)
        await forever()

    before = signal.signal(signal.SIGUSR1, handler)
    try:
        with pytest.raises(AlarmError):
            bridge.call(transfer)
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert tasks() == set()


def test_stop_cancels_calls_and_they_say_so(bridge):
    running = threading.Event()

    async def transfer():
        running.set()
        await forever()

    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(bridge.call, transfer)
        assert running.wait(30)
        bridge.stop()
        with pytest.raises(ClosedHandleError, match="closed meanwhile"):
            waiting.result()


def test_call_after_stop_is_a_clear_error_and_stop_can_be_repeated(bridge):
    bridge.stop()
    bridge.stop()
    with pytest.raises(ClosedHandleError, match="shut down"):
        bridge.call(double, 1)


def test_stop_aborts_what_is_open_and_closes_async_generators(bridge, caplog):
    log = []

    async def abort():
        log.append("aborted")

    async def default_session():
        try:
            yield
        finally:
            log.append("session closed")

    async def begin():
        session = default_session()
        await anext(session)
        return session

    session = bridge.call(begin)
    handle, other = object(), object()
    bridge.opened(handle, "s3://bucket/key", abort)
    bridge.opened(other, "s3://bucket/other", abort)
    bridge.closed(other)
    bridge.stop()
    assert log == ["aborted", "session closed"]
    assert [record.getMessage() for record in caplog.records] == [
        "s3://bucket/key was never closed: it is aborted, and nothing is published"
    ]
    del session


def test_stop_waits_for_work_in_the_background(bridge):
    log = []

    async def abort():
        await asyncio.to_thread(log.append, "aborted")

    bridge.start(abort)
    bridge.stop()
    assert log == ["aborted"]


def test_stop_ends_after_its_timeout(bridge, caplog):
    stubborn = threading.Event()
    release = asyncio.Event()

    async def reject():
        while not release.is_set():
            try:
                stubborn.set()
                await release.wait()
            except asyncio.CancelledError:
                continue

    bridge.start(reject)
    assert stubborn.wait(30)
    bridge.stop(seconds=0)
    assert "could not end its transfers" in caplog.text
    bridge._loop.call_soon_threadsafe(release.set)
    bridge._thread.join(30)
    assert not bridge._thread.is_alive()


def test_failure_in_the_background_is_logged(bridge, caplog):
    error = OSError("no route")

    async def fail():
        raise error

    bridge.start(fail)
    bridge.stop()
    assert "no route" in caplog.text


def test_start_works_on_the_loop_itself_and_is_nothing_after_stop(bridge):
    done = threading.Event()

    async def work():
        done.set()

    async def begin():
        bridge.start(work)

    bridge.call(begin)
    assert done.wait(30)
    bridge.stop()
    bridge.start(work)


def test_one_loop_thread_a_process():
    with ThreadPoolExecutor(8) as threads:
        bridges = set(threads.map(lambda _: _loop_thread.get_loop_thread(), range(64)))
    assert len(bridges) == 1
    assert _loop_thread.call(double, 3) == 6


def test_a_copy_in_another_process_rejects(bridge, monkeypatch):
    monkeypatch.setattr(os, "getpid", lambda: -1)
    assert bridge.is_forked
    with pytest.raises(WrongLoopError, match="parent process"):
        bridge.call(double, 1)


FORK = """
import asyncio, os, sys
from aios3.sync import _loop_thread
async def pid():
    await asyncio.sleep(0)
    return os.getpid()
async def stuck():
    asyncio.get_running_loop().create_task(asyncio.sleep(3600))
assert _loop_thread.call(pid) == os.getpid()
_loop_thread.call(stuck)
old = _loop_thread.get_loop_thread()
child = os.fork()
if child == 0:
    assert _loop_thread.call(pid) == os.getpid()
    try:
        old.call(pid)
    except RuntimeError as error:
        print(type(error).__name__)
    sys.exit(7)
_, status = os.waitpid(child, 0)
print(os.waitstatus_to_exitcode(status))
assert _loop_thread.call(pid) == os.getpid()
print("parent still works")
"""


def test_fork(run_script):
    script = run_script("import warnings; warnings.simplefilter('ignore', DeprecationWarning)" + FORK)
    assert script.stderr == ""
    assert script.stdout.split("\n")[:3] == ["WrongLoopError", "7", "parent still works"]
    assert script.returncode == 0


def test_fork_while_another_thread_starts_the_loop_thread(run_script):
    script = run_script("""
        import os, sys, warnings
        from aios3.sync import _loop_thread
        warnings.simplefilter("ignore")
        async def work(): return 5
        _loop_thread._process.lock.acquire()      # as another thread would that is just starting the bridge
        child = os.fork()
        if child == 0:
            os._exit(_loop_thread.call(work))
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    """)
    assert (script.stdout, script.stderr) == ("5\n", "")


def test_multiprocessing_child_stops_its_loop_thread(run_script):
    script = run_script("""
        import multiprocessing, sys, warnings
        from aios3.sync import _loop_thread
        warnings.simplefilter("ignore")
        async def begin(): pass
        async def abort(): print("aborted", flush=True)
        def work():
            bridge = _loop_thread.get_loop_thread()
            bridge.call(begin)
            bridge.opened(bridge, "s3://bucket/key", abort)
        _loop_thread.call(begin)
        child = multiprocessing.get_context("fork").Process(target=work)
        child.start()
        child.join()
        print(child.exitcode)
    """)
    assert script.stdout == "aborted\n0\n"
    assert script.stderr == "s3://bucket/key was never closed: it is aborted, and nothing is published\n"


def test_interpreter_exit_waits_for_the_abort_and_is_silent_otherwise(run_script):
    script = run_script("""
        import asyncio
        from aios3.sync import _loop_thread
        async def session():
            try:
                yield
            finally:
                await asyncio.to_thread(print, "session closed")
        async def begin():
            global kept
            kept = session()
            await anext(kept)
            await asyncio.to_thread(int)
            asyncio.get_running_loop().create_task(asyncio.sleep(3600))
        _loop_thread.call(begin)
    """)
    assert (script.stdout, script.stderr, script.returncode) == ("session closed\n", "", 0)


def test_interpreter_exit_is_not_held_up_by_anyios_worker_threads(run_script):
    script = run_script("""
        import anyio.to_thread
        from aios3.sync import _loop_thread
        async def work(): await anyio.to_thread.run_sync(int)
        _loop_thread.call(work)
    """)
    assert (script.stdout, script.stderr, script.returncode) == ("", "", 0)


def test_threads_go_on_after_the_main_thread_has_ended(run_script):
    script = run_script("""
        import asyncio, threading
        from aios3.sync import _loop_thread
        async def look_up():
            await asyncio.get_running_loop().getaddrinfo("127.0.0.1", 80, proto=6, flags=0)
            return await asyncio.to_thread(lambda: "found")
        _loop_thread.call(look_up)
        def work():
            threading.main_thread().join()
            print(_loop_thread.call(look_up))
        threading.Thread(target=work).start()
    """)
    assert (script.stdout, script.stderr, script.returncode) == ("found\n", "", 0)


def test_call_at_exit_after_the_loop_thread_has_ended(run_script):
    script = run_script("""
        import atexit
        def late():
            try:
                _loop_thread.call(work)
            except ValueError as error:
                print(error)
        atexit.register(late)
        from aios3.sync import _loop_thread
        async def work(): pass
    """)
    assert script.stdout == "aios3.sync has shut down, because the interpreter is ending\n"
    assert (script.stderr, script.returncode) == ("", 0)


def test_ctrl_c_before_the_call_reaches_the_loop(bridge, monkeypatch):
    hand_over = bridge._loop.call_soon_threadsafe
    started = []

    def interrupted(callback, *args):
        monkeypatch.setattr(bridge._loop, "call_soon_threadsafe", hand_over)
        raise KeyboardInterrupt

    async def work():
        started.append(1)

    monkeypatch.setattr(bridge._loop, "call_soon_threadsafe", interrupted)
    with pytest.raises(KeyboardInterrupt):
        bridge.call(work)
    assert bridge.call(double, 1) == 2
    assert started == []
    assert not bridge._calls


def test_a_call_that_comes_while_the_loop_ends_does_not_wait(bridge, monkeypatch):
    bridge.stop()
    monkeypatch.setattr(bridge, "check", lambda: None)
    with pytest.raises(ClosedHandleError, match="shut down"):
        bridge.call(double, 1)
    assert not bridge._calls


def test_a_call_that_was_handed_over_and_never_started_is_ended(bridge, monkeypatch):
    handed_over = threading.Event()
    monkeypatch.setattr(bridge._loop, "call_soon_threadsafe", lambda callback, *args: handed_over.set())
    with ThreadPoolExecutor(2) as threads:
        waiting = threads.submit(bridge.call, double, 1)
        assert handed_over.wait(30)
        monkeypatch.undo()
        bridge.stop()
        with pytest.raises(ClosedHandleError, match="closed meanwhile"):
            waiting.result(timeout=30)


def test_a_result_wakes_its_waiters(bridge, monkeypatch):
    monkeypatch.setattr(_loop_thread, "_POLL_SECONDS", 3600.0)  # looking once in a while would not help in time
    assert [bridge.call(double, number) for number in range(20)] == [2 * number for number in range(20)]


def test_a_call_that_ends_twice_keeps_its_first_error_and_wakes_all_waiters():
    call = _loop_thread._LoopCall(forever, lambda _call: None)
    call.end(KeyError("first"))
    call.end(KeyError("second"))
    call.wait()
    call.wait()
    assert call.ended
    with pytest.raises(KeyError, match="first"):
        call.outcome()


def test_threads_reject_work_only_while_the_main_thread_lives(monkeypatch):
    threads = _loop_thread._Threads(1)
    threads.shutdown()
    with pytest.raises(RuntimeError):
        threads.submit(int)
    ended = threading.Thread(target=int)
    ended.start()
    ended.join()
    monkeypatch.setattr(threading, "main_thread", lambda: ended)
    assert threads.submit(divmod, 7, 2).result() == (3, 1)
    with pytest.raises(ZeroDivisionError):
        threads.submit(divmod, 7, 0).result()


# What the thread that waits does itself


def test_the_thread_that_waits_does_what_needs_its_locks(bridge):
    lock = threading.RLock()
    done = []

    def work():
        with lock:
            done.append(threading.current_thread())

    async def ask():
        await run_in_caller_thread(work)
        await run_in_caller_thread(work)
        return "response"

    with lock:
        assert bridge.call(ask) == "response"
    assert done == [threading.current_thread()] * 2


def test_without_a_waiting_caller_a_thread_of_the_loop_does_the_job(bridge):
    done = threading.Event()
    threads = []

    def work():
        threads.append(threading.current_thread())
        done.set()

    async def ask():
        await run_in_caller_thread(work)

    bridge.start(ask)
    assert done.wait(60)
    assert threads[0].name.startswith("aios3.sync worker")


def test_a_task_that_outlives_its_call_is_helped_as_well(bridge):
    done = threading.Event()
    later = threading.Event()

    async def outlive():
        while not later.is_set():
            await asyncio.sleep(0)
        await run_in_caller_thread(done.set)

    async def ask():
        bridge.tasks.start(outlive(), name="outlives")

    bridge.call(ask)
    later.set()
    assert done.wait(60)


def test_what_fails_there_fails_the_call(bridge):
    def work():
        raise KeyError

    with pytest.raises(KeyError):
        bridge.call(run_in_caller_thread, work)
    assert bridge.call(asyncio.sleep, 0, "still well") == "still well"


def test_the_first_call_may_come_out_of_the_first_call(monkeypatch):
    process = _loop_thread._Process()
    monkeypatch.setattr(_loop_thread, "_process", process)
    made = []

    class Made(_loop_thread.LoopThread):
        def __init__(self):
            made.append(self)
            super().__init__()
            if len(made) == 1:
                assert _loop_thread.get_loop_thread().call(asyncio.sleep, 0, "inner") == "inner"  # as a finalizer might

    monkeypatch.setattr(_loop_thread, "LoopThread", Made)
    assert _loop_thread.get_loop_thread() is made[1]
    process.stop()
    for bridge in made:
        assert not bridge._thread.is_alive()
