"""Archives on S3 in memory, and a session that must have nothing left."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from zip_s3 import URL, session_on

import aios3
from aios3 import _session
from handles.fake_s3 import FakeS3

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> FakeS3:
    fake = FakeS3()
    monkeypatch.setattr(_session, "_make_transport", lambda *_args: fake)
    for module in ("aios3._engine.retry_policy", "aios3._session"):
        monkeypatch.setattr(f"{module}.retry_delay", lambda _failures: 0)
    return fake


@pytest.fixture
async def session(s3: FakeS3) -> AsyncIterator[aios3.Session]:
    async with session_on(s3) as opened:
        yield opened


@pytest.fixture
def opened(s3: FakeS3, session: aios3.Session):
    """Store an archive and open it."""

    def store(data: bytes, **options: object):
        s3.put("archive.zip", data)
        return aios3.open_zip(URL, session=session, **options)

    return store
