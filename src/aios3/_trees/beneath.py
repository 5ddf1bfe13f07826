"""Directories below a local root, entered one by one, so that no symbolic link leads out of it. Nothing here awaits.

Each directory is opened from the one above and held by its descriptor. So files are made inside the root only, even if
another process replaces a directory by a link in between. Where the system opens no directories (Windows), paths are
compared before anything is made.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat as stat_bits
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aios3._trees.file_trees import identity_of
from aios3.errors import FileChangedError, UnsafeNameError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Self

    from aios3._trees.file_trees import FileIdentity

_HAS_DESCRIPTORS = hasattr(os, "O_DIRECTORY") and os.open in os.supports_dir_fd and os.mkdir in os.supports_dir_fd
# O_PATH asks for no permission to list a directory, which nothing here does.
_ENTER = getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_PATH", os.O_RDONLY)
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)
_MAX_LINKS = 40
"""As many links as Linux follows in one path."""


@dataclass(slots=True)
class Folder:
    """An open directory, whose entries are named to ``os`` functions by ``at(name)`` and ``dir_fd=descriptor``."""

    path: str
    descriptor: int | None

    def at(self, name: str) -> str:
        """Name an entry, for a function that is given the descriptor as well."""
        return os.path.join(self.path, name) if self.descriptor is None else name

    @contextlib.contextmanager
    def naming(self, name: str) -> Iterator[None]:
        """Let errors of the operating system say the whole path of an entry."""
        try:
            yield
        except OSError as error:
            if error.errno is not None:
                error.filename = os.path.join(self.path, name)
                del error.filename2  # None instead would be printed: "'path' -> None"
            raise

    def close(self) -> None:
        """Let the directory go. Safe to repeat."""
        descriptor, self.descriptor = self.descriptor, None
        if descriptor is not None:
            os.close(descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()


def folder_of(target: str, root: str | None) -> Folder:
    """Make and open the directory that ``target`` is to be in.

    Raises UnsafeNameError, before anything is made, if a symbolic link leads out of ``root``; and what the operating
    system says.
    """
    parent = os.path.dirname(target)
    if root is None:
        return enter(parent or os.curdir, (), make=True)
    return enter(root, _segments(parent, root), make=True)


def make_directory(path: str, root: str) -> None:
    """Make a directory with all above it; raise as :func:`folder_of` does."""
    enter(root, _segments(path, root), make=True).close()


def unlink_seen(root: str, name: str, identity: FileIdentity) -> None:
    """Remove the file ``name`` below ``root`` if it is still the one that was seen, and the directories empty then.

    Raises FileChangedError, and removes nothing, if another one has taken its place; UnsafeNameError if a symbolic link
    has taken the place of a directory.
    """
    *above, last = name.split("/")
    with enter(root, above, make=False, follow=False) as folder, folder.naming(last):
        stat = os.stat(folder.at(last), dir_fd=folder.descriptor, follow_symlinks=False)
        if identity_of(stat) != identity:
            path = os.path.join(folder.path, last)
            message = f"{path} was written to meanwhile, so it was not deleted"
            raise FileChangedError(message, path=path)
        os.unlink(folder.at(last), dir_fd=folder.descriptor)
    _prune(root, above)


def _prune(root: str, above: list[str]) -> None:
    while above:
        *above, last = above
        with contextlib.suppress(OSError), enter(root, above, make=False, follow=False) as folder:
            os.rmdir(folder.at(last), dir_fd=folder.descriptor)
            continue
        return  # it has other files in it, or is gone


def _segments(path: str, root: str) -> list[str]:
    relative = os.path.relpath(path, root)
    segments = [] if relative == os.curdir else relative.split(os.sep)
    if os.pardir in segments or os.path.isabs(relative):
        message = f"{path} lies outside of {root}"
        raise UnsafeNameError(message, path=path)
    return segments


def enter(root: str, segments: Sequence[str], *, make: bool, follow: bool = True) -> Folder:
    """Open the directory ``segments`` below ``root``; with ``make``, make what is missing of it.

    Symbolic links above and at the root are followed, because the caller named the root. Those below are where they
    stay inside, unless not ``follow``.
    """
    if make:
        os.makedirs(root, exist_ok=True)
    if not _HAS_DESCRIPTORS:
        return _enter_by_path(root, segments, make=make, follow=follow)
    real = os.path.realpath(root)
    with Folder(root, os.open(root, _ENTER)) as start:
        for _ in range(_MAX_LINKS):
            folder = _walk(start, segments, make=make)
            if isinstance(folder, Folder):
                return folder
            if not follow:
                raise _leads_out(root, folder[0], os.path.realpath(os.path.join(root, *folder[0])))
            segments = _resolved(real, root, *folder)
    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), os.path.join(root, *segments))


def _walk(start: Folder, segments: Sequence[str], *, make: bool) -> Folder | tuple[Sequence[str], Sequence[str]]:
    """Enter ``segments``; where one is a symbolic link, return the segments up to it, and the others."""
    assert start.descriptor is not None
    here = Folder(start.path, os.dup(start.descriptor))
    try:
        for passed, name in enumerate(segments, 1):
            with here.naming(name):
                below = _step(here, name, make=make)
            if below is None:
                here.close()
                return segments[:passed], segments[passed:]
            here.close()
            here = Folder(os.path.join(here.path, name), below)
    except BaseException:
        here.close()
        raise
    return here


def _step(here: Folder, name: str, *, make: bool) -> int | None:
    """Open a directory in ``here``; None for a symbolic link."""
    try:
        return os.open(name, _ENTER | _NO_LINK, dir_fd=here.descriptor)
    except FileNotFoundError:
        if not make:
            raise
    except OSError:
        if stat_bits.S_ISLNK(os.stat(name, dir_fd=here.descriptor, follow_symlinks=False).st_mode):
            return None
        raise
    with contextlib.suppress(FileExistsError):  # another process was faster
        os.mkdir(name, dir_fd=here.descriptor)
    return _step(here, name, make=False)


def _resolved(real: str, root: str, link: Sequence[str], rest: Sequence[str]) -> list[str]:
    """Return the segments that a symbolic link leads to inside the root, followed by ``rest``."""
    target = os.path.realpath(os.path.join(real, *link))
    if not _is_inside(target, real):
        raise _leads_out(root, [*link, *rest], target)
    return [*_segments(target, real), *rest]


def _is_inside(path: str, root: str) -> bool:
    return path == root or path.startswith(os.path.join(root, ""))


def _leads_out(root: str, segments: Sequence[str], target: str) -> UnsafeNameError:
    path = os.path.join(root, *segments)
    message = f"{path} lies outside of {root}: a symbolic link leads to {target}"
    return UnsafeNameError(message, path=path)


def _enter_by_path(root: str, segments: Sequence[str], *, make: bool, follow: bool) -> Folder:
    path, real = os.path.join(root, *segments), os.path.realpath(root)
    target = os.path.realpath(path)
    if not _is_inside(target, real) or (not follow and target != os.path.join(real, *segments)):
        raise _leads_out(root, segments, target)
    if make:
        os.makedirs(path, exist_ok=True)
    if not os.path.isdir(path):
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), path)
    return Folder(path, None)
