"""Targets of copies by fsspec's rules: the file or object that each source becomes. No requests."""

from __future__ import annotations

import os
from glob import has_magic
from typing import TYPE_CHECKING, Any

from fsspec.implementations.local import LocalFileSystem, make_path_posix, trailing_sep
from fsspec.utils import check_contained, other_paths

from aios3.errors import ConfigError, InvalidPathError, PathNotDirectoryError

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable

    from aios3.fsspec.paths import ObjectRef

Pair = tuple[str, str]
"""A source and its target."""


def pairs_of(source: Any, names: list[str], target: Any, *, into: bool) -> list[Pair]:
    """Return ``names``, which ``source`` means, each with its target; ``into`` says that ``target`` is a directory.

    Raises ConfigError if ``target`` is a list of another length.
    """
    if not names:
        return []
    is_text = isinstance(source, (str, os.PathLike))
    if isinstance(target, list) and len(target) != len(names):
        message = f"There are {len(names)} sources for {len(target)} targets"
        raise ConfigError(message)
    text = os.fspath(source) if is_text else ""
    exists = len(names) == 1 if has_magic(text) else is_text and into and not text.endswith("/")
    return list(zip(names, other_paths(names, target, exists=exists, flatten=not is_text), strict=True))


def put_pairs(lpath: Any, rpath: Any, into: bool, *, recursive: bool, maxdepth: int | None) -> list[Pair]:
    """Return local files and where each of them goes; ``into`` says that ``rpath`` is a directory. Blocks."""
    is_text = isinstance(lpath, (str, os.PathLike))
    source = make_path_posix(os.fspath(lpath)) if is_text else lpath
    local = LocalFileSystem()
    names = local.expand_path(source, recursive=recursive, maxdepth=maxdepth)
    if is_text and (not recursive or maxdepth is not None):
        names = [name for name in names if not (trailing_sep(name) or local.isdir(name))]
    if is_text and os.fspath(lpath).endswith("/"):
        source = f"{source.rstrip('/')}/"
    return [pair for pair in pairs_of(source, names, rpath, into=into) if not os.path.isdir(pair[0])]


def get_pairs(source: Any, names: list[str], lpath: Any) -> list[Pair]:
    """Return objects and the local file of each; raise ValueError for one outside ``lpath``. Blocks."""
    target = make_path_posix(lpath)
    into = isinstance(target, str) and (trailing_sep(target) or os.path.isdir(target))
    pairs = pairs_of(source, names, target, into=into)
    if isinstance(target, str):
        check_contained(target, [path for _, path in pairs])
    return pairs


def check_distinct(pairs: Iterable[Pair], key_of: Callable[[str], Hashable]) -> None:
    """Raise InvalidPathError where two would become one."""
    sources: dict[Hashable, str] = {}
    for source, target in pairs:
        key = key_of(target)
        if key in sources:
            message = f"{sources[key]!r} and {source!r} would both become {target!r}; nothing was changed"
            raise InvalidPathError(message, path=source)
        sources[key] = source


def check_files(pairs: Iterable[Pair]) -> None:
    """Raise PathNotDirectoryError where a local file would lie below another, InvalidPathError where two are one."""
    pairs = list(pairs)
    check_distinct(pairs, os.path.normpath)
    sources = {os.path.normpath(target): source for source, target in pairs}
    passed: set[str] = set()
    for path, source in sources.items():
        above = os.path.dirname(path)
        while above not in passed:
            if above in sources:
                message = f"{source!r} lies below {sources[above]!r}, which is a file: a disk cannot have both"
                raise PathNotDirectoryError(message, path=source)
            passed.add(above)
            above = os.path.dirname(above)


def check_objects(pairs: Iterable[Pair], ref_of: Callable[[str], ObjectRef], *, moves: bool) -> None:
    """Raise InvalidPathError where a copy would replace another copy, or what is to be copied or moved as well.

    An object may be copied onto itself, to be stored in another way, and not be moved onto itself.
    """
    pairs = list(pairs)
    check_distinct(pairs, ref_of)
    sources = {ref_of(source) for source, _ in pairs}
    for source, target in pairs:
        ref = ref_of(target)
        if ref in sources and (moves or ref_of(source) != ref):
            what = "moved" if moves else "copied"
            message = f"{source!r} would replace {target!r}, which is to be {what} as well; nothing was changed"
            raise InvalidPathError(message, path=source)
