"""The one policy: who is tried again, how often all of a session may try again, and what a server asks for."""

from __future__ import annotations

import asyncio

import pytest

from aios3._engine import retry_policy as policy_module
from aios3._engine.retry_policy import RETRY_QUOTA, RetryPolicy
from aios3.errors import (
    AccessDeniedError,
    ConnectionFailedError,
    ObjectNotFoundError,
    RequestTimeoutError,
    S3Error,
    ServerError,
    ThrottledError,
    TLSError,
)


@pytest.fixture(autouse=True)
def no_jitter(monkeypatch):
    monkeypatch.setattr(policy_module, "retry_delay", lambda failures: failures / 1000)


def broken(cls=ConnectionFailedError, **fields):
    error = cls(
        "GetObject s3://b/k: it broke", path="s3://b/k", operation="GetObject", status=fields.pop("status", None)
    )
    for name, value in fields.items():
        setattr(error, name, value)
    return error


@pytest.mark.parametrize("error", [AccessDeniedError, TLSError])
def test_what_cannot_succeed_is_raised_as_it_is(error):
    policy, failure = RetryPolicy(5), broken(error)
    with pytest.raises(error) as caught:
        policy.next_delay(failure, 1)
    assert caught.value is failure
    assert policy.quota == RETRY_QUOTA


def test_the_error_of_the_last_attempt_is_not_retried_by_callers():
    policy, failure = RetryPolicy(3), broken()
    policy.next_delay(failure, 1)
    policy.next_delay(failure, 2)
    for failures in (3, 1):
        with pytest.raises(ConnectionFailedError) as caught:
            policy.next_delay(failure, failures)
        assert caught.value is failure


def test_an_outage_is_not_multiplied():
    policy = RetryPolicy(5)
    attempts = 0
    with pytest.raises(ServerError, match="many requests of this session fail") as caught:
        for _ in range(1000):
            policy.next_delay(broken(ServerError, status=500), 1)
            attempts += 1
    assert attempts == 100
    assert "GetObject s3://b/k: it broke" in str(caught.value)
    assert (caught.value.status, caught.value.path) == (500, "s3://b/k")
    assert isinstance(caught.value.__cause__, ServerError)


def test_timeouts_cost_twice_as_much_and_progress_costs_nothing():
    policy = RetryPolicy(5)
    policy.next_delay(broken(RequestTimeoutError), 1)
    assert policy.quota == RETRY_QUOTA - 10
    policy.next_delay(broken(), 1, progress=True)
    assert policy.quota == RETRY_QUOTA - 10


def test_success_gives_back_what_its_attempts_cost():
    policy = RetryPolicy(5)
    policy.next_delay(broken(), 1)
    policy.next_delay(broken(), 2)
    policy.next_delay(broken(), 1)  # somebody else's, who fails
    policy.on_success(2)
    assert policy.quota == RETRY_QUOTA - 5
    for _ in range(10):
        policy.on_success()
    assert policy.quota == RETRY_QUOTA


def test_the_server_says_how_long_to_wait_within_reason():
    policy = RetryPolicy(5)
    assert policy.next_delay(broken(ThrottledError, retry_after=7.0), 1) == 7
    assert policy.next_delay(broken(ThrottledError, retry_after=86_400.0), 1) == 30
    assert policy.next_delay(broken(ThrottledError), 1) == 0.001


def test_only_requests_to_slow_down_slow_down():
    policy = RetryPolicy(5)
    at_first = policy.limiter.limit
    policy.next_delay(broken(ServerError), 1)
    assert policy.limiter.limit == at_first
    for _ in range(2):
        policy.next_delay(broken(ThrottledError), 1)
    assert policy.limiter.limit < at_first


@pytest.mark.parametrize(("status", "is_response"), [(404, True), (412, True), (500, False), (None, False)])
async def test_what_the_server_says_is_not_there_is_a_response_all_the_same(status, is_response):
    policy = RetryPolicy(5)
    at_first = policy.limiter.limit
    asking = [asyncio.create_task(policy.limiter.acquire()) for _ in range(20)]
    await asyncio.sleep(0)
    with pytest.raises(S3Error):
        policy.next_delay(broken(ObjectNotFoundError, status=status), 1)
    assert (policy.limiter.limit > at_first) == is_response
    for task in asking:
        task.cancel()
    await asyncio.wait(asking)
