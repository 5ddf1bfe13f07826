"""The tree of errors, and the table from S3's codes to its classes.

Every class is an :class:`S3Error` and also the builtin that a Python programmer would catch::

    S3Error
    +-- ConfigError (ValueError)              a setting or option is wrong
    |   +-- WrongTypeError (TypeError)        it has a wrong type
    |   +-- UnknownEncodingError (LookupError)  no such encoding or way to handle errors of it
    +-- InvalidPathError (ValueError)         not a path that S3 can hold
    |   +-- UnsafeNameError                   a key that must not become the name of a local file
    +-- InvalidRangeError (OSError, ValueError)  a position or range that the object does not have
    +-- ClosedHandleError (ValueError)        the file or session is closed, or was aborted
    +-- UnsupportedError (io.UnsupportedOperation)  this mode, path or server cannot do that
    +-- WrongLoopError (RuntimeError)         used on an event loop that it does not belong to
    +-- ObjectNotFoundError (FileNotFoundError)
    |   +-- BucketNotFoundError
    +-- ObjectExistsError (FileExistsError)
    |   +-- BucketExistsError
    +-- BucketNotEmptyError (OSError)         a bucket that still holds something cannot be deleted
    +-- PathIsDirectoryError (IsADirectoryError)
    +-- PathNotDirectoryError (NotADirectoryError)
    +-- NotALinkError (OSError)               a symbolic link is needed
    +-- AccessDeniedError (PermissionError)
    |   +-- CredentialsError                  S3 does not accept who we say we are
    |       +-- NoCredentialsError            no credentials were found
    +-- ObjectChangedError (OSError)          another version than the one that was expected
    +-- ChecksumMismatchError (OSError)       the bytes are not the ones that were stored
    +-- FileChangedError (OSError)            a local file changed while it was being read
    +-- ZipArchiveError (zipfile.BadZipFile)  a zip archive is broken, lies, or is beyond its limits
    +-- PartialFailureError (OSError)         some of many objects failed; it names each
    +-- RequestError (OSError)                S3 rejected the request for another reason
    +-- ServerError (OSError)                 S3 failed (5xx), or its response is invalid
    |   +-- ThrottledError                    S3 asked us to slow down
    +-- ConnectionFailedError (ConnectionError)
    |   +-- TLSError                          no trusted connection could be made
    |   +-- TruncatedBodyError                a body ended before its announced length
    +-- RequestTimeoutError (TimeoutError)    no response, or no byte, for too long

A class is chosen by S3's error code and HTTP status, never by the text of a message.
"""

from __future__ import annotations

import errno as _errno
import io
from importlib import import_module as _import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

    from aios3._archive_error import ZipArchiveError

__all__ = [
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


_RESPONDED = " (S3 responded with "
"""Stands in a message between the explanation and what the server said."""


class S3Error(Exception):
    """Base of every error that aios3 raises on purpose.

    ``path`` is the S3 path that was worked on, ``operation`` S3's name of the call. ``code`` and ``status`` are the
    error code and HTTP status of S3's response; ``request_id`` lets the operator of the server find it. Each is None
    where it does not apply. ``retry_after`` is how many seconds the server has asked to wait, ``bucket_region`` where
    it says that the bucket is. Classes that are an :class:`OSError` also carry ``errno`` and ``filename``.
    """

    _default_errno = _errno.EIO
    retry_after: float | None = None
    bucket_region: str | None = None
    """The region in which the server says that the bucket is, where it refuses to serve it from another."""
    is_final: bool = False
    """True if all attempts have been made already, below whoever catches this."""

    def __init__(
        self,
        message: str,
        *,
        path: str | None = None,
        operation: str | None = None,
        code: str | None = None,
        status: int | None = None,
        request_id: str | None = None,
    ) -> None:
        if isinstance(self, OSError):
            super().__init__(self._default_errno, message, path)
        else:
            super().__init__(message)
        self.message = message
        self.path = path
        self.operation = operation
        self.code = code
        self.status = status
        self.request_id = request_id

    def __str__(self) -> str:
        return self.message

    def explained(self, explanation: str) -> Self:
        """Return the same error of S3 with another ``explanation`` in its message."""
        _, opening, response = self.message.partition(_RESPONDED)
        error = type(self)(f"{self.operation} {self.path}: {explanation}{opening}{response}", **self._fields())
        error.bucket_region, error.retry_after = self.bucket_region, self.retry_after
        return error

    def _fields(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ("path", "operation", "code", "status", "request_id")}

    def __reduce__(self) -> tuple[object, ...]:
        fields = self._fields()
        return _rebuild, (type(self), self.message, fields, getattr(self, "errno", None))


def _rebuild(cls: type[S3Error], message: str, fields: Mapping[str, str | None], errno: int | None) -> S3Error:
    error = cls(message, **fields)  # type: ignore[arg-type]  # status is an int: the mapping is what __reduce__ made
    if isinstance(error, OSError):
        error.errno = errno
    return error


class ConfigError(S3Error, ValueError):
    """Raised when a setting, option or mode is unknown, has a wrong type or contradicts another."""


class WrongTypeError(ConfigError, TypeError):
    """Raised when an argument of :func:`open` or of a file has a type that the builtin would reject as well."""


class UnknownEncodingError(ConfigError, LookupError):
    """Raised when Python knows no such encoding of text, or no such way to handle its errors."""


class InvalidPathError(S3Error, ValueError):
    """Raised when a text is not an S3 path, or names something that S3 cannot store."""


class UnsafeNameError(InvalidPathError):
    """Raised when a key would name a local file outside the directory it is downloaded to, or none at all."""


class InvalidRangeError(S3Error, OSError, ValueError):
    """Raised when a byte range or position is negative, reversed, or outside the object.

    It is both what :class:`io.BytesIO` raises for a position before the start and, with ``EINVAL``, what a local file
    does.
    """

    _default_errno = _errno.EINVAL


class ClosedHandleError(S3Error, ValueError):
    """Raised when a closed or aborted file, or a closed session, is used."""


class UnsupportedError(S3Error, io.UnsupportedOperation):
    """Raised when this kind of file, path or server cannot do what was asked."""

    _default_errno = _errno.EOPNOTSUPP


class WrongLoopError(S3Error, RuntimeError):
    """Raised when a session or file is used on another event loop than the one it was made on."""


class ObjectNotFoundError(S3Error, FileNotFoundError):
    """Raised when the object (and, for names, the directory) does not exist."""

    _default_errno = _errno.ENOENT


class BucketNotFoundError(ObjectNotFoundError):
    """Raised when the bucket of the path does not exist."""


class ObjectExistsError(S3Error, FileExistsError):
    """Raised when an object was to be created (mode ``x``) and is there already."""

    _default_errno = _errno.EEXIST


class BucketExistsError(ObjectExistsError):
    """Raised when a bucket was to be created and its name is taken, by this account or another one."""


class BucketNotEmptyError(S3Error, OSError):
    """Raised when a bucket that still holds objects, versions or delete markers was to be deleted."""

    _default_errno = _errno.ENOTEMPTY


class PathIsDirectoryError(S3Error, IsADirectoryError):
    """Raised when a file is needed and the path is a bucket, a directory, or ends in ``/``."""

    _default_errno = _errno.EISDIR


class PathNotDirectoryError(S3Error, NotADirectoryError):
    """Raised when a directory is needed and the path is an object."""

    _default_errno = _errno.ENOTDIR


class NotALinkError(S3Error, OSError):
    """Raised when a symbolic link is needed and the path is another object."""

    _default_errno = _errno.EINVAL


class AccessDeniedError(S3Error, PermissionError):
    """Raised when S3 knows who is asking and does not allow it."""

    _default_errno = _errno.EACCES


class CredentialsError(AccessDeniedError):
    """Raised when S3 does not accept the credentials: unknown key, wrong secret, expired token, wrong clock."""


class NoCredentialsError(CredentialsError):
    """Raised when no credentials were found in the arguments, the environment, the profile or the instance."""


class ObjectChangedError(S3Error, OSError):
    """Raised when the object is no longer the version that a reader opened or that ``if_match`` names."""

    _default_errno = getattr(_errno, "ESTALE", _errno.EIO)


class ChecksumMismatchError(S3Error, OSError):
    """Raised when bytes do not have the checksum that belongs to them."""


class FileChangedError(S3Error, OSError):
    """Raised when a local file changed while it was read, so that the bytes read belong to several versions."""


class PartialFailureError(S3Error, OSError):
    """Raised when an operation on many objects was done for some of them only.

    ``failures`` has the error of each one that failed, by path. ``completed`` counts what was done: ``"copied"``,
    ``"skipped"``, ``"deleted"``, ``"bytes"``.
    """

    failures: Mapping[str, Exception] = MappingProxyType({})
    completed: Mapping[str, int] = MappingProxyType({})

    def __reduce__(self) -> tuple[object, ...]:
        state = {name: dict(getattr(self, name)) for name in ("failures", "completed") if name in vars(self)}
        return (*super().__reduce__(), state)


class RequestError(S3Error, OSError):
    """Raised when S3 rejected a request for a reason that has no class of its own; see ``code``."""

    _default_errno = _errno.EINVAL


class ServerError(S3Error, OSError):
    """Raised when S3 failed (HTTP 5xx) after all attempts, or gave a response that makes no sense."""


class ThrottledError(ServerError):
    """Raised when S3 kept asking for fewer requests (SlowDown, 429, 503) after all attempts."""

    _default_errno = _errno.EBUSY


class ConnectionFailedError(S3Error, ConnectionError):
    """Raised when no connection could be made, or it broke, after all attempts."""

    _default_errno = _errno.ECONNABORTED


class TLSError(ConnectionFailedError):
    """Raised when no trusted TLS connection could be made: certificate, host name or protocol."""


class TruncatedBodyError(ConnectionFailedError):
    """Raised when a response's body ended before its announced length, after all attempts to resume it."""


class RequestTimeoutError(S3Error, TimeoutError):
    """Raised when a connection, a response or the next byte did not come within the configured time."""

    _default_errno = _errno.ETIMEDOUT


_NOT_IN_THE_PATH = "this server takes no bucket in the path; set addressing_style='virtual'"
_UNKNOWN_REGION = (
    "the server does not know the region that was signed for; set region=, which goes before AWS_REGION, "
    "for Cloudflare R2 to 'auto'"
)

_BY_CODE: dict[str, tuple[type[S3Error], str]] = {
    "NoSuchKey": (ObjectNotFoundError, "the object does not exist"),
    "NoSuchVersion": (ObjectNotFoundError, "that version of the object does not exist"),
    "NoSuchUpload": (ObjectNotFoundError, "the multipart upload does not exist (any more)"),
    "NoSuchBucket": (BucketNotFoundError, "the bucket does not exist; create it, or check its name and the endpoint"),
    "BucketAlreadyExists": (BucketExistsError, "the name belongs to somebody else's bucket; choose another"),
    "BucketAlreadyOwnedByYou": (BucketExistsError, "the bucket is there already, and ours"),
    "BucketNotEmpty": (BucketNotEmptyError, "the bucket still holds objects, versions or delete markers"),
    "InvalidBucketName": (InvalidPathError, "the bucket's name is not valid"),
    "KeyTooLongError": (InvalidPathError, "the key is longer than 1,024 bytes"),
    "AccessDenied": (AccessDeniedError, "access was rejected; check the policy of bucket and user"),
    "SecondLevelDomainForbidden": (ConfigError, _NOT_IN_THE_PATH),
    "PathStyleDomainForbidden": (ConfigError, _NOT_IN_THE_PATH),
    "InvalidRegionName": (ConfigError, _UNKNOWN_REGION),
    "XMinioInvalidObjectName": (InvalidPathError, "MinIO keeps no key with such parts"),
    "XMinioInvalidResourceName": (InvalidPathError, "MinIO keeps no key with such parts"),
    "XMinioParentIsObject": (PathNotDirectoryError, "MinIO keeps an object at one of the key's directories"),
    "XMinioObjectExistsAsDirectory": (PathIsDirectoryError, "MinIO keeps objects below this key"),
    "XMinioStorageFull": (ServerError, "the server's disks are full"),
    "AllAccessDisabled": (AccessDeniedError, "all access to the bucket is disabled"),
    "AccountProblem": (AccessDeniedError, "there is a problem with the account"),
    "InvalidAccessKeyId": (CredentialsError, "the access key is unknown; check it, and the endpoint"),
    "SignatureDoesNotMatch": (CredentialsError, "the secret key is wrong, or a proxy changed the request"),
    "ExpiredToken": (CredentialsError, "the session token has expired; fetch new credentials"),
    "InvalidToken": (CredentialsError, "the session token is not valid"),
    "TokenRefreshRequired": (CredentialsError, "the session token must be refreshed"),
    "RequestTimeTooSkewed": (CredentialsError, "this machine's clock is wrong"),
    "AuthorizationHeaderMalformed": (CredentialsError, "the signature was not accepted; check the region"),
    "InvalidRange": (InvalidRangeError, "the range lies outside the object"),
    "PreconditionFailed": (ObjectChangedError, "the object is not the version that was expected"),
    "ConditionalRequestConflict": (ObjectChangedError, "another request changed the object at the same time"),
    "InvalidPart": (
        ObjectChangedError,
        "a part of the upload is another one than was sent, or its size is none that the server takes",
    ),
    "BadDigest": (ChecksumMismatchError, "the bytes that arrived do not have the checksum that was sent"),
    "InvalidDigest": (ChecksumMismatchError, "the checksum that was sent is not one"),
    "XAmzContentSHA256Mismatch": (ChecksumMismatchError, "the bytes that arrived do not have the signed SHA-256"),
    "XAmzContentChecksumMismatch": (ChecksumMismatchError, "the bytes that arrived do not have the checksum"),
    "InvalidObjectState": (RequestError, "the object is archived; restore it first"),
    "PermanentRedirect": (RequestError, "the bucket is elsewhere; check region and endpoint"),
    "IllegalLocationConstraintException": (RequestError, "the bucket is elsewhere; check region and endpoint"),
    "NotImplemented": (UnsupportedError, "this server does not implement that"),
    "MethodNotAllowed": (UnsupportedError, "this server does not allow that here"),
    "SlowDown": (ThrottledError, "the server asks for fewer requests; lower max_concurrency"),
    "Throttling": (ThrottledError, "the server asks for fewer requests; lower max_concurrency"),
    "ThrottlingException": (ThrottledError, "the server asks for fewer requests; lower max_concurrency"),
    "TooManyRequests": (ThrottledError, "the server asks for fewer requests; lower max_concurrency"),
    "RequestLimitExceeded": (ThrottledError, "the server asks for fewer requests; lower max_concurrency"),
    "ServiceUnavailable": (ThrottledError, "the server is overloaded; try again later"),
    "RequestTimeout": (RequestTimeoutError, "the server waited too long for the request"),
    "InternalError": (ServerError, "the server failed; try again later"),
}

_BY_STATUS: dict[int, tuple[type[S3Error], str]] = {
    301: (RequestError, "the bucket is elsewhere; check region and endpoint"),
    401: (CredentialsError, "the server does not accept the credentials"),
    403: (AccessDeniedError, "access was rejected; check credentials and the policy of bucket and user"),
    404: (ObjectNotFoundError, "there is nothing at this path"),
    405: (UnsupportedError, "this server does not allow that here"),
    407: (
        ConnectionFailedError,
        "a proxy wants a user and a password; put the right ones into HTTP_PROXY or HTTPS_PROXY",
    ),
    408: (RequestTimeoutError, "the server waited too long for the request"),
    412: (ObjectChangedError, "the object is not the version that was expected"),
    416: (InvalidRangeError, "the range lies outside the object"),
    429: (ThrottledError, "the server asks for fewer requests; lower max_concurrency"),
    501: (UnsupportedError, "this server does not implement that"),
    503: (ThrottledError, "the server is overloaded; try again later"),
}

_SERVER_ERRORS_FROM = 500


def error_class(code: str | None, status: int | None) -> tuple[type[S3Error], str]:
    """Choose the class and the explanation for S3's ``code``, or for the HTTP ``status`` where no code is known."""
    if code in _BY_CODE:
        return _BY_CODE[code]
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    if status is not None and status >= _SERVER_ERRORS_FROM:
        return ServerError, "the server failed; try again later"
    return RequestError, "the server rejected the request"


def from_response(
    *,
    operation: str,
    path: str,
    code: str | None,
    status: int | None,
    detail: str = "",
    request_id: str | None = None,
) -> S3Error:
    """Build the error for a response of S3: what was tried, on which path, what S3 status_and_code, and what to do."""
    cls, explanation = error_class(code, status)
    status_and_code = " ".join(str(part) for part in (status, code if code != str(status) else None) if part)
    response = (status_and_code or "an error") + (f": {detail.rstrip('.')}" if detail else "")
    trace = f", request id {request_id}" if request_id else ""
    return cls(
        f"{operation} {path}: {explanation}{_RESPONDED}{response}{trace})",
        path=path,
        operation=operation,
        code=code,
        status=status,
        request_id=request_id,
    )


def reworded(error: S3Error, message: str) -> S3Error:
    """Return an error of the same kind and with the same fields that says ``message``; its attempts are over."""
    fields = {name: getattr(error, name) for name in ("path", "operation", "code", "status", "request_id")}
    other = _rebuild(type(error), message, fields, getattr(error, "errno", None))
    other.retry_after = error.retry_after
    other.is_final = True
    return other


def about_request(error: S3Error, operation: str, path: str) -> S3Error:
    """Return an error of the same kind, made where the request was not known, that says which one it was."""
    return type(error)(f"{operation} {path}: {error.message}", path=path, operation=operation, code=error.code)


def worth_retrying(error: BaseException) -> bool:
    """Return whether the same request may succeed when it is sent again."""
    if isinstance(error, TLSError):
        return False
    if isinstance(error, ConnectionFailedError) and error.status is not None and error.status < _SERVER_ERRORS_FROM:
        return False  # a proxy has rejected the request
    return isinstance(error, (ConnectionFailedError, RequestTimeoutError, ServerError))


if not TYPE_CHECKING:  # a checker that saw it would let every name pass

    def __getattr__(name: str) -> object:
        if name != "ZipArchiveError":
            message = f"module {__name__!r} has no attribute {name!r}"
            raise AttributeError(message)
        value = globals()[name] = _import_module("aios3._archive_error").ZipArchiveError
        return value
