from __future__ import annotations

import asyncio
import email.utils
import gzip
import json
import random
import socket
import struct

import botocore.exceptions
import httpx
import pytest
from http_service import serve
from hypothesis import given
from hypothesis import strategies as st

import aios3

MIB = 1024 * 1024
DATA = random.Random(2).randbytes(3 * MIB + 77)


@pytest.fixture(scope="module")
def web(load_example):
    return load_example("web_service")


@pytest.fixture(scope="module")
def config(aios3_server) -> aios3.Config:
    """Small blocks and the least memory, so that little data is already much."""
    return aios3.Config(
        **aios3_server.config,
        block_size=64 * 1024,
        request_size=MIB,
        part_size=5 * MIB,
        memory_budget=10 * MIB,
    )


@pytest.fixture(scope="module")
def running(web, config, aios3_server):
    """One service for all tests: making a client takes longer than most of them."""
    root = aios3_server.create_bucket("web-service") + "/root"
    with serve(web.create_app(root, config)) as service:
        yield service


@pytest.fixture
def bucket(boto) -> str:
    """The service's bucket, emptied."""
    for found in boto.list_objects_v2(Bucket="web-service").get("Contents", []):
        boto.delete_object(Bucket="web-service", Key=found["Key"])
    return "web-service"


@pytest.fixture
def service(running, bucket):
    running.begin()
    return running


@pytest.fixture
def http(service):
    with httpx.Client(base_url=service.url, timeout=30) as client:
        yield client


@pytest.fixture
def stored(boto, bucket) -> dict[str, str]:
    boto.put_object(Bucket=bucket, Key="root/data.bin", Body=DATA, ContentType="video/x-test")
    head = boto.head_object(Bucket=bucket, Key="root/data.bin")
    return {"etag": head["ETag"], "date": email.utils.formatdate(head["LastModified"].timestamp(), usegmt=True)}


def open_uploads(boto, bucket: str) -> list[str]:
    return [upload["Key"] for upload in boto.list_multipart_uploads(Bucket=bucket).get("Uploads", [])]


def exists(boto, bucket: str, key: str) -> bool:
    try:
        boto.head_object(Bucket=bucket, Key=key)
    except botocore.exceptions.ClientError:
        return False
    return True


def assert_idle(service) -> None:
    assert service.stray_tasks() == []
    session = service.watched.session
    assert session.tasks.active == 0
    assert session.budget.used == 0
    assert list(session._owned) == []


# Downloads


def test_get_sends_the_object_and_says_what_it_is(http, stored, service):
    response = http.get("/files/data.bin")
    assert response.status_code == 200
    assert response.content == DATA
    assert response.headers["content-length"] == str(len(DATA))
    assert response.headers["content-type"] == "video/x-test"
    assert response.headers["accept-ranges"] == "bytes"
    assert response.headers["etag"] == stored["etag"]
    assert response.headers["last-modified"] == stored["date"]
    assert_idle(service)


def test_head_says_the_same_without_the_bytes(http, stored, service):
    head, get = http.head("/files/data.bin"), http.get("/files/data.bin")
    names = ("content-length", "content-type", "accept-ranges", "etag", "last-modified")
    assert head.status_code == 200
    assert head.content == b""
    assert {name: head.headers[name] for name in names} == {name: get.headers[name] for name in names}


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("bytes=0-0", slice(0, 1)),
        ("bytes=5-9", slice(5, 10)),
        ("bytes=100-", slice(100, None)),
        ("bytes=-7", slice(-7, None)),
        ("bytes=0-999999999", slice(0, None)),
        ("bytes=-999999999", slice(0, None)),
        (f"bytes={2 * MIB - 3}-{2 * MIB + 3}", slice(2 * MIB - 3, 2 * MIB + 4)),
    ],
)
def test_get_of_a_range_sends_just_that(http, stored, service, header, expected):
    response = http.get("/files/data.bin", headers={"Range": header})
    wanted = DATA[expected]
    start = expected.indices(len(DATA))[0]
    assert response.status_code == 206
    assert response.content == wanted
    assert response.headers["content-range"] == f"bytes {start}-{start + len(wanted) - 1}/{len(DATA)}"
    assert response.headers["content-length"] == str(len(wanted))
    assert_idle(service)


@pytest.mark.parametrize("header", [f"bytes={len(DATA)}-", "bytes=-0", f"bytes={10**17}-{10**17 + 1}"])
def test_get_outside_the_object_is_416(http, stored, service, header):
    response = http.get("/files/data.bin", headers={"Range": header})
    assert response.status_code == 416
    assert response.headers["content-range"] == f"bytes */{len(DATA)}"
    assert response.content == b""
    assert_idle(service)


@pytest.mark.parametrize(
    "header", ["bytes=9-5", "bytes=-", "bytes=a-b", "lines=1-2", "bytes=0-1,3-4", "bytes=" + "9" * 5000 + "-"]
)
def test_a_range_that_is_malformed_or_not_supported_is_ignored(http, stored, header):
    response = http.get("/files/data.bin", headers={"Range": header})
    assert response.status_code == 200
    assert response.content == DATA


def test_an_empty_object_is_sent_and_has_no_ranges(http, boto, bucket):
    boto.put_object(Bucket=bucket, Key="root/empty", Body=b"")
    assert http.get("/files/empty").content == b""
    response = http.get("/files/empty", headers={"Range": "bytes=0-"})
    assert response.status_code == 416
    assert response.headers["content-range"] == "bytes */0"


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"If-None-Match": "{etag}"}, 304),
        ({"If-None-Match": '"other", W/{etag}'}, 304),
        ({"If-None-Match": "*"}, 304),
        ({"If-None-Match": '"other"'}, 200),
        ({"If-Match": "{etag}"}, 200),
        ({"If-Match": "*"}, 200),
        ({"If-Match": '"other"'}, 412),
        ({"If-Match": "W/{etag}"}, 412),
        ({"If-Modified-Since": "{date}"}, 304),
        ({"If-Modified-Since": "Sat, 01 Jan 2000 00:00:00 GMT"}, 200),
        ({"If-Modified-Since": "yesterday"}, 200),
        ({"If-Unmodified-Since": "Sat, 01 Jan 2000 00:00:00 GMT"}, 412),
        ({"If-Unmodified-Since": "{date}"}, 200),
        ({"If-None-Match": '"other"', "If-Modified-Since": "{date}"}, 200),
    ],
)
def test_conditions(http, stored, service, method, headers, status):
    response = http.request(method, "/files/data.bin", headers={k: v.format(**stored) for k, v in headers.items()})
    assert response.status_code == status
    assert response.content == (DATA if (method, status) == ("GET", 200) else b"")
    assert response.headers["etag"] == stored["etag"]
    assert_idle(service)


@pytest.mark.parametrize(
    ("condition", "status"),
    [("{etag}", 206), ("{date}", 206), ('"other"', 200), ("Sat, 01 Jan 2000 00:00:00 GMT", 200)],
)
def test_if_range_sends_the_range_of_that_version_only(http, stored, condition, status):
    headers = {"Range": "bytes=0-9", "If-Range": condition.format(**stored)}
    response = http.get("/files/data.bin", headers=headers)
    assert response.status_code == status
    assert response.content == (DATA[:10] if status == 206 else DATA)


SIZES = st.integers(0, 50)


@given(size=SIZES, first=st.none() | SIZES, last=st.none() | SIZES)
def test_parse_range_agrees_with_slicing(web, size, first, last):
    data = bytes(range(size))
    text = f"bytes={'' if first is None else first}-{'' if last is None else last}"
    if (first is None and last is None) or (first is not None and last is not None and last < first):
        assert web.parse_range(text, size) is None
        return
    if first is None:
        wanted = data[-last:] if last else b""
    else:
        wanted = data[first:] if last is None else data[first : last + 1]
    if wanted:
        span = web.parse_range(text, size)
        assert data[span.start : span.stop] == wanted
        assert span.size == size
    else:
        with pytest.raises(web.UnsatisfiableRangeError):
            web.parse_range(text, size)


# Uploads


@pytest.mark.parametrize("size", [0, 1, 5 * MIB, 12 * MIB + 5])
def test_put_stores_the_body_and_responds_with_its_etag(http, boto, bucket, service, size):
    data = random.Random(size).randbytes(size)
    response = http.put("/files/new/file.png", content=data)
    assert response.status_code == 201
    found = boto.get_object(Bucket=bucket, Key="root/new/file.png")
    assert found["Body"].read() == data
    assert found["ETag"] == response.headers["etag"]
    assert found["ContentType"] == "image/png"
    assert open_uploads(boto, bucket) == []
    assert_idle(service)


def test_put_takes_a_body_of_unknown_length(http, boto, bucket):
    pieces = [bytes([number]) * 300_000 for number in range(20)]
    response = http.put("/files/chunked", content=iter(pieces), headers={"Content-Type": "application/x-test"})
    assert response.status_code == 201
    found = boto.get_object(Bucket=bucket, Key="root/chunked")
    assert found["Body"].read() == b"".join(pieces)
    assert found["ContentType"] == "application/x-test"


def test_put_creates_only_if_asked_to(http, boto, bucket, stored):
    created = http.put("/files/fresh", content=b"1", headers={"If-None-Match": "*"})
    rejected = http.put("/files/data.bin", content=b"1", headers={"If-None-Match": "*"})
    assert (created.status_code, rejected.status_code) == (201, 412)
    assert boto.get_object(Bucket=bucket, Key="root/data.bin")["Body"].read() == DATA


def test_put_replaces_only_the_version_it_names(http, boto, bucket, stored):
    rejected = http.put("/files/data.bin", content=b"1", headers={"If-Match": '"d41d8cd98f00b204e9800998ecf8427e"'})
    assert rejected.status_code == 412
    assert boto.get_object(Bucket=bucket, Key="root/data.bin")["Body"].read() == DATA
    replaced = http.put("/files/data.bin", content=b"1", headers={"If-Match": stored["etag"]})
    assert replaced.status_code == 201
    assert boto.get_object(Bucket=bucket, Key="root/data.bin")["Body"].read() == b"1"


def test_put_rejects_a_part_of_a_file(http, boto, bucket):
    assert http.put("/files/x", content=b"12", headers={"Content-Range": "bytes 0-1/9"}).status_code == 400
    assert not exists(boto, bucket, "root/x")


def test_an_encoded_body_is_stored_and_sent_as_it_is(http, boto, bucket):
    data = gzip.compress(b"text")
    assert http.put("/files/x.txt", content=data, headers={"Content-Encoding": "gzip"}).status_code == 201
    assert boto.get_object(Bucket=bucket, Key="root/x.txt")["Body"].read() == data
    response = http.get("/files/x.txt")
    assert response.headers["content-encoding"] == "gzip"
    assert response.headers["content-length"] == str(len(data))
    assert response.content == b"text"


@pytest.mark.parametrize("key", ["a b", "a+b", "a%20b", "ä/ö", "q?x=1", "h#1", "dots/../up", "twice//slash", "🙂"])
def test_keys_arrive_as_they_are(http, boto, bucket, key):
    quoted = "".join(f"%{byte:02X}" if byte != ord("/") else "/" for byte in key.encode())
    assert http.put(f"/files/{quoted}", content=key.encode()).status_code == 201
    assert [found["Key"] for found in boto.list_objects_v2(Bucket=bucket)["Contents"]] == [f"root/{key}"]
    assert http.get(f"/files/{quoted}").content == key.encode()


# The rest


def test_delete_removes_the_object_once(http, boto, bucket, stored):
    assert http.delete("/files/data.bin").status_code == 204
    assert not exists(boto, bucket, "root/data.bin")
    assert http.delete("/files/data.bin").status_code == 404


def test_a_listing_is_one_object_a_line_in_key_order(web, http, boto, bucket, service, monkeypatch):
    monkeypatch.setattr(web, "LINES_AT_ONCE", 3)
    keys = [f"root/dir/{number:02}" for number in range(10)]
    for key in reversed(keys):
        boto.put_object(Bucket=bucket, Key=key, Body=key.encode())
    boto.put_object(Bucket=bucket, Key="other", Body=b"")
    response = http.get("/list/dir")
    entries = [json.loads(line) for line in response.text.splitlines()]
    assert response.headers["content-type"].startswith("application/x-ndjson")
    assert [entry["path"] for entry in entries] == [f"s3://{bucket}/{key}" for key in keys]
    assert {entry["size"] for entry in entries} == {len(keys[0])}
    assert http.get("/list/nothing").text == ""
    assert_idle(service)


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/files/none"), ("HEAD", "/files/none"), ("GET", "/files/"), ("DELETE", "/files/none")]
)
def test_what_is_not_there_is_404(http, stored, method, path):
    assert http.request(method, path).status_code == 404


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_directory_is_404(http, stored, boto, bucket, method):
    boto.put_object(Bucket=bucket, Key="root/dir/file", Body=b"")
    assert http.request(method, "/files/dir").status_code == 404


def test_a_method_that_is_not_offered_is_405(http):
    assert http.post("/files/x").status_code == 405


def test_a_key_that_s3_cannot_hold_is_400(http):
    assert http.get("/files/" + "x" * 1025).status_code == 400


def test_without_the_bucket_files_are_404_and_the_listing_is_empty(web, config):
    with serve(web.create_app("s3://there-is-no-such-bucket", config)) as lost:
        assert httpx.get(f"{lost.url}/files/x").status_code == 404
        assert httpx.put(f"{lost.url}/files/x", content=b"1").status_code == 404
        assert httpx.get(f"{lost.url}/list/").text == ""


def test_a_listing_that_fails_at_once_has_a_status(http, monkeypatch):
    async def fail(*_arguments, **_options):
        message = "no"
        raise aios3.AccessDeniedError(message)
        yield

    monkeypatch.setattr(aios3, "scan_stat", fail)
    assert http.get("/list/").status_code == 403


@pytest.mark.parametrize(
    ("cls", "status"),
    [
        (aios3.AccessDeniedError, 403),
        (aios3.NoCredentialsError, 502),
        (aios3.BucketNotFoundError, 404),
        (aios3.ObjectChangedError, 412),
        (aios3.InvalidRangeError, 416),
        (aios3.ThrottledError, 503),
        (aios3.TLSError, 502),
        (aios3.RequestTimeoutError, 504),
        (aios3.ChecksumMismatchError, 500),
    ],
)
def test_errors_have_a_status(http, monkeypatch, cls, status):
    async def fail(*_arguments, **_options):
        message = "no"
        raise cls(message)

    monkeypatch.setattr(aios3, "remove", fail)
    response = http.delete("/files/x")
    assert response.status_code == status
    assert response.json() == {"error": cls.__name__}


# Clients that go away


def goodbye(connection: socket.socket, how: str) -> None:
    if how == "reset":
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


@pytest.mark.parametrize("how", ["close", "reset"])
@pytest.mark.parametrize("framing", [f"Content-Length: {100 * MIB}", "Transfer-Encoding: chunked"])
def test_a_client_that_leaves_in_a_large_upload_leaves_nothing(service, boto, bucket, how, framing):
    chunk = bytes(MIB)
    with service.connect() as connection:
        connection.sendall(f"PUT /files/big HTTP/1.1\r\nHost: x\r\n{framing}\r\n\r\n".encode())
        for _ in range(40):
            connection.sendall(b"100000\r\n%b\r\n" % chunk if "chunked" in framing else chunk)
        # the budget holds 10 MiB: when 40 have come in, parts have gone out
        service.until(lambda watched: watched.received >= 40 * MIB)
        assert open_uploads(boto, bucket) == ["root/big"]
        goodbye(connection, how)
    service.until(lambda watched: watched.ended == 1)
    assert open_uploads(boto, bucket) == []
    assert not exists(boto, bucket, "root/big")
    assert_idle(service)


def test_a_client_that_leaves_in_a_small_upload_leaves_nothing(service, boto, bucket):
    with service.connect() as connection:
        connection.sendall(b"PUT /files/small HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n" + bytes(50))
        service.until(lambda watched: watched.received >= 50)
    service.until(lambda watched: watched.ended == 1)
    assert not exists(boto, bucket, "root/small")
    assert open_uploads(boto, bucket) == []
    assert_idle(service)


def test_a_client_that_leaves_does_not_harm_what_was_there(service, boto, bucket, stored):
    with service.connect() as connection:
        connection.sendall(b"PUT /files/data.bin HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n" + bytes(50))
        service.until(lambda watched: watched.received >= 50)
    service.until(lambda watched: watched.ended == 1)
    assert boto.get_object(Bucket=bucket, Key="root/data.bin")["Body"].read() == DATA


@pytest.mark.parametrize("how", ["close", "reset"])
def test_a_client_that_leaves_in_a_download_closes_the_object(service, boto, bucket, how):
    size = 24 * MIB
    boto.put_object(Bucket=bucket, Key="root/big", Body=bytes(size))
    with service.connect() as connection:
        connection.sendall(b"GET /files/big HTTP/1.1\r\nHost: x\r\n\r\n")
        assert connection.recv(17) == b"HTTP/1.1 200 OK\r\n"
        goodbye(connection, how)
    service.until(lambda watched: watched.ended == 1)
    assert service.watched.sent < size
    assert_idle(service)


def test_shutdown_during_a_download_ends(web, config, boto, bucket):
    boto.put_object(Bucket=bucket, Key="big", Body=bytes(24 * MIB))
    with serve(web.create_app(f"s3://{bucket}", config)) as stopping:
        connection = stopping.connect()
        connection.sendall(b"GET /files/big HTTP/1.1\r\nHost: x\r\n\r\n")
        assert connection.recv(17) == b"HTTP/1.1 200 OK\r\n"
        connection.close()
    assert stopping.watched.ended == 1
    assert stopping.watched.session.closed


def test_a_response_closes_what_it_owns_if_sending_fails(web):
    closed = []

    class Resource:
        def __init__(self, name: str) -> None:
            self.name = name

        async def aclose(self) -> None:
            closed.append(self.name)

    async def content():
        yield b"x"

    async def send(_message) -> None:
        message = "the client is gone"
        raise OSError(message)

    async def receive():
        await asyncio.Event().wait()

    async def response() -> None:
        response = web.OwningResponse(content(), Resource("first"), Resource("second"))
        await response({"type": "http", "asgi": {"spec_version": "2.3"}}, receive, send)

    with pytest.raises(OSError, match="gone"):
        asyncio.run(response())
    assert closed == ["second", "first"]
