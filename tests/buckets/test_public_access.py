"""A bucket for everybody: only when nothing forbids it, and what forbids it is said."""

from __future__ import annotations

import json

import pytest

import aios3
from aios3._buckets.access import public_policy
from handles.fake_s3 import rejection

ALL_BLOCKS = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
DENY = {
    "Sid": "mine",
    "Effect": "Deny",
    "Principal": "*",
    "Action": "s3:PutObject",
    "Resource": "arn:aws:s3:::bucket/x",
}


def block(s3, *settings):
    s3.documents["GetPublicAccessBlock"] = {
        "PublicAccessBlockConfiguration": {name: name in settings for name in ALL_BLOCKS}
    }


@pytest.mark.parametrize("setting", ["BlockPublicPolicy", "RestrictPublicBuckets"])
async def test_a_block_forbids_it_and_is_named(s3, bucket, setting):
    block(s3, setting)
    with pytest.raises(aios3.AccessDeniedError, match=rf"\({setting}\).*unblock=True"):
        await bucket.allow_public_access()
    assert [operation for operation, _ in s3.asked] == ["GetPublicAccessBlock"]


async def test_a_block_goes_only_when_that_is_asked_for(s3, bucket):
    block(s3, *ALL_BLOCKS)
    await bucket.allow_public_access(unblock=True)
    assert [operation for operation, *_ in s3.log] == [
        "GetPublicAccessBlock",
        "DeletePublicAccessBlock",
        "GetBucketPolicy",
        "PutBucketPolicy",
    ]


@pytest.mark.parametrize("settings", [(), ("BlockPublicAcls", "IgnorePublicAcls")])
async def test_blocks_of_other_things_forbid_nothing(s3, bucket, settings):
    block(s3, *settings)
    await bucket.allow_public_access()
    assert s3.asked[-1][0] == "PutBucketPolicy"


@pytest.mark.parametrize(("code", "status"), [("AccessDenied", 403), ("NotImplemented", 501)])
async def test_an_unreadable_access_block_does_not_stop_the_policy(s3, bucket, code, status):
    def faults(operation, url, _details):
        if operation == "GetPublicAccessBlock":
            raise rejection(operation, url, code, status)

    s3.faults = faults
    await bucket.allow_public_access()
    assert s3.asked[-1][0] == "PutBucketPolicy"


async def test_a_block_of_the_account_is_thought_of(s3, bucket):
    def faults(operation, url, _details):
        if operation == "PutBucketPolicy":
            raise rejection(operation, url, "AccessDenied", 403)

    s3.faults = faults
    with pytest.raises(aios3.AccessDeniedError) as caught:
        await bucket.allow_public_access()
    assert "whole account" in caught.value.__notes__[0]


async def test_bad_credentials_are_nothing_else(s3, bucket):
    def faults(operation, url, _details):
        raise rejection(operation, url, "SignatureDoesNotMatch", 403)

    s3.faults = faults
    with pytest.raises(aios3.CredentialsError) as caught:
        await bucket.allow_public_access()
    assert not hasattr(caught.value, "__notes__")


async def test_a_bucket_that_could_not_be_made_public_is_said_to_be_there(s3, bucket):
    block(s3, "BlockPublicPolicy")

    def faults(operation, url, _details):
        if operation == "HeadBucket":
            raise rejection(operation, url, "NoSuchBucket", 404)

    s3.faults = faults
    with pytest.raises(aios3.AccessDeniedError) as caught:
        await bucket.create(allow_public_access=True)
    assert caught.value.__notes__ == ["The bucket s3://bucket itself is there"]


@pytest.mark.parametrize("before", [[DENY], DENY])
def test_other_policy_statements_stay_and_aios3s_are_added_once(before):
    policy = {"Version": "2012-10-17", "Id": "p", "Statement": before}
    once = public_policy(policy, "bucket", listing=True)
    assert public_policy(once, "bucket", listing=True) == once
    assert once["Id"] == "p"
    assert once["Statement"][0] == DENY
    assert [each["Action"] for each in once["Statement"][1:]] == ["s3:GetObject", "s3:ListBucket"]
    assert [each["Sid"] for each in public_policy(once, "bucket", listing=False)["Statement"]] == [
        "mine",
        "Aios3PublicRead",
    ]


async def test_a_policy_is_json(s3, bucket):
    s3.documents["GetBucketPolicy"] = {"Policy": json.dumps({"Statement": [DENY]})}
    assert await bucket.get_policy() == {"Statement": [DENY]}
    with pytest.raises(aios3.ConfigError, match="JSON"):
        await bucket.put_policy({"Statement": {DENY["Sid"]}})
