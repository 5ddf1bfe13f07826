"""Buckets, on every server: made, listed, emptied, deleted and configured; their objects by keys."""

from __future__ import annotations

import asyncio
import contextlib
import io
import itertools
import os
import urllib.request
from datetime import UTC, datetime, timedelta

import pytest
from botocore.exceptions import ClientError

import aios3
from conformance.data import MIB, payload

_NAMES = itertools.count(1)
CORS = aios3.CorsRule(("https://example.com",), ("GET", "PUT"), ("x-a",), ("etag",), 600)
ODD_KEYS = ["plain", "a b", "a+b", "a?b#c", "a%2Fb%", "ünï/日本/\U0001f600", "a&b=c;d", "(!)*'~$@:,", 'quote"<>\\^`{|}']


@pytest.fixture
def new_bucket(admin):
    """The path of a bucket that is not there yet; what a test makes of it is gone afterwards."""
    path = f"s3://aios3-new-{os.getpid()}-{next(_NAMES)}"
    yield path
    name, client = path.removeprefix("s3://"), admin._client
    if name not in {each["Name"] for each in client.list_buckets()["Buckets"]}:
        return
    with contextlib.suppress(ClientError):  # a server that keeps no versions
        for page in client.get_paginator("list_object_versions").paginate(Bucket=name):
            for each in [*page.get("Versions", []), *page.get("DeleteMarkers", [])]:
                client.delete_object(Bucket=name, Key=each["Key"], VersionId=each["VersionId"])
    admin.drop_bucket(path)


async def test_a_bucket_is_made_once_and_listed_and_deleted(surface, new_bucket):
    bucket = surface.bucket_at(new_bucket)
    assert not await bucket.exists()
    await bucket.create()
    assert await bucket.exists()
    assert bucket.name in [each.name async for each in surface.list_buckets()]
    with pytest.raises(aios3.BucketExistsError):
        await bucket.create()
    await bucket.create(exist_ok=True)
    await bucket.delete()
    assert not await bucket.exists()
    assert bucket.name not in [each.name async for each in surface.list_buckets()]


async def test_a_bucket_that_is_not_there_is_said_to_be_missing(surface, new_bucket):
    bucket = surface.bucket_at(new_bucket)
    with pytest.raises(aios3.BucketNotFoundError):
        await bucket.delete()
    with pytest.raises(aios3.BucketNotFoundError):
        [each async for each in bucket.list_objects()]
    with pytest.raises(aios3.BucketNotFoundError):
        await bucket.clear_objects()
    with pytest.raises(aios3.BucketNotFoundError):
        await bucket.get_object("x")
    with pytest.raises(aios3.BucketNotFoundError):
        await bucket.put_object("x", b"data")


async def test_a_full_bucket_is_deleted_only_by_force(surface, new_bucket, admin):
    bucket = surface.bucket_at(new_bucket)
    await bucket.create()
    await bucket.put_object("x", b"data")
    with pytest.raises(aios3.BucketNotEmptyError, match="still holds") as raised:
        await bucket.delete()
    assert raised.value.code == "BucketNotEmpty"
    assert "force=True" in raised.value.__notes__[0]
    admin.begin_upload(f"{new_bucket}/unfinished")
    await bucket.delete(force=True)
    assert not await bucket.exists()


@pytest.mark.needs("versions")
async def test_force_deletes_versions_and_delete_markers(surface, new_bucket, admin):
    bucket = surface.bucket_at(new_bucket)
    await bucket.create()
    await bucket.set_versioning(True)
    for key, data in (("x", b"1"), ("x", b"2"), ("y/ä b", b"3")):
        await bucket.put_object(key, data)
    await bucket.delete_object("y/ä b")
    await bucket.delete(force=True)
    assert not await bucket.exists()


@pytest.mark.needs("versions")
async def test_versions_are_kept_listed_and_read(surface, new_bucket):
    bucket = surface.bucket_at(new_bucket)
    await bucket.create()
    assert await bucket.get_versioning() is None
    await bucket.set_versioning(True)
    assert await bucket.get_versioning() == "Enabled"
    first, second = await bucket.put_object("x", b"first"), await bucket.put_object("x", b"second")
    await bucket.delete_object("x")
    versions = [each async for each in bucket.list_versions()]
    assert [each.is_delete_marker for each in versions] == [True, False, False]
    assert [each.is_latest for each in versions] == [True, False, False]
    assert [(each.version_id, each.size) for each in versions[1:]] == [(second.version_id, 6), (first.version_id, 5)]
    assert await (await bucket.get_object("x", first.version_id)).body() == b"first"
    assert await first.body() == b"first"
    with pytest.raises(aios3.ObjectNotFoundError):
        await bucket.get_object("x")
    target = io.BytesIO()
    assert await bucket.download_object("x", target, first.version_id) == 5
    assert target.getvalue() == b"first"
    await bucket.delete_object("x", versions[0].version_id)
    assert await (await bucket.get_object("x")).body() == b"second"
    await bucket.set_versioning(False)
    assert await bucket.get_versioning() == "Suspended"


@pytest.mark.needs("versions")
async def test_clearing_hides_objects_and_clearing_versions_ends_them(surface, new_bucket):
    bucket = surface.bucket_at(new_bucket)
    await bucket.create()
    await bucket.set_versioning(True)
    for key in ("a", "b", "b"):
        await bucket.put_object(key, b"data")
    assert await bucket.clear_objects() == 2
    assert [each async for each in bucket.list_objects()] == []
    assert len([each async for each in bucket.list_versions()]) == 5
    assert len([each async for each in bucket.list_versions("b")]) == 3
    assert await bucket.clear_objects(versions=True) == 5
    assert [each async for each in bucket.list_versions()] == []


async def test_clearing_an_ordinary_bucket(surface, bucket, admin):
    for number in range(25):
        admin.put(f"{bucket}/key-{number:02}")
    assert await surface.bucket_at(bucket).clear_objects() == 25
    assert admin.keys(bucket) == []
    assert await surface.bucket_at(bucket).clear_objects() == 0


@pytest.mark.needs("any_key", "key_below_key")
async def test_every_key_is_an_object_of_its_own(surface, bucket, admin):
    keys = ["/lead", "a", "a/", "a//b", "a/b", "../x", "z/"]
    at = surface.bucket_at(bucket)
    for key in keys:
        await at.put_object(key, key.encode(), {"name": key.replace("/", "-")})
    assert [each.key async for each in at.list_objects()] == admin.keys(bucket) == sorted(keys)
    for key in keys:
        found = await at.get_object(key)
        assert await found.body() == key.encode()
        assert await found.metadata() == {"name": key.replace("/", "-")}
        target = io.BytesIO()
        await at.download_object(key, target)
        assert target.getvalue() == key.encode()
        await at.delete_object(key)
    assert admin.keys(bucket) == []


@pytest.mark.needs("key_below_key")
async def test_objects_are_found_by_prefix_and_delimiter(surface, bucket, admin):
    keys = ["a", "logs/1", "logs/2", "logs/old/1", "logs2", "z"]
    for key in keys:
        admin.put(f"{bucket}/{key}", key.encode())
    at = surface.bucket_at(bucket)

    async def found(*args, **options):
        return [each.key async for each in at.find_objects(*args, **options)]

    assert await found() == keys
    assert await found("logs") == ["logs/1", "logs/2", "logs/old/1", "logs2"]
    assert await found("logs/", "/") == ["logs/1", "logs/2"]
    assert await found(delimiter="/") == ["a", "logs2", "z"]
    assert await found("logs", max_keys=2) == ["logs/1", "logs/2"]
    assert await found(max_keys=0) == []
    assert await found("none") == []


async def test_an_object_is_described_and_read(surface, bucket, admin):
    at = surface.bucket_at(bucket)
    before = datetime.now(UTC) - timedelta(minutes=2)
    written = await at.put_object("x", payload(100_000), {"colour": "red"}, content_type="text/x-test")
    (listed,) = [each async for each in at.list_objects()]
    for found in (written, listed, await at.get_object("x")):
        assert await found.size() == 100_000
        assert before < await found.last_modified() < datetime.now(UTC) + timedelta(minutes=2)
        assert (await found.metadata())["colour"] == "red"
        assert (await found.stat()).content_type == "text/x-test"
        assert await found.body() == payload(100_000)
        async with found.stream() as file:
            assert await file.read(10) == payload(100_000)[:10]


async def test_streams_go_up_and_down(surface, bucket, admin):
    at = surface.bucket_at(bucket)
    source = io.BytesIO(payload(6 * MIB))
    await at.upload_object("x", source, {"colour": "red"})
    assert not source.closed
    assert admin.get(f"{bucket}/x") == payload(6 * MIB)
    assert (await surface.stat(f"{bucket}/x")).metadata["colour"] == "red"
    target = io.BytesIO()
    assert await at.download_object("x", target) == 6 * MIB
    assert target.getvalue() == payload(6 * MIB)


async def test_nothing_there(surface, bucket):
    at = surface.bucket_at(bucket)
    with pytest.raises(aios3.ObjectNotFoundError):
        await at.get_object("none")
    with pytest.raises(aios3.ObjectNotFoundError):
        await at.download_object("none", io.BytesIO())
    await at.delete_object("none")


@pytest.mark.needs("read_if_match")
async def test_one_object_is_one_version(surface, bucket, admin):
    admin.put(f"{bucket}/x", b"old")
    at = surface.bucket_at(bucket)
    (listed,) = [each async for each in at.list_objects()]
    found = await at.get_object("x")
    admin.put(f"{bucket}/x", b"another")
    for each in (listed, found):
        assert await each.size() == 3
        with pytest.raises(aios3.ObjectChangedError):
            await each.body()
    with pytest.raises(aios3.ObjectChangedError):
        await listed.metadata()


async def test_uploads_are_listed_and_aborted_by_age(surface, bucket, admin):
    admin.begin_upload(f"{bucket}/a")
    admin.begin_upload(f"{bucket}/bc")
    at = surface.bucket_at(bucket)
    assert [each.key for each in await at.list_uploads()] == ["a", "bc"]
    assert [each.key for each in await at.list_uploads("b")] == ["bc"]
    assert await at.abort_uploads(timedelta(days=20_000)) == []  # moto's uploads began in 2010
    assert [each.key for each in await at.abort_uploads(0)] == ["a", "bc"]
    assert await at.list_uploads() == []


@pytest.mark.needs("lifecycle")
async def test_a_lifetime_is_one_rule_beside_those_of_others(surface, bucket, admin):
    name, at = bucket.removeprefix("s3://"), surface.bucket_at(bucket)
    other = {"ID": "other", "Status": "Enabled", "Filter": {"Prefix": "tmp/"}, "Expiration": {"Days": 1}}
    admin._client.put_bucket_lifecycle_configuration(Bucket=name, LifecycleConfiguration={"Rules": [other]})

    def rules():
        found = admin._client.get_bucket_lifecycle_configuration(Bucket=name)["Rules"]
        return {
            each["ID"]: (each["Status"], each.get("Filter", each).get("Prefix"), each["Expiration"]) for each in found
        }

    (before,) = rules().values()
    assert await at.get_lifetime_in_days() is None
    await at.set_lifetime_in_days(30)
    await at.set_lifetime_in_days(7)
    assert rules() == {"other": before, "expire": ("Enabled", "", {"Days": 7})}
    assert await at.get_lifetime_in_days() == 7
    await at.set_lifetime_in_days(0)
    assert rules() == {"other": before}
    assert await at.get_lifetime_in_days() is None


@pytest.mark.needs("lifecycle")
async def test_lifecycle_rules_there_and_back(surface, bucket):
    at = surface.bucket_at(bucket)
    assert await at.get_lifecycle() == []
    rules = [
        {"ID": name, "Status": "Enabled", "Filter": {"Prefix": f"{name}/"}, "Expiration": {"Days": days}}
        for name, days in (("a", 3), ("b", 30))
    ]
    await at.put_lifecycle(rules)
    found = await at.get_lifecycle()
    assert [(rule["ID"], rule["Expiration"]["Days"]) for rule in found] == [("a", 3), ("b", 30)]
    await at.put_lifecycle(found[1:])
    assert await at.get_lifecycle() == found[1:]
    await at.put_lifecycle([])
    assert await at.get_lifecycle() == []


@pytest.mark.needs("lifecycle")
async def test_the_only_lifetime_is_cancelled(surface, new_bucket):
    at = surface.bucket_at(new_bucket)
    await at.create(lifetime_in_days=3)
    assert await at.get_lifetime_in_days() == 3
    await at.set_lifetime_in_days(-1)
    assert await at.get_lifetime_in_days() is None
    await at.set_lifetime_in_days(0)


@pytest.mark.needs("cors")
async def test_cors_rules_there_and_back(surface, bucket):
    at = surface.bucket_at(bucket)
    assert await at.get_cors() == []
    await at.put_cors([CORS, aios3.CorsRule(("*",), ("GET",))])
    found = await at.get_cors()
    assert [(each.origins, sorted(each.methods)) for each in found] == [
        (("https://example.com",), ["GET", "PUT"]),
        (("*",), ["GET"]),
    ]
    assert (found[0].headers, found[0].expose_headers, found[0].max_age_seconds) == (("x-a",), ("etag",), 600)
    await at.put_cors([])
    assert await at.get_cors() == []


@pytest.mark.needs("bucket_tags")
async def test_tags_of_a_bucket_there_and_back(surface, bucket):
    at = surface.bucket_at(bucket)
    assert await at.get_tags() == {}
    await at.put_tags({"team": "data", "cost centre": "42"})
    assert await at.get_tags() == {"team": "data", "cost centre": "42"}
    await at.put_tags({})
    assert await at.get_tags() == {}


@pytest.mark.needs("policy")
async def test_a_policy_there_and_back(surface, bucket):
    at = surface.bucket_at(bucket)
    arn = f"arn:aws:s3:::{at.name}"
    deny = {"Sid": "mine", "Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": f"{arn}/secret/*"}
    assert await at.get_policy() is None
    await at.put_policy({"Version": "2012-10-17", "Statement": [deny]})
    assert [each["Sid"] for each in (await at.get_policy())["Statement"]] == ["mine"]
    await at.allow_public_access(unblock=True)
    await at.allow_public_access()
    assert [each["Sid"] for each in (await at.get_policy())["Statement"]] == ["mine", "Aios3PublicRead"]
    await at.put_policy(None)
    assert await at.get_policy() is None


@pytest.mark.needs("public_policy")
async def test_the_plain_url_of_every_key_serves_the_object(surface, new_bucket):
    at = surface.bucket_at(new_bucket)
    await at.create()
    await at.allow_public_access(unblock=True)  # LocalStack blocks it as Amazon does
    for key in ODD_KEYS:
        await at.put_object(key, key.encode())
    for key in ODD_KEYS:
        assert await asyncio.to_thread(_fetch, await at.compute_url(key)) == key.encode()


@pytest.mark.needs("any_key")
async def test_the_url_of_every_key_is_the_one_that_is_signed(surface, bucket, admin):
    at = surface.bucket_at(bucket)
    for key in [*ODD_KEYS, "/lead", "a//b", "a/./b", "../x", "tab\there"]:
        signed = await surface.presign(f"{bucket}/{key}")
        assert signed.partition("?")[0] == await at.compute_url(key)
        admin.put(f"{bucket}/{key}", key.encode())
        assert await asyncio.to_thread(_fetch, signed) == key.encode()


def _fetch(url: str) -> bytes:
    with urllib.request.urlopen(url) as response:
        return response.read()


async def test_a_document_that_the_server_does_not_know_ends_no_bucket(surface, new_bucket):
    """rclone takes ``DELETE /bucket?tagging`` for one of the bucket."""
    at = surface.bucket_at(new_bucket)
    await at.create()
    for delete, nothing in ((at.put_tags, {}), (at.put_cors, []), (at.put_policy, None), (at.set_lifetime_in_days, 0)):
        with contextlib.suppress(aios3.UnsupportedError):
            await delete(nothing)
    assert await at.exists()
