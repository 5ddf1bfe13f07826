"""Blocks that are used again: never while somebody still looks at them, and never more than the limit."""

import sys

from hypothesis import given
from hypothesis import strategies as st

from aios3._aligned_buffers import allocate_aligned
from aios3._engine.buffer_pool import BufferPool

SIZE = 64 * 1024


def test_a_released_block_is_reused():
    spares = BufferPool(4 * SIZE)
    block = spares.acquire(SIZE)
    spares.release(block)
    assert spares.held == SIZE
    assert spares.acquire(SIZE) is block
    assert spares.held == 0


def test_memory_that_is_still_read_is_not_overwritten():
    spares = BufferPool(4 * SIZE)
    block = spares.acquire(SIZE)
    block[:5] = b"first"
    view = memoryview(block)[:5].toreadonly()
    spares.release(block)
    other = spares.acquire(SIZE)
    assert other is not block
    other[:5] = b"other"
    assert view == b"first"
    del view
    spares.release(other)
    assert {id(spares.acquire(SIZE)), id(spares.acquire(SIZE))} == {id(block), id(other)}


def test_small_blocks_are_left_to_the_allocator():
    spares = BufferPool(4 * SIZE)
    spares.release(bytearray(SIZE - 1))
    assert spares.held == 0


@given(st.lists(st.tuples(st.booleans(), st.sampled_from([SIZE, SIZE + 1, 3 * SIZE, 9 * SIZE])), max_size=40))
def test_no_more_than_the_limit_is_held_and_sizes_are_exact(steps):
    spares = BufferPool(4 * SIZE)
    for is_put, size in steps:
        if is_put:
            spares.release(bytearray(size))
        else:
            assert len(spares.acquire(size)) == size
        assert 0 <= spares.held <= 4 * SIZE


@given(st.integers(1, 3 * SIZE))
def test_fresh_memory_is_zeros_of_the_size_asked_for_and_stays_in_place_when_it_grows(size):
    block = allocate_aligned(size)
    assert len(block) == size
    assert not any(block)
    room = sys.getsizeof(block)
    block.append(1)
    assert sys.getsizeof(block) == room


def test_large_memory_starts_after_the_allocators_header():
    assert sys.getsizeof(allocate_aligned(SIZE)) - sys.getsizeof(bytearray(SIZE)) >= 48
