"""The backend on aiobotocore: many keys in one request, and lists of parts and uploads."""

from __future__ import annotations

import base64
import hashlib
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

import pytest
from boto_calls import URL, to

from aios3._adapting_backend import AdaptingAdmin
from aios3._backend import DeleteFailure, OpenUpload, StoredPart
from aios3._engine.retry_policy import RetryPolicy
from aios3._paths import S3Url
from aios3.errors import AccessDeniedError, BucketNotFoundError, ServerError
from scripted import Scripted, response, xml

BUCKET = S3Url("bucket")


def done(*keys: str) -> bytes:
    return response(body=f"<DeleteResult>{''.join(map(deleted, keys))}</DeleteResult>".encode())


def deleted(key: str) -> str:
    return f"<Deleted><Key>{escape(key)}</Key></Deleted>"


def query_of(request) -> dict[str, list[str]]:
    return parse_qs(urlsplit(request.target).query, keep_blank_values=True)


async def delete(server: Scripted, *keys: str):
    backend = AdaptingAdmin(to(server), RetryPolicy(1))
    try:
        return await backend.delete_objects(BUCKET, keys)
    finally:
        await backend.aclose()


async def test_many_keys_go_in_one_request_with_an_md5_that_wants_each_named_in_the_response():
    keys = ["a", "a//b", " lead", "<&>\"'", "é🙂", "../up"]
    async with Scripted(done(*keys)) as server:
        assert await delete(server, *keys) == []
    [request] = server.requests
    assert request.method == "POST"
    assert request.headers["content-md5"] == base64.b64encode(hashlib.md5(request.body).digest()).decode()
    assert not [name for name in request.headers if "checksum" in name]
    tree = ET.fromstring(request.body)
    found = [(element.tag.rpartition("}")[2], element.text) for element in tree.iter() if not len(element)]
    assert found == [*(("Key", key) for key in keys), ("Quiet", "false")]


@pytest.mark.parametrize("key", ["a\x01", "line\nfeed", "carriage\rreturn", "tab\t", "nul\0", "\ufffe", "\x7f"])
async def test_keys_that_xml_cannot_hold_go_alone(key):
    async with Scripted(done("plain"), response(204)) as server:
        assert await delete(server, "plain", key) == []
    assert sorted(request.method for request in server.requests) == ["DELETE", "POST"]


async def test_no_key_takes_no_request():
    async with Scripted() as server:
        assert await delete(server) == []
    assert server.requests == []


async def test_every_response_about_a_key_counts():
    errors = (
        "<Error><Key>a</Key><Code>AccessDenied</Code><Message>no</Message></Error>"
        "<Error><Key>b</Key><Code>InternalError</Code><Message>later</Message></Error>"
        "<Error><Key>c</Key><Code>NoSuchKey</Code><Message>gone</Message></Error>"
    )
    body = f"<DeleteResult>{errors}{deleted('d')}</DeleteResult>".encode()
    rejected = response(403, xml("Error", Code="AccessDenied", Message="not this one"))
    async with Scripted(response(body=body)) as server:
        found = await delete(server, "a", "b", "c", "d")
    assert found == [DeleteFailure("a", "AccessDenied", "no"), DeleteFailure("b", "InternalError", "later")]
    async with Scripted(rejected) as server:
        [alone] = await delete(server, "e\x01")
    assert (alone.key, alone.code) == ("e\x01", "AccessDenied")


async def test_a_response_about_other_keys_is_an_error():
    body = b"<DeleteResult><Error><Key>other</Key><Code>AccessDenied</Code></Error></DeleteResult>"
    async with Scripted(response(body=body)) as server:
        with pytest.raises(ServerError, match="nobody asked to delete"):
            await delete(server, "mine")


async def test_a_rejection_of_all_is_an_error():
    for code, status, error in (("AccessDenied", 403, AccessDeniedError), ("NoSuchBucket", 404, BucketNotFoundError)):
        for key in ("plain", "alone\x01") if status == 404 else ("plain",):
            async with Scripted(response(status, xml("Error", Code=code, Message="no"))) as server:
                with pytest.raises(error):
                    await delete(server, key)


async def test_lists_parts_on_all_pages_in_order():
    def page(numbers, more):
        parts = "".join(
            f"<Part><PartNumber>{n}</PartNumber><ETag>&quot;e{n}&quot;</ETag><Size>{n}</Size></Part>" for n in numbers
        )
        end = f"<IsTruncated>true</IsTruncated><NextPartNumberMarker>{numbers[-1]}</NextPartNumberMarker>"
        return response(body=f"<ListPartsResult>{parts}{end if more else ''}</ListPartsResult>".encode())

    async with Scripted(page([1, 2], more=True), page([3], more=False)) as server:
        backend = AdaptingAdmin(to(server), RetryPolicy(1))
        found = await backend.list_parts(URL, "upload")
        await backend.aclose()
    assert found == [StoredPart(1, "e1", 1), StoredPart(2, "e2", 2), StoredPart(3, "e3", 3)]
    assert [query_of(request).get("part-number-marker") for request in server.requests] == [None, ["2"]]
    again = page([2], more=True)
    async with Scripted(again, again) as server:
        backend = AdaptingAdmin(to(server), RetryPolicy(1))
        with pytest.raises(ServerError, match="continues at part 2 again"):
            await backend.list_parts(URL, "upload")
        await backend.aclose()


def uploads(key: str, upload_id: str, *, more: bool) -> bytes:
    moment = "2015-10-21T07:28:00.000Z"
    entry = f"<Upload><Key>{key}</Key><UploadId>{upload_id}</UploadId><Initiated>{moment}</Initiated></Upload>"
    end = "<NextKeyMarker>a%2Bb</NextKeyMarker><NextUploadIdMarker>1</NextUploadIdMarker>" if more else ""
    truncated = f"<IsTruncated>{str(more).lower()}</IsTruncated>"
    inside = f"<EncodingType>url</EncodingType>{entry}{truncated}{end}"
    return response(body=f"<ListMultipartUploadsResult>{inside}</ListMultipartUploadsResult>".encode())


async def test_lists_uploads_on_all_pages_decoded():
    async with Scripted(uploads("a%2Bb", "1", more=True), uploads("a%20c%01", "2", more=False)) as server:
        backend = AdaptingAdmin(to(server), RetryPolicy(1))
        found = await backend.list_multipart_uploads(S3Url("bucket", "a"))
        await backend.aclose()
    assert found == [OpenUpload("a+b", "1", 1445412480.0), OpenUpload("a c\x01", "2", 1445412480.0)]
    first, second = map(query_of, server.requests)
    assert (first["prefix"], first["encoding-type"]) == (["a"], ["url"])
    assert (second["key-marker"], second["upload-id-marker"]) == (["a+b"], ["1"])


async def test_a_list_of_uploads_that_does_not_get_on_is_an_error():
    again = uploads("a", "1", more=True)
    async with Scripted(again, again) as server:
        backend = AdaptingAdmin(to(server), RetryPolicy(1))
        with pytest.raises(ServerError, match="again"):
            await backend.list_multipart_uploads(BUCKET)
        await backend.aclose()


async def test_no_such_upload_means_that_there_are_none():
    async with Scripted(response(404, xml("Error", Code="NoSuchUpload", Message="none"))) as server:
        backend = AdaptingAdmin(to(server), RetryPolicy(1))
        assert await backend.list_multipart_uploads(BUCKET) == []
        await backend.aclose()
