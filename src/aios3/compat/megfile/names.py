"""megfile's functions on names: describe, test, list, walk and search."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aios3.sync
from aios3.compat.megfile.entries import Access, entry_of, stat_of
from aios3.compat.megfile.errors import unknown_errors
from aios3.compat.megfile.settings import run, session, text_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import TypeVar

    from aios3.compat.megfile.entries import FileEntry, StatResult
    from aios3.compat.megfile.settings import PathLike

    T = TypeVar("T")


def is_s3(path: PathLike) -> bool:
    """Return whether this is a path of S3, with a profile or without."""
    return aios3.is_s3(text_of(path))


def parse_s3_url(s3_url: PathLike) -> tuple[str, str]:
    """Return bucket and key of a path; raise ValueError for another one."""
    text = text_of(s3_url)
    if not aios3.is_s3(text):
        message = f"Not a s3 url: {text!r}"
        raise ValueError(message)
    bucket, _, key = text.partition("://")[2].partition("/")
    return bucket, key


def s3_path_join(path: PathLike, *other_paths: PathLike) -> str:
    """Join paths with one ``/`` between each two; see :func:`aios3.path_join`."""
    return aios3.path_join(text_of(path), *map(text_of, other_paths))


def s3_access(path: PathLike, mode: Access = Access.READ, followlinks: bool = False) -> bool:
    """Return whether the path can be read, or written; see :func:`aios3.access`."""
    if not isinstance(mode, Access):
        message = (
            f"Unsupported mode: {mode} -- Mode should use one of the enums belonging to: Access.READ, Access.WRITE"
        )
        raise TypeError(message)
    return run(aios3.sync.access, text_of(path), mode, followlinks)


def s3_exists(path: PathLike, followlinks: bool = False) -> bool:
    """Return whether there is an object or a directory; see :func:`aios3.exists`."""
    return run(aios3.sync.exists, text_of(path), followlinks)


def s3_isfile(path: PathLike, followlinks: bool = False) -> bool:
    """Return whether there is an object; see :func:`aios3.isfile`."""
    return run(aios3.sync.isfile, text_of(path), followlinks)


def s3_isdir(path: PathLike, followlinks: bool = False) -> bool:
    """Return whether there is a directory; see :func:`aios3.isdir`."""
    return run(aios3.sync.isdir, text_of(path), followlinks)


def s3_hasbucket(path: PathLike) -> bool:
    """Return whether the path's bucket exists; see :func:`aios3.hasbucket`."""
    return run(aios3.sync.hasbucket, text_of(path))


def s3_stat(path: PathLike, follow_symlinks: bool = True) -> StatResult:
    """Describe an object or a directory; see :func:`aios3.stat`."""
    return stat_of(run(aios3.sync.stat, text_of(path), follow_symlinks))


def s3_lstat(path: PathLike) -> StatResult:
    """Describe like :func:`s3_stat`, but a symbolic link by itself."""
    return stat_of(run(aios3.sync.lstat, text_of(path)))


def s3_getsize(path: PathLike, follow_symlinks: bool = False) -> int:
    """Return the size in bytes; see :func:`aios3.getsize`."""
    return run(aios3.sync.getsize, text_of(path), follow_symlinks)


def s3_getmtime(path: PathLike, follow_symlinks: bool = False) -> float:
    """Return the time of modification in seconds since the epoch; see :func:`aios3.getmtime`."""
    return run(aios3.sync.getmtime, text_of(path), follow_symlinks)


def s3_listdir(path: PathLike, followlinks: bool = False) -> list[str]:
    """Return the names in a directory, sorted; see :func:`aios3.listdir`."""
    return run(aios3.sync.listdir, text_of(path), followlinks)


def s3_scandir(path: PathLike, followlinks: bool = False) -> Iterator[FileEntry]:
    """Yield the entries of a directory in key order; see :func:`aios3.scandir`."""
    return map(entry_of, _iterated(aios3.sync.scandir, text_of(path), followlinks))


def s3_scan(path: PathLike, missing_ok: bool = True, followlinks: bool = False) -> Iterator[str]:
    """Yield the path of every object at or below this one, in key order; see :func:`aios3.scan`."""
    return _iterated(aios3.sync.scan, text_of(path), missing_ok, followlinks)


def s3_scan_stat(path: PathLike, missing_ok: bool = True, followlinks: bool = False) -> Iterator[FileEntry]:
    """Yield like :func:`s3_scan`, with descriptions; see :func:`aios3.scan_stat`."""
    return map(entry_of, _iterated(aios3.sync.scan_stat, text_of(path), missing_ok, followlinks))


def s3_walk(path: PathLike, followlinks: bool = False) -> Iterator[tuple[str, list[str], list[str]]]:
    """Yield ``(root, dirs, files)`` from the top down; see :func:`aios3.walk`."""
    return _iterated(aios3.sync.walk, text_of(path), followlinks)


def s3_glob(path: PathLike, recursive: bool = True, missing_ok: bool = True, followlinks: bool = False) -> list[str]:
    """Return the paths that match a pattern, in key order; see :func:`aios3.glob`."""
    return list(s3_iglob(path, recursive, missing_ok, followlinks))


def s3_iglob(
    path: PathLike, recursive: bool = True, missing_ok: bool = True, followlinks: bool = False
) -> Iterator[str]:
    """Yield the paths that match a pattern, in key order; see :func:`aios3.glob`."""
    return _iterated(aios3.sync.glob, text_of(path), recursive, missing_ok, followlinks)


def s3_glob_stat(
    path: PathLike, recursive: bool = True, missing_ok: bool = True, followlinks: bool = False
) -> Iterator[FileEntry]:
    """Yield like :func:`s3_iglob`, with descriptions; see :func:`aios3.glob_stat`."""
    return map(entry_of, _iterated(aios3.sync.glob_stat, text_of(path), recursive, missing_ok, followlinks))


def _iterated(verb: Callable[..., Iterator[T]], *arguments: object) -> Iterator[T]:
    with unknown_errors():
        yield from verb(*arguments, session=session())
