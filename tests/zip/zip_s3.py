"""S3 in memory for archives, and sessions on it that must have nothing left."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import aios3
from handles.fake_s3 import SMALL

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from handles.fake_s3 import FakeS3

URL = "s3://bucket/archive.zip"


@contextlib.asynccontextmanager
async def session_on(s3: FakeS3, **overrides: object) -> AsyncIterator[aios3.Session]:
    async with aios3.Session(**SMALL | overrides) as session:
        yield session
        assert session.budget.used == 0
        assert session.budget.waiting == 0
        assert session.tasks.active == 0
    assert s3.open_bodies == 0
    assert s3.uploads == {}
