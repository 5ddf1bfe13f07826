"""Paths: what is parsed formats to the same text, no byte of a key changes, and joins keep every slash but one."""

from __future__ import annotations

import copy
import pickle
import string

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import aios3
from aios3 import S3Url, is_s3, path_join
from aios3._paths import MAX_KEY_BYTES, HasUrl
from aios3.errors import InvalidPathError, PathIsDirectoryError

ALPHANUMERIC = string.ascii_letters + string.digits
BUCKETS = st.builds(str.__add__, st.sampled_from(ALPHANUMERIC), st.text(ALPHANUMERIC + "._-", max_size=62))
KEYS = st.text(max_size=255)
"""At most 4 bytes each, so never too long; surrogates are not text."""
PROFILES = st.none() | st.text(ALPHANUMERIC + "-._ @+%?#", min_size=1, max_size=20)


@given(BUCKETS, KEYS, PROFILES)
@example("bucket", "a//b/", None)
@example("bucket", "//", None)
@example("bucket", "../a/./b/..", None)
@example("bucket", "a%2Fb+c d?versionId=1&x#y;z", None)
@example("bucket", "\U0001f600/e\u0301/\u00e9", None)
@example("bucket", "\r\n\t\0\u2028", None)
@example("bucket", "s3://other/key", None)
@example("127.0.0.1", "k", "dev-1.eu")
def test_what_is_parsed_formats_to_the_same_text(bucket, key, profile):
    scheme = "s3" if profile is None else f"s3+{profile}"
    text = f"{scheme}://{bucket}/{key}" if key else f"{scheme}://{bucket}"
    url = S3Url.parse(text)
    assert (url.bucket, url.key, url.profile) == (bucket, key, profile)
    assert str(url) == text
    assert S3Url.parse(url) is url
    for twin in (S3Url(bucket, key, profile), pickle.loads(pickle.dumps(url)), copy.deepcopy(url)):
        assert twin == url
        assert hash(twin) == hash(url)


@given(
    st.builds("".join, st.lists(st.sampled_from(["s3", "+", "p", ":", "/", "//", "://", "b", ".", "k", "%2F", "?"])))
)
@example("s3:///key")
@example("s3://")
@example("s3+p://")
@example("s3+p:///key")
def test_a_text_that_is_accepted_comes_back(text):
    try:
        url = S3Url.parse(text)
    except InvalidPathError:
        return
    assert str(url) in (text, text.removesuffix("/"))
    assert S3Url.parse(str(url)) == url


@pytest.mark.parametrize(
    ("text", "bucket", "key", "profile"),
    [
        ("s3://", "", "", None),
        ("s3:///", "", "", None),
        ("s3:///key", "", "key", None),
        ("s3:////key", "", "/key", None),
        ("s3://bucket", "bucket", "", None),
        ("s3://bucket/", "bucket", "", None),
        ("s3://bucket//", "bucket", "/", None),
        ("s3://bucket/key/", "bucket", "key/", None),
        ("s3+dev://", "", "", "dev"),
        ("s3+a-b.c://bucket/key", "bucket", "key", "a-b.c"),
        ("s3+a+b://bucket", "bucket", "", "a+b"),
        ("s3://Old_Bucket.Name/k", "Old_Bucket.Name", "k", None),
    ],
)
def test_takes_a_path_apart(text, bucket, key, profile):
    assert S3Url.parse(text) == S3Url(bucket, key, profile)


@pytest.mark.parametrize("character", ["k", "é", "\u20ac", "\U0001f600"])
def test_a_key_may_have_1024_bytes_of_utf8_and_no_more(character):
    size = len(character.encode())
    longest = character * (1024 // size) + "k" * (1024 % size)
    assert MAX_KEY_BYTES == len(longest.encode()) == 1024
    assert S3Url.parse(f"s3://bucket/{longest}").key == longest
    with pytest.raises(InvalidPathError, match=r"1025 bytes; S3 allows 1024") as caught:
        S3Url.parse(f"s3://bucket/{longest}k")
    assert caught.value.path == f"s3://bucket/{longest}k"


@pytest.mark.parametrize("key", ["\ud800", "a\udcffb", "\ud83d\ude00"])
def test_a_lone_surrogate_is_no_key(key):
    with pytest.raises(InvalidPathError, match="not valid Unicode") as caught:
        S3Url.parse(f"s3://bucket/{key}")
    str(caught.value).encode()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "bucket/key",
        "/bucket/key",
        "S3://bucket/key",
        " s3://bucket/key",
        "s3:/bucket/key",
        "s3:bucket",
        "s3+://bucket/key",
        "s3+a/b://bucket/key",
        "s3+a:b://bucket/key",
        "s3a://bucket/key",
        "s3n://bucket/key",
        "http://bucket/key",
        "file:///key",
        "x s3://bucket/key",
    ],
)
def test_other_texts_are_no_paths(text):
    assert not is_s3(text)
    with pytest.raises(InvalidPathError, match="s3://bucket/key") as caught:
        S3Url.parse(text)
    assert isinstance(caught.value, ValueError)
    assert caught.value.path == text


@pytest.mark.parametrize(
    "bucket",
    [".bucket", "-bucket", "_b", "my bucket", "b?x", "b#x", "b\u00fccket", "b%20", "b\n", "*", "b@c", "b:9000"],
)
def test_other_texts_are_no_buckets(bucket):
    assert is_s3(f"s3://{bucket}/key")
    with pytest.raises(InvalidPathError, match="No bucket can be named"):
        S3Url.parse(f"s3://{bucket}/key")


@pytest.mark.parametrize("path", [None, b"s3://bucket/key", 5, ["s3://bucket/key"]])
def test_other_values_are_no_paths(path):
    assert not is_s3(path)
    with pytest.raises(InvalidPathError, match=type(path).__name__):
        S3Url.parse(path)


@pytest.mark.parametrize("path", ["s3://", "s3://b", "s3://b/k", "s3:///k", "s3+p://b/k", S3Url("b"), "s3://*/{a,b}"])
def test_what_looks_like_a_path_is_one(path):
    assert is_s3(path)


@pytest.mark.parametrize(
    ("key", "prefix", "name", "directory"),
    [
        ("", "", "", True),
        ("k", "k/", "k", False),
        ("d/", "d/", "", True),
        ("d/k", "d/k/", "k", False),
        ("d//k", "d//k/", "k", False),
        ("/", "/", "", True),
        ("/k", "/k/", "k", False),
    ],
)
def test_what_a_key_says_by_itself(key, prefix, name, directory):
    url = S3Url("bucket", key, "dev")
    assert (url.prefix, url.name, url.names_directory) == (prefix, name, directory)


@given(BUCKETS, KEYS, PROFILES, KEYS)
def test_another_key_in_the_same_place(bucket, key, profile, other):
    assert S3Url(bucket, key, profile).with_key(other) == S3Url(bucket, other, profile)


def test_a_path_is_a_value():
    with pytest.raises(AttributeError):
        S3Url("bucket").key = "k"


@pytest.mark.parametrize("text", ["s3://", "s3:///k", "s3+p:///k/"])
def test_a_bucket_is_needed(text):
    url = S3Url.parse(text)
    for require in (url.require_bucket, url.require_object):
        with pytest.raises(InvalidPathError, match="has no bucket; write 's3://bucket'") as caught:
            require()
        assert caught.value.path == str(url)


@pytest.mark.parametrize(
    ("text", "why"), [("s3://b", "has no key"), ("s3://b/d/", "ends in '/'"), ("s3://b//", "ends")]
)
def test_an_object_is_needed(text, why):
    url = S3Url.parse(text)
    assert url.require_bucket() is url
    with pytest.raises(PathIsDirectoryError, match=why) as caught:
        url.require_object()
    assert isinstance(caught.value, IsADirectoryError)
    assert caught.value.filename == text


def test_what_is_there_is_given_back():
    url = S3Url("b", "k")
    assert url.require_bucket() is url
    assert url.require_object() is url


@pytest.mark.parametrize(
    ("path", "others", "joined"),
    [
        ("s3://b", [], "s3://b"),
        ("s3://b/k/", [], "s3://b/k/"),
        ("s3://b", ["k"], "s3://b/k"),
        ("s3://b/", ["k"], "s3://b/k"),
        ("s3://b", ["/k"], "s3://b/k"),
        ("s3://b/", ["/k"], "s3://b/k"),
        ("s3://b", ["//k"], "s3://b//k"),
        ("s3://b//", ["k"], "s3://b//k"),
        ("s3://b/a", ["to", "/file"], "s3://b/a/to/file"),
        ("s3://b/a", ["to/", "file/"], "s3://b/a/to/file/"),
        ("s3://b/a", ["to//", "//file//"], "s3://b/a/to///file//"),
        ("s3://b/a", [".."], "s3://b/a/.."),
        ("s3://b/a", ["b c%2F?d#e"], "s3://b/a/b c%2F?d#e"),
        ("s3://", ["b"], "s3://b"),
        ("s3://", ["/b"], "s3://b"),
        ("s3://", ["b", "k"], "s3://b/k"),
        ("s3://", ["//k"], "s3:///k"),
        ("s3://", [""], "s3://"),
        ("s3://", ["", "b"], "s3://b"),
        ("s3+dev://", ["b", "k"], "s3+dev://b/k"),
        ("s3+dev://b/", ["k"], "s3+dev://b/k"),
        ("s3://b", [""], "s3://b/"),
        ("s3://b/k", ["", "x"], "s3://b/k/x"),
    ],
)
def test_joins(path, others, joined):
    assert path_join(path, *others) == joined
    if path != "s3://":
        assert path_join(S3Url.parse(path), *others) == path_join(str(S3Url.parse(path)), *others)


PARTS = st.lists(st.from_regex(r"/{0,3}[a-z%2F?. é][a-z/. ]{0,3}[a-z]/{0,3}", fullmatch=True), max_size=5)


def joined_as_megfile_does(path: str, parts: list[str]) -> str:
    """Strip one slash from either side of each joint, and join."""
    if not parts:
        return path
    first, *middle, last = [path, *parts]
    middle = [part.removeprefix("/").removesuffix("/") for part in middle]
    return "/".join([first.removesuffix("/"), *middle, last.removeprefix("/")])


@given(st.sampled_from(["s3://b", "s3://b/", "s3://b/k", "s3://b/k//", "s3+p://b/k/", "s3://", "s3+p://"]), PARTS)
def test_joins_as_megfile_does(path, parts):
    assert path_join(path, *parts) == joined_as_megfile_does(path, parts)


@given(st.lists(st.text("ab/", min_size=1, max_size=4), min_size=1, max_size=5))
def test_joining_at_once_is_joining_one_by_one(parts):
    one_by_one = "s3://b"
    for part in parts:
        one_by_one = path_join(one_by_one, part)
    assert path_join("s3://b", *parts) == one_by_one


@pytest.mark.parametrize("path", ["", "b/k", "/b", "S3://b", "s3://my bucket"])
def test_only_paths_of_s3_are_joined(path):
    with pytest.raises(InvalidPathError):
        path_join(path, "x")


def test_the_public_names_are_these():
    assert (aios3.S3Url, aios3.is_s3, aios3.path_join) == (S3Url, is_s3, path_join)
    assert aios3.AnyPath == str | S3Url | HasUrl
