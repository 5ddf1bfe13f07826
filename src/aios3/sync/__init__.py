# Written by tools/make_sync.py from the signatures of aios3. Do not edit.
"""aios3 for programs that are not asynchronous: the same functions without ``await``, and ``open`` for ``aopen``.

Each function is described in full at its twin in :mod:`aios3`. They run on one background event loop, which the first
call starts. They may be called from any thread, in a notebook where a loop runs already, and after a fork; Ctrl-C
cancels the transfer itself. ``session`` is a :class:`Session` of this module, or an :class:`aios3.Session` that no
other loop uses; without one, all calls share a default session.
"""

# ruff: noqa: A004, PLR0913 - open is meant to take the name of builtins.open; arguments are those of the async twin
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
    LocalPath,
    NoCredentialsError,
    ObjectChangedError,
    ObjectExistsError,
    ObjectNotFoundError,
    OpenOptions,
    OpenUpload,
    PartialFailureError,
    PathIsDirectoryError,
    PathNotDirectoryError,
    Progress,
    ReaderOptions,
    RequestError,
    RequestTimeoutError,
    S3Error,
    S3Url,
    ServerError,
    StatResult,
    ThrottledError,
    TLSError,
    TransferAction,
    TransferResult,
    TransferState,
    TruncatedBodyError,
    UnsafeNameError,
    UnsupportedError,
    WriteResult,
    WriterOptions,
    WrongLoopError,
    is_s3,
    path_join,
)
from aios3.sync import _bridge
from aios3.sync._files import ObjectReader, ObjectWriter, TextReader, TextWriter, open
from aios3.sync._iterator import SyncIterator
from aios3.sync._iterator import iterate as _iterate
from aios3.sync._raw import RawReader, RawWriter
from aios3.sync._session import Session

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import timedelta
    from typing import Unpack

    from typing_extensions import Buffer

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
    "LocalPath",
    "NoCredentialsError",
    "ObjectChangedError",
    "ObjectExistsError",
    "ObjectNotFoundError",
    "ObjectReader",
    "ObjectWriter",
    "OpenOptions",
    "OpenUpload",
    "PartialFailureError",
    "PathIsDirectoryError",
    "PathNotDirectoryError",
    "Progress",
    "RawReader",
    "RawWriter",
    "ReaderOptions",
    "RequestError",
    "RequestTimeoutError",
    "S3Error",
    "S3Url",
    "ServerError",
    "Session",
    "StatResult",
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
    "WriteResult",
    "WriterOptions",
    "WrongLoopError",
    "abort_uploads",
    "access",
    "concat",
    "copy",
    "download",
    "exists",
    "getmtime",
    "getsize",
    "glob",
    "glob_stat",
    "hasbucket",
    "is_s3",
    "isdir",
    "isfile",
    "listdir",
    "lstat",
    "move",
    "open",
    "path_join",
    "read_bytes",
    "read_text",
    "remove",
    "rename",
    "scan",
    "scan_stat",
    "scandir",
    "stat",
    "sync_tree",
    "upload",
    "walk",
    "write_bytes",
    "write_text",
]


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
    session: _aios3.Session | None = None,
) -> SyncIterator[str]:
    """Yield the paths of the objects and directories that match a pattern, in key order."""
    return _iterate(_aios3.glob, path, recursive, missing_ok, followlinks, session=session)


def glob_stat(
    path: AnyPath,
    recursive: bool = True,
    missing_ok: bool = True,
    followlinks: bool = False,
    *,
    session: _aios3.Session | None = None,
) -> SyncIterator[FileEntry]:
    """Yield like :func:`glob`, with what a listing knows of each match."""
    return _iterate(_aios3.glob_stat, path, recursive, missing_ok, followlinks, session=session)


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
    path: AnyPath, missing_ok: bool = True, followlinks: bool = False, *, session: _aios3.Session | None = None
) -> SyncIterator[str]:
    """Yield the path of every object below this one, in key order; first an object at this very path."""
    return _iterate(_aios3.scan, path, missing_ok, followlinks, session=session)


def scan_stat(
    path: AnyPath, missing_ok: bool = True, followlinks: bool = False, *, session: _aios3.Session | None = None
) -> SyncIterator[FileEntry]:
    """Yield like :func:`scan`, with what a listing knows of each object; with ``followlinks``, of a link's target."""
    return _iterate(_aios3.scan_stat, path, missing_ok, followlinks, session=session)


def scandir(
    path: AnyPath, followlinks: bool = False, *, session: _aios3.Session | None = None
) -> SyncIterator[FileEntry]:
    """Yield the entries of a directory in key order; ``s3://``: the buckets."""
    return _iterate(_aios3.scandir, path, followlinks, session=session)


def stat(path: AnyPath, follow_symlinks: bool = True, *, session: _aios3.Session | None = None) -> StatResult:
    """Describe an object, or a directory by the sum of its sizes and the latest of its times."""
    return _bridge.call(_aios3.stat, path, follow_symlinks, session=session)


def walk(
    path: AnyPath, followlinks: bool = False, *, session: _aios3.Session | None = None
) -> SyncIterator[tuple[str, list[str], list[str]]]:
    """Yield ``(root, dirs, files)`` for a directory and every directory below it, from the top down."""
    return _iterate(_aios3.walk, path, followlinks, session=session)


def copy(source: AnyPath, target: AnyPath, *, session: _aios3.Session | None = None) -> WriteResult:
    """Copy an object inside S3, with its metadata, replacing what is at ``target``."""
    return _bridge.call(_aios3.copy, source, target, session=session)


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


def remove(path: AnyPath, missing_ok: bool = False, *, session: _aios3.Session | None = None) -> None:
    """Remove an object, or a directory with everything below it."""
    return _bridge.call(_aios3.remove, path, missing_ok, session=session)


def rename(src: AnyPath, dst: AnyPath, overwrite: bool = True, *, session: _aios3.Session | None = None) -> None:
    """Move an object or a directory; another name for :func:`move`."""
    return _bridge.call(_aios3.rename, src, dst, overwrite, session=session)


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
