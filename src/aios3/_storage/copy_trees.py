"""Whole trees from one volume to another, several files at once; every file that fails is named."""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aios3._objects.copy_object import CopyEnd, copy
from aios3._storage.list_entries import child_url
from aios3._storage.tree_listing import list_tree
from aios3._trees.copy_listed import copy_listed, may_overlap
from aios3._trees.progress_reporter import ProgressReporter
from aios3._trees.runner import for_each
from aios3._trees.transfer_counters import TransferCounters
from aios3.errors import InvalidPathError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from aios3._paths import S3Url
    from aios3._trees.progress_reporter import Progress


@dataclass(frozen=True, slots=True)
class _CopyTask:
    source: S3Url
    target: S3Url
    name: str
    """The name of the copy in its volume."""
    size: int
    storage_class: str | None


async def copy_trees(
    source: CopyEnd, names: Sequence[str], target: CopyEnd, dst: str | None, progress: Progress | None
) -> list[str]:
    """Copy files and directories of one volume into another; return the names there of what was copied, sorted.

    Raises InvalidPathError, before anything is touched, if a tree would be copied into itself.
    """
    for name in names:
        _reject_nesting(source, name, target, dst)
    counters, reporter = TransferCounters(), ProgressReporter(None, progress)
    copied: list[str] = []

    async def copy(task: _CopyTask) -> None:
        with counters.collecting(str(task.source)):
            reporter.add_file(task.size)
            await _copy(source, target, task)
            counters.copied += 1
            counters.bytes += task.size
            copied.append(task.name)
            reporter.add_bytes(task.size)
            reporter.file_done()

    await for_each(_copy_tasks(source, names, target, dst, counters), copy, source.session.config.max_concurrency)
    counters.raise_if_failed(f"Copying from {source.url} to {target.url}", str(target.url))
    return sorted(copied)


async def _copy_tasks(
    source: CopyEnd, names: Sequence[str], target: CopyEnd, dst: str | None, counters: TransferCounters
) -> AsyncGenerator[_CopyTask, None]:
    """Yield what is to be copied; a name without anything raises ObjectNotFoundError, the whole volume may be empty."""
    for src in names:
        below = list_tree(source.session, source.url, src, missing_ok=not src)
        async with aclosing(below) as listing:
            async for name, stat in listing:
                if counters.has_too_many_failures:
                    return
                new = target_name(src, name, dst)
                yield _CopyTask(
                    child_url(source.url, name),
                    child_url(target.url, new).require_object(),
                    new,
                    stat.size,
                    stat.storage_class,
                )


async def _copy(source: CopyEnd, target: CopyEnd, task: _CopyTask) -> None:
    if source.shares_server_with(target):
        old, new = CopyEnd(target.session, task.source), CopyEnd(target.session, task.target)
        await copy_listed(old, new, task.size, task.storage_class)
    else:
        await copy(task.source, task.target, session=source.session, target_session=target.session)


def target_name(src: str, name: str, dst: str | None) -> str:
    """Say what the copy of the file ``name`` is called when ``src`` is copied to ``dst``.

    A file gets the name ``dst``, or keeps its own; what is in a directory goes into ``dst``, or into the volume itself.
    """
    if name == src:
        return dst or name
    rest = name[len(as_directory(src)) :]
    return f"{as_directory(dst or '')}{rest}"


def as_directory(name: str) -> str:
    """Return what the names in a directory begin with."""
    return f"{name}/" if name and not name.endswith("/") else name


def _reject_nesting(source: CopyEnd, src: str, target: CopyEnd, dst: str | None) -> None:
    if not source.shares_server_with(target):
        return
    source_url, target_url = child_url(source.url, src), child_url(target.url, dst or "")
    if may_overlap(source_url, target_url):
        message = f"{source_url} cannot be copied to {target_url}: they are one path, or one lies in the other"
        raise InvalidPathError(message, path=str(source_url))
