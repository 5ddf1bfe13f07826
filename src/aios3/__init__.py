"""S3 for asyncio: open, read, write and list objects like files, safely and fast."""

from __future__ import annotations

from importlib import import_module as _import_module
from os import SEEK_CUR, SEEK_END, SEEK_SET
from typing import TYPE_CHECKING

from aios3._backend import ObjectVersion, OpenUpload
from aios3._config import Config, Credentials, CredentialSource
from aios3._descriptions import BucketDescription
from aios3._entries import Access, FileEntry, PresignedPost, StatResult, WriteResult
from aios3._events import OperationStats, RequestEvent, RequestHook, SessionStats
from aios3._handles.opening import (
    LimitedOptions,
    OpenOptions,
    PipeReaderOptions,
    PipeWriterOptions,
    ReaderOptions,
    SharedOptions,
    UploadOptions,
    WholeOptions,
    WriterOptions,
    aopen,
)
from aios3._handles.reader import AsyncPrefetchReader
from aios3._other_project import reject_other_project as _reject_other_project
from aios3._paths import AnyPath, S3Url, is_s3, path_join
from aios3._session import Session
from aios3.errors import (
    AccessDeniedError,
    BucketExistsError,
    BucketNotEmptyError,
    BucketNotFoundError,
    ChecksumMismatchError,
    ClosedHandleError,
    ConfigError,
    ConnectionFailedError,
    CredentialsError,
    FileChangedError,
    InvalidPathError,
    InvalidRangeError,
    NoCredentialsError,
    NotALinkError,
    ObjectChangedError,
    ObjectExistsError,
    ObjectNotFoundError,
    PartialFailureError,
    PathIsDirectoryError,
    PathNotDirectoryError,
    RequestError,
    RequestTimeoutError,
    S3Error,
    ServerError,
    ThrottledError,
    TLSError,
    TruncatedBodyError,
    UnknownEncodingError,
    UnsafeNameError,
    UnsupportedError,
    WrongLoopError,
    WrongTypeError,
)

if TYPE_CHECKING:
    from aios3._buckets import Bucket, CorsRule, S3Object
    from aios3._bulk import (
        ReadOutcome,
        RemoveOutcome,
        StatOutcome,
        WriteOutcome,
        read_many,
        remove_many,
        stat_many,
        write_many,
    )
    from aios3._handles.cached import cached_path
    from aios3._handles.limited import AsyncLimitedSeekableWriter
    from aios3._handles.pipe_reader import AsyncPipeReader
    from aios3._handles.pipe_writer import AsyncPipeWriter
    from aios3._handles.text import AsyncTextReader, AsyncTextWriter
    from aios3._handles.whole import AsyncWholeFile
    from aios3._handles.writer import AsyncMultipartWriter
    from aios3._namespace import glob, glob_stat, listdir, scan, scan_stat, scandir, walk
    from aios3._namespace.stat import access, exists, getmtime, getsize, hasbucket, isdir, isfile, lstat, stat
    from aios3._objects import (
        copy,
        get_endpoint_url,
        get_s3_client,
        getmd5,
        islink,
        load_content,
        load_from,
        makedirs,
        presign,
        presign_post,
        read_bytes,
        read_text,
        readlink,
        realpath,
        save_as,
        symlink,
        touch,
        unlink,
        write_bytes,
        write_text,
    )
    from aios3._s3path import PureS3Path, S3Path
    from aios3._storage import AsyncStorageReader, AsyncStorageWriter, ListEntry, Storage, Volume, VolumeFile
    from aios3._trees import (
        LocalPath,
        Progress,
        TransferAction,
        TransferResult,
        TransferState,
        abort_uploads,
        concat,
        download,
        move,
        remove,
        rename,
        sync_tree,
        upload,
    )
    from aios3._zip import AsyncZipArchive, AsyncZipMember, AsyncZipWriter, ZipLimits, create_zip, open_zip
    from aios3.errors import ZipArchiveError

__version__ = "0.1.0"

_reject_other_project(__path__[0])

__all__ = [  # noqa: RUF022 - grouped by what they are for
    # sessions and settings
    "Config",
    "CredentialSource",
    "Credentials",
    "Session",
    # what a session has done
    "BucketDescription",
    "OperationStats",
    "RequestEvent",
    "RequestHook",
    "SessionStats",
    # paths
    "AnyPath",
    "PureS3Path",
    "S3Path",
    "S3Url",
    "is_s3",
    "path_join",
    # open files
    "SEEK_CUR",
    "SEEK_END",
    "SEEK_SET",
    "AsyncLimitedSeekableWriter",
    "AsyncMultipartWriter",
    "AsyncPipeReader",
    "AsyncPipeWriter",
    "AsyncPrefetchReader",
    "AsyncTextReader",
    "AsyncTextWriter",
    "AsyncWholeFile",
    "LimitedOptions",
    "OpenOptions",
    "PipeReaderOptions",
    "PipeWriterOptions",
    "ReaderOptions",
    "SharedOptions",
    "UploadOptions",
    "WholeOptions",
    "WriterOptions",
    "aopen",
    "cached_path",
    # names
    "Access",
    "FileEntry",
    "StatResult",
    "access",
    "exists",
    "getmtime",
    "getsize",
    "glob",
    "glob_stat",
    "hasbucket",
    "isdir",
    "isfile",
    "listdir",
    "lstat",
    "scan",
    "scan_stat",
    "scandir",
    "stat",
    "walk",
    # one object
    "PresignedPost",
    "WriteResult",
    "copy",
    "getmd5",
    "islink",
    "load_content",
    "load_from",
    "makedirs",
    "presign",
    "presign_post",
    "read_bytes",
    "read_text",
    "readlink",
    "realpath",
    "save_as",
    "symlink",
    "touch",
    "unlink",
    "write_bytes",
    "write_text",
    # many objects
    "LocalPath",
    "OpenUpload",
    "Progress",
    "ReadOutcome",
    "RemoveOutcome",
    "StatOutcome",
    "TransferAction",
    "TransferResult",
    "TransferState",
    "WriteOutcome",
    "abort_uploads",
    "concat",
    "download",
    "move",
    "read_many",
    "remove",
    "remove_many",
    "rename",
    "stat_many",
    "sync_tree",
    "upload",
    "write_many",
    # zip archives
    "AsyncZipArchive",
    "AsyncZipMember",
    "AsyncZipWriter",
    "ZipLimits",
    "create_zip",
    "open_zip",
    # places
    "AsyncStorageReader",
    "AsyncStorageWriter",
    "ListEntry",
    "Storage",
    "Volume",
    "VolumeFile",
    # buckets
    "Bucket",
    "CorsRule",
    "ObjectVersion",
    "S3Object",
    # what lies below
    "get_endpoint_url",
    "get_s3_client",
    # errors
    "AccessDeniedError",
    "BucketExistsError",
    "BucketNotEmptyError",
    "BucketNotFoundError",
    "ChecksumMismatchError",
    "ClosedHandleError",
    "ConfigError",
    "ConnectionFailedError",
    "CredentialsError",
    "FileChangedError",
    "InvalidPathError",
    "InvalidRangeError",
    "NoCredentialsError",
    "NotALinkError",
    "ObjectChangedError",
    "ObjectExistsError",
    "ObjectNotFoundError",
    "PartialFailureError",
    "PathIsDirectoryError",
    "PathNotDirectoryError",
    "RequestError",
    "RequestTimeoutError",
    "S3Error",
    "ServerError",
    "TLSError",
    "ThrottledError",
    "TruncatedBodyError",
    "UnknownEncodingError",
    "UnsafeNameError",
    "UnsupportedError",
    "WrongLoopError",
    "WrongTypeError",
    "ZipArchiveError",
]

_LATER = {
    name: module
    for module, names in {
        "_buckets": "Bucket CorsRule S3Object",
        "_bulk": "ReadOutcome RemoveOutcome StatOutcome WriteOutcome read_many remove_many stat_many write_many",
        "_handles.cached": "cached_path",
        "_handles.limited": "AsyncLimitedSeekableWriter",
        "_handles.pipe_reader": "AsyncPipeReader",
        "_handles.pipe_writer": "AsyncPipeWriter",
        "_handles.text": "AsyncTextReader AsyncTextWriter",
        "_handles.whole": "AsyncWholeFile",
        "_handles.writer": "AsyncMultipartWriter",
        "_namespace": "glob glob_stat listdir scan scan_stat scandir walk",
        "_namespace.stat": "access exists getmtime getsize hasbucket isdir isfile lstat stat",
        "_objects": (
            "copy get_endpoint_url get_s3_client getmd5 islink load_content load_from makedirs presign "
            "presign_post read_bytes read_text readlink realpath save_as symlink touch unlink write_bytes "
            "write_text"
        ),
        "_s3path": "PureS3Path S3Path",
        "_storage": "AsyncStorageReader AsyncStorageWriter ListEntry Storage Volume VolumeFile",
        "_trees": (
            "LocalPath Progress TransferAction TransferResult TransferState abort_uploads concat download "
            "move remove rename sync_tree upload"
        ),
        "_zip": "AsyncZipArchive AsyncZipMember AsyncZipWriter ZipLimits create_zip open_zip",
        "errors": "ZipArchiveError",
    }.items()
    for name in names.split()
}
"""Names that are imported on first use, so that opening one object does not import the whole library."""


if not TYPE_CHECKING:  # a checker that saw it would let every name pass

    def __getattr__(name: str) -> object:
        module = _LATER.get(name)
        if module is None:
            message = f"module {__name__!r} has no attribute {name!r}"
            raise AttributeError(message)
        value = globals()[name] = getattr(_import_module(f"{__name__}.{module}"), name)
        return value

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
