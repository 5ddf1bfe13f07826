"""Nothing that a caller passes on, from a user perhaps, becomes a header or a request of its own, on either backend."""

from __future__ import annotations

import contextlib
import dataclasses

import pytest

import aios3

BREAK = "v\r\nx-evil: 1"
SMUGGLED = "v\r\n\r\nGET /smuggled HTTP/1.1\r\nhost: x\r\n\r\n"
NASTY = [BREAK, SMUGGLED, "v\nx-evil: 1", "v\rx-evil: 1", "v\0"]
FIELDS = [
    "content_type",
    "content_encoding",
    "content_disposition",
    "content_language",
    "cache_control",
    "storage_class",
    "acl",
    "sse",
    "sse_kms_key_id",
]

pytestmark = pytest.mark.needs("any_key")


def unharmed(faulty) -> bool:
    """Tell whether no request has a header, and no line a request, that nobody meant."""
    seen = faulty.requests
    return not any("x-evil" in (each.headers or {}) or "smuggled" in each.target[:12] for each in seen) and all(
        "\r" not in value and "\n" not in value for each in seen for value in (each.headers or {}).values()
    )


@pytest.fixture
async def session(config):
    async with aios3.Session(config) as opened:
        yield opened


@pytest.mark.parametrize("text", NASTY[:-1])
async def test_a_key_stays_a_key(session, faulty, bucket, text):
    """Some servers do not take such keys; what is shown is what they were asked."""
    backend = await session.backend(aios3.S3Url.parse(bucket))
    url = aios3.S3Url.parse(f"{bucket}/{text}")
    asked = [
        aios3.write_bytes(str(url), b"abc", session=session),
        aios3.read_bytes(str(url), session=session),
        backend.copy_object(url, url.with_key(f"{text}2"), options=None),
        backend.list_objects(url),
        backend.delete_object(url),
    ]
    for each in asked:
        with contextlib.suppress(aios3.S3Error):
            await each
    assert unharmed(faulty)
    of_objects = [each.key for each in faulty.requests if each.operation != "ListObjectsV2"]
    assert of_objects == [text, text, f"{text}2", text]
    assert faulty.counts().requests.keys() == {
        "PutObject",
        "GetObject",
        "CopyObject",
        "ListObjectsV2",
        "DeleteObject",
    }


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("text", NASTY)
async def test_an_option_that_would_break_its_header_is_rejected_by_name(session, faulty, bucket, field, text):
    with pytest.raises(aios3.ConfigError) as caught:
        await aios3.write_bytes(f"{bucket}/a", b"abc", session=session, **{field: text})
    assert "\n" not in str(caught.value)
    assert faulty.counts().total == 0


@pytest.mark.parametrize("text", NASTY)
async def test_metadata_that_would_break_its_header_is_rejected_by_name(session, faulty, bucket, text):
    for metadata in ({"name": text}, {text: "value"}, {f"x{text}": "value"}):
        with pytest.raises(aios3.ConfigError):
            await aios3.write_bytes(f"{bucket}/a", b"abc", session=session, metadata=metadata)
    assert faulty.counts().total == 0


@pytest.mark.parametrize("text", NASTY[:-1])
async def test_tags_are_written_so_that_they_cannot_break_their_header(session, faulty, bucket, text):
    with contextlib.suppress(aios3.RequestError):  # S3 takes few characters in tags
        await aios3.write_bytes(f"{bucket}/a", b"abc", session=session, tags={"name": text, text: "value"})
    assert faulty.counts().total == 1
    assert unharmed(faulty)


@pytest.mark.parametrize("text", NASTY)
async def test_an_etag_or_version_that_would_break_its_header_or_line_is_rejected_or_encoded(
    session, faulty, bucket, text
):
    await aios3.write_bytes(f"{bucket}/a", b"abc", session=session)
    for options in ({"if_match": text}, {"version_id": text}):
        with pytest.raises(aios3.S3Error):
            async with aios3.aopen(f"{bucket}/a", session=session, **options) as reader:
                await reader.read()
    with pytest.raises(aios3.S3Error):
        await aios3.write_bytes(f"{bucket}/a", b"abc", session=session, if_match=text)
    assert unharmed(faulty)
    assert await aios3.read_bytes(f"{bucket}/a", session=session) == b"abc"


@pytest.mark.parametrize("text", NASTY)
@pytest.mark.parametrize("where", ["host", "region"])
async def test_a_setting_that_would_break_a_line_is_rejected(config, faulty, bucket, where, text):
    given = {
        "host": {"endpoint_url": f"{faulty.endpoint_url}{text}"},
        "region": {"region": text},
    }[where]
    with pytest.raises(aios3.ConfigError):
        async with aios3.Session(dataclasses.replace(config, **given)) as session:
            await aios3.write_bytes(f"{bucket}/a", b"abc", session=session)
    assert faulty.counts().total == 0


@pytest.mark.parametrize("text", NASTY)
async def test_an_endpoint_s_path_is_rejected_or_encoded(config, faulty, bucket, text):
    with pytest.raises(aios3.S3Error):
        async with aios3.Session(dataclasses.replace(config, endpoint_url=f"{faulty.endpoint_url}/{text}")) as session:
            await aios3.write_bytes(f"{bucket}/a", b"abc", session=session)
    assert unharmed(faulty)


@pytest.mark.parametrize("text", NASTY)
@pytest.mark.parametrize("field", ["access_key", "session_token"])
async def test_credentials_that_would_break_a_header_are_rejected_without_being_shown(
    config, faulty, bucket, field, text
):
    credentials = aios3.Credentials(**{"access_key": "AKIA", "secret_key": "s", field: f"hush{text}"})
    with pytest.raises(aios3.S3Error) as caught:
        async with aios3.Session(dataclasses.replace(config, credentials=credentials)) as session:
            await aios3.write_bytes(f"{bucket}/a", b"abc", session=session)
    assert isinstance(caught.value, aios3.ConfigError)
    assert "hush" not in str(caught.value)
    assert faulty.counts().total == 0


@pytest.mark.parametrize("text", NASTY)
async def test_a_bucket_cannot_be_named_so(session, faulty, text):
    with pytest.raises(aios3.InvalidPathError):
        await aios3.write_bytes(f"s3://a{text.replace('/', '')}/key", b"abc", session=session)
    assert faulty.counts().total == 0
