"""Read-ahead follows what the server shows: a far one gets many requests, a near one a few."""

from aios3._engine.bandwidth import BandwidthEstimator

MIB = 1 << 20


def test_before_anything_is_known_a_few_requests_are_enough():
    assert BandwidthEstimator().readahead_bytes(8 * MIB) == 32 * MIB


def test_a_server_next_door_gets_a_few_requests():
    pace = BandwidthEstimator()
    pace.record_latency(0.0002)
    pace.record_transfer(8 * MIB, 0.003)
    assert pace.readahead_bytes(8 * MIB) == 16 * MIB


def test_a_window_is_shared_among_as_many_requests_as_fill_it():
    pace = BandwidthEstimator()
    assert pace.parallelism == 4
    pace.record_latency(0.030)
    assert pace.parallelism == 4
    pace.record_latency(0.0002)
    assert pace.parallelism == 2


def test_a_far_server_that_limits_each_connection_gets_many():
    pace = BandwidthEstimator()
    pace.record_latency(0.030)
    pace.record_transfer(8 * MIB, 8 * MIB / 90e6)
    assert pace.readahead_bytes(8 * MIB) >= 18 * 8 * MIB


def test_time_spent_in_this_process_does_not_count_as_latency():
    pace = BandwidthEstimator()
    pace.record_latency(0.0002)
    pace.record_transfer(8 * MIB, 0.003)
    pace.record_latency(0.5)
    pace.record_transfer(8 * MIB, 3.0)
    assert pace.readahead_bytes(8 * MIB) == 16 * MIB


def test_what_lay_in_the_socket_already_says_nothing_about_the_rate():
    pace = BandwidthEstimator()
    pace.record_latency(0.030)
    pace.record_transfer(8 * MIB, 8 * MIB / 90e6)
    before = pace.readahead_bytes(8 * MIB)
    pace.record_transfer(1000, 0.000001)
    assert pace.readahead_bytes(8 * MIB) == before


def test_a_near_server_stays_near_when_we_are_slow_ourselves():
    pace = BandwidthEstimator()
    pace.record_latency(0.0005)
    pace.record_transfer(8 * MIB, 3.0)
    assert pace.readahead_bytes(8 * MIB) == 16 * MIB


def test_the_burst_at_the_start_of_a_connection_is_not_its_rate():
    pace = BandwidthEstimator()
    pace.record_latency(0.030)
    pace.record_transfer(MIB, 0.001)
    pace.record_transfer(8 * MIB, 8 * MIB / 90e6)
    assert pace.readahead_bytes(8 * MIB) >= 18 * 8 * MIB


def test_what_one_connection_brings_in_a_moment_is_not_shared_among_several():
    pace = BandwidthEstimator()
    assert pace.min_split_bytes == 0
    pace.record_transfer(8 * MIB, 8 * MIB / 90e6)
    assert pace.min_split_bytes == int(90e6 * 0.02)
    pace.record_latency(0.0002)
    assert pace.min_split_bytes > 8 * MIB


def doubtful(latency=0.010):
    """A pace that has read 64 MiB from a server that seemed far, at the latency given."""
    pace = BandwidthEstimator()
    for _ in range(8):
        pace.record_latency(latency, in_flight=8)
        pace.record_transfer(8 * MIB, 8 * MIB / 90e6)
    return pace


def test_a_near_server_that_responded_late_is_found_out_by_a_trial():
    pace = doubtful()
    assert pace.readahead_bytes(8 * MIB) == 2 * MIB
    pace.record_latency(0.0005, in_flight=2)
    assert pace.readahead_bytes(8 * MIB) == 16 * MIB


def test_a_trial_ends_after_a_few_responses_and_the_next_one_is_far_away():
    pace = doubtful()
    for _ in range(4):
        assert pace.readahead_bytes(8 * MIB) == 2 * MIB
        pace.record_latency(0.010, in_flight=2)
    far = pace.readahead_bytes(8 * MIB)
    assert far > 100 * MIB
    for _ in range(23):
        pace.record_transfer(8 * MIB, 8 * MIB / 90e6)
        assert pace.readahead_bytes(8 * MIB) == far
    pace.record_transfer(8 * MIB, 8 * MIB / 90e6)
    assert pace.readahead_bytes(8 * MIB) == 2 * MIB


def test_responses_among_many_requests_say_nothing_in_a_trial():
    pace = doubtful()
    for _ in range(10):
        pace.record_latency(0.010, in_flight=3)
    assert pace.readahead_bytes(8 * MIB) == 2 * MIB


def test_a_server_that_is_far_without_doubt_gets_no_trial():
    assert doubtful(0.016).readahead_bytes(8 * MIB) > 100 * MIB


def test_a_near_server_gets_no_trial():
    assert doubtful(0.001).readahead_bytes(8 * MIB) == 16 * MIB
