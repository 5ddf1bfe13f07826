"""Blocks that are used again: never while somebody still looks at them, and never more than the limit."""

import sys

from hypothesis import given
from hypothesis import strategies as st

from aios3._engine.spares import Spares
from aios3._memory import fresh

SIZE = 64 * 1024


def test_a_block_that_nobody_looks_at_is_used_again():
    spares = Spares(4 * SIZE)
    block = spares.take(SIZE)
    spares.put(block)
    assert spares.held == SIZE
    assert spares.take(SIZE) is block
    assert spares.held == 0


def test_what_somebody_still_reads_is_not_overwritten():
    spares = Spares(4 * SIZE)
    block = spares.take(SIZE)
    block[:5] = b"first"
    view = memoryview(block)[:5].toreadonly()
    spares.put(block)
    other = spares.take(SIZE)
    assert other is not block
    other[:5] = b"other"
    assert view == b"first"
    del view
    spares.put(other)
    assert {id(spares.take(SIZE)), id(spares.take(SIZE))} == {id(block), id(other)}


def test_small_blocks_are_left_to_the_allocator():
    spares = Spares(4 * SIZE)
    spares.put(bytearray(SIZE - 1))
    assert spares.held == 0


@given(st.lists(st.tuples(st.booleans(), st.sampled_from([SIZE, SIZE + 1, 3 * SIZE, 9 * SIZE])), max_size=40))
def test_no_more_than_the_limit_is_held_and_sizes_are_exact(steps):
    spares = Spares(4 * SIZE)
    for is_put, size in steps:
        if is_put:
            spares.put(bytearray(size))
        else:
            assert len(spares.take(size)) == size
        assert 0 <= spares.held <= 4 * SIZE


@given(st.integers(1, 3 * SIZE))
def test_fresh_memory_is_zeros_of_the_size_asked_for_and_stays_in_place_when_it_grows(size):
    block = fresh(size)
    assert len(block) == size
    assert not any(block)
    room = sys.getsizeof(block)
    block.append(1)
    assert sys.getsizeof(block) == room


def test_large_memory_begins_behind_what_the_allocator_gave():
    assert sys.getsizeof(fresh(SIZE)) - sys.getsizeof(bytearray(SIZE)) >= 48
