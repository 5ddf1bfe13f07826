"""Each step has its own time: whichever hangs is given up, although the others may take an hour."""

from __future__ import annotations

import pytest
from fault_common import nothing_left

import aios3
from aios3.testing import faults

HOUR = 3600.0
PATIENT = {"connect_timeout": HOUR, "tls_timeout": HOUR, "first_byte_timeout": HOUR, "read_timeout": HOUR}


@pytest.fixture
def transport():
    """aiobotocore has one time for connection and handshake, and one for the first byte and the next."""
    return "auto"


@pytest.fixture
async def fails_in_time(options, bucket, admin):
    admin.put(f"{bucket}/data", bytes(2000))

    async def check(server, said, **times):
        session = aios3.Session(**options(server, max_attempts=1, **(PATIENT | times)))
        async with nothing_left(session, server):
            with pytest.raises(aios3.RequestTimeoutError, match=said):
                await aios3.read_bytes(f"{bucket}/data", session=session)

    return check


async def test_a_handshake_that_hangs(secured, fails_in_time):
    secured.reset()
    secured.fail("Connect", faults.Stall(), times=None)
    await fails_in_time(secured, "handshake of TLS", tls_timeout=0.3)


async def test_a_handshake_has_as_long_as_the_connection_unless_something_else_is_said(secured, fails_in_time):
    secured.reset()
    secured.fail("Connect", faults.Stall(), times=None)
    await fails_in_time(secured, "handshake of TLS", tls_timeout=None, connect_timeout=1.0)


async def test_a_response_that_does_not_begin(faulty, fails_in_time):
    faulty.fail("GetObject", faults.Stall(), times=None)
    await fails_in_time(faulty, "did not respond", first_byte_timeout=0.3)
    await fails_in_time(faulty, "did not respond", first_byte_timeout=None, read_timeout=0.3)


async def test_a_response_that_stops(faulty, fails_in_time):
    faulty.fail("GetObject", faults.Stall(100), times=None)
    await fails_in_time(faulty, "did not respond", read_timeout=0.3)
