"""Requests of the fast side: each is the one that botocore sends for the same call."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aios3._backend import Checksum, CopyOptions, GetOptions, Part, PartSource, Precondition, PutOptions
from aios3._boto import BotoBackend
from aios3._config import Config, Credentials
from aios3._http import requests
from aios3._http.requests import EndpointSettings
from aios3._http.sigv4 import UNSIGNED_PAYLOAD, render
from aios3._paths import S3Url
from aios3._responses import split_xml_safe
from aios3.errors import ConfigError, InvalidPathError
from scripted import Request, Scripted, response, xml

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    Call = Callable[[BotoBackend], Awaitable[object]]

URL = S3Url("bucket", "key")
AWKWARD = [
    "a b+c/%2F//../é?x=1&y#z~🙂'\"<>",
    "a//b/./../c",
    "/",
    "~*'()!:@,;=$&",
    "%",
    "tab\tnew\r\nline",
    "\x01\x7f",
    "x" * 1024,
]
KEY = bytes(range(32))
READ = GetOptions(version_id="v+/ 1", if_match="abc", sse_customer_key=KEY)
WRITE = PutOptions(
    content_type="text/plain; charset=utf-8",
    content_encoding="gzip",
    content_disposition='attachment; filename="é  b"',
    content_language="de",
    cache_control="max-age=1",
    metadata={"Some-Name": "value  with  spaces", "empty": ""},
    storage_class="STANDARD_IA",
    acl="public-read",
    tags={"a b": "c=d +/é", "e": ""},
    sse="aws:kms",
    sse_kms_key_id="key-id",
)
SECRET = PutOptions(sse_customer_key=KEY)
CRC = Checksum("CRC64NVME", "AAAAAAAAAAA=")
ABSENT, SWAP, ANY = Precondition(if_absent=True), Precondition(if_match='"abc"'), Precondition()
PARTS = [Part(2, "b", CRC), Part(1, 'a"&<', None), Part(10_000, '"c"')]

# Each call by its name and arguments; the same are given to the backend on aiobotocore and to the builder.
CALLS: list[tuple[str, tuple[object, ...], dict[str, object]]] = [
    ("get_object", (URL,), {"start": 0, "stop": None, "options": GetOptions()}),
    ("get_object", (URL,), {"start": 0, "stop": 1, "options": GetOptions()}),
    ("get_object", (URL,), {"start": 7, "stop": None, "options": READ}),
    ("get_object", (URL,), {"start": -7, "stop": None, "options": READ}),
    *(("get_object", (S3Url("bucket", key),), {"start": 5, "stop": 9, "options": READ}) for key in AWKWARD),
    ("head_object", (URL, GetOptions()), {}),
    *(("head_object", (S3Url("bucket", key), READ), {}) for key in AWKWARD),
    ("put_object", (URL, [b"ab", memoryview(b"c")]), {"options": WRITE, "condition": ABSENT, "checksum": CRC}),
    ("put_object", (URL, []), {"options": SECRET, "condition": SWAP, "checksum": None}),
    ("put_object", (URL, [b""]), {"options": PutOptions(content_type=""), "condition": ANY, "checksum": None}),
    ("create_multipart_upload", (URL, WRITE, "CRC64NVME"), {}),
    ("create_multipart_upload", (URL, SECRET, None), {}),
    ("upload_part", (URL, "u+/=", 3, [b"x"]), {"options": SECRET, "checksum": CRC}),
    ("upload_part", (URL, "u", 10_000, [b"x"]), {"options": WRITE, "checksum": None}),
    *(("upload_part_copy", (URL, "u", 1, PartSource(S3Url("b2", key), 0, 9, '"e"')), {}) for key in AWKWARD),
    ("upload_part_copy", (URL, "u", 1, PartSource(URL, 5, 10)), {}),
    ("upload_part_copy", (URL, "u", 1, PartSource(URL, 5, 10, None, bytes(range(32)))), {}),
    ("complete_multipart_upload", (URL, "u", PARTS), {"options": SECRET, "condition": ABSENT, "checksum": CRC}),
    ("complete_multipart_upload", (URL, "u ", PARTS), {"options": WRITE, "condition": SWAP, "checksum": None}),
    ("abort_multipart_upload", (URL, "u+/="), {}),
    ("list_objects", (S3Url("bucket"),), {}),
    *(("list_objects", (S3Url("bucket", key),), {"delimiter": "/", "start_after": key}) for key in AWKWARD),
    ("list_objects", (URL,), {"token": "t+/=", "start_after": "ignored", "max_keys": 7}),
    ("head_bucket", (S3Url("bucket"),), {}),
    ("delete_object", (URL,), {}),
    ("delete_object", (S3Url("bucket", AWKWARD[0]), "v+1"), {}),
    ("copy_object", (S3Url("b2", AWKWARD[0] + "?versionId=1"), URL), {"options": None, "terms": CopyOptions()}),
    (
        "copy_object",
        (URL, S3Url("bucket", AWKWARD[0])),
        {"options": WRITE, "terms": CopyOptions('"e"', "GLACIER", SWAP)},
    ),
    ("copy_object", (URL, URL), {"options": SECRET, "terms": CopyOptions(condition=ABSENT)}),
    ("copy_object", (URL, URL), {"options": None, "terms": CopyOptions(version_id="3_L4kqtJl.X")}),
]
RESPONSE = {
    "get_object": response(body=b"a"),
    "put_object": response(etag='"e"'),
    "upload_part": response(etag='"e"'),
    "create_multipart_upload": response(body=xml("InitiateMultipartUploadResult", UploadId="u")),
    "upload_part_copy": response(body=xml("CopyPartResult", ETag="e")),
    "complete_multipart_upload": response(body=xml("CompleteMultipartUploadResult", ETag="e")),
    "list_objects": response(body=xml("ListBucketResult", IsTruncated="false")),
    "copy_object": response(body=xml("CopyObjectResult", ETag="e")),
}
OF_BOTOCORE_ALONE = {
    "accept",
    "amz-sdk-invocation-id",
    "amz-sdk-request",
    "authorization",
    "user-agent",
    "x-amz-content-sha256",
    "x-amz-date",
}


def canonical(body):
    """Take a document apart, so that the order of an element's children does not count."""

    def known(element):
        return (element.tag, element.text or "", sorted(map(known, element)))

    return known(ET.fromstring(body)) if body.startswith(b"<") else body


def sent(request: Request):
    """Return what a server makes of a request: method, path, query, headers and body."""
    target = urlsplit(f"http://host{request.target}")
    headers = {name: value for name, value in request.headers.items() if name not in OF_BOTOCORE_ALONE}
    if request.method == "DELETE":
        headers.pop("content-length", None)  # botocore says that there is nothing
    query = sorted(parse_qsl(target.query, keep_blank_values=True))
    return request.method, target.path, query, headers, canonical(request.body)


def as_received(request: requests.Request, place: EndpointSettings) -> Request:
    """Return what arrives at a server that is sent a request of ours."""
    head = render(request, place, None, payload_hash=UNSIGNED_PAYLOAD, now=0).decode()
    first, *lines = head.removesuffix("\r\n\r\n").split("\r\n")
    method, target, _ = first.split(" ")
    headers = {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return Request(method, target, headers, b"".join(request.body))


async def asked_of_botocore(*script: bytes, calls: Call, **options) -> tuple[str, list[Request]]:
    """Let botocore's backend make calls, and return the host that it was given and what it sent."""
    async with Scripted(*script) as server:
        config = Config(endpoint_url=server.url, credentials=Credentials("AKIA", "s"), max_attempts=1, **options)
        backend = BotoBackend(config, None, asyncio.Semaphore(1))
        try:
            await calls(backend)
        finally:
            await backend.aclose()
        return server.url.removeprefix("http://"), server.requests


async def test_every_call_sends_what_botocore_sends():
    async def all_calls(backend: BotoBackend) -> None:
        for name, arguments, options in CALLS:
            done = await getattr(backend, name)(*arguments, **options)
            if name == "get_object":
                done.close()

    script = [RESPONSE.get(name, response(content_length="0")) for name, _, _ in CALLS]
    host, theirs = await asked_of_botocore(*script, calls=all_calls)
    place = EndpointSettings("http", host, "", bucket_in_host=False, region="us-east-1")
    for (name, arguments, options), their in zip(CALLS, theirs, strict=True):
        ours = getattr(requests, name)(*arguments, **options)
        assert sent(as_received(ours, place)) == sent(their), (name, arguments, options)


async def test_checksums_are_asked_for_only_where_they_are_wanted():
    async def both(backend: BotoBackend) -> None:
        (await backend.get_object(URL, start=0, stop=None, options=READ)).close()
        await backend.head_object(URL, READ)

    host, theirs = await asked_of_botocore(response(), response(), calls=both, checksums="off")
    place = EndpointSettings("http", host, "", bucket_in_host=False, region="us-east-1")
    ours = [
        requests.get_object(URL, start=0, stop=None, options=READ, with_checksums=False),
        requests.head_object(URL, READ, with_checksums=False),
    ]
    assert [sent(as_received(each, place)) for each in ours] == [sent(each) for each in theirs]


async def test_the_deletion_of_many_is_what_botocore_sends_and_has_the_md5_that_every_server_takes():
    keys = ["a&<b>\"'", "c d", "é🙂", "a//b", "x" * 1024]
    etags = {"c d": "0f", "a//b": "&1-2"}

    async def delete(backend: BotoBackend) -> None:
        client = await backend._client.get()
        objects = [{"Key": key} | ({"ETag": f'"{etags[key]}"'} if key in etags else {}) for key in keys]
        await client.delete_objects(Bucket="bucket", Delete={"Objects": objects, "Quiet": False})

    host, (theirs,) = await asked_of_botocore(response(body=xml("DeleteResult")), calls=delete)
    ours = as_received(
        requests.delete_objects(URL, keys, etags),
        EndpointSettings("http", host, "", bucket_in_host=False, region="us-east-1"),
    )
    assert sent(ours)[:3] == sent(theirs)[:3]
    assert sent(ours)[4] == sent(theirs)[4]
    assert ours.headers["content-md5"] == base64.b64encode(hashlib.md5(ours.body).digest()).decode()
    assert not any(name.startswith("x-amz-checksum") for name in ours.headers)


@given(st.text(st.characters(exclude_categories=[]), max_size=20))
def test_a_key_goes_into_a_bulk_delete_unchanged_or_not_at_all(key):
    if split_xml_safe([key]) == ([key], []):
        (body,) = requests.delete_objects(URL, [key]).body
        found = ET.fromstring(body).find("{*}Object/{*}Key")
        assert found is not None
        assert (found.text or "") == key
    else:
        with pytest.raises(InvalidPathError, match="on its own"):
            requests.delete_objects(URL, ["fine", key])


@pytest.mark.parametrize("key", ["\x00", "\x1f", "\t", "\n", "\r", "\x7f", "\ufffe", "\uffff", "\udce9"])
def test_characters_that_xml_loses_or_changes_do_not_fit(key):
    assert split_xml_safe([f"a{key}"]) == ([], [f"a{key}"])


@pytest.mark.parametrize(
    ("base_path", "bucket_in_host", "path"),
    [("", False, "/bucket"), ("", True, ""), ("/x/y", False, "/x/y/bucket"), ("/x", True, "/x")],
)
def test_the_bucket_is_in_the_path_or_in_the_host(base_path, bucket_in_host, path):
    place = EndpointSettings("http", "host", base_path, bucket_in_host=bucket_in_host, region="r")
    for key in ("key", "/", "a//../b"):
        request = requests.head_object(S3Url("bucket", key), GetOptions())
        assert requests.path_of(request, place) == f"{path}/{key}"
    assert requests.path_of(requests.list_objects(URL), place) == (path or "/")
    assert requests.path_of(requests.head_bucket(URL), place) == (path or "/")


@pytest.mark.parametrize("bucket_in_host", [False, True])
async def test_every_style_of_address_is_botocores(bucket_in_host):
    from aiobotocore.session import AioSession  # noqa: PLC0415 - slow to import
    from botocore.config import Config as BotoConfig  # noqa: PLC0415

    captured = []

    async def capture(request, **_options):
        captured.append(request.url)
        raise InterruptedError

    style = "virtual" if bucket_in_host else "path"
    options = {"aws_access_key_id": "A", "aws_secret_access_key": "s", "region_name": "eu-north-1"}
    config = BotoConfig(s3={"addressing_style": style})
    async with AioSession().create_client("s3", config=config, **options) as client:
        client.meta.events.register("before-send.s3", capture)
        for key in AWKWARD:
            with pytest.raises(InterruptedError):
                await client.head_object(Bucket="bucket", Key=key)
        with pytest.raises(InterruptedError):
            await client.head_bucket(Bucket="bucket")
    host = f"{'bucket.' if bucket_in_host else ''}s3.eu-north-1.amazonaws.com"
    place = EndpointSettings("https", host, "", bucket_in_host=bucket_in_host, region="eu-north-1")
    ours = [requests.head_object(S3Url("bucket", key), GetOptions()) for key in AWKWARD]
    ours.append(requests.head_bucket(URL))
    expected = [f"https://{host}{requests.path_of(each, place)}" for each in ours]
    assert [url.removesuffix("/") for url in captured] == [url.removesuffix("/") for url in expected]


@pytest.mark.parametrize(
    ("metadata", "match"),
    [
        ({"name": "é"}, "ASCII only"),
        ({"é": "v"}, "cannot be named"),
        ({"": "v"}, "cannot be named"),
        ({"a b": "v"}, "cannot be named"),
        ({"a\r\nx": "v"}, "cannot be named"),
        ({"a:": "v"}, "cannot be named"),
    ],
)
def test_metadata_that_no_header_can_hold_is_rejected_by_name(metadata, match):
    with pytest.raises(ConfigError, match=match):
        requests.create_multipart_upload(URL, PutOptions(metadata=metadata), None)


def test_metadata_whose_names_differ_in_case_only_is_sent_once():
    request = requests.create_multipart_upload(URL, PutOptions(metadata={"A": "1", "a": "2"}), None)
    assert request.headers == (("x-amz-meta-a", "2"),)


@pytest.mark.parametrize("build", [requests.list_objects, requests.copy_source])
def test_a_text_without_utf8_form_is_not_a_path(build):
    url = S3Url("bucket", "\ud800")
    with pytest.raises(InvalidPathError, match="not valid Unicode"):
        requests.query_of(build(url))


def test_a_listing_can_continue_after_a_key_that_is_not_utf8():
    request = requests.list_objects(S3Url("bucket"), start_after="a\udcff")
    assert "start-after=a%FF" in requests.query_of(request)


def test_a_customers_key_is_in_no_repr():
    request = requests.head_object(URL, READ)
    assert base64.b64encode(KEY).decode() in str(request.headers)
    assert repr(request) == "<Request HeadObject 's3://bucket/key'>"
