"""What storages and volumes decide without asking S3: links, names of copies, documents, and what they reject."""

from __future__ import annotations

import email.message
import urllib.parse
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import aios3
import aios3.sync
from aios3._storage.copy_trees import target_name
from aios3._storage.presigned_links import parameters_of, seconds_until

NOW = datetime(2024, 2, 29, 12, tzinfo=UTC)


@pytest.mark.parametrize("kind", [aios3.Storage, aios3.sync.Storage])
def test_a_storage_says_where_it_is(kind):
    storage = kind("s3+work://bucket/p/")
    assert repr(storage) == "Storage('s3+work://bucket/p/')"
    assert str(storage.path("x")) == "s3+work://bucket/p/x"
    assert storage.url == aios3.S3Url("bucket", "p/", "work")
    assert aios3.path_join(storage, "x") == "s3+work://bucket/p/x"
    assert storage.session is None


@pytest.mark.parametrize("path", ["s3://", "bucket", "/tmp", None])
def test_a_storage_is_in_a_bucket(path):
    with pytest.raises(aios3.InvalidPathError):
        aios3.Storage(path)


@pytest.mark.parametrize("name", [None, 1, "x" * 1025, "\ud800"])
def test_an_invalid_name_is_rejected_before_a_request(name):
    with pytest.raises(aios3.InvalidPathError):
        aios3.Storage("s3://bucket").open(name)
    with pytest.raises(aios3.InvalidPathError):
        aios3.Volume("bucket").load(name)


@pytest.mark.parametrize("mode", ["", "rw", "r+", "rt", "a", "xb", None])
def test_a_mode_is_rejected_where_it_is_said(mode):
    for kind in (aios3.Storage, aios3.sync.Storage):
        with pytest.raises(aios3.ConfigError, match="'r' or 'w'"):
            kind("s3://bucket").open("x", mode)


def test_an_option_is_rejected_where_it_is_said():
    for kind in (aios3.Storage, aios3.sync.Storage):
        with pytest.raises(aios3.ConfigError, match="colour"):
            kind("s3://bucket").open("x", "w", colour="red")


@pytest.mark.parametrize(
    ("expire", "seconds"),
    [
        (NOW + timedelta(hours=1), 3600),
        (NOW.astimezone(timezone(timedelta(hours=9))) + timedelta(seconds=90.9), 90),
        (timedelta(days=7), 7 * 24 * 3600),
        (60, 60),
    ],
)
def test_a_link_is_good_until_then(expire, seconds):
    assert seconds_until(expire, NOW) == seconds


@pytest.mark.parametrize("expire", [NOW, NOW - timedelta(days=1), timedelta(0), 0, -1, NOW.replace(tzinfo=None)])
def test_a_link_into_the_past_or_into_no_time_zone_is_rejected(expire):
    with pytest.raises(aios3.ConfigError):
        seconds_until(expire, NOW)


@example(" ")
@example("<>")
@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1))
def test_a_link_names_the_file_as_mail_readers_understand_it(name):
    header = parameters_of("download", name, None, None)["ResponseContentDisposition"]
    message = email.message.Message()
    message["Content-Disposition"] = header
    assert message.get_content_disposition() == "attachment"
    starred = [part for part in header.split("; ") if part.startswith("filename*=")]
    found = urllib.parse.unquote(starred[0].partition("''")[2]) if starred else message.get_filename()
    assert found == name
    assert header.isascii()


@pytest.mark.parametrize(
    ("operation", "given", "expected"),
    [
        ("download", (None, "a/b", "gzip"), {"ResponseContentType": "a/b", "ResponseContentEncoding": "gzip"}),
        ("upload", (None, "a/b", "gzip"), {"ContentType": "a/b", "ContentEncoding": "gzip"}),
        ("remove", (None, None, None), {}),
    ],
)
def test_a_link_carries_the_headers_of_its_operation(operation, given, expected):
    assert parameters_of(operation, *given) == expected


@pytest.mark.parametrize(
    ("operation", "given"),
    [("upload", ("x", None, None)), ("remove", (None, "a/b", None)), ("remove", ("x", None, None))],
)
def test_a_header_that_would_do_nothing_is_rejected(operation, given):
    with pytest.raises(aios3.ConfigError, match=f"A link to {operation} has no"):
        parameters_of(operation, *given)


async def test_a_link_is_for_one_operation_and_seven_days_at_most():
    async with aios3.Session(region="us-east-1", credentials=aios3.Credentials("a", "b")) as session:
        storage = aios3.Storage("s3://bucket", session=session)
        for operation, expire in (("read", 60), ("download upload", 60), ("download", timedelta(days=8))):
            with pytest.raises(aios3.ConfigError):
                await storage.link_to("x", operation, expire)


@pytest.mark.parametrize(
    ("src", "name", "dst", "expected"),
    [
        ("d", "d/x", None, "x"),
        ("d/", "d/x", None, "x"),
        ("d", "d/x", "e", "e/x"),
        ("d", "d/x", "e/", "e/x"),
        ("d", "d//x", "e", "e//x"),
        ("", "d/x", None, "d/x"),
        ("", "d/x", "e", "e/d/x"),
        ("d/x", "d/x", None, "d/x"),
        ("d/x", "d/x", "y", "y"),
    ],
)
def test_a_copy_is_called(src, name, dst, expected):
    assert target_name(src, name, dst) == expected


def test_volumes_get_unique_identifiers():
    one, other = aios3.Volume("bucket"), aios3.Volume("bucket")
    assert one.identifier != other.identifier
    assert one.identifier.isalnum()
    assert aios3.Volume("bucket", None, "mine").identifier == "mine"


@pytest.mark.parametrize("bucket", ["", "a/b", "s3://bucket", "no such bucket"])
def test_a_volume_takes_the_name_of_a_bucket(bucket):
    with pytest.raises(aios3.InvalidPathError):
        aios3.Volume(bucket)


prefixes = st.none() | st.text(st.characters(codec="utf-8"), max_size=20)


@given(
    prefix=prefixes, identifier=st.none() | st.text(max_size=5), key=st.text(st.characters(codec="utf-8"), max_size=9)
)
def test_a_volume_that_was_written_down_is_the_same_place(prefix, identifier, key):
    volume = aios3.Volume("bucket", prefix, identifier)
    again = aios3.Volume.from_dict(volume.to_dict())
    assert (again.url, again.identifier, again.prefix) == (volume.url, volume.identifier, prefix)
    folder = volume.get_store_for_folder(key)
    assert folder.load("x").url == (volume.load(f"{key}/x" if key and not key.endswith("/") else f"{key}x")).url


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"type": "fs", "args": [{"key": "bucket", "value": "b"}]},
        {"type": "s3", "args": [{"key": "prefix", "value": "p"}]},
        {"type": "s3", "args": [{"key": "bucket", "value": 5}]},
        {"type": "s3", "args": "bucket"},
        {"type": "s3", "id": 5, "args": [{"key": "bucket", "value": "b"}]},
    ],
)
def test_a_document_of_something_else_is_rejected(document):
    with pytest.raises(aios3.ConfigError, match="No volume of S3"):
        aios3.Volume.from_dict(document)


def test_a_session_goes_with_the_volume_and_not_into_its_document():
    session = aios3.Session(credentials=aios3.Credentials("AKIA", "hunter2"))
    volume = aios3.Volume("bucket", session=session)
    assert volume.get_store_for_folder("d").session is session
    assert aios3.Volume.from_dict(volume.to_dict(), session=session).session is session
    assert "hunter2" not in f"{volume!r}{volume.to_dict()}{volume.load('x')!r}"
