"""What an object keeps when it is appended to, changed or copied: tags say who may read it and what it costs."""

from __future__ import annotations

import http.client
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

import aios3
from aios3._responses import only_upload_id, replace_invalid_xml
from aios3.testing import FaultyServer, faults

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

MIB = 1 << 20
SMALL, LARGE = bytes(100), bytes(12 * MIB)
HEADERS = {
    "Content-Type": "text/x-log",
    "Cache-Control": "no-cache",
    "Content-Language": "de",
    "Expires": "Thu, 01 Dec 2033 16:00:00 GMT",
    "x-amz-meta-author": "Zoé",
    "x-amz-meta-plain": "yes",
    "x-amz-tagging": "cost=ours&keep=1",
    "x-amz-storage-class": "STANDARD_IA",
}
OWN = {
    "x-amz-website-redirect-location": "/elsewhere",
    "x-amz-server-side-encryption": "aws:kms",
    "x-amz-server-side-encryption-aws-kms-key-id": "arn:aws:kms:us-east-1:1:key/k",
}
"""What a copy does not carry."""


def put(server: FaultyServer, key: str, data: bytes, headers: dict[str, str]) -> None:
    """Store an object with headers as they stand; botocore would reject some."""
    address = urlsplit(server.storage.endpoint_url)
    connection = http.client.HTTPConnection(address.hostname, address.port)
    connection.putrequest("PUT", f"/bucket/{key}")
    signed = "AWS4-HMAC-SHA256 Credential=test/20200101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0"
    for name, value in (headers | {"Authorization": signed, "Content-Length": str(len(data))}).items():
        connection.putheader(name, value.encode("utf-8", "surrogateescape"))
    connection.endheaders(data)
    assert connection.getresponse().status == 200
    connection.close()


@pytest.fixture
def own() -> FaultyServer:
    with FaultyServer() as running:
        yield running


@pytest.fixture
async def session(own: FaultyServer, transport: str) -> AsyncIterator[aios3.Session]:
    async with aios3.Session(**own.config, transport=transport, part_size=5 * MIB, checksums="crc32") as opened:
        yield opened


async def described(session: aios3.Session, path: str) -> dict[str, object]:
    stat = await aios3.stat(path, session=session)
    tags = await (await session.admin(aios3.S3Url.parse(path))).get_tags(aios3.S3Url.parse(path))
    return {
        "content-type": stat.content_type,
        "storage class": stat.storage_class,
        "metadata": dict(stat.metadata),
        "tags": dict(tags),
        **stat.headers,
    }


async def append(session: aios3.Session) -> str:
    async with aios3.aopen("s3://bucket/old", "ab", session=session) as file:
        await file.write(b"more")
    return "s3://bucket/old"


async def change(session: aios3.Session) -> str:
    async with aios3.aopen("s3://bucket/old", "rb+", session=session) as file:
        await file.write(b"more")
    return "s3://bucket/old"


async def change_on_disk(session: aios3.Session) -> str:
    async with aios3.aopen("s3://bucket/old", "ab", buffering="disk", session=session) as file:
        await file.write(b"more")
    return "s3://bucket/old"


async def copy(session: aios3.Session) -> str:
    await aios3.copy("s3://bucket/old", "s3://bucket/new", session=session)
    return "s3://bucket/new"


async def copy_parts(session: aios3.Session) -> str:
    await aios3.copy("s3://bucket/old", "s3://bucket/new", multipart_threshold=5 * MIB, session=session)
    return "s3://bucket/new"


async def copy_to_another_session(session: aios3.Session) -> str:
    other = session.config.with_options(region="eu-west-1")
    async with aios3.Session(other) as target:
        await aios3.copy("s3://bucket/old", "s3://bucket/new", session=session, target_session=target)
    return "s3://bucket/new"


async def sync(session: aios3.Session) -> str:
    await aios3.copy("s3://bucket/old", "s3://bucket/a/x", session=session)
    await aios3.sync_tree("s3://bucket/a", "s3://bucket/b", session=session)
    return "s3://bucket/b/x"


async def move(session: aios3.Session) -> str:
    await aios3.move("s3://bucket/old", "s3://bucket/new", session=session)
    return "s3://bucket/new"


NEW_VERSIONS = (append, change, change_on_disk)
COPIES = (copy, copy_parts, copy_to_another_session, sync, move)


@pytest.mark.parametrize("data", [SMALL, LARGE], ids=["small", "large"])
@pytest.mark.parametrize("verb", NEW_VERSIONS)
async def test_a_new_version_keeps_everything(own, session, verb, data):
    put(own, "old", data, HEADERS | OWN)
    before = await described(session, "s3://bucket/old")
    assert before["x-amz-server-side-encryption"] == "aws:kms"
    assert await described(session, await verb(session)) == before


@pytest.mark.parametrize("data", [SMALL, LARGE], ids=["small", "large"])
@pytest.mark.parametrize("verb", COPIES)
async def test_a_copy_carries_the_same_on_both_sides_of_the_threshold(own, session, verb, data):
    put(own, "old", data, HEADERS)
    before = await described(session, "s3://bucket/old")
    assert (before["metadata"], before["tags"]) == ({"author": "Zoé", "plain": "yes"}, {"cost": "ours", "keep": "1"})
    assert await described(session, await verb(session)) == before


async def test_what_the_caller_says_replaces_what_was_there(own, session):
    put(own, "old", SMALL, HEADERS | OWN)
    options = {"metadata": {"a": "b"}, "tags": {"c": "d"}, "sse": "AES256", "content_type": "x/y"}
    async with aios3.aopen("s3://bucket/old", "ab", session=session, **options) as file:
        await file.write(b"more")
    found = await described(session, "s3://bucket/old")
    assert (found["metadata"], found["tags"], found["content-type"]) == ({"a": "b"}, {"c": "d"}, "x/y")
    assert found["x-amz-server-side-encryption"] == "AES256"
    assert "x-amz-server-side-encryption-aws-kms-key-id" not in found


@pytest.mark.parametrize("transport", ["auto"])  # aiohttp cannot even read them
@pytest.mark.parametrize("mode", ["ab", "rb+"])
async def test_metadata_that_no_request_can_carry_are_rejected_when_the_file_is_opened(own, session, mode):
    put(own, "old", SMALL, {"x-amz-meta-author": "Zo\udce9"})
    with pytest.raises(aios3.UnsupportedError, match="has metadata 'author' that are not UTF-8"):
        await aios3.aopen("s3://bucket/old", mode, session=session)
    assert await aios3.read_bytes("s3://bucket/old", session=session) == SMALL


@pytest.mark.parametrize("size", [1000, 6 * MIB])
async def test_an_object_under_a_key_of_the_callers_is_appended_to(own, session, size):
    key = b"k" * 32
    await aios3.write_bytes("s3://bucket/secret", bytes(size), sse_customer_key=key, session=session)
    own.reset()
    async with aios3.aopen("s3://bucket/secret", "ab", sse_customer_key=key, session=session) as file:
        await file.write(b"more")
    keyed = "x-amz-server-side-encryption-customer-key"
    for request in own.requests:
        if request.operation in ("GetObject", "HeadObject", "PutObject", "UploadPart", "UploadPartCopy"):
            assert keyed in request.headers, request.operation
        if request.operation == "UploadPartCopy":
            for end in ("algorithm", "key", "key-md5"):
                name = f"server-side-encryption-customer-{end}"
                assert request.headers[f"x-amz-copy-source-{name}"] == request.headers[f"x-amz-{name}"]
    assert own.count("UploadPartCopy") == (size > 5 * MIB)


STORED = ("PutObject", "UploadPart")


async def small_ones(session: aios3.Session) -> None:
    await aios3.touch("s3://bucket/empty.txt", session=session)
    await aios3.symlink("s3://bucket/empty.txt", "s3://bucket/link", session=session)
    await aios3.concat(["s3://bucket/small", "s3://bucket/small"], "s3://bucket/joined", session=session)
    await aios3.Bucket("bucket", session=session).put_object("marker/", b"")


async def parts_behind_copies(session: aios3.Session) -> None:
    async with aios3.aopen("s3://bucket/large", "ab", session=session) as file:
        await file.write(b"more")
    await aios3.concat(["s3://bucket/large", "s3://bucket/small"], "s3://bucket/joined", session=session)


@pytest.mark.parametrize(("verb", "least"), [(small_ones, 4), (parts_behind_copies, 2)])
async def test_everything_that_is_sent_has_the_configured_checksum(own, session, verb, least):
    put(own, "small", SMALL, {})
    put(own, "large", LARGE, {})
    own.reset()
    await verb(session)
    sent = [request for request in own.requests if request.operation in STORED]
    assert len(sent) >= least
    for request in sent:
        assert "x-amz-checksum-crc32" in request.headers, (request.operation, request.key)


@pytest.mark.parametrize("key", ["m\x07", "a\x01\x0b\x1fé", "&#x7;"])
async def test_a_key_that_xml_cannot_hold_is_written_in_parts(own, session, key):
    """Its upload is started once: the response repeats the key, and the id can be read without."""
    path = f"s3://bucket/{key}"
    result = await aios3.write_bytes(path, LARGE, session=session)
    assert await aios3.getsize(path, session=session) == len(LARGE)
    assert result.etag == (await aios3.stat(path, session=session)).etag
    assert own.count("CreateMultipartUpload") == own.count("CompleteMultipartUpload") == 1


async def test_a_lost_completion_of_such_a_key_is_found_out(own, session):
    own.fail("CompleteMultipartUpload", faults.DropResponse(), times=None)
    await aios3.write_bytes("s3://bucket/m\x07", LARGE, session=session)
    assert await aios3.getsize("s3://bucket/m\x07", session=session) == len(LARGE)


@pytest.mark.parametrize(
    ("document", "fit"),
    [
        (b"<a>plain &#233; &amp;</a>", b"<a>plain &#233; &amp;</a>"),
        (b"<a>&#x7;&#07;&#x00;\x01</a>", "<a>����</a>".encode()),
        (b"<a>&#10;&#xA;&#9;\n</a>", b"<a>&#10;&#xA;&#9;\n</a>"),
        (b"<a>&#xFFFE;&#55296;</a>", "<a>��</a>".encode()),
    ],
)
def test_characters_that_xml_cannot_hold(document, fit):
    assert replace_invalid_xml(document) == fit


def test_an_id_is_read_whatever_stands_around_it():
    document = b"<R><Key>\xff&invalid;</Key><UploadId>a&amp;b</UploadId>"
    result = b"InitiateMultipartUploadResult"
    assert only_upload_id(document) == b"<%b><UploadId>a&amp;b</UploadId></%b>" % (result, result)
    assert only_upload_id(b"<Error><Code>InternalError</Code></Error>") == b"<Error><Code>InternalError</Code></Error>"
