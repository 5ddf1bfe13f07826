"""The list of an account's buckets, on both transports: all pages, in order, whatever the server sends."""

from __future__ import annotations

import pytest

import aios3
from aios3._namespace.account import buckets_of
from scripted import Scripted, response, xml

ACCOUNT = aios3.S3Url("")
CREDENTIALS = aios3.Credentials("AKID", "secret")


@pytest.fixture(params=["auto", "aiobotocore"])
def transport(request):
    return request.param


def page(*names: str, created: str = "2015-10-21T07:28:00.000Z", **fields: str) -> bytes:
    each = "".join(
        f"<Bucket><Name>{name}</Name><CreationDate>{created}</CreationDate><BucketRegion>eu-west-1</BucketRegion></Bucket>"
        for name in names
    )
    return response(body=xml("ListAllMyBucketsResult", Buckets=each, Owner="<ID>1</ID>", **fields))


def to(server: Scripted, transport: str, **more: object) -> aios3.Session:
    options = {"endpoint_url": server.url, "region": "eu-west-1", "credentials": CREDENTIALS, "max_attempts": 1}
    return aios3.Session(transport=transport, **options, **more)


async def test_all_pages_become_one_list_in_order(transport):
    async with (
        Scripted(page("b", "a", ContinuationToken="t/+ ="), page("aa")) as server,
        to(server, transport, request_payer="requester", expected_bucket_owner="111122223333") as session,
    ):
        listed = await buckets_of(session, ACCOUNT)
    assert [(bucket.name, bucket.created) for bucket in listed] == [(name, 1445412480.0) for name in ("a", "aa", "b")]
    assert server.requests[0].target in {"/", "/?x-id=ListBuckets"}
    assert "continuation-token=t%2F%2B%20%3D" in server.requests[1].target
    for request in server.requests:
        assert not {"x-amz-request-payer", "x-amz-expected-bucket-owner"} & set(request.headers)


async def test_a_list_that_leads_back_to_the_same_page_does_not_loop(transport):
    pages = page("b", ContinuationToken="t"), page("a", ContinuationToken="t")
    async with Scripted(*pages) as server, to(server, transport) as session:
        with pytest.raises(aios3.ServerError, match="again"):
            await buckets_of(session, ACCOUNT)


async def test_an_account_without_buckets_has_an_empty_list(transport):
    async with Scripted(page()) as server, to(server, transport) as session:
        assert list(await buckets_of(session, ACCOUNT)) == []


@pytest.mark.parametrize("created", ["", "yesterday"])
async def test_a_bucket_without_a_time_is_an_error(transport, created):
    async with Scripted(page("b", created=created)) as server, to(server, transport) as session:
        with pytest.raises(aios3.ServerError, match=r"ListBuckets s3://"):
            await buckets_of(session, ACCOUNT)


@pytest.mark.parametrize(("code", "status"), [("AuthorizationHeaderMalformed", 400), ("PermanentRedirect", 301)])
async def test_a_rejection_that_names_a_region_is_followed_natively(transport, code, status):
    body = xml("Error", Code=code, Message="no", Region="eu-central-1")
    async with Scripted(response(status, body), page("a")) as server, to(server, transport) as session:
        if transport == "aiobotocore":  # botocore signs for the region of its client
            with pytest.raises(aios3.S3Error) as caught:
                await buckets_of(session, ACCOUNT)
            assert caught.value.code == code
            assert len(server.requests) == 1
        else:
            assert [bucket.name for bucket in await buckets_of(session, ACCOUNT)] == ["a"]
            assert "/eu-central-1/s3/" in server.requests[1].headers["authorization"]


async def test_a_rejection_asks_no_bucket_for_its_region(transport):
    rejection = response(403, xml("Error", Code="AccessDenied", Message="no"))
    async with Scripted(rejection) as server, to(server, transport) as session:
        with pytest.raises(aios3.AccessDeniedError, match=r"ListBuckets s3://"):
            await buckets_of(session, ACCOUNT)
    assert len(server.requests) == 1


async def test_every_way_to_list_them_is_the_same(aios3_server, transport):
    paths = [aios3_server.create_bucket(f"listed-{transport}-{number}") for number in (2, 1)]
    config = aios3_server.config | {"transport": transport}
    async with aios3.Session(**config) as session:
        listed = [entry.path async for entry in aios3.scandir("s3://", session=session)]
        assert set(paths) <= set(listed)
        assert listed == sorted(listed)
        assert [str(each.url) async for each in aios3.Bucket.list_buckets(session=session)] == listed
        await aios3.access("s3://", session=session)
        (how,) = session.describe().values()
        assert how.transport == ("aiobotocore" if transport == "aiobotocore" else "native")
