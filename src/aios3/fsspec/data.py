"""Whole objects and ranges of them: read, written, sent, received."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, cast

from fsspec.callbacks import DEFAULT_CALLBACK

from aios3._handles.opening import aopen
from aios3._objects.writing import write_bytes
from aios3._threads import in_thread
from aios3.errors import ConfigError, PathIsDirectoryError
from aios3.fsspec.base import s3fs_errors
from aios3.fsspec.entries import is_directory_only, write_info
from aios3.fsspec.local import make_parent, receive, send
from aios3.fsspec.names import Names
from aios3.fsspec.options import writer_options
from aios3.fsspec.pairs import check_distinct, check_files, get_pairs, put_pairs
from aios3.fsspec.paths import require_key
from aios3.fsspec.ranges import merge
from aios3.fsspec.versions import read_slice

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from fsspec.callbacks import Callback
    from typing_extensions import Buffer

    from aios3._handles.opening import ReaderOptions, WriterOptions
    from aios3._paths import S3Url
    from aios3.fsspec.entries import Info
    from aios3.fsspec.pairs import Pair
    from aios3.fsspec.ranges import Merged

_IGNORED = frozenset({"chunksize", "max_concurrency"})
"""How s3fs cuts one object into requests: the session decides that here."""


class Data(Names):
    """The methods that move bytes."""

    async def _cat_file(
        self,
        path: str,
        start: int | None = None,
        end: int | None = None,
        version_id: str | None = None,
        **kwargs: object,
    ) -> bytes:
        """Read an object, or the bytes ``[start, end)`` of it; negative bounds count from its end.

        One GET for a small object or range, several at once for a large one, all of the same version.
        """
        _check_ignored(kwargs)
        ref = require_key(self.parse_ref(path))
        with s3fs_errors():
            options = self.reading(self._version(version_id, ref.version_id))
            return await read_slice(self.session(), ref.url, start, end, options)

    def reading(self, version_id: str | None = None) -> ReaderOptions:
        """Return the options with which an object is opened for reading."""
        options: ReaderOptions = {}
        if version_id is not None:
            options["version_id"] = version_id
        if self._settings.sse_customer_key is not None:
            options["sse_customer_key"] = self._settings.sse_customer_key
        return options

    def writing(self, parameters: dict[str, object]) -> WriterOptions:
        """Return the options of a write: those of the filesystem, and S3's ``parameters`` before them."""
        parameters = {name: value for name, value in parameters.items() if name not in _IGNORED}
        return {**self._settings.writing, **writer_options(parameters)}

    async def _cat(
        self,
        path: str | list[str],
        recursive: bool = False,
        on_error: str = "raise",
        batch_size: int | None = None,
        **kwargs: Any,
    ) -> Any:
        """Read many objects at once: a dictionary of bytes by path, or the bytes where ``path`` names one object.

        ``on_error`` is "raise", "omit" or "return", as fsspec has it.
        """
        _check_choice("on_error", on_error, "raise", "omit", "return")
        meanings = await self.expanded(path, recursive=recursive)
        paths = [
            name
            for name, meaning in meanings.items()
            if not name.endswith("/") and not (recursive and is_directory_only(meaning))
        ]
        expanded = len(paths) != 1 or isinstance(path, list) or paths[0] != self._strip_protocol(path)
        outcomes = await self.run_all(
            lambda each: self._cat_file(each, **kwargs), paths, batch_size, raises=on_error == "raise"
        )
        if not expanded and not recursive and not isinstance(outcomes[0], Exception):
            return outcomes[0]
        results = dict(zip(paths, outcomes, strict=True))
        return {name: data for name, data in results.items() if on_error != "omit" or not isinstance(data, Exception)}

    async def _cat_ranges(
        self,
        paths: list[str],
        starts: Any,
        ends: Any,
        max_gap: int | None = None,
        batch_size: int | None = None,
        on_error: str = "return",
        **kwargs: Any,
    ) -> list[Any]:
        """Read one range of each path, in their order.

        Ranges of one object with at most ``max_gap`` bytes between them share a request. A failure stands in the place
        of its range with ``on_error="return"``, and is raised otherwise.
        """
        if not isinstance(paths, list):
            message = f"paths must be a list, not {type(paths).__name__}"
            raise TypeError(message)
        requests = list(zip(paths, _each(starts, paths, "starts"), _each(ends, paths, "ends"), strict=True))
        merged = merge(requests, max_gap)
        outcomes = await self.run_all(
            lambda each: self._cat_file(each.path, each.start, each.stop, **kwargs), merged, batch_size, raises=False
        )
        results: list[Any] = [None] * len(requests)
        for request, data in zip(merged, outcomes, strict=True):
            _share(request, data, results)
        if on_error != "return":
            for failure in (each for each in results if isinstance(each, BaseException)):
                raise failure
        return results

    async def _pipe_file(
        self,
        path: str,
        value: Buffer | None = None,
        mode: str = "overwrite",
        *,
        data: Buffer | None = None,
        **kwargs: object,
    ) -> Info:
        """Write an object as a whole, and return its ``ETag`` and ``VersionId``.

        ``data`` is s3fs's name of ``value``. With ``mode="create"``, an object that is there raises FileExistsError.
        """
        _check_choice("mode", mode, "overwrite", "create")
        stored = _one_of(value, data)
        url = self._writable(path)
        options = self.writing(kwargs)
        try:
            if mode == "overwrite":
                return write_info(await write_bytes(url, stored, session=self.session(), **options))
            async with aopen(url, "xb", session=self.session(), **options) as writer:
                await writer.write(stored)
            return write_info(writer.result)
        finally:
            self.invalidate_cache(path)

    async def _pipe(self, path: Any, value: Any = None, batch_size: int | None = None, **kwargs: Any) -> list[Any]:
        """Write objects as a whole, side by side: ``value`` at a path, or all of a dictionary of bytes by path."""
        stored: list[tuple[str, Any]] = [(path, value)] if isinstance(path, str) else list(path.items())
        return await self.run_all(lambda each: self._pipe_file(*each, **kwargs), stored, batch_size)

    def _writable(self, path: str) -> S3Url:
        """Return where an object is written; raise ValueError for a path that names no object, or a version of one."""
        return self._latest_url(path, "versions cannot be written to")

    def _latest_url(self, path: str, why: str = "the latest version is needed here") -> S3Url:
        """Return where an object is; raise ValueError for a path that names none, or a version of one."""
        ref = require_key(self.parse_ref(path))
        if ref.version_id is not None:
            message = f"{path!r} names a version, and {why}"
            raise ConfigError(message)
        return ref.url

    async def _put_file(
        self,
        lpath: str | os.PathLike[str],
        rpath: str,
        callback: Callback = DEFAULT_CALLBACK,
        mode: str = "overwrite",
        **kwargs: object,
    ) -> None:
        """Send a local file, which is read in parts and sent side by side; a directory makes nothing."""
        _check_choice("mode", mode, "overwrite", "create")
        source = os.fspath(lpath)
        if await in_thread(os.path.isdir, source):
            if not self.parse_ref(rpath).url.key:
                await self._mkdir(rpath)
            return
        target, options = self._writable(rpath), self.writing(kwargs)
        callback.set_size(await in_thread(os.path.getsize, source))
        try:
            await send(self.session(), source, target, callback.relative_update, options, create=mode == "create")
        finally:
            self.invalidate_cache(rpath)

    async def _get_file(
        self,
        rpath: str,
        lpath: str | os.PathLike[str],
        callback: Callback = DEFAULT_CALLBACK,
        version_id: str | None = None,
        **kwargs: object,
    ) -> None:
        """Receive an object as a local file, which is there when it is whole.

        A directory comes down as one that is there already; an object in its place raises PathIsDirectoryError.
        """
        _check_ignored(kwargs)
        target = os.fspath(lpath)
        ref = require_key(self.parse_ref(rpath))
        if await in_thread(os.path.isdir, target):
            if is_directory_only(await self._info(rpath, version_id=version_id)):
                return
            message = f"{target} is a directory, so {rpath!r} cannot be stored there as a file"
            raise PathIsDirectoryError(message, path=target)
        options = self.reading(self._version(version_id, ref.version_id))
        await in_thread(make_parent, target)
        if callback is not DEFAULT_CALLBACK:
            callback.set_size((await self._info(rpath, version_id=version_id)).get("size"))
        await receive(self.session(), ref.url, target, callback.relative_update, options)

    async def _put(
        self,
        lpath: Any,
        rpath: Any,
        recursive: bool = False,
        callback: Callback = DEFAULT_CALLBACK,
        batch_size: int | None = None,
        maxdepth: int | None = None,
        **kwargs: Any,
    ) -> list[Any] | None:
        """Send local files, side by side, by fsspec's rules of where each of them goes."""
        if not (isinstance(lpath, list) and isinstance(rpath, list)):
            into = isinstance(rpath, str) and (rpath.endswith("/") or await self._isdir(rpath))
            target = self._strip_protocol(rpath)
            pairs = await in_thread(put_pairs, lpath, target, into, recursive=recursive, maxdepth=maxdepth)
            if recursive and not into and pairs:
                await self._make_bucket_for(target)
        else:
            pairs = list(zip(lpath, rpath, strict=True))
        check_distinct(pairs, lambda path: self.parse_ref(path).url)
        if not pairs:
            return None
        return await self._carry(self._put_file, pairs, callback, batch_size, kwargs)

    async def _make_bucket_for(self, target: Any) -> None:
        """Make the bucket that a tree is sent to as a whole: it is the directory that the tree becomes."""
        if isinstance(target, str) and not self.parse_ref(target).url.key:
            await self._mkdir(target)

    async def _get(
        self,
        rpath: Any,
        lpath: Any,
        recursive: bool = False,
        callback: Callback = DEFAULT_CALLBACK,
        maxdepth: int | None = None,
        **kwargs: Any,
    ) -> list[Any] | None:
        """Receive objects as local files, side by side; no key leads out of the directory ``lpath``.

        Raises ValueError for a key that would, and where two would become one file. Raises NotADirectoryError where one
        would lie below another: S3 has both ``a`` and ``a/b``, a disk has not. Nothing is received then.
        """
        batch_size = kwargs.pop("batch_size", None)
        if isinstance(lpath, list) and isinstance(rpath, list):
            pairs = list(zip(rpath, lpath, strict=True))
        else:
            names, objects = await self.sources(rpath, recursive=recursive, maxdepth=maxdepth)
            bare = [self.without_version(name) for name in names]
            local_pairs = await in_thread(get_pairs, self.without_version(rpath), bare, lpath)
            pairs = [(name, target) for name, (_, target) in zip(names, local_pairs, strict=True) if name in objects]
        check_files(pairs)
        if not pairs:
            return None
        for _, target in pairs:
            await in_thread(make_parent, os.fspath(target))
        return await self._carry(self._get_file, pairs, callback, batch_size, kwargs)

    async def sources(self, path: Any, *, recursive: bool, maxdepth: int | None) -> tuple[list[str], set[str]]:
        """Return the names that decide where copies go, and those of them that are copied: directories are not."""
        meanings = await self.expanded(path, recursive=recursive, maxdepth=maxdepth)
        if isinstance(path, str) and not recursive and list(meanings.values()) == [None]:
            [name] = meanings
            meanings = {name: await self._info_or_none(name)}
        objects = [name for name, meaning in meanings.items() if not is_directory_only(meaning)]
        if isinstance(path, str) and (not recursive or maxdepth is not None):
            return objects, set(objects)
        return list(meanings), set(objects)

    async def _info_or_none(self, name: str) -> Any:
        try:
            return await self._info(name)
        except FileNotFoundError:
            return None  # the copy itself says what is wrong

    async def _carry(
        self,
        carry: Callable[..., Any],
        pairs: Sequence[Pair],
        callback: Callback,
        batch_size: int | None,
        options: dict[str, Any],
    ) -> list[Any]:
        callback.set_size(len(pairs))
        carry = callback.branch_coro(carry)
        return await self.run_all(
            lambda pair: carry(*pair, **options), pairs, batch_size, opens_files=True, on_done=callback.relative_update
        )


def _one_of(value: Buffer | None, data: Buffer | None) -> Buffer:
    if (value is None) == (data is None):
        message = "pipe_file() needs value, or data, which means the same, and not both"
        raise TypeError(message)
    return cast("Buffer", data if value is None else value)


def _share(request: Merged, data: Any, results: list[Any]) -> None:
    for position, start, stop in request.shares:
        results[position] = data if isinstance(data, BaseException) or request.is_alone else data[start:stop]


def _each(bounds: Any, paths: list[str], name: str) -> list[int | None]:
    each = list(bounds) if isinstance(bounds, Iterable) else [bounds] * len(paths)
    if len(each) != len(paths):
        message = f"{name} has {len(each)} bounds for {len(paths)} paths"
        raise ValueError(message)
    return cast("list[int | None]", each)


def _check_choice(name: str, value: str, *choices: str) -> None:
    if value not in choices:
        message = f"{name} must be one of {', '.join(map(repr, choices))}, not {value!r}"
        raise ConfigError(message)


def _check_ignored(options: dict[str, object]) -> None:
    unknown = sorted(set(options) - _IGNORED)
    if unknown:
        message = f"Unknown argument {', '.join(map(repr, unknown))}"
        raise TypeError(message)
