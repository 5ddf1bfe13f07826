"""Amazon's partitions beside the commercial one: every region of botocore's, asked as botocore would ask it.

No name of them leads to the server of these tests, so addresses and signatures are compared, and nothing is sent.
"""

from __future__ import annotations

import asyncio

import botocore.session
import pytest

import aios3
from aios3 import Config, Credentials, S3Url
from aios3._backend import GetOptions
from aios3._boto import BotoBackend
from aios3._endpoints import is_aws
from aios3._http.endpoint_cache import endpoint_of
from aios3._http.requests import head_object, path_of
from aios3._regions import parse_region
from settings_oracle import LOADER, SIGNED, loader

KEYS = Credentials("AKID", "nobody-may-see-this")
PARTITIONS = LOADER.load_data("partitions")["partitions"]
REGIONS = [
    region
    for partition in PARTITIONS
    for region in partition["regions"]
    if partition["id"] != "aws" and not region.endswith("-global")
]
HOW = {
    "as it is": {},
    "path style": {"addressing_style": "path"},
    "dual stack": {"AWS_USE_DUALSTACK_ENDPOINT": "true"},
    "FIPS": {"AWS_USE_FIPS_ENDPOINT": "true"},
}
BUCKETS = ("bucket", "bu.cket")


def by_botocore(region, bucket, options):
    """Return URL, region and service of what botocore would send; None where it rejects."""
    style = {"s3": {"addressing_style": options["addressing_style"]}} if "addressing_style" in options else {}
    session = botocore.session.Session()
    session.register_component("data_loader", loader())
    config = botocore.config.Config(signature_version="s3v4", **style)
    keys = {"aws_access_key_id": KEYS.access_key, "aws_secret_access_key": KEYS.secret_key}
    seen = []

    def look(request, **_):
        seen.append(request)
        raise InterruptedError

    try:
        client = session.create_client("s3", region_name=region, config=config, **keys)
        client.meta.events.register_first("before-send.s3", look)
        client.head_object(Bucket=bucket, Key="a b/k")
    except InterruptedError:
        signed = SIGNED.search(seen[0].headers["Authorization"].decode())
        return seen[0].url, signed[2]
    except botocore.exceptions.BotoCoreError:
        return None


async def by_us(region, bucket, options):
    """Return the same of our own connections."""
    arguments = {name: value for name, value in options.items() if name.islower()}
    async with aios3.Session(region=region, credentials=KEYS, **arguments) as session:
        try:
            address = await session.address(S3Url(bucket))
        except aios3.ConfigError:
            return None
    place = endpoint_of(address, bucket)
    path = path_of(head_object(S3Url(bucket, "a b/k"), GetOptions()), place)
    return place.url + path, place.region


@pytest.mark.parametrize("region", REGIONS)
@pytest.mark.parametrize("how", HOW)
async def test_a_bucket_is_where_botocore_would_look_for_it(region, how, monkeypatch):
    for name, value in HOW[how].items():
        if name.isupper():
            monkeypatch.setenv(name, value)
    for bucket in BUCKETS:
        wanted = await asyncio.to_thread(by_botocore, region, bucket, HOW[how])
        assert await by_us(region, bucket, HOW[how]) == wanted


def test_every_partition_is_compared():
    assert {"aws-cn", "aws-us-gov", "aws-iso", "aws-iso-b", "aws-iso-e", "aws-iso-f", "aws-eusc"} <= {
        partition["id"] for partition in PARTITIONS
    }
    assert len(REGIONS) >= 12


@pytest.mark.parametrize(("configured", "home"), [("cn-north-1", "cn-northwest-1"), ("us-gov-west-1", "us-gov-east-1")])
async def test_a_region_that_a_server_names_leads_to_its_endpoint_in_the_partition(configured, home):
    async with aios3.Session(region=configured, credentials=KEYS) as session:
        await session.address(S3Url("bucket"))
        session._transports[None]._regions.set("bucket", home)
        address = await session.address(S3Url("bucket"))
    oracle = BotoBackend(Config(region=home, credentials=KEYS), None, asyncio.Semaphore(1))
    assert address == await oracle.address_of("bucket")
    await oracle.aclose()


@pytest.mark.parametrize("partition", PARTITIONS, ids=lambda partition: partition["id"])
def test_its_domains_are_amazons(partition):
    region = next(iter(partition["regions"]))
    for domain in (partition["outputs"]["dnsSuffix"], partition["outputs"]["dualStackDnsSuffix"]):
        for url in (f"https://bucket.s3.{region}.{domain}/", f"https://s3.{region}.{domain}:443"):
            assert is_aws(url), url
        assert not is_aws(f"https://s3.{region}.{domain}.example")
        assert not is_aws(f"https://s3{domain}")


@pytest.mark.parametrize("partition", PARTITIONS, ids=lambda partition: partition["id"])
def test_the_region_is_read_from_the_endpoint_in_an_error_response(partition):
    for region in partition["regions"]:
        if region.endswith("-global"):
            continue
        outputs = partition["outputs"]
        for host in (
            f"bucket.s3.{region}.{outputs['dnsSuffix']}",
            f"s3.dualstack.{region}.{outputs['dnsSuffix']}",
            f"s3-{region}.{outputs['dnsSuffix']}",
        ):
            assert parse_region(None, None, host) == region
            assert parse_region(None, None, f"{host}.example") is None
