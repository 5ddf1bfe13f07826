"""``move`` and ``rename``: copy everything, and only then delete exactly what was copied."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING

from aios3._arguments import check_arguments
from aios3._handles.conditional_delete import delete_unchanged
from aios3._namespace.link_targets import head_or_none
from aios3._namespace.pages import ListingTasks, first_page, pages
from aios3._objects.copy_object import CopyEnd, CopySettings, copy_object
from aios3._objects.object_lookup import head_or_raise
from aios3._paths import S3Url
from aios3._responses import unquote_etag
from aios3._session import current_session
from aios3._trees.copy_listed import copy_listed, see_same_object
from aios3._trees.file_trees import S3Tree
from aios3._trees.merging import merge_by_name
from aios3._trees.relisting import delete_if_still_listed, version_of
from aios3._trees.runner import for_each
from aios3._trees.transfer_counters import TransferCounters, is_fatal, partial_failure
from aios3.errors import (
    InvalidPathError,
    ObjectExistsError,
    ObjectNotFoundError,
    PathIsDirectoryError,
    S3Error,
    UnsupportedError,
)

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from aios3._entries import StatResult
    from aios3._paths import AnyPath
    from aios3._session import Session
    from aios3._trees.relisting import Version
    from aios3._trees.transfer_counters import OnAction


async def move(
    src: AnyPath,
    dst: AnyPath,
    overwrite: bool = True,
    *,
    if_match: str | None = None,
    on_action: OnAction | None = None,
    session: Session | None = None,
) -> None:
    """Move an object, or a directory with everything below it, to another place in S3.

    Everything is copied first. If that fails half-way, or is cancelled, nothing has been deleted; what was copied stays
    at ``dst``. Then what was copied is deleted, except for objects that have been written to meanwhile. A directory
    needs memory for its keys, about 250 bytes each. ``on_action`` is called with each copy, and later each deletion.

    With ``if_match`` only an object is moved, and it replaces only the version at ``dst`` with that ETag. Raises
    ObjectChangedError for another one, ObjectNotFoundError for none, PathIsDirectoryError for a directory, and
    UnsupportedError if the server rejects the precondition.

    Raises InvalidPathError, before any change, if ``dst`` is ``src`` or lies below it. Raises ObjectExistsError, also
    before any change, if ``overwrite`` is False and an object would be replaced. Raises ObjectNotFoundError if there is
    nothing at ``src``, UnsupportedError for a whole bucket, and PartialFailureError, which says how far it came.
    """
    check_arguments(overwrite=overwrite, if_match=if_match, on_action=on_action)
    settings = CopySettings(overwrite=overwrite, if_match=unquote_etag(if_match))
    current, counters = current_session(session), TransferCounters(on_action)
    old, new = S3Url.parse(src).require_bucket(), S3Url.parse(dst).require_bucket()
    if not old.key:
        message = f"{old} is a whole bucket, which cannot be moved; use aios3.sync_tree, then remove what is in it"
        raise UnsupportedError(message, path=str(old))
    if if_match is not None:
        old, new = old.require_object(), new.require_object()
    await _check_target_outside(current, old, new)
    stat = await _describe(current, old, settings)
    if stat is not None:
        await _move_object(counters, CopyEnd(current, old), CopyEnd(current, new.require_object()), stat, settings)
    else:
        await _Move(current, old, new, counters, settings).run()


async def rename(
    src: AnyPath,
    dst: AnyPath,
    overwrite: bool = True,
    *,
    if_match: str | None = None,
    on_action: OnAction | None = None,
    session: Session | None = None,
) -> None:
    """Move an object or a directory; another name for :func:`move`."""
    check_arguments(overwrite=overwrite, if_match=if_match, on_action=on_action)
    await move(src, dst, overwrite, if_match=if_match, on_action=on_action, session=session)


async def _describe(session: Session, old: S3Url, settings: CopySettings) -> StatResult | None:
    """Describe the object that is to be moved; None for a directory, unless only an object can be."""
    if settings.if_match is not None:
        return await head_or_raise(session, old)
    return None if old.names_directory else await head_or_none(session, old)


async def _check_target_outside(session: Session, old: S3Url, new: S3Url) -> None:
    """Raise InvalidPathError if objects would be copied onto or below themselves, and then deleted."""
    if old.bucket != new.bucket or not new.prefix.startswith(old.prefix):
        return
    if old.profile == new.profile or await see_same_object(CopyEnd(session, old), CopyEnd(session, new)):
        message = f"{old} cannot be moved to {new}: that is the same place, or lies below it"
        raise InvalidPathError(message, path=str(old))


async def _check_no_collision(session: Session, old: S3Url, new: S3Url) -> None:
    """Raise InvalidPathError if a directory moved up would take its own place: a/b/b/x becomes a/b/x."""
    if old.bucket == new.bucket and old.prefix.startswith(new.prefix):
        inner = old.with_key(old.prefix + old.prefix[len(new.prefix) :])
        if (await first_page(session, inner)).keys:
            message = f"{old} cannot be moved to {new}: {inner} would take the place of what is to be moved"
            raise InvalidPathError(message, path=str(old))


async def _move_object(
    counters: TransferCounters, old: CopyEnd, new: CopyEnd, stat: StatResult, settings: CopySettings
) -> None:
    await copy_object(old, new, settings, stat)
    counters.note_copied(old.url, new.url, stat.size)
    try:
        await delete_unchanged(old.session, old.url, stat)
    except S3Error as error:
        what, path = f"Moving {old.url} to {new.url}", str(old.url)
        raise partial_failure(what, path, {path: error}, {"copied": 1, "deleted": 0}) from error
    counters.note_deleted([old.url], 1)


def _with_key(target: S3Url, source: S3Url) -> S3Url:
    if not target.key:
        message = f"{source} has a body, and no key in {target}: it would become the bucket itself"
        raise PathIsDirectoryError(message, path=str(source))
    return target


def _exists(old: S3Url, new: S3Url) -> ObjectExistsError:
    message = f"{old} was not moved: {new} exists, and overwrite=False replaces nothing; nothing was changed"
    return ObjectExistsError(message, path=str(new))


class _Move:
    """The move of one directory."""

    def __init__(
        self, session: Session, old: S3Url, new: S3Url, counters: TransferCounters, settings: CopySettings
    ) -> None:
        self._session = session
        self._old = old
        self._new = new
        self._counters = counters
        self._settings = settings
        self._copied: dict[str, Version] = {}

    async def run(self) -> None:
        """Check, copy, delete."""
        await _check_no_collision(self._session, self._old, self._new)
        if not self._settings.overwrite:
            await self._check_nothing_is_replaced()
        await self._copy_all()
        if not self._copied:
            message = f"There is nothing to move at {str(self._old)!r}"
            raise ObjectNotFoundError(message, path=str(self._old))
        await delete_if_still_listed(S3Tree(self._session, self._old), self._copied, self._counters)
        self._counters.raise_if_failed(f"Moving {self._old} to {self._new}", str(self._old))

    async def _check_nothing_is_replaced(self) -> None:
        source_tree, target_tree = (S3Tree(self._session, root, with_markers=True) for root in (self._old, self._new))
        async with aclosing(merge_by_name(source_tree.batches(), target_tree.batches())) as listing:
            async for batch in listing:
                for mine, other in batch:
                    if mine is not None and other is not None and (other.size or not other.is_marker):
                        raise _exists(source_tree.url(mine.name), target_tree.url(other.name))

    async def _copy_all(self) -> None:
        """Copy everything; the first failure ends it, and says that nothing was deleted."""
        try:
            await for_each(self._listed(), self._copy, self._session.config.max_concurrency)
        except S3Error as error:
            if is_fatal(error) and not self._counters.copied:
                raise
            failures = self._counters.failures or {error.path or str(self._old): error}
            what = f"Moving {self._old} to {self._new}: nothing was deleted, and what was copied stays"
            raise partial_failure(what, str(self._old), failures, self._counters.completed()) from error

    async def _listed(self) -> AsyncGenerator[tuple[str, StatResult], None]:
        root = self._old.with_key(self._old.prefix)
        async with ListingTasks(self._session) as tasks, aclosing(pages(tasks, root)) as listing:
            async for page in listing:
                for listed in zip(page.keys, page.stats, strict=True):
                    yield listed

    async def _copy(self, listed: tuple[str, StatResult]) -> None:
        key, stat = listed
        target = self._new.with_key(self._new.prefix + key[len(self._old.prefix) :])
        source = self._old.with_key(key)
        if target.key or stat.size:  # an empty marker of a directory that becomes the bucket itself has nowhere to go
            try:
                await self._copy_one(source, _with_key(target, source), stat)
            except S3Error as error:
                self._counters.failures[str(source)] = error
                raise
            self._counters.note_copied(source, target, stat.size)
        self._copied[key] = version_of(stat)

    async def _copy_one(self, source: S3Url, target: S3Url, stat: StatResult) -> None:
        old, new = CopyEnd(self._session, source), CopyEnd(self._session, target)
        await copy_listed(old, new, stat.size, stat.storage_class, self._settings)
