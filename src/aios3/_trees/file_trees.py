"""The two sides of a transfer, S3 and the local disk, as streams of items in the same order."""

from __future__ import annotations

import errno
import os
import stat as stat_bits
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aios3._namespace.key_interval import interval_pages
from aios3._namespace.pages import ListingTasks, pages
from aios3._s3_constants import MAX_KEYS
from aios3._threads import in_thread
from aios3._trees.local_names import is_local_name
from aios3.errors import InvalidPathError, UnsupportedError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator

    from aios3._backend import ListPage
    from aios3._paths import S3Url
    from aios3._session import Session


FileIdentity = tuple[int, int, int, int]
"""Device, inode, size in bytes and modification time in nanoseconds of a local file, or of the link that it is."""


def identity_of(stat: os.stat_result) -> FileIdentity:
    """Return values that differ between a local file and another one that has taken its place."""
    where = (stat.st_dev, stat.st_ino) if os.name != "nt" else (0, 0)  # a listing does not have them on Windows
    return *where, stat.st_size, stat.st_mtime_ns


@dataclass(frozen=True, slots=True)
class TreeEntry:
    """One file below the root of a side; ``name`` is relative, with ``/`` between its segments."""

    name: str
    size: int = 0
    mtime: float = 0.0
    etag: str | None = None
    error: Exception | None = None
    """Why this cannot be read or written, where that is known before it is tried."""
    storage_class: str | None = None
    is_unread: bool = False
    """True if the side could not be read here; then its contents are unknown, and are not treated as gone."""
    identity: FileIdentity | None = None
    """Of a local file: which one it is."""

    @property
    def is_marker(self) -> bool:
        """Return whether this is the marker of a directory: a key that ends in ``/``, or the root's own."""
        return not self.name or self.name.endswith("/")


@dataclass(frozen=True, slots=True)
class S3Tree:
    """Everything below a path in S3, or the object at it."""

    session: Session
    root: S3Url
    with_markers: bool = False
    """True if the markers of directories are items as well."""
    after: str = ""
    """The key after which the part of the tree begins that is meant."""
    upto: str | None = None
    """The last key of that part; None is the end of the tree."""

    @property
    def is_part(self) -> bool:
        """Return whether only a part of the tree is meant."""
        return bool(self.after) or self.upto is not None

    def pages(self, tasks: ListingTasks) -> AsyncGenerator[ListPage, None]:
        """List what is meant, with the markers of directories."""
        root = self.root.with_key(self.root.prefix)
        return interval_pages(tasks, root, self.after, self.upto) if self.is_part else pages(tasks, root)

    def url(self, name: str) -> S3Url:
        """Return the path of ``name``."""
        return self.root.with_key(self.root.prefix + name)

    def path(self, name: str) -> str:
        """Return the path of ``name``, for people."""
        return str(self.url(name))

    async def batches(self) -> AsyncGenerator[list[TreeEntry], None]:
        """Yield the objects in key order, a page at a time."""
        cut = len(self.root.prefix)
        async with ListingTasks(self.session) as tasks, aclosing(self.pages(tasks)) as listing:
            async for page in listing:
                listed = zip(page.keys, page.stats, strict=True)
                yield [
                    TreeEntry(key[cut:], stat.size, stat.mtime, stat.etag, _unaddressable(key), stat.storage_class)
                    for key, stat in listed
                    if self.with_markers or not key.endswith("/")
                ]


def _unaddressable(text: str) -> Exception | None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        return InvalidPathError(f"{text!r} has no UTF-8 form, so it names nothing in S3: {error.reason}", path=text)
    return None


@dataclass(frozen=True, slots=True)
class LocalTree:
    """Everything below a local directory."""

    root: str
    followlinks: bool = False
    """True if symbolic links to directories are entered; those to files are read in any case."""
    missing_ok: bool = False
    """True if there need be no such directory; it is empty then."""

    def path(self, name: str) -> str:
        """Return the path of ``name``."""
        return os.path.join(self.root, *name.split("/"))

    def has(self, name: str) -> bool:
        """Return whether there is something now by exactly this name that :meth:`batches` would see. Blocks.

        Raises what the operating system says, unless it says that there is nothing.
        """
        if _is_partial_name(name.rpartition("/")[2]) or not is_local_name(name):
            return False
        try:
            os.lstat(self.path(name))
        except (FileNotFoundError, NotADirectoryError):
            return False
        # A disk may accept another spelling of this name, and a link may lead outside the listed directories.
        path = self.root
        *above, last = name.split("/")
        for segment in above:
            if segment not in os.listdir(path):
                return False
            path = os.path.join(path, segment)
            if os.path.islink(path) and not self.followlinks:
                return False
        return last in os.listdir(path)

    async def batches(self) -> AsyncGenerator[list[TreeEntry], None]:
        """Yield the files in the order that their keys have in S3.

        Special files, and directories that cannot be read, are items with a problem; the name of such a directory ends
        in ``/``. Raises what the operating system says about the root.
        """
        batch: list[TreeEntry] = []
        pending: list[TreeEntry | _Directory] = [_Directory("", ())]  # the next one is the last
        while pending:
            entry = pending.pop()
            if isinstance(entry, _Directory):
                pending.extend(reversed(await self._entries(entry)))
                continue
            batch.append(entry)
            if len(batch) >= MAX_KEYS:
                yield batch
                batch = []
        if batch:
            yield batch

    async def _entries(self, directory: _Directory) -> list[TreeEntry | _Directory]:
        try:
            return await in_thread(_entries, self, directory)
        except OSError as error:
            if not directory.prefix:
                if self.missing_ok and isinstance(error, FileNotFoundError):
                    return []
                raise
            return [TreeEntry(directory.prefix, error=error, is_unread=True)]


@dataclass(frozen=True, slots=True)
class _Directory:
    prefix: str
    above: tuple[tuple[int, int], ...]
    """Device and inode of the directories on the way here, to see a link that leads back."""


def _entries(tree: LocalTree, directory: _Directory) -> list[TreeEntry | _Directory]:
    """List one directory; names of directories sort as they do in S3, with their ``/``."""
    path = tree.path(directory.prefix.removesuffix("/")) if directory.prefix else tree.root
    identity = _device_and_inode(path)
    if identity in directory.above:
        return []
    above = (*directory.above, identity)
    with os.scandir(path) as entries:
        named = {_sort_name(entry): entry for entry in entries}
    if _device_and_inode(path) != identity:
        raise OSError(errno.ESTALE, "Another directory took its place while it was read", path)
    return [child for name in sorted(named) for child in _described(tree, directory.prefix, named[name], above)]


def _device_and_inode(path: str) -> tuple[int, int]:
    stat = os.stat(path)
    return stat.st_dev, stat.st_ino


def _sort_name(entry: os.DirEntry[str]) -> str:
    return f"{entry.name}/" if _is_dir(entry) else entry.name


def _is_dir(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _described(
    tree: LocalTree, prefix: str, entry: os.DirEntry[str], above: tuple[tuple[int, int], ...]
) -> Iterator[TreeEntry | _Directory]:
    name = prefix + entry.name
    error = _unaddressable(name)
    if error is not None:
        yield TreeEntry(f"{name}/" if _is_dir(entry) else name, error=error)
    elif _is_dir(entry):
        if tree.followlinks or not entry.is_symlink():
            yield _Directory(f"{name}/", above)
    elif not _is_partial_name(entry.name):
        yield _file(name, entry)


def _file(name: str, entry: os.DirEntry[str]) -> TreeEntry:
    identity: FileIdentity | None = None
    try:
        identity = identity_of(entry.stat(follow_symlinks=False))
        target_stat = entry.stat()
    except OSError as error:
        leads_nowhere = identity is not None and isinstance(error, FileNotFoundError)
        return TreeEntry(name, error=error, is_unread=not leads_nowhere, identity=identity)
    if not stat_bits.S_ISREG(target_stat.st_mode):
        message = f"{entry.path} is neither a file nor a directory"
        return TreeEntry(name, error=UnsupportedError(message, path=entry.path), identity=identity)
    return TreeEntry(name, target_stat.st_size, target_stat.st_mtime, identity=identity)


PARTIAL_SUFFIX = ".aios3-part"
"""How the names of files end that a download has not finished; they begin with a dot."""


def _is_partial_name(name: str) -> bool:
    return name.startswith(".") and name.endswith((PARTIAL_SUFFIX, f"{PARTIAL_SUFFIX}.json"))
