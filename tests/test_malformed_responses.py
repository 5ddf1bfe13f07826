"""Responses of success that are none: each call of the backend ends in an error of ours, on both transports.

A portal's page, an empty body, another document, or one that lacks what has to be in it. What was asked for must not
count as done, and nothing but an error of :mod:`aios3.errors` may come out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import aios3
from aios3._backend import GetOptions, ObjectVersion, PartSource, Precondition, PutOptions
from aios3._buckets.configuration import CORS, LIFECYCLE, TAGGING, read_document
from aios3._buckets.settings import get_tags
from aios3._buckets.versions import version_pages
from aios3._paths import S3Url
from scripted import Scripted, response

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from aios3._calls import ObjectBackend

    Call = Callable[[ObjectBackend, aios3.Session], Awaitable[object]]

URL, OTHER, BUCKET = S3Url("bucket", "key"), S3Url("bucket", "other"), S3Url("bucket")
VERSIONS = [ObjectVersion("key", "1", 1.0), ObjectVersion("key", "2", 1.0)]
PLAIN: dict[str, Any] = {"options": PutOptions(), "condition": Precondition(), "checksum": None}


async def all_versions(_backend: ObjectBackend, session: aios3.Session) -> list[object]:
    return [page async for page in version_pages(session, BUCKET)]


def of_bucket(call: Callable[[Any], Awaitable[object]]) -> Call:
    """Return a call of what only administers, which aiobotocore sends for both transports."""

    async def ask(_backend: ObjectBackend, session: aios3.Session) -> object:
        return await call(await session.admin(BUCKET))

    return ask


def administer(operation: str, **parameters: object) -> Call:
    return of_bucket(lambda admin: admin.call_operation(operation, BUCKET, parameters))


CORS_RULES = {"CORSRules": [{"AllowedMethods": ["GET"], "AllowedOrigins": ["*"]}]}
RULE = {"ID": "i", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 1}}

SILENT: dict[str, Call] = {
    "AbortMultipartUpload": lambda backend, _: backend.abort_multipart_upload(URL, "u"),
    "CreateBucket": administer("CreateBucket"),
    "DeleteBucket": administer("DeleteBucket"),
    "DeleteBucketCors": administer("DeleteBucketCors"),
    "DeleteBucketLifecycle": administer("DeleteBucketLifecycle"),
    "DeleteBucketPolicy": administer("DeleteBucketPolicy"),
    "DeleteBucketTagging": administer("DeleteBucketTagging"),
    "DeleteObject": lambda backend, _: backend.delete_object(URL),
    "DeletePublicAccessBlock": administer("DeletePublicAccessBlock"),
    "PutBucketCors": administer("PutBucketCors", CORSConfiguration=CORS_RULES),
    "PutBucketLifecycleConfiguration": administer(
        "PutBucketLifecycleConfiguration", LifecycleConfiguration={"Rules": [RULE]}
    ),
    "PutBucketPolicy": administer("PutBucketPolicy", Policy="{}"),
    "PutBucketTagging": administer("PutBucketTagging", Tagging={"TagSet": [{"Key": "a", "Value": "b"}]}),
    "PutBucketVersioning": administer("PutBucketVersioning", VersioningConfiguration={"Status": "Enabled"}),
    "PutPublicAccessBlock": administer(
        "PutPublicAccessBlock", PublicAccessBlockConfiguration={"BlockPublicAcls": False}
    ),
}
"""Calls that S3 responds to with an empty body."""

CALLS: dict[str, Call] = SILENT | {
    "CompleteMultipartUpload": lambda backend, _: backend.complete_multipart_upload(URL, "u", [], **PLAIN),
    "CopyObject": lambda backend, _: backend.copy_object(OTHER, URL, options=None),
    "CreateMultipartUpload": lambda backend, _: backend.create_multipart_upload(URL, PutOptions(), None),
    "DeleteObjects": lambda backend, _: backend.delete_objects(BUCKET, ["key", "other"]),
    "DeleteObjects of versions": of_bucket(lambda admin: admin.delete_versions(BUCKET, VERSIONS)),
    "GetBucketCors": lambda _, session: read_document(session, BUCKET, CORS),
    "GetBucketLifecycle": lambda _, session: read_document(session, BUCKET, LIFECYCLE),
    "GetBucketPolicy": lambda _, session: aios3.Bucket(str(BUCKET), session=session).get_policy(),
    "GetBucketTagging": lambda _, session: read_document(session, BUCKET, TAGGING),
    "GetBucketVersioning": administer("GetBucketVersioning"),
    "GetObjectTagging": of_bucket(lambda admin: admin.get_tags(URL)),
    "HeadObject": lambda backend, _: backend.head_object(URL, GetOptions()),
    "ListBuckets": lambda backend, _: backend.list_buckets(),
    "ListMultipartUploads": of_bucket(lambda admin: admin.list_multipart_uploads(URL)),
    "ListObjectVersions": all_versions,
    "ListObjectsV2": lambda backend, _: backend.list_objects(BUCKET),
    "ListParts": of_bucket(lambda admin: admin.list_parts(URL, "u")),
    "PutObject": lambda backend, _: backend.put_object(URL, [b"x"], **PLAIN),
    "UploadPart": lambda backend, _: backend.upload_part(URL, "u", 1, [b"x"], options=PutOptions(), checksum=None),
    "UploadPartCopy": lambda backend, _: backend.upload_part_copy(URL, "u", 1, PartSource(OTHER, 0, 1)),
}
"""Every call whose response has a body, or must have none."""

HEADS: dict[str, Call] = {
    "GetObject": lambda backend, _: backend.get_object(URL, start=0, stop=None, options=GetOptions()),
    "GetObject of a range": lambda backend, _: backend.get_object(URL, start=0, stop=5, options=GetOptions()),
    "HeadBucket": lambda backend, _: backend.head_bucket(BUCKET),
    "HeadObject": lambda backend, _: backend.head_object(URL, GetOptions()),
}
"""Calls of whose response the head has to tell."""

WHOLE = {
    "nothing": b"",
    "a portal's page": b"<html><head><title>Please log in</title></head><body/></html>",
    "a portal's page that is no XML": b"<!DOCTYPE html><html><meta charset=utf-8><p>Please log in",
    "another document": b"<Something><Key>key</Key></Something>".replace(b"Key", b"Thing"),
    "its beginning": b"<?xml version=",
    "bytes": b"\x00\xff\xfe",
}

MEANT = {("GetBucketPolicy", "nothing")} | {(operation, "nothing") for operation in SILENT}
"""What does mean something: some servers send an empty policy where there is none."""

LACKING = [
    ("CompleteMultipartUpload", b"<CompleteMultipartUploadResult><Bucket>b</Bucket></CompleteMultipartUploadResult>"),
    ("CopyObject", b"<CopyObjectResult><LastModified>2015-10-21T07:28:00Z</LastModified></CopyObjectResult>"),
    ("CopyObject", b"<CopyObjectResult><ETag/></CopyObjectResult>"),
    ("CreateMultipartUpload", b"<InitiateMultipartUploadResult><Bucket>b</Bucket></InitiateMultipartUploadResult>"),
    ("CreateMultipartUpload", b"<InitiateMultipartUploadResult><UploadId/></InitiateMultipartUploadResult>"),
    ("DeleteObjects", b"<DeleteResult/>"),
    ("DeleteObjects", b"<DeleteResult><Deleted/></DeleteResult>"),
    ("DeleteObjects", b"<DeleteResult><Deleted><Key>else</Key></Deleted></DeleteResult>"),
    ("DeleteObjects", b"<DeleteResult><Error><Code>InternalError</Code></Error></DeleteResult>"),
    ("DeleteObjects of versions", b"<DeleteResult/>"),
    ("DeleteObjects of versions", b"<DeleteResult><Deleted><VersionId>1</VersionId></Deleted></DeleteResult>"),
    ("GetObjectTagging", b"<Tagging/>"),
    ("GetObjectTagging", b"<Tagging><TagSet><Tag><Key>a</Key></Tag></TagSet></Tagging>"),
    ("GetObjectTagging", b"<Tagging><TagSet><Tag><Value>a</Value></Tag></TagSet></Tagging>"),
    ("ListBuckets", b"<ListAllMyBucketsResult/>"),
    (
        "ListBuckets",
        b"<ListAllMyBucketsResult><Buckets><Bucket><Name>b</Name></Bucket></Buckets></ListAllMyBucketsResult>",
    ),
    ("ListMultipartUploads", b"<ListMultipartUploadsResult/>"),
    ("ListMultipartUploads", b"<R><IsTruncated>false</IsTruncated><Upload><Key>k</Key></Upload></R>"),
    ("ListObjectVersions", b"<ListVersionsResult/>"),
    ("ListObjectVersions", b"<R><IsTruncated>false</IsTruncated><Version><VersionId>1</VersionId></Version></R>"),
    ("ListObjectVersions", b"<R><IsTruncated>false</IsTruncated><DeleteMarker/></R>"),
    ("ListObjectsV2", b"<ListBucketResult/>"),
    ("ListObjectsV2", b"<R><IsTruncated>false</IsTruncated><Contents><Size>1</Size></Contents></R>"),
    ("ListParts", b"<ListPartsResult/>"),
    ("ListParts", b"<R><IsTruncated>false</IsTruncated><Part><PartNumber>1</PartNumber></Part></R>"),
    ("ListParts", b"<R><IsTruncated>false</IsTruncated><Part><ETag>e</ETag></Part></R>"),
    ("UploadPartCopy", b"<CopyPartResult/>"),
]
"""Documents of the right kind without what has to be in them."""


@pytest.fixture(params=["native", "aiobotocore"])
def transport(request) -> str:
    return "auto" if request.param == "native" else request.param


async def outcome(
    transport: str, call: Call, body: bytes, status: int = 200, **headers: str
) -> tuple[object, Scripted]:
    server = Scripted(*[response(status, body, **{"x_amz_id_2": ""} | headers)] * 4)
    async with (
        server,
        aios3.Session(
            endpoint_url=server.url,
            region="us-east-1",
            credentials=aios3.Credentials("a", "b"),
            transport=transport,
            max_attempts=1,
        ) as session,
    ):
        try:
            return await call(await session.backend(URL), session), server
        except aios3.S3Error as error:
            return error, server


CELLS = [
    (operation, what)
    for operation in CALLS
    for what in WHOLE
    if (operation, what) not in MEANT and (operation != "HeadObject" or what == "nothing")
]


@pytest.mark.parametrize(("operation", "what"), CELLS)
async def test_a_response_that_does_not_come_from_s3_is_an_error(transport, operation, what):
    is_head = operation == "HeadObject"  # its response has a head only, and that no length here
    headers = {"content_length": ""} if is_head else {}
    found, server = await outcome(transport, CALLS[operation], b"" if is_head else WHOLE[what], **headers)
    assert isinstance(found, (aios3.ServerError, aios3.UnsupportedError, aios3.ConnectionFailedError)), found
    assert len(server.requests) == 1


@pytest.mark.parametrize("operation", SILENT)
@pytest.mark.parametrize("status", [200, 204])
async def test_nothing_is_what_s3_says_to_many_requests(transport, operation, status):
    found, server = await outcome(transport, SILENT[operation], b"", status)
    assert not isinstance(found, aios3.S3Error), found
    assert len(server.requests) == 1


async def test_a_plain_word_as_body_is_accepted(transport):
    found, _ = await outcome(transport, SILENT["PutBucketPolicy"], b"True")  # as moto responds
    assert not isinstance(found, aios3.S3Error), found


@pytest.mark.parametrize("operation", HEADS)
async def test_the_headers_of_a_portals_page_are_an_error(transport, operation):
    page = b"" if operation.startswith("Head") else WHOLE["a portal's page"]
    about = {"content_type": "text/html; charset=utf-8", "cache_control": "no-store"}
    found, server = await outcome(transport, HEADS[operation], page, **about)
    assert isinstance(found, aios3.ServerError), found
    assert f"{operation.partition(' ')[0]} s3://bucket" in str(found)
    assert len(server.requests) == 1


@pytest.mark.parametrize("operation", HEADS)
@pytest.mark.parametrize("header", ["etag", "last_modified", "x_amz_request_id", "x_amz_meta_name"])
async def test_one_header_of_s3s_is_enough(transport, operation, header):
    value = "Wed, 21 Oct 2015 07:28:00 GMT" if header == "last_modified" else '"e"'
    content_type = {"content_type": "text/html"} if "x_amz" in header or "Object" in operation else {}
    found, _ = await outcome(transport, HEADS[operation], b"", **{header: value}, **content_type)
    assert not isinstance(found, aios3.S3Error), found
    if hasattr(found, "close"):
        found.close()


@pytest.mark.parametrize(
    "body", [b"<VersioningConfiguration/>", b'<?xml version="1.0"?>\n<s:GetBucketVersioningResponse xmlns:s="x"/>']
)
async def test_a_bucket_that_never_kept_versions_says_so_by_an_empty_document(transport, body):
    found, _ = await outcome(transport, CALLS["GetBucketVersioning"], body)
    assert "Status" not in found


@pytest.mark.parametrize(("operation", "body"), LACKING)
async def test_a_response_without_its_required_fields_is_an_error(transport, operation, body):
    found, server = await outcome(transport, CALLS[operation], body)
    assert isinstance(found, (aios3.ServerError, aios3.UnsupportedError)), found
    assert str(found).startswith(f"{operation.partition(' ')[0]} s3://")
    assert len(server.requests) == 1


CONTENT = "<R><IsTruncated>false</IsTruncated><Contents><Key>k</Key>{}</Contents></R>"
BUCKETS = "<ListAllMyBucketsResult><Buckets><Bucket><Name>b</Name>{}</Bucket></Buckets></ListAllMyBucketsResult>"
WRONG_VALUES = [
    ("ListObjectsV2", CONTENT.format("<Size>three</Size><LastModified>2015-10-21T07:28:00Z</LastModified>")),
    ("ListObjectsV2", CONTENT.format("<Size>3</Size><LastModified>yesterday</LastModified>")),
    ("ListBuckets", BUCKETS.format("<CreationDate>yesterday</CreationDate>")),
    ("ListParts", "<R><IsTruncated>maybe</IsTruncated><Part><PartNumber>one</PartNumber><ETag>e</ETag></Part></R>"),
    ("ListMultipartUploads", "<R><Upload><Key>k</Key><UploadId>u</UploadId><Initiated>now</Initiated></Upload></R>"),
    ("ListObjectVersions", "<R><Version><Key>k</Key><VersionId>1</VersionId><Size>three</Size></Version></R>"),
]


@pytest.mark.parametrize(("operation", "body"), WRONG_VALUES)
async def test_a_number_or_a_time_that_is_none_is_an_error(transport, operation, body):
    async def ask(backend: ObjectBackend, session: aios3.Session) -> object:
        found: Any = await CALLS[operation](backend, session)
        return list(getattr(found, "stats", ()))  # built when they are asked for

    found, _ = await outcome(transport, ask, body.encode())
    assert isinstance(found, aios3.ServerError), found
    assert f"{operation} s3://" in str(found)


@pytest.mark.parametrize("operation", ["GetObject", "HeadObject"])
async def test_a_time_in_a_header_that_is_none_is_an_error_or_unknown(transport, operation):
    found, _ = await outcome(transport, HEADS[operation], b"", etag='"e"', last_modified="yesterday")
    if isinstance(found, Exception):
        assert isinstance(found, aios3.ServerError), found
    elif operation == "GetObject":
        found.close()


@pytest.mark.parametrize("operation", sorted(CALLS.keys() - {"HeadObject", "GetBucketPolicy"}))
@pytest.mark.parametrize(
    ("code", "kind"), [("InternalError", aios3.ServerError), ("AccessDenied", aios3.AccessDeniedError)]
)
async def test_an_error_in_a_response_of_success_keeps_its_code(transport, operation, code, kind):
    body = f"<Error><Code>{code}</Code><Message>said so</Message></Error>".encode()
    found, _ = await outcome(transport, CALLS[operation], body)
    assert isinstance(found, kind), found
    assert found.code == code
    assert "said so" in str(found)


async def test_an_error_in_place_of_a_policy_is_an_error(transport):
    found, _ = await outcome(transport, CALLS["GetBucketPolicy"], b"<Error><Code>InternalError</Code></Error>")
    assert isinstance(found, (aios3.ServerError, aios3.UnsupportedError)), found


async def test_tags_of_a_bucket_without_names_are_no_tags(transport):
    body = b"<Tagging><TagSet><Tag><Value>a</Value></Tag></TagSet></Tagging>"
    found, _ = await outcome(transport, lambda _, session: get_tags(session, BUCKET), body)
    assert isinstance(found, aios3.UnsupportedError)


NO_REASON = "<Error><Key>d/1</Key></Error><Error><Key>d/2</Key><Message></Message></Error>"


@pytest.mark.parametrize(
    "responded",
    [b"", WHOLE["a portal's page"], b"<DeleteResult/>", f"<DeleteResult>{NO_REASON}</DeleteResult>".encode()],
)
async def test_an_unconfirmed_removal_is_an_error(transport, responded):
    """The keys are all named, and so is what was said."""
    listing = (
        b"<R><IsTruncated>false</IsTruncated><Contents><Key>d/1</Key></Contents><Contents><Key>d/2</Key></Contents></R>"
    )
    script = [response(200, listing), *[response(200, responded)] * 3]
    async with (
        Scripted(*script) as server,
        aios3.Session(
            endpoint_url=server.url,
            region="us-east-1",
            credentials=aios3.Credentials("a", "b"),
            transport=transport,
            max_attempts=1,
        ) as session,
    ):
        with pytest.raises(aios3.PartialFailureError) as caught:
            await aios3.remove("s3://bucket/d/", session=session)
    assert set(caught.value.failures) == {"s3://bucket/d/1", "s3://bucket/d/2"}
    assert {type(error) for error in caught.value.failures.values()} == {aios3.ServerError}
    assert not any(error.message.rstrip().endswith(":") for error in caught.value.failures.values())
