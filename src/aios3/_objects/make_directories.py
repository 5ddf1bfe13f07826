"""Directories, of which S3 has none: what can be said of one before anything is written into it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aios3._arguments import check_arguments
from aios3._namespace.link_targets import head_or_none
from aios3._namespace.pages import first_page
from aios3._paths import S3Url
from aios3._session import current_session
from aios3.errors import BucketNotFoundError, ObjectExistsError

if TYPE_CHECKING:
    from aios3._paths import AnyPath
    from aios3._session import Session


async def makedirs(path: AnyPath, exist_ok: bool = False, *, session: Session | None = None) -> None:
    """Check that objects can be written below ``path``; nothing is created, because S3 has no directories.

    Raises ObjectExistsError if an object is there; also for an existing directory or bucket, unless ``exist_ok``.
    Raises BucketNotFoundError for a missing bucket. Costs a HEAD and a LIST.
    """
    check_arguments(exist_ok=exist_ok)
    current, url = current_session(session), S3Url.parse(path)
    if not url.bucket:
        message = f"{str(url)!r} has no bucket to make a directory in"
        raise BucketNotFoundError(message, path=str(url))
    if not url.names_directory and await head_or_none(current, url) is not None:
        message = f"{url} is an object, so it cannot be a directory"
        raise ObjectExistsError(message, path=str(url))
    page = await first_page(current, url.with_key(url.prefix))
    if not exist_ok and (page.keys or not url.key):
        message = f"The directory {url} exists already"
        raise ObjectExistsError(message, path=str(url))
