"""Documents of a bucket: what a server that does not know them must not lose, and what is written as it was meant."""

from __future__ import annotations

import pytest

import aios3
from handles.fake_s3 import rejection

LISTING = {"Name": "bucket", "Contents": [], "ResponseMetadata": {}}
"""The response of a server that ignores the name of a document: the keys of the bucket."""
GETS = [
    "GetBucketCors",
    "GetBucketLifecycleConfiguration",
    "GetBucketPolicy",
    "GetBucketTagging",
    "GetPublicAccessBlock",
]
RULE = aios3.CorsRule(("*",), ("GET",))

WRITES = {
    "delete tags": lambda bucket: bucket.put_tags({}),
    "put tags": lambda bucket: bucket.put_tags({"a": "b"}),
    "delete cors": lambda bucket: bucket.put_cors([]),
    "put cors": lambda bucket: bucket.put_cors([RULE]),
    "delete policy": lambda bucket: bucket.put_policy(None),
    "put policy": lambda bucket: bucket.put_policy({"Statement": []}),
    "delete lifecycle": lambda bucket: bucket.put_lifecycle([]),
    "put lifecycle": lambda bucket: bucket.put_lifecycle([{"ID": "a"}]),
    "no lifetime": lambda bucket: bucket.set_lifetime_in_days(0),
    "lifetime": lambda bucket: bucket.set_lifetime_in_days(1),
    "public": lambda bucket: bucket.allow_public_access(unblock=True),
}


@pytest.mark.parametrize("write", WRITES)
async def test_a_server_that_takes_documents_for_the_bucket_is_asked_for_nothing_more(s3, bucket, write):
    """``DELETE /bucket?tagging`` would be the end of the bucket there."""
    s3.responses = dict.fromkeys(GETS, LISTING)
    with pytest.raises(aios3.UnsupportedError, match="something else"):
        await WRITES[write](bucket)
    assert {operation[:3] for operation in s3.calls} == {"Get"}


@pytest.mark.parametrize("write", [name for name in WRITES if name.startswith(("delete", "no "))])
async def test_what_is_not_there_is_not_deleted(s3, bucket, write):
    await WRITES[write](bucket)
    assert {operation[:3] for operation in s3.calls} == {"Get"}


@pytest.mark.parametrize("write", WRITES)
async def test_a_rejected_look_writes_nothing(s3, bucket, write):
    def faults(operation, url, _details):
        if operation != "GetPublicAccessBlock":
            raise rejection(operation, url, "AccessDenied", 403)

    s3.faults = faults
    with pytest.raises(aios3.AccessDeniedError):
        await WRITES[write](bucket)
    assert {operation[:3] for operation in s3.calls} == {"Get"}


@pytest.mark.parametrize("text", ["no json", "[]", '"text"', "<ListBucketResult/>"])
async def test_an_invalid_policy_is_an_error(s3, bucket, text):
    s3.documents["GetBucketPolicy"] = {"Policy": text}
    with pytest.raises(aios3.UnsupportedError, match="something else"):
        await bucket.get_policy()
    with pytest.raises(aios3.UnsupportedError):
        await bucket.allow_public_access()
    assert s3.calls["PutBucketPolicy"] == 0


async def test_a_cors_rule_says_only_what_was_said(s3, bucket):
    full = aios3.CorsRule(("https://a",), ("PUT",), ("x-a",), ("etag",), 0, "mine")
    await bucket.put_cors([RULE, full])
    assert s3.asked[-1][1] == {
        "CORSConfiguration": {
            "CORSRules": [
                {"AllowedOrigins": ["*"], "AllowedMethods": ["GET"]},
                {
                    "AllowedOrigins": ["https://a"],
                    "AllowedMethods": ["PUT"],
                    "AllowedHeaders": ["x-a"],
                    "ExposeHeaders": ["etag"],
                    "ID": "mine",
                    "MaxAgeSeconds": 0,
                },
            ]
        }
    }
    s3.documents["GetBucketCors"] = s3.asked[-1][1]["CORSConfiguration"]
    assert await bucket.get_cors() == [RULE, full]
