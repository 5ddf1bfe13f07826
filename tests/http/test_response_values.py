"""Heads as values: the same as those of the backend on aiobotocore for the same response."""

from __future__ import annotations

import asyncio
import pickle
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aios3 import errors
from aios3._backend import Checksum, GetOptions, Part, PartSource, Precondition, PutOptions
from aios3._boto import BotoBackend
from aios3._config import Config, Credentials
from aios3._http import response_values
from aios3._paths import S3Url
from aios3._regions import is_wrong_region
from aios3._rejections import is_unexplained
from aios3._success import check_stored
from scripted import Scripted, response, xml

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    Call = Callable[[BotoBackend], Awaitable[object]]

URL = S3Url("bucket", "key")
PATH = "s3://bucket/key"
WRITE, ANY = PutOptions(), Precondition()
CRC = {"x-amz-checksum-crc64nvme": "AAAAAAAAAAA="}


def head(raw: bytes) -> tuple[int, dict[str, str], bytes]:
    """Take a response apart as the connection does."""
    first, *lines = raw.partition(b"\r\n\r\n")[0].decode().split("\r\n")
    headers: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(":")
        before = headers.get(name.lower())
        headers[name.lower()] = value.strip() if before is None else f"{before}, {value.strip()}"
    return int(first.split(" ")[1]), headers, raw.partition(b"\r\n\r\n")[2]


async def botocores(raw: bytes, call: Call, attempts: int = 3) -> object:
    """Let the backend on aiobotocore respond to a call; an error is returned."""
    async with Scripted(*[raw] * attempts) as server:
        config = Config(endpoint_url=server.url, credentials=Credentials("AKIA", "s"), max_attempts=1)
        backend = BotoBackend(config, None, asyncio.Semaphore(1))
        try:
            return await call(backend)
        except errors.S3Error as error:
            return error
        finally:
            await backend.aclose()


def head_object(backend):
    return backend.head_object(URL, GetOptions())


HEADS = [
    {},
    {"last-modified": "Wed, 21 Oct 2015 07:28:00 GMT", "etag": '"abc-2"', "content-type": "text/plain"},
    {"last-modified": "Wed, 21 Oct 2015 07:28:00 +0200", "etag": "bare"},
    {"last-modified": "2015-10-21T07:28:00Z", "etag": '""', "content-type": ""},
    {"x-amz-version-id": "null", "x-amz-storage-class": "GLACIER", "x-amz-checksum-mode": "ENABLED"},
    {
        "content-encoding": "gzip",
        "content-disposition": "a",
        "content-language": "de",
        "cache-control": "no",
        "expires": "0",
    },
    {"content-encoding": "", "expires": "Wed, 21 Oct 2015 07:28:00 GMT"},
    {"X-Amz-Meta-Some-Name": "Value", "x-amz-meta-Empty": "", "x-amz-meta-é".encode().decode("ascii", "ignore"): "x"},
    {"x-amz-meta-a": "=?UTF-8?Q?h=C3=A9?=", "x-amz-meta-b": "hé 🙂", "x-amz-missing-meta": "1"},
    {"X-Amz-Meta-Symlink_To": "s3://b/t"},
    {"x-amz-checksum-crc32": "AAAAAA==", "x-amz-checksum-sha256": "s", "x-amz-checksum-type": "FULL_OBJECT"},
    {"x-amz-checksum-crc32": "AAAAAA==", "x-amz-checksum-type": "COMPOSITE"},
    {"x-amz-checksum-crc32": "AAAAAA==-2", **CRC},
    {"x-amz-checksum-xxhash64": "x", "x-amz-checksum-md5": "y", "x-amz-checksum-sha1": "z"},
]


@pytest.mark.parametrize("headers", HEADS)
@pytest.mark.parametrize("size", ["0", "12"])
async def test_a_description_is_what_botocores_is(headers, size):
    raw = response(**{"content_length": size} | headers)
    _, ours, _ = head(raw)
    assert response_values.described(ours, PATH) == await botocores(raw, head_object)


@pytest.mark.parametrize("length", ["", "x", "-1", "+1", "1_0", "٣", "1" * 5000, "1, 1"])
def test_a_length_that_is_none_is_invalid(length):
    with pytest.raises(errors.ServerError, match="invalid response"):
        response_values.described({"content-length": length}, PATH)
    with pytest.raises(errors.ServerError, match="invalid response"):
        response_values.parse_content_range(200, {"content-length": length}, start=0, path=PATH)


def test_a_description_without_a_length_or_with_a_time_that_is_none_is_invalid():
    with pytest.raises(errors.ServerError, match="how long"):
        response_values.described({}, PATH)
    with pytest.raises(errors.ServerError, match="Last-Modified 'yesterday'"):
        response_values.described({"content-length": "1", "last-modified": "yesterday"}, PATH)


BODIES = [
    ((0, None), {}),
    ((0, None), {"x-amz-checksum-type": "COMPOSITE"}),
    ((2, 5), {"status": 206, "content_range": "bytes 2-4/10"}),
    ((2, 99), {"status": 206, "content_range": "bytes 2-4/5"}),
    ((2, 5), {"status": 200, "content_range": "bytes 2-4/10"}),
    ((7, 9), {"status": 200}),
    ((2, None), {"status": 206, "content_range": "bytes 2-4/5"}),
    ((2, 5), {"status": 206, "content_range": "bytes 2-4/10", "content_length": "", "connection": "close"}),
    ((0, 9), {"status": 206, "content_range": "bytes 0-2/3", "etag": '"abc"'}),
    ((0, 9), {"status": 206, "content_range": "bytes 0-2/3", "etag": '"abc-2"'}),
    ((0, 9), {"status": 206, "content_range": "bytes 0-2/3", "etag": '"a-2"', "x-amz-checksum-type": "FULL_OBJECT"}),
    ((0, 3), {"status": 206, "content_range": "bytes 0-2/9", "x-amz-checksum-type": "FULL_OBJECT"}),
    ((-3, None), {"status": 206, "content_range": "bytes 7-9/10"}),
    ((-9, None), {"status": 206, "content_range": "bytes 0-2/3"}),
    ((-3, None), {"status": 206, "content_range": "bytes 2-4/10"}),
    ((2, 5), {"status": 206}),
    ((2, 5), {"status": 206, "content_range": "bytes 3-5/10"}),
    ((2, 5), {"status": 206, "content_range": "bytes 2-4/4"}),
    ((2, 5), {"status": 206, "content_range": "bytes 2-4/*"}),
    ((2, 5), {"status": 206, "content_range": "bytes 4-2/10"}),
    ((2, 5), {"status": 206, "content_range": "bytes 2-9/10"}),
    ((2, 5), {"status": 206, "content_range": "pages 2-4/10"}),
    ((2, 5), {"status": 206, "content_range": "bytes \u0662-\u0664/\u0661\u0660"}),
    ((2, 5), {"status": 200, "content_length": "", "connection": "close"}),
]


@pytest.mark.parametrize(("asked", "fields"), BODIES)
async def test_a_body_brings_what_botocores_does(asked, fields):
    raw = response(body=b"cde", **{"x-amz-checksum-crc32": "AAAAAA=="} | fields)
    start, stop = asked

    async def get(backend: BotoBackend) -> object:
        body = await backend.get_object(URL, start=start, stop=stop, options=GetOptions())
        body.close()
        return body.start, body.stop, body.stat

    theirs = await botocores(raw, get)
    status, headers, _ = head(raw)
    if isinstance(theirs, errors.S3Error):
        with pytest.raises(errors.ServerError) as caught:
            response_values.parse_content_range(status, headers, start=start, path=PATH)
        assert str(caught.value) == str(theirs)
        return
    span = response_values.parse_content_range(status, headers, start=start, path=PATH)
    ranged = bool(start) or stop is not None
    checksums = response_values.checksums_of_span(headers, span, ranged=ranged)
    assert (span.start, span.stop, response_values.stat_of(headers, span.size, checksums, path=PATH)) == theirs


def put(backend):
    return backend.put_object(URL, [b"abc"], options=WRITE, condition=ANY, checksum=None)


def upload_part(backend):
    return backend.upload_part(URL, "u", 3, [b"x"], options=WRITE, checksum=None)


def create(backend):
    return backend.create_multipart_upload(URL, WRITE, None)


def complete(backend):
    return backend.complete_multipart_upload(URL, "u", [], options=WRITE, condition=ANY, checksum=None)


def copy(backend):
    return backend.copy_object(URL, URL, options=None)


def copy_part(backend):
    return backend.upload_part_copy(URL, "u", 3, PartSource(URL, 0, 1, None))


VERSION = {"x-amz-version-id": "v1"}
COMPLETED, COPIED, PART = "CompleteMultipartUploadResult", "CopyObjectResult", "CopyPartResult"
WRITES = [
    (put, response(etag='"e"', **VERSION, **CRC)),
    (put, response(etag='""', **{"x-amz-checksum-crc32": "AAAAAA==-2"})),
    (put, response()),
    (upload_part, response(etag='"e"', **CRC)),
    (upload_part, response(etag="e")),
    (upload_part, response()),
    (create, response(body=xml("InitiateMultipartUploadResult", UploadId="u&amp;+/="))),
    (create, response(body=xml("Error", Code="SlowDown", Message="m"))),
    (create, response(body=b"<Initiate")),
    (
        complete,
        response(
            body=xml(COMPLETED, ETag="&quot;e-2&quot;", ChecksumCRC64NVME="A=", ChecksumType="FULL_OBJECT"), **VERSION
        ),
    ),
    (complete, response(body=xml(COMPLETED, ETag="e", ChecksumCRC32="A=-2"))),
    (complete, response(body=xml(COMPLETED, ETag="e", ChecksumCRC32="A=", ChecksumType="COMPOSITE"))),
    (complete, response(body=xml(COMPLETED, Location="l"))),
    (complete, response(body=xml("Error", Code="InternalError", Message="m"))),
    (complete, response(body=b"")),
    (complete, response(body=b"<html>hello</html>")),
    (complete, response(body=b"<CompleteMultipartUploadRes")),
    (copy, response(body=xml(COPIED, ETag="&quot;e&quot;", ChecksumCRC32="A="), **VERSION)),
    (copy, response(body=xml(COPIED, ETag=""))),
    (copy, response(body=xml("Error", Code="SlowDown", Message="m"))),
    (copy, response(body=xml("Error", Code="Strange", Message="m"))),
    (copy, response(body=b"")),
    (copy_part, response(body=xml(PART, ETag="&quot;e&quot;", ChecksumSHA256="A="))),
    (copy_part, response(body=xml(PART, ETag="&quot;&quot;"))),
    (copy_part, response(body=b"no xml")),
]


def stored(headers, body):
    check_stored("PutObject", S3Url.parse(PATH), headers, body)
    return response_values.write_result(headers, 3)


def stored_part(headers, body):
    check_stored("UploadPart", S3Url.parse(PATH), headers, body)
    return response_values.part_of(headers, 3)


READERS = {
    put: stored,
    upload_part: stored_part,
    create: lambda _headers, body: response_values.upload_id_of(body, PATH),
    complete: lambda headers, body: response_values.completed(headers, body, PATH),
    copy: lambda headers, body: response_values.copied(headers, body, PATH),
    copy_part: lambda _headers, body: response_values.copied_part(body, 3, PATH),
}


@pytest.mark.parametrize(("call", "raw"), WRITES)
async def test_the_result_of_a_write_equals_botocores(call, raw):
    theirs = await botocores(raw, call, attempts=1)
    _, headers, body = head(raw)
    try:
        ours = READERS[call](headers, body)
    except errors.S3Error as error:
        ours = error
    if isinstance(theirs, errors.S3Error):
        assert type(ours) is type(theirs)
        assert ours.operation == theirs.operation
        assert ours.code in {theirs.code, None}
    else:
        assert ours == theirs


def test_an_upload_without_an_id_is_invalid():
    with pytest.raises(errors.ServerError, match="no upload id"):
        response_values.upload_id_of(xml("InitiateMultipartUploadResult"), PATH)


def test_a_part_says_what_was_confirmed():
    assert response_values.part_of({"etag": '"e"', **CRC}, 2) == Part(2, "e", Checksum("CRC64NVME", "AAAAAAAAAAA="))


REQUEST_ID = {"x-amz-request-id": "REQ1"}


def rejection(status: int, code: str) -> bytes:
    return response(status, xml("Error", Code=code, Message="because."), **REQUEST_ID)


def get(backend):
    return backend.get_object(URL, start=0, stop=None, options=GetOptions())


def head_bucket(backend):
    return backend.head_bucket(S3Url("bucket"))


def create_object(backend):
    return backend.put_object(URL, [b"x"], options=WRITE, condition=Precondition(if_absent=True), checksum=None)


CODES = [
    (404, "NoSuchKey"),
    (404, "NoSuchBucket"),
    (403, "AccessDenied"),
    (403, "SignatureDoesNotMatch"),
    (400, "ExpiredToken"),
    (416, "InvalidRange"),
    (412, "PreconditionFailed"),
    (409, "ConditionalRequestConflict"),
    (400, "BadDigest"),
    (501, "NotImplemented"),
    (400, "InvalidStorageClass"),
    (500, "InternalError"),
    (503, "SlowDown"),
]
REJECTIONS = [
    *((call, rejection(*said)) for said in CODES for call in (get, create_object)),
    *((head_object, response(status, **REQUEST_ID)) for status in (404, 403, 412, 405)),
    *((head_object, response(status)) for status in (500, 503)),
    *((head_bucket, response(status, **REQUEST_ID)) for status in (404, 403)),
    (get, response(404)),
    (get, response(403, b"not xml")),
    (get, response(502, b"<html>Bad gateway</html>")),
    (get, response(403, xml("Error", Code="AccessDenied", Message="m"), **{"x-amzn-requestid": "REQ2"})),
    (get, response(599)),
]
OPERATIONS = {get: "GetObject", create_object: "PutObject", head_object: "HeadObject", head_bucket: "HeadBucket"}


@pytest.mark.parametrize(("call", "raw"), REJECTIONS)
async def test_a_rejection_is_the_error_that_botocores_is(call, raw):
    theirs = await botocores(raw, call)
    status, headers, body = head(raw)
    url = S3Url("bucket") if call is head_bucket else URL
    ours = response_values.error_of(OPERATIONS[call], url, status, headers, body, if_absent=call is create_object)
    assert (type(ours), ours.code, ours.status, ours.request_id) == (
        type(theirs),
        theirs.code,
        theirs.status,
        theirs.request_id,
    )
    assert (str(ours), ours.path, ours.operation) == (str(theirs), theirs.path, theirs.operation)
    assert str(pickle.loads(pickle.dumps(ours))) == str(ours)


def test_an_error_body_that_is_not_s3_xml_leaves_the_status():
    error = response_values.error_of("GetObject", URL, 404, {}, b"<html>nothing</html>")
    assert (type(error), error.status, error.request_id) == (errors.ObjectNotFoundError, 404, None)
    assert response_values.error_of("GetObject", URL, 999, {}, b"").status == 999


def test_a_failure_without_a_document_is_named_too():
    assert response_values.error_of("HeadObject", URL, 500, REQUEST_ID, b"").request_id == "REQ1"


def test_the_document_names_the_request_where_the_head_does_not():
    body = xml("Error", Code="AccessDenied", RequestId="R1")
    assert response_values.error_of("GetObject", URL, 403, {}, body).request_id == "R1"


@given(st.integers(100, 999), st.binary(max_size=60), st.booleans())
def test_every_rejection_is_an_aios3_error(status, body, if_absent):
    error = response_values.error_of("PutObject", URL, status, {}, body, if_absent=if_absent)
    assert isinstance(error, errors.S3Error)
    assert error.status == status


def moved(code: str, **fields: str) -> bytes:
    return xml("Error", Code=code, Message="m", **fields)


NAMED = {"x-amz-bucket-region": "eu-north-1"}


@pytest.mark.parametrize(
    ("status", "headers", "body", "region"),
    [
        (301, NAMED, b"", "eu-north-1"),
        (307, NAMED, moved("TemporaryRedirect"), "eu-north-1"),
        (301, {}, moved("PermanentRedirect", Region="eu-x-1"), "eu-x-1"),
        (301, {}, moved("PermanentRedirect", Endpoint="b.s3.eu-x-1.amazonaws.com"), "eu-x-1"),
        (301, {}, moved("PermanentRedirect", Endpoint="b.c.s3-eu-x-1.amazonaws.com"), "eu-x-1"),
        (301, {}, moved("PermanentRedirect", Endpoint="s3.dualstack.eu-x-1.amazonaws.com"), "eu-x-1"),
        (301, {}, moved("PermanentRedirect", Endpoint="b.s3.amazonaws.com"), None),
        (301, {}, moved("PermanentRedirect", Endpoint="s3.eu-x-1.amazonaws.com.evil.example"), None),
        (400, {}, moved("AuthorizationHeaderMalformed", Region="eu-x-1"), "eu-x-1"),
        (400, {}, moved("AuthorizationHeaderMalformed"), None),
        (400, NAMED, moved("IllegalLocationConstraintException"), "eu-north-1"),
        (400, NAMED, b"", "eu-north-1"),
        (400, {}, b"", None),
        (400, NAMED, moved("InvalidArgument"), None),
        (403, NAMED, moved("AccessDenied"), None),
        (404, NAMED, b"", None),
        (503, NAMED, b"", None),
        (301, {"x-amz-bucket-region": "evil.example/"}, b"", None),
        (301, {"x-amz-bucket-region": "a\r\nx: y"}, b"", None),
        (301, {"x-amz-bucket-region": "a" * 64}, b"", None),
        (301, {}, b"<html>moved</html>", None),
    ],
)
def test_a_response_from_the_wrong_region_names_the_right_one_and_never_a_host(status, headers, body, region):
    error = response_values.error_of("GetObject", URL, status, headers, body)
    assert (error.bucket_region if is_wrong_region(error) or is_unexplained(error) else None) == region
