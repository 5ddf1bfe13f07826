"""``Copy`` and ``Sync``: the tree verbs on one key range."""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from typing_extensions import override

from aios3._backend import CopyOptions
from aios3._entries import StatResult
from aios3._namespace.link_targets import head_or_none
from aios3._paths import S3Url
from aios3._s3_constants import MAX_PART_SIZE
from aios3._storing.store_object import copy_server_side
from aios3._storing.write_plan import replacing_plan
from aios3._trees.copy_listed import may_overlap
from aios3._trees.file_trees import TreeEntry
from aios3._trees.filters import make_filter
from aios3._trees.progress_reporter import ProgressReporter
from aios3._trees.runner import for_each
from aios3._trees.syncing import SyncRule, check_sides, transfer_tree
from aios3._trees.transfer import FileCopier, TreeTransfer, copy_if_absent
from aios3.distributed.jobs.base import Job
from aios3.distributed.jobs.trees import ManifestTree, counterpart, noted_as, source_tree, version_of
from aios3.errors import ConfigError, InvalidPathError, ObjectExistsError, UnsupportedError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable

    from aios3._session import Session
    from aios3._trees.file_trees import S3Tree
    from aios3._trees.transfer import CopyFilter
    from aios3.distributed.jobs.base import RangeCounters
    from aios3.distributed.ranges import KeyRange

_MD5_CHARACTERS = 32


@dataclass(frozen=True)
class _ToTarget(Job):
    """A job that writes below ``dst`` what lies below the root of its ranges, by the same relative names."""

    dst: str
    """Where the tree goes: the object ``{root}/name`` becomes ``{dst}/name``."""
    include: tuple[str, ...] = ()
    """Globs of the names below the root to take, as those of :func:`aios3.sync_tree`; none takes all."""
    exclude: tuple[str, ...] = ()
    """Globs of the names to leave alone."""

    def __post_init__(self) -> None:
        super().__post_init__()
        S3Url.parse(self.dst).require_bucket()
        for name in ("include", "exclude"):
            if isinstance(getattr(self, name), str):
                message = f"{name} takes a tuple of globs, not one text: ({getattr(self, name)!r},)"
                raise ConfigError(message)
        make_filter(self.include, self.exclude)

    @override
    def targets(self) -> tuple[S3Url, ...]:
        return (S3Url.parse(self.dst),)

    @override
    def check(self, key_range: KeyRange) -> None:
        super().check(key_range)
        source, target = key_range.root, S3Url.parse(self.dst)
        if may_overlap(source, target) and source.profile == target.profile:
            message = f"{source} and {target} are one place, or one lies in the other; it would be copied into itself"
            raise InvalidPathError(message, path=str(source))

    async def _run(
        self,
        source: S3Tree,
        target: S3Tree,
        rule: CopyFilter,
        counters: RangeCounters,
        *,
        create: bool = False,
        delete: bool = False,
    ) -> None:
        """Copy from ``source`` to ``target`` what ``rule`` says; with ``create``, replace nothing."""
        copier = FileCopier(source.session, ProgressReporter(None, None), counters.transfer, overwrite=not create)
        await check_sides(copier, source.root, target.root)
        globs = make_filter(self.include, self.exclude)
        is_listed = not isinstance(source, ManifestTree)
        await transfer_tree(
            TreeTransfer(source, target, copier, rule, globs, looks_at_target=is_listed, reads_everything=delete),
            delete=delete,
            empty_bucket_counts=False,
        )


@dataclass(frozen=True)
class Copy(_ToTarget):
    """Copy every object of a range to ``dst``, inside S3 where one side may read the other.

    An object is skipped if the target has one of the same size and ETag. Where the ETags cannot be compared, it must
    not be older. So a range that is done again costs the listings. ``overwrite=False`` leaves whatever
    a target has. Metadata, tags and storage class are those of the source, as with :func:`aios3.copy`.

    Rows of a manifest that name a version have that version copied, inside S3 and up to 5 GiB. Each key has one target:
    rows of a range that name several versions of one are failures.
    """

    takes_versions: ClassVar[bool] = True

    overwrite: bool = True

    @override
    def check(self, key_range: KeyRange) -> None:
        super().check(key_range)
        has_versions = key_range.rows is not None and key_range.rows.has_versions
        if has_versions and key_range.root.profile != S3Url.parse(self.dst).profile:
            message = f"Versions are copied inside S3, and {self.dst} is of another profile than {key_range.url}"
            raise UnsupportedError(message, path=self.dst)

    @override
    async def work(self, session: Session, key_range: KeyRange, counters: RangeCounters) -> None:
        source, target = source_tree(session, key_range), counterpart(session, key_range, S3Url.parse(self.dst))
        rule: CopyFilter = _is_different if self.overwrite else copy_if_absent
        if isinstance(source, ManifestTree):
            rule = _looking_up(target, rule)
            source = replace(source, of_versions=False, is_each_key_once=True)
        await self._run(source, target, rule, counters, create=not self.overwrite)
        if isinstance(source, ManifestTree) and source.rows is not None and source.rows.has_versions:
            versions = replace(source, of_versions=True)
            rule = _looking_up(target, _is_other_version if self.overwrite else copy_if_absent)
            copy = partial(self._copy_version, versions, target, rule, counters)
            await for_each(self._selected(versions, counters), copy, session.config.max_concurrency)

    async def _selected(self, tree: S3Tree, counters: RangeCounters) -> AsyncGenerator[TreeEntry, None]:
        globs = make_filter(self.include, self.exclude)
        async with aclosing(tree.batches()) as batches:
            async for batch in batches:
                for entry in batch:
                    if counters.transfer.has_too_many_failures:
                        return
                    if globs.wants(entry.name):
                        yield entry

    async def _copy_version(
        self, source: S3Tree, target: S3Tree, rule: CopyFilter, counters: RangeCounters, entry: TreeEntry
    ) -> None:
        url, target_url = source.url(entry.name), target.url(entry.name)
        with counters.transfer.collecting(noted_as(source, entry, counters)):
            if entry.error is not None:
                raise entry.error
            decision = rule(entry, None)
            if not (decision if isinstance(decision, bool) else await decision):
                counters.transfer.skipped += 1
                return
            if entry.size > MAX_PART_SIZE:
                message = f"{url} has {entry.size:,} bytes, and a version of more than 5 GiB cannot be copied"
                raise UnsupportedError(message, path=str(url), operation="CopyObject")
            plan = replacing_plan(target.session, target_url, if_absent=not self.overwrite)
            stat = StatResult(entry.size, mtime=entry.mtime, etag=entry.etag)
            terms = CopyOptions(storage_class=entry.storage_class, version_id=version_of(entry))
            try:
                await copy_server_side(target.session, url, plan, stat, terms)
            except ObjectExistsError:  # another process was faster
                counters.transfer.skipped += 1
            else:
                counters.transfer.note_copied(url, target_url, entry.size)


@dataclass(frozen=True)
class Sync(_ToTarget):
    """Copy what is new or different in a range to ``dst``, as :func:`aios3.sync_tree` decides it.

    With ``delete``, remove what only the target has in the same interval of names, and the globs mean. That is done at
    the end of the range, if all of its source was read, nothing failed, and the source tree is not empty. An object
    that has been written to since it was compared stays, and is a failure.
    """

    delete: bool = False
    checksum: bool = False
    """True if size and ETag are compared, not size and time."""
    overwrite: bool = True
    """False leaves whatever the target has."""

    @override
    def check(self, key_range: KeyRange) -> None:
        super().check(key_range)
        if key_range.rows is not None:
            message = "Sync compares intervals of keys, and a manifest's rows are none; use Copy"
            raise UnsupportedError(message, path=key_range.url)

    @override
    async def work(self, session: Session, key_range: KeyRange, counters: RangeCounters) -> None:
        source, target = source_tree(session, key_range), counterpart(session, key_range, S3Url.parse(self.dst))
        rule = SyncRule(overwrite=self.overwrite, checksum=self.checksum)
        copy_filter = rule.copy_filter(source, target)
        await self._run(source, target, copy_filter, counters, create=not self.overwrite, delete=self.delete)


def _is_different(item: TreeEntry, other: TreeEntry | None) -> bool:
    """Return whether the target lacks an object, or has another one than a copy of it would be."""
    if other is None or item.size != other.size:
        return True
    if item.etag and item.etag == other.etag:
        return False
    if _is_md5(item.etag) and _is_md5(other.etag):
        return True
    return other.mtime < item.mtime


def _is_other_version(item: TreeEntry, other: TreeEntry | None) -> bool:
    """Return whether the target may have anything but a copy of this version; its time says nothing about that."""
    return other is None or item.etag is None or (item.size, item.etag) != (other.size, other.etag)


def _is_md5(etag: str | None) -> bool:
    """Return whether an ETag has the form of an MD5; those of multipart uploads have the number of parts as well."""
    return etag is not None and len(etag) == _MD5_CHARACTERS and "-" not in etag


def _looking_up(target: S3Tree, rule: CopyFilter) -> CopyFilter:
    """Return ``rule`` with a HEAD of each target, where the target was not listed."""

    async def is_wanted(item: TreeEntry) -> bool:
        stat = await head_or_none(target.session, target.url(item.name))
        other = None if stat is None else TreeEntry(item.name, stat.size, stat.mtime, stat.etag)
        decision = rule(item, other)
        return decision if isinstance(decision, bool) else await decision

    def decide(item: TreeEntry, _other: TreeEntry | None) -> bool | Awaitable[bool]:
        return is_wanted(item)

    return decide
