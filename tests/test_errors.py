"""The errors: the tree that is drawn is the tree there is, the table chooses by code, and messages say enough."""

from __future__ import annotations

import builtins
import copy
import errno
import inspect
import io
import pickle
import re
import zipfile

import pytest

from aios3 import errors
from aios3.errors import S3Error, error_class, from_response, worth_retrying

CLASSES = [getattr(errors, name) for name in errors.__all__]
_LINE = re.compile(r"(?P<bars>[| ]*)\+-- (?P<name>\w+)(?: \((?P<builtins>[\w., ]+)\))?")


def drawn_tree() -> dict[str, tuple[str, list[str]]]:
    """Return parent and builtins of each class, as the module's docstring draws them."""
    tree, branch = {}, ["S3Error"]
    for line in errors.__doc__.splitlines():
        match = _LINE.match(line.removeprefix("    "))
        if match is None:
            continue
        depth = len(match["bars"]) // 4
        del branch[depth + 1 :]
        tree[match["name"]] = (branch[depth], (match["builtins"] or "").split(", "))
        branch.append(match["name"])
    return tree


def builtin_named(name: str) -> type[BaseException]:
    module, _, cls = name.rpartition(".")
    return getattr({"": builtins, "io": io, "zipfile": zipfile}[module], cls)


def test_the_drawn_tree_has_every_class():
    assert sorted([*drawn_tree(), "S3Error"]) == sorted(errors.__all__)
    defined = [name for name, found in vars(errors).items() if inspect.isclass(found) and issubclass(found, Exception)]
    assert sorted(defined) == sorted(errors.__all__)


@pytest.mark.parametrize(("name", "place"), drawn_tree().items())
def test_the_drawn_tree_is_the_real_one(name, place):
    parent, names = place
    cls = getattr(errors, name)
    ours = [base for base in cls.__bases__ if issubclass(base, S3Error)]
    others = [base for base in cls.__bases__ if not issubclass(base, S3Error)]
    assert ours == [getattr(errors, parent)]
    assert others == [builtin_named(name) for name in names if name]


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_each_class_says_when_it_is_raised(cls):
    assert cls is S3Error or cls.__doc__.startswith("Raised when ")


FIELDS = {"path": "s3://b/k", "operation": "GetObject", "code": "Odd", "status": 418, "request_id": "R1"}

ERRNO = {
    "AccessDeniedError": errno.EACCES,
    "BucketExistsError": errno.EEXIST,
    "BucketNotEmptyError": errno.ENOTEMPTY,
    "BucketNotFoundError": errno.ENOENT,
    "ChecksumMismatchError": errno.EIO,
    "ConnectionFailedError": errno.ECONNABORTED,
    "CredentialsError": errno.EACCES,
    "FileChangedError": errno.EIO,
    "InvalidRangeError": errno.EINVAL,
    "NoCredentialsError": errno.EACCES,
    "NotALinkError": errno.EINVAL,
    "ObjectChangedError": errno.ESTALE,
    "ObjectExistsError": errno.EEXIST,
    "ObjectNotFoundError": errno.ENOENT,
    "PartialFailureError": errno.EIO,
    "PathIsDirectoryError": errno.EISDIR,
    "PathNotDirectoryError": errno.ENOTDIR,
    "RequestError": errno.EINVAL,
    "RequestTimeoutError": errno.ETIMEDOUT,
    "ServerError": errno.EIO,
    "TLSError": errno.ECONNABORTED,
    "ThrottledError": errno.EBUSY,
    "TruncatedBodyError": errno.ECONNABORTED,
    "UnsupportedError": errno.EOPNOTSUPP,
}


def test_the_errno_of_every_class_of_the_operating_system_is_checked_below():
    assert sorted(ERRNO) == sorted(cls.__name__ for cls in CLASSES if issubclass(cls, OSError))


@pytest.mark.parametrize("name", ERRNO)
def test_errno_and_filename(name):
    error = getattr(errors, name)("it failed", path="s3://b/k")
    assert (error.errno, error.filename, error.strerror) == (ERRNO[name], "s3://b/k", "it failed")
    assert getattr(errors, name)("it failed").filename is None


@pytest.mark.parametrize("name", ERRNO)
def test_the_errno_contradicts_the_builtin_class_nowhere(name):
    python_would_raise = type(OSError(ERRNO[name], "it failed"))
    builtin = next(base for base in getattr(errors, name).__mro__ if base.__module__ in ("builtins", "io"))
    assert issubclass(python_would_raise, builtin) or issubclass(builtin, python_would_raise)


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda error: pickle.loads(pickle.dumps(error))])
@pytest.mark.parametrize("fields", [FIELDS, {}], ids=["all fields", "no field"])
def test_survives_copying_and_pickling(cls, again, fields):
    error = cls("it failed", **fields)
    twin = again(error)
    assert type(twin) is cls
    assert str(twin) == twin.message == "it failed"
    assert vars(twin) == vars(error) == {"message": "it failed"} | dict.fromkeys(FIELDS) | fields
    if isinstance(error, OSError):
        assert (twin.errno, twin.filename) == (error.errno, error.filename)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_survives_every_protocol(protocol):
    error = from_response(operation="GetObject", path="s3://b/k", code="NoSuchKey", status=404, request_id="R1")
    twin = pickle.loads(pickle.dumps(error, protocol))
    assert (type(twin), str(twin), vars(twin)) == (type(error), str(error), vars(error))


# Amazon's list of error codes, and what a program would catch for each.
BY_CODE = [
    ("NoSuchKey", 404, FileNotFoundError, errors.ObjectNotFoundError),
    ("NoSuchVersion", 404, FileNotFoundError, errors.ObjectNotFoundError),
    ("NoSuchUpload", 404, FileNotFoundError, errors.ObjectNotFoundError),
    ("NoSuchBucket", 404, FileNotFoundError, errors.BucketNotFoundError),
    ("BucketAlreadyExists", 409, FileExistsError, errors.BucketExistsError),
    ("BucketAlreadyOwnedByYou", 409, FileExistsError, errors.BucketExistsError),
    ("BucketNotEmpty", 409, OSError, errors.BucketNotEmptyError),
    ("InvalidBucketName", 400, ValueError, errors.InvalidPathError),
    ("SecondLevelDomainForbidden", 403, ValueError, errors.ConfigError),
    ("PathStyleDomainForbidden", 403, ValueError, errors.ConfigError),
    ("InvalidRegionName", 400, ValueError, errors.ConfigError),
    ("XMinioInvalidObjectName", 400, ValueError, errors.InvalidPathError),
    ("XMinioInvalidResourceName", 400, ValueError, errors.InvalidPathError),
    ("XMinioParentIsObject", 400, NotADirectoryError, errors.PathNotDirectoryError),
    ("XMinioObjectExistsAsDirectory", 409, IsADirectoryError, errors.PathIsDirectoryError),
    ("XMinioStorageFull", 507, OSError, errors.ServerError),
    ("KeyTooLongError", 400, ValueError, errors.InvalidPathError),
    ("AccessDenied", 403, PermissionError, errors.AccessDeniedError),
    ("AllAccessDisabled", 403, PermissionError, errors.AccessDeniedError),
    ("AccountProblem", 403, PermissionError, errors.AccessDeniedError),
    ("InvalidAccessKeyId", 403, PermissionError, errors.CredentialsError),
    ("SignatureDoesNotMatch", 403, PermissionError, errors.CredentialsError),
    ("ExpiredToken", 400, PermissionError, errors.CredentialsError),
    ("InvalidToken", 400, PermissionError, errors.CredentialsError),
    ("TokenRefreshRequired", 400, PermissionError, errors.CredentialsError),
    ("RequestTimeTooSkewed", 403, PermissionError, errors.CredentialsError),
    ("AuthorizationHeaderMalformed", 400, PermissionError, errors.CredentialsError),
    ("InvalidRange", 416, ValueError, errors.InvalidRangeError),
    ("PreconditionFailed", 412, OSError, errors.ObjectChangedError),
    ("ConditionalRequestConflict", 409, OSError, errors.ObjectChangedError),
    ("InvalidPart", 400, OSError, errors.ObjectChangedError),
    ("BadDigest", 400, OSError, errors.ChecksumMismatchError),
    ("InvalidDigest", 400, OSError, errors.ChecksumMismatchError),
    ("XAmzContentSHA256Mismatch", 400, OSError, errors.ChecksumMismatchError),
    ("XAmzContentChecksumMismatch", 400, OSError, errors.ChecksumMismatchError),
    ("InvalidObjectState", 403, OSError, errors.RequestError),
    ("PermanentRedirect", 301, OSError, errors.RequestError),
    ("IllegalLocationConstraintException", 400, OSError, errors.RequestError),
    ("NotImplemented", 501, io.UnsupportedOperation, errors.UnsupportedError),
    ("MethodNotAllowed", 405, io.UnsupportedOperation, errors.UnsupportedError),
    ("SlowDown", 503, OSError, errors.ThrottledError),
    ("Throttling", 400, OSError, errors.ThrottledError),
    ("ThrottlingException", 400, OSError, errors.ThrottledError),
    ("TooManyRequests", 429, OSError, errors.ThrottledError),
    ("RequestLimitExceeded", 503, OSError, errors.ThrottledError),
    ("ServiceUnavailable", 503, OSError, errors.ThrottledError),
    ("RequestTimeout", 400, TimeoutError, errors.RequestTimeoutError),
    ("InternalError", 500, OSError, errors.ServerError),
]


def test_every_code_of_the_table_is_checked_below():
    assert sorted(code for code, *_ in BY_CODE) == sorted(errors._BY_CODE)


@pytest.mark.parametrize(("code", "status", "builtin", "expected"), BY_CODE)
def test_the_code_chooses(code, status, builtin, expected):
    for seen_status in (status, None, 200):
        cls, explanation = error_class(code, seen_status)
        assert cls is expected
        assert issubclass(cls, builtin)
        assert explanation


BY_STATUS = [
    (400, errors.RequestError),
    (401, errors.CredentialsError),
    (403, errors.AccessDeniedError),
    (404, errors.ObjectNotFoundError),
    (405, errors.UnsupportedError),
    (408, errors.RequestTimeoutError),
    (301, errors.RequestError),
    (409, errors.RequestError),  # BucketNotEmpty and others say nothing of an object
    (412, errors.ObjectChangedError),
    (416, errors.InvalidRangeError),
    (418, errors.RequestError),
    (429, errors.ThrottledError),
    (499, errors.RequestError),
    (500, errors.ServerError),
    (501, errors.UnsupportedError),
    (502, errors.ServerError),
    (503, errors.ThrottledError),
    (504, errors.ServerError),
    (599, errors.ServerError),
    (None, errors.RequestError),
]


@pytest.mark.parametrize("code", [None, "", "SomethingNew"])
@pytest.mark.parametrize(("status", "expected"), BY_STATUS)
def test_the_status_chooses_where_the_code_is_unknown(code, status, expected):
    assert error_class(code, status)[0] is expected


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("Bucket", 400),
        ("NoSuch", 400),
        ("NoSuchBucketPolicy", 400),
        ("nosuchkey", 400),
        ("NoSuchKey ", 400),
        ("XNoSuchKey", 400),
        ("AccessDeniedException2", 400),
        ("404", 400),
    ],
)
def test_a_code_that_resembles_another_is_not_it(code, status):
    assert error_class(code, status)[0] is errors.RequestError


def test_the_text_of_a_message_chooses_nothing():
    detail = "NoSuchBucket: Access Denied, 404, SlowDown"
    error = from_response(operation="PutObject", path="s3://b/k", code="Odd", status=400, detail=detail)
    assert type(error) is errors.RequestError


def test_a_message_says_what_was_tried_where_and_what_s3_said():
    error = from_response(
        operation="GetObject", path="s3://b/k", code="SlowDown", status=503, detail="Reduce your rate.", request_id="R1"
    )
    assert str(error) == (
        "GetObject s3://b/k: the server asks for fewer requests; lower max_concurrency "
        "(S3 responded with 503 SlowDown: Reduce your rate, request id R1)"
    )
    assert vars(error) == {
        "message": str(error),
        "path": "s3://b/k",
        "operation": "GetObject",
        "code": "SlowDown",
        "status": 503,
        "request_id": "R1",
    }


@pytest.mark.parametrize(
    ("code", "status", "said"),
    [
        ("Odd", 400, "(S3 responded with 400 Odd)"),
        ("400", 400, "(S3 responded with 400)"),
        (None, 400, "(S3 responded with 400)"),
        ("Odd", None, "(S3 responded with Odd)"),
        (None, None, "(S3 responded with an error)"),
    ],
)
def test_a_message_repeats_nothing_and_invents_nothing(code, status, said):
    error = from_response(operation="HeadObject", path="s3://b/k", code=code, status=status)
    assert str(error) == f"HeadObject s3://b/k: the server rejected the request {said}"


RETRYABLE = {
    "ConnectionFailedError",
    "RequestTimeoutError",
    "ServerError",
    "ThrottledError",
    "TruncatedBodyError",
}


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_which_errors_are_worth_a_retry(cls):
    assert worth_retrying(cls("it failed")) is (cls.__name__ in RETRYABLE)


@pytest.mark.parametrize(
    "error", [ConnectionResetError(), TimeoutError(), OSError(), ValueError(), KeyboardInterrupt()]
)
def test_other_exceptions_are_not_retried(error):
    assert not worth_retrying(error)


@pytest.mark.parametrize("again", [copy.copy, lambda error: pickle.loads(pickle.dumps(error))])
def test_an_errno_of_its_own_travels(again):
    error = errors.ObjectNotFoundError("a loop of links", path="s3://b/k")
    error.errno = errno.ELOOP
    assert (again(error).errno, again(error).filename) == (errno.ELOOP, "s3://b/k")
