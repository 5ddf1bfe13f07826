"""A store of zarr 3 over aios3: chunks are read and written as objects, on whatever event loop zarr runs.

Needs the extra ``aios3-io[zarr]``.
"""

from __future__ import annotations

from contextlib import aclosing, suppress
from typing import TYPE_CHECKING

from zarr.abc.store import OffsetByteRequest, RangeByteRequest, Store, SuffixByteRequest

from aios3._config import Config
from aios3._handles.opening import aopen
from aios3._loop_sessions import SESSIONS
from aios3._namespace.link_targets import head
from aios3._namespace.pages import ListingTasks, first_page, gather, pages
from aios3._namespace.stat import hasbucket
from aios3._objects.reading import read_if_there
from aios3._objects.writing import write_bytes
from aios3._paths import S3Url
from aios3._trees.removing import remove_below
from aios3.errors import (
    AccessDeniedError,
    BucketNotFoundError,
    ConfigError,
    ObjectExistsError,
    ObjectNotFoundError,
    WrongTypeError,
)

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable
    from typing import Self, Unpack

    from typing_extensions import Buffer as BytesLike
    from zarr.abc.store import ByteRequest
    from zarr.core.buffer import Buffer, BufferPrototype

    from aios3._backend import ListPage
    from aios3._config import ConfigOptions
    from aios3._entries import StatResult
    from aios3._paths import AnyPath
    from aios3._session import Session

__all__ = ["S3Store"]


class S3Store(Store):
    """All that is below a path in S3, as a store of zarr.

    ``options`` are those of :class:`aios3.Config`, and go before those of ``config``. A store can be pickled,
    and used on several event loops and after a fork. Each loop has connections of its own, which end with it. A missing
    value is None, as zarr wants it; a missing bucket raises BucketNotFoundError. Blocking methods are left
    out: zarr would call them one at a time.

    Raises InvalidPathError for a path without a bucket, ConfigError for options that do not exist.
    """

    def __init__(
        self, path: AnyPath, config: Config | None = None, *, read_only: bool = False, **options: Unpack[ConfigOptions]
    ) -> None:
        super().__init__(read_only=read_only)
        if config is not None and not isinstance(config, Config):
            message = f"S3Store takes a Config and keyword arguments, not {type(config).__name__}"
            raise WrongTypeError(message)
        self._root: S3Url = S3Url.parse(path).require_bucket()
        self._config: Config = (config or Config()).with_options(**options)
        self._has_bucket = False

    @property
    def path(self) -> str:
        """The path that all keys are below."""
        return str(self._root)

    def with_read_only(self, read_only: bool = False) -> Self:
        """Return a store of the same place that can be written to, or not."""
        return type(self)(self._root, self._config, read_only=read_only)

    def __eq__(self, value: object) -> bool:
        return isinstance(value, type(self)) and self._identity() == value._identity()

    def __hash__(self) -> int:
        return hash(self._identity())

    def _identity(self) -> tuple[object, ...]:
        return self._root.bucket, self._root.prefix, self._root.profile, self._config, self._read_only

    def __repr__(self) -> str:
        return f"S3Store({self.path!r}{', read_only=True' if self._read_only else ''})"

    def __str__(self) -> str:
        return self.path

    def _session(self) -> Session:
        return SESSIONS.get(self._config)

    def _url(self, key: str) -> S3Url:
        return self._root.with_key(self._root.prefix + key)

    async def get(self, key: str, prototype: BufferPrototype, byte_range: ByteRequest | None = None) -> Buffer | None:
        """Read a value, or the part of it that ``byte_range`` says; None if it is missing.

        One GET for a small value or range, several side by side for a large one; a suffix costs a HEAD more. Raises
        InvalidRangeError for a range that begins after the end of the value.
        """
        await self._ensure_open()
        start, stop = _bounds(byte_range)
        try:
            data = await read_if_there(self._session(), self._url(key), start, stop)
        except ObjectNotFoundError as error:
            await self._check_bucket(error)
            return None
        return prototype.buffer.from_bytes(data)

    async def get_partial_values(
        self, prototype: BufferPrototype, key_ranges: Iterable[tuple[str, ByteRequest | None]]
    ) -> list[Buffer | None]:
        """Read parts of values side by side, in their order; None for those that are missing."""
        return await gather(self.get(key, prototype, byte_range) for key, byte_range in key_ranges)

    async def _get_many(
        self, requests: Iterable[tuple[str, BufferPrototype, ByteRequest | None]]
    ) -> AsyncGenerator[tuple[str, Buffer | None], None]:
        batch = list(requests)
        for (key, *_), value in zip(batch, await gather(self.get(*each) for each in batch), strict=True):
            yield key, value

    async def exists(self, key: str) -> bool:
        """Return True if there is a value."""
        return await self._stat(key) is not None

    async def _stat(self, key: str) -> StatResult | None:
        await self._ensure_open()
        if not (url := self._url(key)).key:
            return None
        try:
            return await head(self._session(), url)
        except ObjectNotFoundError as error:
            await self._check_bucket(error)
            return None

    async def _check_bucket(self, error: ObjectNotFoundError) -> None:
        """Raise BucketNotFoundError if it is the bucket that is missing; a HEAD does not say so. Looks once."""
        if isinstance(error, BucketNotFoundError):
            raise error
        if not self._has_bucket:
            with suppress(AccessDeniedError):  # the bucket may not be looked at, so there is one
                if not await hasbucket(self._root, session=self._session()):
                    message = f"There is no bucket {self._root.bucket!r} to read {self.path} in"
                    raise BucketNotFoundError(message, path=self.path) from error
            self._has_bucket = True

    @property
    def supports_writes(self) -> bool:
        """True."""
        return True

    @property
    def supports_deletes(self) -> bool:
        """True."""
        return True

    @property
    def supports_listing(self) -> bool:
        """True."""
        return True

    async def set(self, key: str, value: Buffer) -> None:
        """Write a value: it is there as a whole, or not at all."""
        data = await self._writable(value)
        await write_bytes(self._url(key), data, session=self._session())

    async def set_if_not_exists(self, key: str, value: Buffer) -> None:
        """Write a value where there is none; of several writers at once one succeeds (If-None-Match)."""
        data = await self._writable(value)
        with suppress(ObjectExistsError):
            async with aopen(self._url(key), "xb", session=self._session()) as writer:
                await writer.write(data)

    async def _writable(self, value: Buffer) -> BytesLike:
        """Return the bytes of a value for a store that may be written to; raise ValueError or TypeError."""
        self._check_writable()
        await self._ensure_open()
        if not hasattr(value, "as_buffer_like"):
            message = f"A value must be a Buffer of zarr, not {type(value).__name__}"
            raise WrongTypeError(message)
        data: BytesLike = value.as_buffer_like()
        return data

    async def _set_many(self, values: Iterable[tuple[str, Buffer]]) -> None:
        await gather(self.set(key, value) for key, value in values)

    async def delete(self, key: str) -> None:
        """Delete a value; a missing one raises nothing."""
        self._check_writable()
        await self._ensure_open()
        url = self._url(key)
        await (await self._session().backend(url)).delete_object(url)

    async def delete_dir(self, prefix: str) -> None:
        """Delete all values below a path, 1,000 in a request; raise PartialFailureError with those that stay."""
        self._check_writable()
        await self._ensure_open()
        await remove_below(self._session(), self._url(_directory(prefix)))

    async def is_empty(self, prefix: str) -> bool:
        """Return True if there is nothing below a path, which costs one listing of one key."""
        await self._ensure_open()
        return not (await first_page(self._session(), self._url(_directory(prefix)))).keys

    async def list(self) -> AsyncGenerator[str, None]:
        """Yield all keys, in their order, a page ahead."""
        async with aclosing(self.list_prefix("")) as keys:
            async for key in keys:
                yield key

    async def list_prefix(self, prefix: str) -> AsyncGenerator[str, None]:
        """Yield all keys that begin with ``prefix``, in their order, a page ahead."""
        cut = len(self._root.prefix)
        async with aclosing(self._pages(prefix)) as listing:
            async for page in listing:
                for key in page.keys:
                    if not key.endswith("/"):
                        yield key[cut:]

    async def list_dir(self, prefix: str) -> AsyncGenerator[str, None]:
        """Yield the names of all that is directly below a path."""
        start = self._url(_directory(prefix)).key
        seen: set[str] = set()
        async with aclosing(self._pages(_directory(prefix), "/")) as listing:
            async for page in listing:
                for name in (*page.prefixes, *page.keys):
                    child = name[len(start) :].removesuffix("/")
                    if child and child not in seen:  # a value and a path may have one name
                        seen.add(child)
                        yield child

    async def _pages(self, prefix: str, delimiter: str = "") -> AsyncGenerator[ListPage, None]:
        await self._ensure_open()
        async with (
            ListingTasks(self._session()) as tasks,
            aclosing(pages(tasks, self._url(prefix), delimiter)) as listing,
        ):
            async for page in listing:
                yield page

    async def getsize(self, key: str) -> int:
        """Return the size of a value in bytes, from a HEAD; raise FileNotFoundError if it is missing."""
        stat = await self._stat(key)
        if stat is None:
            message = f"There is no value at {self._url(key)}"
            raise ObjectNotFoundError(message, path=str(self._url(key)))
        return stat.size

    async def getsize_prefix(self, prefix: str) -> int:
        """Return the size of all values below a path in bytes, from the listing alone."""
        total = 0
        async with aclosing(self._pages(_directory(prefix))) as listing:
            async for page in listing:
                total += sum(stat.size for stat in page.stats)
        return total


def _directory(prefix: str) -> str:
    return prefix if not prefix or prefix.endswith("/") else f"{prefix}/"


def _bounds(byte_range: ByteRequest | None) -> tuple[int | None, int | None]:
    """Return the bounds of a slice for a range of zarr's."""
    if byte_range is None:
        return None, None
    if isinstance(byte_range, RangeByteRequest):
        return byte_range.start, byte_range.end
    if isinstance(byte_range, OffsetByteRequest):
        return byte_range.offset, None
    if isinstance(byte_range, SuffixByteRequest):
        return (-byte_range.suffix, None) if byte_range.suffix else (0, 0)
    message = f"Unexpected byte_range, got {byte_range!r}; it is a range, offset or suffix request of zarr, or None"
    raise ConfigError(message)
