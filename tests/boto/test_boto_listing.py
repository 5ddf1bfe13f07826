"""The backend on aiobotocore: pages of keys, and buckets."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest
from boto_calls import to

from aios3._paths import S3Url
from aios3.errors import ServerError
from scripted import Scripted, response, xml


def page(**fields: str) -> bytes:
    return response(body=xml("ListBucketResult", **fields))


async def test_a_page_is_decoded_and_its_descriptions_are_built_when_asked_for():
    entry = (
        "<Key>a%20b%2Bc+d%25%01%F0%9F%99%82%FF</Key><Size>3</Size><ETag>&quot;e&quot;</ETag>"
        "<LastModified>2015-10-21T07:28:00.000Z</LastModified><StorageClass>STANDARD</StorageClass>"
    )
    body = {"Contents": entry, "EncodingType": "url", "IsTruncated": "false", "CommonPrefixes": "<Prefix>d%2F</Prefix>"}
    async with Scripted(page(**body)) as server:
        backend = to(server)
        listed = await backend.list_objects(S3Url("bucket", "p+ /"), delimiter="/", start_after="p+ /a", max_keys=7)
        await backend.aclose()
    assert listed.keys == ["a b+c d%\x01🙂\udcff"]
    assert (listed.prefixes, listed.token) == (["d/"], None)
    assert len(listed.stats) == 1
    stat = listed.stats[0]
    assert (stat.size, stat.etag, stat.mtime, stat.storage_class) == (3, "e", 1445412480.0, "STANDARD")
    assert list(listed.stats[:1]) == [stat]
    query = parse_qs(urlsplit(server.requests[0].target).query)
    assert query == {
        "list-type": ["2"],
        "prefix": ["p+ /"],
        "delimiter": ["/"],
        "start-after": ["p+ /a"],
        "max-keys": ["7"],
        "encoding-type": ["url"],
    }


async def test_a_server_that_does_not_encode_is_taken_at_its_word():
    async with Scripted(page(Contents="<Key>a+b%20c</Key>")) as server:
        backend = to(server)
        listed = await backend.list_objects(S3Url("bucket"))
        await backend.aclose()
    assert (listed.keys, listed.prefixes) == (["a+b%20c"], [])


async def test_a_listing_continues_at_its_token():
    async with Scripted(page(IsTruncated="true", NextContinuationToken="t+/="), page(IsTruncated="false")) as server:
        backend = to(server)
        first = await backend.list_objects(S3Url("bucket"), start_after="k")
        assert first.token == "t+/="
        second = await backend.list_objects(S3Url("bucket"), token=first.token, start_after="k")
        assert second.token is None
        await backend.aclose()
    query = parse_qs(urlsplit(server.requests[1].target).query)
    assert (query["continuation-token"], "start-after" in query) == (["t+/="], False)


@pytest.mark.parametrize("fields", [{}, {"NextContinuationToken": ""}])
async def test_a_page_that_does_not_say_how_to_continue_is_not_the_last(fields):
    async with Scripted(page(IsTruncated="true", **fields)) as server:
        backend = to(server)
        assert (await backend.list_objects(S3Url("bucket"), token="same")).token == ""
        await backend.aclose()


@pytest.mark.parametrize(("said", "token"), [("true", "t"), ("True", "t"), ("1", "t"), ("false", None), ("0", None)])
async def test_a_boolean_is_read_as_any_server_writes_it(said, token):
    async with Scripted(page(IsTruncated=said, NextContinuationToken="t")) as server:
        backend = to(server)
        assert (await backend.list_objects(S3Url("bucket"))).token == token
        await backend.aclose()


async def test_a_listing_that_leads_back_to_the_same_page_does_not_loop():
    fields = {"NextContinuationToken": "same"}
    async with Scripted(page(IsTruncated="true", **fields)) as server:
        backend = to(server)
        with pytest.raises(ServerError, match="truncated"):
            await backend.list_objects(S3Url("bucket"), token="same")
        await backend.aclose()
