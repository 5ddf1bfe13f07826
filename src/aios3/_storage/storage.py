"""``Storage``: the files below one prefix of a bucket, by name."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING, Literal, cast, overload

from aios3._arguments import check_arguments, check_writable
from aios3._handles.opening import Opening, aopen
from aios3._namespace.pages import ListingTasks
from aios3._objects import copy, presign, unlink
from aios3._paths import S3Url
from aios3._session import current_session
from aios3._storage.counted_copies import copy_with_progress, upload_with_progress
from aios3._storage.files import AsyncStorageReader, AsyncStorageWriter
from aios3._storage.list_entries import child_url, entry_of
from aios3._storage.presigned_links import method_of, now, parameters_of, seconds_until
from aios3._storage.tree_listing import list_prefix
from aios3._trees.single_file import download_single, upload_single
from aios3.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable
    from datetime import datetime, timedelta
    from typing import Unpack

    from aios3._entries import WriteResult
    from aios3._handles.copy_from import Source
    from aios3._handles.copy_to import Writable
    from aios3._handles.opening import OpenOptions, ReaderOptions, WriterOptions
    from aios3._handles.reader import AsyncPrefetchReader
    from aios3._handles.writer import AsyncMultipartWriter
    from aios3._paths import AnyPath
    from aios3._session import Session
    from aios3._storage.list_entries import ListEntry
    from aios3._storage.presigned_links import LinkOperation
    from aios3._trees import LocalPath

StorageReadMode = Literal["rb", "r"]
StorageWriteMode = Literal["wb", "w"]


class StorageBase:
    """Attributes of a storage on both surfaces: its URL, and the session that sends requests."""

    def __init__(self, path: AnyPath, *, session: Session | None = None) -> None:
        self._url = S3Url.parse(path).require_bucket()
        self._session = session

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self._url)!r})"

    @property
    def url(self) -> S3Url:
        """Where the storage is; so every function of aios3 takes it as a path."""
        return self._url

    @property
    def session(self) -> Session | None:
        """The session that it was given; None stands for the default one."""
        return self._session

    def path(self, name: str) -> S3Url:
        """Return where the file of this name is; raise InvalidPathError for what no key can be."""
        return child_url(self._url, name)


class Storage(StorageBase):
    """The files of a bucket or of a prefix in it, ``s3://bucket`` or ``s3://bucket/prefix``, by their names there.

    A name is a part of a key and stays as it is. The prefix need not exist, and costs no request by itself. ``session``
    is the one that all its requests use. Methods that take one file raise ObjectNotFoundError where it is missing and
    PathIsDirectoryError where there is a directory instead, unless they say otherwise.
    """

    @overload
    def open(
        self, path: str, mode: StorageReadMode = "rb", **options: Unpack[ReaderOptions]
    ) -> Opening[AsyncStorageReader]: ...
    @overload
    def open(
        self, path: str, mode: StorageWriteMode, **options: Unpack[WriterOptions]
    ) -> Opening[AsyncStorageWriter]: ...
    def open(
        self, path: str, mode: StorageReadMode | StorageWriteMode = "rb", **options: Unpack[OpenOptions]
    ) -> Opening[AsyncStorageReader] | Opening[AsyncStorageWriter]:
        """Open a file for reading (``r``) or for writing (``w``), of bytes in any case; use with ``async with``.

        The options are those of :func:`aios3.aopen`, which also says what is raised. A file for writing replaces what
        is there when it is closed, if anything was written.
        """
        url, kind = self.path(path), check_mode(mode)
        opening = aopen(url, kind, session=self._session, **options)  # which checks all of it now
        if kind == "rb":
            return Opening(lambda: _reader(cast("Opening[AsyncPrefetchReader]", opening)))
        return Opening(lambda: _writer(cast("Opening[AsyncMultipartWriter]", opening), str(url)))

    async def list(self: StorageBase, path: str = "") -> AsyncGenerator[ListEntry, None]:
        """Yield the files whose names begin with ``path``, in key order: ``logs/`` those of a directory, ``""`` all.

        Listed as they are taken. Markers of directories are left out. Raises BucketNotFoundError.
        """
        async with (
            ListingTasks(current_session(self.session)) as tasks,
            aclosing(list_prefix(tasks, self.url, path)) as listing,
        ):
            async for batch in listing:
                for name, stat in batch:
                    yield entry_of(name, stat)

    async def delete(self: StorageBase, path: str) -> None:
        """Delete a file; a missing file is not an error. Raises PathIsDirectoryError for a directory."""
        await unlink(self.path(path), missing_ok=True, session=self.session)

    async def copy(self: StorageBase, path: str, new_path: str) -> WriteResult:
        """Copy a file inside the storage, as :func:`aios3.copy` does, replacing what is there."""
        return await copy(self.path(path), self.path(new_path), session=self.session)

    async def get(self: StorageBase, path: str, dest: LocalPath) -> None:
        """Download a file as the local file ``dest``, which appears when it is whole, with the object's time."""
        await download_single(current_session(self.session), self.path(path).require_object(), dest)

    async def put(self: StorageBase, path: LocalPath, dest: str) -> None:
        """Upload the local file ``path`` as ``dest``, replacing what is there; also an empty one.

        Raises FileChangedError if it changes meanwhile, and what the operating system says.
        """
        await upload_single(current_session(self.session), path, self.path(dest).require_object())

    async def upload(
        self: StorageBase,
        file_object: Source,
        path: str,
        *,
        progress_callback: Callable[[int], object] | None = None,
        **options: Unpack[WriterOptions],
    ) -> WriteResult:
        """Write what is left in a binary file object as the file ``path``, replacing what is there; also nothing.

        The file object, async or not, is left open. The ``progress_callback`` is called with the number of bytes taken
        so far. An error that it raises ends the upload. After an error nothing is visible.
        """
        check_arguments(progress_callback=progress_callback)
        async with aopen(self.path(path), "wb", session=self.session, **options) as writer:
            await upload_with_progress(writer, file_object, progress_callback)
        return writer.result

    async def download(
        self: StorageBase,
        path: str,
        file_object: Writable,
        *,
        progress_callback: Callable[[int], object] | None = None,
    ) -> int:
        """Write a file into a binary file object, async or not, and return its size in bytes.

        All bytes are of one version. ``progress_callback`` is called with the number of bytes written so far. After an
        error ``file_object`` has a part of them.
        """
        check_arguments(progress_callback=progress_callback)
        check_writable("file_object", file_object)
        async with aopen(self.path(path), session=self.session) as reader:
            return await copy_with_progress(reader, file_object, progress_callback)

    async def link_to(
        self: StorageBase,
        path: str,
        operation: LinkOperation,
        expire: datetime | timedelta | int,
        output_path: str | None = None,
        content_type: str | None = None,
        *,
        content_encoding: str | None = None,
    ) -> str:
        """Return a URL with which anybody may ``download``, ``upload`` or ``remove`` a file; costs no request.

        It is good until ``expire``, a moment with a time zone, or for that time or number of seconds: seven days at
        most. A download is saved under ``output_path``, and responded with ``content_type`` and ``content_encoding``;
        an upload has to be sent with them, where they are given.

        Raises ConfigError for another operation or time, and for a header that the operation has not.
        """
        check_arguments(operation=operation, expire=expire, output_path=output_path)
        check_arguments(content_type=content_type, content_encoding=content_encoding)
        method = method_of(operation)
        parameters = parameters_of(operation, output_path, content_type, content_encoding)
        return await presign(self.path(path), seconds_until(expire, now()), method, parameters, session=self.session)


async def _reader(opening: Opening[AsyncPrefetchReader]) -> AsyncStorageReader:
    return AsyncStorageReader(await opening)


async def _writer(opening: Opening[AsyncMultipartWriter], name: str) -> AsyncStorageWriter:
    return AsyncStorageWriter(opening, name)


def check_mode(mode: str) -> str:
    """Return the mode of :func:`aios3.aopen` for one of a storage; raise ConfigError for another one."""
    if mode in ("r", "rb"):
        return "rb"
    if mode in ("w", "wb"):
        return "wb"
    message = f"Mode {mode!r}: a file of a storage is opened with 'r' or 'w', and holds bytes"
    raise ConfigError(message)
