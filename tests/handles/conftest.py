"""A session on S3 in memory, for tests of what a real server cannot be made to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from fake_s3 import FakeS3
from nothing_left import nothing_left

from aios3 import _session

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import aios3


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> FakeS3:
    fake = FakeS3()
    monkeypatch.setattr(_session, "_make_transport", lambda *_args: fake)
    return fake


@pytest.fixture
async def memory_session(s3: FakeS3) -> AsyncIterator[aios3.Session]:
    """A session with small blocks; afterwards nothing may be left of it, of its files or of their uploads."""
    async with nothing_left(s3) as session:
        yield session
