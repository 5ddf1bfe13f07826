"""A lifetime is one rule; whatever else the bucket's lifecycle says stays as it is."""

from __future__ import annotations

import pytest

import aios3
from aios3._buckets.lifecycle import with_lifetime
from handles.fake_s3 import rejection

OURS = {"ID": "expire", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 7}}
OTHERS = [
    {"ID": "other", "Status": "Enabled", "Filter": {"Prefix": "tmp/"}, "Expiration": {"Days": 1}},
    {"ID": "expire", "Status": "Enabled", "Filter": {"Prefix": "logs/"}, "Expiration": {"Days": 1}},
    {"ID": "expire", "Status": "Enabled", "Filter": {"Tag": {"Key": "a", "Value": "b"}}, "Expiration": {"Days": 1}},
    {"ID": "expire", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"ExpiredObjectDeleteMarker": True}},
    {
        "ID": "expire",
        "Status": "Enabled",
        "Filter": {"Prefix": ""},
        "Expiration": {"Days": 1},
        "NoncurrentVersionExpiration": {"NoncurrentDays": 3},
    },
    {"Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 1}},
    {
        "ID": "no filter",
        "Status": "Disabled",
        "Filter": {},
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1},
    },
]


@pytest.mark.parametrize("other", OTHERS)
def test_a_lifecycle_rule_of_another_program_stays(other):
    (kept, ours) = with_lifetime([other], 7)
    assert kept == other
    assert ours == OURS | {"ID": "aios3-expire" if other.get("ID") == "expire" else "expire"}
    assert with_lifetime([kept, ours], 9) == [other, ours | {"Expiration": {"Days": 9}}]
    assert with_lifetime([kept, ours], 0) == [other]


@pytest.mark.parametrize(
    "before",
    [
        OURS,
        {"ID": "expire", "Status": "Disabled", "Prefix": "", "Expiration": {"Days": 1}},  # messageflux's
        {"ID": "expire", "Status": "Enabled", "Filter": {}, "Expiration": {"Days": 1}},
    ],
)
def test_the_rule_of_before_is_replaced(before):
    assert with_lifetime([before], 7) == [OURS]
    assert with_lifetime([before], 0) == []


def test_a_name_is_never_taken_twice():
    others = [{**OTHERS[1]}, {**OTHERS[1], "ID": "aios3-expire"}]
    *_, ours = with_lifetime(others, 7)
    assert "ID" not in ours


def test_a_prefix_is_said_in_one_way_only():
    """S3 rejects a document with a rule that has a prefix and one that has a filter."""
    old = {"ID": "old", "Status": "Enabled", "Prefix": "tmp/", "Expiration": {"Days": 1}}
    (kept, _) = with_lifetime([old], 7)
    assert kept == {"ID": "old", "Status": "Enabled", "Filter": {"Prefix": "tmp/"}, "Expiration": {"Days": 1}}


async def test_the_rest_of_the_document_stays_as_well(s3, bucket):
    s3.documents["GetBucketLifecycleConfiguration"] = {
        "Rules": [OTHERS[0]],
        "TransitionDefaultMinimumObjectSize": "varies_by_storage_class",
        "ResponseMetadata": {},
    }
    await bucket.set_lifetime_in_days(7)
    assert s3.asked[-1] == (
        "PutBucketLifecycleConfiguration",
        {
            "LifecycleConfiguration": {"Rules": [OTHERS[0], OURS]},
            "TransitionDefaultMinimumObjectSize": "varies_by_storage_class",
        },
    )


async def test_what_is_so_already_is_not_written(s3, bucket):
    s3.documents["GetBucketLifecycleConfiguration"] = {"Rules": [OURS]}
    await bucket.set_lifetime_in_days(7)
    assert await bucket.get_lifetime_in_days() == 7
    assert [operation for operation, _ in s3.asked] == 2 * ["GetBucketLifecycleConfiguration"]
    await bucket.set_lifetime_in_days(0)
    assert s3.asked[-1][0] == "DeleteBucketLifecycle"


@pytest.mark.parametrize("code", ["NoSuchKey", "404", "NoSuchBucketPolicy"])
async def test_an_ambiguous_response_replaces_no_lifecycle_rules(s3, bucket, code):
    def faults(operation, url, _details):
        raise rejection(operation, url, code, 404)

    s3.faults = faults
    with pytest.raises(aios3.ObjectNotFoundError):
        await bucket.set_lifetime_in_days(7)
    assert sum(s3.calls.values()) == 1


@pytest.mark.parametrize("days", [1.5, True, "7", None, 2**31])
async def test_invalid_numbers_of_days(s3, bucket, days):
    with pytest.raises(aios3.ConfigError, match="whole number of days"):
        await bucket.set_lifetime_in_days(days)
    assert not s3.calls
