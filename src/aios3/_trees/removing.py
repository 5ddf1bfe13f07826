"""``remove``: one object, or everything below a path."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING

from aios3._arguments import check_arguments
from aios3._namespace.link_targets import head_or_none
from aios3._namespace.pages import ListingTasks
from aios3._objects.unlink_object import remove_object
from aios3._paths import S3Url
from aios3._responses import unquote_etag
from aios3._session import current_session
from aios3._trees.delete_keys import REQUESTS_AT_ONCE, delete_keys
from aios3._trees.file_trees import S3Tree
from aios3._trees.runner import for_each
from aios3._trees.transfer_counters import TransferCounters
from aios3.errors import BucketNotFoundError, ObjectNotFoundError, UnsupportedError, from_response

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping, Sequence

    from aios3._paths import AnyPath
    from aios3._session import Session
    from aios3._trees.transfer_counters import OnAction
    from aios3.errors import S3Error


async def remove(
    path: AnyPath,
    missing_ok: bool = False,
    *,
    if_match: str | None = None,
    on_action: OnAction | None = None,
    session: Session | None = None,
) -> None:
    """Remove an object, or a directory with everything below it.

    An object goes before a directory of the same name, which stays; ``path/`` means the directory. An object costs a
    HEAD and a DELETE, a directory one LIST and one request more for each 1,000 keys. Keys that S3 refuses to delete
    are tried again where that may help. ``on_action`` is called with each object that was deleted.

    With ``if_match`` only an object is removed, and only the version with that ETag. Raises ObjectChangedError for
    another one, PathIsDirectoryError for a directory, and UnsupportedError if the server rejects the condition.

    Raises PartialFailureError with the keys that are still there, after the others are deleted. Raises
    ObjectNotFoundError if nothing is there, unless ``missing_ok``, and UnsupportedError for a bucket and for ``s3://``.
    """
    check_arguments(missing_ok=missing_ok, if_match=if_match, on_action=on_action)
    counters = TransferCounters(on_action)
    current = current_session(session)
    url = S3Url.parse(path)
    if not url.bucket or not url.key:
        message = f"remove works inside a bucket, and {str(url)!r} is not in one; name an object or a directory"
        raise UnsupportedError(message, path=str(url))
    if if_match is not None:
        url.require_object()
        if await remove_object(current, url, missing_ok=missing_ok, if_match=unquote_etag(if_match)):
            counters.note_deleted([url], 1)
        return
    if not url.names_directory and await head_or_none(current, url) is not None:
        await (await current.backend(url)).delete_object(url)
        counters.note_deleted([url], 1)
        return
    try:
        count = await remove_below(current, url, counters)
    except BucketNotFoundError as error:
        raise _about(url, error) from error
    if not count and not missing_ok:
        message = f"There is nothing to remove at {str(url)!r}"
        raise ObjectNotFoundError(message, path=str(url))


def _about(url: S3Url, error: BucketNotFoundError) -> S3Error:
    """Say of the path that was asked for what has been said of the prefix that was listed."""
    return from_response(
        operation="ListObjectsV2", path=str(url), code=error.code, status=error.status, request_id=error.request_id
    )


async def remove_below(session: Session, url: S3Url, counters: TransferCounters | None = None) -> int:
    """Remove everything below ``url`` and return how many objects that were; raise like :func:`remove`."""
    counters = counters or TransferCounters()
    await remove_tree(S3Tree(session, url), counters)
    counters.raise_if_failed(f"Removing {url}", str(url))
    return counters.deleted


async def remove_tree(tree: S3Tree, counters: TransferCounters) -> None:
    """Remove what is meant of ``tree``, with the markers of directories, and note in ``counters`` what became of it."""

    async def batches() -> AsyncGenerator[Sequence[str], None]:
        async with ListingTasks(tree.session) as tasks, aclosing(tree.pages(tasks)) as listing:
            async for page in listing:
                if counters.has_too_many_failures:
                    return
                if page.keys:
                    yield page.keys

    await for_each(batches(), lambda keys: delete_batch(tree.session, tree.root, keys, counters), REQUESTS_AT_ONCE)


async def delete_batch(
    session: Session,
    url: S3Url,
    keys: Sequence[str],
    counters: TransferCounters,
    etags: Mapping[str, str] | None = None,
) -> None:
    """Delete up to 1,000 keys and note in ``counters`` what became of them; ``etags`` are as in :func:`delete_keys`."""
    failed = await delete_keys(session, url, keys, etags)
    counters.note_deleted((url.with_key(key) for key in keys if key not in failed), len(keys) - len(failed))
    counters.failures.update({str(url.with_key(key)): error for key, error in failed.items()})
