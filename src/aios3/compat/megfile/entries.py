"""megfile's results, made of those of aios3."""

from __future__ import annotations

import stat as _stat
from typing import TYPE_CHECKING, NamedTuple

from aios3 import Access

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aios3._entries import FileEntry as Entry
    from aios3._entries import StatResult as Stat

__all__ = ["Access", "FileEntry", "StatResult", "entry_of", "stat_of"]


class StatResult(NamedTuple):
    """One object or directory; ``extra`` has what else S3 said, by its names: ``extra["ETag"]``."""

    size: int = 0
    ctime: float = 0.0
    mtime: float = 0.0
    isdir: bool = False
    islnk: bool = False
    extra: Mapping[str, object] | None = None

    def is_file(self) -> bool:
        """Return whether this is an object, or a link to one."""
        return not self.isdir or self.islnk

    def is_dir(self) -> bool:
        """Return whether this is a directory."""
        return self.isdir and not self.islnk

    def is_symlink(self) -> bool:
        """Return whether this is a symbolic link, followed or not."""
        return self.islnk

    @property
    def st_mode(self) -> int:
        """The file type bits that :mod:`stat` understands."""
        if self.islnk:
            return _stat.S_IFLNK
        return _stat.S_IFDIR if self.isdir else _stat.S_IFREG

    @property
    def st_size(self) -> int:
        """The size in bytes."""
        return self.size

    @property
    def st_mtime(self) -> float:
        """The time of modification in seconds since the epoch."""
        return self.mtime

    @property
    def st_ctime(self) -> float:
        """Always 0.0: S3 has no time of creation."""
        return self.ctime


class FileEntry(NamedTuple):
    """One entry of a listing: its last name, its whole path, and what is known about it."""

    name: str
    path: str
    stat: StatResult

    def is_file(self) -> bool:
        """Return whether the entry is an object."""
        return self.stat.is_file()

    def is_dir(self) -> bool:
        """Return whether the entry is a directory."""
        return self.stat.is_dir()

    def is_symlink(self) -> bool:
        """Return whether the entry is a symbolic link, as far as a listing can see."""
        return self.stat.is_symlink()


def stat_of(stat: Stat) -> StatResult:
    """Convert a description."""
    extra: dict[str, object] = {
        "ETag": None if stat.etag is None else f'"{stat.etag}"',
        "VersionId": stat.version_id,
        "StorageClass": stat.storage_class,
        "ContentType": stat.content_type,
        "Metadata": dict(stat.metadata) or None,
    }
    present = {name: value for name, value in extra.items() if value is not None}
    return StatResult(stat.size, stat.ctime, stat.mtime, stat.isdir, stat.islnk, present or None)


def entry_of(entry: Entry) -> FileEntry:
    """Convert an entry."""
    return FileEntry(entry.name, entry.path, stat_of(entry.stat))
