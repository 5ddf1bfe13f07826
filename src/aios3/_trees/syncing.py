"""``sync_tree``: make one tree have what another has, and copy only what differs."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, cast

from aios3._arguments import check_arguments
from aios3._handles.options import parse_upload_options
from aios3._namespace.link_targets import head, head_or_none
from aios3._objects.copy_object import CopyEnd
from aios3._paths import S3Url, is_s3
from aios3._session import current_session
from aios3._threads import in_thread
from aios3._trees.copy_listed import may_overlap, see_same_object
from aios3._trees.file_attributes import parse_preserve, stored_mtime_ns
from aios3._trees.file_trees import LocalTree, S3Tree, TreeEntry
from aios3._trees.filters import make_filter
from aios3._trees.progress_reporter import ProgressReporter
from aios3._trees.pruning import pruning
from aios3._trees.transfer import FileCopier, TreeTransfer
from aios3._trees.transfer_counters import TransferCounters
from aios3._trees.upload_file import etag_of
from aios3._trees.uploading import copy_single, describe_file, file_path, local_path, require_something
from aios3.errors import ConfigError, InvalidPathError, UnsupportedError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Sequence
    from typing import Unpack

    from aios3._handles.options import UploadOptions
    from aios3._paths import AnyPath
    from aios3._session import Session
    from aios3._trees.file_attributes import Attribute
    from aios3._trees.filters import Filter
    from aios3._trees.progress_reporter import Progress
    from aios3._trees.transfer import CopyFilter, Tree
    from aios3._trees.transfer_counters import OnAction, TransferResult
    from aios3._trees.uploading import LocalPath

_SAME_TIME_SECONDS = 1e-6
"""A time of S3 that was given to a file comes back with less than this of difference: it is a float here."""


async def sync_tree(  # noqa: PLR0913 - megfile's arguments, and those of aios3 by keyword
    src: AnyPath | LocalPath,
    dst: AnyPath | LocalPath,
    followlinks: bool = False,
    force: bool = False,
    overwrite: bool = True,
    *,
    checksum: bool = False,
    size_only: bool = False,
    exact_times: bool = False,
    delete: bool = False,
    dry_run: bool = False,
    preserve: Collection[Attribute] = (),
    include: Sequence[str] = (),
    exclude: Sequence[str] = (),
    callback: Callable[[int], object] | None = None,
    on_action: OnAction | None = None,
    progress: Progress | None = None,
    target_session: Session | None = None,
    session: Session | None = None,
    **options: Unpack[UploadOptions],
) -> TransferResult:
    """Copy what is new or different at ``src``, a file or a tree, to ``dst``; one side or both are in S3.

    A file is skipped if the target has one of the same size that is not older. With ``checksum``, size and content must
    be the same, as far as the ETag shows; with ``size_only``, size alone counts. With ``exact_times``, the file on the
    disk must have the time of the object, or the one that ``preserve`` has kept in its metadata. That costs a HEAD for
    each file of the same size and another time than the object. ``force`` copies everything. With
    ``overwrite=False``, what is there stays, unless ``force``. ``include`` and ``exclude`` are globs of the paths below
    the root, as those of :func:`aios3.glob`: ``**/*.csv``, or ``cache/`` for all in a directory.

    ``delete`` removes what only the target has and the globs mean, at the end, and only if everything before has
    succeeded. ``dry_run`` changes nothing and lists in the result what would be done. ``target_session`` is the session
    of a target in S3, if that is another one. ``callback``, ``on_action``, ``progress``, ``preserve`` and ``options``
    are as in :func:`aios3.upload`; copies inside S3 keep what ``options`` do not name.

    Raises ObjectNotFoundError or FileNotFoundError if there is nothing at ``src``. Raises InvalidPathError if one side
    lies in the other. Raises PartialFailureError, with the files that failed and counts of the rest, when all others
    are copied.
    """
    check_arguments(followlinks=followlinks, force=force, overwrite=overwrite, checksum=checksum, delete=delete)
    check_arguments(dry_run=dry_run, include=include, exclude=exclude, callback=callback, progress=progress)
    check_arguments(on_action=on_action, size_only=size_only, exact_times=exact_times)
    stored = parse_upload_options(options)
    copier = FileCopier(
        current_session(session),
        ProgressReporter(callback, progress),
        TransferCounters(on_action),
        overwrite=overwrite or force,
        followlinks=followlinks,
        target_session=None if target_session is None else current_session(target_session),
        options=stored,
        preserve=parse_preserve(preserve),
    )
    rule = SyncRule(force, overwrite, checksum, size_only, exact_times, dry_run=dry_run)
    await sync_sides(copier, parse_side(src), parse_side(dst), rule, make_filter(include, exclude), delete=delete)
    return copier.counters.result()


async def sync_sides(
    copier: FileCopier, source: S3Url | str, target: S3Url | str, rule: SyncRule, globs: Filter, *, delete: bool = False
) -> None:
    """Copy with ``copier`` what ``rule`` and ``globs`` say from one side to the other, and count it there."""
    await check_sides(copier, source, target)
    counters, current = copier.counters, copier.session
    item = await _describe(current, source)
    if item is not None:
        if globs.wants(_last_name(source)):
            await rule.sync_one(copier, source, target, item)
        else:
            counters.skipped += 1
        return
    source_tree = _source_tree(current, source, copier.followlinks)
    target_tree = _target_tree(copier.writing_session, target, source)
    if isinstance(target_tree, LocalTree):
        copier = copier.confined_to(target_tree.root)
    transfer = TreeTransfer(
        source_tree,
        target_tree,
        copier,
        rule.copy_filter(source_tree, target_tree),
        globs,
        looks_at_target=not rule.force or delete,
        reads_everything=delete,
        dry_run=rule.dry_run,
    )
    await transfer_tree(transfer, delete=delete)
    counters.raise_if_failed(f"Syncing {source} to {target}", str(target))


async def transfer_tree(transfer: TreeTransfer, *, delete: bool, empty_bucket_counts: bool = True) -> None:
    """Do ``transfer``; with ``delete``, remove at the end what only the target has. Its counters have the errors.

    Where only a part of the source is meant, that part may be empty; nothing is removed then unless something is in
    another part. A bucket without objects is a source too, and the target is emptied, unless ``empty_bucket_counts`` is
    False.
    """
    source = transfer.source
    is_part = isinstance(source, S3Tree) and source.is_part
    counters = transfer.copier.counters
    async with pruning(source, transfer.target, counters, dry_run=transfer.dry_run) as prune:
        seen_any = await transfer.run(prune.note if delete else lambda _: None)
        if not seen_any and isinstance(source, S3Tree) and not is_part:
            await require_something(source.session, source.root)
        await prune.run(source_exists=seen_any or is_part or not empty_bucket_counts)


def parse_side(path: AnyPath | LocalPath) -> S3Url | str:
    """Return a path in S3 as a URL, and a local one as a text; raise InvalidPathError for one that is neither."""
    if is_s3(path):
        return S3Url.parse(cast("AnyPath", path)).require_bucket()
    return local_path(cast("LocalPath", path))


async def check_sides(copier: FileCopier, source: S3Url | str, target: S3Url | str) -> None:
    """Raise InvalidPathError if a tree would be copied into itself, UnsupportedError if no side is in S3."""
    if isinstance(source, str) and isinstance(target, str):
        message = f"Neither {source!r} nor {target!r} is in S3; shutil.copytree copies between local directories"
        raise UnsupportedError(message, path=source)
    if isinstance(target, str):
        if copier.options is not None:
            message = f"{target} is a local path, and a local file has no content type, storage class or the like"
            raise ConfigError(message)
        return
    if isinstance(source, S3Url) and may_overlap(source, target):
        old, new = CopyEnd(copier.session, source), CopyEnd(copier.writing_session, target)
        if old.shares_server_with(new) or await see_same_object(old, new):
            message = f"{source} and {target} are one place, or one lies in the other; it would be copied into itself"
            raise InvalidPathError(message, path=str(source))


async def _describe(session: Session, side: S3Url | str) -> TreeEntry | None:
    """Describe the file or object at a path; None for a directory, or for nothing in S3."""
    if isinstance(side, str):
        return await in_thread(describe_file, side)
    stat = None if side.names_directory else await head_or_none(session, side)
    return (
        None
        if stat is None
        else TreeEntry(side.name, stat.size, stat.mtime, stat.etag, storage_class=stat.storage_class)
    )


def _last_name(side: S3Url | str) -> str:
    return side.name if isinstance(side, S3Url) else os.path.basename(side)


def _source_tree(session: Session, source: S3Url | str, followlinks: bool) -> Tree:
    return LocalTree(source, followlinks) if isinstance(source, str) else S3Tree(session, source, with_markers=True)


def _target_tree(session: Session, target: S3Url | str, source: S3Url | str) -> Tree:
    """Return the side that need not be there yet; a disk has no markers of directories to compare those of S3 with."""
    if isinstance(target, str):
        return LocalTree(target, missing_ok=True)
    return S3Tree(session, target, with_markers=isinstance(source, S3Url))


@dataclass(frozen=True, slots=True)
class _DiskAndS3:
    """A file of the disk and an object that are compared."""

    path: str
    session: Session
    url: S3Url
    is_upload: bool


@dataclass(frozen=True, slots=True)
class SyncRule:
    """The rule that decides which files are copied."""

    force: bool = False
    overwrite: bool = True
    checksum: bool = False
    size_only: bool = False
    exact_times: bool = False
    dry_run: bool = False

    def __post_init__(self) -> None:
        chosen = [name for name in ("checksum", "size_only", "exact_times") if getattr(self, name)]
        if len(chosen) > 1:
            message = f"{' and '.join(chosen)} say each how files are compared; choose one of them"
            raise ConfigError(message)

    async def sync_one(self, copier: FileCopier, source: S3Url | str, target: S3Url | str, item: TreeEntry) -> None:
        """Sync a file or object that was named by itself."""
        other = await _describe_target(copier.writing_session, target)
        ends = None
        if isinstance(source, str) and isinstance(target, S3Url):
            ends = _DiskAndS3(source, copier.writing_session, target, is_upload=True)
        elif isinstance(source, S3Url) and isinstance(target, str):
            ends = _DiskAndS3(target, copier.session, source, is_upload=False)
        is_wanted = self.should_copy(item, other, ends)
        if not (is_wanted if isinstance(is_wanted, bool) else await is_wanted):
            copier.counters.skipped += 1
        elif self.dry_run:
            copier.counters.plan_copy(source, target, item.size)
        else:
            await copy_single(copier, source, target, item)

    def copy_filter(self, source: Tree, target: Tree) -> CopyFilter:
        """Return the rule for the files of two trees."""
        if not (self.checksum or self.exact_times) or (isinstance(source, S3Tree) and isinstance(target, S3Tree)):
            return partial(self.should_copy, ends=None)
        is_upload = isinstance(source, LocalTree)
        local, remote = (source, target) if is_upload else (target, source)
        assert isinstance(local, LocalTree)
        assert isinstance(remote, S3Tree)

        def is_wanted(item: TreeEntry, other: TreeEntry | None) -> bool | Awaitable[bool]:
            ends = _DiskAndS3(local.path(item.name), remote.session, remote.url(item.name), is_upload)
            return self.should_copy(item, other, ends)

        return is_wanted

    def should_copy(self, item: TreeEntry, other: TreeEntry | None, ends: _DiskAndS3 | None) -> bool | Awaitable[bool]:
        """Return whether a file is to be copied onto ``other``; where more than a listing is needed, by what to await.

        ``ends`` is where both are, if one of them is on the disk; a comparison of sizes and times does not need it.
        """
        if other is None or self.force:
            return True
        if not self.overwrite:
            return False
        if item.size != other.size:
            return True
        if self.checksum:
            return _has_other_content(item, other, ends)
        if self.exact_times and ends is not None:
            return not _is_same_time(item, other) and _has_other_time(item, other, ends)
        return not self.size_only and other.mtime < item.mtime - _SAME_TIME_SECONDS


def _is_same_time(item: TreeEntry, other: TreeEntry) -> bool:
    return abs(item.mtime - other.mtime) <= _SAME_TIME_SECONDS


async def _has_other_time(item: TreeEntry, other: TreeEntry, ends: _DiskAndS3) -> bool:
    """Compare the time of a file with the one that the object's metadata keep.

    Without one, a file of the disk is uploaded if it is newer, and an object, which has another time, downloaded.
    """
    stored = stored_mtime_ns((await head(ends.session, ends.url)).metadata)
    if stored is None:
        return not ends.is_upload or other.mtime < item.mtime
    return abs((item if ends.is_upload else other).mtime - stored / 1e9) > _SAME_TIME_SECONDS


async def _has_other_content(item: TreeEntry, other: TreeEntry, ends: _DiskAndS3 | None) -> bool:
    """Compare ETags; where they cannot be compared, the contents count as different."""
    etag = item.etag or other.etag
    if ends is None:
        return etag is None or item.etag != other.etag
    return etag is None or await etag_of(ends.session, ends.path, etag) != etag


async def _describe_target(session: Session, target: S3Url | str) -> TreeEntry | None:
    if isinstance(target, S3Url):
        return await _describe(session, target.require_object())
    try:
        return await in_thread(describe_file, file_path(target))
    except FileNotFoundError:
        return None
