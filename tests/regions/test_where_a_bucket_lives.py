"""A bucket in another region than the configured one is found: once, by the rules for endpoints, as boto3 finds it."""

from __future__ import annotations

import asyncio

import pytest
from botocore.exceptions import ClientError

import aios3
from servers.amazon import ANOTHER_ACCOUNT
from servers.amazon_objects import Object, rejection

MIB = 1024 * 1024
BIG = bytes(range(256)) * 4 * 6 * 1024  # 6 MiB: two parts

WRONG = {
    "virtual host, 301": {"region": "eu-west-1", "home": "eu-central-1"},
    "virtual host, back to us-east-1": {"region": "eu-west-1", "home": "us-east-1"},
    "global endpoint, 400": {"region": "us-east-1", "home": "eu-central-1"},
    "path style, 301": {"region": "us-east-1", "home": "eu-west-1", "addressing_style": "path"},
    "a dot in the name": {"region": "us-east-1", "home": "eu-west-1", "name": "with.dot"},
    "a young bucket, 307": {"region": "us-east-1", "home": "eu-central-1", "young": True},
    "an opt-in region, 400": {"region": "eu-west-1", "home": "af-south-1"},
    "dualstack": {"region": "eu-west-1", "home": "eu-central-1", "environ": "AWS_USE_DUALSTACK_ENDPOINT"},
    "FIPS": {"region": "us-east-1", "home": "us-west-2", "environ": "AWS_USE_FIPS_ENDPOINT"},
    "anonymous": {"region": "eu-west-1", "home": "eu-central-1", "public": True},
}
VERBS = {
    "read": [("get_object", {"Key": "x"})],
    "stat": [("head_object", {"Key": "x"})],
    "write": [("put_object", {"Key": "x", "Body": b"new"})],
    "list": [("list_objects_v2", {})],
    "remove": [("head_object", {"Key": "x"}), ("delete_object", {"Key": "x"})],
    "bucket": [("head_bucket", {})],
}


async def do(surface, verb, path):
    """Do with aios3 what ``VERBS`` does with boto3."""
    if verb == "read":
        assert await surface.read_bytes(path) == b"0123456789"
    elif verb == "stat":
        assert (await surface.stat(path)).size == 10
    elif verb == "write":
        await surface.write_bytes(path, b"new")
    elif verb == "list":
        assert [each async for each in surface.scan(path.rpartition("/")[0])] == [path]
    elif verb == "remove":
        await surface.remove(path)
    else:
        assert await surface.bucket_at(path.rpartition("/")[0]).exists()


def route(amazon):
    """Where requests went, what they were signed for, and the responses; ranges get 206 instead of 200."""
    seen = [
        (each.method, each.host, each.region, 200 if each.status == 206 else each.status) for each in amazon.requests
    ]
    amazon.requests.clear()
    return seen


def placed(amazon, how, **more):
    name = how.get("name", "bucket-elsewhere")
    bucket = amazon.add_bucket(
        name, how["home"], young=how.get("young", False), public=how.get("public", False), **more
    )
    fill(bucket)
    return bucket


def fill(bucket):
    bucket.objects.clear()
    bucket.objects["x"] = Object(b"0123456789", '"781e5e245d69b566979b86e28d23f2c7"')


def options_of(how):
    options = {"region": how["region"], "addressing_style": how.get("addressing_style", "auto")}
    return options | ({"credentials": "anonymous"} if how.get("public") else {})


def oracle(boto, how):
    s3 = {"addressing_style": how["addressing_style"]} if "addressing_style" in how else {}
    keys = {"keys": None} if how.get("public") else {}
    return boto(how["region"], s3=s3 | {"us_east_1_regional_endpoint": "legacy"}, **keys)


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("how", WRONG.values(), ids=WRONG)
async def test_the_first_request_goes_where_boto3_goes_and_the_next_ones_go_there_at_once(
    amazon, boto, face, monkeypatch, how, verb
):
    if "environ" in how:
        monkeypatch.setenv(how["environ"], "true")
    bucket = placed(amazon, how)
    client = oracle(boto, how)
    for operation, parameters in VERBS[verb]:
        getattr(client, operation)(Bucket=bucket.name, **parameters)
    wanted = route(amazon)
    assert len(wanted) == 1 + len(VERBS[verb]), "boto3 is to be sent away once"
    surface = face(**options_of(how))
    fill(bucket)
    await do(surface, verb, f"s3://{bucket.name}/x")
    assert route(amazon) == wanted
    fill(bucket)
    for again in VERBS:
        await do(surface, again, f"s3://{bucket.name}/x")
        fill(bucket)
    assert {(*each[1:3], each[3] < 300) for each in route(amazon)} == {(*wanted[-1][1:3], True)}


@pytest.mark.parametrize("how", WRONG.values(), ids=WRONG)
async def test_an_upload_in_parts_and_copies_between_regions_arrive_whole(amazon, face, monkeypatch, how):
    if "environ" in how:
        monkeypatch.setenv(how["environ"], "true")
    bucket, other = placed(amazon, how), amazon.add_bucket("other-bucket", "us-west-2", public=True)
    surface = face(part_size=5 * MIB, **options_of(how))
    await surface.write_bytes(f"s3://{bucket.name}/big", BIG)
    assert bucket.objects["big"].body == BIG
    await surface.copy(f"s3://{bucket.name}/big", "s3://other-bucket/copied")
    await surface.copy("s3://other-bucket/copied", f"s3://{bucket.name}/back")
    assert other.objects["copied"].body == bucket.objects["back"].body == BIG
    assert bucket.uploads == other.uploads == {}
    rejected = [each for each in amazon.requests if each.status >= 300]
    assert len(rejected) == 2, "each bucket is to be looked for once"


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("region", ["eu-west-1", "us-east-1"])
async def test_a_bucket_is_asked_once_where_a_rejection_does_not_name_its_region(amazon, face, region, verb):
    bucket = placed(amazon, {"home": "eu-central-1"}, tells="head-bucket")
    surface = face(region)
    outcomes = (do(surface, verb, "s3://bucket-elsewhere/x") for _ in range(8))
    failed = [each for each in await asyncio.gather(*outcomes, return_exceptions=True) if each]
    assert all(verb == "remove" and isinstance(each, aios3.ObjectNotFoundError) for each in failed)
    questions = [
        each for each in amazon.requests if each.method == "HEAD" and each.target == "/" and each.status >= 300
    ]
    if verb == "bucket":
        assert 1 <= len(questions) <= 8
    else:
        assert len(questions) <= 1
    amazon.requests.clear()
    fill(bucket)
    await do(surface, verb, "s3://bucket-elsewhere/x")
    assert all(each.status < 300 for each in amazon.requests)


@pytest.mark.parametrize("verb", VERBS)
async def test_a_rejection_that_names_no_region_says_so_and_ends(amazon, face, verb):
    placed(amazon, {"home": "eu-central-1"}, tells="never")
    surface = face("eu-west-1")
    with pytest.raises(aios3.RequestError) as caught:
        await do(surface, verb, "s3://bucket-elsewhere/x")
    for words in ("s3://bucket-elsewhere", "'eu-west-1'", "does not say where", "region="):
        assert words in str(caught.value)
    assert len(amazon.requests) <= 2


@pytest.mark.parametrize("verb", VERBS)
async def test_a_region_that_does_not_exist_is_not_kept(amazon, face, verb):
    bucket = placed(amazon, {"home": "eu-central-1"}, told="eu-nowhere-9")
    surface = face("eu-west-1")
    with pytest.raises(aios3.ConnectionFailedError, match="eu-nowhere-9"):
        await do(surface, verb, "s3://bucket-elsewhere/x")
    bucket.told = None
    await do(surface, verb, "s3://bucket-elsewhere/x")


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("told", ["evil.example.com/", "eu-west-1.evil.example.com", "EU", "x" * 99, "eu west"])
async def test_an_invalid_region_name_is_ignored(amazon, face, verb, told):
    placed(amazon, {"home": "eu-central-1"}, told=told, tells="always")
    surface = face("eu-west-1")
    with pytest.raises(aios3.S3Error):
        await do(surface, verb, "s3://bucket-elsewhere/x")
    assert {each.host for each in amazon.requests} == {"bucket-elsewhere.s3.eu-west-1.amazonaws.com"}


@pytest.mark.parametrize("verb", VERBS)
async def test_a_first_wrong_region_leads_on_to_the_right_one(amazon, face, verb):
    bucket = placed(amazon, {"home": "us-west-2"}, told="eu-central-1")

    surface = face("eu-west-1")
    amazon.on_rejection = lambda responded: setattr(bucket, "told", None)
    await do(surface, verb, "s3://bucket-elsewhere/x")
    hosts = [each.host for each in amazon.requests]
    assert hosts[:3] == [
        f"bucket-elsewhere.s3.{region}.amazonaws.com" for region in ("eu-west-1", "eu-central-1", "us-west-2")
    ]


async def test_a_bucket_that_was_made_anew_in_another_region_is_found_again(amazon, face):
    fill(amazon.add_bucket("moving", "eu-central-1"))
    surface = face("eu-west-1")
    assert await surface.read_bytes("s3://moving/x") == b"0123456789"
    for region in ("us-west-2", "eu-west-1", "us-east-1"):
        fill(amazon.add_bucket("moving", region))
        amazon.requests.clear()
        await do(surface, "read", "s3://moving/x")
        assert len(amazon.requests) == 2
        assert amazon.requests[-1].region == region


@pytest.mark.parametrize("verb", VERBS)
async def test_an_endpoint_that_was_set_stays_and_the_signature_follows(amazon, face, verb):
    amazon.home = "eu-central-1"
    placed(amazon, {"home": "eu-central-1"})
    surface = face("eu-west-1", endpoint_url=amazon.url)
    await do(surface, verb, "s3://bucket-elsewhere/x")
    assert {each.host for each in amazon.requests} == {f"localhost:{amazon.port}"}
    later = [each.region for each in amazon.requests[1:]]
    assert (amazon.requests[0].region, set(later)) == ("eu-west-1", {"eu-central-1"})


@pytest.mark.parametrize("verb", VERBS)
async def test_an_endpoint_of_another_region_fails_with_the_truth_each_time(amazon, boto, face, verb):
    placed(amazon, {"home": "eu-central-1"})
    wrong = {"endpoint_url": "https://s3.eu-west-1.amazonaws.com"}
    operation, parameters = VERBS[verb][0]
    with pytest.raises(ClientError):
        getattr(boto("eu-west-1", **wrong), operation)(Bucket="bucket-elsewhere", **parameters)
    surface = face("eu-west-1", **wrong)
    for _ in range(2):
        with pytest.raises(aios3.S3Error) as caught:
            await do(surface, verb, "s3://bucket-elsewhere/x")
        for words in ("in region 'eu-central-1'", "'eu-west-1'", "set region='eu-central-1'", "endpoint_url"):
            assert words in str(caught.value)
        assert caught.value.bucket_region == "eu-central-1"


async def test_a_page_of_the_listing_and_the_rest_of_s3_know_what_reads_have_learnt(amazon, face):
    placed(amazon, {"home": "eu-central-1"})
    surface = face("eu-west-1")
    await do(surface, "read", "s3://bucket-elsewhere/x")
    amazon.requests.clear()
    url = await surface.presign("s3://bucket-elsewhere/x")
    assert "bucket-elsewhere.s3.eu-central-1.amazonaws.com" in url
    assert await surface.bucket_at("s3://bucket-elsewhere").list_uploads() == []
    assert all(each.status < 300 for each in amazon.requests)


async def test_no_credentials_go_to_the_host_that_a_response_names(amazon, face):
    bucket = placed(amazon, {"home": "eu-central-1"}, tells="never")

    def evil(asked):
        response = rejection(307, "TemporaryRedirect", "Go there", Endpoint="evil.s3.eu-central-1.example.com")
        return type(response)(307, response.body, {"location": f"{amazon.url}/bucket-elsewhere/stolen"}, response.code)

    bucket.region = "eu-west-1"
    amazon.on_request = evil
    surface = face("eu-west-1")
    for verb in VERBS:
        with pytest.raises(aios3.RequestError):
            await do(surface, verb, "s3://bucket-elsewhere/x")
    assert {each.host for each in amazon.requests} == {"bucket-elsewhere.s3.eu-west-1.amazonaws.com"}


@pytest.mark.parametrize("verb", VERBS)
async def test_an_unauthorized_caller_gets_access_denied_and_no_region_error(amazon, face, verb):
    amazon.add_key("STRANGER", "secret", account=ANOTHER_ACCOUNT)
    placed(amazon, {"home": "eu-central-1"})
    surface = face("eu-west-1", credentials=aios3.Credentials("STRANGER", "secret"))
    with pytest.raises(aios3.AccessDeniedError):
        await do(surface, verb, "s3://bucket-elsewhere/x")
    assert amazon.requests[-1].region == "eu-central-1"
