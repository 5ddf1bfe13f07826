"""Names that need another host or service than S3's go where botocore would send them, signed as it would sign."""

from __future__ import annotations

import asyncio

import pytest

import aios3
from aios3 import Config, Credentials, S3Url
from aios3._boto import BotoBackend
from aios3._http.requests import copy_source
from servers.amazon_objects import Object

KEYS = Credentials("AKID", "nobody-may-see-this")
ACCOUNT = "123456789012"
POINT = f"arn:aws:s3:us-west-2:{ACCOUNT}:accesspoint:point"
LAMBDA = f"arn:aws:s3-object-lambda:us-west-2:{ACCOUNT}:accesspoint:point"
OUTPOST = f"arn:aws:s3-outposts:us-west-2:{ACCOUNT}:outpost:op-01234567890123456:accesspoint:point"
EVERYWHERE = f"arn:aws:s3::{ACCOUNT}:accesspoint:mfzwi23gnjvgw.mrap"
ON_OUTPOST = "test-accessp-o0b1d075431d83bebde8xz5w8ijx1qzlbp3i3kuse10--op-s3"
DIRECTORY = "directory--usw2-az1--x-s3"

NAMES = [
    "plain",
    "with.dot",
    "Old_Name",
    "point-1234567890abc-s3alias",
    "lambda-1234567890abc--ol-s3",
    "tables--table-s3",
    "kind-to-come--zz-s3",
    "name--x-s3-and-more",
    "x--op-s3",
    ON_OUTPOST,
    DIRECTORY,
    "point--usw2-az1--xa-s3",
    "mfzwi23gnjvgw.mrap",
    POINT,
    LAMBDA,
    OUTPOST,
    EVERYWHERE,
]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("transport", ["auto", "aiobotocore"])
@pytest.mark.parametrize(
    "how",
    [
        {},
        {"addressing_style": "path"},
        {"addressing_style": "virtual"},
        {"endpoint_url": "https://storage.example.com"},
        {"region": "us-east-1"},
    ],
    ids=str,
)
async def test_a_bucket_is_located_as_by_botocore_and_nothing_is_sent(amazon, transport, how, name):
    config = Config(**{"region": "us-west-2", "credentials": KEYS, "verify": amazon.authority, **how})
    oracle = BotoBackend(config, None, asyncio.Semaphore(1))
    async with aios3.Session(config, transport=transport) as session:
        address, wanted = await outcome(session.address(S3Url(name))), await outcome(oracle.address_of(name))
        assert address == wanted
    await oracle.aclose()
    assert amazon.requests == []


async def outcome(asked):
    try:
        return await asked
    except aios3.S3Error as error:
        return type(error), error.message


def seen(amazon):
    found = [
        (each.method, each.host, each.target.partition("?")[0], each.region, each.service) for each in amazon.requests
    ]
    amazon.requests.clear()
    return found


@pytest.fixture(params=[POINT, LAMBDA, "point-1234567890abc-s3alias"], ids=["access point", "object lambda", "alias"])
def point(request, amazon):
    """A way to the bucket "behind" that is no bucket's name."""
    bucket = amazon.add_bucket("behind", "us-west-2")
    bucket.objects["a/x y"] = Object(b"0123456789", '"e"')
    for name in (f"point-{ACCOUNT}", request.param):
        amazon.aliases[name] = "behind"
    return request.param


@pytest.mark.parametrize("region", ["us-west-2", "eu-west-1"])
async def test_an_access_point_is_read_written_and_listed_where_boto3_goes(amazon, boto, face, point, region):
    client = boto(region)
    client.get_object(Bucket=point, Key="a/x y")
    client.list_objects_v2(Bucket=point)
    client.put_object(Bucket=point, Key="new", Body=b"1")
    client.copy_object(Bucket=point, Key="copied", CopySource={"Bucket": point, "Key": "a/x y"})
    wanted = seen(amazon)
    surface, path = face(region), f"s3://{point}"
    assert await surface.read_bytes(f"{path}/a/x y") == b"0123456789"
    assert f"{path}/a/x y" in [each async for each in surface.scan(path)]
    await surface.write_bytes(f"{path}/new", b"2")
    await surface.copy(f"{path}/a/x y", f"{path}/copied")
    found = [each for each in seen(amazon) if each[0] != "HEAD"]
    redirected = [each for each in found if each[3] == "eu-west-1"]
    assert [each for each in found if each not in redirected] == [each for each in wanted if each[3] != "eu-west-1"]
    assert amazon.buckets["behind"].objects["copied"].body == b"0123456789"


async def test_every_verb_takes_an_access_point(amazon, face):
    bucket = amazon.add_bucket("behind", "us-west-2")
    amazon.aliases |= {f"point-{ACCOUNT}": "behind", POINT: "behind"}
    surface = face("us-west-2", part_size=5 << 20)
    slashed = f"s3://arn:aws:s3:us-west-2:{ACCOUNT}:accesspoint/point"
    await surface.write_bytes(f"{slashed}/d/big", bytes(6 << 20))
    await surface.write_bytes(f"{slashed}/d/small", b"1")
    assert (await surface.stat(f"s3://{POINT}/d/small")).size == 1
    assert [each async for each in surface.glob(f"{slashed}/*/s*")] == [f"s3://{POINT}/d/small"]
    assert sorted(await surface.listdir(f"{slashed}/d")) == ["big", "small"]
    await surface.move(f"{slashed}/d/small", f"s3://{POINT}/e/small")
    assert sorted(bucket.objects) == ["d/big", "e/small"]
    await surface.remove(f"{slashed}/d")
    assert sorted(bucket.objects) == ["e/small"]
    assert f"point-{ACCOUNT}.s3-accesspoint.us-west-2" in await surface.presign(f"s3://{POINT}/e/small")


async def test_a_directory_bucket_is_read_and_written_with_a_session(amazon, face):
    bucket = amazon.add_bucket(DIRECTORY, "us-west-2")
    surface = face("us-west-2")
    await surface.write_bytes(f"s3://{DIRECTORY}/d/x", b"1")
    assert await surface.read_bytes(f"s3://{DIRECTORY}/d/x") == b"1"
    assert sorted(bucket.objects) == ["d/x"]
    assert {each.service for each in amazon.requests} == {"s3express"}
    assert all(each.status < 300 for each in amazon.requests)


async def test_a_directory_bucket_is_listed_by_directories_only(amazon, face):
    bucket = amazon.add_bucket(DIRECTORY, "us-west-2")
    keys = [f"d/{number:04}" for number in range(2500)] + ["d/e/x", "do", "e/x"]
    for key in keys:
        bucket.objects[key] = Object(b"1", '"e"')
    surface, path = face("us-west-2"), f"s3://{DIRECTORY}"
    assert sorted([each async for each in surface.scan(f"{path}/d")]) == sorted(f"{path}/{key}" for key in keys[:2501])
    found = sorted([each async for each in surface.glob(f"{path}/d/000*")])
    assert found == [f"{path}/d/{number:04}" for number in range(10)]
    assert sorted([each async for each in surface.glob(f"{path}/d*")]) == [f"{path}/d", f"{path}/do"]
    assert (await surface.exists(f"{path}/d"), await surface.isdir(f"{path}/d/e")) == (True, True)
    assert all(each.status in {200, 206, 404} for each in amazon.requests)


@pytest.mark.parametrize(
    ("text", "bucket", "key"),
    [
        (f"s3://{POINT}", POINT, ""),
        (f"s3://{POINT}/", POINT, ""),
        (f"s3://{POINT}/a/b", POINT, "a/b"),
        (f"s3://arn:aws:s3:us-west-2:{ACCOUNT}:accesspoint/point/a:b/c", POINT, "a:b/c"),
        (f"s3://{POINT}/x\ny//z", POINT, "x\ny//z"),
        (f"s3://{EVERYWHERE}/k", EVERYWHERE, "k"),
        (f"s3://{LAMBDA}/k", LAMBDA, "k"),
        (f"s3://{OUTPOST}/k", OUTPOST, "k"),
        (f"s3://{OUTPOST.replace('outpost:', 'outpost/').replace('accesspoint:', 'accesspoint/')}/k", OUTPOST, "k"),
        (
            f"s3://arn:aws-us-gov:s3:us-gov-west-1:{ACCOUNT}:accesspoint:p/k",
            f"arn:aws-us-gov:s3:us-gov-west-1:{ACCOUNT}:accesspoint:p",
            "k",
        ),
    ],
)
def test_the_arn_of_an_access_point_stands_for_a_bucket(text, bucket, key):
    url = S3Url.parse(text)
    assert (url.bucket, url.key) == (bucket, key)
    assert S3Url.parse(str(url)) == url
    assert S3Url.parse(text.replace("s3://", "s3+me://")) == S3Url(bucket, key, "me")


@pytest.mark.parametrize(
    ("arn", "words"),
    [
        ("arn:aws:s3:::bucket/key", "write 's3://bucket/key'"),
        (f"arn:aws:sns:us-west-2:{ACCOUNT}:topic", "no ARN of an access point"),
        ("arn:aws:s3:us-west-2:12345:accesspoint:p/k", "no ARN of an access point"),
        (f"arn:aws:s3:us-west-2:{ACCOUNT}:accesspoint", "no ARN of an access point"),
        (f"arn:aws:s3:us-west-2:{ACCOUNT}:job/p/k", "no ARN of an access point"),
        ("arn:", "no ARN of an access point"),
        (f"arn:aws:s3-outposts:us-west-2:{ACCOUNT}:outpost:op-1:bucket:b/k", "no ARN of an access point"),
    ],
)
def test_an_arn_of_anything_else_is_rejected_with_what_to_write(arn, words):
    with pytest.raises(aios3.InvalidPathError) as caught:
        S3Url.parse(f"s3://{arn}")
    assert words in str(caught.value)
    assert arn in str(caught.value)


def test_paths_join_and_part_at_the_name_of_the_access_point():
    path = aios3.S3Path(f"s3://{POINT}/a/b")
    assert (path.bucket, path.key, path.name, str(path.parent)) == (POINT, "a/b", "b", f"s3://{POINT}/a")
    assert str(path.parent.parent.parent).rstrip("/") == f"s3://{POINT}"
    assert aios3.path_join(f"s3://{POINT}", "a", "b") == f"s3://{POINT}/a/b"
    assert str(path / "c") == f"s3://{POINT}/a/b/c"


async def test_a_copy_names_an_access_point_as_botocore_does(amazon, boto):
    bucket = amazon.add_bucket("behind", "us-west-2")
    amazon.aliases |= {f"point-{ACCOUNT}": "behind", POINT: "behind"}
    bucket.objects["a b/ä"] = Object(b"x", '"e"')
    boto("us-west-2").copy_object(Bucket="behind", Key="y", CopySource={"Bucket": POINT, "Key": "a b/ä"})
    assert copy_source(S3Url(POINT, "a b/ä")) == amazon.requests[-1].headers["x-amz-copy-source"]
