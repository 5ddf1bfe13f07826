"""The backend on aiobotocore: what goes up."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from typing import Any

import pytest
from boto_calls import KEYS, URL, get, put, to

from aios3._adapting_backend import AdaptingBackend
from aios3._backend import Checksum, CopyOptions, GetOptions, Part, PartSource, Precondition, PutOptions
from aios3._boto import BotoBackend
from aios3._boto.upload_stream import UploadStream, upload_timeout
from aios3._config import Config
from aios3._engine.retry_policy import RetryPolicy
from aios3._paths import S3Url
from aios3.errors import ObjectExistsError, ServerError, UnsupportedError
from scripted import Scripted, response, xml


@pytest.mark.loop_variants
async def test_pieces_arrive_in_order_with_a_length_and_nothing_added():
    pieces = [b"ab" * 400_000, b"", memoryview(b"c" * 300_000), memoryview(bytearray(b"d")).toreadonly()]
    async with Scripted(response(etag='"e"')) as server:
        backend = to(server)
        result = await put(backend, URL, *pieces)
        await backend.aclose()
    (request,) = server.requests
    whole = b"".join(pieces)
    assert request.body == whole
    assert (result.size, result.etag) == (len(whole), "e")
    assert request.headers["content-length"] == str(len(whole))
    assert request.headers["x-amz-content-sha256"] == hashlib.sha256(whole).hexdigest()
    assert not {"transfer-encoding", "content-type", "expect", "x-amz-trailer", "content-encoding"} & set(
        request.headers
    )


@pytest.mark.parametrize("pieces", [(), (b"",), (b"x",)])
async def test_small_bodies_have_a_length_too(pieces):
    async with Scripted(response(etag='"e"')) as server:
        backend = to(server)
        assert (await put(backend, URL, *pieces)).size == len(b"".join(pieces))
        await backend.aclose()
    assert server.requests[0].body == b"".join(pieces)
    assert server.requests[0].headers["content-length"] == str(len(b"".join(pieces)))


@pytest.mark.loop_variants
async def test_another_attempt_sends_the_whole_body_again(no_backoff):
    body = [b"first" * 100_000, b"second" * 100_000]

    async def hang_up(_request, _reader, writer):
        writer.transport.abort()

    async with Scripted(response(503), hang_up, response(etag='"e"')) as server:
        backend = AdaptingBackend(to(server), RetryPolicy(3))
        await put(backend, URL, *body)
        await backend.aclose()
    assert [request.body for request in server.requests] == [b"".join(body)] * 3


async def test_the_body_is_not_hashed_where_tls_protects_it(certificate):
    async with Scripted(response(etag='"e"'), tls=certificate.server) as server:
        backend = to(server, verify=certificate.authority)
        await put(backend, URL, b"x" * 100)
        await backend.aclose()
    assert server.requests[0].headers["x-amz-content-sha256"] == "UNSIGNED-PAYLOAD"
    assert "authorization" in server.requests[0].headers


async def test_a_stream_of_pieces_can_be_passed_over_again_and_again():
    stream = UploadStream([b"a" * 300_000, b"b"])
    for _ in range(2):
        assert b"".join([chunk async for chunk in stream]) == b"a" * 300_000 + b"b"


async def test_only_a_stall_is_called_one():
    with pytest.raises(TimeoutError, match="another"):
        async with upload_timeout(UploadStream([b"a"]), 1.0):
            raise TimeoutError("another")
    with pytest.raises(TimeoutError, match=r"took no byte for 0\.01 seconds"):
        async with upload_timeout(stream := UploadStream([b"a"]), 0.01):
            aiter(stream)
            await asyncio.Event().wait()


def test_a_stream_of_pieces_reads_like_a_file():
    stream = UploadStream([b"abc", b"", memoryview(b"defgh"), b"i"])
    assert len(stream) == 9
    assert b"".join(iter(lambda: bytes(stream.read(2)), b"")) == b"abcdefghi"
    assert (stream.tell(), bytes(stream.read())) == (9, b"")
    assert stream.seek(-2, 2) == 7
    assert bytes(stream.read(None)) == b"h"
    assert (stream.seek(-1, 1), bytes(stream.read(5))) == (7, b"h")
    assert stream.seek(0) == 0


OPTIONS = PutOptions(
    content_type="text/plain; charset=utf-8",
    content_encoding="gzip",
    content_disposition='attachment; filename="a b"',
    content_language="de",
    cache_control="max-age=1",
    metadata={"name": "value"},
    storage_class="STANDARD_IA",
    acl="public-read",
    tags={"a b": "c=d +"},
    sse="aws:kms",
    sse_kms_key_id="key-id",
)
STORED = {
    "content-type": "text/plain; charset=utf-8",
    "content-encoding": "gzip",
    "content-disposition": 'attachment; filename="a b"',
    "content-language": "de",
    "cache-control": "max-age=1",
    "x-amz-meta-name": "value",
    "x-amz-storage-class": "STANDARD_IA",
    "x-amz-acl": "public-read",
    "x-amz-tagging": "a%20b=c%3Dd%20%2B",
    "x-amz-server-side-encryption": "aws:kms",
    "x-amz-server-side-encryption-aws-kms-key-id": "key-id",
}


def picked(request: Any, names: Any) -> dict[str, str]:
    return {name: request.headers[name] for name in names if name in request.headers}


async def test_options_of_a_write_go_into_the_headers():
    upload = xml("InitiateMultipartUploadResult", UploadId="u")
    copied = xml("CopyObjectResult", ETag="&quot;e&quot;")
    async with Scripted(response(etag="e"), response(body=upload), response(body=copied)) as server:
        backend = to(server)
        await backend.put_object(URL, [b"x"], options=OPTIONS, condition=Precondition(), checksum=None)
        assert await backend.create_multipart_upload(URL, OPTIONS, "CRC64NVME") == "u"
        await backend.copy_object(URL, URL, options=OPTIONS)
        await backend.aclose()
    assert [picked(request, STORED) for request in server.requests] == [STORED] * 3
    announced = picked(server.requests[1], ["x-amz-checksum-algorithm", "x-amz-checksum-type"])
    assert announced == {"x-amz-checksum-algorithm": "CRC64NVME", "x-amz-checksum-type": "FULL_OBJECT"}
    directives = picked(server.requests[2], ["x-amz-metadata-directive", "x-amz-tagging-directive"])
    assert set(directives.values()) == {"REPLACE"}


async def test_the_terms_of_a_copy_go_into_the_headers():
    copied = xml("CopyObjectResult", ETag="&quot;e&quot;")
    async with Scripted(response(body=copied), response(body=copied)) as server:
        backend = to(server)
        terms = CopyOptions('"old"', "GLACIER_IR", Precondition(if_absent=True))
        await backend.copy_object(URL, URL, options=None, terms=terms)
        await backend.copy_object(URL, URL, options=None)
        await backend.aclose()
    names = ["x-amz-copy-source-if-match", "x-amz-storage-class", "if-none-match", "x-amz-metadata-directive"]
    wanted = dict(zip(names, ["old", "GLACIER_IR", "*", "COPY"], strict=True))
    assert picked(server.requests[0], names) == wanted
    assert picked(server.requests[1], names) == {"x-amz-metadata-directive": "COPY"}


async def test_a_copy_that_may_not_replace_says_so():
    async with Scripted(response(412, xml("Error", Code="PreconditionFailed"))) as server:
        backend = to(server)
        with pytest.raises(ObjectExistsError):
            await backend.copy_object(URL, URL, options=None, terms=CopyOptions(condition=Precondition(if_absent=True)))
        await backend.aclose()


@pytest.mark.parametrize("region", ["us-east-1", "eu-west-1", "eu-central-1", "cn-north-1"])
async def test_urls_and_forms_are_signed_with_version_4_in_every_region(region):
    """In the oldest regions botocore takes version 2 for them, which newer servers reject."""
    backend = BotoBackend(Config(credentials=KEYS, region=region), None, asyncio.Semaphore(1))
    url = await backend.presign("GetObject", {"Bucket": "bucket", "Key": "key"}, 60)
    form = await backend.presign_post(URL, {}, [], 60)
    await backend.aclose()
    assert "X-Amz-Algorithm=AWS4-HMAC-SHA256" in url
    assert form.fields["x-amz-algorithm"] == "AWS4-HMAC-SHA256"


async def test_a_customers_key_goes_with_every_request_that_touches_bytes():
    key = bytes(range(32))
    expected = {
        "x-amz-server-side-encryption-customer-algorithm": "AES256",
        "x-amz-server-side-encryption-customer-key": base64.b64encode(key).decode(),
        "x-amz-server-side-encryption-customer-key-md5": base64.b64encode(hashlib.md5(key).digest()).decode(),
    }
    upload = xml("InitiateMultipartUploadResult", UploadId="u")
    done = xml("CompleteMultipartUploadResult", ETag="e")
    script = [
        response(etag="e"),
        response(body=upload),
        response(etag='"p"'),
        response(body=done),
        response(),
        response(),
    ]
    async with Scripted(*script) as server:
        backend = to(server)
        options = PutOptions(sse_customer_key=key)
        await put(backend, URL, b"x", sse_customer_key=key)
        await backend.create_multipart_upload(URL, options, None)
        part = await backend.upload_part(URL, "u", 1, [b"x"], options=options, checksum=None)
        await backend.complete_multipart_upload(
            URL, "u", [part], options=options, condition=Precondition(), checksum=None
        )
        await backend.head_object(URL, GetOptions(sse_customer_key=key))
        (await get(backend, URL, sse_customer_key=key)).close()
        await backend.aclose()
    assert [picked(request, expected) for request in server.requests] == [expected] * 6


async def test_etags_are_quoted_for_reads_and_bare_for_writes():
    done = xml("CompleteMultipartUploadResult", ETag="&quot;&quot;")
    copied = xml("CopyPartResult", ETag="&quot;p&quot;")
    script = [response(body=b"x"), response(), response(etag='"e"'), response(body=done), response(body=copied)]
    async with Scripted(*script) as server:
        backend = to(server)
        (await get(backend, URL, if_match="abc")).close()
        await backend.head_object(URL, GetOptions(if_match='"abc"'))
        await put(backend, URL, b"x", condition=Precondition(if_match="abc"))
        result = await backend.complete_multipart_upload(
            URL, "u", [], options=PutOptions(), condition=Precondition(if_match='"abc"'), checksum=None
        )
        await backend.upload_part_copy(URL, "u", 1, PartSource(URL, 5, 10, "abc"))
        await backend.aclose()
    seen = [request.headers.get("if-match") for request in server.requests]
    assert seen == ['"abc"', '"abc"', "abc", "abc", None]
    assert server.requests[4].headers["x-amz-copy-source-if-match"] == "abc"
    assert server.requests[4].headers["x-amz-copy-source-range"] == "bytes=5-9"
    assert result.etag is None


async def test_creating_exclusively_asks_the_server():
    async with Scripted(response(etag="e"), response(body=xml("CompleteMultipartUploadResult", ETag="e"))) as server:
        backend = to(server)
        await put(backend, URL, b"x", condition=Precondition(if_absent=True))
        await backend.complete_multipart_upload(
            URL, "u", [], options=PutOptions(), condition=Precondition(if_absent=True), checksum=None
        )
        await backend.aclose()
    assert [request.headers["if-none-match"] for request in server.requests] == ["*", "*"]


async def test_checksums_go_up_as_headers_and_come_back_confirmed():
    crc, whole = Checksum("CRC64NVME", "AAAAAAAAAAA="), Checksum("CRC64NVME", "BBBBBBBBBBA=")
    confirmed = {"x-amz-checksum-crc64nvme": crc.value}
    done = xml("CompleteMultipartUploadResult", ETag="e", ChecksumCRC64NVME=whole.value, ChecksumType="FULL_OBJECT")
    script = [response(etag="e", **confirmed), response(etag='"p"', **confirmed), response(body=done)]
    async with Scripted(*script) as server:
        backend = to(server)
        result = await put(backend, URL, b"x", checksum=crc)
        part = await backend.upload_part(URL, "u", 2, [b"x"], options=PutOptions(), checksum=crc)
        completed = await backend.complete_multipart_upload(
            URL,
            "u",
            [part, Part(1, "first")],
            options=PutOptions(),
            condition=Precondition(),
            checksum=whole,
        )
        await backend.aclose()
    assert (result.checksum, part.checksum, completed.checksum) == (str(crc), crc, str(whole))
    sent = [request.headers["x-amz-checksum-crc64nvme"] for request in server.requests]
    assert sent == [crc.value, crc.value, whole.value]
    assert server.requests[2].headers["x-amz-checksum-type"] == "FULL_OBJECT"
    listed = server.requests[2].body
    assert listed.index(b"<PartNumber>1</PartNumber>") < listed.index(b"<PartNumber>2</PartNumber>")
    assert b"<ChecksumCRC64NVME>AAAAAAAAAAA=</ChecksumCRC64NVME>" in listed


async def test_the_checksum_of_parts_checksums_is_none_of_the_objects():
    done = xml("CompleteMultipartUploadResult", ETag="e", ChecksumCRC32="AAAAAA==-2")
    async with Scripted(response(body=done), response(**{"x-amz-checksum-crc32": "AAAAAA==-2"})) as server:
        backend = to(server)
        result = await backend.complete_multipart_upload(
            URL, "u", [], options=PutOptions(), condition=Precondition(), checksum=None
        )
        stat = await backend.head_object(URL, GetOptions())
        await backend.aclose()
    assert result.checksum is None
    assert stat.checksums == {}


AWKWARD = "a b+c/%2F//../é?x=1&y#z~🙂'\"<>"


async def test_the_source_of_a_copy_is_quoted_for_every_character():
    copied = xml("CopyPartResult", ETag="&quot;p&quot;")
    async with Scripted(response(body=copied), response(body=xml("CopyObjectResult", ETag="e"))) as server:
        backend = to(server)
        await backend.upload_part_copy(URL, "u", 1, PartSource(S3Url("b2", AWKWARD), 0, 1, None))
        await backend.copy_object(S3Url("b2", AWKWARD + "?versionId=1"), URL, options=None)
        await backend.aclose()
    quoted = "b2/a%20b%2Bc/%252F//../%C3%A9%3Fx%3D1%26y%23z~%F0%9F%99%82%27%22%3C%3E"
    sources = [request.headers["x-amz-copy-source"] for request in server.requests]
    assert sources == [quoted, quoted + "%3FversionId%3D1"]
    assert server.requests[1].headers["x-amz-metadata-directive"] == "COPY"


@pytest.mark.parametrize("body", [b"", xml("CopyPartResult")])
async def test_a_copied_part_without_an_etag_was_not_copied(body):
    async with Scripted(response(body=body)) as server:
        backend = to(server)
        with pytest.raises(UnsupportedError, match="this server does not copy"):
            await backend.upload_part_copy(URL, "u", 1, PartSource(URL, 0, 1, None))
        await backend.aclose()


async def test_a_part_without_an_etag_is_invalid():
    async with Scripted(response()) as server:
        backend = to(server)
        with pytest.raises(ServerError, match="no ETag"):
            await backend.upload_part(URL, "u", 1, [b"x"], options=PutOptions(), checksum=None)
        await backend.aclose()
