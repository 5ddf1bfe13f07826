"""The command ``rm``: objects, patterns, directories and versions."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING

import aios3
from aios3 import S3Url
from aios3._namespace.link_targets import head_or_none
from aios3._namespace.pages import first_page
from aios3._trees.delete_keys import REQUESTS_AT_ONCE, delete_versions
from aios3._trees.file_trees import S3Tree
from aios3._trees.filters import make_filter
from aios3._trees.runner import as_async, for_each
from aios3._trees.transfer_counters import is_fatal, partial_failure
from aios3._trees.uploading import require_something
from aios3.cli._actions import ActionPrinter
from aios3.cli._app import UsageError
from aios3.cli._matching import matches, require_unambiguous
from aios3.cli._names import add_filters, add_raw, fixed_part, globs_of, is_pattern, require_s3
from aios3.cli._on_options import add_on, done_on_engine
from aios3.cli._words import option_words
from aios3.errors import BucketNotFoundError, ObjectNotFoundError, PathIsDirectoryError, S3Error

if TYPE_CHECKING:
    import argparse
    from collections.abc import AsyncGenerator

    from aios3._trees.filters import Filter
    from aios3.cli._app import App

_MAX_VERSIONS = 1000
"""S3's limit for one DeleteObjects."""


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("paths", nargs="+", metavar="PATH", help="an object, a pattern, or with -r a directory")
    parser.add_argument("-r", "-R", "--recursive", action="store_true", help="also directories, with all below them")
    parser.add_argument("-f", "--force", action="store_true", help="a path where nothing is is not an error")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--all-versions", action="store_true", help="every version and delete marker, for good")
    which.add_argument("--version-id", metavar="ID", help="one version, for good")
    add_filters(parser)
    add_raw(parser)
    add_on(parser)


async def _rm(app: App, options: argparse.Namespace) -> None:
    if await done_on_engine(app, "rm"):
        return
    paths = [require_s3(path) for path in options.paths]
    globs = make_filter(*globs_of(options))
    if options.version_id is not None and (options.recursive or len(paths) > 1):
        message = "--version-id is of one object; leave out -r and other paths"
        raise UsageError(message)
    for path in paths:
        if options.all_versions and is_pattern(path, raw=options.raw):
            message = (
                f"{path}: --all-versions takes no patterns; name a directory with -r, or take the pattern with --raw"
            )
            raise UsageError(message)
    session = await app.session()
    await Removal(app, options, session, globs).run(paths)


class Removal:
    """One ``rm``."""

    def __init__(self, app: App, options: argparse.Namespace, session: aios3.Session, globs: Filter) -> None:
        self._app = app
        self._options = options
        self._session = session
        self._globs = globs
        self._printer = ActionPrinter(app, "rm")

    async def run(self, paths: list[str]) -> None:
        """Remove all paths; failures are printed, and the others go on."""
        await for_each(as_async(paths), self._remove, self._session.config.max_concurrency)

    async def _remove(self, path: str) -> None:
        try:
            await self._remove_path(path)
        except ObjectNotFoundError as error:
            if not self._options.force:
                self._failed(error)
        except S3Error as error:
            self._failed(error)

    def _failed(self, error: S3Error, path: str | None = None) -> None:
        """Print an error, of ``path`` where it does not say so; raise one that all other paths would have as well."""
        if is_fatal(error) and not isinstance(error, BucketNotFoundError):
            raise error
        named = error if path is None else partial_failure("rm", path, {path: error}, {})
        self._app.output.error("rm", named)

    async def _remove_path(self, path: str) -> None:
        if is_pattern(path, raw=self._options.raw):
            await require_unambiguous(path, self._session)
            await self._delete(self._matching(path))
            return
        url = S3Url.parse(path).require_bucket()
        if self._options.all_versions:
            await self._remove_versions(url)
        elif await self._is_object(url):
            if self._globs.wants(url.name):
                await self._remove_object(url)
        else:
            self._require_recursive(url)
            await self._delete(self._below(url), url)

    async def _is_object(self, url: S3Url) -> bool:
        """Return whether one object is meant; raise ObjectNotFoundError if there is nothing of the kind."""
        if self._options.version_id is not None:
            return True
        if url.names_directory:  # a key that ends in "/" is taken literally only where no directory can be meant
            return self._options.raw and not self._options.recursive and await self._has_marker(url)
        if not url.key:
            return False
        if await head_or_none(self._session, url) is not None:
            return True
        if not self._options.recursive:
            await aios3.lstat(url, session=self._session)  # says that nothing is there
        return False

    async def _has_marker(self, url: S3Url) -> bool:
        page = await first_page(self._session, url)
        return url.key in page.keys

    def _require_recursive(self, url: S3Url) -> None:
        if not self._options.recursive:
            what = "directory" if url.key else "bucket"
            message = f"{url} is a {what}; -r removes all that is below"
            raise PathIsDirectoryError(message, path=str(url))

    async def _remove_object(self, url: S3Url) -> None:
        version_id = self._options.version_id
        if not self._options.dry_run:
            backend = await self._session.backend(url)
            await backend.delete_object(url, version_id)
        self._printer.print("rm", None, str(url), option_words({"version_id": version_id}))

    async def _delete(self, paths: AsyncGenerator[str, None], directory: S3Url | None = None) -> None:
        """Delete what is found; raise ObjectNotFoundError if nothing is in ``directory``."""
        seen = False
        async with aclosing(paths):
            async for path in self._deleted(paths):
                seen = True
                self._printer.print("rm", None, path)
        if not seen and directory is not None and self._globs == make_filter((), ()):
            await require_something(self._session, directory)

    async def _deleted(self, paths: AsyncGenerator[str, None]) -> AsyncGenerator[str, None]:
        """Delete ``paths`` and yield those that are gone; a dry run deletes nothing."""
        if self._options.dry_run:
            async for path in paths:
                yield path
            return
        outcomes = aios3.remove_many(paths, on_error="return", session=self._session)
        async with aclosing(outcomes):
            async for outcome in outcomes:
                if outcome.error is None:
                    yield str(outcome.path)
                else:
                    self._failed(outcome.error, str(outcome.path))

    async def _matching(self, pattern: str) -> AsyncGenerator[str, None]:
        """Yield what a pattern matches and the globs mean; a directory with all below that they mean.

        What is below a directory has two names, below it and after the fixed part of the pattern. A glob that excludes
        either keeps it.
        """
        root = fixed_part(pattern)
        listed = matches(self._app, pattern, self._session, directories=self._options.recursive)
        async with aclosing(listed):
            async for entry in listed:
                if not entry.is_dir():
                    if self._globs.wants(entry.path.removeprefix(root)):
                        yield entry.path
                    continue
                async for path in self._below(S3Url.parse(f"{entry.path.removesuffix('/')}/")):
                    if not self._globs.excludes(path.removeprefix(root)):
                        yield path

    async def _below(self, url: S3Url) -> AsyncGenerator[str, None]:
        """Yield everything below a directory that the globs mean, markers of directories too."""
        tree = S3Tree(self._session, url, with_markers=True)
        async with aclosing(tree.batches()) as batches:
            async for batch in batches:
                for item in batch:
                    if item.error is not None:
                        self._app.output.error("rm", item.error)
                    elif self._globs.wants(item.name):
                        yield tree.path(item.name)

    async def _remove_versions(self, url: S3Url) -> None:
        """Delete every version of one object, and with -r of all below it."""
        if url.names_directory or not url.key:
            self._require_recursive(url)
        count = 0

        async def delete(versions: list[aios3.ObjectVersion]) -> None:
            nonlocal count
            count += len(versions)
            await self._delete_versions(url, versions)

        await for_each(self._versions(url), delete, REQUESTS_AT_ONCE)
        if not count:
            message = f"There are no versions of {url}"
            raise ObjectNotFoundError(message, path=str(url))

    async def _versions(self, url: S3Url) -> AsyncGenerator[list[aios3.ObjectVersion], None]:
        batch: list[aios3.ObjectVersion] = []
        prefix = url.prefix if url.names_directory or not url.key else url.key
        listed = aios3.Bucket(url.with_key(""), session=self._session).list_versions(prefix)
        async with aclosing(listed):
            async for version in listed:
                below = self._options.recursive and version.key.startswith(url.prefix)
                if version.key != url.key and not below:
                    continue
                name = url.name if version.key == url.key else version.key.removeprefix(url.prefix)
                if not self._globs.wants(name):
                    continue
                batch.append(version)
                if len(batch) == _MAX_VERSIONS:
                    yield batch
                    batch = []
        if batch:
            yield batch

    async def _delete_versions(self, url: S3Url, versions: list[aios3.ObjectVersion]) -> None:
        failed = {} if self._options.dry_run else await delete_versions(self._session, url, versions)
        for version in versions:
            path = str(url.with_key(version.key))
            if version in failed:
                self._failed(failed[version], path)
            else:
                self._printer.print("rm", None, path, option_words({"version_id": version.version_id}))


ARGUMENTS = {"rm": _arguments}
RUN = {"rm": _rm}
