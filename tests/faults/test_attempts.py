"""A body that breaks before its first byte counts as an attempt, whoever reads it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

import aios3
from aios3.testing import faults

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    Read = Callable[[str, aios3.Session, object], Awaitable[object]]

SMALL, LARGE = 1000, 700_000


async def _opened(path: str, session: aios3.Session, **options: object) -> None:
    async with aios3.aopen(path, session=session, **options) as file:
        await file.read()


async def _read_at(path: str, session: aios3.Session) -> None:
    async with aios3.aopen(path, session=session) as file:
        await file.read_at(0, 10)


# Not "disk": what has failed before anybody needs it is asked for again, and it makes a local file in the meantime.
WAYS: dict[str, Read] = {
    "read_bytes": lambda path, session, _: aios3.read_bytes(path, session=session),
    "read_bytes of a slice": lambda path, session, _: aios3.read_bytes(path, 2, 10, session=session),
    "read_bytes from the end": lambda path, session, _: aios3.read_bytes(path, -10, session=session),
    "read_text": lambda path, session, _: aios3.read_text(path, session=session),
    "load_content": lambda path, session, _: aios3.load_content(path, session=session),
    "aopen": lambda path, session, _: _opened(path, session),
    "aopen as text": lambda path, session, _: _opened(path, session, mode="r"),
    "pipe": lambda path, session, _: _opened(path, session, buffering="pipe"),
    "memory": lambda path, session, _: _opened(path, session, buffering="memory"),
    "shared": lambda path, session, _: _opened(path, session, buffering="shared"),
    "read_at": lambda path, session, _: _read_at(path, session),
    "download": lambda path, session, target: aios3.download(path, target, session=session),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("size", [SMALL, LARGE])
@pytest.mark.parametrize("attempts", [1, 3])
@pytest.mark.parametrize("fault", [faults.CutShort(0), faults.ResetAfter(0)], ids=["cut", "reset"])
async def test_no_more_requests_are_sent_than_attempts_are_allowed(
    faulty, options, bucket, admin, tmp_path, way, size, attempts, fault
):
    admin.put(f"{bucket}/data", b"x" * size)
    faulty.fail("GetObject", fault, times=None)
    async with aios3.Session(**options(faulty, max_attempts=attempts)) as session:
        with pytest.raises(aios3.S3Error):
            await WAYS[way](f"{bucket}/data", session, tmp_path / "target")
        assert session.budget.used == 0
    gets = [request for request in faulty.requests if request.operation == "GetObject"]
    begins = Counter(request.headers.get("range", "bytes=0-").partition("-")[0] for request in gets)
    assert max(begins.values()) == attempts
