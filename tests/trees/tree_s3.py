"""S3 in memory with the calls on many objects, and keys that it rejects."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import aios3
from aios3._adapting_backend import AdaptingAdmin
from aios3._backend import DeleteFailure
from aios3._engine.retry_policy import RetryPolicy
from handles.fake_s3 import SMALL, FakeS3, rejection

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

MIB = 1 << 20
ROOT = "s3://bucket"


class TreeS3(FakeS3):
    """``rejected`` is asked for the error code of every key that is to be deleted, each time; None deletes it.

    ``meanwhile`` is awaited before every call, for what somebody else does at that moment.
    """

    UNNAMED = "nothing is said of it"
    """A code for ``rejected``: the key stays, and the response does not name it."""

    def __init__(self) -> None:
        super().__init__()
        self.attempts = 0
        """Whether, and how often, calls are sent again as in a session on a real server."""
        self._retried: AdaptingAdmin | None = None
        self.rejected: Callable[[str], str | None] = lambda key: None
        self.deleted_at_once: list[int] = []
        self.knows_bulk = True
        self.bulk_rejection: tuple[str, int] = ("NotImplemented", 501)
        self.meanwhile: Callable[[str, dict], Awaitable[object]] | None = None

    def cached_backend(self, bucket):
        if not self.attempts:
            return self
        self._retried = self._retried or AdaptingAdmin(self, RetryPolicy(self.attempts))
        return self._retried

    async def admin(self, bucket):
        return self.cached_backend(bucket)

    async def _call(self, operation, url, **details):
        if self.meanwhile is not None:
            await self.meanwhile(operation, details)
        return await super()._call(operation, url, **details)

    async def delete_objects(self, url, keys, *, if_match=None):
        lost = await self._call("DeleteObjects", url, keys=len(keys), if_match=if_match)
        if not self.knows_bulk:
            raise rejection("DeleteObjects", url, *self.bulk_rejection)
        self.deleted_at_once.append(len(keys))
        responses = {key: self.rejected(key) or self._mismatch(key, if_match or {}) for key in keys}
        for key, code in responses.items():
            if code is None:
                self.objects.pop(key, None)
        await self._response(lost)
        return [
            DeleteFailure(key, "" if code == self.UNNAMED else code, "the server's words")
            for key, code in responses.items()
            if code
        ]

    def _mismatch(self, key, if_match):
        if self.ignores_conditions or key not in if_match or key not in self.objects:
            return None
        return None if self.objects[key].stat.etag == if_match[key] else "PreconditionFailed"

    def contents(self) -> dict[str, bytes]:
        return {key: stored.data for key, stored in self.objects.items()}


def fail(operation: str, when: Callable[[object, dict], bool], code: str = "AccessDenied", status: int = 403):
    """A fault: reject the calls of ``operation`` of which ``when(url, details)`` is true."""

    def faults(called, url, details):
        if called == operation and when(url, details):
            raise rejection(called, url, code, status)

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
