"""Emptying a bucket that rejects keys, or is left in the middle: what is left is said, and can be cleared later."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest
from bucket_s3 import URL

import aios3
from aios3._adapting_backend import AdaptingAdmin
from aios3._backend import DeleteFailure, ObjectVersion
from aios3._engine.retry_policy import RetryPolicy
from aios3._responses import failed_versions
from aios3.errors import ServerError
from handles.fake_s3 import rejection

X1, X2, Y1 = (ObjectVersion(key, version, 1.0) for key, version in (("x", "1"), ("x", "2"), ("y", "1")))


async def test_objects_that_are_rejected_are_named_and_the_others_are_gone(s3, bucket):
    for number in range(40):
        s3.put(f"{number:02}", b"data")
    s3.rejected = lambda key: "AccessDenied" if key in {"03", "30"} else None
    with pytest.raises(aios3.PartialFailureError, match=r"2 failed") as caught:
        await bucket.clear_objects()
    assert set(s3.contents()) == {"03", "30"}
    assert set(caught.value.failures) == {f"{URL}/03", f"{URL}/30"}
    assert caught.value.completed["deleted"] == 38
    s3.rejected = lambda key: None
    assert await bucket.clear_objects() == 2


async def test_versions_that_are_rejected_are_named_and_the_others_are_gone(s3, bucket):
    s3.put_versions("a@1", "a@2!", "b@1", "c@null")
    s3.rejected_version = lambda version: "AccessDenied" if version.version_id == "2" else None
    with pytest.raises(aios3.PartialFailureError, match=r"1 failed.*a \(version 2\)") as caught:
        await bucket.clear_objects(versions=True)
    assert s3.left() == {"a@2"}
    assert [type(error) for error in caught.value.failures.values()] == [aios3.AccessDeniedError]
    assert caught.value.completed["deleted"] == 3
    assert s3.calls["DeleteObjects"] == 1  # what is rejected is not asked for again


async def test_a_version_that_fails_is_tried_again_alone(s3, bucket):
    s3.put_versions("a@1", "a@2", "b@1")
    tries = Counter()

    def rejected(version):
        tries[version.version_id, version.key] += 1
        return "InternalError" if (version.key, version.version_id) == ("a", "2") and tries["2", "a"] < 3 else None

    s3.rejected_version = rejected
    assert await bucket.clear_objects(versions=True) == 3
    assert [details["versions"] for name, _, details in s3.log if name == "DeleteObjects"] == [3, 1, 1]


async def test_versions_go_one_by_one_where_the_server_has_no_bulk_delete(s3, bucket):
    s3.put_versions("a@1", "a@2!", "b@1")
    s3.knows_bulk = False
    assert await bucket.clear_objects(versions=True) == 3
    assert s3.left() == set()


async def test_force_keeps_the_bucket_while_something_is_left_in_it(s3, bucket):
    s3.put_versions("a@1", "b@1")
    s3.rejected_version = lambda version: "AccessDenied" if version.key == "b" else None
    with pytest.raises(aios3.PartialFailureError):
        await bucket.delete(force=True)
    assert s3.calls["DeleteBucket"] == 0


async def test_force_clears_objects_where_the_server_keeps_no_versions(s3, bucket):
    s3.put("a", b"data")

    def faults(operation, url, _details):
        if operation == "ListObjectVersions":
            raise rejection(operation, url, "NotImplemented", 501)

    s3.faults = faults
    await bucket.delete(force=True)
    assert s3.contents() == {}
    assert s3.calls["DeleteBucket"] == 1


@pytest.mark.parametrize("operation", ["ListObjectVersions", "DeleteObjects"])
async def test_a_cancelled_clearing_can_be_repeated(s3, bucket, operation):
    """The fixture sees that no task is left, and no request half made."""
    s3.page_size = 10
    s3.put_versions(*(f"{number:03}@1" for number in range(100)))
    task = asyncio.ensure_future(bucket.clear_objects(versions=True))

    def faults(called, _url, _details):
        if called == operation and s3.calls[operation] == 4:
            task.cancel()

    s3.faults = faults
    with pytest.raises(asyncio.CancelledError):
        await task
    s3.faults = None
    left = len(s3.left())
    assert left > 0
    calls = dict(s3.calls)
    await asyncio.sleep(0)
    assert dict(s3.calls) == calls
    assert await bucket.clear_objects(versions=True) == left
    assert s3.left() == set()


async def test_nothing_is_left_where_the_list_ends_at_a_version_that_is_gone(s3, bucket):
    """As on moto, which looks for the last version of the page before."""
    s3.page_size = 10
    s3.loses_its_place = True
    s3.put_versions(*(f"{number:03}@1" for number in range(100)))
    assert await bucket.clear_objects(versions=True) == 100
    assert s3.left() == set()


async def test_a_thousand_failures_end_it(s3, bucket):
    s3.put_versions(*(f"{number:05}@1" for number in range(20_000)))
    s3.rejected_version = lambda version: "AccessDenied"
    with pytest.raises(aios3.PartialFailureError, match="where it stopped"):
        await bucket.clear_objects(versions=True)
    assert s3.calls["ListObjectVersions"] < 20


async def test_no_bucket_ends_it_at_once(s3, bucket):
    s3.put_versions("a@1", "b@1")

    def faults(operation, url, _details):
        if operation == "DeleteObjects":
            raise rejection(operation, url, "NoSuchBucket", 404)

    s3.faults = faults
    with pytest.raises(aios3.BucketNotFoundError):
        await bucket.clear_objects(versions=True)


async def test_a_list_without_a_continuation_is_an_error(s3, bucket):
    s3.responses["ListObjectVersions"] = {"IsTruncated": True}
    with pytest.raises(ServerError, match="not where it continues"):
        await bucket.clear_objects(versions=True)
    s3.responses["ListObjectVersions"] = {"IsTruncated": True, "NextKeyMarker": "a"}
    with pytest.raises(ServerError, match="again"):
        await bucket.clear_objects(versions=True)


def test_a_failure_that_names_the_key_only_is_one_of_every_version_of_it():
    failed = failed_versions([DeleteFailure("x", "AccessDenied", "no")], {("y", "1")}, [X1, X2, Y1], URL)
    assert [(each.key, each.version_id) for each in failed] == [("x", "1"), ("x", "2")]


@pytest.mark.parametrize("code", ["NoSuchKey", "NoSuchVersion"])
def test_what_is_not_there_has_not_failed(code):
    assert failed_versions([DeleteFailure("x", code, "", "1")], {("x", "2")}, [X1, X2], URL) == []


@pytest.mark.parametrize("named", [("x", "1"), ("x", None)])
def test_a_version_that_the_response_leaves_out_may_be_there_still(named):
    left_out = [X2, Y1] if named[1] else [Y1]
    failed = failed_versions([], {named}, [X1, X2, Y1], URL)
    assert [(each.key, each.version_id, each.code) for each in failed] == [(x.key, x.version_id, "") for x in left_out]
    with pytest.raises(ServerError, match="none of the 2 keys"):
        failed_versions([], set(), [X1, X2], URL)


@pytest.mark.parametrize(("key", "version"), [("z", "1"), ("x", "3"), ("y", "2")])
def test_a_response_about_keys_that_were_not_requested_is_an_error(key, version):
    with pytest.raises(ServerError, match="nobody asked to delete"):
        failed_versions([DeleteFailure(key, "AccessDenied", "", version)], set(), [X1, X2, Y1], URL)


async def test_keys_that_xml_cannot_hold_lose_the_version_that_was_named(s3):
    s3.put_versions("a\x01@1", "a\x01@2", "b@1")
    url = aios3.S3Url("bucket")
    asked = [each for each in s3.versions if (each.key, each.version_id) != ("a\x01", "2")]
    assert await AdaptingAdmin(s3, RetryPolicy(1)).delete_versions(url, asked) == []
    assert s3.left() == {"a\x01@2"}
    assert (s3.calls["DeleteObjects"], s3.calls["DeleteObject"]) == (1, 1)


async def test_a_version_that_is_rejected_alone_is_reported(s3):
    s3.put_versions("a\x01@1")

    def faults(operation, url, _details):
        raise rejection(operation, url, "AccessDenied", 403)

    s3.faults = faults
    (failed,) = await AdaptingAdmin(s3, RetryPolicy(1)).delete_versions(aios3.S3Url("bucket"), s3.versions)
    assert (failed.key, failed.version_id, failed.code) == ("a\x01", "1", "AccessDenied")
