"""A request takes no more coroutines and calls than it did: what is added to a common way is seen here."""

from __future__ import annotations

import logging

import pytest

from routes import OPERATIONS, REQUESTS, calls_of, coroutines_of

CEILINGS = {
    "read_bytes, small": 9,
    "aopen + read + close, small": 17,
    "read_at": 12,
    "write_bytes, small": 9,
    "a part of an upload": 6,
    "a file of a tree upload": 10,
    "stat": 7,
    "scan": 23,
}
"""The most coroutines that an operation may begin. Lower a figure when the count is lower; never raise one."""


def test_every_operation_that_is_counted_has_a_ceiling() -> None:
    assert CEILINGS.keys() == OPERATIONS.keys()


@pytest.mark.parametrize("operation", OPERATIONS)
async def test_an_operation_begins_no_more_coroutines_than_before(operation: str) -> None:
    started = await coroutines_of(operation)
    assert started  # what counts nothing would let every route pass
    assert len(started) <= CEILINGS[operation], "\n".join(started)


CALL_CEILINGS = {
    "a small get": (130, 4),
    "a small put": (140, 4),
    "a read of 64 KiB": (192, 6),
    "a page of a listing": (449, 17),
}
"""The most calls of aios3's functions and of the system that a request may take. Never raise a figure."""


def test_every_request_whose_calls_are_counted_has_a_ceiling() -> None:
    assert CALL_CEILINGS.keys() == REQUESTS.keys()


@pytest.mark.parametrize("request_name", REQUESTS)
async def test_a_request_takes_no_more_calls_than_before(request_name: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "aios3.request")  # a line for each request would count as well
    calls, system_calls = await calls_of(request_name)
    most_calls, most_system_calls = CALL_CEILINGS[request_name]
    assert (0 < calls <= most_calls, 0 < system_calls <= most_system_calls) == (True, True), (calls, system_calls)
