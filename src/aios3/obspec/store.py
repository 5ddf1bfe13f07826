"""A place in S3 with the methods of obspec."""

from __future__ import annotations

from contextlib import aclosing
from io import BufferedReader
from pathlib import Path
from typing import TYPE_CHECKING, cast

from typing_extensions import Buffer

from aios3._backend import GetOptions
from aios3._bulk import remove_many
from aios3._config import Config
from aios3._handles.missing import explain_missing
from aios3._handles.opening import aopen
from aios3._handles.reader import INITIAL_GET_BYTES
from aios3._loop_sessions import SESSIONS
from aios3._namespace.pages import ListingTasks, gather, pages
from aios3._objects.copy_object import copy
from aios3._objects.object_lookup import head_or_raise
from aios3._objects.reading import read_bytes
from aios3._objects.writing import write_bytes
from aios3._paths import S3Url
from aios3._threads import in_thread, made_in_thread
from aios3._trees.moving import move
from aios3._trees.transfer_counters import partial_failure
from aios3.errors import ConfigError, ObjectNotFoundError, UnsupportedError, WrongTypeError
from aios3.obspec.arguments import check_not_empty, directory_prefix, pinned, range_of, stops_of, writing_options
from aios3.obspec.results import GetResult, Source, etag_of, meta_of, metas_of, quoted

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterable, Iterable, Mapping, Sequence
    from typing import Unpack

    from aios3._config import ConfigOptions
    from aios3._entries import StatResult, WriteResult
    from aios3._handles.copy_from import Readable
    from aios3._handles.opening import ReaderOptions, WriterOptions
    from aios3._paths import AnyPath
    from aios3._session import Session
    from aios3.obspec.results import ListResult, ObjectMeta, PutResult

    Data = Readable | Path | Buffer | AsyncIterable[Buffer] | Iterable[Buffer]

_GET_OPTIONS = frozenset({"if_match", "range", "version", "head"})


class ObjectStore:
    """All that is below a path in S3, with the asynchronous methods of obspec; paths are relative to it.

    ``options`` are those of :class:`aios3.Config`, and go before those of ``config``. A store can be pickled,
    and used on several event loops and after a fork. Each loop has connections of its own, which end with it.

    Raises InvalidPathError for a path without a bucket, ConfigError for options that do not exist.
    """

    def __init__(self, path: AnyPath, config: Config | None = None, **options: Unpack[ConfigOptions]) -> None:
        if config is not None and not isinstance(config, Config):
            message = f"ObjectStore takes a Config and keyword arguments, not {type(config).__name__}"
            raise WrongTypeError(message)
        self._root: S3Url = S3Url.parse(path).require_bucket()
        self._config: Config = (config or Config()).with_options(**options)

    def __repr__(self) -> str:
        return f"aios3.obspec.ObjectStore({str(self._root)!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, type(self)) and (self._root, self._config) == (other._root, other._config)

    def __hash__(self) -> int:
        return hash((self._root, self._config))

    def _session(self) -> Session:
        return SESSIONS.get(self._config)

    def _url(self, path: str) -> S3Url:
        return self._root.with_key(self._root.prefix + path)

    async def head_async(self, path: str) -> ObjectMeta:
        """Describe an object; raise ObjectNotFoundError, which is a FileNotFoundError."""
        return meta_of(path, await head_or_raise(self._session(), self._url(path)))

    async def get_async(self, path: str, *, options: Mapping[str, object] | None = None) -> GetResult:
        """Ask for an object, or a range of it.

        ``options`` are obspec's ``range``, ``if_match``, ``version`` and ``head``. Raises UnsupportedError for others,
        InvalidRangeError for an empty range and one that begins after the end, ObjectNotFoundError, ObjectChangedError.
        """
        parameters = dict(options or {})
        if unknown := sorted(name for name in set(parameters) - _GET_OPTIONS if parameters[name] is not None):
            message = f"get_async() knows {', '.join(sorted(_GET_OPTIONS))}, and not {', '.join(unknown)}"
            raise UnsupportedError(message, path=str(self._url(path)))
        session, url = self._session(), self._url(path)
        reading: ReaderOptions = {}
        if parameters.get("version") is not None:
            reading["version_id"] = cast("str", parameters["version"])
        if parameters.get("if_match") is not None:
            reading["if_match"] = etag_of(cast("str", parameters["if_match"]))
        if parameters.get("head") or parameters.get("range") is not None:
            stat = await _stat(session, url, reading)
            span = (0, 0) if parameters.get("head") else range_of(url, parameters["range"], stat.size)
            return GetResult(Source(session, url, pinned(reading, stat)), stat, meta_of(path, stat), span)
        async with aopen(url, "rb", session=session, **reading) as reader:
            stat = reader.stat()
            data = await reader.read_at(0, stat.size) if stat.size <= INITIAL_GET_BYTES else None
        source = Source(session, url, pinned(reading, stat))
        return GetResult(source, stat, meta_of(path, stat), (0, stat.size), data)

    async def get_range_async(
        self, path: str, *, start: int, end: int | None = None, length: int | None = None
    ) -> bytes:
        """Read the bytes ``[start, end)`` of an object, or ``length`` bytes from ``start`` on.

        Raises InvalidRangeError for an empty range and one that begins after the end, ConfigError for neither or both.
        """
        url = self._url(path)
        [stop] = stops_of([start], None if end is None else [end], None if length is None else [length])
        return await _read_range(self._session(), url, start, stop)

    async def get_ranges_async(
        self,
        path: str,
        *,
        starts: Sequence[int],
        ends: Sequence[int] | None = None,
        lengths: Sequence[int] | None = None,
    ) -> list[bytes]:
        """Read several ranges of an object side by side, in their order; raise like :meth:`get_range_async`."""
        session, url = self._session(), self._url(path)
        ranges = zip(starts, stops_of(starts, ends, lengths), strict=True)
        return await gather(_read_range(session, url, start, stop) for start, stop in ranges)

    async def list_async(
        self, prefix: str | None = None, *, offset: str | None = None
    ) -> AsyncGenerator[list[ObjectMeta], None]:
        """Yield the objects below a path, a page at a time, in key order; those after ``offset``, if it is given."""
        cut = len(self._root.prefix)
        session = self._session()
        async with (
            ListingTasks(session) as tasks,
            aclosing(pages(tasks, self._url(directory_prefix(prefix)))) as listing,
        ):
            async for page in listing:
                metas = metas_of(page, cut)
                yield [meta for meta in metas if offset is None or meta["path"].encode() > offset.encode()]

    async def list_with_delimiter_async(self, prefix: str | None = None) -> ListResult:
        """Return what is directly below a path."""
        cut = len(self._root.prefix)
        result: ListResult = {"common_prefixes": [], "objects": []}
        async with (
            ListingTasks(self._session()) as tasks,
            aclosing(pages(tasks, self._url(directory_prefix(prefix)), "/")) as listing,
        ):
            async for page in listing:
                result["common_prefixes"] += [each[cut:].removesuffix("/") for each in page.prefixes]
                result["objects"] += metas_of(page, cut)
        return result

    async def put_async(  # noqa: PLR0913 - obspec's arguments
        self,
        path: str,
        file: Data,
        *,
        attributes: Mapping[str, str] | None = None,
        tags: dict[str, str] | None = None,
        mode: str | Mapping[str, str | None] | None = None,
        use_multipart: bool | None = None,
        chunk_size: int = 0,
        max_concurrency: int = 0,
    ) -> PutResult:
        """Write an object, which is there as a whole or not at all.

        ``mode`` is "overwrite", "create", which raises ObjectExistsError, or the version that may be replaced, which
        raises ObjectChangedError. The session decides how it is cut into parts; ``use_multipart``, ``chunk_size`` and
        ``max_concurrency`` change nothing.
        """
        del use_multipart, chunk_size, max_concurrency
        options = writing_options(attributes, tags)
        session, url = self._session(), self._url(path)
        if isinstance(mode, str) or mode is None:
            if mode not in {None, "overwrite", "create"}:
                message = f"mode must be 'overwrite', 'create' or a version, not {mode!r}"
                raise ConfigError(message)
        elif mode.get("e_tag") is not None:
            options["if_match"] = etag_of(cast("str", mode["e_tag"]))
        else:
            message = "A version that may be replaced needs its e_tag"
            raise ConfigError(message)
        result = await _write(session, url, file, options, create=mode == "create")
        return {"e_tag": quoted(result.etag), "version": result.version_id}

    async def delete_async(self, paths: str | Sequence[str]) -> None:
        """Delete objects, 1,000 in a request; missing ones raise nothing. Raises PartialFailureError."""
        named = [paths] if isinstance(paths, str) else list(paths)
        urls = [self._url(path) for path in named]
        failures = {}
        async with aclosing(remove_many(urls, on_error="return", session=self._session())) as outcomes:
            async for outcome in outcomes:
                if outcome.error is not None:
                    failures[str(outcome.path)] = outcome.error
        if failures:
            done = {"deleted": len(urls) - len(failures)}
            what = f"Deleting {len(urls):,} objects below {self._root}"
            raise partial_failure(what, str(self._root), failures, done)

    async def copy_async(self, from_: str, to: str, *, overwrite: bool = True) -> None:
        """Copy an object inside S3; without ``overwrite``, raise ObjectExistsError where one is there."""
        await copy(self._url(from_), self._url(to), overwrite=overwrite, session=self._session())

    async def rename_async(self, from_: str, to: str, *, overwrite: bool = True) -> None:
        """Move an object: copy it, and delete the version that was copied; raise like :meth:`copy_async`."""
        session, source = self._session(), self._url(from_).require_object()
        await head_or_raise(session, source)  # a directory is moved by aios3.move
        await move(source, self._url(to), overwrite, session=session)


async def _read_range(session: Session, url: S3Url, start: int, stop: int) -> bytes:
    """Read a range that has bytes; raise InvalidRangeError if it has none."""
    check_not_empty(url, start, stop)
    data = await read_bytes(url, start, stop, session=session)
    if not data:
        check_not_empty(url, start, start)
    return data


async def _stat(session: Session, url: S3Url, reading: ReaderOptions) -> StatResult:
    backend = await session.backend(url)
    try:
        return await backend.head_object(url, GetOptions(reading.get("version_id"), reading.get("if_match")))
    except ObjectNotFoundError as error:
        await explain_missing(session, url, error)
        raise


async def _write(
    session: Session,
    url: S3Url,
    file: Data,
    options: WriterOptions,
    *,
    create: bool,
) -> WriteResult:
    """Write bytes, a local file, an open file or an iterable of bytes."""
    if isinstance(file, Path):
        opened = await made_in_thread(lambda: file.open("rb"), BufferedReader.close)
        try:
            return await _write(session, url, opened, options, create=create)
        finally:
            await in_thread(opened.close)
    if isinstance(file, Buffer) and not create:
        return await write_bytes(url, file, session=session, **options)
    async with aopen(url, "xb" if create else "wb", session=session, **options) as writer:
        if isinstance(file, Buffer):
            await writer.write(file)
        else:
            await writer.write_from(file)
    return writer.result
