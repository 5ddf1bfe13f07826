"""S3 for asyncio: open, read, write and list objects like files, safely and fast."""

from os import SEEK_CUR, SEEK_END, SEEK_SET

from aios3._config import Config, Credentials, CredentialSource
from aios3._entries import Access, FileEntry, StatResult, WriteResult
from aios3._handles.opening import OpenOptions, ReaderOptions, WriterOptions, aopen
from aios3._handles.reader import AsyncPrefetchReader
from aios3._handles.text import AsyncTextReader, AsyncTextWriter
from aios3._handles.writer import AsyncMultipartWriter
from aios3._namespace import (
    access,
    exists,
    getmtime,
    getsize,
    glob,
    glob_stat,
    hasbucket,
    isdir,
    isfile,
    listdir,
    lstat,
    scan,
    scan_stat,
    scandir,
    stat,
    walk,
)
from aios3._objects import copy, read_bytes, read_text, remove, write_bytes, write_text
from aios3._paths import AnyPath, S3Url, is_s3, path_join
from aios3._session import Session
from aios3.errors import (
    AccessDeniedError,
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
    UnsafeNameError,
    UnsupportedError,
    WrongLoopError,
)

__version__ = "0.1.0"

__all__ = [  # noqa: RUF022 - grouped by what they are for
    # sessions and settings
    "Config",
    "CredentialSource",
    "Credentials",
    "Session",
    # paths
    "AnyPath",
    "S3Url",
    "is_s3",
    "path_join",
    # open files
    "SEEK_CUR",
    "SEEK_END",
    "SEEK_SET",
    "AsyncMultipartWriter",
    "AsyncPrefetchReader",
    "AsyncTextReader",
    "AsyncTextWriter",
    "OpenOptions",
    "ReaderOptions",
    "WriterOptions",
    "aopen",
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
    "WriteResult",
    "copy",
    "read_bytes",
    "read_text",
    "remove",
    "write_bytes",
    "write_text",
    # errors
    "AccessDeniedError",
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
    "UnsafeNameError",
    "UnsupportedError",
    "WrongLoopError",
]
