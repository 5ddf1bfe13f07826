"""A session on S3 in memory, for what no real server rejects on demand."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from bucket_s3 import URL, BucketS3

import aios3
from aios3 import _session
from trees.tree_s3 import session_on

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> BucketS3:
    fake = BucketS3()
    monkeypatch.setattr(_session, "_make_transport", lambda *_args: fake)
    monkeypatch.setattr("aios3._trees.delete_keys.retry_delay", lambda _failures: 0)
    return fake


@pytest.fixture
async def bucket(s3: BucketS3) -> AsyncIterator[aios3.Bucket]:
    before = asyncio.all_tasks()
    async with session_on(s3) as session:
        yield aios3.Bucket(URL, session=session)
    assert asyncio.all_tasks() - before <= {asyncio.current_task()}
