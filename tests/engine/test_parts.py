"""Part sizes: inside S3's limits for every object that S3 can hold, and of one size wherever the size is known."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aios3._config import MIB
from aios3._engine.parts import CONSTANT_SIZE_PARTS, copy_ranges, equal_part_size, equal_ranges, part_size
from aios3._s3_constants import MAX_OBJECT_SIZE, MAX_PART_SIZE, MAX_PARTS, MIN_PART_SIZE
from aios3.errors import UnsupportedError

GIB = 1024 * MIB
TIB = 1024 * GIB
sizes = st.one_of(st.integers(MIN_PART_SIZE, MAX_OBJECT_SIZE), st.integers(MIN_PART_SIZE, 100 * MIB))


@given(st.integers(1, MAX_PARTS), st.integers(MIN_PART_SIZE, MAX_PART_SIZE))
def test_every_part_is_of_a_size_that_s3_takes(number, first):
    assert MIN_PART_SIZE <= part_size(number, first) <= MAX_PART_SIZE


@pytest.mark.parametrize(("first", "least"), [(5 * MIB, 4.7), (8 * MIB, 6.3), (64 * MIB, 13.9), (5 * GIB, 48.8)])
def test_ten_thousand_parts_hold_what_the_docstring_says_in_tebibytes(first, least):
    assert sum(part_size(number, first) for number in range(1, MAX_PARTS + 1)) >= least * TIB


def test_sizes_of_a_stream_never_shrink_and_stay_as_configured_as_long_as_possible():
    sizes = [part_size(number, 8 * MIB) for number in range(1, MAX_PARTS + 1)]
    assert set(sizes[:CONSTANT_SIZE_PARTS]) == {8 * MIB}
    assert sizes[CONSTANT_SIZE_PARTS] == 16 * MIB
    assert sizes == sorted(sizes)


@given(st.integers(1, MAX_PARTS), st.integers(MIN_PART_SIZE, MAX_PART_SIZE))
def test_where_parts_must_be_equal_a_stream_has_no_others(number, first):
    assert part_size(number, first, equal=True) == first


@pytest.mark.parametrize("equal", [False, True])
def test_one_part_too_many_is_rejected(equal):
    with pytest.raises(UnsupportedError, match="part_size"):
        part_size(MAX_PARTS + 1, 8 * MIB, equal=equal)


@given(sizes, st.integers(MIN_PART_SIZE, MAX_PART_SIZE))
def test_a_known_size_is_cut_into_equal_parts_and_a_rest(total, preferred):
    size = equal_part_size(total, preferred)
    ranges = equal_ranges(total, size)
    assert len(ranges) <= MAX_PARTS
    assert MIN_PART_SIZE <= size <= MAX_PART_SIZE
    assert {stop - start for start, stop in ranges[:-1]} <= {size}
    assert (ranges[0][0], ranges[-1][1]) == (0, total)
    assert all(before[1] == after[0] for before, after in pairwise(ranges))
    if total <= preferred * MAX_PARTS:
        assert size == preferred


def test_the_largest_object_fits_and_a_larger_one_is_rejected():
    assert equal_part_size(MAX_OBJECT_SIZE, 8 * MIB) == MAX_PART_SIZE
    assert MAX_OBJECT_SIZE >= 50 * 10**12
    with pytest.raises(UnsupportedError, match="larger than"):
        equal_part_size(MAX_OBJECT_SIZE + 1, 8 * MIB)


@given(sizes, st.one_of(st.none(), st.integers(MIN_PART_SIZE, MAX_PART_SIZE)), st.booleans())
def test_copied_ranges_follow_each_other_and_are_parts(size, largest, followed):
    ranges = copy_ranges(size, largest, followed=followed)
    assert (ranges[0][0], ranges[-1][1]) == (0, size)
    assert all(before[1] == after[0] for before, after in pairwise(ranges))
    lengths = [stop - start for start, stop in ranges]
    assert all(MIN_PART_SIZE <= length <= MAX_PART_SIZE for length in lengths[:-1])
    assert (MIN_PART_SIZE if followed else 1) <= lengths[-1] <= MAX_PART_SIZE
    assert len(ranges) <= MAX_PARTS
    if not followed:
        assert len(set(lengths[:-1])) <= 1
        assert lengths[-1] <= lengths[0]
    if largest is None:
        assert len(ranges) == -(-size // MAX_PART_SIZE)
    elif largest >= 2 * MIN_PART_SIZE and size <= largest * MAX_PARTS:
        assert all(length <= largest for length in lengths)
