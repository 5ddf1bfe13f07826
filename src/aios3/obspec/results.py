"""Results of the methods of obspec: descriptions, listings, and objects whose bytes are read when they are needed."""

from __future__ import annotations

from contextlib import aclosing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypedDict

from aios3._handles.opening import aopen
from aios3.obspec.arguments import ATTRIBUTES

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from typing_extensions import Buffer

    from aios3._backend import ListPage
    from aios3._entries import StatResult
    from aios3._handles.opening import ReaderOptions
    from aios3._paths import S3Url
    from aios3._session import Session


class ObjectMeta(TypedDict):
    """The description of an object; ``path`` is relative to the store."""

    path: str
    last_modified: datetime
    size: int
    e_tag: str | None
    version: str | None


class ListResult(TypedDict):
    """Objects and common prefixes directly below a prefix."""

    common_prefixes: list[str]
    objects: list[ObjectMeta]


class PutResult(TypedDict):
    """The version that was written."""

    e_tag: str | None
    version: str | None


class GetResult:
    """An object, or a range of one, that was asked for: all bytes of :meth:`buffer_async` are of one version.

    Small ones have been received already. Large ones are when they are asked for, also in chunks by ``async for``.
    Raises ObjectChangedError then, if the object is another one by now.
    """

    def __init__(
        self, source: Source, stat: StatResult, meta: ObjectMeta, span: tuple[int, int], data: bytes | None = None
    ) -> None:
        self._source = source
        self._stat = stat
        self._meta = meta
        self._span = span
        self._data = b"" if span[0] == span[1] else data

    @property
    def meta(self) -> ObjectMeta:
        """The description of the whole object."""
        return self._meta

    @property
    def attributes(self) -> dict[str, str]:
        """The headers that the object is stored with, by their names, and its metadata."""
        headers = {name: self._stat.headers.get(name.lower()) for name in ATTRIBUTES}
        headers["Content-Type"] = self._stat.content_type
        return {**{name: value for name, value in headers.items() if value is not None}, **self._stat.metadata}

    @property
    def range(self) -> tuple[int, int]:
        """Where the bytes begin in the object, and where they stop."""
        return self._span

    async def buffer_async(self) -> bytes:
        """Return all bytes."""
        if self._data is None:
            self._data = await self._source.read(*self._span)
        return self._data

    async def __aiter__(self) -> AsyncGenerator[Buffer, None]:
        """Yield the bytes in chunks, as they come."""
        if self._data is not None:
            yield self._data
            return
        async with aclosing(self._source.chunks(*self._span)) as chunks:
            async for chunk in chunks:
                yield chunk


class Source:
    """One version of an object, opened when its bytes are needed."""

    def __init__(self, session: Session, url: S3Url, options: ReaderOptions) -> None:
        self._session = session
        self._url = url
        self._options = options

    async def read(self, start: int, stop: int) -> bytes:
        """Read the bytes ``[start, stop)``."""
        async with aopen(self._url, "rb", session=self._session, **self._options) as reader:
            return await reader.read_at(start, stop - start)

    async def chunks(self, start: int, stop: int) -> AsyncGenerator[bytes, None]:
        """Yield the bytes ``[start, stop)`` as they come."""
        async with aopen(self._url, "rb", session=self._session, **self._options) as reader:
            await reader.seek(start)
            while start < stop and (data := await reader.read(min(stop - start, self._session.config.request_size))):
                start += len(data)
                yield data


def meta_of(path: str, stat: StatResult) -> ObjectMeta:
    """Describe an object as obspec does."""
    return {
        "path": path,
        "last_modified": datetime.fromtimestamp(stat.mtime, UTC),
        "size": stat.size,
        "e_tag": quoted(stat.etag),
        "version": stat.version_id,
    }


def metas_of(page: ListPage, cut: int) -> list[ObjectMeta]:
    """Describe the objects of a page; the markers of directories are left out."""
    listed = zip(page.keys, page.stats, strict=True)
    return [meta_of(key[cut:], stat) for key, stat in listed if not key.endswith("/")]


def quoted(etag: str | None) -> str | None:
    """Write an ETag as its header has it, and as obspec does."""
    return None if etag is None else f'"{etag}"'


def etag_of(quoted: str) -> str:
    """Return the ETag of a header."""
    return quoted.strip('"')
