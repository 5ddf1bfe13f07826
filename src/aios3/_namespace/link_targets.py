"""Listings and links: what a listing shows of symbolic links, replaced by what they lead to or described by it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from aios3._entries import FileEntry
from aios3._handles.follow_links import follow, head, head_or_none
from aios3._namespace.pages import gather
from aios3._paths import S3Url

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aios3._session import Session

__all__ = ["follow", "head", "head_or_none", "replace_by_targets", "stat_targets"]


async def replace_by_targets(session: Session, entries: Sequence[FileEntry]) -> list[FileEntry]:
    """Replace each link by the object that it leads to: its name, its path, its description."""
    return await gather(_follow_entry(session, entry, rename=True) for entry in entries)


async def stat_targets(session: Session, entries: Sequence[FileEntry]) -> list[FileEntry]:
    """Keep each link's name and path, and describe the object that it leads to."""
    return await gather(_follow_entry(session, entry, rename=False) for entry in entries)


async def _follow_entry(session: Session, entry: FileEntry, *, rename: bool) -> FileEntry:
    if entry.stat.isdir or entry.stat.size:
        return entry  # a link is empty: the listing says enough
    url = S3Url.parse(entry.path)
    stat = await head_or_none(session, url)
    if stat is None or not stat.islnk:  # None: removed since it was listed
        return entry
    target, target_stat = await follow(session, url, stat)
    if rename:
        return FileEntry(target.name, str(target), target_stat)
    return replace(entry, stat=replace(target_stat, islnk=True))
