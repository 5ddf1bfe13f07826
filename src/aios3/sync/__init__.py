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
    BucketDescription,
    BucketExistsError,
    BucketNotEmptyError,
    BucketNotFoundError,
    ChecksumMismatchError,
    ClosedHandleError,
    Config,
    ConfigError,
    ConnectionFailedError,
    CorsRule,
    Credentials,
    CredentialsError,
    CredentialSource,
    FileChangedError,
    FileEntry,
    InvalidPathError,
    InvalidRangeError,
    LimitedOptions,
    ListEntry,
    LocalPath,
    NoCredentialsError,
    NotALinkError,
    ObjectChangedError,
    ObjectExistsError,
    ObjectNotFoundError,
    ObjectVersion,
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
    RemoveOutcome,
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
    UnknownEncodingError,
    UnsafeNameError,
    UnsupportedError,
    UploadOptions,
    WholeOptions,
    WriteOutcome,
    WriteResult,
    WriterOptions,
    WrongLoopError,
    WrongTypeError,
    ZipArchiveError,
    ZipLimits,
    is_s3,
    path_join,
)
from aios3._buckets.bucket import BucketBase
from aios3._buckets.bucket import list_buckets as _list_buckets
from aios3._buckets.objects import ObjectBase
from aios3._storage.storage import StorageBase
from aios3._storage.volume import VolumeBase
from aios3._storage.volume_files import VolumeFileBase
from aios3.sync import _loop_thread
from aios3.sync._clients import get_s3_client
from aios3.sync._context import SyncContext
from aios3.sync._context import enter as _enter
from aios3.sync._context import enter_as as _enter_as
from aios3.sync._files import open
from aios3.sync._files import open as _open
from aios3.sync._files import open_member as _open_member
from aios3.sync._files import stream as _stream
from aios3.sync._iterator import SyncIterator
from aios3.sync._iterator import iterate as _iterate
from aios3.sync._layers import ObjectFile, ObjectReader, ObjectWriter, TextReader, TextWriter
from aios3.sync._raw import RawWriter
from aios3.sync._raw_reader import RawReader
from aios3.sync._session import Session
from aios3.sync._storage import StorageReader, StorageWriter
from aios3.sync._storage import open_file as _open_file
from aios3.sync._storage import open_stored as _open_stored

if TYPE_CHECKING:
    import io
    import os
    from collections.abc import AsyncIterable, Callable, Collection, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime, timedelta
    from typing import Literal, Self, Unpack
    from zipfile import ZipInfo

    from typing_extensions import Buffer

    from aios3._buckets.settings import Versioning
    from aios3._bulk import OnError, WriteItem
    from aios3._handles.copy_from import Readable, Source
    from aios3._handles.copy_to import Writable
    from aios3._handles.options import PlainWriterOptions
    from aios3._objects.presigning import PresignMethod
    from aios3._storage.presigned_links import LinkOperation
    from aios3._storage.volume import Openable
    from aios3._trees.file_attributes import Attribute
    from aios3._trees.transfer_counters import OnAction
    from aios3._zip.writing import Compression

__all__ = [
    "SEEK_CUR",
    "SEEK_END",
    "SEEK_SET",
    "Access",
    "AccessDeniedError",
    "AnyPath",
    "Bucket",
    "BucketDescription",
    "BucketExistsError",
    "BucketNotEmptyError",
    "BucketNotFoundError",
    "ChecksumMismatchError",
    "ClosedHandleError",
    "Config",
    "ConfigError",
    "ConnectionFailedError",
    "CorsRule",
    "CredentialSource",
    "Credentials",
    "CredentialsError",
    "FileChangedError",
    "FileEntry",
    "InvalidPathError",
    "InvalidRangeError",
    "LimitedOptions",
    "ListEntry",
    "LocalPath",
    "NoCredentialsError",
    "NotALinkError",
    "ObjectChangedError",
    "ObjectExistsError",
    "ObjectFile",
    "ObjectNotFoundError",
    "ObjectReader",
    "ObjectVersion",
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
    "RemoveOutcome",
    "RequestError",
    "RequestEvent",
    "RequestHook",
    "RequestTimeoutError",
    "S3Error",
    "S3Object",
    "S3Path",
    "S3Url",
    "ServerError",
    "Session",
    "SessionStats",
    "SharedOptions",
    "StatOutcome",
    "StatResult",
    "Storage",
    "StorageReader",
    "StorageWriter",
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
    "UnknownEncodingError",
    "UnsafeNameError",
    "UnsupportedError",
    "UploadOptions",
    "Volume",
    "VolumeFile",
    "WholeOptions",
    "WriteOutcome",
    "WriteResult",
    "WriterOptions",
    "WrongLoopError",
    "WrongTypeError",
    "ZipArchive",
    "ZipArchiveError",
    "ZipLimits",
    "ZipWriter",
    "abort_uploads",
    "access",
    "cached_path",
    "concat",
    "copy",
    "create_zip",
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
    "open_zip",
    "path_join",
    "presign",
    "presign_post",
    "read_bytes",
    "read_many",
    "read_text",
    "readlink",
    "realpath",
    "remove",
    "remove_many",
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
    """Return whether this path is there and may be read, or whether an object may be written there."""
    return _loop_thread.call(_aios3.access, path, mode, followlinks, session=session)


def exists(path: AnyPath, followlinks: bool = False, *, session: _aios3.Session | None = None) -> bool:
    """Return whether there is an object or a directory; with ``followlinks``, whether a link leads to an object."""
    return _loop_thread.call(_aios3.exists, path, followlinks, session=session)


def getmtime(path: AnyPath, follow_symlinks: bool = False, *, session: _aios3.Session | None = None) -> float:
    """Return when an object was written, or the latest one below a directory, in seconds since the epoch."""
    return _loop_thread.call(_aios3.getmtime, path, follow_symlinks, session=session)


def getsize(path: AnyPath, follow_symlinks: bool = False, *, session: _aios3.Session | None = None) -> int:
    """Return the size of an object, or of everything below a directory, in bytes; raise like :func:`stat`."""
    return _loop_thread.call(_aios3.getsize, path, follow_symlinks, session=session)


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
    """Return whether the bucket of this path exists."""
    return _loop_thread.call(_aios3.hasbucket, path, session=session)


def isdir(path: AnyPath, followlinks: bool = False, *, session: _aios3.Session | None = None) -> bool:
    """Return whether anything is stored below this path; a bucket, also an empty one, and ``s3://`` are directories."""
    return _loop_thread.call(_aios3.isdir, path, followlinks, session=session)


def isfile(path: AnyPath, followlinks: bool = False, *, session: _aios3.Session | None = None) -> bool:
    """Return whether there is an object; with ``followlinks``, whether a link leads to one. Never for ``.../``."""
    return _loop_thread.call(_aios3.isfile, path, followlinks, session=session)


def listdir(path: AnyPath, followlinks: bool = False, *, session: _aios3.Session | None = None) -> list[str]:
    """Return the names in a directory, sorted; a file and a directory of the same name are two. ``s3://``: buckets."""
    return _loop_thread.call(_aios3.listdir, path, followlinks, session=session)


def lstat(path: AnyPath, *, session: _aios3.Session | None = None) -> StatResult:
    """Describe like :func:`stat`, but a symbolic link by itself."""
    return _loop_thread.call(_aios3.lstat, path, session=session)


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
    return _loop_thread.call(_aios3.stat, path, follow_symlinks, session=session)


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
    if_match: str | None = None,
    multipart_threshold: int | None = None,
    target_session: _aios3.Session | None = None,
    session: _aios3.Session | None = None,
) -> WriteResult:
    """Copy an object inside S3, with its metadata, tags and storage class, replacing what is at ``target``."""
    return _loop_thread.call(
        _aios3.copy,
        source,
        target,
        callback,
        followlinks,
        overwrite,
        if_match=if_match,
        multipart_threshold=multipart_threshold,
        target_session=target_session,
        session=session,
    )


def getmd5(
    path: AnyPath, recalculate: bool = False, followlinks: bool = False, *, session: _aios3.Session | None = None
) -> str:
    """Return the ETag of an object, or with ``recalculate`` the MD5 of its bytes, in hex."""
    return _loop_thread.call(_aios3.getmd5, path, recalculate, followlinks, session=session)


def islink(path: AnyPath, *, session: _aios3.Session | None = None) -> bool:
    """Return whether there is a symbolic link, wherever it leads. Costs a HEAD."""
    return _loop_thread.call(_aios3.islink, path, session=session)


def load_content(
    path: AnyPath,
    start: int | None = None,
    stop: int | None = None,
    followlinks: bool = False,
    *,
    session: _aios3.Session | None = None,
) -> bytes:
    """Read like :func:`read_bytes`; with ``followlinks``, what a symbolic link leads to."""
    return _loop_thread.call(_aios3.load_content, path, start, stop, followlinks, session=session)


def load_from(path: AnyPath, followlinks: bool = False, *, session: _aios3.Session | None = None) -> io.BytesIO:
    """Read a whole object into an :class:`io.BytesIO`, which is the caller's to close."""
    return _loop_thread.call(_aios3.load_from, path, followlinks, session=session)


def makedirs(path: AnyPath, exist_ok: bool = False, *, session: _aios3.Session | None = None) -> None:
    """Check that objects can be written below ``path``; nothing is created, because S3 has no directories."""
    return _loop_thread.call(_aios3.makedirs, path, exist_ok, session=session)


def presign(
    path: AnyPath,
    expires_in: int = 3600,
    method: PresignMethod = "GET",
    parameters: Mapping[str, str] | None = None,
    *,
    session: _aios3.Session | None = None,
) -> str:
    """Return a URL with which anybody can make one kind of request on one object for ``expires_in`` seconds."""
    return _loop_thread.call(_aios3.presign, path, expires_in, method, parameters, session=session)


def presign_post(
    path: AnyPath,
    expires_in: int = 3600,
    fields: Mapping[str, str] | None = None,
    conditions: Sequence[Mapping[str, str] | Sequence[str | int]] = (),
    *,
    session: _aios3.Session | None = None,
) -> PresignedPost:
    """Return a form with which anybody can upload one object for ``expires_in`` seconds, from a browser for example."""
    return _loop_thread.call(_aios3.presign_post, path, expires_in, fields, conditions, session=session)


def read_bytes(
    path: AnyPath, start: int | None = None, stop: int | None = None, *, session: _aios3.Session | None = None
) -> bytes:
    """Read an object, or the bytes ``[start, stop)`` of it; negative bounds count from its end, as in a slice."""
    return _loop_thread.call(_aios3.read_bytes, path, start, stop, session=session)


def read_text(
    path: AnyPath, encoding: str = "utf-8", errors: str = "strict", *, session: _aios3.Session | None = None
) -> str:
    """Read an object as text, with universal newlines, as :meth:`pathlib.Path.read_text` does."""
    return _loop_thread.call(_aios3.read_text, path, encoding, errors, session=session)


def readlink(path: AnyPath, *, session: _aios3.Session | None = None) -> str:
    """Return the path that a symbolic link names. Costs a HEAD."""
    return _loop_thread.call(_aios3.readlink, path, session=session)


def realpath(path: AnyPath, *, session: _aios3.Session | None = None) -> str:
    """Return the path of the object that links lead to, and the path itself of any other object."""
    return _loop_thread.call(_aios3.realpath, path, session=session)


def save_as(
    file_object: Readable, path: AnyPath, *, session: _aios3.Session | None = None, **options: Unpack[WriterOptions]
) -> WriteResult:
    """Write what is left in a binary file object as an object, replacing what is there; the file is left open."""
    return _loop_thread.call(_aios3.save_as, file_object, path, session=session, **options)


def symlink(source: AnyPath, link: AnyPath, overwrite: bool = True, *, session: _aios3.Session | None = None) -> None:
    """Make ``link`` a symbolic link to the object ``source``, replacing what is there unless ``overwrite`` is False."""
    return _loop_thread.call(_aios3.symlink, source, link, overwrite, session=session)


def touch(path: AnyPath, exist_ok: bool = True, *, session: _aios3.Session | None = None) -> None:
    """Create an empty object if there is none; one that is there is left alone."""
    return _loop_thread.call(_aios3.touch, path, exist_ok, session=session)


def unlink(
    path: AnyPath, missing_ok: bool = False, *, if_match: str | None = None, session: _aios3.Session | None = None
) -> None:
    """Remove one object, or a symbolic link itself; never a directory. Costs a HEAD and a DELETE."""
    return _loop_thread.call(_aios3.unlink, path, missing_ok, if_match=if_match, session=session)


def write_bytes(
    path: AnyPath, data: Buffer, *, session: _aios3.Session | None = None, **options: Unpack[WriterOptions]
) -> WriteResult:
    """Write ``data`` as an object, replacing what is there; the options are those of :func:`aios3.aopen`."""
    return _loop_thread.call(_aios3.write_bytes, path, data, session=session, **options)


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
    return _loop_thread.call(_aios3.write_text, path, text, encoding, errors, session=session, **options)


def abort_uploads(
    path: AnyPath, older_than: timedelta | float, *, session: _aios3.Session | None = None
) -> list[OpenUpload]:
    """Abort the unfinished multipart uploads of an object, a directory or a bucket, and return them."""
    return _loop_thread.call(_aios3.abort_uploads, path, older_than, session=session)


def concat(
    src_paths: Iterable[AnyPath],
    dst_path: AnyPath,
    block_size: int = 8 * 1024 * 1024,
    max_workers: int | None = None,
    *,
    session: _aios3.Session | None = None,
) -> WriteResult:
    """Write the bytes of all sources, in their order, as one object, which appears as a whole or not at all."""
    return _loop_thread.call(_aios3.concat, src_paths, dst_path, block_size, max_workers, session=session)


def download(
    src: AnyPath,
    dst: LocalPath,
    callback: Callable[[int], object] | None = None,
    followlinks: bool = False,
    overwrite: bool = True,
    *,
    resume: bool = False,
    preserve: Collection[Attribute] = (),
    on_action: OnAction | None = None,
    progress: Progress | None = None,
    session: _aios3.Session | None = None,
) -> TransferResult:
    """Download an object as a local file, or everything below a path into a local directory."""
    return _loop_thread.call(
        _aios3.download,
        src,
        dst,
        callback,
        followlinks,
        overwrite,
        resume=resume,
        preserve=preserve,
        on_action=on_action,
        progress=progress,
        session=session,
    )


def move(
    src: AnyPath,
    dst: AnyPath,
    overwrite: bool = True,
    *,
    if_match: str | None = None,
    on_action: OnAction | None = None,
    session: _aios3.Session | None = None,
) -> None:
    """Move an object, or a directory with everything below it, to another place in S3."""
    return _loop_thread.call(_aios3.move, src, dst, overwrite, if_match=if_match, on_action=on_action, session=session)


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


def remove(
    path: AnyPath,
    missing_ok: bool = False,
    *,
    if_match: str | None = None,
    on_action: OnAction | None = None,
    session: _aios3.Session | None = None,
) -> None:
    """Remove an object, or a directory with everything below it."""
    return _loop_thread.call(_aios3.remove, path, missing_ok, if_match=if_match, on_action=on_action, session=session)


def remove_many(
    paths: Iterable[AnyPath] | AsyncIterable[AnyPath],
    *,
    on_error: OnError = "raise",
    concurrency: int | None = None,
    session: _aios3.Session | None = None,
) -> SyncIterator[RemoveOutcome]:
    """Delete many objects, 1,000 of a bucket in a request; yield a :class:`RemoveOutcome` for each as it is known."""
    return _iterate(_aios3.remove_many, paths, on_error=on_error, concurrency=concurrency, session=session)


def rename(
    src: AnyPath,
    dst: AnyPath,
    overwrite: bool = True,
    *,
    if_match: str | None = None,
    on_action: OnAction | None = None,
    session: _aios3.Session | None = None,
) -> None:
    """Move an object or a directory; another name for :func:`move`."""
    return _loop_thread.call(
        _aios3.rename, src, dst, overwrite, if_match=if_match, on_action=on_action, session=session
    )


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
    size_only: bool = False,
    exact_times: bool = False,
    delete: bool = False,
    dry_run: bool = False,
    preserve: Collection[Attribute] = (),
    include: Sequence[str] = (),
    exclude: Sequence[str] = (),
    callback: Callable[[int], object] | None = None,
    on_action: OnAction | None = None,
    progress: Progress | None = None,
    target_session: _aios3.Session | None = None,
    session: _aios3.Session | None = None,
    **options: Unpack[UploadOptions],
) -> TransferResult:
    """Copy what is new or different at ``src``, a file or a tree, to ``dst``; one side or both are in S3."""
    return _loop_thread.call(
        _aios3.sync_tree,
        src,
        dst,
        followlinks,
        force,
        overwrite,
        checksum=checksum,
        size_only=size_only,
        exact_times=exact_times,
        delete=delete,
        dry_run=dry_run,
        preserve=preserve,
        include=include,
        exclude=exclude,
        callback=callback,
        on_action=on_action,
        progress=progress,
        target_session=target_session,
        session=session,
        **options,
    )


def upload(
    src: LocalPath,
    dst: AnyPath,
    callback: Callable[[int], object] | None = None,
    followlinks: bool = False,
    overwrite: bool = True,
    *,
    resume: bool = False,
    preserve: Collection[Attribute] = (),
    on_action: OnAction | None = None,
    progress: Progress | None = None,
    session: _aios3.Session | None = None,
    **options: Unpack[UploadOptions],
) -> TransferResult:
    """Upload a local file as an object, or a local directory with everything below it."""
    return _loop_thread.call(
        _aios3.upload,
        src,
        dst,
        callback,
        followlinks,
        overwrite,
        resume=resume,
        preserve=preserve,
        on_action=on_action,
        progress=progress,
        session=session,
        **options,
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


def create_zip(
    path: AnyPath,
    mode: Literal["w", "x"] = "w",
    *,
    compression: Compression = "deflate",
    compresslevel: int | None = None,
    session: _aios3.Session | None = None,
    **options: Unpack[WriterOptions],
) -> SyncContext[ZipWriter]:
    """Create a zip archive in S3."""
    return _enter_as(
        ZipWriter,
        _aios3.create_zip,
        path,
        mode,
        compression=compression,
        compresslevel=compresslevel,
        session=session,
        **options,
    )


def open_zip(
    path: AnyPath,
    *,
    limits: ZipLimits | None = None,
    encoding: str | None = None,
    version_id: str | None = None,
    session: _aios3.Session | None = None,
) -> SyncContext[ZipArchive]:
    """Open a zip archive in S3 to read its members in place."""
    return _enter_as(
        ZipArchive, _aios3.open_zip, path, limits=limits, encoding=encoding, version_id=version_id, session=session
    )


def get_endpoint_url(profile: str | None = None, *, session: _aios3.Session | None = None) -> str:
    """Return the address that requests go to, of the session's settings or those of a profile of ``~/.aws``."""
    return _loop_thread.call(_aios3.get_endpoint_url, profile, session=session)


class S3Path(PureS3Path):
    """A path of S3 with pathlib's methods: ``path.read_bytes()``, ``path / "name"``."""

    __slots__ = ()
    open = _open

    def access(
        self, mode: Access = Access.READ, followlinks: bool = False, *, session: _aios3.Session | None = None
    ) -> bool:
        """Return whether this path is there and may be read, or whether an object may be written there."""
        return access(self, mode, followlinks, session=session)

    def copy(
        self,
        target: AnyPath,
        callback: Callable[[int], None] | None = None,
        followlinks: bool = False,
        overwrite: bool = True,
        *,
        if_match: str | None = None,
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
            if_match=if_match,
            multipart_threshold=multipart_threshold,
            target_session=target_session,
            session=session,
        )

    def exists(self, followlinks: bool = False, *, session: _aios3.Session | None = None) -> bool:
        """Return whether there is an object or a directory; with ``followlinks``, whether a link leads to an object."""
        return exists(self, followlinks, session=session)

    def getmd5(
        self, recalculate: bool = False, followlinks: bool = False, *, session: _aios3.Session | None = None
    ) -> str:
        """Return the ETag of an object, or with ``recalculate`` the MD5 of its bytes, in hex."""
        return getmd5(self, recalculate, followlinks, session=session)

    def is_dir(self, followlinks: bool = False, *, session: _aios3.Session | None = None) -> bool:
        """Return whether anything is stored below this path; a bucket, also an empty one, and ``s3://`` are directories."""
        return isdir(self, followlinks, session=session)

    def is_file(self, followlinks: bool = False, *, session: _aios3.Session | None = None) -> bool:
        """Return whether there is an object; with ``followlinks``, whether a link leads to one. Never for ``.../``."""
        return isfile(self, followlinks, session=session)

    def is_symlink(self, *, session: _aios3.Session | None = None) -> bool:
        """Return whether there is a symbolic link, wherever it leads. Costs a HEAD."""
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

    def unlink(
        self, missing_ok: bool = False, *, if_match: str | None = None, session: _aios3.Session | None = None
    ) -> None:
        """Remove one object, or a symbolic link itself; never a directory. Costs a HEAD and a DELETE."""
        return unlink(self, missing_ok, if_match=if_match, session=session)

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
        return _loop_thread.call(_aios3.S3Path.rename, self, target, overwrite, session=session)

    def replace(self, target: AnyPath, *, session: _aios3.Session | None = None) -> Self:
        """Move this to ``target``, replacing what is there, and return the new path."""
        return _loop_thread.call(_aios3.S3Path.replace, self, target, session=session)

    def symlink_to(self, target: AnyPath, *, session: _aios3.Session | None = None) -> None:
        """Make this a symbolic link to ``target``; raise ObjectExistsError if something is here already."""
        return _loop_thread.call(_aios3.S3Path.symlink_to, self, target, session=session)

    def readlink(self, *, session: _aios3.Session | None = None) -> Self:
        """Return the path that this symbolic link names; raise like :func:`aios3.readlink`."""
        return _loop_thread.call(_aios3.S3Path.readlink, self, session=session)

    def resolve(self, *, session: _aios3.Session | None = None) -> Self:
        """Return the path that symbolic links lead to; raise like :func:`aios3.realpath`."""
        return _loop_thread.call(_aios3.S3Path.resolve, self, session=session)


class S3Object(ObjectBase):
    """One version of an object of a bucket: described, and read, when it is asked for, with one request each at most."""

    stream = _stream

    def body(self) -> bytes:
        """Return all bytes of the object; they are read once, and kept."""
        return _loop_thread.call(_aios3.S3Object.body, self)

    def stat(self) -> StatResult:
        """Return everything that S3 says of the object; raise like :meth:`body`."""
        return _loop_thread.call(_aios3.S3Object.stat, self)

    def metadata(self) -> dict[str, str]:
        """Return the user metadata; raise like :meth:`body`."""
        return _loop_thread.call(_aios3.S3Object.metadata, self)

    def size(self) -> int:
        """Return the size in bytes; raise like :meth:`body`."""
        return _loop_thread.call(_aios3.S3Object.size, self)

    def last_modified(self) -> datetime:
        """Return when the object was written, with UTC as the time zone; raise like :meth:`body`."""
        return _loop_thread.call(_aios3.S3Object.last_modified, self)


class Bucket(BucketBase[S3Object]):
    """One bucket: made, listed, emptied, deleted and configured; its objects go by their keys."""

    _kind = S3Object

    @classmethod
    def list_buckets(cls, *, profile: str | None = None, session: _aios3.Session | None = None) -> SyncIterator[Self]:
        """Yield all buckets of the account, in order of their names; ``profile`` is one of ``~/.aws``."""
        return _iterate(_list_buckets, cls, profile=profile, session=session)

    def create(
        self, lifetime_in_days: int | None = None, allow_public_access: bool = False, *, exist_ok: bool = False
    ) -> Self:
        """Make the bucket in the session's region, and return it; see the methods that the arguments are named after."""
        return _loop_thread.call(_aios3.Bucket.create, self, lifetime_in_days, allow_public_access, exist_ok=exist_ok)

    def exists(self) -> bool:
        """Return whether the bucket is there; raise like :func:`aios3.hasbucket`."""
        return _loop_thread.call(_aios3.Bucket.exists, self)

    def delete(self, force: bool = False) -> None:
        """Delete the bucket; with ``force``, first its objects, versions, delete markers and open uploads."""
        return _loop_thread.call(_aios3.Bucket.delete, self, force)

    def clear_objects(self, versions: bool = False) -> int:
        """Delete all objects, and return how many; with ``versions`` all versions and delete markers, for good."""
        return _loop_thread.call(_aios3.Bucket.clear_objects, self, versions)

    def list_objects(self) -> SyncIterator[S3Object]:
        """Yield all objects, in key order, also those whose key ends in ``/``."""
        return _iterate(_aios3.Bucket.list_objects, self)

    def find_objects(
        self, prefix: str | None = None, delimiter: str | None = None, max_keys: int | None = None
    ) -> SyncIterator[S3Object]:
        """Yield the objects whose keys begin with ``prefix``, in key order, and at most ``max_keys`` of them."""
        return _iterate(_aios3.Bucket.find_objects, self, prefix, delimiter, max_keys)

    def get_object(self, key: str, version_id: str | None = None) -> S3Object:
        """Describe an object with one HEAD; its body is read when it is asked for."""
        return _loop_thread.call(_aios3.Bucket.get_object, self, key, version_id)

    def put_object(
        self, key: str, data: Buffer, metadata: Mapping[str, str] | None = None, **options: Unpack[PlainWriterOptions]
    ) -> S3Object:
        """Write bytes as an object, replacing what is there; the options are those of :func:`aios3.aopen`."""
        return _loop_thread.call(lambda: _aios3.Bucket.put_object(self, key, data, metadata, **options))

    def upload_object(
        self,
        key: str,
        stream: Readable,
        metadata: Mapping[str, str] | None = None,
        **options: Unpack[PlainWriterOptions],
    ) -> S3Object:
        """Write what is left in a binary file as an object, and leave the file open; see :func:`aios3.save_as`."""
        return _loop_thread.call(lambda: _aios3.Bucket.upload_object(self, key, stream, metadata, **options))

    def download_object(self, key: str, writable_stream: Writable, version_id: str | None = None) -> int:
        """Write an object into a binary file, async or not, and return how many bytes that were."""
        return _loop_thread.call(_aios3.Bucket.download_object, self, key, writable_stream, version_id)

    def delete_object(self, key: str, version_id: str | None = None) -> None:
        """Delete one object with one request; a missing object is not an error."""
        return _loop_thread.call(_aios3.Bucket.delete_object, self, key, version_id)

    def compute_url(self, key: str) -> str:
        """Return the plain URL of an object, which works without a signature if the bucket is public. Costs no request."""
        return _loop_thread.call(_aios3.Bucket.compute_url, self, key)

    def set_lifetime_in_days(self, days: int) -> None:
        """Let all objects expire ``days`` days after they were written; 0 or less cancels that."""
        return _loop_thread.call(_aios3.Bucket.set_lifetime_in_days, self, days)

    def get_lifetime_in_days(self) -> int | None:
        """Return what :meth:`set_lifetime_in_days` has set; None for nothing."""
        return _loop_thread.call(_aios3.Bucket.get_lifetime_in_days, self)

    def get_lifecycle(self) -> list[dict[str, object]]:
        """Return all lifecycle rules, as S3's API has them."""
        return _loop_thread.call(_aios3.Bucket.get_lifecycle, self)

    def put_lifecycle(self, rules: Iterable[Mapping[str, object]]) -> None:
        """Replace all lifecycle rules, which are as :meth:`get_lifecycle` returns them; none deletes them."""
        return _loop_thread.call(_aios3.Bucket.put_lifecycle, self, rules)

    def allow_public_access(self, *, listing: bool = False, unblock: bool = False) -> None:
        """Allow everyone on the internet to read all objects, and with ``listing`` their keys."""
        return _loop_thread.call(_aios3.Bucket.allow_public_access, self, listing=listing, unblock=unblock)

    def get_policy(self) -> dict[str, object] | None:
        """Return the bucket's policy as JSON has it; None if there is none."""
        return _loop_thread.call(_aios3.Bucket.get_policy, self)

    def put_policy(self, policy: Mapping[str, object] | None) -> None:
        """Replace the bucket's policy; None deletes it. Raises ConfigError for what JSON cannot say."""
        return _loop_thread.call(_aios3.Bucket.put_policy, self, policy)

    def get_versioning(self) -> Versioning | None:
        """Return ``"Enabled"`` or ``"Suspended"``; None if the bucket never kept versions."""
        return _loop_thread.call(_aios3.Bucket.get_versioning, self)

    def set_versioning(self, enabled: bool) -> None:
        """Keep every version of every object from now on, or no new ones; those that are there stay."""
        return _loop_thread.call(_aios3.Bucket.set_versioning, self, enabled)

    def list_versions(self, prefix: str = "") -> SyncIterator[ObjectVersion]:
        """Yield all versions and delete markers of keys that begin with ``prefix``: in key order, the newest first."""
        return _iterate(_aios3.Bucket.list_versions, self, prefix)

    def list_uploads(self, prefix: str = "") -> list[OpenUpload]:
        """Return the multipart uploads of keys that begin with ``prefix`` that are neither completed nor aborted."""
        return _loop_thread.call(_aios3.Bucket.list_uploads, self, prefix)

    def abort_uploads(self, older_than: timedelta | float) -> list[OpenUpload]:
        """Abort open multipart uploads of that age, as a timedelta or in seconds; see :func:`aios3.abort_uploads`."""
        return _loop_thread.call(_aios3.Bucket.abort_uploads, self, older_than)

    def get_tags(self) -> dict[str, str]:
        """Return the tags of the bucket itself."""
        return _loop_thread.call(_aios3.Bucket.get_tags, self)

    def put_tags(self, tags: Mapping[str, str]) -> None:
        """Replace all tags of the bucket itself; an empty mapping deletes them."""
        return _loop_thread.call(_aios3.Bucket.put_tags, self, tags)

    def get_cors(self) -> list[CorsRule]:
        """Return the CORS rules, in their order."""
        return _loop_thread.call(_aios3.Bucket.get_cors, self)

    def put_cors(self, rules: Iterable[CorsRule]) -> None:
        """Replace all CORS rules; none deletes them."""
        return _loop_thread.call(_aios3.Bucket.put_cors, self, rules)


class Storage(StorageBase):
    """The files of a bucket or of a prefix in it, ``s3://bucket`` or ``s3://bucket/prefix``, by their names there."""

    open = _open_stored

    def list(self, path: str = "") -> SyncIterator[ListEntry]:
        """Yield the files whose names begin with ``path``, in key order: ``logs/`` those of a directory, ``""`` all."""
        return _iterate(_aios3.Storage.list, self, path)

    def delete(self, path: str) -> None:
        """Delete a file; a missing file is not an error. Raises PathIsDirectoryError for a directory."""
        return _loop_thread.call(_aios3.Storage.delete, self, path)

    def copy(self, path: str, new_path: str) -> WriteResult:
        """Copy a file inside the storage, as :func:`aios3.copy` does, replacing what is there."""
        return _loop_thread.call(_aios3.Storage.copy, self, path, new_path)

    def get(self, path: str, dest: LocalPath) -> None:
        """Download a file as the local file ``dest``, which appears when it is whole, with the object's time."""
        return _loop_thread.call(_aios3.Storage.get, self, path, dest)

    def put(self, path: LocalPath, dest: str) -> None:
        """Upload the local file ``path`` as ``dest``, replacing what is there; also an empty one."""
        return _loop_thread.call(_aios3.Storage.put, self, path, dest)

    def upload(
        self,
        file_object: Source,
        path: str,
        *,
        progress_callback: Callable[[int], object] | None = None,
        **options: Unpack[WriterOptions],
    ) -> WriteResult:
        """Write what is left in a binary file object as the file ``path``, replacing what is there; also nothing."""
        return _loop_thread.call(
            lambda: _aios3.Storage.upload(self, file_object, path, progress_callback=progress_callback, **options)
        )

    def download(
        self, path: str, file_object: Writable, *, progress_callback: Callable[[int], object] | None = None
    ) -> int:
        """Write a file into a binary file object, async or not, and return its size in bytes."""
        return _loop_thread.call(_aios3.Storage.download, self, path, file_object, progress_callback=progress_callback)

    def link_to(
        self,
        path: str,
        operation: LinkOperation,
        expire: datetime | timedelta | int,
        output_path: str | None = None,
        content_type: str | None = None,
        *,
        content_encoding: str | None = None,
    ) -> str:
        """Return a URL with which anybody may ``download``, ``upload`` or ``remove`` a file; costs no request."""
        return _loop_thread.call(
            _aios3.Storage.link_to,
            self,
            path,
            operation,
            expire,
            output_path,
            content_type,
            content_encoding=content_encoding,
        )


class VolumeFile(VolumeFileBase):
    """A file of a volume, as ``Volume.load`` and ``Volume.walk`` return it; nothing is fetched before it is used."""

    open = _open_file

    def size(self) -> int:
        """Return the size in bytes, without downloading the file: of a listed file the listing's, else by one HEAD."""
        return _loop_thread.call(_aios3.VolumeFile.size, self)


class Volume(VolumeBase[VolumeFile]):
    """A tree of files: a bucket, or the directory ``prefix`` in it. Keys are names in the volume, and stay as they are."""

    _files = VolumeFile

    def store(self, file: VolumeFileBase | Openable | Source | Buffer, dst: str) -> None:
        """Store a file as ``dst``, replacing what is there; it becomes visible as a whole, or not at all."""
        return _loop_thread.call(_aios3.Volume.store, self, file, dst)

    def delete(self, key: str) -> None:
        """Delete the file ``key``, and all in the directory ``key``; never what only begins like it."""
        return _loop_thread.call(_aios3.Volume.delete, self, key)

    def erase(self) -> None:
        """Delete everything in the volume; the bucket itself, and what is beside the volume in it, stays."""
        return _loop_thread.call(_aios3.Volume.erase, self)

    def query(self, prefix: str = "") -> SyncIterator[str]:
        """Yield the names of the files that begin with ``prefix``, wherever in a name it ends, in key order."""
        return _iterate(_aios3.Volume.query, self, prefix)

    def walk(self, src: str | None = None) -> SyncIterator[tuple[str, VolumeFile]]:
        """Yield the name and a handle of the file ``src`` and of all files in the directory ``src``, in key order."""
        return _iterate(_aios3.Volume.walk, self, src)

    def mkdir(self, path: str) -> None:
        """Check that files can be stored in the directory ``path``; nothing is created, because S3 has no directories."""
        return _loop_thread.call(_aios3.Volume.mkdir, self, path)

    def copy(
        self,
        src: str | Sequence[str] | None,
        store: VolumeBase[VolumeFileBase],
        dst: str | None = None,
        *,
        progress: Progress | None = None,
    ) -> list[str]:
        """Copy files and whole directories into another volume, several at once; return their names there, sorted."""
        return _loop_thread.call(_aios3.Volume.copy, self, src, store, dst, progress=progress)

    def close(self) -> None:
        """Do nothing: connections belong to the session. Safe to repeat; the volume can still be used."""
        return _loop_thread.call(_aios3.Volume.close, self)


class ZipArchive:
    """A zip archive in S3, open for reading; :func:`aios3.open_zip` opens it."""

    def __init__(self, handle: _aios3.AsyncZipArchive) -> None:
        self._handle = handle

    def __len__(self) -> int:
        """Return how many members there are."""
        return self._handle.__len__()

    def __contains__(self, name: object) -> bool:
        """Return whether there is a member of this name."""
        return self._handle.__contains__(name)

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names."""
        return self._handle.__iter__()

    @property
    def path(self) -> S3Url:
        """Where the archive is."""
        return self._handle.path

    @property
    def size(self) -> int:
        """Size of the archive in bytes."""
        return self._handle.size

    @property
    def comment(self) -> bytes:
        """The comment of the archive."""
        return self._handle.comment

    def names(self) -> list[str]:
        """Return the names of all members, in the order of the directory; those of directories end in ``/``."""
        return self._handle.names()

    def infolist(self) -> list[ZipInfo]:
        """Return what the directory says of all members, as :meth:`zipfile.ZipFile.infolist` does."""
        return self._handle.infolist()

    def getinfo(self, name: str) -> ZipInfo:
        """Return what the directory says of a member; of two with one name, of the last."""
        return self._handle.getinfo(name)

    def stat(self, name: str) -> StatResult:
        """Return size and time of a member. Raises ObjectNotFoundError if there is none."""
        return self._handle.stat(name)

    def glob(self, pattern: str) -> list[str]:
        """Return the names that match, in the order of the directory; the patterns are those of :func:`aios3.glob`."""
        return self._handle.glob(pattern)

    def open(self, member: str | ZipInfo) -> ObjectReader:
        """Open a member for reading."""
        return _open_member(self._handle.open(member))

    def read(self, member: str | ZipInfo) -> bytes:
        """Return all bytes of a member, which have been checked; of many calls, some wait. Raises like :meth:`open`."""
        return _loop_thread.call(self._handle.read, member)

    def extract(self, member: str | ZipInfo, to: LocalPath | AnyPath, *, overwrite: bool = True) -> str:
        """Extract a member below ``to``, a local directory or a path in S3, and return where it is now."""
        return _loop_thread.call(self._handle.extract, member, to, overwrite=overwrite)

    def extract_all(
        self,
        to: LocalPath | AnyPath,
        members: Iterable[str | ZipInfo] | None = None,
        *,
        overwrite: bool = True,
        resume: bool = False,
        on_extracted: Callable[[str], object] | None = None,
        dry_run: bool = False,
    ) -> list[str]:
        """Extract ``members``, by default all, below ``to`` like :meth:`extract`, several at once."""
        return _loop_thread.call(
            self._handle.extract_all,
            to,
            members,
            overwrite=overwrite,
            resume=resume,
            on_extracted=on_extracted,
            dry_run=dry_run,
        )

    def close(self) -> None:
        """Close the archive and its members. Safe to repeat, from any task."""
        return _loop_thread.call(self._handle.aclose)


class ZipWriter:
    """A zip archive on its way to S3; :func:`aios3.create_zip` makes it."""

    def __init__(self, handle: _aios3.AsyncZipWriter) -> None:
        self._handle = handle

    @property
    def path(self) -> S3Url:
        """Where the archive will be."""
        return self._handle.path

    @property
    def result(self) -> WriteResult:
        """S3's response to the finished write. Raises ClosedHandleError before, and if nothing was published."""
        return self._handle.result

    def write(
        self, name: str, data: Source | Buffer, *, mtime: float | None = None, compression: Compression | None = None
    ) -> int:
        """Write a member and return its size in bytes."""
        return _loop_thread.call(self._handle.write, name, data, mtime=mtime, compression=compression)

    def add(self, path: LocalPath | AnyPath, name: str | None = None, *, compression: Compression | None = None) -> int:
        """Write a local file or an object of S3 as a member, with its time, and return its size in bytes."""
        return _loop_thread.call(self._handle.add, path, name, compression=compression)

    def mkdir(self, name: str) -> None:
        """Write a member that is an empty directory; a ``/`` at its end is added. Raises like :meth:`write`."""
        return _loop_thread.call(self._handle.mkdir, name)
