"""At debug, each attempt is one line that can be read, and that nothing from outside can break or forge."""

from __future__ import annotations

import logging

import pytest

import aios3
from aios3._observe import observer
from aios3.testing import faults


def lines(caplog) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == "aios3.request"]


async def test_a_line_says_what_was_asked_and_what_came_of_it(config, transport, faulty, bucket, caplog):
    caplog.set_level(logging.DEBUG, "aios3")
    faulty.fail("PutObject", faults.SlowDown(), times=1)
    async with aios3.Session(config) as session:
        await aios3.write_bytes(f"{bucket}/a b", b"12345", session=session)
    rejected, done = lines(caplog)
    place = f"PutObject bucket={bucket.removeprefix('s3://')!r} key='a b' "
    backend = {"auto": "native"}.get(transport, transport)
    assert rejected.startswith(f"{place}attempt=1 status=503 bytes=0 ms=")
    assert rejected.endswith(f"backend={backend} error=ThrottledError code='SlowDown'")
    assert done.startswith(f"{place}attempt=2 status=200 bytes=5 ms=")
    assert done.endswith(f"backend={backend} error=None code=None")
    assert " request_id='" in done


async def test_without_hooks_and_logging_no_events_are_made(config, bucket, caplog, monkeypatch):
    def fails(attempt):
        raise AssertionError

    monkeypatch.setattr(observer, "_event_of", fails)
    caplog.set_level(logging.INFO, "aios3.request")
    async with aios3.Session(config) as session:
        await aios3.write_bytes(f"{bucket}/a", b"12345", session=session)
        assert session.stats().requests == 1
    assert lines(caplog) == []


@pytest.mark.parametrize("key", ["a\nPutObject bucket='forged'", "a\x1b[31m", "a\u2028b"])
@pytest.mark.needs("any_key")
async def test_a_key_cannot_forge_a_line(config, bucket, caplog, key):
    caplog.set_level(logging.DEBUG, "aios3")
    async with aios3.Session(config) as session:
        await aios3.exists(f"{bucket}/{key}", session=session)
    assert lines(caplog)
    assert all(line.isprintable() for line in lines(caplog))
