"""Doubling while it helps, then by one a round: what rounds of answers show."""

from __future__ import annotations

import pytest

from aios3._engine.growth import Growth


def answer(growth: Growth, limit: float, at: list[float]) -> float:
    """Return what ``limit`` has become after answers at these times."""
    for now in at:
        limit += growth.step(limit, now)
    return limit


def rounds(growth: Growth, seconds: list[float]) -> list[float]:
    """Return the limits after rounds that take so long each, from 8 on."""
    limit, now, limits = 8.0, 0.0, []
    growth.begin_round(limit, now)
    for each in seconds:
        count = int(limit)
        limit = answer(growth, limit, [now + each * (number + 1) / count for number in range(count)])
        now += each
        limits.append(limit)
    return limits


def test_where_more_requests_take_no_longer_they_double_with_every_round():
    assert rounds(Growth(), [0.03] * 6) == [16, 32, 64, 128, 256, 512]


def test_where_twice_as_many_take_twice_as_long_they_grow_by_one_a_round():
    limits = rounds(Growth(), [0.03, 0.06, 0.12, 0.24, 0.24, 0.24])
    assert limits[:3] == [16, 32, 64]
    assert limits[3:] == pytest.approx([65, 66, 67], abs=0.1)


def test_one_slow_round_is_chance():
    assert rounds(Growth(), [0.03, 0.09, 0.03, 0.09, 0.03])[-1] == 256


def test_what_time_a_pause_has_taken_is_not_the_servers():
    growth = Growth()
    limit = 8.0
    for now in (0.0, 100.0, 200.0, 300.0):  # a burst at each, and a line that forms anew
        growth.begin_round(limit, now)
        limit = answer(growth, limit, [now + 0.03 * (number + 1) / limit for number in range(int(limit))])
    assert (limit, growth.doubles) == (128, True)


def test_a_round_that_takes_no_time_at_all_can_be_measured():
    assert rounds(Growth(), [0.0, 0.0]) == [16, 32]
