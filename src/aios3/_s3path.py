"""``S3Path``: the verbs in pathlib's words, and what can be said of a path without asking S3."""
# ruff: noqa: PYI019 - not Self: the blocking twin runs these methods on paths of its own

from __future__ import annotations

import fnmatch
import re
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final, NoReturn, TypeVar

from aios3 import _namespace as names
from aios3 import _objects as objects
from aios3 import _trees as trees
from aios3._handles.opening import aopen
from aios3._paths import S3Url, is_s3, path_join

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence
    from typing import Self

    from aios3._paths import AnyPath
    from aios3._session import Session

P = TypeVar("P", bound="PureS3Path")

_MAGIC = re.compile(r"[*?\[\]{}]")


@dataclass(frozen=True, slots=True, init=False, repr=False)
class PureS3Path:
    """A path of S3 that is only looked at: what :class:`pathlib.PurePosixPath` is to :class:`pathlib.Path`.

    The bucket is the root: it is its own parent. Keys stay as they are, where pathlib changes a path. ``a//b`` has a
    directory without a name in it. ``a/`` is not ``a``, but has the same name and parent. ``.`` and ``..`` are ordinary
    names.
    """

    url: S3Url
    """The path as a value."""

    def __init__(self, path: AnyPath, *others: str | PureS3Path) -> None:
        url = S3Url.parse(path)
        for other in others:
            url = _joined(url, other)
        object.__setattr__(self, "url", url)

    def __str__(self) -> str:
        return str(self.url)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self)!r})"

    def __lt__(self, other: object) -> bool:
        return self._sort_key < other._sort_key if isinstance(other, PureS3Path) else NotImplemented

    def __le__(self, other: object) -> bool:
        return self._sort_key <= other._sort_key if isinstance(other, PureS3Path) else NotImplemented

    def __gt__(self, other: object) -> bool:
        return self._sort_key > other._sort_key if isinstance(other, PureS3Path) else NotImplemented

    def __ge__(self, other: object) -> bool:
        return self._sort_key >= other._sort_key if isinstance(other, PureS3Path) else NotImplemented

    def __truediv__(self, other: str | PureS3Path) -> Self:
        if not isinstance(other, (str, PureS3Path)):
            return NotImplemented
        return self._at(_joined(self.url, other))

    def __fspath__(self) -> NoReturn:
        message = (
            f"{self} is an object of S3 and has no name in the file system: open it with its own methods, "
            "or download it and use the local file"
        )
        raise TypeError(message)

    @property
    def _sort_key(self) -> tuple[str, str, str]:
        return self.url.profile or "", self.url.bucket, self.url.key

    @property
    def _names(self) -> list[str]:
        return self.url.key.removesuffix("/").split("/") if self.url.key else []

    def _at(self, url: S3Url) -> Self:
        return type(self)(url)

    @property
    def bucket(self) -> str:
        """The bucket; empty for ``s3://``."""
        return self.url.bucket

    @property
    def key(self) -> str:
        """The key in the bucket; empty for the bucket itself."""
        return self.url.key

    @property
    def profile(self) -> str | None:
        """The profile that the path names."""
        return self.url.profile

    @property
    def anchor(self) -> str:
        """The root of the path: ``s3://bucket/``."""
        return f"{self.url.with_key('')}/"

    @property
    def parts(self) -> tuple[str, ...]:
        """The anchor and the names."""
        return (self.anchor, *self._names)

    @property
    def name(self) -> str:
        """The last name; empty for a bucket."""
        return self._names[-1] if self._names else ""

    @property
    def stem(self) -> str:
        """The last name without its suffix."""
        return self.name.removesuffix(self.suffix) if self.suffix else self.name

    @property
    def suffix(self) -> str:
        """The part after the last dot of the last name, with the dot."""
        return PurePosixPath(self.name).suffix

    @property
    def suffixes(self) -> list[str]:
        """All suffixes of the last name."""
        return PurePosixPath(self.name).suffixes

    @property
    def parent(self) -> Self:
        """The directory that this is in; of a bucket, itself."""
        head, _, _ = self.url.key.removesuffix("/").rpartition("/")
        is_nameless = head.endswith("/") or (not head and self.url.key.removesuffix("/").startswith("/"))
        return self._at(self.url.with_key(f"{head}/" if is_nameless else head))

    @property
    def parents(self) -> Sequence[Self]:
        """The directories that this is in, from the inmost to the bucket."""
        parents: list[Self] = []
        path = self
        while path.key:
            path = path.parent
            parents.append(path)
        return tuple(parents)

    def joinpath(self, *others: str | PureS3Path) -> Self:
        """Return this path followed by others, like ``/``; a whole S3 path replaces it.

        Unlike in pathlib a text that begins with ``/`` does not: one ``/`` is used as the joint.
        """
        return type(self)(self.url, *others)

    def with_name(self, name: str) -> Self:
        """Return this path with another last name; raise ValueError if it has none, or for a name with ``/``."""
        if not self.name:
            message = f"{self} has an empty name"
            raise ValueError(message)
        if not name or "/" in name:
            message = f"Invalid name {name!r}"
            raise ValueError(message)
        key = self.url.key.removesuffix("/")
        return self._at(self.url.with_key(key[: len(key) - len(self.name)] + name))

    def with_stem(self, stem: str) -> Self:
        """Return this path with another stem."""
        return self.with_name(stem + self.suffix)

    def with_suffix(self, suffix: str) -> Self:
        """Return this path with another suffix, or with ``""`` without one; raise ValueError for an invalid suffix."""
        if suffix and (not suffix.startswith(".") or suffix == "." or "/" in suffix):
            message = f"Invalid suffix {suffix!r}"
            raise ValueError(message)
        return self.with_name(self.stem + suffix)

    def match(self, pattern: str) -> bool:
        """Return whether the last names match a glob pattern, or all of them where it begins with ``/``.

        ``*``, ``?`` and ``[ab]`` stay inside one name.
        """
        patterns = pattern.removesuffix("/").removeprefix("/").split("/")
        if not pattern.strip("/"):
            message = "empty pattern"
            raise ValueError(message)
        own_names = self._names
        if len(own_names) < len(patterns) or (pattern.startswith("/") and len(own_names) != len(patterns)):
            return False
        return all(map(fnmatch.fnmatchcase, own_names[-len(patterns) :], patterns))

    def is_relative_to(self, other: AnyPath) -> bool:
        """Return whether this is ``other`` or something below it."""
        base = S3Url.parse(other)
        if self.url.with_key("") != base.with_key(""):
            return False
        return self.url.key.removesuffix("/") == base.key.removesuffix("/") or self.url.key.startswith(base.prefix)

    def relative_to(self, other: AnyPath) -> str:
        """Return what follows ``other`` in this path, as a text; raise ValueError if this is not below it."""
        if not self.is_relative_to(other):
            message = f"{self} is not below {S3Url.parse(other)}"
            raise ValueError(message)
        return self.url.key[len(S3Url.parse(other).prefix) :]


class S3Path(PureS3Path):
    """A path of S3 with pathlib's methods, asynchronous: ``await path.read_bytes()``, ``path / "name"``.

    Immutable, hashable, ordered, picklable, and taken by every function of aios3. Methods are the functions of aios3
    with the path as their first argument, and take ``session=`` as they do. Those that pathlib names otherwise have
    pathlib's name. :class:`PureS3Path` describes the differences from paths of files.
    """

    __slots__ = ()

    access: Final = names.access
    copy: Final = objects.copy
    exists: Final = names.exists
    getmd5: Final = objects.getmd5
    is_dir: Final = names.isdir
    is_file: Final = names.isfile
    is_symlink: Final = objects.islink
    lstat: Final = names.lstat
    mkdir: Final = objects.makedirs
    open = aopen
    presign: Final = objects.presign
    read_bytes: Final = objects.read_bytes
    read_text: Final = objects.read_text
    stat: Final = names.stat
    touch: Final = objects.touch
    unlink: Final = objects.unlink
    write_bytes: Final = objects.write_bytes
    write_text: Final = objects.write_text

    async def iterdir(self: P, *, session: Session | None = None) -> AsyncGenerator[P, None]:
        """Yield the paths in this directory, in key order; raise like :func:`aios3.scandir`.

        An object and a directory of the same name are two entries with equal paths; :func:`aios3.scandir` distinguishes
        them.
        """
        async with aclosing(names.scandir(self, session=session)) as entries:
            async for entry in entries:
                url = S3Url.parse(entry.path)
                is_named = entry.stat.isdir and entry.name
                yield type(self)(url.with_key(url.key.removesuffix("/")) if is_named else url)

    async def glob(self: P, pattern: str, *, session: Session | None = None) -> AsyncGenerator[P, None]:
        """Yield the paths below this one that match ``pattern``, in key order; see :func:`aios3.glob`.

        Raises ValueError for an empty pattern.
        """
        async with aclosing(names.glob(_pattern(self.url, pattern), session=session)) as paths:
            async for path in paths:
                yield type(self)(path)

    async def rglob(self: P, pattern: str, *, session: Session | None = None) -> AsyncGenerator[P, None]:
        """Yield like :meth:`glob`, from any directory below this one."""
        async with aclosing(names.glob(_pattern(self.url, pattern, "**/"), session=session)) as paths:
            async for path in paths:
                yield type(self)(path)

    async def walk(self: P, *, session: Session | None = None) -> AsyncGenerator[tuple[P, list[str], list[str]], None]:
        """Yield ``(directory, names of directories, names of files)`` from the top down; see :func:`aios3.walk`."""
        async with aclosing(names.walk(self, session=session)) as steps:
            async for root, directories, files in steps:
                yield type(self)(root), directories, files

    async def rename(self: P, target: AnyPath, overwrite: bool = True, *, session: Session | None = None) -> P:
        """Move this to ``target`` and return the new path; see :func:`aios3.rename`."""
        await trees.rename(self, target, overwrite, session=session)
        return type(self)(target)

    async def replace(self: P, target: AnyPath, *, session: Session | None = None) -> P:
        """Move this to ``target``, replacing what is there, and return the new path."""
        await trees.rename(self, target, session=session)
        return type(self)(target)

    async def symlink_to(self: PureS3Path, target: AnyPath, *, session: Session | None = None) -> None:
        """Make this a symbolic link to ``target``; raise ObjectExistsError if something is here already.

        See :func:`aios3.symlink`, which replaces what is there.
        """
        await objects.symlink(target, self, overwrite=False, session=session)

    async def readlink(self: P, *, session: Session | None = None) -> P:
        """Return the path that this symbolic link names; raise like :func:`aios3.readlink`."""
        return type(self)(await objects.readlink(self, session=session))

    async def resolve(self: P, *, session: Session | None = None) -> P:
        """Return the path that symbolic links lead to; raise like :func:`aios3.realpath`."""
        return type(self)(await objects.realpath(self, session=session))


def _joined(url: S3Url, other: str | PureS3Path) -> S3Url:
    if isinstance(other, PureS3Path):
        return other.url
    if is_s3(other):
        return S3Url.parse(other)
    return S3Url.parse(path_join(url, other)) if other else url


def _pattern(root: S3Url, pattern: str, before: str = "") -> str:
    if not pattern:
        message = "empty pattern"
        raise ValueError(message)
    start = str(root.with_key(_MAGIC.sub(r"[\g<0>]", root.key)))
    return f"{start.removesuffix('/') if root.key else start}/{before}{pattern}"
