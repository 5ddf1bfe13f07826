"""Read-ahead follows what the server shows: a far one gets many requests, a near one a few."""

from aios3._engine.pace import Pace

MIB = 1 << 20


def test_before_anything_is_known_a_few_requests_are_enough():
    assert Pace().window(8 * MIB) == 32 * MIB


def test_a_server_next_door_gets_a_few_requests():
    pace = Pace()
    pace.answered(0.0002)
    pace.arrived(8 * MIB, 0.003)
    assert pace.window(8 * MIB) == 32 * MIB


def test_a_far_server_that_limits_each_connection_gets_many():
    pace = Pace()
    pace.answered(0.030)
    pace.arrived(8 * MIB, 8 * MIB / 90e6)
    assert pace.window(8 * MIB) >= 24 * 8 * MIB


def test_our_own_slowness_is_not_taken_for_the_servers():
    pace = Pace()
    pace.answered(0.0002)
    pace.arrived(8 * MIB, 0.003)
    pace.answered(0.5)
    pace.arrived(8 * MIB, 3.0)
    assert pace.window(8 * MIB) == 32 * MIB


def test_what_lay_in_the_socket_already_says_nothing_about_the_rate():
    pace = Pace()
    pace.answered(0.030)
    pace.arrived(8 * MIB, 8 * MIB / 90e6)
    before = pace.window(8 * MIB)
    pace.arrived(1000, 0.000001)
    assert pace.window(8 * MIB) == before
