"""S3 in memory with the calls on many objects, and keys that it refuses."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import aios3
from aios3._backend import DeleteFailure
from handles.fake_s3 import SMALL, FakeS3, refusal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

MIB = 1 << 20
ROOT = "s3://bucket"


class TreeS3(FakeS3):
    """``refused`` is asked for the error code of every key that is to be deleted, each time; None deletes it.

    ``meanwhile`` is awaited before every call, for what somebody else does at that moment.
    """

    def __init__(self) -> None:
        super().__init__()
        self.refused: Callable[[str], str | None] = lambda key: None
        self.deleted_at_once: list[int] = []
        self.knows_bulk = True
        self.meanwhile: Callable[[str, dict], Awaitable[object]] | None = None

    async def _call(self, operation, url, **details):
        if self.meanwhile is not None:
            await self.meanwhile(operation, details)
        return await super()._call(operation, url, **details)

    async def delete_objects(self, url, keys):
        lost = await self._call("DeleteObjects", url, keys=len(keys))
        if not self.knows_bulk:
            raise refusal("DeleteObjects", url, "NotImplemented", 501)
        self.deleted_at_once.append(len(keys))
        answers = {key: self.refused(key) for key in keys}
        for key, code in answers.items():
            if code is None:
                self.objects.pop(key, None)
        await self._answer(lost)
        return [DeleteFailure(key, code, "the server's words") for key, code in answers.items() if code]

    def contents(self) -> dict[str, bytes]:
        return {key: stored.data for key, stored in self.objects.items()}


def fail(operation: str, when: Callable[[object, dict], bool], code: str = "AccessDenied", status: int = 403):
    """A fault: refuse the calls of ``operation`` of which ``when(url, details)`` is true."""

    def faults(called, url, details):
        if called == operation and when(url, details):
            raise refusal(called, url, code, status)

    return faults


@contextlib.asynccontextmanager
async def session_on(s3: TreeS3, **overrides) -> AsyncIterator[aios3.Session]:
    """A session on ``s3``; nothing may be left of it but what the test says in ``s3.uploads``."""
    async with aios3.Session(**SMALL | {"max_concurrency": 32} | overrides) as session:
        yield session
        assert session.budget.used == 0
        assert session.budget.waiting == 0
        assert session.tasks.active == 0
    assert s3.open_bodies == 0
