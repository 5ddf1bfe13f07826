"""Which files of a tree are meant: globs to include and globs to exclude, of paths below the root."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aios3 import _patterns

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from aios3._patterns import Matcher


@dataclass(frozen=True, slots=True)
class Filter:
    """A file is meant if a glob includes it, or there is none, and no glob excludes it."""

    include: tuple[Matcher, ...] = ()
    exclude: tuple[Matcher, ...] = ()

    def wants(self, name: str) -> bool:
        """Return whether the file ``name`` is meant."""
        included = not self.include or any(_matches(glob, name) for glob in self.include)
        return included and not self.excludes(name)

    def excludes(self, name: str) -> bool:
        """Return whether a glob excludes the file ``name``, or the directory that a ``name`` ending in ``/`` is."""
        return any(_matches(glob, name) for glob in self.exclude)


def make_filter(include: Sequence[str], exclude: Sequence[str]) -> Filter:
    """Parse the globs; raise InvalidPathError for one that is none."""
    return Filter(tuple(map(_patterns.relative, _several(include))), tuple(map(_patterns.relative, _several(exclude))))


def _several(globs: Sequence[str]) -> Sequence[str]:
    return (globs,) if isinstance(globs, str) else globs


def _matches(glob: Matcher, name: str) -> bool:
    """Match the file, or for a glob that ends in ``/`` a directory that it lies in."""
    return glob.file(name) or any(glob.slashed and glob.slashed.fullmatch(above) for above in _above(name))


def _above(name: str) -> Iterator[str]:
    end = name.find("/")
    while end >= 0:
        yield name[:end]
        end = name.find("/", end + 1)
