"""The backend on aiobotocore: what comes down, and what the heads say about it."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest
from boto_calls import URL, content, free, get, to

from aios3._backend import GetOptions
from aios3.errors import ServerError
from scripted import Scripted, response


@pytest.mark.parametrize(
    ("asked", "head", "span"),
    [
        ((2, 5), {"status": 206, "content_range": "bytes 2-4/10"}, (2, 5, 10)),
        ((2, 99), {"status": 206, "content_range": "bytes 2-4/5"}, (2, 5, 5)),
        ((2, 5), {"status": 200, "content_range": "bytes 2-4/10"}, (2, 5, 10)),
        ((7, 9), {"status": 200}, (0, 3, 3)),
        ((0, None), {"status": 200}, (0, 3, 3)),
        ((2, None), {"status": 206, "content_range": "bytes 2-4/5"}, (2, 5, 5)),
        (
            (2, 5),
            {"status": 206, "content_range": "bytes 2-4/10", "content_length": "", "connection": "close"},
            (2, 5, 10),
        ),
    ],
)
async def test_the_byte_range_is_read_from_the_response_head(asked, head, span, slots):
    async with Scripted(response(body=b"cde", etag='"e"', **head)) as server:
        backend = to(server, slots)
        body = await get(backend, URL, *asked)
        assert (body.start, body.stop, body.stat.size) == span
        assert body.stat.etag == "e"
        assert await content(body) == b"cde"
        await backend.aclose()
    sent = server.requests[0].headers.get("range")
    start, stop = asked
    assert sent == (None if asked == (0, None) else f"bytes={start}-{'' if stop is None else stop - 1}")


@pytest.mark.parametrize(
    "head",
    [
        {"status": 206},
        {"status": 206, "content_range": "bytes 3-5/10"},
        {"status": 206, "content_range": "bytes 2-4/4"},
        {"status": 206, "content_range": "bytes 2-4/*"},
        {"status": 206, "content_range": "bytes 4-2/10"},
        {"status": 206, "content_range": "bytes 2-9/10"},
        {"status": 206, "content_range": "pages 2-4/10"},
        {"status": 200, "content_length": "", "connection": "close"},
    ],
)
async def test_heads_that_contradict_each_other_are_invalid(head, slots):
    async with Scripted(response(body=b"cde", **head)) as server:
        backend = to(server, slots)
        with pytest.raises(ServerError, match="invalid response"):
            await get(backend, URL, 2, 5)
        assert free(slots) == 4
        await backend.aclose()
        await server.closed_by_client()


async def test_a_description_has_all_that_the_heads_say():
    headers = {
        "last-modified": "Wed, 21 Oct 2015 07:28:00 GMT",
        "etag": '"abc-2"',
        "x-amz-version-id": "null",
        "x-amz-storage-class": "GLACIER",
        "content-type": "text/plain",
        "content-language": "de",
        "x-amz-meta-Some-Name": "Value",
        "X-Amz-Checksum-Crc32": "AAAAAA==",
        "content-length": "12",
    }
    async with Scripted(response(**headers)) as server:
        backend = to(server)
        stat = await backend.head_object(URL, GetOptions(version_id="v1"))
        await backend.aclose()
    assert (stat.size, stat.mtime, stat.etag) == (12, 1445412480.0, "abc-2")
    assert (stat.version_id, stat.storage_class, stat.content_type) == ("null", "GLACIER", "text/plain")
    assert (stat.metadata, stat.checksums) == ({"some-name": "Value"}, {"CRC32": "AAAAAA=="})
    assert stat.headers == {"content-language": "de"}
    assert not stat.islnk
    assert parse_qs(urlsplit(server.requests[0].target).query) == {"versionId": ["v1"]}


@pytest.mark.parametrize(("size", "is_link"), [("0", True), ("3", False)])
async def test_only_an_empty_object_is_a_link(size, is_link):
    title_cased = b"\r\nX-Amz-Meta-Symlink_To: s3://b/t\r\n\r\n"
    async with Scripted(response(content_length=size).replace(b"\r\n\r\n", title_cased)) as server:
        backend = to(server)
        assert (await backend.head_object(URL, GetOptions())).islnk is is_link
        await backend.aclose()


@pytest.mark.parametrize(
    ("asked", "head", "known"),
    [
        ((0, None), {}, True),
        ((0, None), {"x-amz-checksum-type": "COMPOSITE"}, False),
        ((0, 9), {"status": 206, "content_range": "bytes 0-2/3", "etag": '"abc"'}, True),
        ((0, 9), {"status": 206, "content_range": "bytes 0-2/3", "etag": '"abc-2"'}, False),
        (
            (0, 9),
            {"status": 206, "content_range": "bytes 0-2/3", "etag": '"abc-2"', "x-amz-checksum-type": "FULL_OBJECT"},
            True,
        ),
        ((0, 3), {"status": 206, "content_range": "bytes 0-2/9", "x-amz-checksum-type": "FULL_OBJECT"}, False),
        ((0, 3), {"status": 206, "content_range": "bytes 0-2/3"}, False),
    ],
)
async def test_a_checksum_of_less_than_the_object_is_never_taken_for_the_objects(asked, head, known):
    async with Scripted(response(body=b"abc", **head, **{"x-amz-checksum-crc32": "AAAAAA=="})) as server:
        backend = to(server)
        body = await get(backend, URL, *asked)
        assert body.stat.checksums == ({"CRC32": "AAAAAA=="} if known else {})
        assert await content(body) == b"abc"  # and no part of botocore compares it
        await backend.aclose()
    assert server.requests[0].headers["x-amz-checksum-mode"] == "ENABLED"


async def test_checksums_off_asks_for_none():
    async with Scripted(response(), response()) as server:
        backend = to(server, checksums="off")
        await backend.head_object(URL, GetOptions())
        (await get(backend, URL)).close()
        await backend.aclose()
    assert not any("x-amz-checksum-mode" in request.headers for request in server.requests)


async def test_a_description_without_the_permission_for_checksums_is_still_one():
    async with Scripted(response(403, content_length=""), response(content_length="5")) as server:
        backend = to(server)
        assert (await backend.head_object(URL, GetOptions())).size == 5
        await backend.aclose()
    assert ["x-amz-checksum-mode" in request.headers for request in server.requests] == [True, False]


@pytest.mark.loop_variants
async def test_chunked_bodies_are_read_across_the_borders_of_chunks():
    head = response(206, content_length="", content_range="bytes 0-5/6", transfer_encoding="chunked")
    async with Scripted(head + b"2\r\nab\r\n3\r\ncde\r\n1\r\nf\r\n0\r\n\r\n") as server:
        backend = to(server)
        body = await get(backend, URL, 0, 6)
        two = memoryview(bytearray(2))
        assert [await body.readinto(two), bytes(two)] == [2, b"ab"]
        assert await content(body) == b"cdef"
        await backend.aclose()


async def test_a_page_that_is_no_object_leaves_no_connection_behind():
    # The page goes on: a connection whose body has arrived whole is given back by itself.
    page = response(body=b"<html>", content_type="text/html", x_amz_id_2="", content_length="9000")
    async with Scripted(page) as server:
        backend = to(server)
        with pytest.raises(ServerError):
            await get(backend, URL)
        await server.closed_by_client()
        await backend.aclose()
