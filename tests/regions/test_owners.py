"""Buckets whose requester pays, and buckets that must belong to somebody: said by requests, or named as missing."""

from __future__ import annotations

import asyncio

import pytest
from fetching import fetched

import aios3
import aios3.sync
from aios3._ownership import Ownership
from servers.amazon import ACCOUNT, ANOTHER_ACCOUNT
from servers.amazon_objects import Object

STRANGER = aios3.Credentials("STRANGER", "secret")
MIB = 1 << 20
OPERATIONS = [
    *("GetObject", "HeadObject", "PutObject", "ListObjectsV2", "DeleteObject", "DeleteObjects", "CopyObject"),
    *("CreateMultipartUpload", "UploadPart", "UploadPartCopy", "CompleteMultipartUpload", "AbortMultipartUpload"),
    *("HeadBucket", "GetBucketLocation"),
]


async def read(surface, path):
    assert await surface.read_bytes(f"{path}/d/x") == b"0123456789"


async def stat(surface, path):
    assert (await surface.stat(f"{path}/d/x")).size == 10


async def listing(surface, path):
    assert await surface.listdir(f"{path}/d") == ["x"]


async def write(surface, path):
    await surface.write_bytes(f"{path}/new", b"1")


async def upload(surface, path):
    await surface.write_bytes(f"{path}/big", bytes(6 * MIB))


async def copy(surface, path):
    await surface.copy(f"{path}/d/x", f"{path}/copied")


async def remove(surface, path):
    await surface.remove(f"{path}/d/x")


async def exists(surface, path):
    assert await surface.bucket_at(path).exists()


VERBS = [read, stat, listing, write, upload, copy, remove, exists]


@pytest.fixture
def bucket(amazon):
    amazon.add_key("STRANGER", "secret", account=ANOTHER_ACCOUNT)
    bucket = amazon.add_bucket("paid", "eu-west-1", requester_pays=True)
    bucket.objects["d/x"] = Object(b"0123456789", '"e"')
    return bucket


@pytest.mark.parametrize("verb", VERBS[:-1])
async def test_a_requester_who_pays_can_use_every_verb(amazon, bucket, face, verb):
    surface = face(credentials=STRANGER, request_payer="requester", part_size=5 * MIB)
    await verb(surface, "s3://paid")
    assert {each.headers.get("x-amz-request-payer") for each in amazon.requests} == {"requester"}
    assert bucket.uploads == {}


@pytest.mark.parametrize("verb", VERBS)
async def test_the_error_names_the_request_payer_setting(amazon, bucket, face, verb):
    surface = face(credentials=STRANGER, part_size=5 * MIB)
    with pytest.raises(aios3.AccessDeniedError, match="request_payer='requester'"):
        await verb(surface, "s3://paid")


@pytest.mark.parametrize("verb", VERBS)
async def test_a_bucket_of_the_expected_owner_is_used_and_every_request_says_so(amazon, bucket, face, verb):
    surface = face(expected_bucket_owner=ACCOUNT, part_size=5 * MIB)
    await verb(surface, "s3://paid")
    assert {each.headers.get("x-amz-expected-bucket-owner") for each in amazon.requests} == {ACCOUNT}
    copies = [each for each in amazon.requests if "x-amz-copy-source" in each.headers]
    assert all(each.headers["x-amz-source-expected-bucket-owner"] == ACCOUNT for each in copies)
    assert len(copies) == (verb is copy)


@pytest.mark.parametrize("verb", VERBS)
async def test_a_bucket_of_another_account_is_not_touched(amazon, bucket, face, verb):
    before = dict(bucket.objects)
    surface = face(expected_bucket_owner=ANOTHER_ACCOUNT, part_size=5 * MIB)
    with pytest.raises(aios3.AccessDeniedError, match=f"expected_bucket_owner='{ANOTHER_ACCOUNT}'"):
        await verb(surface, "s3://paid")
    assert bucket.objects == before


async def test_a_copy_from_a_bucket_of_another_account_is_rejected(amazon, bucket, face):
    amazon.add_bucket("ours", "eu-west-1", owner=ACCOUNT)
    other = amazon.add_bucket("theirs", "eu-west-1", owner=ANOTHER_ACCOUNT, public=True)
    other.objects["x"] = Object(b"1", '"e"')
    surface = face(expected_bucket_owner=ACCOUNT)
    with pytest.raises(aios3.AccessDeniedError):
        await surface.copy("s3://theirs/x", "s3://ours/x")
    assert amazon.buckets["ours"].objects == {}


@pytest.mark.parametrize("options", [{"request_payer": "requester"}, {"expected_bucket_owner": ACCOUNT}])
async def test_a_presigned_url_says_both_by_itself(amazon, bucket, face, options):
    keys = {"credentials": STRANGER} if "request_payer" in options else {}
    url = await face(**keys, **options).presign("s3://paid/d/x")
    assert await asyncio.to_thread(fetched, url, amazon) == (200, b"0123456789")
    for name, value in options.items():
        header = {"request_payer": "x-amz-request-payer", "expected_bucket_owner": "x-amz-expected-bucket-owner"}[name]
        changed = url.replace(f"{header}={value}", f"{header}=other")
        assert await asyncio.to_thread(fetched, changed, amazon) == (403, None)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"request_payer": "owner"}, "request_payer must be 'requester'"),
        ({"request_payer": True}, "request_payer must be 'requester'"),
        ({"expected_bucket_owner": "me"}, "12 digits"),
        ({"expected_bucket_owner": 123456789012}, "must be a text"),
        ({"expected_bucket_owner": "123456789012\n"}, "12 digits"),
    ],
)
def test_invalid_requester_pays_and_owner_values_are_rejected(options, words):
    with pytest.raises(aios3.ConfigError, match=words):
        aios3.Config(**options)


def test_native_requests_equal_botocores(amazon, boto):
    model = boto().meta.service_model
    ownership = Ownership("requester", ACCOUNT)
    members = {
        "RequestPayer": "x-amz-request-payer",
        "ExpectedBucketOwner": "x-amz-expected-bucket-owner",
        "ExpectedSourceBucketOwner": "x-amz-source-expected-bucket-owner",
    }
    for operation in [
        "GetObject",
        "HeadObject",
        "PutObject",
        "CreateMultipartUpload",
        "UploadPart",
        "UploadPartCopy",
        "CompleteMultipartUpload",
        "AbortMultipartUpload",
        "ListObjectsV2",
        "HeadBucket",
        "GetBucketLocation",
        "DeleteObject",
        "DeleteObjects",
        "CopyObject",
    ]:
        shape = model.operation_model(operation).input_shape.members
        said = {name for name, _ in ownership.headers(operation)}
        assert said == {header for name, header in members.items() if name in shape}


CLIENT_CALLS = {
    "get_object": {"Key": "d/x"},
    "head_object": {"Key": "d/x"},
    "put_object": {"Key": "new", "Body": b"1"},
    "list_objects_v2": {},
    "copy_object": {"Key": "copied", "CopySource": "paid/d/x"},
    "delete_object": {"Key": "d/x"},
}


def through_boto3s(options, call, asked):
    with aios3.sync.Session(**options) as session:
        client = aios3.sync.get_s3_client(session=session)
        response = getattr(client, call)(**asked)
        if "Body" in response:
            response["Body"].close()
        url = client.generate_presigned_url("get_object", {"Bucket": "paid", "Key": "d/x"})
        client.close()
        return url


async def through_aiobotocores(options, call, asked):
    async with aios3.Session(**options) as session:
        client = await aios3.get_s3_client(session=session)
        response = await getattr(client, call)(**asked)
        if "Body" in response:
            response["Body"].close()
        return await client.generate_presigned_url("get_object", {"Bucket": "paid", "Key": "d/x"})


@pytest.mark.parametrize("call", CLIENT_CALLS)
@pytest.mark.parametrize("kind", ["aiobotocore's", "boto3's"])
async def test_the_underlying_clients_send_requester_pays_and_expected_owner(amazon, bucket, call, kind):
    options = {"request_payer": "requester", "expected_bucket_owner": ACCOUNT, "region": "eu-west-1"}
    options |= {"credentials": STRANGER, "verify": amazon.authority}
    asked = {"Bucket": "paid", **CLIENT_CALLS[call]}
    if kind == "boto3's":
        url = await asyncio.to_thread(through_boto3s, options, call, asked)
    else:
        url = await through_aiobotocores(options, call, asked)
    seen = amazon.requests[-1]
    assert seen.status < 300
    assert seen.headers["x-amz-request-payer"] == "requester"
    assert seen.headers["x-amz-expected-bucket-owner"] == ACCOUNT
    assert seen.headers.get("x-amz-source-expected-bucket-owner") == (ACCOUNT if "copy" in call else None)
    bucket.objects["d/x"] = Object(b"0123456789", '"e"')
    assert await asyncio.to_thread(fetched, url, amazon) == (200, b"0123456789")
