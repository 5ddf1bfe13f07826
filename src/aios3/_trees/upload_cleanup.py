"""``abort_uploads``: end abandoned uploads, because their parts cost money."""

from __future__ import annotations

import math
import time
from datetime import timedelta
from typing import TYPE_CHECKING

from aios3._arguments import check_arguments
from aios3._paths import S3Url
from aios3._session import current_session
from aios3._trees.runner import as_async, for_each
from aios3._trees.transfer_counters import TransferCounters
from aios3.errors import ConfigError

if TYPE_CHECKING:
    from aios3._backend import OpenUpload
    from aios3._paths import AnyPath
    from aios3._session import Session


async def abort_uploads(
    path: AnyPath, older_than: timedelta | float, *, session: Session | None = None
) -> list[OpenUpload]:
    """Abort the unfinished multipart uploads of an object, a directory or a bucket, and return them.

    ``older_than`` is how long ago they must have started, as a timedelta or in seconds. Aborting an upload that still
    runs makes it fail, so choose more than the longest upload takes. It is measured with this machine's clock, against
    a time of the server's that is rounded to seconds; 0 aborts all, whatever either clock says.

    Raises PartialFailureError with those that could not be aborted.
    """
    check_arguments(older_than=older_than)
    current, url = current_session(session), S3Url.parse(path).require_bucket()
    uploads = await find_uploads(current, url, older_than)
    backend = await current.backend(url)
    aborted: list[OpenUpload] = []
    counters = TransferCounters()

    async def abort(upload: OpenUpload) -> None:
        target = url.with_key(upload.key)
        with counters.collecting(f"{target} {upload.upload_id}"):
            await backend.abort_multipart_upload(target, upload.upload_id)
            aborted.append(upload)

    await for_each(as_async(uploads), abort, current.config.max_concurrency)
    counters.deleted = len(aborted)
    counters.raise_if_failed(f"Aborting uploads at {url}", str(url))
    return sorted(aborted, key=_position)


async def find_uploads(session: Session, url: S3Url, older_than: timedelta | float) -> list[OpenUpload]:
    """Return the uploads that :func:`abort_uploads` would abort, by key and time."""
    age = _seconds(older_than)
    limit = time.time() - age if age else math.inf  # Swift rounds up: what has just started lies ahead of the clock
    uploads = [
        upload
        for upload in await (await session.admin(url)).list_multipart_uploads(url)
        if upload.initiated <= limit and (upload.key == url.key or upload.key.startswith(url.prefix))
    ]
    return sorted(uploads, key=_position)


def _position(upload: OpenUpload) -> tuple[str, float]:
    return upload.key, upload.initiated


def _seconds(age: timedelta | float) -> float:
    seconds = age.total_seconds() if isinstance(age, timedelta) else float(age)
    if not seconds >= 0:
        message = f"older_than must not be negative; it is {age!r}"
        raise ConfigError(message)
    return seconds
