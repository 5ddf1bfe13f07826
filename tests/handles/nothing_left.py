"""The check that nothing is left, as a context manager for tests whose fixtures cannot be made anew."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from fake_s3 import SMALL

import aios3

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from fake_s3 import FakeS3


@contextlib.asynccontextmanager
async def nothing_left(s3: FakeS3, **overrides: object) -> AsyncIterator[aios3.Session]:
    """A session on ``s3``; afterwards no task, body, byte or upload may be left."""
    before = asyncio.all_tasks()
    async with aios3.Session(**SMALL | overrides) as session:
        yield session
        assert session.budget.used == 0
        assert session.budget.waiting == 0
        assert session.tasks.active == 0
    assert s3.open_bodies == 0
    assert s3.uploads == {}
    assert asyncio.all_tasks() - before <= {asyncio.current_task()}
