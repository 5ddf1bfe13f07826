"""Doubling while it helps, then by one a round: what rounds of requests show."""

from __future__ import annotations

import pytest

from aios3._engine.slow_start import SlowStart


def rounds(growth: SlowStart, seconds: list[float], limit: float = 8.0, now: float = 0.0) -> list[float]:
    """Return the limits after rounds that take so long each; every request has a response, and then an end."""
    limits = []
    growth.start_round(limit, now)
    for each in seconds:
        count = int(limit)
        for number in range(count):
            limit += growth.increment(limit)
            growth.on_completed(limit, now + each * (number + 1) / count)
        now += each
        limits.append(limit)
    return limits


def test_where_more_requests_take_no_longer_they_double_with_every_round():
    assert rounds(SlowStart(), [0.03] * 6) == [16, 32, 64, 128, 256, 512]


def test_where_twice_as_many_take_twice_as_long_they_grow_by_one_a_round():
    limits = rounds(SlowStart(), [0.03, 0.06, 0.12, 0.24, 0.24, 0.24])
    assert limits[:3] == [16, 32, 64]
    assert limits[3:] == pytest.approx([65, 66, 67], abs=0.1)


def test_one_slow_round_is_chance():
    assert rounds(SlowStart(), [0.03, 0.09, 0.03, 0.09, 0.03])[-1] == 256


def test_a_pause_before_the_line_forms_anew_is_not_the_servers():
    growth = SlowStart()
    limit = 8.0
    for now in (0.0, 100.0, 200.0, 300.0):
        (limit,) = rounds(growth, [0.03], limit, now)
    assert (limit, growth.is_active) == (128, True)


def test_responses_that_are_not_followed_by_ends_show_nothing():
    growth = SlowStart()
    growth.start_round(8, 0.0)
    assert {growth.increment(limit) for limit in range(8, 1000)} == {1.0}


def test_a_round_that_takes_no_time_at_all_can_be_measured():
    assert rounds(SlowStart(), [0.0, 0.0]) == [16, 32]


def test_a_server_that_has_rejected_gets_more_slowly_however_fast_it_is_later():
    growth = SlowStart()
    growth.is_active = False
    assert rounds(growth, [0.3, 0.1, 0.03])[-1] < 12
