"""A request takes no more coroutines and calls than it did: what is added to a common way is seen here."""

from __future__ import annotations

import logging

import pytest

from routes import CALL_CEILINGS, CEILINGS, OPERATIONS, REQUESTS, calls_of, coroutines_of


def test_every_operation_that_is_counted_has_a_ceiling() -> None:
    assert CEILINGS.keys() == OPERATIONS.keys()


@pytest.mark.parametrize("operation", OPERATIONS)
async def test_an_operation_begins_no_more_coroutines_than_before(operation: str) -> None:
    started = await coroutines_of(operation)
    assert started  # what counts nothing would let every route pass
    assert len(started) <= CEILINGS[operation], "\n".join(started)


def test_every_request_whose_calls_are_counted_has_a_ceiling() -> None:
    assert CALL_CEILINGS.keys() == REQUESTS.keys()


@pytest.mark.parametrize("request_name", REQUESTS)
async def test_a_request_takes_no_more_calls_than_before(request_name: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "aios3.request")  # a line for each request would count as well
    calls, system_calls = await calls_of(request_name)
    most_calls, most_system_calls = CALL_CEILINGS[request_name]
    assert (0 < calls <= most_calls, 0 < system_calls <= most_system_calls) == (True, True), (calls, system_calls)
