"""Delete many keys: in requests for 1,000, with the answer for each key looked at, and what is worth it tried again."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from aios3._engine.backoff import retry_delay
from aios3._trees.runner import each, for_each
from aios3._trees.tally import is_fatal
from aios3.errors import S3Error, UnsupportedError, from_answer, worth_retrying

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aios3._backend import Backend, DeleteFailure
    from aios3._paths import S3Url
    from aios3._session import Session

KEYS_AT_ONCE = 1000
"""S3's limit for one DeleteObjects."""
REQUESTS_AT_ONCE = 8
"""S3 counts every key in them as a request, and begins to refuse at some thousands a second."""


async def delete_keys(session: Session, url: S3Url, keys: Sequence[str]) -> dict[str, S3Error]:
    """Delete up to 1,000 keys of the bucket of ``url``; return the errors of those that are still there, by key.

    Raises what would meet every other key as well.
    """
    backend = await session.backend(url)
    final: dict[str, S3Error] = {}
    attempt = 1
    while True:
        failed = await _delete_once(session, backend, url, keys)
        again = [key for key, error in failed.items() if worth_retrying(error) and not error.is_final]
        if not again or attempt >= session.config.max_attempts:
            return final | failed
        final |= {key: error for key, error in failed.items() if key not in again}
        await asyncio.sleep(retry_delay(attempt))
        keys = again
        attempt += 1


async def _delete_once(session: Session, backend: Backend, url: S3Url, keys: Sequence[str]) -> dict[str, S3Error]:
    try:
        refused = await backend.delete_objects(url, keys)
    except UnsupportedError:
        return await _delete_singly(session, backend, url, keys)
    except S3Error as error:
        if is_fatal(error):
            raise
        return dict.fromkeys(keys, error)
    return {each.key: _error(url, each) for each in refused}


def _error(url: S3Url, failure: DeleteFailure) -> S3Error:
    return from_answer(
        operation="DeleteObjects",
        path=str(url.with_key(failure.key)),
        code=failure.code,
        status=None,
        detail=failure.message,
    )


async def _delete_singly(session: Session, backend: Backend, url: S3Url, keys: Sequence[str]) -> dict[str, S3Error]:
    """Delete where the server does not know DeleteObjects."""
    failed: dict[str, S3Error] = {}

    async def delete(key: str) -> None:
        try:
            await backend.delete_object(url.with_key(key))
        except S3Error as error:
            if is_fatal(error):
                raise
            failed[key] = error

    await for_each(each(keys), delete, session.config.max_concurrency)
    return failed
