"""Verbs on one object, against slices of bytes, pathlib, and a count of the requests that they make."""

from __future__ import annotations

import itertools
import os

import pytest

import aios3
from aios3._adapting_backend import AdaptingBackend
from aios3._engine import parts
from aios3._handles import reader
from aios3.errors import ConfigError, InvalidRangeError, from_response

MIB = 1 << 20
DATA = bytes(range(256)) * 4


@pytest.mark.parametrize("size", [10, 0])
async def test_reads_slices(aios3_bucket, aios3_session, size):
    """As ``bytes`` are sliced; only where that would hide a mistake, there is an error instead."""
    data, path = b"0123456789"[:size], f"{aios3_bucket}/key"
    await aios3.write_bytes(path, data, session=aios3_session)
    bounds = (None, -20, -10, -9, -3, -1, 0, 1, 3, 9, 10, 11, 20)
    for start, stop in itertools.product(bounds, bounds):
        first, last, _ = slice(start, stop).indices(size)
        if (start or 0) > size or last < first:
            with pytest.raises(InvalidRangeError, match="There is no range") as caught:
                await aios3.read_bytes(path, start, stop, session=aios3_session)
            assert isinstance(caught.value, ValueError)
            assert caught.value.path == path
        else:
            assert await aios3.read_bytes(path, start, stop, session=aios3_session) == data[start:stop], (start, stop)


@pytest.mark.parametrize(
    ("bounds", "expected"),
    [
        ((), ["GET key"]),
        ((0, 5), ["GET key"]),
        ((5, 5000), ["GET key"]),
        ((5, 5), ["HEAD key"]),
        ((None, 0), ["HEAD key"]),
        ((-5,), ["HEAD key", "GET key"]),
        ((len(DATA),), ["GET key", "HEAD key"]),
    ],
)
async def test_what_a_read_costs(aios3_bucket, aios3_session, requests, bounds, expected):
    await aios3.write_bytes(f"{aios3_bucket}/key", DATA, session=aios3_session)
    requests.clear()
    start, stop = (*bounds, None, None)[:2]
    assert await aios3.read_bytes(f"{aios3_bucket}/key", *bounds, session=aios3_session) == DATA[start:stop]
    assert requests == expected


@pytest.mark.parametrize(("bounds", "shown"), [((20, 25), "20:25"), ((20,), "20:"), ((20, 20), "20:20")])
async def test_the_error_for_a_range_after_the_end_names_the_requested_range(
    aios3_bucket, aios3_session, bounds, shown
):
    await aios3.write_bytes(f"{aios3_bucket}/key", b"0123456789", session=aios3_session)
    with pytest.raises(OSError, match=f"There is no range {shown} in {aios3_bucket}/key, which has 10 bytes"):
        await aios3.read_bytes(f"{aios3_bucket}/key", *bounds, session=aios3_session)


async def test_a_range_that_ends_before_it_begins_costs_nothing(aios3_bucket, aios3_session, requests):
    with pytest.raises(InvalidRangeError, match=f"There is no range 5:3 in {aios3_bucket}/key"):
        await aios3.read_bytes(f"{aios3_bucket}/key", 5, 3, session=aios3_session)
    assert requests == []


async def test_reads_large_objects_side_by_side(aios3_server, aios3_bucket, requests, aios3_session):
    data = os.urandom(3 * MIB + 5)
    path = f"{aios3_bucket}/large"
    await aios3.write_bytes(path, data, session=aios3_session)
    small = aios3_session.config.with_options(request_size=MIB, block_size=64 << 10)
    async with aios3.Session(small) as session:
        assert await aios3.read_bytes(path, session=session) == data
        assert await aios3.read_bytes(path, 5, 2 * MIB, session=session) == data[5 : 2 * MIB]
        assert await aios3.read_bytes(path, -MIB - 1, -1, session=session) == data[-MIB - 1 : -1]
        assert session.budget.used == 0
    requests.clear()
    assert len(await aios3.read_bytes(path, session=aios3_session)) == len(data) > reader.INITIAL_GET_BYTES
    assert set(requests) == {"GET large"}


async def test_reads_one_version(aios3_bucket, aios3_session, monkeypatch):
    """The object is replaced between the HEAD, which says where the end is, and the GET."""
    path = f"{aios3_bucket}/key"
    await aios3.write_bytes(path, b"the old one", session=aios3_session)
    describe = AdaptingBackend.head_object

    async def describe_and_replace(self, url, options):
        found = await describe(self, url, options)
        await aios3.write_bytes(path, b"another one", session=aios3_session)
        return found

    monkeypatch.setattr(AdaptingBackend, "head_object", describe_and_replace)
    with pytest.raises(aios3.ObjectChangedError):
        await aios3.read_bytes(path, -3, session=aios3_session)
    assert aios3_session.budget.used == 0


VERBS = {
    "read_bytes": lambda path, session: aios3.read_bytes(path, session=session),
    "read_bytes from the end": lambda path, session: aios3.read_bytes(path, -1, session=session),
    "read_text": lambda path, session: aios3.read_text(path, session=session),
    "copy": lambda path, session: aios3.copy(path, "s3://other/target", session=session),
}
every_verb = pytest.mark.parametrize("verb", VERBS.values(), ids=VERBS.keys())


@every_verb
async def test_a_directory_is_no_object(aios3_bucket, aios3_session, verb):
    await aios3.write_bytes(f"{aios3_bucket}/directory/key", b"", session=aios3_session)
    for name in ("directory", "directory/"):
        with pytest.raises(aios3.PathIsDirectoryError, match=r"an object is needed here") as caught:
            await verb(f"{aios3_bucket}/{name}", aios3_session)
        assert isinstance(caught.value, IsADirectoryError)
        assert caught.value.filename == f"{aios3_bucket}/{name}"
    assert await aios3.read_bytes(f"{aios3_bucket}/directory/key", session=aios3_session) == b""


@every_verb
async def test_a_bucket_that_is_missing_is_said_to_be(aios3_session, verb):
    with pytest.raises(aios3.BucketNotFoundError) as caught:
        await verb("s3://no-such-bucket-here/key", aios3_session)
    assert caught.value.filename == "s3://no-such-bucket-here/key"


@every_verb
async def test_an_object_that_is_missing_is_said_to_be(aios3_bucket, aios3_session, verb):
    await aios3.write_bytes(f"{aios3_bucket}/keys", b"", session=aios3_session)
    with pytest.raises(aios3.ObjectNotFoundError) as caught:
        await verb(f"{aios3_bucket}/key", aios3_session)
    assert type(caught.value) is aios3.ObjectNotFoundError
    assert caught.value.filename == f"{aios3_bucket}/key"


@every_verb
async def test_without_permission_to_list_the_error_names_the_request(aios3_bucket, aios3_session, monkeypatch, verb):
    async def reject(_self, url, **_kwargs):
        raise from_response(operation="ListObjectsV2", path=str(url), code="AccessDenied", status=403)

    monkeypatch.setattr(AdaptingBackend, "list_objects", reject)
    await test_an_object_that_is_missing_is_said_to_be(aios3_bucket, aios3_session, verb)


@pytest.mark.parametrize("path", ["s3://", "s3://bucket", "key", "s3://bucket/directory/"])
@every_verb
async def test_no_path_of_an_object(aios3_session, path, verb):
    expected = aios3.PathIsDirectoryError if path.startswith("s3://b") else aios3.InvalidPathError
    with pytest.raises(expected):
        await verb(path, aios3_session)


@pytest.mark.parametrize("data", [b"bytes", bytearray(b"bytes"), memoryview(b"bytes"), b""])
async def test_writes_bytes(aios3_bucket, aios3_session, requests, data):
    result = await aios3.write_bytes(f"{aios3_bucket}/key", data, session=aios3_session, metadata={"a": "b"})
    assert requests == ["PUT key"]
    assert result.size == len(data)
    async with aios3.aopen(f"{aios3_bucket}/key", session=aios3_session) as file:
        assert await file.read() == bytes(data)
        assert (file.stat().metadata, file.stat().etag) == ({"a": "b"}, result.etag)


@pytest.mark.parametrize("data", ["text", None, 5, [b"bytes"]])
async def test_writes_nothing_but_bytes(aios3_bucket, aios3_session, requests, data):
    with pytest.raises(TypeError, match="bytes-like"):
        await aios3.write_bytes(f"{aios3_bucket}/key", data, session=aios3_session)
    assert requests == []


async def test_an_unknown_option_of_a_write(aios3_bucket, aios3_session, requests):
    for write, data in ((aios3.write_bytes, b"data"), (aios3.write_text, "data")):
        with pytest.raises(ConfigError, match="Unknown option 'colour' for writing"):
            await write(f"{aios3_bucket}/key", data, session=aios3_session, colour="red")
    assert requests == []


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1"])
@pytest.mark.parametrize("text", ["", "a\nb", "ä\r\nb\rc\n", "\n\n"])
async def test_text_as_pathlib_does_it(aios3_bucket, aios3_session, tmp_path, encoding, text):
    path, local = f"{aios3_bucket}/key", tmp_path / "file"
    result = await aios3.write_text(path, text, encoding, session=aios3_session)
    local.write_text(text, encoding)
    assert await aios3.read_bytes(path, session=aios3_session) == local.read_bytes()
    assert result.size == local.stat().st_size
    assert await aios3.read_text(path, encoding, session=aios3_session) == local.read_text(encoding)


async def test_how_mistakes_in_text_are_treated(aios3_bucket, aios3_session, tmp_path):
    path, local = f"{aios3_bucket}/key", tmp_path / "file"
    with pytest.raises(UnicodeEncodeError):
        await aios3.write_text(path, "\u20ac", "latin-1", session=aios3_session)
    await aios3.write_text(path, "a\u20acb", "ascii", "xmlcharrefreplace", session=aios3_session, content_type="text/x")
    assert await aios3.read_bytes(path, session=aios3_session) == b"a&#8364;b"
    local.write_bytes(b"a\xffb")
    await aios3.write_bytes(path, b"a\xffb", session=aios3_session)
    with pytest.raises(UnicodeDecodeError):
        await aios3.read_text(path, session=aios3_session)
    assert await aios3.read_text(path, errors="replace", session=aios3_session) == local.read_text("utf-8", "replace")


async def test_text_that_is_none_costs_nothing(aios3_bucket, aios3_session, requests):
    path = f"{aios3_bucket}/key"
    for wrong in ({"encoding": "utf-9"}, {"encoding": "hex"}, {"errors": "forgive"}):
        with pytest.raises(ConfigError, match=next(iter(wrong))):
            await aios3.read_text(path, **wrong, session=aios3_session)
        with pytest.raises(ConfigError, match=next(iter(wrong))):
            await aios3.write_text(path, "text", **wrong, session=aios3_session)
    for wrong in (b"bytes", None, 5):
        with pytest.raises(ConfigError, match=f"takes str, not {type(wrong).__name__}"):
            await aios3.write_text(path, wrong, session=aios3_session)
    assert requests == []


async def test_removes(aios3_bucket, aios3_session, requests):
    for missing_ok in (False, True):
        await aios3.write_bytes(f"{aios3_bucket}/key", b"", session=aios3_session)
        requests.clear()
        await aios3.remove(f"{aios3_bucket}/key", missing_ok, session=aios3_session)
        assert requests == ["HEAD key", "DELETE key"]
        with pytest.raises(aios3.ObjectNotFoundError):
            await aios3.read_bytes(f"{aios3_bucket}/key", session=aios3_session)


async def test_removes_an_object_that_has_a_directory_of_the_same_name(aios3_bucket, aios3_session):
    for key in ("name", "name/key"):
        await aios3.write_bytes(f"{aios3_bucket}/{key}", b"x", session=aios3_session)
    await aios3.remove(f"{aios3_bucket}/name", session=aios3_session)
    assert await aios3.read_bytes(f"{aios3_bucket}/name/key", session=aios3_session) == b"x"


DESCRIBED = {
    "content_type": "text/x-test",
    "content_encoding": "gzip",
    "content_disposition": "inline",
    "content_language": "de",
    "cache_control": "no-store",
    "metadata": {"colour": "red"},
}


async def description(path: str, session: aios3.Session) -> tuple:
    async with aios3.aopen(path, session=session) as file:
        stat = file.stat()
        return await file.read(), stat.content_type, stat.headers, stat.metadata


async def test_copies_inside_s3(aios3_server, aios3_bucket, aios3_session, requests):
    source, target = f"{aios3_bucket}/a ä%2F+?#", f"{aios3_server.create_bucket('copies')}/b//"[:-2]
    await aios3.write_bytes(source, DATA, session=aios3_session, **DESCRIBED)
    await aios3.write_bytes(target, b"what was there", session=aios3_session)
    requests.clear()
    result = await aios3.copy(source, aios3.S3Url.parse(target), session=aios3_session)
    assert [request.partition(" ")[0] for request in requests] == ["HEAD", "PUT"]
    copied = await description(target, aios3_session)
    assert copied == await description(source, aios3_session)
    assert copied[0] == DATA
    assert copied[3] == {"colour": "red"}
    async with aios3.aopen(target, session=aios3_session) as file:
        assert (result.size, result.etag) == (file.size, file.stat().etag)


@pytest.mark.parametrize("key", ["key", "a//b"])
async def test_nothing_is_copied_onto_itself(aios3_bucket, aios3_session, requests, key):
    path = f"{aios3_bucket}/{key}"
    with pytest.raises(aios3.InvalidPathError, match="cannot be copied onto itself"):
        await aios3.copy(path, aios3.S3Url.parse(path), session=aios3_session)
    assert requests == []


async def test_copies_to_a_bucket_that_is_missing(aios3_bucket, aios3_session):
    await aios3.write_bytes(f"{aios3_bucket}/key", b"", session=aios3_session)
    with pytest.raises(aios3.BucketNotFoundError) as caught:
        await aios3.copy(f"{aios3_bucket}/key", "s3://no-such-bucket-here/key", session=aios3_session)
    assert caught.value.filename == "s3://no-such-bucket-here/key"


@pytest.fixture
def low_limits(monkeypatch):
    """Let S3's largest copy and part be 6 MiB."""
    monkeypatch.setattr("aios3._objects.copy_object.MAX_PART_SIZE", 6 * MIB)
    monkeypatch.setattr(parts, "MAX_PART_SIZE", 6 * MIB)


async def test_copies_large_objects_in_parts(aios3_bucket, aios3_session, requests, low_limits):
    source, target = f"{aios3_bucket}/large", f"{aios3_bucket}/copy"
    data = os.urandom(11 * MIB)
    await aios3.write_bytes(source, data, session=aios3_session, part_size=5 * MIB, **DESCRIBED)
    requests.clear()
    result = await aios3.copy(source, target, session=aios3_session)
    assert {request for request in requests if request.startswith("GET")} == {"GET large?tagging"}
    assert sum("partNumber=" in request for request in requests) == 2
    assert result.size == len(data)
    assert result.etag.endswith("-2")
    assert await description(target, aios3_session) == (data, *(await description(source, aios3_session))[1:])


async def test_an_object_that_just_fits_is_copied_at_once(aios3_bucket, aios3_session, requests, low_limits):
    await aios3.write_bytes(f"{aios3_bucket}/large", bytes(6 * MIB), session=aios3_session)
    requests.clear()
    result = await aios3.copy(f"{aios3_bucket}/large", f"{aios3_bucket}/copy", session=aios3_session)
    assert requests == ["HEAD large", "PUT copy"]
    assert result.size == 6 * MIB


async def test_a_copy_in_parts_that_fails_leaves_nothing(
    aios3_bucket, aios3_session, requests, low_limits, monkeypatch
):
    source, target = f"{aios3_bucket}/large", f"{aios3_bucket}/copy"
    await aios3.write_bytes(source, bytes(11 * MIB), session=aios3_session)
    copy_part = AdaptingBackend.upload_part_copy

    async def reject_the_second(self, url, upload_id, number, part):
        if number == 2:
            raise from_response(operation="UploadPartCopy", path=str(url), code="AccessDenied", status=403)
        return await copy_part(self, url, upload_id, number, part)

    monkeypatch.setattr(AdaptingBackend, "upload_part_copy", reject_the_second)
    with pytest.raises(aios3.AccessDeniedError):
        await aios3.copy(source, target, session=aios3_session)
    assert requests[-1].startswith("DELETE copy?uploadId=")
    with pytest.raises(aios3.ObjectNotFoundError):
        await aios3.read_bytes(target, session=aios3_session)
    assert aios3_session.tasks.active == 0


async def test_copies_between_profiles(aios3_server, aios3_bucket, other_profile, requests, aios3_session):
    """Credentials differ, so that neither side could copy; here the endpoint is the same, in fact."""
    source, target = f"{aios3_bucket}/one", aios3_bucket.replace("s3://", other_profile) + "/two"
    data = os.urandom(6 * MIB)
    await aios3.write_bytes(source, data, session=aios3_session, **DESCRIBED)
    requests.clear()
    result = await aios3.copy(source, target, session=aios3_session)
    assert {request.partition(" ")[0] for request in requests} == {"GET", "PUT"}
    assert result.size == len(data)
    copied = await description(f"{aios3_bucket}/two", aios3_session)
    assert copied == await description(source, aios3_session)
    assert copied[0] == data
    with pytest.raises(aios3.ObjectNotFoundError):
        await aios3.copy(f"{aios3_bucket}/none", target, session=aios3_session)
    with pytest.raises(aios3.PathIsDirectoryError):
        await aios3.copy(aios3_bucket, target, session=aios3_session)
    assert aios3_session.budget.used == 0


async def test_the_default_session_takes_the_environment(aios3_server, aios3_bucket, monkeypatch):
    credentials = aios3_server.config["credentials"]
    monkeypatch.setenv("OSS_ENDPOINT", aios3_server.endpoint_url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", credentials.access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", credentials.secret_key)
    path = f"{aios3_bucket}/key"
    await aios3.write_text(path, "grüße")
    await aios3.copy(path, f"{path}2")
    await aios3.remove(path)
    assert await aios3.read_text(f"{path}2") == "grüße"
