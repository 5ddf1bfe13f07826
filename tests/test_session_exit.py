"""The end of the interpreter: every open session ends, whatever happens to one, and all within one time."""

from __future__ import annotations

import asyncio
import gc
import threading
from concurrent.futures import Future

import pytest

import aios3
from aios3 import _session_exit
from aios3._engine import cleanup_thread
from aios3._session_exit import _end_sessions, end_at_exit, loops_with_end


class Fake:
    """A session; ``future`` is what its loop gives for closing it, None for a loop that has stopped."""

    def __init__(self, log, name, future=None, *, closed=False, loop=None):
        self.log, self.name, self.future, self.closed, self.loop = log, name, future, closed, loop
        end_at_exit(self)

    def close_from_thread(self):
        self.log.append(f"close {self.name}")
        return self.future

    def abort_at_exit(self):
        self.log.append(f"abort {self.name}")


def done(error=None, *, cancelled=False):
    future = Future()
    if cancelled:
        future.cancel()
    elif error is not None:
        future.set_exception(error)
    else:
        future.set_result(None)
    return future


@pytest.fixture
def clock(monkeypatch):
    """Virtual seconds of the end: waiting for futures that do not end takes all of the time that it may."""
    gc.collect()
    now = [1000.0]
    monkeypatch.setattr(_session_exit, "_bound", type(_session_exit._bound)())
    monkeypatch.setattr(cleanup_thread, "_exit_began_at", [])
    monkeypatch.setattr(cleanup_thread.time, "monotonic", lambda: now[0])
    real = _session_exit.wait

    def wait(futures, timeout):
        results = real(futures, timeout=0)
        now[0] += timeout if results.not_done else 0
        return results

    monkeypatch.setattr(_session_exit, "wait", wait)
    return now


def test_aborts_of_stopped_loops_begin_before_other_loops_are_waited_for(clock):
    log = []
    sessions = [Fake(log, "slow", Future()), Fake(log, "stopped"), Fake(log, "quick", done())]
    _end_sessions()
    assert len(sessions) == 3
    assert log.index("abort stopped") < min(log.index("abort slow"), log.index("abort quick"))
    assert sorted(log) == sorted([f"{what} {each.name}" for each in sessions for what in ("close", "abort")])


def test_a_loop_that_hangs_leaves_time_for_the_aborts_on_another(clock):
    log, start = [], clock[0]
    sessions = [Fake(log, str(number), Future()) for number in range(50)]
    _end_sessions()
    assert len(log) == 2 * len(sessions)
    assert clock[0] - start <= cleanup_thread.MAX_EXIT_WAIT_SECONDS * 2 / 3
    left = cleanup_thread.exit_seconds_left()
    assert left >= cleanup_thread.MAX_EXIT_WAIT_SECONDS / 4
    assert clock[0] + left == pytest.approx(start + cleanup_thread.MAX_EXIT_WAIT_SECONDS)


def test_an_error_of_one_is_logged_and_the_others_end(clock, caplog):
    log = []
    sessions = [
        Fake(log, "failed", done(aios3.ServerError("a write was lost"))),
        Fake(log, "cancelled", done(cancelled=True)),
        Fake(log, "stopped"),
    ]
    _end_sessions()
    assert [record.getMessage() for record in caplog.records] == [
        "A session that the end of the interpreter closed has failed: a write was lost"
    ]
    assert {each for each in log if each.startswith("abort")} == {f"abort {each.name}" for each in sessions}


def test_closed_sessions_and_those_of_loops_with_an_end_of_their_own_are_left_alone(clock):
    log, loop = [], asyncio.new_event_loop()
    loops_with_end.add(loop)
    sessions = [Fake(log, "closed", closed=True), Fake(log, "own end", loop=loop)]
    _end_sessions()
    loop.close()
    assert len(sessions) == 2
    assert log == []


@pytest.fixture
def elsewhere():
    """A loop that runs in another thread."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield loop
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


def test_a_loop_that_closes_at_that_moment_is_one_that_has_stopped(elsewhere, monkeypatch, recwarn):
    async def bound():
        session = aios3.Session()
        session.bind()
        return session

    session = asyncio.run_coroutine_threadsafe(bound(), elsewhere).result()

    def closed(_coroutine, _loop):
        raise RuntimeError

    with monkeypatch.context() as patch:
        patch.setattr(asyncio, "run_coroutine_threadsafe", closed)
        assert session.close_from_thread() is None
    gc.collect()
    assert [str(each.message) for each in recwarn if "never awaited" in str(each.message)] == []
    session.close_from_thread().result(10)
    assert session.closed


def test_work_at_the_end_starts_and_is_not_waited_for(monkeypatch):
    waits = []
    join = threading.Thread.join

    def watched(thread, timeout=None):
        if thread.name.startswith("abort"):
            waits.append((thread.name, timeout))
        join(thread, timeout)

    monkeypatch.setattr(threading.Thread, "join", watched)

    async def work():
        ended.set()

    ended = threading.Event()
    cleanup_thread.run_in_cleanup_thread(work, "abort at the end", wait=False)
    assert ended.wait(10)
    assert waits == []
    cleanup_thread.run_in_cleanup_thread(work, "abort")
    assert waits == [("abort", cleanup_thread.MAX_CALLER_WAIT_SECONDS)]
