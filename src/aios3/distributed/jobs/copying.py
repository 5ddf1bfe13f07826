"""``Copy`` and ``Sync``: the tree verbs on one key range."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from typing_extensions import override

from aios3._namespace.link_targets import head_or_none
from aios3._paths import S3Url
from aios3._trees.copy_listed import may_overlap
from aios3._trees.file_trees import TreeEntry
from aios3._trees.filters import make_filter
from aios3._trees.progress_reporter import ProgressReporter
from aios3._trees.syncing import SyncRule, check_sides, transfer_tree
from aios3._trees.transfer import FileCopier, TreeTransfer, copy_if_absent
from aios3.distributed.jobs.base import Job
from aios3.distributed.jobs.trees import ManifestTree, counterpart, source_tree
from aios3.errors import ConfigError, InvalidPathError, UnsupportedError

if TYPE_CHECKING:
    from collections.abc import Awaitable

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
    """

    overwrite: bool = True

    @override
    async def work(self, session: Session, key_range: KeyRange, counters: RangeCounters) -> None:
        source, target = source_tree(session, key_range), counterpart(session, key_range, S3Url.parse(self.dst))
        rule: CopyFilter = _is_different if self.overwrite else copy_if_absent
        if isinstance(source, ManifestTree):
            rule = _looking_up(target, rule)
        await self._run(source, target, rule, counters, create=not self.overwrite)


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
