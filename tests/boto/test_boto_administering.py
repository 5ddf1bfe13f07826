"""Administration through aiobotocore: where a bucket is made, and what goes with a document."""

from __future__ import annotations

import base64
import hashlib
from xml.etree import ElementTree as ET

import pytest
from boto_calls import to

from aios3._backend import DeleteFailure, ObjectVersion
from aios3._paths import S3Url
from aios3.errors import BucketExistsError, RequestError
from scripted import Scripted, response, xml

BUCKET = S3Url("bucket")
ELSEWHERE = response(400, xml("Error", Code="IllegalLocationConstraintException", Message="elsewhere"))
DOCUMENTS = {
    "PutBucketCors": {"CORSConfiguration": {"CORSRules": [{"AllowedMethods": ["GET"], "AllowedOrigins": ["*"]}]}},
    "PutBucketLifecycleConfiguration": {"LifecycleConfiguration": {"Rules": [{"ID": "a", "Status": "Enabled"}]}},
    "PutBucketPolicy": {"Policy": "{}"},
    "PutBucketTagging": {"Tagging": {"TagSet": [{"Key": "a", "Value": "b"}]}},
    "PutBucketVersioning": {"VersioningConfiguration": {"Status": "Enabled"}},
}


async def administer(server: Scripted, operation: str, parameters: dict, **options):
    backend = to(server, **options)
    try:
        return await backend.call_operation(operation, BUCKET, parameters)
    finally:
        await backend.aclose()


def region_in(body: bytes) -> str | None:
    found = [element.text for element in ET.fromstring(body).iter() if element.tag.endswith("LocationConstraint")]
    return found[0] if found else None


@pytest.mark.parametrize("operation", DOCUMENTS)
async def test_a_document_goes_with_an_md5_that_old_servers_insist_on(operation):
    async with Scripted(response()) as server:
        await administer(server, operation, DOCUMENTS[operation])
    [request] = server.requests
    assert request.method == "PUT"
    assert request.headers["content-md5"] == base64.b64encode(hashlib.md5(request.body).digest()).decode()
    assert not [name for name in request.headers if "checksum" in name]


async def test_a_server_without_regions_gets_none():
    async with Scripted(response()) as server:
        await administer(server, "CreateBucket", {}, region="eu-west-1")
    assert [request.body for request in server.requests] == [b""]


async def test_a_server_that_requires_the_region_gets_it():
    async with Scripted(ELSEWHERE, response()) as server:
        await administer(server, "CreateBucket", {}, region="eu-west-1")
    assert server.requests[0].body == b""
    assert region_in(server.requests[1].body) == "eu-west-1"


@pytest.mark.parametrize(("region", "told"), [("eu-west-1", "eu-west-1"), ("us-east-1", None)])
async def test_amazon_gets_the_region_in_the_first_request_except_us_east_1(monkeypatch, region, told):
    async def is_aws(_source) -> bool:
        return True

    monkeypatch.setattr("aios3._boto.client_source.ClientSource.is_aws", is_aws)
    async with Scripted(response()) as server:
        await administer(server, "CreateBucket", {}, region=region)
    [request] = server.requests
    assert (region_in(request.body) if request.body else None) == told


async def test_other_rejections_are_not_followed_by_another_request():
    async with Scripted(response(409, xml("Error", Code="BucketAlreadyExists", Message="taken"))) as server:
        with pytest.raises(BucketExistsError):
            await administer(server, "CreateBucket", {})
    assert len(server.requests) == 1
    async with Scripted(ELSEWHERE, ELSEWHERE) as server:
        with pytest.raises(RequestError):
            await administer(server, "CreateBucket", {}, region="eu-west-1")
    assert len(server.requests) == 2


async def test_versions_are_named_in_a_bulk_delete_and_each_response_is_looked_at():
    rejected = (
        b"<DeleteResult><Error><Key>a</Key><VersionId>2</VersionId><Code>AccessDenied</Code><Message>no</Message>"
        b"</Error><Error><Key>b</Key><VersionId>1</VersionId><Code>NoSuchVersion</Code></Error>"
        b"<Deleted><Key>a</Key><VersionId>1</VersionId></Deleted></DeleteResult>"
    )
    async with Scripted(response(body=rejected)) as server:
        backend = to(server)
        versions = [ObjectVersion(key, version, 1.0) for key, version in (("a", "1"), ("a", "2"), ("b", "1"))]
        assert await backend.delete_versions(BUCKET, versions) == [DeleteFailure("a", "AccessDenied", "no", "2")]
        await backend.aclose()
    [request] = server.requests
    named = [element.text for element in ET.fromstring(request.body).iter() if not len(element)]
    assert named == ["a", "1", "a", "2", "b", "1", "false"]


async def test_a_bucket_that_cannot_be_made_in_a_region_is_not_said_to_be_elsewhere():
    async with Scripted(ELSEWHERE, ELSEWHERE) as server:
        with pytest.raises(RequestError) as caught:
            await administer(server, "CreateBucket", {})
    assert caught.value.code == "IllegalLocationConstraintException"
    assert "does not say where" not in str(caught.value)
    assert [request.method for request in server.requests] == ["PUT", "PUT"]
