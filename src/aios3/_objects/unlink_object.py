"""Remove one object."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aios3._arguments import check_arguments
from aios3._handles.conditional_delete import delete_if_match
from aios3._objects.object_lookup import check_etag, head_or_raise
from aios3._paths import S3Url
from aios3._responses import unquote_etag
from aios3._session import current_session
from aios3.errors import BucketNotFoundError, ObjectNotFoundError

if TYPE_CHECKING:
    from aios3._paths import AnyPath
    from aios3._session import Session


async def unlink(
    path: AnyPath, missing_ok: bool = False, *, if_match: str | None = None, session: Session | None = None
) -> None:
    """Remove one object, or a symbolic link itself; never a directory. Costs a HEAD and a DELETE.

    With ``if_match`` only the version with that ETag is removed. Raises ObjectChangedError for another one, and
    UnsupportedError if the server rejects the condition.

    Raises PathIsDirectoryError for a directory, ObjectNotFoundError if nothing is there, unless ``missing_ok``.
    """
    check_arguments(missing_ok=missing_ok, if_match=if_match)
    url = S3Url.parse(path).require_object()
    await remove_object(current_session(session), url, missing_ok=missing_ok, if_match=unquote_etag(if_match))


async def remove_object(session: Session, url: S3Url, *, missing_ok: bool = False, if_match: str | None = None) -> bool:
    """Remove the object at ``url``, and return whether there was one; :func:`unlink` says how."""
    try:
        stat = await head_or_raise(session, url)
    except BucketNotFoundError:
        raise
    except ObjectNotFoundError:
        if missing_ok:
            return False
        raise
    if if_match is None:
        await (await session.backend(url)).delete_object(url)
    else:
        check_etag(url, stat, if_match)
        await delete_if_match(session, url, if_match)
    return True
