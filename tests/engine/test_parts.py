"""Part sizes: inside S3's limits for every object that S3 can hold in parts of that size."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aios3._config import MAX_PART_SIZE, MIB, MIN_PART_SIZE
from aios3._engine.parts import MAX_PARTS, copy_ranges, part_size
from aios3.errors import UnsupportedError

GIB = 1024 * MIB


@given(st.integers(1, MAX_PARTS), st.integers(MIN_PART_SIZE, MAX_PART_SIZE))
def test_every_part_is_of_a_size_that_s3_takes(number, first):
    assert MIN_PART_SIZE <= part_size(number, first) <= MAX_PART_SIZE


@pytest.mark.parametrize(("first", "least"), [(5 * MIB, 4.8), (8 * MIB, 7.8), (64 * MIB, 22)])
def test_ten_thousand_parts_hold_what_the_docstring_says_in_tebibytes(first, least):
    assert sum(part_size(number, first) for number in range(1, MAX_PARTS + 1)) >= least * 1024 * GIB


def test_sizes_never_shrink_and_start_as_configured():
    sizes = [part_size(number, 8 * MIB) for number in range(1, MAX_PARTS + 1)]
    assert sizes[0] == sizes[999] == 8 * MIB
    assert sizes[1000] == 16 * MIB
    assert sizes == sorted(sizes)


def test_one_part_too_many_is_refused():
    with pytest.raises(UnsupportedError, match="part_size"):
        part_size(MAX_PARTS + 1, 8 * MIB)


@given(st.integers(MIN_PART_SIZE, 48 * 1024 * GIB))
def test_copied_ranges_follow_each_other_and_are_parts(size):
    ranges = copy_ranges(size)
    assert ranges[0][0] == 0
    assert ranges[-1][1] == size
    assert all(before[1] == after[0] for before, after in pairwise(ranges))
    assert all(MIN_PART_SIZE <= stop - start <= MAX_PART_SIZE for start, stop in ranges)
    assert len(ranges) == -(-size // MAX_PART_SIZE)


@given(st.integers(MIN_PART_SIZE, 48 * 1024 * GIB), st.integers(MIN_PART_SIZE, MAX_PART_SIZE))
def test_smaller_copied_ranges_are_parts_as_well(size, largest):
    ranges = copy_ranges(size, largest)
    assert (ranges[0][0], ranges[-1][1]) == (0, size)
    assert all(before[1] == after[0] for before, after in pairwise(ranges))
    assert all(MIN_PART_SIZE <= stop - start <= MAX_PART_SIZE for start, stop in ranges)
    assert len(ranges) <= MAX_PARTS
    if largest >= 2 * MIN_PART_SIZE and size <= largest * MAX_PARTS:
        assert all(stop - start <= largest for start, stop in ranges)
