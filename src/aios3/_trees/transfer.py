"""The one engine of ``upload``, ``download`` and ``sync_tree``: pairs of items come in, files and objects go over."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from aios3._handles.threads import in_thread
from aios3._namespace.links import follow, head, head_or_none
from aios3._trees.beneath import make_directory
from aios3._trees.copying import copy_listed
from aios3._trees.filters import Filter
from aios3._trees.merging import pairs
from aios3._trees.names import Nesting, local_name
from aios3._trees.places import Item, LocalTree, S3Tree
from aios3._trees.receiving import Receipt, receive_file
from aios3._trees.runner import for_each
from aios3._trees.sending import send_file
from aios3._trees.tally import TransferAction
from aios3.errors import ObjectExistsError, PathIsDirectoryError, PathNotDirectoryError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable

    from aios3._entries import StatResult
    from aios3._paths import S3Url
    from aios3._session import Session
    from aios3._trees.merging import Pair
    from aios3._trees.meter import Meter
    from aios3._trees.tally import Tally

Tree = S3Tree | LocalTree
Rule = Callable[[Item, Item | None], "bool | Awaitable[bool]"]
"""Tells whether an item is to be copied, given what the target has of that name: at once, or by what to await."""
Copy = Callable[[Any, Any, Item | None], Coroutine[object, object, int | None]]
"""Copies one file or object and returns its size; None if something is there and stays."""


def always(_item: Item, _other: Item | None) -> bool:
    """Copy everything."""
    return True


def unless_there(_item: Item, other: Item | None) -> bool:
    """Copy what the target has not."""
    return other is None


@dataclass(frozen=True, slots=True)
class Carrier:
    """Carries one file or object at a time, in the way that was asked for, and counts."""

    session: Session
    meter: Meter
    tally: Tally
    overwrite: bool = True
    resume: bool = False
    followlinks: bool = False
    root: str | None = None
    """The local directory that no target may leave."""

    def below(self, root: str) -> Carrier:
        """Return a carrier whose local targets must not leave ``root``."""
        return replace(self, root=root)

    def copier(self, *, from_disk: bool, to_disk: bool) -> Copy:
        """Return what copies one file or object, given what a listing has told of it: one choice for a whole tree."""
        if to_disk:
            return self._receive
        copy: Copy = self._send if from_disk else self._copy
        return copy if self.overwrite else partial(self._create, copy)

    async def _create(self, copy: Copy, source: S3Url | str, target: S3Url, item: Item | None) -> int | None:
        if await head_or_none(self.session, target) is not None:
            return None
        try:
            return await copy(source, target, item)
        except ObjectExistsError:  # somebody was faster
            return None

    def _send(self, source: str, target: S3Url, item: Item | None) -> Coroutine[object, object, int]:
        assert item is not None  # a local file has always been looked at
        return send_file(
            self.session,
            source,
            target,
            self.meter,
            size=item.size,
            create_only=not self.overwrite,
            resume=self.resume,
        )

    def _receive(self, source: S3Url, target: str, item: Item | None) -> Coroutine[object, object, int | None]:
        receipt = Receipt(
            source,
            target,
            root=self.root,
            size=item.size if item else None,
            mtime=item.mtime if item else None,
            overwrite=self.overwrite,
            resume=self.resume,
            followlinks=self.followlinks,
        )
        return receive_file(self.session, receipt, self.meter)

    async def _copy(self, source: S3Url, target: S3Url, item: Item | None) -> int:
        found: Item | StatResult = item or await head(self.session, source)
        if self.followlinks and not found.size:
            source, found = await follow(self.session, source, await head(self.session, source))
        size, create_only = found.size, not self.overwrite
        await copy_listed(self.session, source, target, size, found.storage_class, create_only=create_only)
        self.meter.moved(size)
        return size


@dataclass(frozen=True, slots=True)
class Transfer:
    """All of one tree to another."""

    source: Tree
    target: Tree
    carrier: Carrier
    rule: Rule = always
    filter: Filter = field(default_factory=Filter)
    looks_at_target: bool = False
    """Whether the target has to be listed to decide."""
    reads_everything: bool = False
    """Whether what the filter leaves out has to be readable as well: its place says what is gone."""
    dry_run: bool = False

    async def run(self, on_extra: Callable[[Item], None]) -> bool:
        """Copy what the rule says and return whether there was anything in the source.

        ``on_extra`` hears of what only the target has. The errors of single files are in the tally.
        """
        found = False
        from_disk, to_disk = isinstance(self.source, LocalTree), isinstance(self.target, LocalTree)
        copy = self.carrier.copier(from_disk=from_disk, to_disk=to_disk)

        async def wanted() -> AsyncGenerator[tuple[Item, Item | None], None]:
            nonlocal found
            nesting = Nesting() if isinstance(self.target, LocalTree) else None
            async with aclosing(self._pairs()) as batches:
                async for batch in batches:
                    for ours, theirs in batch:
                        if self.carrier.tally.full:
                            return
                        found = found or ours is not None
                        wants = self.filter.wants((ours or theirs or Item("")).name)
                        if ours is not None and (wants or self._must_tell(ours)):
                            for item in _without_collision(ours, nesting):
                                yield item, theirs
                        elif wants and ours is None and theirs is not None:
                            on_extra(theirs)

        await for_each(wanted(), partial(self._handle, copy), self.carrier.session.config.max_concurrency)
        return found

    def _must_tell(self, item: Item) -> bool:
        """Tell whether the problem of something that the filter does not mean is to be known nevertheless."""
        if item.problem is None:
            return False
        may_hold_wanted = item.is_marker and not self.filter.excludes(item.name)
        return may_hold_wanted or (item.is_unread and self.reads_everything)

    def _pairs(self) -> AsyncGenerator[list[Pair], None]:
        if self.looks_at_target:
            return pairs(self.source.batches(), self.target.batches())
        return _alone(self.source)

    async def _handle(self, copy: Copy, pair: tuple[Item, Item | None]) -> None:
        item, other = pair
        tally, meter = self.carrier.tally, self.carrier.meter
        with tally.failing(self.source.path(item.name)):
            if item.problem is not None:
                raise item.problem
            if item.is_marker and not (item.size and isinstance(self.target, S3Tree)):
                await self._handle_marker(item, other)
                return
            wanted = self.rule(item, other)
            if not (wanted if isinstance(wanted, bool) else await wanted):
                tally.skipped += 1
                return
            source, target = self._ends(item.name)
            if self.dry_run:
                tally.actions.append(TransferAction("copy", str(target), str(source)))
                count(tally, item.size)
                return
            meter.expect(item.size)
            count(tally, await copy(source, target, item))
            meter.finished()

    async def _handle_marker(self, item: Item, other: Item | None) -> None:
        """Make a directory where the source has the marker of one; what has no body is not counted."""
        assert isinstance(self.source, S3Tree)
        if isinstance(self.target, LocalTree):
            await self._make_directory(item, self.target)
        elif other is None and not self.dry_run:
            await copy_listed(self.carrier.session, self.source.url(item.name), self.target.url(item.name), 0)

    async def _make_directory(self, item: Item, target: LocalTree) -> None:
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


def count(tally: Tally, done: int | None) -> None:
    """Note one file that was copied, with its size, or skipped."""
    if done is None:
        tally.skipped += 1
    else:
        tally.copied += 1
        tally.bytes += done


def _without_collision(item: Item, nesting: Nesting | None) -> tuple[Item, ...]:
    """Return the item, with a problem if it lies below a file; nothing for a marker, whose directory the file is."""
    if nesting is None or item.problem is not None:
        return (item,)
    above = nesting.found_above(item.name) if item.is_marker else nesting.file_above(item.name)
    if above is None:
        return (item,)
    if item.is_marker and not item.size:
        return ()
    message = f"{item.name!r} lies below {above!r}, which is a file: a disk cannot have both"
    return (replace(item, problem=PathNotDirectoryError(message, path=item.name)),)


async def _alone(tree: Tree) -> AsyncGenerator[list[Pair], None]:
    async with aclosing(tree.batches()) as batches:
        async for batch in batches:
            yield [(item, None) for item in batch]
