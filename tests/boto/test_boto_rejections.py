"""The backend on aiobotocore: the class of an error follows what S3 responds."""

from __future__ import annotations

import pickle

import pytest
from boto_calls import URL
from boto_failures import failing, rejection

from aios3 import errors
from aios3._paths import S3Url
from scripted import Scripted, response, xml


@pytest.mark.parametrize(
    ("call", "said", "expected", "code"),
    [
        ("get", rejection(404, "NoSuchKey"), errors.ObjectNotFoundError, "NoSuchKey"),
        ("put", rejection(404, "NoSuchBucket"), errors.BucketNotFoundError, "NoSuchBucket"),
        ("put", rejection(404, "NoSuchKey"), errors.ObjectNotFoundError, "NoSuchKey"),
        ("get", rejection(403, "AccessDenied"), errors.AccessDeniedError, "AccessDenied"),
        ("get", rejection(403, "SignatureDoesNotMatch"), errors.CredentialsError, "SignatureDoesNotMatch"),
        ("get", rejection(416, "InvalidRange"), errors.InvalidRangeError, "InvalidRange"),
        ("get", rejection(412, "PreconditionFailed"), errors.ObjectChangedError, "PreconditionFailed"),
        ("swap", rejection(412, "PreconditionFailed"), errors.ObjectChangedError, "PreconditionFailed"),
        ("create", rejection(412, "PreconditionFailed"), errors.ObjectExistsError, "PreconditionFailed"),
        ("complete new", rejection(412, "PreconditionFailed"), errors.ObjectExistsError, "PreconditionFailed"),
        (
            "create",
            rejection(409, "ConditionalRequestConflict"),
            errors.ObjectChangedError,
            "ConditionalRequestConflict",
        ),
        ("put", rejection(400, "BadDigest"), errors.ChecksumMismatchError, "BadDigest"),
        ("put", rejection(501, "NotImplemented"), errors.UnsupportedError, "NotImplemented"),
        ("put", rejection(400, "InvalidStorageClass"), errors.RequestError, "InvalidStorageClass"),
        ("get", rejection(500, "InternalError"), errors.ServerError, "InternalError"),
        ("get", rejection(503, "SlowDown"), errors.ThrottledError, "SlowDown"),
        (
            "complete",
            response(200, xml("Error", Code="InternalError", Message="")),
            errors.ServerError,
            "InternalError",
        ),
        ("copy", response(200, xml("Error", Code="SlowDown", Message="")), errors.ThrottledError, "SlowDown"),
    ],
)
async def test_the_class_of_an_error_follows_the_code(slots, call, said, expected, code):
    async with Scripted(said) as server:
        error = await failing(slots, call, endpoint_url=server.url)
    assert type(error) is expected
    assert (error.code, error.path) == (code, "s3://bucket/key")
    assert str(URL) in str(error)


async def test_an_error_says_what_was_tried_and_what_came_back(slots):
    async with Scripted(rejection(403, "AccessDenied")) as server:
        error = await failing(slots, "get", endpoint_url=server.url)
    assert (error.operation, error.status, error.request_id) == ("GetObject", 403, "REQ1")
    assert "because" in str(error)
    assert pickle.loads(pickle.dumps(error)).request_id == "REQ1"


@pytest.mark.parametrize(
    ("call", "status", "expected"),
    [
        ("head", 404, errors.ObjectNotFoundError),
        ("bucket", 404, errors.BucketNotFoundError),
        ("bucket", 403, errors.AccessDeniedError),
        ("head", 412, errors.ObjectChangedError),
        ("head", 400, errors.RequestError),
        ("head", 405, errors.UnsupportedError),
        ("head", 500, errors.ServerError),
        ("head", 503, errors.ThrottledError),
    ],
)
async def test_a_head_has_a_status_only(slots, call, status, expected):
    # After a 400 it is asked without checksums, and botocore asks for the region of the bucket, each time.
    async with Scripted(*[response(status)] * 4) as server:
        error = await failing(slots, call, endpoint_url=server.url)
    assert type(error) is expected
    assert error.status == status


async def test_a_rejected_description_is_asked_for_once_more_without_checksums(slots):
    async with Scripted(response(403), response(403)) as server:
        assert type(await failing(slots, "head", endpoint_url=server.url)) is errors.AccessDeniedError
    async with Scripted(response(403)) as server:
        error = await failing(slots, "head", endpoint_url=server.url, checksums="off")
    assert type(error) is errors.AccessDeniedError


@pytest.mark.parametrize(
    ("call", "said", "expected"),
    [
        ("list", response(200, b"<html>hello</html>"), errors.ServerError),
        ("list", response(200, b"not xml"), errors.ServerError),
        ("get", response(502, b"<html>Bad gateway</html>"), errors.ServerError),
        ("get", response(404, b"<html>nothing</html>"), errors.ObjectNotFoundError),
        ("get", response(403, b""), errors.AccessDeniedError),
        ("complete", response(200, b"<CompleteMultipartUploadRes"), errors.ServerError),
        ("complete", response(200, b""), errors.ServerError),
        ("complete", response(200, b"<html>hello</html>"), errors.ServerError),
        ("copy", response(200, b""), errors.UnsupportedError),
        ("head", response(200, content_length=""), errors.ServerError),
        ("get", b"SMTP is not HTTP\r\n\r\n", errors.ServerError),
    ],
)
async def test_responses_that_are_not_s3s(slots, call, said, expected):
    async with Scripted(said) as server:
        assert type(await failing(slots, call, endpoint_url=server.url)) is expected


async def test_an_object_that_is_sent_instead_of_its_tags_is_not_read(slots):
    """rclone ignores ?tagging. Of the 1 TiB that this server announces, none arrives: who reads it waits."""
    object_head = response(200, b"the object", content_length=str(1 << 40), etag='"1"')
    async with Scripted(object_head) as server:
        error = await failing(slots, "tags", endpoint_url=server.url)
        assert type(error) is errors.UnsupportedError
        assert str(error).startswith(f"GetObjectTagging {URL}: the server ignores ?tagging")
        await server.closed_by_client()


async def test_moto_says_the_same(slots, local):
    missing, nowhere = S3Url("bucket", "missing"), S3Url("nowhere", "key")
    assert type(await failing(slots, "get", missing, **local.config)) is errors.ObjectNotFoundError
    assert type(await failing(slots, "head", missing, **local.config)) is errors.ObjectNotFoundError
    for call in ("get", "put", "list", "bucket"):
        assert type(await failing(slots, call, nowhere, **local.config)) is errors.BucketNotFoundError
