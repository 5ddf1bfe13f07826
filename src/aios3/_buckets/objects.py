"""One object of a bucket, described and read on demand."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from aios3._backend import GetOptions
from aios3._handles.missing import explain_missing
from aios3._handles.opening import aopen
from aios3._paths import S3Url
from aios3._session import current_session
from aios3.errors import ObjectChangedError, ObjectNotFoundError

if TYPE_CHECKING:
    from typing import Unpack

    from aios3._entries import StatResult
    from aios3._handles.opening import Opening, ReaderOptions
    from aios3._handles.reader import AsyncPrefetchReader
    from aios3._paths import AnyPath
    from aios3._session import Session


class ObjectBase:
    """One version of an object: the first one that was seen, once it was described, listed or read.

    ``version_id`` names one in a bucket that keeps versions. Known values cost no request. The first response about the
    object gives its size, time and metadata. A listing gives size and time. The entry of a listing is in ``listed``,
    the response to a HEAD or GET in ``described``. Both are None before.
    """

    def __init__(
        self,
        path: AnyPath,
        version_id: str | None = None,
        *,
        session: Session | None = None,
        listed: StatResult | None = None,
    ) -> None:
        self.url: S3Url = S3Url.parse(path)
        self.version_id: str | None = version_id
        self.session: Session | None = session
        self.listed: StatResult | None = listed
        self.described: StatResult | None = None
        self._body: bytes | None = None

    def __repr__(self) -> str:
        version = f", {self.version_id!r}" if self.version_id else ""
        return f"{type(self).__name__}({str(self.url)!r}{version})"

    @property
    def key(self) -> str:
        """The key in the bucket."""
        return self.url.key

    @property
    def pins(self) -> GetOptions:
        """Return the options that make a read be one of this version, if it is known already."""
        stat = self.described or self.listed
        if self.version_id is not None or stat is None:
            return GetOptions(self.version_id)
        return GetOptions(if_match=stat.etag)

    def pinned(self) -> ReaderOptions:
        """Return the same as options of :func:`aios3.aopen`."""
        pins = self.pins
        if pins.version_id is not None:
            return {"version_id": pins.version_id}
        return {} if pins.if_match is None else {"if_match": pins.if_match}


class S3Object(ObjectBase):
    """One version of an object of a bucket: described, and read, when it is asked for, with one request each at most.

    Which version that is, the first response decides: later ones raise ObjectChangedError if the object was replaced.
    """

    def stream(self, **options: Unpack[ReaderOptions]) -> Opening[AsyncPrefetchReader]:
        """Return the object as a file, to be used with ``async with``; the options are those of :func:`aios3.aopen`."""
        reader_options: ReaderOptions = {**self.pinned(), **options}
        return aopen(self.url, "rb", session=self.session, **reader_options)

    async def body(self: ObjectBase) -> bytes:
        """Return all bytes of the object; they are read once, and kept.

        A large object comes in ranges, several at once. Raises ObjectNotFoundError, PathIsDirectoryError,
        ObjectChangedError.
        """
        if self._body is None:
            self._body = await (_read_marker(self) if self.url.names_directory else _read(self))
        return self._body

    async def stat(self: ObjectBase) -> StatResult:
        """Return everything that S3 says of the object; raise like :meth:`body`."""
        return await _described(self)

    async def metadata(self: ObjectBase) -> dict[str, str]:
        """Return the user metadata; raise like :meth:`body`."""
        return dict((await _described(self)).metadata)

    async def size(self: ObjectBase) -> int:
        """Return the size in bytes; raise like :meth:`body`."""
        return (self.listed or await _described(self)).size

    async def last_modified(self: ObjectBase) -> datetime:
        """Return when the object was written, with UTC as the time zone; raise like :meth:`body`."""
        return datetime.fromtimestamp((self.listed or await _described(self)).mtime, UTC)


async def _read(source: ObjectBase) -> bytes:
    async with aopen(source.url, "rb", session=source.session, **source.pinned()) as reader:
        data = await reader.read()
        source.described = source.described or reader.stat()
    return data


async def _read_marker(source: ObjectBase) -> bytes:
    """Read an object whose key ends in ``/``, which no file of aios3 is; it is nearly always empty."""
    backend = await current_session(source.session).backend(source.url)
    body = await backend.get_object(source.url, start=0, stop=None, options=source.pins)
    try:
        return await body.read()
    finally:
        body.close()


async def _described(source: ObjectBase) -> StatResult:
    if source.described is None:
        source.described = await _head(current_session(source.session), source)
    return source.described


async def _head(session: Session, source: ObjectBase) -> StatResult:
    pins = source.pins
    backend = await session.backend(source.url)
    try:
        stat = await backend.head_object(source.url, pins)
    except ObjectNotFoundError as error:
        await explain_missing(session, source.url, error)
        raise
    if pins.if_match not in {None, stat.etag}:  # a server that ignores the condition
        message = f"HeadObject {source.url}: the object was replaced since it was seen"
        raise ObjectChangedError(message, path=str(source.url), operation="HeadObject")
    return stat
