"""The S3 of these tests is as strict as Amazon's: boto3 says what it takes and what it rejects."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError
from fetching import fetched

import aios3
from servers.amazon import ANOTHER_ACCOUNT

KEYS = aios3.Credentials("AKID", "nobody-may-see-this")


def rejected(call, **parameters):
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    response = caught.value.response
    return response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Code"]


@pytest.fixture
def home(amazon):
    return amazon.add_bucket("home", "eu-west-1")


@pytest.mark.parametrize("s3", [{}, {"addressing_style": "path"}, {"use_dualstack_endpoint": True}])
@pytest.mark.parametrize("key", ["plain", "a b+c/%/ä/~'()*!", "x" * 900])
def test_what_boto3_signs_is_accepted_and_stored(amazon, home, boto, s3, key):
    client = boto(s3=s3)
    client.put_object(Bucket="home", Key=key, Body=b"0123456789", Metadata={"colour": "red  and blue"})
    found = client.get_object(Bucket="home", Key=key, Range="bytes=2-4")
    assert (found["Body"].read(), found["ContentRange"], found["Metadata"]) == (
        b"234",
        "bytes 2-4/10",
        {"colour": "red  and blue"},
    )
    listed = client.list_objects_v2(Bucket="home")
    assert [each["Key"] for each in listed["Contents"]] == [key]


@pytest.mark.parametrize(
    ("keys", "response"),
    [
        (aios3.Credentials("AKID", "wrong"), (403, "SignatureDoesNotMatch")),
        (aios3.Credentials("UNKNOWN", "x"), (403, "InvalidAccessKeyId")),
        (aios3.Credentials("TEMPORARY", "secret"), (403, "InvalidAccessKeyId")),
        (aios3.Credentials("TEMPORARY", "secret", "wrong"), (400, "InvalidToken")),
        (aios3.Credentials("TEMPORARY", "secret", "token"), (400, "ExpiredToken")),
        (aios3.Credentials("STRANGER", "secret"), (403, "AccessDenied")),
        (None, (403, "AccessDenied")),
    ],
)
def test_unauthorized_requests_are_rejected_as_by_amazon(amazon, home, boto, keys, response):
    amazon.add_key("TEMPORARY", "secret", "token", expires_at=amazon.clock() - 1)
    amazon.add_key("STRANGER", "secret", account=ANOTHER_ACCOUNT)
    client = boto(keys=keys)
    assert rejected(client.get_object, Bucket="home", Key="x") == response
    assert rejected(client.head_object, Bucket="home", Key="x") == (response[0], str(response[0]))


def test_a_token_is_good_until_the_clock_says_otherwise(amazon, home, boto):
    moment = amazon.clock()
    amazon.clock = lambda: moment
    amazon.add_key("TEMPORARY", "secret", "token", expires_at=moment + 60)
    client = boto(keys=aios3.Credentials("TEMPORARY", "secret", "token"))
    client.put_object(Bucket="home", Key="x", Body=b"x")
    moment += 61
    assert rejected(client.get_object, Bucket="home", Key="x") == (400, "ExpiredToken")
    moment += 20 * 60
    amazon.add_key("TEMPORARY", "secret", "token")
    assert rejected(client.get_object, Bucket="home", Key="x") == (403, "RequestTimeTooSkewed")


@pytest.mark.parametrize(("ages", "status"), [(0, 200), (61, 403)])
def test_a_presigned_url_is_good_until_it_expires(amazon, home, boto, ages, status):
    client = boto()
    client.put_object(Bucket="home", Key="a b", Body=b"content")
    url = client.generate_presigned_url("get_object", {"Bucket": "home", "Key": "a b"}, ExpiresIn=60)
    moment = amazon.clock() + ages
    amazon.clock = lambda: moment
    assert fetched(url, amazon) == (status, b"content" if status == 200 else None)
    assert fetched(url.replace("a%20b", "other"), amazon)[0] == 403


def test_a_multipart_upload_becomes_one_object(amazon, home, boto):
    client = boto()
    upload_id = client.create_multipart_upload(Bucket="home", Key="big")["UploadId"]
    place = {"Bucket": "home", "Key": "big", "UploadId": upload_id}
    parts = [
        {"PartNumber": n, "ETag": client.upload_part(**place, PartNumber=n, Body=b"%d" % n)["ETag"]} for n in (1, 2)
    ]
    client.complete_multipart_upload(**place, MultipartUpload={"Parts": parts})
    assert client.get_object(Bucket="home", Key="big")["Body"].read() == b"12"
    assert home.uploads == {}


def test_a_listing_is_cut_and_grouped(amazon, home, boto):
    client = boto()
    for key in ("a", "d/1", "d/2", "e/", "z"):
        client.put_object(Bucket="home", Key=key, Body=b"")
    pages = client.get_paginator("list_objects_v2").paginate(
        Bucket="home", Delimiter="/", PaginationConfig={"PageSize": 2}
    )
    found = [
        [
            *[each["Key"] for each in page.get("Contents", [])],
            *[each["Prefix"] for each in page.get("CommonPrefixes", [])],
        ]
        for page in pages
    ]
    assert found == [["a", "d/"], ["z", "e/"]]


def test_no_name_but_amazons_is_found(amazon, boto):
    client = boto("xx-nowhere-9")
    with pytest.raises(Exception, match="Could not connect"):
        client.list_buckets()
