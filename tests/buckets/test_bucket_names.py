"""What is a name of a bucket, what is one that S3 makes, and what is a key."""

from __future__ import annotations

import pytest

import aios3
from aios3._buckets.bucket_names import bucket_url, check_new_name, key_url
from aios3.errors import InvalidPathError


@pytest.mark.parametrize("name", ["abc", "a-b.c", "0bucket9", "a" * 63, "1.2.3", "bucket.name-2", "a--b"])
def test_names_that_s3_takes(name):
    check_new_name(aios3.S3Url(name))


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("ab", "3 to 63"),
        ("a" * 64, "3 to 63"),
        ("Bucket", "small letters"),
        ("under_score", "small letters"),
        ("-ab", "begin and end"),
        ("ab-", "begin and end"),
        (".ab", "begin and end"),
        ("a..b", "two dots"),
        ("192.168.5.4", "IP address"),
        ("xn--bucket", "begin with"),
        ("sthree-bucket", "begin with"),
        ("amzn-s3-demo-bucket", "begin with"),
        ("bucket-s3alias", "end in"),
        ("bucket--ol-s3", "end in"),
        ("bucket.mrap", "end in"),
        ("bucket--x-s3", "end in"),
        ("bucket--table-s3", "end in"),
    ],
)
async def test_names_that_s3_does_not_take_are_rejected_before_anything_is_sent(s3, name, why):
    """And the rule is named; the oracle is Amazon's page of the rules."""
    with pytest.raises(InvalidPathError, match=why):
        check_new_name(aios3.S3Url(name))
    try:
        bucket = aios3.Bucket(name)
    except InvalidPathError:
        return
    with pytest.raises(InvalidPathError, match=why):
        await bucket.create()
    assert not s3.calls


@pytest.mark.parametrize("name", ["Old_Bucket", "ab", "a..b"])
def test_older_buckets_keep_their_names(name):
    assert aios3.Bucket(name).name == name


@pytest.mark.parametrize(
    "bucket", ["bucket", "s3://bucket", "s3://bucket/", aios3.S3Url("bucket"), aios3.S3Path("s3://bucket")]
)
def test_ways_to_name_a_bucket(bucket):
    assert bucket_url(bucket) == aios3.S3Url("bucket")
    assert aios3.Bucket("s3+other://bucket").url.profile == "other"
    assert repr(aios3.Bucket(bucket)) == "Bucket('s3://bucket')"


@pytest.mark.parametrize("bucket", ["", "s3://", "a/b", "s3://bucket/key", "a b", 3])
def test_what_names_no_bucket(bucket):
    with pytest.raises(InvalidPathError):
        aios3.Bucket(bucket)


@pytest.mark.parametrize("key", ["", None, b"x", "a" * 1025, "\ud800"])
def test_invalid_keys(key):
    with pytest.raises(InvalidPathError):
        key_url(aios3.S3Url("bucket"), key)


@pytest.mark.parametrize("key", ["/", "/a", "a//b", "s3://x/y", "..", "a?b#c%20"])
def test_keys_stay_as_they_are(key):
    assert key_url(aios3.S3Url("bucket"), key).key == key
