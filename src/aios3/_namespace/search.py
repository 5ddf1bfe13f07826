"""Searching by pattern: walk through the plan of :mod:`aios3._patterns`, and list no more than it asks for."""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, NamedTuple, Protocol, TypeVar

from aios3._arguments import check_arguments
from aios3._entries import FileEntry, StatResult
from aios3._namespace.key_order import lists_in_key_order
from aios3._namespace.link_targets import stat_targets
from aios3._namespace.listing_plan import invalid_listing
from aios3._namespace.lookup import listed
from aios3._namespace.pages import (
    ListingTasks,
    concat_prefetched,
    directory_path,
    first_page,
    merge_page,
    pages,
    prefetch_batches,
)
from aios3._paths import MAX_KEY_BYTES
from aios3._patterns import Level, Probe, parse, plan
from aios3._session import current_session

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator

    from aios3._backend import ListPage
    from aios3._paths import AnyPath, S3Url
    from aios3._patterns import Alternative, GlobStep, Tree
    from aios3._session import Session

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


async def glob(
    path: AnyPath,
    recursive: bool = True,
    missing_ok: bool = True,
    followlinks: bool = False,
    *,
    parallel: bool = True,
    session: Session | None = None,
) -> AsyncGenerator[str, None]:
    """Yield the paths of the objects and directories that match a pattern, in key order.

    ``*``, ``?``, ``[ab]``, ``[!ab]`` stay inside one name, and ``[*]`` is the character itself. ``**`` as a whole name
    stands for any number of names, unless ``recursive`` is False. ``{a,b/c}`` stands for each alternative. A pattern
    that ends in ``/`` matches directories only, and their paths end in ``/`` too. An object comes before a directory of
    the same name. Only directories that can match are listed; with ``parallel=False`` the pages of each one after the
    other.

    Raises ObjectNotFoundError if nothing matches and not ``missing_ok``; UnsupportedError for a wildcard in the bucket.
    """
    check_arguments(recursive=recursive, missing_ok=missing_ok, followlinks=followlinks, parallel=parallel)
    session, pattern = current_session(session), parse(path, recursive=recursive)
    async with ListingTasks(session) as tasks:
        source = _Search(tasks, pattern.root, _PathFactory(pattern.root), parallel).search("", pattern.alternatives)
        async with aclosing(prefetch_batches(tasks, source, str(path), missing_ok=missing_ok)) as batches:
            async for paths in batches:
                for item in paths:
                    yield item


async def glob_stat(
    path: AnyPath,
    recursive: bool = True,
    missing_ok: bool = True,
    followlinks: bool = False,
    *,
    parallel: bool = True,
    session: Session | None = None,
) -> AsyncGenerator[FileEntry, None]:
    """Yield like :func:`glob`, with what a listing knows of each match.

    ``followlinks`` describes what a symbolic link leads to, at the cost of one request for each empty object.
    """
    check_arguments(recursive=recursive, missing_ok=missing_ok, followlinks=followlinks, parallel=parallel)
    session, pattern = current_session(session), parse(path, recursive=recursive)
    async with ListingTasks(session) as tasks:
        source = _Search(tasks, pattern.root, _EntryFactory(pattern.root), parallel).search("", pattern.alternatives)
        source = _described(session, source) if followlinks else source
        async with aclosing(prefetch_batches(tasks, source, str(path), missing_ok=missing_ok)) as batches:
            async for entries in batches:
                for entry in entries:
                    yield entry


async def _described(
    session: Session, source: AsyncGenerator[list[FileEntry], None]
) -> AsyncGenerator[list[FileEntry], None]:
    async with aclosing(source):
        async for entries in source:
            yield await stat_targets(session, entries)


class _MatchFactory(Protocol[T_co]):
    """Makes the result of a match."""

    def file(self, key: str, page: ListPage, position: int) -> T_co: ...

    def directory(self, prefix: str, end: str) -> T_co: ...


class _PathFactory:
    def __init__(self, root: S3Url) -> None:
        self._root = root
        self._start = f"{root}/"

    def file(self, key: str, page: ListPage, position: int) -> str:  # noqa: ARG002 - the page is for _Entries
        return self._start + key

    def directory(self, prefix: str, end: str) -> str:
        return directory_path(self._root, prefix, end)


class _EntryFactory:
    def __init__(self, root: S3Url) -> None:
        self._paths = _PathFactory(root)

    def file(self, key: str, page: ListPage, position: int) -> FileEntry:
        return FileEntry(key.rpartition("/")[2], self._paths.file(key, page, position), page.stats[position])

    def directory(self, prefix: str, end: str) -> FileEntry:
        name = prefix[:-1].rpartition("/")[2]
        return FileEntry(name, self._paths.directory(prefix, end), StatResult(isdir=True))


@dataclass(frozen=True, slots=True)
class _Search(Generic[T]):
    """One search: where, and what to make of each match. Its streams yield batches, none of them empty."""

    tasks: ListingTasks
    root: S3Url
    factory: _MatchFactory[T]
    parallel: bool

    def search(self, base: str, alternatives: tuple[Alternative, ...]) -> AsyncGenerator[list[T], None]:
        """Yield what matches below the directory ``base`` in key order."""
        # No key is longer than S3 allows, and a server would refuse to look for one.
        steps = [step for step in plan(alternatives) if _size(base + step.prefix) <= MAX_KEY_BYTES]
        sources = [self._step(base, step) for step in steps]
        return sources[0] if len(sources) == 1 else concat_prefetched(self.tasks, sources)

    def _step(self, base: str, step: GlobStep) -> AsyncGenerator[list[T], None]:
        if isinstance(step, Probe):
            return self._probe(base, step)
        return self._level(base, step) if isinstance(step, Level) else self._tree(base, step)

    def _pages(self, prefix: str, delimiter: str = "") -> AsyncGenerator[ListPage, None]:
        return pages(self.tasks, self.root.with_key(prefix), delimiter, parallel=self.parallel)

    async def _probe(self, base: str, step: Probe) -> AsyncGenerator[list[T], None]:
        prefix = base + step.prefix
        # With its neighbour, the key often shows whether there is a directory, too.
        most = 2 if step.file and step.directory is not None else 1
        page = await listed(self.tasks.session, self.root.with_key(prefix), most)
        listed_page: list[T] = []
        if step.file and page.keys and page.keys[0] == prefix:
            listed_page.append(self.factory.file(prefix, page, 0))
        if step.directory is not None:
            directory = f"{prefix}/" if step.file else prefix
            if not directory or await self._has_directory(directory, page):
                listed_page.append(self.factory.directory(directory, step.directory))
        if listed_page:
            yield listed_page

    async def _has_directory(self, prefix: str, before: ListPage) -> bool:
        """Return whether any key begins with ``prefix``, given the first keys that begin like it without its ``/``."""
        if before.token is None or any(key.startswith(prefix) for key in before.keys):
            return any(key.startswith(prefix) for key in before.keys)
        if before.keys and before.keys[-1] >= prefix and await self._lists_in_order():
            return False
        return bool((await first_page(self.tasks.session, self.root.with_key(prefix))).keys)

    async def _lists_in_order(self) -> bool:
        """Return True if the server is known to list in key order."""
        session, root = self.tasks.session, self.root
        return bool(lists_in_key_order(session, root)) or (
            lists_in_key_order(session, root) is None and (await session.backend(root)).is_aws
        )

    async def _level(self, base: str, step: Level) -> AsyncGenerator[list[T], None]:
        cut = len(base) + len(step.directory)
        async with aclosing(self._pages(base + step.prefix, "/")) as listing:
            async for page in listing:
                runs = map(self._expand_run, self._on_level(page, step, cut))
                async with aclosing(concat_prefetched(self.tasks, runs)) as run:
                    async for batch in run:
                        yield batch

    async def _expand_run(self, run: _MatchRun[T]) -> AsyncGenerator[list[T], None]:
        if run.matches:
            yield run.matches
        async with aclosing(self.search(run.directory, run.alternatives)) as deeper:
            async for batch in deeper:
                yield batch

    def _on_level(self, page: ListPage, step: Level, cut: int) -> Iterator[_MatchRun[T]]:
        """Split a page at the directories to descend into; ``cut`` is where names begin in a key."""
        matches: list[T] = []
        for key, position in merge_page(page):
            if position is not None:
                if step.names.file(key[cut:]):
                    matches.append(self.factory.file(key, page, position))
                continue
            name = key[cut:-1]
            if (end := step.names.directory(name)) is not None:
                matches.append(self.factory.directory(key, end))
            if below := step.below(name):
                yield _MatchRun(matches, key, below)
                matches = []
        yield _MatchRun(matches, "", ())

    async def _tree(self, base: str, step: Tree) -> AsyncGenerator[list[T], None]:
        prefix = base + step.prefix
        directories: _Directories | None = None
        async with aclosing(self._pages(prefix)) as listing:
            async for page in listing:
                out_of_order = lists_in_key_order(self.tasks.session, self.root) is False
                if directories is None:
                    directories = _Directories(prefix, in_order=not out_of_order)
                elif out_of_order and directories.matched is None:
                    what = "the server has left key order, so directories cannot be told apart; search once more"
                    raise invalid_listing(self.root.with_key(prefix), what)
                if matches := list(self._in_tree(page, step, len(prefix), directories)):
                    yield matches

    def _in_tree(self, page: ListPage, step: Tree, cut: int, directories: _Directories) -> Iterator[T]:
        """Find the matches on a page, and among the directories that its keys are the first ones of."""
        for position, key in enumerate(page.keys):
            directory = _directory_of(key)
            for new in directories.enter(directory, cut):
                if (end := step.paths.directory(new[cut:-1])) is not None and directories.is_new(new):
                    yield self.factory.directory(new, end)
            if directory != key and step.paths.file(key[cut:]):
                yield self.factory.file(key, page, position)


class _MatchRun(NamedTuple, Generic[T]):
    """Matches on a page, and the directory that comes after them in key order, with what to look for in it."""

    matches: list[T]
    directory: str
    alternatives: tuple[Alternative, ...]


def _size(prefix: str) -> int:
    return len(prefix.encode(errors="surrogatepass"))  # some servers keep names that are not UTF-8


def _directory_of(key: str) -> str:
    return key[: key.rfind("/") + 1]


class _Directories:
    """The directories of a listing. In key order only the last directory is remembered; otherwise all that matched."""

    def __init__(self, last: str, *, in_order: bool) -> None:
        self.matched: set[str] | None = None if in_order else set()
        self._last = last

    def enter(self, directory: str, start: int) -> Iterator[str]:
        """Yield ``directory`` and those around it, from ``start`` on, unless the key before was in them."""
        last, self._last = self._last, directory
        if directory == last:
            return
        while start := directory.find("/", start) + 1:
            if not last.startswith(directory[:start]):
                yield directory[:start]

    def is_new(self, directory: str) -> bool:
        """Return whether a directory that matches has not matched before."""
        if self.matched is None:
            return True
        count = len(self.matched)
        self.matched.add(directory)
        return len(self.matched) > count
