"""Read-ahead follows what the server shows: a far one gets many requests, a near one a few."""

from aios3._engine.pace import Pace

MIB = 1 << 20


def test_before_anything_is_known_a_few_requests_are_enough():
    assert Pace().window(8 * MIB) == 32 * MIB


def test_a_server_next_door_gets_a_few_requests():
    pace = Pace()
    pace.answered(0.0002)
    pace.arrived(8 * MIB, 0.003)
    assert pace.window(8 * MIB) == 16 * MIB


def test_a_window_is_shared_among_as_many_requests_as_fill_it():
    pace = Pace()
    assert pace.shares == 4
    pace.answered(0.030)
    assert pace.shares == 4
    pace.answered(0.0002)
    assert pace.shares == 2


def test_a_far_server_that_limits_each_connection_gets_many():
    pace = Pace()
    pace.answered(0.030)
    pace.arrived(8 * MIB, 8 * MIB / 90e6)
    assert pace.window(8 * MIB) >= 18 * 8 * MIB


def test_our_own_slowness_is_not_taken_for_the_servers():
    pace = Pace()
    pace.answered(0.0002)
    pace.arrived(8 * MIB, 0.003)
    pace.answered(0.5)
    pace.arrived(8 * MIB, 3.0)
    assert pace.window(8 * MIB) == 16 * MIB


def test_what_lay_in_the_socket_already_says_nothing_about_the_rate():
    pace = Pace()
    pace.answered(0.030)
    pace.arrived(8 * MIB, 8 * MIB / 90e6)
    before = pace.window(8 * MIB)
    pace.arrived(1000, 0.000001)
    assert pace.window(8 * MIB) == before


def test_a_near_server_stays_near_when_we_are_slow_ourselves():
    pace = Pace()
    pace.answered(0.0005)
    pace.arrived(8 * MIB, 3.0)
    assert pace.window(8 * MIB) == 16 * MIB


def test_the_burst_at_the_start_of_a_connection_is_not_its_rate():
    pace = Pace()
    pace.answered(0.030)
    pace.arrived(MIB, 0.001)
    pace.arrived(8 * MIB, 8 * MIB / 90e6)
    assert pace.window(8 * MIB) >= 18 * 8 * MIB


def test_what_one_connection_brings_in_a_moment_is_not_shared_among_several():
    pace = Pace()
    assert pace.length == 0
    pace.arrived(8 * MIB, 8 * MIB / 90e6)
    assert pace.length == int(90e6 * 0.02)
    pace.answered(0.0002)
    assert pace.length > 8 * MIB
