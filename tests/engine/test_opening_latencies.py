"""One slow response does not make a near server a far one, and a server that has become far is known as such."""

from aios3._engine.opening_latencies import OpeningLatencies


def test_nothing_is_known_of_a_bucket_that_has_not_responded():
    latencies = OpeningLatencies()
    latencies.record("other", 0.03)
    assert latencies.shortest("bucket") is None


def test_one_slow_response_does_not_hide_the_quick_ones_before_it():
    latencies = OpeningLatencies()
    latencies.record("bucket", 0.0004)
    latencies.record("bucket", 0.5)
    assert latencies.shortest("bucket") == 0.0004


def test_a_server_that_has_become_far_is_far_after_a_few_responses():
    latencies = OpeningLatencies()
    latencies.record("bucket", 0.0004)
    for _ in range(8):
        latencies.record("bucket", 0.03)
    assert latencies.shortest("bucket") == 0.03


def test_only_the_latest_buckets_take_memory():
    latencies = OpeningLatencies()
    latencies.record("first", 0.01)
    latencies.record("second", 0.02)
    for number in range(62):
        latencies.record(number, 0.03)
    latencies.record("first", 0.04)
    latencies.record("one too many", 0.05)
    assert latencies.shortest("first") == 0.01
    assert latencies.shortest("second") is None
