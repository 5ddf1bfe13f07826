"""The command ``cmp``: differences between two directories, or two files."""

from __future__ import annotations

import os
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aios3._namespace.link_targets import head_or_none
from aios3._threads import in_thread
from aios3._trees.file_trees import LocalTree, S3Tree
from aios3._trees.filters import make_filter
from aios3._trees.merging import merge_by_name
from aios3._trees.moving_files import describe_source
from aios3._trees.runner import for_each
from aios3._trees.same_content import FileAt, has_same_content
from aios3._trees.uploading import require_something
from aios3.cli._names import add_filters, globs_of
from aios3.cli._on_options import add_on, done_on_engine
from aios3.cli._paths import add_ends, open_ends, parse_path, reject_streams
from aios3.errors import S3Error

if TYPE_CHECKING:
    import argparse
    from collections.abc import AsyncGenerator

    import aios3
    from aios3._trees.filters import Filter
    from aios3._trees.merging import Pair
    from aios3.cli._app import App
    from aios3.cli._paths import Side

_SIGNS = {"missing": "-", "extra": "+", "different": "*"}
"""The signs of ``rclone check``, turned: only in A, only in B, in both and different."""


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("first", metavar="A", help="a directory or a file, local or in S3")
    parser.add_argument("second", metavar="B", help="the one that it is compared with")
    parser.add_argument("--checksum", action="store_true", help="compare contents, not only sizes")
    add_filters(parser)
    add_ends(parser)
    add_on(parser)


async def _cmp(app: App, options: argparse.Namespace) -> None:
    if await done_on_engine(app, "cmp"):
        return
    reject_streams([options.first, options.second], "cmp")
    session, other_session = await open_ends(app, options)
    first = _End(session, parse_path(options.first))
    second = _End(other_session, parse_path(options.second))
    comparison = Comparison(app, first, second, make_filter(*globs_of(options)), options.checksum)
    if await first.is_directory():
        await comparison.compare_trees()
    else:
        await comparison.compare_files()


@dataclass(frozen=True, slots=True)
class _End:
    """One of the two sides."""

    session: aios3.Session
    path: Side

    async def is_directory(self) -> bool:
        """Return whether it is a directory; in S3 an object goes before a directory of its name."""
        if isinstance(self.path, str):
            return await in_thread(os.path.isdir, self.path)
        if self.path.names_directory or not self.path.key:
            return True
        return await head_or_none(self.session, self.path) is None

    async def tree(self) -> S3Tree | LocalTree:
        """Return it as a tree; raise ObjectNotFoundError if there is none in S3."""
        if isinstance(self.path, str):
            return LocalTree(self.path)
        await require_something(self.session, self.path)
        return S3Tree(self.session, self.path)

    def file(self, tree: S3Tree | LocalTree, name: str, etag: str | None) -> FileAt:
        """Return the file ``name`` of its tree."""
        return FileAt(self.session, tree.url(name) if isinstance(tree, S3Tree) else tree.path(name), etag)


@dataclass(frozen=True, slots=True)
class Comparison:
    """One ``cmp``."""

    app: App
    first: _End
    second: _End
    globs: Filter
    checksum: bool

    async def compare_files(self) -> None:
        """Compare two files, or objects."""
        one = await describe_source(self.first.session, self.first.path)
        other = await describe_source(self.second.session, self.second.path)
        files = (
            FileAt(self.first.session, self.first.path, one.etag),
            FileAt(self.second.session, self.second.path, other.etag),
        )
        if one.size != other.size or not await self._has_same_content(*files):
            self._print("different", str(self.first.path))

    async def compare_trees(self) -> None:
        """Compare two trees, name by name, in the memory of two pages."""
        one, other = await self.first.tree(), await self.second.tree()

        async def compare(pair: Pair) -> None:
            mine, others = pair
            errors = [item.error for item in pair if item is not None and item.error is not None]
            name = _name_of(pair)
            if not self.globs.wants(name) and (self.globs.excludes(name) or not _is_unread(pair)):
                return
            if errors:
                self.app.output.error("cmp", errors[0])
                return
            if mine is None or others is None:
                self._print("extra" if mine is None else "missing", name)
                return
            files = self.first.file(one, name, mine.etag), self.second.file(other, name, others.etag)
            try:
                is_same = mine.size == others.size and await self._has_same_content(*files)
            except (S3Error, OSError) as error:
                self.app.output.error("cmp", error)
                return
            if not is_same:
                self._print("different", name)

        await for_each(_known_pairs(one, other), compare, self.first.session.config.max_concurrency)

    async def _has_same_content(self, one: FileAt, other: FileAt) -> bool:
        return not self.checksum or await has_same_content(one, other)

    def _print(self, what: str, name: str) -> None:
        self.app.output.result({"command": "cmp", "result": what, "name": name}, f"{_SIGNS[what]} {name}")
        self.app.output.errors += 1


async def _known_pairs(one: S3Tree | LocalTree, other: S3Tree | LocalTree) -> AsyncGenerator[Pair, None]:
    """Yield names with what both trees have of each, but for those that one tree may have in an unread directory."""
    unread = ""
    async with aclosing(merge_by_name(one.batches(), other.batches())) as batches:
        async for batch in batches:
            for pair in batch:
                is_below = bool(unread) and _name_of(pair).startswith(unread)
                if _is_unread(pair) and not is_below:
                    unread = _name_of(pair)
                if not is_below or None not in pair:
                    yield pair


def _name_of(pair: Pair) -> str:
    return next(item.name for item in pair if item is not None)


def _is_unread(pair: Pair) -> bool:
    """Return whether one is a directory whose contents are unknown, so that nothing below it can be called absent."""
    return any(item is not None and item.is_unread and item.is_marker for item in pair)


ARGUMENTS = {"cmp": _arguments}
RUN = {"cmp": _cmp}
