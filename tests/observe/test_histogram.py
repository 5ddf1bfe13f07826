"""Quantiles that a user is shown are those of the times, within the width of a class."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aios3._histogram import Histogram

times = st.lists(st.floats(2e-6, 1e5), min_size=1, max_size=200)


@given(times, st.sampled_from([0.01, 0.5, 0.95, 0.99, 1.0]))
def test_a_quantile_is_that_of_the_sorted_times_within_five_percent(seconds, share):
    histogram = Histogram()
    for each in seconds:
        histogram.add(each)
    exact = sorted(seconds)[math.ceil(share * len(seconds)) - 1]
    assert histogram.quantile(share) == pytest.approx(exact, rel=0.05)


def test_nothing_has_no_quantile_and_what_is_beyond_the_scale_is_counted():
    histogram = Histogram()
    assert histogram.quantile(0.5) == 0.0
    for seconds in (0.0, -1e-9, 1e-9, 1e30):
        histogram.add(seconds)
    assert histogram.quantile(0.5) < 1.1e-6
    assert histogram.quantile(1.0) > 86_400
