"""The buckets of an account."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aios3._responses import invalid_response

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aios3._backend import BucketEntry
    from aios3._paths import S3Url
    from aios3._session import Session


async def buckets_of(session: Session, url: S3Url) -> Sequence[BucketEntry]:
    """Return all buckets of the account, in order of their names; ``url`` names no bucket, at most a profile."""
    backend = await session.backend(url)
    buckets: list[BucketEntry] = []
    token: str | None = None
    while True:
        page = await backend.list_buckets(token)
        buckets += page.buckets
        if page.token is None:
            return sorted(buckets, key=lambda bucket: bucket.name)
        if page.token == token:
            raise invalid_response(str(url), f"the list continues at {token!r} again", "ListBuckets")
        token = page.token
