"""Remove one object."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aios3._arguments import check_arguments
from aios3._objects.object_lookup import head_or_raise
from aios3._paths import S3Url
from aios3._session import current_session
from aios3.errors import BucketNotFoundError, ObjectNotFoundError

if TYPE_CHECKING:
    from aios3._paths import AnyPath
    from aios3._session import Session


async def unlink(path: AnyPath, missing_ok: bool = False, *, session: Session | None = None) -> None:
    """Remove one object, or a symbolic link itself; never a directory. Costs a HEAD and a DELETE.

    Raises PathIsDirectoryError for a directory, ObjectNotFoundError if nothing is there, unless ``missing_ok``.
    """
    check_arguments(missing_ok=missing_ok)
    await remove_object(current_session(session), S3Url.parse(path).require_object(), missing_ok=missing_ok)


async def remove_object(session: Session, url: S3Url, *, missing_ok: bool = False) -> None:
    """Remove the object at ``url``; :func:`unlink` says how."""
    try:
        await head_or_raise(session, url)
    except BucketNotFoundError:
        raise
    except ObjectNotFoundError:
        if missing_ok:
            return
        raise
    await (await session.backend(url)).delete_object(url)
