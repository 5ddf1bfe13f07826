"""A request takes no more coroutines to the socket than it did: what is added to a common way is seen here."""

from __future__ import annotations

import pytest

from routes import OPERATIONS, coroutines_of

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
