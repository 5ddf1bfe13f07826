"""A session on S3 in memory, for faults that no real server has on demand."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from aios3 import _session
from trees.tree_s3 import TreeS3, session_on

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import aios3


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> TreeS3:
    fake = TreeS3()
    monkeypatch.setattr(_session, "_make_transport", lambda *_args: fake)
    return fake


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Try again without a pause."""
    for module in ("aios3._trees.delete_keys", "aios3._engine.retry_policy", "aios3._session"):
        monkeypatch.setattr(f"{module}.retry_delay", lambda _failures: 0)


@pytest.fixture
async def session(s3: TreeS3) -> AsyncIterator[aios3.Session]:
    before = asyncio.all_tasks()
    async with session_on(s3) as opened:
        yield opened
    assert asyncio.all_tasks() - before <= {asyncio.current_task()}
