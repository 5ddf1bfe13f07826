"""The other verbs on one object: whole contents, streams, MD5, touch, makedirs, unlink, signed URLs, clients."""

from __future__ import annotations

import asyncio
import hashlib
import io
import itertools
import json
import os
import urllib.error
import urllib.request
from base64 import b64decode

import pytest

import aios3
import aios3.sync
from aios3._adapting_backend import AdaptingBackend
from aios3.errors import from_response

MIB = 1 << 20


@pytest.mark.parametrize("followlinks", [False, True])
async def test_load_content_is_a_slice(aios3_bucket, aios3_session, followlinks):
    data, path, link = b"0123456789", f"{aios3_bucket}/key", f"{aios3_bucket}/link"
    await aios3.write_bytes(path, data, session=aios3_session)
    await aios3.symlink(path, link, session=aios3_session)
    for start, stop in itertools.product((None, -4, 0, 3, 10), (None, -2, 0, 3, 20)):
        expected = data[start:stop]
        first, last, _ = slice(start, stop).indices(len(data))
        if last < first:
            with pytest.raises(ValueError, match="There is no range"):
                await aios3.load_content(path, start, stop, followlinks, session=aios3_session)
            continue
        read = await aios3.load_content(link if followlinks else path, start, stop, followlinks, session=aios3_session)
        assert read == expected, (start, stop)


async def test_load_content_of_nothing_is_empty(aios3_bucket, aios3_session):
    """Decided: ``load_content(n, n)``; megfile returns the whole file."""
    await aios3.write_bytes(f"{aios3_bucket}/key", b"0123456789", session=aios3_session)
    for n in (0, 3, 10):
        assert await aios3.load_content(f"{aios3_bucket}/key", n, n, session=aios3_session) == b""


@pytest.mark.parametrize("bounds", [(), (0, 5), (2,), (-2,)])
async def test_following_costs_nothing_where_there_is_no_link(aios3_bucket, aios3_session, requests, bounds):
    """Decided: the fewest requests that suffice; megfile's load_content makes three."""
    await aios3.write_bytes(f"{aios3_bucket}/key", b"0123456789", session=aios3_session)
    requests.clear()
    await aios3.load_content(f"{aios3_bucket}/key", *bounds, session=aios3_session)
    plain = list(requests)
    requests.clear()
    await aios3.load_content(f"{aios3_bucket}/key", *bounds, followlinks=True, session=aios3_session)
    assert requests == plain == (["HEAD key", "GET key"] if bounds == (-2,) else ["GET key"])


async def test_without_following_a_link_is_empty(aios3_bucket, aios3_session):
    await aios3.write_bytes(f"{aios3_bucket}/key", b"data", session=aios3_session)
    await aios3.symlink(f"{aios3_bucket}/key", f"{aios3_bucket}/link", session=aios3_session)
    assert await aios3.load_content(f"{aios3_bucket}/link", session=aios3_session) == b""
    loaded = await aios3.load_from(f"{aios3_bucket}/link", followlinks=True, session=aios3_session)
    assert isinstance(loaded, io.BytesIO)
    assert loaded.read() == b"data"


class AsyncReader:
    def __init__(self, data: bytes) -> None:
        self._file = io.BytesIO(data)

    async def read(self, size: int) -> bytes:
        return self._file.read(size)


@pytest.mark.parametrize("size", [0, 5, 7 * MIB])
@pytest.mark.parametrize("kind", [io.BytesIO, AsyncReader])
async def test_save_as_takes_all_of_a_stream(aios3_bucket, aios3_session, kind, size):
    data = os.urandom(size)
    result = await aios3.save_as(kind(data), f"{aios3_bucket}/key", session=aios3_session, content_type="x/y")
    assert result.size == size
    assert await aios3.read_bytes(f"{aios3_bucket}/key", session=aios3_session) == data
    assert (await aios3.stat(f"{aios3_bucket}/key", session=aios3_session)).content_type == "x/y"


async def test_save_as_leaves_the_stream_open(aios3_bucket, aios3_session):
    """Decided: ``save_as`` closes the caller's stream in megfile."""
    stream = io.BytesIO(b"skipped data")
    stream.seek(8)
    await aios3.save_as(stream, f"{aios3_bucket}/key", session=aios3_session)
    assert not stream.closed
    assert await aios3.read_bytes(f"{aios3_bucket}/key", session=aios3_session) == b"data"


async def test_a_stream_that_fails_publishes_nothing(aios3_bucket, aios3_session):
    class Failing(io.BytesIO):
        def read(self, size=-1):
            if self.tell() > 6 * MIB:
                raise OSError(5, "the disk is broken")
            return super().read(size)

    with pytest.raises(OSError, match="the disk is broken"):
        await aios3.save_as(Failing(bytes(12 * MIB)), f"{aios3_bucket}/key", session=aios3_session, part_size=5 * MIB)
    assert not await aios3.exists(f"{aios3_bucket}/key", session=aios3_session)
    assert aios3_session.budget.used == 0
    with pytest.raises(aios3.ConfigError):
        await aios3.save_as(io.StringIO("text"), f"{aios3_bucket}/key", session=aios3_session)


def md5(data: bytes) -> str:
    return hashlib.md5(data).hexdigest()


async def test_getmd5_is_the_etag_or_computed(aios3_bucket, aios3_session, requests):
    """Decided: the ETag, and ``recalculate=True`` computes; a multipart ETag is no MD5."""
    data, path, link = os.urandom(6 * MIB), f"{aios3_bucket}/key", f"{aios3_bucket}/link"
    written = await aios3.write_bytes(path, data, session=aios3_session, part_size=5 * MIB)
    await aios3.symlink(path, link, session=aios3_session)
    requests.clear()
    assert await aios3.getmd5(path, session=aios3_session) == written.etag
    assert requests == ["HEAD key"]
    assert written.etag.endswith("-2")
    assert await aios3.getmd5(path, recalculate=True, session=aios3_session) == md5(data)
    assert await aios3.getmd5(link, followlinks=True, session=aios3_session) == written.etag
    assert await aios3.getmd5(link, recalculate=True, followlinks=True, session=aios3_session) == md5(data)
    assert await aios3.getmd5(link, recalculate=True, session=aios3_session) == md5(b"")


@pytest.mark.parametrize("recalculate", [False, True])
async def test_getmd5_of_a_directory_is_that_of_its_entries(aios3_bucket, aios3_session, requests, recalculate):
    for key, data in {"d/a.txt": b"1", "d/a/x": b"2", "d/a/y/z": b"3", "d/b": b"4", "d/b/c": b"5", "d/m/": b""}.items():
        await (await aios3_session.backend(aios3.S3Url("b"))).put_object(
            aios3.S3Url.parse(f"{aios3_bucket}/{key}"),
            [data],
            options=aios3._backend.PutOptions(),
            condition=aios3._backend.Precondition(),
            checksum=None,
        )
    requests.clear()
    a = md5((md5(b"2") + md5(md5(b"3").encode())).encode())
    b = md5(md5(b"5").encode())
    expected = md5((a + md5(b"1") + md5(b"4") + b).encode())
    assert await aios3.getmd5(f"{aios3_bucket}/d", recalculate, session=aios3_session) == expected
    assert [request.partition(" ")[0] for request in requests] == ["HEAD", "GET"] + ["GET"] * (5 if recalculate else 0)
    above = md5(expected.encode())
    assert await aios3.getmd5(aios3_bucket, recalculate, session=aios3_session) == above


async def test_getmd5_of_nothing(aios3_bucket, aios3_session):
    assert await aios3.getmd5(aios3_bucket, session=aios3_session) == md5(b"")
    with pytest.raises(aios3.ObjectNotFoundError):
        await aios3.getmd5(f"{aios3_bucket}/none", session=aios3_session)
    for path in ("s3://", "s3://no-such-bucket-here/x"):
        with pytest.raises(aios3.BucketNotFoundError):
            await aios3.getmd5(path, session=aios3_session)


async def test_touch_creates_and_never_rewrites(aios3_bucket, aios3_session, requests):
    path = f"{aios3_bucket}/key"
    await aios3.touch(path, session=aios3_session)
    assert requests == ["HEAD key", "PUT key"]
    before = await aios3.stat(path, session=aios3_session)
    assert before.size == 0
    await aios3.write_bytes(path, b"data", session=aios3_session)
    requests.clear()
    await aios3.touch(path, session=aios3_session)
    assert requests == ["HEAD key"]
    assert await aios3.read_bytes(path, session=aios3_session) == b"data"
    with pytest.raises(aios3.ObjectExistsError):
        await aios3.touch(path, exist_ok=False, session=aios3_session)
    with pytest.raises(aios3.BucketNotFoundError):
        await aios3.touch("s3://no-such-bucket-here/key", session=aios3_session)


async def test_touch_during_a_concurrent_write(aios3_bucket, aios3_session, monkeypatch):
    path = f"{aios3_bucket}/key"
    describe = AdaptingBackend.head_object

    async def describe_and_write(self, url, options):
        try:
            return await describe(self, url, options)
        finally:
            await aios3.write_bytes(path, b"theirs", session=aios3_session)

    monkeypatch.setattr(AdaptingBackend, "head_object", describe_and_write)
    await aios3.touch(path, session=aios3_session)
    assert await aios3.read_bytes(path, session=aios3_session) == b"theirs"


async def test_touch_on_a_server_without_conditions(aios3_bucket, aios3_session, monkeypatch):
    put = AdaptingBackend.put_object

    async def reject_conditions(self, url, body, *, condition, **kwargs):
        if condition.if_absent:
            raise from_response(operation="PutObject", path=str(url), code="NotImplemented", status=501)
        return await put(self, url, body, condition=condition, **kwargs)

    monkeypatch.setattr(AdaptingBackend, "put_object", reject_conditions)
    await aios3.touch(f"{aios3_bucket}/key", session=aios3_session)
    assert await aios3.isfile(f"{aios3_bucket}/key", session=aios3_session)


async def test_makedirs_creates_nothing(aios3_bucket, aios3_session, requests):
    await aios3.makedirs(f"{aios3_bucket}/new/dir", session=aios3_session)
    assert [request.partition("?")[0] for request in requests] == ["HEAD new/dir", "GET "]
    assert not await aios3.exists(f"{aios3_bucket}/new", session=aios3_session)


async def test_makedirs_of_what_is_there(aios3_bucket, aios3_session):
    await aios3.write_bytes(f"{aios3_bucket}/dir/object", b"", session=aios3_session)
    for path in ("dir", "dir/", ""):
        with pytest.raises(aios3.ObjectExistsError):
            await aios3.makedirs(f"{aios3_bucket}/{path}", session=aios3_session)
        await aios3.makedirs(f"{aios3_bucket}/{path}", exist_ok=True, session=aios3_session)
    for exist_ok in (False, True):
        with pytest.raises(aios3.ObjectExistsError):
            await aios3.makedirs(f"{aios3_bucket}/dir/object", exist_ok, session=aios3_session)
        for path in ("s3://", "s3://no-such-bucket-here", "s3://no-such-bucket-here/dir"):
            with pytest.raises(aios3.BucketNotFoundError):
                await aios3.makedirs(path, exist_ok, session=aios3_session)


async def test_unlink_removes_a_link_and_not_what_it_leads_to(aios3_bucket, aios3_session, requests):
    await aios3.write_bytes(f"{aios3_bucket}/key", b"data", session=aios3_session)
    await aios3.symlink(f"{aios3_bucket}/key", f"{aios3_bucket}/link", session=aios3_session)
    requests.clear()
    await aios3.unlink(f"{aios3_bucket}/link", session=aios3_session)
    assert requests == ["HEAD link", "DELETE link"]
    assert await aios3.read_bytes(f"{aios3_bucket}/key", session=aios3_session) == b"data"
    with pytest.raises(aios3.ObjectNotFoundError):
        await aios3.unlink(f"{aios3_bucket}/link", session=aios3_session)
    await aios3.unlink(f"{aios3_bucket}/link", missing_ok=True, session=aios3_session)


@pytest.mark.parametrize("missing_ok", [False, True])
async def test_unlink_is_not_for_directories(aios3_bucket, aios3_session, missing_ok):
    await aios3.write_bytes(f"{aios3_bucket}/dir/key", b"", session=aios3_session)
    for path in ("", "/dir", "/dir/"):
        with pytest.raises(aios3.PathIsDirectoryError):
            await aios3.unlink(aios3_bucket + path, missing_ok, session=aios3_session)
    assert await aios3.isfile(f"{aios3_bucket}/dir/key", session=aios3_session)


def ask(url: str, method: str, data: bytes | None = None, **headers: str):
    request = urllib.request.Request(url, data, headers, method=method)
    with urllib.request.urlopen(request) as response:
        return response.read(), response.headers


@pytest.fixture
def anybody():
    return lambda *args, **headers: asyncio.to_thread(ask, *args, **headers)


async def test_a_signed_url_does_one_thing(aios3_bucket, aios3_session, anybody, requests):
    path = f"{aios3_bucket}/grüße +%2F"
    urls = {
        method: await aios3.presign(path, 60, method, session=aios3_session)
        for method in ("PUT", "GET", "HEAD", "DELETE")
    }
    assert requests == []
    for url in urls.values():
        assert "X-Amz-Signature=" in url
        assert "X-Amz-Expires=60" in url
    await anybody(urls["PUT"], "PUT", b"data", **{"Content-Type": "text/plain"})
    assert (await anybody(urls["GET"], "GET"))[0] == b"data"
    assert (await anybody(urls["HEAD"], "HEAD"))[1]["Content-Length"] == "4"
    await anybody(urls["DELETE"], "DELETE")
    with pytest.raises(urllib.error.HTTPError) as caught:
        await anybody(urls["GET"], "GET")
    caught.value.close()
    assert not await aios3.exists(path, session=aios3_session)


async def test_a_signed_url_with_parameters(aios3_bucket, aios3_session, anybody):
    await aios3.write_bytes(f"{aios3_bucket}/key", b"data", session=aios3_session)
    wanted = {"ResponseContentType": "text/x-asked", "Key": "another"}
    url = await aios3.presign(f"{aios3_bucket}/key", parameters=wanted, session=aios3_session)
    body, headers = await anybody(url, "GET")
    assert (body, headers["Content-Type"]) == (b"data", "text/x-asked")
    with pytest.raises(aios3.ConfigError):
        await aios3.presign(f"{aios3_bucket}/key", parameters={"Colour": "red"}, session=aios3_session)


@pytest.mark.parametrize("seconds", [0, -1, 604_801, 1.5, True, "60"])
async def test_how_long_a_signature_is_good(aios3_bucket, aios3_session, seconds):
    for verb in (aios3.presign, aios3.presign_post):
        with pytest.raises(aios3.ConfigError, match="seven days"):
            await verb(f"{aios3_bucket}/key", seconds, session=aios3_session)
    with pytest.raises(aios3.ConfigError, match="method must be one of"):
        await aios3.presign(f"{aios3_bucket}/key", 1, "POST", session=aios3_session)


async def test_an_anonymous_session_signs_nothing(aios3_session):
    async with aios3.Session(aios3_session.config, credentials="anonymous") as session:
        for verb in (aios3.presign, aios3.presign_post):
            with pytest.raises(aios3.NoCredentialsError, match="nothing to sign s3://bucket/key with"):
                await verb("s3://bucket/key", session=session)


async def test_a_form_says_what_may_be_uploaded(aios3_bucket, aios3_session, requests):
    limits = ["content-length-range", 1, 10]
    form = await aios3.presign_post(
        f"{aios3_bucket}/key", 60, {"Content-Type": "image/png"}, [limits], session=aios3_session
    )
    assert requests == []
    assert form.fields["key"] == "key"
    assert form.fields["Content-Type"] == "image/png"
    policy = json.loads(b64decode(form.fields["policy"]))
    assert limits in policy["conditions"]
    assert {"Content-Type": "image/png"} in policy["conditions"]
    assert form.fields["x-amz-signature"] not in repr(form)


async def test_a_form_uploads(aios3_bucket, aios3_session, anybody):
    form = await aios3.presign_post(f"{aios3_bucket}/key", session=aios3_session)
    lines = [f'--B\r\nContent-Disposition: form-data; name="{k}"\r\n\r\n{v}\r\n' for k, v in form.fields.items()]
    body = "".join(lines) + '--B\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n\r\ndata\r\n--B--\r\n'
    await anybody(form.url, "POST", body.encode(), **{"Content-Type": "multipart/form-data; boundary=B"})
    assert await aios3.read_bytes(f"{aios3_bucket}/key", session=aios3_session) == b"data"


async def test_where_requests_go(aios3_session, aios3_server, tmp_path, monkeypatch):
    assert await aios3.get_endpoint_url(session=aios3_session) == aios3_server.endpoint_url
    config = tmp_path / "config"
    config.write_text("[profile there]\nregion = eu-west-1\nendpoint_url = http://s3.example:9000\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    async with aios3.Session(credentials=aios3.Credentials("a", "b")) as session:
        assert await aios3.get_endpoint_url(session=session) == "https://s3.amazonaws.com"
        assert await aios3.get_endpoint_url("there", session=session) == "http://s3.example:9000"
        with pytest.raises(aios3.ConfigError):
            await aios3.get_endpoint_url("nowhere", session=session)


async def test_the_client_below(aios3_session, aios3_bucket):
    client = await aios3.get_s3_client(session=aios3_session)
    names = [bucket["Name"] for bucket in (await client.list_buckets())["Buckets"]]
    assert aios3_bucket.removeprefix("s3://") in names


def test_the_blocking_client_is_boto3s(aios3_server, aios3_bucket):
    with aios3.sync.Session(**aios3_server.config) as session:
        client = aios3.sync.get_s3_client(session=session)
        names = [bucket["Name"] for bucket in client.list_buckets()["Buckets"]]
        assert aios3_bucket.removeprefix("s3://") in names
        client.close()
        with pytest.raises(aios3.ConfigError):
            aios3.sync.get_s3_client("nowhere", session=session)


def test_without_boto3_there_is_a_clear_error(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "boto3", None)
    with pytest.raises(aios3.UnsupportedError, match="pip install boto3"):
        aios3.sync.get_s3_client()
