# Written by tools/make_sync.py from the signatures of aios3. Do not edit.
"""aios3 for programs that are not asynchronous: the same functions without ``await``, and ``open`` for ``aopen``.

Each function is described in full at its twin in :mod:`aios3`. They run on one background event loop, which the first
call starts. They may be called from any thread, in a notebook where a loop runs already, and after a fork; Ctrl-C
cancels the transfer itself. ``session`` is a :class:`Session` of this module, or an :class:`aios3.Session` that no
other loop uses; without one, all calls share a default session.
"""

# ruff: noqa: A004, E501, PLR0913 - open is meant to take the name of builtins.open; the rest is the twins'
from __future__ import annotations

from typing import TYPE_CHECKING

import aios3 as _aios3
from aios3 import (
    SEEK_CUR,
    SEEK_END,
    SEEK_SET,
    Access,
    AccessDeniedError,
    AnyPath,
    BucketNotFoundError,
    ChecksumMismatchError,
    ClosedHandleError,
    Config,
    ConfigError,
    ConnectionFailedError,
    Credentials,
    CredentialsError,
    CredentialSource,
    FileChangedError,
    FileEntry,
    InvalidPathError,
    InvalidRangeError,
    LimitedOptions,
    LocalPath,
    NoCredentialsError,
    NotALinkError,
    ObjectChangedError,
    ObjectExistsError,
    ObjectNotFoundError,
    OpenOptions,
    OpenUpload,
    OperationStats,
    PartialFailureError,
    PathIsDirectoryError,
    PathNotDirectoryError,
    PipeReaderOptions,
    PipeWriterOptions,
    PresignedPost,
    Progress,
    PureS3Path,
    ReaderOptions,
    ReadOutcome,
    RequestError,
    RequestEvent,
    RequestHook,
    RequestTimeoutError,
    S3Error,
    S3Url,
    ServerError,
    SessionStats,
    SharedOptions,
    StatOutcome,
    StatResult,
    ThrottledError,
    TLSError,
    TransferAction,
    TransferResult,
    TransferState,
    TruncatedBodyError,
    UnsafeNameError,
    UnsupportedError,
    WholeOptions,
    WriteOutcome,
    WriteResult,
    WriterOptions,
    WrongLoopError,
    is_s3,
    path_join,
)
from aios3.sync import _bridge
from aios3.sync._clients import get_s3_client
from aios3.sync._context import SyncContext
from aios3.sync._context import enter as _enter
from aios3.sync._files import open
from aios3.sync._files import open as _open
from aios3.sync._iterator import SyncIterator
from aios3.sync._iterator import iterate as _iterate
from aios3.sync._layers import ObjectFile, ObjectReader, ObjectWriter, TextReader, TextWriter
from aios3.sync._raw import RawReader, RawWriter
from aios3.sync._session import Session

if TYPE_CHECKING:
    import io
    import os
    from collections.abc import AsyncIterable, Callable, Iterable, Mapping, Sequence
    from datetime import timedelta
    from typing import Literal, Self, Unpack

    from typing_extensions import Buffer

    from aios3._bulk import OnError, WriteItem
    from aios3._handles.pump import Readable
    from aios3._objects.presigning import PresignMethod

__all__ = [
    "SEEK_CUR",
    "SEEK_END",
    "SEEK_SET",
    "Access",
    "AccessDeniedError",
    "AnyPath",
    "BucketNotFoundError",
    "ChecksumMismatchError",
    "ClosedHandleError",
    "Config",
    "ConfigError",
    "ConnectionFailedError",
    "CredentialSource",
    "Credentials",
    "CredentialsError",
    "FileChangedError",
    "FileEntry",
    "InvalidPathError",
    "InvalidRangeError",
    "LimitedOptions",
    "LocalPath",
    "NoCredentialsError",
    "NotALinkError",
    "ObjectChangedError",
    "ObjectExistsError",
    "ObjectFile",
    "ObjectNotFoundError",
    "ObjectReader",
    "ObjectWriter",
    "OpenOptions",
    "OpenUpload",
    "OperationStats",
    "PartialFailureError",
    "PathIsDirectoryError",
    "PathNotDirectoryError",
    "PipeReaderOptions",
    "PipeWriterOptions",
    "PresignedPost",
    "Progress",
    "PureS3Path",
    "RawReader",
    "RawWriter",
    "ReadOutcome",
    "ReaderOptions",
    "RequestError",
    "RequestEvent",
    "RequestHook",
    "RequestTimeoutError",
    "S3Error",
    "S3Path",
    "S3Url",
    "ServerError",
    "Session",
    "SessionStats",
    "SharedOptions",
    "StatOutcome",
    "StatResult",
    "SyncContext",
    "SyncIterator",
    "TLSError",
    "TextReader",
    "TextWriter",
    "ThrottledError",
    "TransferAction",
    "TransferResult",
    "TransferState",
    "TruncatedBodyError",
    "UnsafeNameError",
    "UnsupportedError",
    "WholeOptions",
    "WriteOutcome",
    "WriteResult",
    "WriterOptions",
    "WrongLoopError",
    "abort_uploads",
    "access",
    "cached_path",
    "concat",
    "copy",
    "download",
    "exists",
    "get_endpoint_url",
    "get_s3_client",
    "getmd5",
    "getmtime",
    "getsize",
    "glob",
    "glob_stat",
    "hasbucket",
    "is_s3",
    "isdir",
    "isfile",
    "islink",
    "listdir",
    "load_content",
    "load_from",
    "lstat",
    "makedirs",
    "move",
    "open",
    "path_join",
    "presign",
    "presign_post",
    "read_bytes",
    "read_many",
    "read_text",
    "readlink",
    "realpath",
    "remove",
    "rename",
    "save_as",
    "scan",
    "scan_stat",
    "scandir",
    "stat",
    "stat_many",
    "symlink",
    "sync_tree",
    "touch",
    "unlink",
    "upload",
    "walk",
    "write_bytes",
    "write_many",
    "write_text",
]


def cached_path(
    path: AnyPath,
    mode: Literal["r", "w", "a"] = "r",
    cache_path: str | os.PathLike[str] | None = None,
    *,
    session: _aios3.Session | None = None,
    **options: Unpack[WriterOptions],
) -> SyncContext[str]:
    """Have a local file in the place of an object, for programs that insist on a path."""
    return _enter(_aios3.cached_path, path, mode, cache_path, session=session, **options)


def access(
    path: AnyPath, mode: Access = Access.READ, followlinks: bool = False, *, session: _aios3.Session | None = None
) -> bool:
    """Tell whether this path is there and may be read, or whether an object may be written there."""
    return _bridge.call(_aios3.access, path, mode, followlinks, session=session)


def exists(path: AnyPath, followlinks: bool = False, *, session: _aios3.Session | None = None) -> bool:
    """Tell whether there is an object or a directory; with ``followlinks``, whether a link leads to an object."""
    return _bridge.call(_aios3.exists, path, followlinks, session=session)


def getmtime(path: AnyPath, follow_symlinks: bool = False, *, session: _aios3.Session | None = None) -> float:
    """Return when an object was written, or the latest one below a directory, in seconds since the epoch."""
    return _bridge.call(_aios3.getmtime, path, follow_symlinks, session=session)


def getsize(path: AnyPath, follow_symlinks: bool = False, *, session: _aios3.Session | None = None) -> int:
    """Return the size of an object, or of everything below a directory, in bytes; raise like :func:`stat`."""
    return _bridge.call(_aios3.getsize, path, follow_symlinks, session=session)


def glob(
    path: AnyPath,
    recursive: bool = True,
    missing_ok: bool = True,
    followlinks: bool = False,
    *,
    parallel: bool = True,
    session: _aios3.Session | None = None,
) -> SyncIterator[str]:
    """Yield the paths of the objects and directories that match a pattern, in key order."""
    return _iterate(_aios3.glob, path, recursive, missing_ok, followlinks, parallel=parallel, session=session)


def glob_stat(
    path: AnyPath,
    recursive: bool = True,
    missing_ok: bool = True,
    followlinks: bool = False,
    *,
    parallel: bool = True,
    session: _aios3.Session | None = None,
) -> SyncIterator[FileEntry]:
    """Yield like :func:`glob`, with what a listing knows of each match."""
    return _iterate(_aios3.glob_stat, path, recursive, missing_ok, followlinks, parallel=parallel, session=session)


def hasbucket(path: AnyPath, *, session: _aios3.Session | None = None) -> bool:
    """Tell whether the bucket of this path exists."""
    return _bridge.call(_aios3.hasbucket, path, session=session)


def isdir(path: AnyPath, followlinks: bool = False, *, session: _aios3.Session | None = None) -> bool:
    """Tell whether anything is stored below this path; a bucket, also an empty one, and ``s3://`` are directories."""
    return _bridge.call(_aios3.isdir, path, followlinks, session=session)


def isfile(path: AnyPath, followlinks: bool = False, *, session: _aios3.Session | None = None) -> bool:
    """Tell whether there is an object; with ``followlinks``, whether a link leads to one. Never for ``.../``."""
    return _bridge.call(_aios3.isfile, path, followlinks, session=session)


def listdir(path: AnyPath, followlinks: bool = False, *, session: _aios3.Session | None = None) -> list[str]:
    """Return the names in a directory, sorted; a file and a directory of the same name are two. ``s3://``: buckets."""
    return _bridge.call(_aios3.listdir, path, followlinks, session=session)


def lstat(path: AnyPath, *, session: _aios3.Session | None = None) -> StatResult:
    """Describe like :func:`stat`, but a symbolic link by itself."""
    return _bridge.call(_aios3.lstat, path, session=session)


def scan(
    path: AnyPath,
    missing_ok: bool = True,
    followlinks: bool = False,
    *,
    parallel: bool = True,
    session: _aios3.Session | None = None,
) -> SyncIterator[str]:
    """Yield the path of every object below this one, in key order; first an object at this very path."""
    return _iterate(_aios3.scan, path, missing_ok, followlinks, parallel=parallel, session=session)


def scan_stat(
    path: AnyPath,
    missing_ok: bool = True,
    followlinks: bool = False,
    *,
    parallel: bool = True,
    session: _aios3.Session | None = None,
) -> SyncIterator[FileEntry]:
    """Yield like :func:`scan`, with what a listing knows of each object; with ``followlinks``, of a link's target."""
    return _iterate(_aios3.scan_stat, path, missing_ok, followlinks, parallel=parallel, session=session)


def scandir(
    path: AnyPath, followlinks: bool = False, *, session: _aios3.Session | None = None
) -> SyncIterator[FileEntry]:
    """Yield the entries of a directory in key order; ``s3://``: the buckets."""
    return _iterate(_aios3.scandir, path, followlinks, session=session)


def stat(path: AnyPath, follow_symlinks: bool = True, *, session: _aios3.Session | None = None) -> StatResult:
    """Describe an object, or a directory by the sum of its sizes and the latest of its times."""
    return _bridge.call(_aios3.stat, path, follow_symlinks, session=session)


def walk(
    path: AnyPath, followlinks: bool = False, *, parallel: bool = True, session: _aios3.Session | None = None
) -> SyncIterator[tuple[str, list[str], list[str]]]:
    """Yield ``(root, dirs, files)`` for a directory and every directory below it, from the top down."""
    return _iterate(_aios3.walk, path, followlinks, parallel=parallel, session=session)


def copy(
    source: AnyPath,
    target: AnyPath,
    callback: Callable[[int], None] | None = None,
    followlinks: bool = False,
    overwrite: bool = True,
    *,
    multipart_threshold: int | None = None,
    target_session: _aios3.Session | None = None,
    session: _aios3.Session | None = None,
) -> WriteResult:
    """Copy an object inside S3, with its metadata, tags and storage class, replacing what is at ``target``."""
    return _bridge.call(
        _aios3.copy,
        source,
        target,
        callback,
        followlinks,
        overwrite,
        multipart_threshold=multipart_threshold,
        target_session=target_session,
        session=session,
    )


def getmd5(
    path: AnyPath, recalculate: bool = False, followlinks: bool = False, *, session: _aios3.Session | None = None
) -> str:
    """Return the ETag of an object, or with ``recalculate`` the MD5 of its bytes, in hex."""
    return _bridge.call(_aios3.getmd5, path, recalculate, followlinks, session=session)


def islink(path: AnyPath, *, session: _aios3.Session | None = None) -> bool:
    """Tell whether there is a symbolic link, wherever it leads. Costs a HEAD."""
    return _bridge.call(_aios3.islink, path, session=session)


def load_content(
    path: AnyPath,
    start: int | None = None,
    stop: int | None = None,
    followlinks: bool = False,
    *,
    session: _aios3.Session | None = None,
) -> bytes:
    """Read like :func:`read_bytes`; with ``followlinks``, what a symbolic link leads to."""
    return _bridge.call(_aios3.load_content, path, start, stop, followlinks, session=session)


def load_from(path: AnyPath, followlinks: bool = False, *, session: _aios3.Session | None = None) -> io.BytesIO:
    """Read a whole object into an :class:`io.BytesIO`, which is the caller's to close."""
    return _bridge.call(_aios3.load_from, path, followlinks, session=session)


def makedirs(path: AnyPath, exist_ok: bool = False, *, session: _aios3.Session | None = None) -> None:
    """Check that objects can be written below ``path``; nothing is created, because S3 has no directories."""
    return _bridge.call(_aios3.makedirs, path, exist_ok, session=session)


def presign(
    path: AnyPath,
    expires_in: int = 3600,
    method: PresignMethod = "GET",
    parameters: Mapping[str, str] | None = None,
    *,
    session: _aios3.Session | None = None,
) -> str:
    """Return a URL with which anybody can make one kind of request on one object for ``expires_in`` seconds."""
    return _bridge.call(_aios3.presign, path, expires_in, method, parameters, session=session)


def presign_post(
    path: AnyPath,
    expires_in: int = 3600,
    fields: Mapping[str, str] | None = None,
    conditions: Sequence[Mapping[str, str] | Sequence[str | int]] = (),
    *,
    session: _aios3.Session | None = None,
) -> PresignedPost:
    """Return a form with which anybody can upload one object for ``expires_in`` seconds, from a browser for example."""
    return _bridge.call(_aios3.presign_post, path, expires_in, fields, conditions, session=session)


def read_bytes(
    path: AnyPath, start: int | None = None, stop: int | None = None, *, session: _aios3.Session | None = None
) -> bytes:
    """Read an object, or the bytes ``[start, stop)`` of it; negative bounds count from its end, as in a slice."""
    return _bridge.call(_aios3.read_bytes, path, start, stop, session=session)


def read_text(
    path: AnyPath, encoding: str = "utf-8", errors: str = "strict", *, session: _aios3.Session | None = None
) -> str:
    """Read an object as text, with universal newlines, as :meth:`pathlib.Path.read_text` does."""
    return _bridge.call(_aios3.read_text, path, encoding, errors, session=session)


def readlink(path: AnyPath, *, session: _aios3.Session | None = None) -> str:
    """Return the path that a symbolic link names. Costs a HEAD."""
    return _bridge.call(_aios3.readlink, path, session=session)


def realpath(path: AnyPath, *, session: _aios3.Session | None = None) -> str:
    """Return the path of the object that links lead to, and the path itself of an object that is no link."""
    return _bridge.call(_aios3.realpath, path, session=session)


def save_as(
    file_object: Readable, path: AnyPath, *, session: _aios3.Session | None = None, **options: Unpack[WriterOptions]
) -> WriteResult:
    """Write what is left in a binary file object as an object, replacing what is there; the file is left open."""
    return _bridge.call(_aios3.save_as, file_object, path, session=session, **options)


def symlink(source: AnyPath, link: AnyPath, overwrite: bool = True, *, session: _aios3.Session | None = None) -> None:
    """Make ``link`` a symbolic link to the object ``source``, replacing what is there unless ``overwrite`` is False."""
    return _bridge.call(_aios3.symlink, source, link, overwrite, session=session)


def touch(path: AnyPath, exist_ok: bool = True, *, session: _aios3.Session | None = None) -> None:
    """Create an empty object if there is none; one that is there is left alone."""
    return _bridge.call(_aios3.touch, path, exist_ok, session=session)


def unlink(path: AnyPath, missing_ok: bool = False, *, session: _aios3.Session | None = None) -> None:
    """Remove one object, or a symbolic link itself; never a directory. Costs a HEAD and a DELETE."""
    return _bridge.call(_aios3.unlink, path, missing_ok, session=session)


def write_bytes(
    path: AnyPath, data: Buffer, *, session: _aios3.Session | None = None, **options: Unpack[WriterOptions]
) -> WriteResult:
    """Write ``data`` as an object, replacing what is there; the options are those of :func:`aios3.aopen`."""
    return _bridge.call(_aios3.write_bytes, path, data, session=session, **options)


def write_text(
    path: AnyPath,
    text: str,
    encoding: str = "utf-8",
    errors: str = "strict",
    *,
    session: _aios3.Session | None = None,
    **options: Unpack[WriterOptions],
) -> WriteResult:
    """Write ``text`` as an object, replacing what is there; the options are those of :func:`aios3.aopen`."""
    return _bridge.call(_aios3.write_text, path, text, encoding, errors, session=session, **options)


def abort_uploads(
    path: AnyPath, older_than: timedelta | float, *, session: _aios3.Session | None = None
) -> list[OpenUpload]:
    """Abort the unfinished multipart uploads of an object, a directory or a bucket, and return them."""
    return _bridge.call(_aios3.abort_uploads, path, older_than, session=session)


def concat(
    src_paths: Iterable[AnyPath],
    dst_path: AnyPath,
    block_size: int = 8 * 1024 * 1024,
    max_workers: int | None = None,
    *,
    session: _aios3.Session | None = None,
) -> WriteResult:
    """Write the bytes of all sources, in their order, as one object, which appears as a whole or not at all."""
    return _bridge.call(_aios3.concat, src_paths, dst_path, block_size, max_workers, session=session)


def download(
    src: AnyPath,
    dst: LocalPath,
    callback: Callable[[int], object] | None = None,
    followlinks: bool = False,
    overwrite: bool = True,
    *,
    resume: bool = False,
    progress: Progress | None = None,
    session: _aios3.Session | None = None,
) -> TransferResult:
    """Download an object as a local file, or everything below a path into a local directory."""
    return _bridge.call(
        _aios3.download, src, dst, callback, followlinks, overwrite, resume=resume, progress=progress, session=session
    )


def move(src: AnyPath, dst: AnyPath, overwrite: bool = True, *, session: _aios3.Session | None = None) -> None:
    """Move an object, or a directory with everything below it, to another place in S3."""
    return _bridge.call(_aios3.move, src, dst, overwrite, session=session)


def read_many(
    paths: Iterable[AnyPath] | AsyncIterable[AnyPath],
    *,
    ordered: bool = False,
    on_error: OnError = "raise",
    concurrency: int | None = None,
    session: _aios3.Session | None = None,
) -> SyncIterator[ReadOutcome]:
    """Read many objects at once; yield a :class:`ReadOutcome` for each as it is ready, or in order if ``ordered``."""
    return _iterate(
        _aios3.read_many, paths, ordered=ordered, on_error=on_error, concurrency=concurrency, session=session
    )


def remove(path: AnyPath, missing_ok: bool = False, *, session: _aios3.Session | None = None) -> None:
    """Remove an object, or a directory with everything below it."""
    return _bridge.call(_aios3.remove, path, missing_ok, session=session)


def rename(src: AnyPath, dst: AnyPath, overwrite: bool = True, *, session: _aios3.Session | None = None) -> None:
    """Move an object or a directory; another name for :func:`move`."""
    return _bridge.call(_aios3.rename, src, dst, overwrite, session=session)


def stat_many(
    paths: Iterable[AnyPath] | AsyncIterable[AnyPath],
    *,
    ordered: bool = False,
    on_error: OnError = "raise",
    concurrency: int | None = None,
    session: _aios3.Session | None = None,
) -> SyncIterator[StatOutcome]:
    """Describe many paths at once; yield a :class:`StatOutcome` for each as it is known, or in order if ``ordered``."""
    return _iterate(
        _aios3.stat_many, paths, ordered=ordered, on_error=on_error, concurrency=concurrency, session=session
    )


def sync_tree(
    src: AnyPath | LocalPath,
    dst: AnyPath | LocalPath,
    followlinks: bool = False,
    force: bool = False,
    overwrite: bool = True,
    *,
    checksum: bool = False,
    delete: bool = False,
    dry_run: bool = False,
    include: Sequence[str] = (),
    exclude: Sequence[str] = (),
    callback: Callable[[int], object] | None = None,
    progress: Progress | None = None,
    session: _aios3.Session | None = None,
) -> TransferResult:
    """Copy what is new or different at ``src``, a file or a tree, to ``dst``; one side or both are in S3."""
    return _bridge.call(
        _aios3.sync_tree,
        src,
        dst,
        followlinks,
        force,
        overwrite,
        checksum=checksum,
        delete=delete,
        dry_run=dry_run,
        include=include,
        exclude=exclude,
        callback=callback,
        progress=progress,
        session=session,
    )


def upload(
    src: LocalPath,
    dst: AnyPath,
    callback: Callable[[int], object] | None = None,
    followlinks: bool = False,
    overwrite: bool = True,
    *,
    resume: bool = False,
    progress: Progress | None = None,
    session: _aios3.Session | None = None,
) -> TransferResult:
    """Upload a local file as an object, or a local directory with everything below it."""
    return _bridge.call(
        _aios3.upload, src, dst, callback, followlinks, overwrite, resume=resume, progress=progress, session=session
    )


def write_many(
    items: Iterable[WriteItem] | AsyncIterable[WriteItem],
    *,
    ordered: bool = False,
    on_error: OnError = "raise",
    concurrency: int | None = None,
    session: _aios3.Session | None = None,
    **options: Unpack[WriterOptions],
) -> SyncIterator[WriteOutcome]:
    """Write many objects at once; yield a :class:`WriteOutcome` for each as it is done, or in order if ``ordered``."""
    return _iterate(
        _aios3.write_many,
        items,
        ordered=ordered,
        on_error=on_error,
        concurrency=concurrency,
        session=session,
        **options,
    )


def get_endpoint_url(profile: str | None = None, *, session: _aios3.Session | None = None) -> str:
    """Return the address that requests go to, of the session's settings or those of a profile of ``~/.aws``."""
    return _bridge.call(_aios3.get_endpoint_url, profile, session=session)


class S3Path(PureS3Path):
    """A path of S3 with pathlib's methods: ``path.read_bytes()``, ``path / "name"``."""

    __slots__ = ()
    open = _open

    def access(
        self, mode: Access = Access.READ, followlinks: bool = False, *, session: _aios3.Session | None = None
    ) -> bool:
        """Tell whether this path is there and may be read, or whether an object may be written there."""
        return access(self, mode, followlinks, session=session)

    def copy(
        self,
        target: AnyPath,
        callback: Callable[[int], None] | None = None,
        followlinks: bool = False,
        overwrite: bool = True,
        *,
        multipart_threshold: int | None = None,
        target_session: _aios3.Session | None = None,
        session: _aios3.Session | None = None,
    ) -> WriteResult:
        """Copy an object inside S3, with its metadata, tags and storage class, replacing what is at ``target``."""
        return copy(
            self,
            target,
            callback,
            followlinks,
            overwrite,
            multipart_threshold=multipart_threshold,
            target_session=target_session,
            session=session,
        )

    def exists(self, followlinks: bool = False, *, session: _aios3.Session | None = None) -> bool:
        """Tell whether there is an object or a directory; with ``followlinks``, whether a link leads to an object."""
        return exists(self, followlinks, session=session)

    def getmd5(
        self, recalculate: bool = False, followlinks: bool = False, *, session: _aios3.Session | None = None
    ) -> str:
        """Return the ETag of an object, or with ``recalculate`` the MD5 of its bytes, in hex."""
        return getmd5(self, recalculate, followlinks, session=session)

    def is_dir(self, followlinks: bool = False, *, session: _aios3.Session | None = None) -> bool:
        """Tell whether anything is stored below this path; a bucket, also an empty one, and ``s3://`` are directories."""
        return isdir(self, followlinks, session=session)

    def is_file(self, followlinks: bool = False, *, session: _aios3.Session | None = None) -> bool:
        """Tell whether there is an object; with ``followlinks``, whether a link leads to one. Never for ``.../``."""
        return isfile(self, followlinks, session=session)

    def is_symlink(self, *, session: _aios3.Session | None = None) -> bool:
        """Tell whether there is a symbolic link, wherever it leads. Costs a HEAD."""
        return islink(self, session=session)

    def lstat(self, *, session: _aios3.Session | None = None) -> StatResult:
        """Describe like :func:`stat`, but a symbolic link by itself."""
        return lstat(self, session=session)

    def mkdir(self, exist_ok: bool = False, *, session: _aios3.Session | None = None) -> None:
        """Check that objects can be written below ``path``; nothing is created, because S3 has no directories."""
        return makedirs(self, exist_ok, session=session)

    def presign(
        self,
        expires_in: int = 3600,
        method: PresignMethod = "GET",
        parameters: Mapping[str, str] | None = None,
        *,
        session: _aios3.Session | None = None,
    ) -> str:
        """Return a URL with which anybody can make one kind of request on one object for ``expires_in`` seconds."""
        return presign(self, expires_in, method, parameters, session=session)

    def read_bytes(
        self, start: int | None = None, stop: int | None = None, *, session: _aios3.Session | None = None
    ) -> bytes:
        """Read an object, or the bytes ``[start, stop)`` of it; negative bounds count from its end, as in a slice."""
        return read_bytes(self, start, stop, session=session)

    def read_text(
        self, encoding: str = "utf-8", errors: str = "strict", *, session: _aios3.Session | None = None
    ) -> str:
        """Read an object as text, with universal newlines, as :meth:`pathlib.Path.read_text` does."""
        return read_text(self, encoding, errors, session=session)

    def stat(self, follow_symlinks: bool = True, *, session: _aios3.Session | None = None) -> StatResult:
        """Describe an object, or a directory by the sum of its sizes and the latest of its times."""
        return stat(self, follow_symlinks, session=session)

    def touch(self, exist_ok: bool = True, *, session: _aios3.Session | None = None) -> None:
        """Create an empty object if there is none; one that is there is left alone."""
        return touch(self, exist_ok, session=session)

    def unlink(self, missing_ok: bool = False, *, session: _aios3.Session | None = None) -> None:
        """Remove one object, or a symbolic link itself; never a directory. Costs a HEAD and a DELETE."""
        return unlink(self, missing_ok, session=session)

    def write_bytes(
        self, data: Buffer, *, session: _aios3.Session | None = None, **options: Unpack[WriterOptions]
    ) -> WriteResult:
        """Write ``data`` as an object, replacing what is there; the options are those of :func:`aios3.aopen`."""
        return write_bytes(self, data, session=session, **options)

    def write_text(
        self,
        text: str,
        encoding: str = "utf-8",
        errors: str = "strict",
        *,
        session: _aios3.Session | None = None,
        **options: Unpack[WriterOptions],
    ) -> WriteResult:
        """Write ``text`` as an object, replacing what is there; the options are those of :func:`aios3.aopen`."""
        return write_text(self, text, encoding, errors, session=session, **options)

    def iterdir(self, *, session: _aios3.Session | None = None) -> SyncIterator[Self]:
        """Yield the paths in this directory, in key order; raise like :func:`aios3.scandir`."""
        return _iterate(_aios3.S3Path.iterdir, self, session=session)

    def glob(self, pattern: str, *, session: _aios3.Session | None = None) -> SyncIterator[Self]:
        """Yield the paths below this one that match ``pattern``, in key order; see :func:`aios3.glob`."""
        return _iterate(_aios3.S3Path.glob, self, pattern, session=session)

    def rglob(self, pattern: str, *, session: _aios3.Session | None = None) -> SyncIterator[Self]:
        """Yield like :meth:`glob`, from any directory below this one."""
        return _iterate(_aios3.S3Path.rglob, self, pattern, session=session)

    def walk(self, *, session: _aios3.Session | None = None) -> SyncIterator[tuple[Self, list[str], list[str]]]:
        """Yield ``(directory, names of directories, names of files)`` from the top down; see :func:`aios3.walk`."""
        return _iterate(_aios3.S3Path.walk, self, session=session)

    def rename(self, target: AnyPath, overwrite: bool = True, *, session: _aios3.Session | None = None) -> Self:
        """Move this to ``target`` and return the new path; see :func:`aios3.rename`."""
        return _bridge.call(_aios3.S3Path.rename, self, target, overwrite, session=session)

    def replace(self, target: AnyPath, *, session: _aios3.Session | None = None) -> Self:
        """Move this to ``target``, replacing what is there, and return the new path."""
        return _bridge.call(_aios3.S3Path.replace, self, target, session=session)

    def symlink_to(self, target: AnyPath, *, session: _aios3.Session | None = None) -> None:
        """Make this a symbolic link to ``target``; raise ObjectExistsError if something is here already."""
        return _bridge.call(_aios3.S3Path.symlink_to, self, target, session=session)

    def readlink(self, *, session: _aios3.Session | None = None) -> Self:
        """Return the path that this symbolic link names; raise like :func:`aios3.readlink`."""
        return _bridge.call(_aios3.S3Path.readlink, self, session=session)

    def resolve(self, *, session: _aios3.Session | None = None) -> Self:
        """Return the path that symbolic links lead to; raise like :func:`aios3.realpath`."""
        return _bridge.call(_aios3.S3Path.resolve, self, session=session)
