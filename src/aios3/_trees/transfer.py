"""The one engine of ``upload``, ``download`` and ``sync_tree``: pairs of items come in, files and objects go over."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from aios3._namespace.link_targets import follow, head, head_or_none
from aios3._objects.copy_object import CopyEnd, CopySettings
from aios3._threads import in_thread
from aios3._trees.beneath import make_directory
from aios3._trees.copy_listed import copy_listed
from aios3._trees.download_file import DownloadJob, download_file
from aios3._trees.file_trees import LocalTree, S3Tree, TreeEntry
from aios3._trees.filters import Filter
from aios3._trees.local_names import FileConflicts, local_name
from aios3._trees.merging import merge_by_name
from aios3._trees.runner import for_each
from aios3._trees.source_file import LaterLooks
from aios3._trees.upload_file import UploadSettings, upload_file
from aios3.errors import ObjectExistsError, PathIsDirectoryError, PathNotDirectoryError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable

    from aios3._backend import PutOptions
    from aios3._entries import StatResult
    from aios3._paths import S3Url
    from aios3._session import Session
    from aios3._trees.file_attributes import Attribute
    from aios3._trees.merging import Pair
    from aios3._trees.progress_reporter import ProgressReporter
    from aios3._trees.transfer_counters import TransferCounters

Tree = S3Tree | LocalTree
CopyFilter = Callable[[TreeEntry, TreeEntry | None], "bool | Awaitable[bool]"]
"""Return whether an item is to be copied, given what the target has of that name: at once, or by what to await."""
Copy = Callable[[Any, Any, TreeEntry | None], Coroutine[object, object, int | None]]
"""Copies one file or object and returns its size; None if something is there and stays."""


AfterCopy = Callable[["S3Url | str", TreeEntry | None], Coroutine[object, object, None]]
"""A function that is awaited once a source has been copied."""


def copy_always(_item: TreeEntry, _other: TreeEntry | None) -> bool:
    """Copy everything."""
    return True


def copy_if_absent(_item: TreeEntry, other: TreeEntry | None) -> bool:
    """Copy what the target has not."""
    return other is None


@dataclass(frozen=True, slots=True)
class FileCopier:
    """Carries one file or object at a time, in the way that was asked for, and counts."""

    session: Session
    reporter: ProgressReporter
    counters: TransferCounters
    overwrite: bool = True
    resume: bool = False
    followlinks: bool = False
    root: str | None = None
    """The local directory that no target may leave."""
    target_session: Session | None = None
    """The session of a target in S3, where that is another one."""
    options: PutOptions | None = None
    """The attributes that objects are stored with."""
    preserve: frozenset[Attribute] = frozenset()
    """The attributes of local files that metadata keep, and that files get back."""
    version_id: str | None = None
    """The version of the one object that is received; None: the newest."""
    later_looks: LaterLooks = field(default_factory=LaterLooks)
    after: AfterCopy | None = None
    """Awaited once a file is copied, with its source."""

    def confined_to(self, root: str) -> FileCopier:
        """Return a copier whose local targets must not leave ``root``."""
        return replace(self, root=root)

    @property
    def writing_session(self) -> Session:
        """The session of a target in S3."""
        return self.target_session or self.session

    def note_done(self, source: S3Url | str, target: S3Url | str, size: int | None) -> None:
        """Count one file or object that has been copied, or skipped."""
        self.counters.note_copied(source, target, size)
        self.reporter.file_done()

    def copier(self, *, from_disk: bool, to_disk: bool) -> Copy:
        """Return the function that copies one file or object: one choice for a whole tree."""
        copy: Copy = self._receive if to_disk else self._send if from_disk else self._copy
        if not (self.overwrite or to_disk):
            copy = partial(self._create, copy)
        return copy if self.after is None else partial(self._copy_and_then, copy, self.after)

    async def _copy_and_then(
        self, copy: Copy, after: AfterCopy, source: S3Url | str, target: S3Url | str, item: TreeEntry | None
    ) -> int | None:
        size = await copy(source, target, item)
        if size is not None:
            await after(source, item)
        return size

    async def _create(self, copy: Copy, source: S3Url | str, target: S3Url, item: TreeEntry | None) -> int | None:
        if await head_or_none(self.writing_session, target) is not None:
            return None
        try:
            return await copy(source, target, item)
        except ObjectExistsError:  # another process was faster
            return None

    def _send(self, source: str, target: S3Url, item: TreeEntry | None) -> Coroutine[object, object, int]:
        assert item is not None  # a local file has always been looked at
        return upload_file(
            self.writing_session,
            source,
            target,
            self.reporter,
            size=item.size,
            settings=UploadSettings(
                not self.overwrite, self.resume, self.options, preserve=self.preserve, later_looks=self.later_looks
            ),
        )

    def _receive(self, source: S3Url, target: str, item: TreeEntry | None) -> Coroutine[object, object, int | None]:
        job = DownloadJob(
            source,
            target,
            root=self.root,
            size=item.size if item else None,
            mtime=item.mtime if item else None,
            overwrite=self.overwrite,
            resume=self.resume,
            followlinks=self.followlinks,
            preserve=self.preserve,
            version_id=self.version_id,
        )
        return download_file(self.session, job, self.reporter)

    async def _copy(self, source: S3Url, target: S3Url, item: TreeEntry | None) -> int:
        stat: TreeEntry | StatResult = item or await head(self.session, source)
        if self.followlinks and not stat.size:
            source, stat = await follow(self.session, source, await head(self.session, source))
        old, new = CopyEnd(self.session, source), CopyEnd(self.writing_session, target)
        settings = CopySettings(overwrite=self.overwrite, options=self.options)
        await copy_listed(old, new, stat.size, stat.storage_class, settings)
        self.reporter.add_bytes(stat.size)
        return stat.size


@dataclass(frozen=True, slots=True)
class TreeTransfer:
    """All of one tree to another."""

    source: Tree
    target: Tree
    copier: FileCopier
    rule: CopyFilter = copy_always
    filter: Filter = field(default_factory=Filter)
    looks_at_target: bool = False
    """True if the target has to be listed to decide."""
    reads_everything: bool = False
    """True if what the filter leaves out has to be readable as well: its place says what is gone."""
    dry_run: bool = False

    async def run(self, on_extra: Callable[[TreeEntry], None]) -> bool:
        """Copy what the rule says and return whether there was anything in the source.

        ``on_extra`` hears of what only the target has. The errors of single files are in the tally.
        """
        seen_any = False
        from_disk, to_disk = isinstance(self.source, LocalTree), isinstance(self.target, LocalTree)
        copy = self.copier.copier(from_disk=from_disk, to_disk=to_disk)

        async def selected_pairs() -> AsyncGenerator[tuple[TreeEntry, TreeEntry | None], None]:
            nonlocal seen_any
            conflicts = FileConflicts() if isinstance(self.target, LocalTree) else None
            async with aclosing(self._pairs()) as batches:
                async for batch in batches:
                    for source_entry, target_entry in batch:
                        if self.copier.counters.has_too_many_failures:
                            return
                        seen_any = seen_any or source_entry is not None
                        wants = self.filter.wants((source_entry or target_entry or TreeEntry("")).name)
                        if source_entry is not None and (wants or self._must_report(source_entry)):
                            for item in _check_conflict(source_entry, conflicts):
                                yield item, target_entry
                        elif wants and source_entry is None and target_entry is not None:
                            on_extra(target_entry)

        await for_each(selected_pairs(), partial(self._handle, copy), self.copier.session.config.max_concurrency)
        return seen_any

    def _must_report(self, item: TreeEntry) -> bool:
        """Return whether the problem of something that the filter does not mean is to be known nevertheless."""
        if item.error is None:
            return False
        may_hold_wanted = item.is_marker and not self.filter.excludes(item.name)
        return may_hold_wanted or (item.is_unread and self.reads_everything)

    def _pairs(self) -> AsyncGenerator[list[Pair], None]:
        if self.looks_at_target:
            return merge_by_name(self.source.batches(), self.target.batches())
        return _without_target(self.source)

    async def _handle(self, copy: Copy, pair: tuple[TreeEntry, TreeEntry | None]) -> None:
        item, other = pair
        counters = self.copier.counters
        with counters.collecting(self.source.path(item.name)):
            if item.error is not None:
                raise item.error
            if item.is_marker and not (item.size and isinstance(self.target, S3Tree)):
                await self._handle_marker(item, other)
                return
            is_wanted = self.rule(item, other)
            if not (is_wanted if isinstance(is_wanted, bool) else await is_wanted):
                counters.skipped += 1
                return
            source, target = self._ends(item.name)
            if self.dry_run:
                counters.plan_copy(source, target, item.size)
                return
            self.copier.reporter.add_file(item.size)
            self.copier.note_done(source, target, await copy(source, target, item))

    async def _handle_marker(self, item: TreeEntry, other: TreeEntry | None) -> None:
        """Make a directory where the source has the marker of one; what has no body is not counted."""
        assert isinstance(self.source, S3Tree)
        marker = self.source.url(item.name)
        if isinstance(self.target, LocalTree):
            await self._make_directory(item, self.target)
        elif other is None and not self.dry_run:
            old, new = CopyEnd(self.source.session, marker), CopyEnd(self.target.session, self.target.url(item.name))
            await copy_listed(old, new, 0)
        if self.copier.after is not None and not self.dry_run:
            await self.copier.after(marker, item)

    async def _make_directory(self, item: TreeEntry, target: LocalTree) -> None:
        path = target.path(local_name(item.name[:-1])) if item.name else target.root
        if item.size:
            marker = self.source.path(item.name)
            message = f"{marker} is a directory to a disk, and its {item.size:,} bytes have no place there"
            raise PathIsDirectoryError(message, path=marker)
        if not self.dry_run:
            await in_thread(make_directory, path, target.root)

    def _ends(self, name: str) -> tuple[S3Url | str, S3Url | str]:
        """Return where the item ``name`` is, and where it will be."""
        source = self.source.url(name) if isinstance(self.source, S3Tree) else self.source.path(name)
        return source, self.target.url(name) if isinstance(self.target, S3Tree) else self.target.path(local_name(name))


def _check_conflict(item: TreeEntry, conflicts: FileConflicts | None) -> tuple[TreeEntry, ...]:
    """Return the item, with a problem if it lies below a file; nothing for a marker, whose directory the file is."""
    if conflicts is None or item.error is not None:
        return (item,)
    above = conflicts.known_conflicting_file(item.name) if item.is_marker else conflicts.conflicting_file(item.name)
    if above is None:
        return (item,)
    if item.is_marker and not item.size:
        return ()
    message = f"{item.name!r} lies below {above!r}, which is a file: a disk cannot have both"
    return (replace(item, error=PathNotDirectoryError(message, path=item.name)),)


async def _without_target(tree: Tree) -> AsyncGenerator[list[Pair], None]:
    async with aclosing(tree.batches()) as batches:
        async for batch in batches:
            yield [(item, None) for item in batch]
