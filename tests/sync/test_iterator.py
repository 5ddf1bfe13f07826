"""Async generators as ordinary iterators."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import itertools
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aios3.errors import ClosedHandleError, ObjectNotFoundError, WrongLoopError
from aios3.sync import _loop_thread
from aios3.sync._iterator import MAX_BATCH, SyncIterator, iterate
from thorough import examples


class Source:
    """A generator of numbers that says how far it has been driven and whether it was closed."""

    def __init__(self, stop=None, error=None, wait_at=()):
        self.stop, self.error, self.wait_at = stop, error, set(wait_at)
        self.made = 0
        self.waiting = threading.Event()
        self.closed = threading.Event()

    async def __call__(self, start=0):
        try:
            for number in itertools.count(start) if self.stop is None else range(start, self.stop):
                if number in self.wait_at:
                    self.waiting.set()
                    await asyncio.get_running_loop().create_future()
                self.made += 1
                yield number
            if self.error is not None:
                raise self.error
        finally:
            await asyncio.sleep(0)
            self.closed.set()


@pytest.fixture
def over(bridge):
    return lambda source, *args: SyncIterator(bridge, partial(source, *args))


@pytest.mark.parametrize("count", [0, 1, 2, 3, 1023, 1024, 1025, 5000])
def test_all_items_in_order(over, tasks, count):
    assert list(over(Source(count))) == list(range(count))
    assert tasks() == set()


def test_nothing_happens_before_the_first_item_is_asked_for(over, tasks):
    source = Source(3)
    items = over(source)
    assert tasks() == set()
    assert (source.made, next(items)) == (0, 0)


def test_first_item_comes_before_the_second_exists(over):
    source = Source(wait_at=[1])
    assert next(over(source)) == 0


def test_look_ahead_is_bounded(over, bridge):
    source = Source()
    items = over(source)

    async def turn():
        for _ in range(10):
            await asyncio.sleep(0)

    for expected in range(5):
        assert next(items) == expected
    bridge.call(turn)
    assert source.made <= 5 + 2 * 5
    for expected in range(5, 5 * MAX_BATCH):
        assert next(items) == expected
    bridge.call(turn)
    assert source.made <= 7 * MAX_BATCH
    items.close()


def test_batches_grow_so_that_calls_into_the_loop_are_few(over, bridge, monkeypatch):
    crossings = itertools.count()
    cross = bridge.call

    def count(*args):
        next(crossings)
        return cross(*args)

    monkeypatch.setattr(bridge, "call", count)
    assert sum(1 for _ in over(Source(100_000))) == 100_000
    assert next(crossings) < 150


@given(count=st.integers(0, 40), takes=st.integers(0, 45))
@settings(max_examples=examples(50), deadline=None)
def test_error_comes_after_the_items_before_it(count, takes):
    items = iterate(Source(count, OSError("listing failed")))
    with contextlib.closing(items):
        for number in range(min(takes, count)):
            assert next(items) == number
        if takes > count:
            with pytest.raises(OSError, match="listing failed"):
                next(items)
            assert next(items, "end") == "end"


def test_error_before_the_first_item(over):
    items = over(Source(0, ObjectNotFoundError("no such bucket")))
    with pytest.raises(FileNotFoundError):
        next(items)


def test_error_of_the_call_itself(over):
    def reject():
        raise TypeError

    with pytest.raises(TypeError):
        next(over(reject))


def test_close_ends_the_generator_where_it_stands(over, tasks):
    source = Source(wait_at=[10])
    items = over(source)
    assert [next(items) for _ in range(10)] == list(range(10))
    assert source.waiting.wait(30)
    items.close()
    assert source.closed.is_set()
    assert tasks() == set()
    assert list(items) == []
    items.close()


def test_close_before_the_first_item(over, tasks):
    source = Source()
    items = over(source)
    items.close()
    assert list(items) == []
    assert (source.made, tasks()) == (0, set())


def test_with_closes(over):
    source = Source()
    with over(source) as items:
        assert next(items) == 0
    assert source.closed.is_set()


def test_close_raises_errors_of_the_cleanup(over, tasks):
    error = OSError("cleaning up failed")

    async def generator():
        try:
            while True:
                yield 1
        finally:
            raise error

    items = over(generator)
    assert next(items) == 1
    with pytest.raises(OSError, match="cleaning up failed"):
        items.close()
    assert tasks() == set()


def test_close_is_silent_about_an_error_ahead_of_the_consumer(over):
    source = Source(2, OSError("page 2"))
    items = over(source)
    assert next(items) == 0
    assert source.closed.wait(30)
    items.close()


def test_break_leaves_no_task(over, tasks):
    source = Source()
    for _ in over(source):
        break
    assert source.closed.wait(30)
    assert tasks() == set()


def test_garbage_collection_closes_from_any_thread_without_waiting(over, bridge, tasks):
    source = Source()
    cycle = [over(source)]
    next(cycle[0])
    cycle.append(cycle)
    del cycle

    async def collect():  # on the loop itself, where waiting for the loop would never end
        gc.collect()

    bridge.call(collect)
    assert source.closed.wait(30)
    assert tasks() == set()


def test_ctrl_c_closes_the_generator(over, ctrl_c, tasks):
    closed = []

    async def listing():
        try:
            yield 1
            ctrl_c()
            await asyncio.get_running_loop().create_future()
        finally:
            closed.append(True)

    items = over(listing)
    with pytest.raises(KeyboardInterrupt):
        list(items)
    assert closed == [True]
    assert tasks() == set()
    assert next(items, "end") == "end"


def test_threads_share_an_iterator(over):
    items = over(Source(20_000))
    with ThreadPoolExecutor(8) as threads:
        shares = list(threads.map(lambda _: list(items), range(8)))
    assert sorted(itertools.chain.from_iterable(shares)) == list(range(20_000))


def test_a_batch_that_another_thread_has_fetched_is_not_skipped(over, bridge, monkeypatch):
    items = over(Source(100))
    cross, both_wait = bridge.call, threading.Barrier(2)

    def fetch(*args):
        if waiting:
            waiting.pop()
            other.start()
            both_wait.wait(30)
        return cross(*args)

    found = []

    def take():
        both_wait.wait(30)
        found.append(next(items))

    waiting, other = [1], threading.Thread(target=take)
    for _ in range(7):  # the next batch has 8 items
        next(items)
    monkeypatch.setattr(bridge, "call", fetch)
    found.append(next(items))
    other.join()
    assert sorted([*found, *items]) == list(range(7, 100))


def test_close_in_one_thread_ends_the_waiting_of_another(over):
    source = Source(wait_at=[0])
    items = over(source)
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(list, items)
        assert source.waiting.wait(30)
        items.close()
        assert waiting.result() == []


def test_a_cancelled_error_of_the_generator_is_not_its_end(over):
    async def listing():
        yield 1
        raise asyncio.CancelledError

    items = over(listing)
    assert next(items) == 1
    with pytest.raises(ClosedHandleError):
        next(items)


def test_stop_ends_iterators_with_an_error(over, bridge):
    source = Source(wait_at=[0])
    items = over(source)
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(list, items)
        assert source.waiting.wait(30)
        bridge.stop()
        with pytest.raises(ClosedHandleError):
            waiting.result()
    assert source.closed.is_set()


def test_an_iterator_that_cannot_be_aclosed(over):
    class Once:
        def __init__(self):
            self.items = [1, 2]

        def __aiter__(self):
            return self

        async def __anext__(self):
            if not self.items:
                raise StopAsyncIteration
            return self.items.pop(0)

    assert list(over(Once)) == [1, 2]


def test_after_a_fork_the_copy_rejects_and_lets_the_parents_be(over, bridge, monkeypatch):
    source = Source()
    items = over(source)
    next(items)
    next(items)
    next(items)
    monkeypatch.setattr("os.getpid", lambda: -1)
    with pytest.raises(WrongLoopError):
        list(items)
    items.close()
    monkeypatch.undo()
    assert not source.closed.is_set()
    items.close()
    assert source.closed.is_set()


def test_module_function_uses_the_loop_thread_of_the_process():
    assert list(iterate(Source(5), 2)) == [2, 3, 4]
    assert _loop_thread.get_loop_thread() is _loop_thread.get_loop_thread()


def test_open_iterator_at_interpreter_exit(run_script):
    script = run_script("""
        import asyncio
        from aios3.sync._iterator import iterate
        async def listing():
            try:
                while True: yield 1
            finally:
                print("closed", flush=True)
        items = iterate(listing)
        next(items)
    """)
    assert (script.stdout, script.stderr, script.returncode) == ("closed\n", "", 0)


def test_the_thread_that_fetches_a_batch_has_its_first_item(over, monkeypatch):
    """Threads that share an iterator take items without its lock: an empty batch would end the loop of one of them."""
    iterator = over(Source(3))
    taken_by_another = []

    class Batch:
        """One item; another thread looks for it at the moment at which the first thread takes it."""

        def __init__(self):
            self.items = iter([0])
            self.is_first = True

        def __iter__(self):
            return self

        def __next__(self):
            if self.is_first:
                self.is_first = False
                taken_by_another.extend(iterator._batch)
            return next(self.items)

    monkeypatch.setattr(iterator._loop_thread, "call", lambda *_args: Batch())
    assert next(iterator) == 0
    assert taken_by_another == []
    monkeypatch.undo()
    iterator.close()
